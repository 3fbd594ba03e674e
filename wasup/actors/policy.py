"""Decisions that need no I/O: what follows the end of a session, and how often something may be tried."""

from collections import deque
from dataclasses import dataclass
from enum import Enum

from wasup.ports.accounts import AccountStatus
from wasup.ports.disconnects import RESPONSES, DisconnectReason, Remedy

__all__ = ["AttemptLimiter", "Decision", "Verdict", "decide"]


_AT_ONCE_AT_MOST = 3
"""A far side that asks for a restart again and again is not hammered: from then on there is a wait."""


class Verdict(Enum):
    """What a session does after it has ended; it tells its supervisor by a typed exit."""

    RESTART_NOW = "restart_now"  # quietly: costs no budget
    RESTART = "restart"  # within the budget, with backoff
    BACK_OFF = "back_off"  # with backoff, for as long as it takes
    STAY_DOWN = "stay_down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The account's next status and its session's fate."""

    status: AccountStatus
    verdict: Verdict
    forget_login: bool = False


def decide(reason: DisconnectReason, in_a_row: int) -> Decision:
    """What follows when a session has ended for `reason`, the `in_a_row`th time since it last was connected."""
    response = RESPONSES[reason]
    if response.attempts is not None and in_a_row >= response.attempts:
        return Decision(status=AccountStatus.NEEDS_PAIRING, verdict=Verdict.STAY_DOWN)
    status, verdict = _FOLLOWS[response.remedy]
    if verdict is Verdict.RESTART_NOW and in_a_row > _AT_ONCE_AT_MOST:
        verdict = Verdict.BACK_OFF
    return Decision(status=status, verdict=verdict, forget_login=response.forget_login)


_FOLLOWS = {
    Remedy.RESTART_NOW: (AccountStatus.RECONNECTING, Verdict.RESTART_NOW),
    Remedy.RESTART: (AccountStatus.RECONNECTING, Verdict.RESTART),
    Remedy.BACK_OFF: (AccountStatus.RECONNECTING, Verdict.BACK_OFF),
    Remedy.ASK_TO_PAIR: (AccountStatus.NEEDS_PAIRING, Verdict.STAY_DOWN),
    Remedy.SUSPEND: (AccountStatus.SUSPENDED, Verdict.STAY_DOWN),
    Remedy.STOP: (AccountStatus.BANNED, Verdict.STAY_DOWN),
}


class AttemptLimiter:
    """At most so many attempts within a period of so many seconds."""

    def __init__(self, limit: int, period: float) -> None:
        self._limit = limit
        self._period = period
        self._times: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Seconds until another attempt is allowed; 0 if one is now."""
        while self._times and self._times[0] <= now - self._period:
            self._times.popleft()
        if len(self._times) < self._limit:
            return 0.0
        return self._times[0] + self._period - now

    def note(self, now: float) -> None:
        """Count an attempt."""
        self._times.append(now)
