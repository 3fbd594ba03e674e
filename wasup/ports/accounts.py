"""Accounts: their states, the transitions between them, and what is stored of them.

What the user asked for (`Desired`) and what is so now (`AccountStatus`) are two columns. The table
`TRANSITIONS` is the whole state machine: what it does not hold cannot happen.
"""

from enum import StrEnum
from typing import Final

import msgspec

from wasup.ports.disconnects import DisconnectReason

__all__ = [
    "TRANSITIONAL",
    "TRANSITIONS",
    "Account",
    "AccountStatus",
    "Desired",
    "Fence",
    "IllegalTransition",
    "StatusReason",
    "Transition",
    "check_transition",
]


class Desired(StrEnum):
    """What the user asked for."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


class AccountStatus(StrEnum):
    """What an account is doing now. The literals are stored and shown; ready is `connected`."""

    DISCONNECTED = "disconnected"  # nothing runs, and nothing should
    STARTING = "starting"  # a session is being opened
    QR_SCANNING = "qr_scanning"  # QR codes are on offer
    AUTHENTICATED = "authenticated"  # logged in, synchronising
    CONNECTED = "connected"  # messages flow
    RECONNECTING = "reconnecting"  # the session ended, another one follows after a wait
    DISCONNECTING = "disconnecting"  # the session is being closed
    NEEDS_PAIRING = "needs_pairing"  # no login: waits for somebody to ask for a QR code
    SUSPENDED = "suspended"  # waits for the operator, or for a ban to end
    BANNED = "banned"  # for good
    FAILED = "failed"  # the restart budget is spent


class StatusReason(StrEnum):
    """Reasons for a status besides those of `DisconnectReason`."""

    REQUESTED = "requested"  # somebody asked for it
    BOOT = "boot"  # wasup started
    PROGRESS = "progress"  # the next step of a login
    BUDGET_SPENT = "budget_spent"  # too many crashes in too short a time
    CRASHED = "crashed"  # an actor of ours crashed
    SHUTDOWN = "shutdown"  # wasup is stopping
    DELETED = "deleted"


_S = AccountStatus
_ENDS = frozenset({
    _S.RECONNECTING, _S.DISCONNECTING, _S.DISCONNECTED, _S.NEEDS_PAIRING, _S.SUSPENDED, _S.BANNED, _S.FAILED,
})  # fmt: skip
_AFRESH = frozenset({_S.STARTING})  # after a crash of wasup any status may be found, and a session begins anew

TRANSITIONS: Final[dict[AccountStatus, frozenset[AccountStatus]]] = {
    _S.DISCONNECTED: _AFRESH | {_S.FAILED},
    _S.STARTING: _ENDS | {_S.QR_SCANNING, _S.AUTHENTICATED, _S.CONNECTED},
    _S.QR_SCANNING: _ENDS | _AFRESH | {_S.AUTHENTICATED},
    _S.AUTHENTICATED: _ENDS | _AFRESH | {_S.CONNECTED},
    _S.CONNECTED: _ENDS | _AFRESH,
    _S.RECONNECTING: (_ENDS | _AFRESH) - {_S.RECONNECTING},
    _S.DISCONNECTING: _AFRESH | {_S.DISCONNECTED, _S.FAILED},
    _S.NEEDS_PAIRING: _AFRESH | {_S.DISCONNECTED, _S.FAILED},
    _S.SUSPENDED: _AFRESH | {_S.DISCONNECTED, _S.FAILED},
    _S.BANNED: _AFRESH | {_S.DISCONNECTED, _S.FAILED},
    _S.FAILED: _AFRESH | {_S.DISCONNECTED},
}
"""From each status, the ones that may follow."""

TRANSITIONAL: Final = frozenset({_S.STARTING, _S.QR_SCANNING, _S.AUTHENTICATED, _S.DISCONNECTING})
"""Statuses with a deadline, so that no account is ever stuck in one."""


class IllegalTransition(Exception):  # noqa: N818
    """The state machine has no such step; a defect of ours."""


def check_transition(old: AccountStatus, new: AccountStatus) -> None:
    """Make sure that `new` may follow `old`.

    Raises:
        IllegalTransition: it may not.
    """
    if new not in TRANSITIONS[old]:
        raise IllegalTransition(f"{old} -> {new}")


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of ownership that every write of an account's data carries.

    It is compared with the account's `account_owner` row in the same transaction.
    """

    account_id: int
    incarnation: int
    epoch: int


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `whatsapp_accounts`; times are UTC epoch milliseconds.

    Attributes:
        paired_at: when its present login was made; messages older than that are history.
        synchronised_at: when the first synchronisation of that login was complete; None while it is due.
    """

    id: int
    uuid: str
    workspace_id: int
    provider_type: str
    name: str | None
    session_id: str
    phone_number: str | None
    lid: str | None
    push_name: str | None
    status: AccountStatus
    status_reason: str | None
    status_detail: str | None
    status_since: int
    suspended_until: int | None
    desired: Desired
    is_primary: bool
    qr_code: str | None
    qr_expires_at: int | None
    last_activity_at: int | None
    last_connected_at: int | None
    created_at: int
    updated_at: int
    deleted_at: int | None
    paired_at: int | None = None
    synchronised_at: int | None = None


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One step of an account's state machine, recorded with its reason and time; `id` is 0 until there is a row."""

    id: int = 0
    account_id: int
    old: AccountStatus
    new: AccountStatus
    reason: DisconnectReason | StatusReason
    detail: str
    at: int
