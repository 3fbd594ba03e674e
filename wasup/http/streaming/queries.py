"""What a client asks of a stream."""

from typing import Annotated, ClassVar, Final

import msgspec

from wasup.actors.followers import SUPERVISION
from wasup.http.cursors import MAX_ID, Id
from wasup.http.problems import invalid_field
from wasup.ports.events import EVENT_TYPES

__all__ = ["StreamQuery", "chosen_accounts", "chosen_kinds"]

_MOST_ACCOUNTS: Final = 100
_KINDS: Final = frozenset({*EVENT_TYPES, SUPERVISION})

Kinds = Annotated[str, msgspec.Meta(pattern=r"^[a-z.*,]+$", max_length=500)]
Ids = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,18}(,[1-9][0-9]{0,18})*$", max_length=2000)]


class StreamQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be told.

    Attributes:
        types: types of events, with commas between; `message.*` for all that begin so, `supervision` for what the
            tree goes through; without it all types of events.
        account_id: these accounts only, with commas between or given more than once; 100 at most.
        workspace_id: this workspace only, for admin keys.
        cursor: resume here, unless `Last-Event-ID` says so; without either the stream begins now.
    """

    repeatable: ClassVar[frozenset[str]] = frozenset({"types", "account_id"})

    types: Kinds | None = None
    account_id: Ids | None = None
    workspace_id: Id | None = None
    cursor: str | None = None


def chosen_kinds(types: str | None) -> frozenset[str]:
    """The kinds that a list of types names.

    Raises:
        Problem: 422, when there is none of that name.
    """
    if types is None:
        return frozenset(EVENT_TYPES)
    chosen: set[str] = set()
    for name in types.split(","):
        if name == "*":
            chosen.update(EVENT_TYPES)
            continue
        named = {kind for kind in _KINDS if kind == name or (name.endswith(".*") and kind.startswith(name[:-1]))}
        if not named:
            raise invalid_field(f"there is no type '{name}'", parameter="types")
        chosen.update(named)
    return frozenset(chosen)


def chosen_accounts(ids: str | None) -> frozenset[int] | None:
    """The accounts that a list names; None for all.

    Raises:
        Problem: 422, when they are too many, or no ids.
    """
    if ids is None:
        return None
    chosen = frozenset(int(one) for one in ids.split(","))
    if len(chosen) > _MOST_ACCOUNTS:
        raise invalid_field(f"names more than {_MOST_ACCOUNTS} accounts", parameter="account_id")
    if max(chosen) > MAX_ID:
        raise invalid_field("is no id", parameter="account_id")
    return chosen
