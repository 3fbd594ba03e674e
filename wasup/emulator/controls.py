"""Bodies of the control API: one class for each `POST /ctl/…`."""

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

__all__ = [
    "Ban",
    "Behaviour",
    "BreakPage",
    "ChangeGroup",
    "Chosen",
    "Disconnect",
    "EnterCode",
    "FailSends",
    "ForgetMedia",
    "Garble",
    "GivePicture",
    "Hang",
    "Incoming",
    "LoseAnswers",
    "MakeAccounts",
    "Meet",
    "Nothing",
    "ReadByOthers",
    "Restrict",
    "Scan",
    "Switch",
    "Typing",
    "Unavailable",
    "Unlink",
]

_MAX_COUNT: Final = 100_000

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=_MAX_COUNT)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=86_400 * 366)]


class Nothing(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A body without fields; base of the others."""


class Scan(Nothing):
    """A phone scans a QR code (its whole text, or the reference in it)."""

    qr: str
    phone: str


class EnterCode(Nothing):
    """A pairing code is typed on a phone."""

    code: str
    phone: str | None = None


class Incoming(Nothing):
    """Somebody writes to the account. `content` stands for `body`; an unknown type arrives as `unsupported`.

    `chat` is an id, or a bare number. `sender` names who writes in a group. With `count`, so many messages are
    written and `{n}` in the body is their number. `from_me`: the account's own phone writes.
    """

    chat: str
    body: str | None = None
    phone: str | None = None
    name: str | None = None
    id: str | None = None
    content: dict[str, Any] | None = None
    sender: str | None = None
    author: str | None = None  # another word for `sender`
    quoted_id: str | None = None
    from_me: bool = False
    timestamp: int | None = None
    count: Count = 1


class Chosen(Nothing):
    """An account, or all."""

    phone: str | None = None


class Unlink(Chosen):
    """The phone unlinks its clients."""

    reason: str = "device_removed"


class Hang(Chosen):
    """Stop answering and keep the socket open; `active` false ends it."""

    active: bool = True


class Ban(Chosen):
    """Ban for good, or for `temporary` seconds."""

    temporary: Seconds | None = None


class Unavailable(Nothing):
    """Connections get 503: the next `count`, or all for `seconds`; neither: until `active` is false."""

    active: bool = True
    count: Count | None = None
    seconds: Seconds | None = None


class Switch(Nothing):
    """On or off."""

    active: bool = True


class Disconnect(Chosen, kw_only=True):
    """End the connection with one of WhatsApp's numbers."""

    code: Annotated[int, msgspec.Meta(ge=400, le=599)]
    detail: str = "as the controls asked"
    seconds: Seconds | None = None


class Restrict(Chosen):
    """Sends that would start a new chat are refused (463) for so long."""

    seconds: Seconds = 3600.0


class FailSends(Chosen):
    """The next sends are refused."""

    count: Count = 1
    code: str = "refused"
    transient: bool = False


class LoseAnswers(Chosen):
    """The next sends are taken, and the line is cut before the answer."""

    count: Count = 1


class ChangeGroup(Nothing):
    """Make a group (without `id`), or change one. Participants are numbers or ids."""

    phone: str
    id: str | None = None
    subject: str | None = None
    participants: list[str] | None = None
    add: list[str] = []
    remove: list[str] = []
    admins: list[str] | None = None


class ReadByOthers(Nothing):
    """The other side reads the account's messages: the given ones, or all."""

    chat: str
    phone: str | None = None
    ids: list[str] | None = None


class Typing(Nothing):
    """Somebody writes, or stops."""

    chat: str
    phone: str | None = None
    active: bool = True


class Meet(Nothing):
    """The account learns of a person, or of more about one."""

    phone: str
    number: str
    name: str | None = None
    push_name: str | None = None
    lid: str | None = None
    by_lid: bool = False


class Garble(Chosen):
    """Something that is no frame goes out."""

    text: str = "{"


class Behaviour(Nothing):
    """How the people behave from now on; None leaves it."""

    echo: bool | None = None
    receipts: bool | None = None


class MakeAccounts(Nothing):
    """Accounts with a paired device each, for restored logins."""

    count: Count
    start_phone: str = "551190000000"


class BreakPage(Chosen, kw_only=True):
    """Break the page that plays WhatsApp Web: every page, or those of one account.

    At once, for open pages: `crash` (the renderer dies) and `hang` (it never answers again). At once and whenever a
    page loads, until `mend`: `module_missing` (`module` is gone) and `module_changed` (its `member`, or all of them,
    have other names: "WhatsApp changed"). For logins to come, until `mend`: `no_qr` (no QR code is ever offered),
    `slow_sync` (synchronising takes `seconds`) and `logout_during_sync`. For whoever loads the page, until `mend`:
    `leave` (the page goes elsewhere after `seconds`).
    """

    what: Literal[
        "crash", "hang", "module_missing", "module_changed", "no_qr", "slow_sync", "logout_during_sync", "leave"
    ]
    module: str | None = None
    member: str | None = None
    seconds: Seconds = 30.0


class GivePicture(Chosen, kw_only=True):
    """A person or a group shows a picture from the media store; without `ref`, none."""

    who: str
    ref: str | None = None


class ForgetMedia(Nothing):
    """The bytes are gone."""

    ref: str
