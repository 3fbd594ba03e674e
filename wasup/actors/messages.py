"""What can be said to an account's actor, and what it answers.

This is the whole surface between the HTTP API and the actors: a handler sends one of the requests below with
`directory.Directory.ask` and gets its answer or a `Refused`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from wasup.ports.accounts import AccountStatus, Desired
from wasup.ports.messages import Content
from wasup.ports.store import StoredMessage
from wasup.supervisor import Request

__all__ = [
    "AccountRequest",
    "AccountState",
    "Connect",
    "Disconnect",
    "DownloadMedia",
    "Errand",
    "ErrandDone",
    "GetQr",
    "GetState",
    "Logout",
    "MarkRead",
    "MediaBytes",
    "PairingCode",
    "Qr",
    "Queued",
    "Refusal",
    "Refused",
    "RequestPairingCode",
    "SendMessage",
    "SetTyping",
]


class Refusal(StrEnum):
    """Why a command was not carried out. Nothing was changed."""

    WRONG_STATE = "wrong_state"  # not in this status
    AT_CAPACITY = "at_capacity"  # the instance runs as many sessions as it may
    RATE_LIMITED = "rate_limited"  # try again after `retry_after` seconds
    UNAVAILABLE = "unavailable"  # the database is away, or the actor is being restarted
    NOT_SUPPORTED = "not_supported"  # the provider cannot do that
    INVALID = "invalid"  # the command contradicts what is stored
    UNKNOWN = "unknown"  # no such account
    GONE = "gone"  # it was there, and is no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A command that was not carried out.

    Attributes:
        refusal: why.
        detail: a sentence for people.
        status: the state that the account is in, where that is the reason.
        retry_after: seconds after which it may work, if known.
    """

    refusal: Refusal
    detail: str
    status: AccountStatus | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """Desired and actual state of an account; `since` in UTC epoch milliseconds."""

    account_id: int
    desired: Desired
    status: AccountStatus
    reason: str
    detail: str
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Qr:
    """The QR code on offer; `expires_at` in UTC epoch milliseconds."""

    code: str
    attempt: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingCode:
    """The code to type on the phone with this number (digits only)."""

    code: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """The message is stored and will be sent; `new` is False when the idempotency key was known."""

    message: StoredMessage
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GetState(Request[AccountState]):
    """Ask for the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect(Request[AccountState | Refused]):
    """Be connected from now on: restores the login, or offers QR codes if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect(Request[AccountState | Refused]):
    """Be disconnected from now on; the login is kept. Answered when the session has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logout(Request[AccountState | Refused]):
    """Unlink from the phone, forget the login, and be disconnected from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetQr(Request[Qr | Refused]):
    """Ask for the QR code on offer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPairingCode(Request[PairingCode | Refused]):
    """Ask for a pairing code for a phone number (digits only)."""

    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage(Request[Queued | Refused]):
    """Queue a message durably; `chat` is a normal WhatsApp id."""

    chat: str
    content: Content
    quoted_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class ErrandDone:
    """WhatsApp has been told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaBytes:
    """The bytes of a media message."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTyping(Request[ErrandDone | Refused]):
    """Show a chat that this account writes, or that it has stopped."""

    chat: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRead(Request[ErrandDone | Refused]):
    """Tell the senders that their messages of this chat were read; the chat has nothing unread then."""

    chat: str
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadMedia(Request[MediaBytes | Refused]):
    """Fetch the bytes behind a provider's `MediaRef.ref`; it may take the longer, the larger the `size` (bytes)."""

    ref: str
    size: int | None = None


Errand: TypeAlias = SetTyping | MarkRead | DownloadMedia
"""What the account passes on to its session, to be done on the spot."""

AccountRequest: TypeAlias = GetState | Connect | Disconnect | Logout | GetQr | RequestPairingCode | SendMessage | Errand
