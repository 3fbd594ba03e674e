"""What an account's actor and its session say to each other."""

from dataclasses import dataclass
from typing import TypeAlias

from wasup.actors.messages import Errand, PairingCode, Refused
from wasup.actors.policy import Verdict
from wasup.ports.disconnects import DisconnectReason
from wasup.ports.session import Login, Me
from wasup.ports.store import StoredMessage
from wasup.supervisor import ActorRef, Request

__all__ = [
    "Admit",
    "Admitted",
    "AskPairingCode",
    "BecameReady",
    "CompareChats",
    "FirstSyncDone",
    "LogOut",
    "Nudge",
    "OutgoingIdle",
    "PairedWith",
    "QrOffered",
    "SessionEnded",
    "SessionMessage",
    "SessionNotice",
]


# ---- from the session to the account ---------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A session may run.

    Attributes:
        login: what it starts from.
        first_sync: contacts, groups, chats and recent history have to be read first.
        paired_at: when the login was made, UTC epoch milliseconds.
    """

    login: Login
    first_sync: bool
    paired_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Admit(Request[Admitted | None]):
    """May I run? Answered with what to start from, or None: no session is wanted now."""

    session: ActorRef["SessionMessage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QrOffered:
    """A QR code is on offer; `expires_at` in UTC epoch milliseconds."""

    code: str
    attempt: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedWith(Request[None]):
    """A phone has accepted us. Answered when the login is stored."""

    me: Me
    secret: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BecameReady:
    """Messages flow from here on."""

    me: Me


@dataclass(frozen=True, slots=True)
class FirstSyncDone:
    """Contacts, groups, chats and recent history of a new login have been handed to the writer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Request[Verdict]):
    """The connection has ended. Answered with what the session does next."""

    reason: DisconnectReason
    detail: str
    until: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingIdle:
    """All that was queued is sent; `nudges` of the account are known, so a message behind these may be handed over."""

    nudges: int


SessionNotice: TypeAlias = Admit | QrOffered | PairedWith | BecameReady | FirstSyncDone | OutgoingIdle | SessionEnded


# ---- from the account to the session ---------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudge:
    """There may be something to send.

    Attributes:
        number: counts what the session was told of this kind, from 1.
        message: what it is, if it is alone; else it is to be claimed from the queue.
    """

    number: int
    message: StoredMessage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPairingCode(Request[PairingCode | Refused]):
    """Ask WhatsApp for a pairing code for this number."""

    phone: str


@dataclass(frozen=True, slots=True)
class LogOut(Request[None]):
    """Unlink on WhatsApp's side; the session then ends with `LOGGED_OUT`."""


@dataclass(frozen=True, slots=True)
class CompareChats:
    """Compare some chats with the database, and fill in what is missing there; told to the account or its session."""


SessionMessage: TypeAlias = Nudge | AskPairingCode | LogOut | Errand | CompareChats
