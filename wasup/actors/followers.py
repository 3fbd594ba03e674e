"""Those who are told what happens: what each wants to know, and what waits for it."""

from collections import deque
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
import trio

from wasup.actors.history import Happening
from wasup.ports.events import LoggedEvent

__all__ = ["SLOW", "SUPERVISION", "Audience", "Follower", "Interest", "Told", "told_event", "told_happening"]

SUPERVISION: Final = "supervision"
"""Kind of what the supervision tree has gone through; every other kind is the type of an event."""

SLOW: Final = "slow_reader"
"""Why a follower is dropped that does not take what it is told."""

K = TypeVar("K")

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """What somebody wants to be told.

    Attributes:
        kinds: types of events, and `supervision`.
        accounts: these accounts only.
        workspace_id: this workspace only; None for all.
    """

    kinds: frozenset[str]
    accounts: frozenset[int] | None = None
    workspace_id: int | None = None

    def covers(self, kind: str, account_id: int | None, workspace_id: int | None) -> bool:
        """Whether this is of interest: of an account of a workspace, or of none."""
        if kind not in self.kinds:
            return False
        if self.accounts is not None:
            return account_id in self.accounts
        return self.workspace_id in {None, workspace_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that is told, encoded once for all who are told it.

    Attributes:
        kind: type of the event, or `supervision`.
        account_id: whose event; 0 for supervision.
        number: the event's sequence, or the number of what happened in the tree.
        json: a `StoredEvent` or a `Happening`.
        settled: every event that was stamped before this time (UTC ms) has been told before.
    """

    kind: str
    account_id: int
    number: int
    json: bytes
    settled: int


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A `StoredEvent` whose payload is JSON already."""

    id: str
    account_id: int
    account_seq: int
    type: str
    data: msgspec.Raw
    created_at: int


def told_event(event: LoggedEvent, settled: int) -> Told:
    """An event of the log as it is told."""
    shown = _Shown(
        id=event.id,
        account_id=event.account_id,
        account_seq=event.account_seq,
        type=event.type,
        data=msgspec.Raw(event.body.encode()),
        created_at=event.created_at,
    )
    return Told(
        kind=event.type,
        account_id=event.account_id,
        number=event.account_seq,
        json=_encode(shown),
        settled=settled,
    )


def told_happening(happening: Happening) -> Told:
    """What happened in the tree, as it is told."""
    return Told(kind=SUPERVISION, account_id=0, number=happening.number, json=_encode(happening), settled=0)


class Follower:
    """Somebody who is told. What it has not taken yet waits here, up to a limit; over the limit it is dropped.

    Args:
        interest: what it wants to be told.
        most: things that may wait.
        most_bytes: their size.

    Attributes:
        ended: why it is told nothing any more; None while it is.
    """

    def __init__(self, interest: Interest, *, most: int, most_bytes: int) -> None:
        self.interest = interest
        self.ended: str | None = None
        self._most = most
        self._most_bytes = most_bytes
        self._waiting: deque[Told] = deque()
        self._bytes = 0
        self._more = trio.Event()

    def offer(self, told: Told) -> None:
        """Tell it; too much is the end."""
        if self.ended is None:
            self._waiting.append(told)
            self._bytes += len(told.json)
            if len(self._waiting) > self._most or self._bytes > self._most_bytes:
                self.end(SLOW)
            self._more.set()

    def end(self, why: str) -> None:
        """Tell it nothing any more, and forget what it has not taken."""
        if self.ended is None:
            self.ended = why
            self._waiting.clear()
            self._bytes = 0
            self._more.set()

    def take(self, most: int) -> list[Told]:
        """What waits, oldest first."""
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._bytes -= sum(len(told.json) for told in taken)
        return taken

    async def wait(self, seconds: float) -> None:
        """Wait until there is something to take, or the end, for so long at most."""
        if not self._waiting and self.ended is None:
            self._more = trio.Event()
            with trio.move_on_after(seconds):
                await self._more.wait()


class Audience:
    """All followers, found by what they follow."""

    def __init__(self) -> None:
        self._of_account: dict[int, set[Follower]] = {}
        self._of_workspace: dict[int | None, set[Follower]] = {}

    def add(self, follower: Follower) -> None:
        """Somebody more."""
        interest = follower.interest
        if interest.accounts is None:
            self._of_workspace.setdefault(interest.workspace_id, set()).add(follower)
        else:
            for account_id in interest.accounts:
                self._of_account.setdefault(account_id, set()).add(follower)

    def remove(self, follower: Follower) -> None:
        """Somebody less; one who is not there is no mistake."""
        interest = follower.interest
        if interest.accounts is None:
            _remove(self._of_workspace, interest.workspace_id, follower)
        else:
            for account_id in interest.accounts:
                _remove(self._of_account, account_id, follower)

    def of(self, kind: str, account_id: int | None, workspace_id: int | None) -> list[Follower]:
        """Whom something concerns: of this account of this workspace, or of none."""
        found = set(self._of_workspace.get(None, ()))
        if account_id is not None:
            found.update(self._of_account.get(account_id, ()))
        if workspace_id is not None:
            found.update(self._of_workspace.get(workspace_id, ()))
        return [follower for follower in found if kind in follower.interest.kinds]


def _remove(index: dict[K, set[Follower]], key: K, follower: Follower) -> None:
    there = index.get(key, set())
    there.discard(follower)
    if not there:
        index.pop(key, None)
