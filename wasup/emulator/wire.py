"""Frames between a client and the emulator's network door (`/ws`), shared with the `emulated` provider.

One frame is one binary WebSocket message holding one JSON object whose `t` names its type. A request carries
a number `n` of the client's choosing (from 1) and is answered by exactly one frame with the same `n`:
`done`, `failed`, or the answer that belongs to it. What the port knows (messages, receipts, contents) travels
in the port's own shapes.

A connection runs so: `hello`; then either `qr` … `paired` (a new login), or `progress`, `ready` (a device
secret that is known), or `bye`. After `ready`, `deliver` frames carry items until the window of
unacknowledged ones is full; `ack` opens it again. `bye` is the last frame: WhatsApp's own number tells why.
"""

from typing import Final, TypeAlias

import msgspec

from wasup.ports.disconnects import DisconnectReason
from wasup.ports.messages import ChatChanged, ContactChanged, Content, GroupChanged, Item, Message
from wasup.ports.session import Me

__all__ = [
    "PATH",
    "REASONS",
    "VERSION",
    "Ack",
    "Bye",
    "Chats",
    "ClientFrame",
    "Code",
    "Contacts",
    "Deliver",
    "Done",
    "Failed",
    "Groups",
    "Hello",
    "History",
    "ListAll",
    "Logout",
    "NowTyping",
    "Page",
    "Paired",
    "Ping",
    "Progress",
    "Qr",
    "Read",
    "Ready",
    "RequestCode",
    "Send",
    "SentOk",
    "ServerFrame",
    "SetTyping",
    "client_decoder",
    "encode",
    "server_decoder",
]

PATH: Final = "/ws"
VERSION: Final = 1

REASONS: Final[dict[int, DisconnectReason]] = {
    401: DisconnectReason.LOGGED_OUT,
    402: DisconnectReason.TEMPORARILY_BANNED,
    403: DisconnectReason.LOCKED,
    405: DisconnectReason.CLIENT_OUTDATED,
    406: DisconnectReason.BANNED,
    407: DisconnectReason.PROXY_BLOCKED,  # PROXYBLOCK has no number; this one is borrowed from HTTP
    408: DisconnectReason.QR_EXPIRED,  # while pairing; later it means a lost connection
    428: DisconnectReason.CONNECTION_LOST,
    440: DisconnectReason.REPLACED,
    500: DisconnectReason.BAD_SESSION,
    503: DisconnectReason.UNAVAILABLE,
    515: DisconnectReason.RESTART_REQUIRED,
}
"""What WhatsApp's numbers mean."""


class _Frame(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="t", gc=False):
    """Base of all frames."""


# -- client to emulator -------------------------------------------------------------------------------------


class Hello(_Frame, tag="hello"):
    """First frame of a connection. `device` is the secret from `Paired`; without it QR codes are offered."""

    version: int
    session_id: str
    device: str | None = None
    window: int | None = None


class RequestCode(_Frame, tag="request_code"):
    """Ask for a pairing code; answered by `code` and then `done`, or by `failed`."""

    n: int
    phone: str


class Send(_Frame, tag="send"):
    """A message of this account; answered by `sent` or `failed`."""

    n: int
    id: str
    chat: str
    content: Content
    quoted_id: str | None = None


class Ack(_Frame, tag="ack"):
    """Deliveries that are stored; not answered."""

    tokens: tuple[int, ...]


class Read(_Frame, tag="read"):
    """This account has read messages."""

    n: int
    chat: str
    ids: tuple[str, ...]


class SetTyping(_Frame, tag="set_typing"):
    """This account writes, or has stopped."""

    n: int
    chat: str
    active: bool


class ListAll(_Frame, tag="list"):
    """Ask for `chats`, `contacts` or `groups`; answered by the frame of that name."""

    n: int
    what: str


class History(_Frame, tag="history"):
    """Messages of a chat after the given one; answered by `page`.

    An id that the emulator does not have (any more) is refused with `error`; `since` (epoch milliseconds) leaves out
    what is older.
    """

    n: int
    chat: str
    limit: int
    after_id: str | None = None
    since: int | None = None


class Ping(_Frame, tag="ping"):
    """Answered by `done`."""

    n: int


class Logout(_Frame, tag="logout"):
    """Unlink this device; answered by `done` and then `bye` 401."""

    n: int


ClientFrame: TypeAlias = Hello | RequestCode | Send | Ack | Read | SetTyping | ListAll | History | Ping | Logout


# -- emulator to client -------------------------------------------------------------------------------------


class Qr(_Frame, tag="qr"):
    """The QR code on offer from now on."""

    code: str
    expires_in: float
    attempt: int


class Code(_Frame, tag="code"):
    """A pairing code, to be typed on the phone."""

    code: str
    phone: str


class Paired(_Frame, tag="paired"):
    """A phone took this client; `device` is its secret from now on."""

    me: Me
    device: str


class Progress(_Frame, tag="progress"):
    """How far the synchronisation after a login is."""

    done: int
    total: int


class Ready(_Frame, tag="ready"):
    """Logged in."""

    me: Me


class NowTyping(_Frame, tag="typing"):
    """Somebody writes, or has stopped."""

    chat: str
    active: bool
    participant: str | None = None


class Deliver(_Frame, tag="deliver"):
    """Items to store and acknowledge by `token`, which is never used twice for one device."""

    token: int
    items: tuple[Item, ...]


class Bye(_Frame, tag="bye"):
    """The connection ends; `until` is UTC epoch seconds."""

    code: int
    detail: str = ""
    until: float | None = None


class Done(_Frame, tag="done"):
    """A request was carried out."""

    n: int


class Failed(_Frame, tag="failed"):
    """A request was refused; `code` is a word for programs."""

    n: int
    code: str
    detail: str = ""
    transient: bool = False
    retry_after: float | None = None


class SentOk(_Frame, tag="sent"):
    """The server has the message."""

    n: int
    id: str
    timestamp: int


class Page(_Frame, tag="page"):
    """Messages, oldest first; `more` tells whether newer ones follow."""

    n: int
    messages: tuple[Message, ...]
    more: bool


class Chats(_Frame, tag="chats"):
    """All chats."""

    n: int
    chats: tuple[ChatChanged, ...]


class Contacts(_Frame, tag="contacts"):
    """All contacts."""

    n: int
    contacts: tuple[ContactChanged, ...]


class Groups(_Frame, tag="groups"):
    """All groups."""

    n: int
    groups: tuple[GroupChanged, ...]


ServerFrame: TypeAlias = (
    Qr
    | Code
    | Paired
    | Progress
    | Ready
    | NowTyping
    | Deliver
    | Bye
    | Done
    | Failed
    | SentOk
    | Page
    | Chats
    | Contacts
    | Groups
)

encode = msgspec.json.Encoder().encode


def client_decoder() -> msgspec.json.Decoder[ClientFrame]:
    """A decoder of what clients say."""
    return msgspec.json.Decoder(ClientFrame)


def server_decoder() -> msgspec.json.Decoder[ServerFrame]:
    """A decoder of what the emulator says."""
    return msgspec.json.Decoder(ServerFrame)
