"""The port through which an account is driven, whatever carries it to WhatsApp.

A `Provider` opens a `Session`: one connection of one account. The session is read with `receive` and ends by
raising `Disconnected`; it never reconnects by itself, since that is its supervisor's business.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol, TypeAlias

import msgspec

from wasup.ports.messages import ChatChanged, ContactChanged, Content, GroupChanged, Item, Message, Receipt

__all__ = [
    "Capabilities",
    "Delivery",
    "Handover",
    "HistoryPage",
    "Login",
    "Me",
    "NotSupported",
    "Paired",
    "PairingCodeIssued",
    "PairingRefused",
    "Provider",
    "QrIssued",
    "Ready",
    "SendFailed",
    "Sent",
    "Session",
    "SessionEvent",
    "SyncProgress",
    "TryLater",
    "Typing",
    "Usage",
]


class Handover(StrEnum):
    """How a provider makes sure that nothing is lost between it and the database."""

    ACKNOWLEDGES = "acknowledges"  # hands over again at the next connection until `acknowledge`
    REFETCHES = "refetches"  # WhatsApp has been told already: history since a watermark is merged at connect


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider can do. Whoever asks for more gets `NotSupported`."""

    handover: Handover
    own_message_ids: bool  # takes the id that we generate, so that a send can be repeated without harm
    opens_at_once: int | None = None  # sessions being opened side by side at most, where that takes much
    qr: bool = True
    pairing_code: bool = True
    history: bool = True
    groups: bool = True
    media: bool = True
    edits: bool = True
    revokes: bool = True
    reactions: bool = True
    typing: bool = True
    read_marks: bool = True


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What a session starts from.

    Attributes:
        account_id: the account's integer id; providers make names of their own from it (a profile's folder).
        session_id: names this login (`webjs_{account_id}_{unix_ms}_{8 alphanumerics}`), never used as a key.
        secret: what the provider gave with `Paired`; None to pair anew.
    """

    account_id: int
    session_id: str
    secret: bytes | None = msgspec.field(default=None)

    def __repr__(self) -> str:
        return f"Login(account_id={self.account_id}, session_id={self.session_id!r}, secret=…)"


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who this account is on WhatsApp: phone-number id, LID if known, and the name it shows."""

    id: str
    lid: str | None = None
    push_name: str | None = None
    platform: str | None = None


class QrIssued(msgspec.Struct, frozen=True, kw_only=True):
    """A QR code is on offer for `expires_in` seconds; the next one replaces it. `attempt` counts from 1."""

    code: str
    expires_in: float
    attempt: int


class PairingCodeIssued(msgspec.Struct, frozen=True, kw_only=True):
    """The 8 characters to be typed on the phone with this number (digits only)."""

    code: str
    phone: str


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """A phone has accepted this client. `secret` must be stored before anything else happens."""

    me: Me
    secret: bytes

    def __repr__(self) -> str:
        return f"Paired(me={self.me!r}, secret=…)"


class SyncProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the first synchronisation is; `done` of `total` things, both may still grow."""

    done: int
    total: int


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Authenticated and synchronised: messages flow both ways from here on."""

    me: Me


class Typing(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody writes, or has stopped. Never stored."""

    chat: str
    participant: str | None
    active: bool


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What this account's own processes use now; told from time to time by providers that have such processes.

    Attributes:
        memory: bytes, proportional set size of the whole process tree.
        cpu_seconds: processor time that the tree has used since it started.
        processes: how many there are.
    """

    memory: int
    cpu_seconds: float
    processes: int


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """Things to store, in the order in which each chat had them.

    Attributes:
        token: given back with `Session.acknowledge` once everything in it is committed.
        items: what happened.
    """

    token: int
    items: tuple[Item, ...]


SessionEvent: TypeAlias = QrIssued | PairingCodeIssued | Paired | SyncProgress | Ready | Typing | Usage | Delivery


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """WhatsApp's server has the message. `id` is the one asked for if the provider takes ours."""

    id: str
    timestamp: int


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one chat, oldest first.

    Attributes:
        messages: as they are now.
        more: newer ones follow.
        changes: what has become of these messages and of some before them, as the receipts, reactions, edits and
            deletions that told it when it happened; of providers that refetch. Most of it is stored already. Also
            messages of the same second as the one that these follow, where it is not sure which came first.
        readable: False when WhatsApp has messages among these that this client cannot read yet: what follows the
            page before has to be asked for again at another time.
    """

    messages: tuple[Message, ...]
    more: bool
    changes: tuple[Message | Receipt, ...] = ()
    readable: bool = True


class TryLater(Exception):  # noqa: N818 - an answer
    """The far side did not answer a question, though what is asked for may be there: ask at another time."""


class NotSupported(Exception):  # noqa: N818
    """This provider cannot do that; its `Capabilities` said so."""


class PairingRefused(Exception):  # noqa: N818
    """WhatsApp gives no pairing code now.

    Attributes:
        retry_after: seconds to wait; hours after `rate-overlimit`.
    """

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class SendFailed(Exception):  # noqa: N818
    """The message was not taken.

    Attributes:
        code: stable word for programs (`unknown_recipient`, `restricted`, `too_large`, …).
        transient: worth another try with the same id.
    """

    def __init__(self, code: str, detail: str = "", *, transient: bool = False) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.transient = transient


class Session(Protocol):
    """One connection. All methods but `receive` may be called from any task while it is open.

    Every method may raise `Disconnected` when the connection ends, and `NotSupported`.
    Deadlines are the caller's: wrap calls in `trio.fail_after`.
    """

    async def receive(self) -> SessionEvent:
        """The next event. Cancelling it loses nothing.

        Raises:
            Disconnected: the session has ended; every later call raises it again.
        """
        ...

    async def acknowledge(self, tokens: Sequence[int]) -> None:
        """Deliveries that are committed: they are not handed over again. A repeated token does no harm."""
        ...

    async def request_pairing_code(self, phone: str) -> None:
        """Ask for a pairing code for a digits-only number; it arrives as `PairingCodeIssued`.

        Raises:
            PairingRefused: WhatsApp gives none now.
        """
        ...

    async def send(self, chat: str, content: Content, *, message_id: str, quoted_id: str | None = None) -> Sent:
        """Hand a message to WhatsApp; returns when its server has it.

        The same `message_id` sent twice arrives once if `Capabilities.own_message_ids`.

        Raises:
            SendFailed: it was refused.
        """
        ...

    async def mark_read(self, chat: str, message_ids: Sequence[str]) -> None:
        """Tell the senders that their messages were read."""
        ...

    async def set_typing(self, chat: str, *, active: bool) -> None:
        """Show, or stop showing, that this account writes."""
        ...

    async def chats(self) -> Sequence[ChatChanged]:
        """All chats, as they are now."""
        ...

    async def contacts(self) -> Sequence[ContactChanged]:
        """All contacts, as they are now."""
        ...

    async def groups(self) -> Sequence[GroupChanged]:
        """All groups with their participants, as they are now."""
        ...

    async def history(self, chat: str, *, after_id: str | None, limit: int, since: int | None = None) -> HistoryPage:
        """Messages of a chat, oldest first, as far back as the provider still has them.

        Args:
            chat: id of the chat.
            after_id: only what follows this message.
            limit: at most so many.
            since: only what was written at or after this time, epoch milliseconds.

        Raises:
            LookupError: there is no such chat, or no such message in it (any more): ask by time instead.
            TryLater: it could not be looked up.
        """
        ...

    async def upload(self, data: bytes, *, mime: str, filename: str | None = None) -> str:
        """Store bytes to be sent; returns the `ref` for a `MediaRef`."""
        ...

    async def download(self, ref: str) -> bytes:
        """The bytes behind a `MediaRef.ref`.

        Raises:
            LookupError: they are gone.
            TryLater: they could not be fetched.
        """
        ...

    async def probe(self) -> None:
        """Make the far side answer: returns when it did, however the connection looks from here."""
        ...

    async def logout(self) -> None:
        """Unlink this client on WhatsApp's side, and wait some time for its answer.

        The session then ends with `LOGGED_OUT`.
        """
        ...


class Provider(Protocol):
    """Opens sessions of one kind."""

    @property
    def type(self) -> str:
        """The `provider_type` of accounts it serves."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What its sessions can do."""
        ...

    async def forget(self, account_id: int) -> None:
        """Remove what is kept of the account's login outside the database. Its session has ended before."""
        ...

    def open(self, login: Login) -> AbstractAsyncContextManager[Session]:
        """Connect; leaving the context closes the connection and keeps the login.

        With a secret the login is restored (`Ready` follows); without one QR codes are offered
        (`QrIssued`, later `Paired`, then `Ready`).

        Raises:
            Disconnected: on entering, when no connection could be made.
        """
        ...
