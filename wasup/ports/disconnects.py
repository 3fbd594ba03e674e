"""Why a session ends, and what its supervisor does then.

The reasons form a closed set. Each names one signal of WhatsApp's (the engines' own word is in the
comment beside it) and has exactly one `Response`. Sources: the disconnect codes of the multi-device
protocol as whatsmeow (`types/events/events.go`) and Baileys (`DisconnectReason`) know them, and the
states of WhatsApp Web's own `Stream` and `Socket` models.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["RESPONSES", "DisconnectReason", "Disconnected", "Remedy", "Response"]


class DisconnectReason(StrEnum):
    """Why a connection ended."""

    RESTART_REQUIRED = "restart_required"  # 515
    QR_EXPIRED = "qr_expired"  # 408 while pairing, UNPAIRED_IDLE
    CONNECTION_LOST = "connection_lost"  # 408, 428, keep-alive silent, TIMEOUT, offline
    BAD_SESSION = "bad_session"  # 500
    UNAVAILABLE = "unavailable"  # 503
    LOGGED_OUT = "logged_out"  # 401, device_removed, LOGOUT, UNPAIRED
    TEMPORARILY_BANNED = "temporarily_banned"  # 402, with an expiry
    LOCKED = "locked"  # 403: the phone is locked or gone
    BANNED = "banned"  # 406, TOS_BLOCK, SMB_TOS_BLOCK
    PROXY_BLOCKED = "proxy_blocked"  # PROXYBLOCK
    CLIENT_OUTDATED = "client_outdated"  # 405, DEPRECATED_VERSION
    REPLACED = "replaced"  # 440, CONFLICT
    DEAF = "deaf"  # ours: looks connected, and a probe got no answer
    HOST_CRASHED = "host_crashed"  # ours: page, browser or host process died
    RECYCLED = "recycled"  # ours: the host was over its memory budget, and was closed at a quiet moment
    HOST_EXHAUSTED = "host_exhausted"  # ours: no disk or memory left to run the host with
    STORAGE_FAILED = "storage_failed"  # ours: what the login is kept in cannot be read or written now
    NO_HOST = "no_host"  # ours: there is no browser on this machine to run the account in
    LOGIN_LOST = "login_lost"  # ours: what the login was kept in is damaged beyond repair
    TIMED_OUT = "timed_out"  # ours: a transitional state passed its deadline
    PIPELINE_LOST = "pipeline_lost"  # ours: the writer died with deliveries in hand; they are handed over again
    PROTOCOL_ERROR = "protocol_error"  # ours: the far side said something we cannot read


class Remedy(StrEnum):
    """What follows the end of a session."""

    RESTART_NOW = "restart_now"  # at once, not counted as a crash
    RESTART = "restart"  # at once at first, within the restart budget
    BACK_OFF = "back_off"  # 1 to 60 s with jitter, for as long as it takes: the network is not our fault
    ASK_TO_PAIR = "ask_to_pair"  # stop and wait for somebody to ask for a new QR code
    SUSPEND = "suspend"  # stop and wait for the operator (or for `until`)
    STOP = "stop"  # for good


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The supervision response to one reason.

    Attributes:
        remedy: what happens to the session.
        forget_login: the stored login is worthless from now on and is removed.
        alert: somebody should be told, since it does not heal by itself.
        attempts: after so many ends in a row with this reason the session is not restarted any more and a
            new pairing is asked for; None for no such limit.
        everywhere: the cause concerns all accounts of the provider, not this one: when several end so, others that are
            to connect are held back for a while (`wasup.providers.breaker`).
    """

    remedy: Remedy
    forget_login: bool = False
    alert: bool = False
    attempts: int | None = None
    everywhere: bool = False


RESPONSES: Final[dict[DisconnectReason, Response]] = {
    DisconnectReason.RESTART_REQUIRED: Response(remedy=Remedy.RESTART_NOW),
    DisconnectReason.QR_EXPIRED: Response(remedy=Remedy.ASK_TO_PAIR),
    DisconnectReason.CONNECTION_LOST: Response(remedy=Remedy.BACK_OFF),
    DisconnectReason.BAD_SESSION: Response(remedy=Remedy.BACK_OFF, attempts=3),
    DisconnectReason.UNAVAILABLE: Response(remedy=Remedy.BACK_OFF, everywhere=True),
    DisconnectReason.LOGGED_OUT: Response(remedy=Remedy.ASK_TO_PAIR, forget_login=True),
    DisconnectReason.TEMPORARILY_BANNED: Response(remedy=Remedy.SUSPEND, alert=True),
    DisconnectReason.LOCKED: Response(remedy=Remedy.ASK_TO_PAIR, alert=True),
    DisconnectReason.BANNED: Response(remedy=Remedy.STOP, alert=True),
    DisconnectReason.PROXY_BLOCKED: Response(remedy=Remedy.SUSPEND, alert=True),
    DisconnectReason.CLIENT_OUTDATED: Response(remedy=Remedy.SUSPEND, alert=True, everywhere=True),
    DisconnectReason.REPLACED: Response(remedy=Remedy.SUSPEND, alert=True),
    DisconnectReason.DEAF: Response(remedy=Remedy.RESTART),
    DisconnectReason.HOST_CRASHED: Response(remedy=Remedy.RESTART),
    DisconnectReason.RECYCLED: Response(remedy=Remedy.RESTART_NOW),
    DisconnectReason.HOST_EXHAUSTED: Response(remedy=Remedy.BACK_OFF, alert=True),
    DisconnectReason.STORAGE_FAILED: Response(remedy=Remedy.BACK_OFF, alert=True),
    DisconnectReason.NO_HOST: Response(remedy=Remedy.SUSPEND, alert=True),
    DisconnectReason.LOGIN_LOST: Response(remedy=Remedy.ASK_TO_PAIR, forget_login=True, alert=True),
    DisconnectReason.TIMED_OUT: Response(remedy=Remedy.BACK_OFF),
    DisconnectReason.PIPELINE_LOST: Response(remedy=Remedy.BACK_OFF),
    DisconnectReason.PROTOCOL_ERROR: Response(remedy=Remedy.BACK_OFF, attempts=3),
}


class Disconnected(Exception):  # noqa: N818 - a session's typed end, not always an error
    """A session has ended.

    Attributes:
        reason: why, one of the closed set.
        detail: a sentence for people; no secret and no message body.
        until: UTC epoch seconds at which the cause ends by itself (a temporary ban), if known.
    """

    def __init__(self, reason: DisconnectReason, detail: str = "", *, until: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
        self.until = until

    @property
    def response(self) -> Response:
        """The supervision response to this end."""
        return RESPONSES[self.reason]
