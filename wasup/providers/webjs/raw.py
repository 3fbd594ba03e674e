"""The events of the driver as they cross over: plain JSON, in WhatsApp's own words. `translate` makes sense of them.

Times are seconds, except where WhatsApp itself mixes them with milliseconds (`translate.milliseconds`).
"""

from typing import TypeAlias

import msgspec

__all__ = [
    "Acked",
    "Answer",
    "Boot",
    "Chat",
    "Contact",
    "ContactEvent",
    "Echo",
    "Edited",
    "Event",
    "Group",
    "GroupEvent",
    "Happened",
    "Injected",
    "Logout",
    "Media",
    "Message",
    "Person",
    "Place",
    "Qr",
    "QrExhausted",
    "Reacted",
    "Revoked",
    "State",
    "Trouble",
    "Who",
    "Writing",
]


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """The account itself."""

    id: str
    lid: str | None = None
    push_name: str | None = None
    platform: str | None = None


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says of its file; `filehash` is base64 of a SHA-256."""

    mime: str | None = None
    size: float | None = None
    filehash: str | None = None
    filename: str | None = None
    seconds: float | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A location; `loc` is name and address in two lines."""

    lat: float
    lng: float
    loc: str | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the page's store."""

    id: str
    key: str
    from_me: bool
    chat: str
    t: float
    type: str
    chat_alt: str | None = None
    chat_name: str | None = None
    sender: str | None = None
    sender_alt: str | None = None
    push_name: str | None = None
    subtype: str | None = None
    body: str | None = None
    caption: str | None = None
    quoted: str | None = None
    media: Media | None = None
    place: Place | None = None
    vcards: tuple[str, ...] = ()
    raw: str | None = None


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat."""

    id: str
    alt: str | None = None
    name: str | None = None
    unread: int | None = None
    t: float | None = None
    archived: bool | None = None


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A person."""

    id: str
    alt: str | None = None
    name: str | None = None
    push_name: str | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A member of a group."""

    id: str
    alt: str | None = None
    admin: bool = False


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group with its members."""

    id: str
    subject: str | None = None
    owner: str | None = None
    t: float | None = None
    people: tuple[Person, ...] = ()


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of what the driver tells."""


class Boot(_Event, frozen=True, kw_only=True, tag="boot"):
    """A document begins: the first one, or another after a reload or a log-out."""

    url: str
    bundle: str | None = None


class Injected(_Event, frozen=True, kw_only=True, tag="injected"):
    """wa-js has found its way into the page; `missing` names parts of WhatsApp's that are not there (any more)."""

    missing: tuple[str, ...]
    version: str | None = None


class State(_Event, frozen=True, kw_only=True, tag="state"):
    """Where the connection stands, in the words of WhatsApp's `Socket` and `Stream`."""

    authenticated: bool
    synced: bool
    socket: str | None = None
    mode: str | None = None
    info: str | None = None
    chats: int = 0
    retry: float | None = None
    me: Who | None = None


class Qr(_Event, frozen=True, kw_only=True, tag="qr"):
    """A code is on offer; `ttl` is 0 where WhatsApp does not tell."""

    code: str
    ttl: float = 0.0


class QrExhausted(_Event, frozen=True, kw_only=True, tag="qr_exhausted"):
    """No more codes unless somebody asks."""


class Logout(_Event, frozen=True, kw_only=True, tag="logout"):
    """The device is being logged out; the reason is told first, then the log-out itself without one."""

    reason: str | None = None


class Echo(_Event, frozen=True, kw_only=True, tag="echo"):
    """A probe was answered; `number` is what the call gives, too."""

    number: int


class Trouble(_Event, frozen=True, kw_only=True, tag="trouble"):
    """A listener of the driver failed: an event was not told."""

    where: str
    detail: str


class Happened(_Event, frozen=True, kw_only=True, tag="message"):
    """A new message."""

    message: Message


class Acked(_Event, frozen=True, kw_only=True, tag="receipt"):
    """A receipt: 1 server, 2 delivered, 3 read, 4 played."""

    ack: int
    chat: str
    ids: tuple[str, ...]
    t: float
    participant: str | None = None


class _About(_Event, frozen=True, kw_only=True):
    """Something was done to an earlier message, `target`."""

    id: str
    from_me: bool
    chat: str
    target: str
    t: float
    chat_alt: str | None = None
    sender: str | None = None
    sender_alt: str | None = None


class Reacted(_About, frozen=True, kw_only=True, tag="reaction"):
    """A reaction, or the end of one."""

    emoji: str


class Edited(_About, frozen=True, kw_only=True, tag="edit"):
    """A new text."""

    body: str


class Revoked(_About, frozen=True, kw_only=True, tag="revoke"):
    """Deleted for everyone."""


class Writing(_Event, frozen=True, kw_only=True, tag="typing"):
    """Somebody writes, or has stopped."""

    chat: str
    active: bool
    participant: str | None = None


class ContactEvent(_Event, frozen=True, kw_only=True, tag="contact"):
    """A contact has changed."""

    contact: Contact


class GroupEvent(_Event, frozen=True, kw_only=True, tag="group"):
    """A group has changed."""

    group: Group


Event: TypeAlias = (
    Boot
    | Injected
    | State
    | Qr
    | QrExhausted
    | Logout
    | Echo
    | Trouble
    | Happened
    | Acked
    | Reacted
    | Edited
    | Revoked
    | Writing
    | ContactEvent
    | GroupEvent
)


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal of the driver's, or an error of wa-js."""

    code: str
    detail: str
    transient: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the driver answers to a call."""

    ok: msgspec.Raw = msgspec.Raw()
    error: Error | None = None
