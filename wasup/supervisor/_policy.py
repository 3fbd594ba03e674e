"""What to do about an exit, as pure values and functions: no Trio, no state of a tree."""

import enum
import math
from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Final

from wasup.supervisor._exits import ExitReason


class Strategy(enum.Enum):
    """Which children are restarted when one of them is."""

    ONE_FOR_ONE = "one_for_one"
    """Only the child that ended."""
    ONE_FOR_ALL = "one_for_all"
    """All children: the others are stopped in reverse start order, then all start in start order."""
    REST_FOR_ONE = "rest_for_one"
    """The child that ended and those started after it, stopped and started as in ``ONE_FOR_ALL``."""
    SIMPLE_ONE_FOR_ONE = "simple_one_for_one"
    """Only that child; all children are instances of one template and are added at run time."""


class Restart(enum.Enum):
    """After which exits a child is started again."""

    PERMANENT = "permanent"
    """After every exit, normal ones too."""
    TRANSIENT = "transient"
    """After crashes and kills only."""
    TEMPORARY = "temporary"
    """Never; its specification is deleted when it ends."""


class AutoShutdown(enum.Enum):
    """Whether a supervisor ends when significant children have ended by themselves."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    """As soon as one significant child has ended and is not restarted."""
    ALL_SIGNIFICANT = "all_significant"
    """When the last significant child has ended and is not restarted."""


class BrutalKill(enum.Enum):
    """The type of `BRUTAL_KILL`."""

    BRUTAL_KILL = "brutal_kill"


INFINITY: Final = math.inf
"""As ``shutdown``: wait without limit.  As ``intensity``: never give up."""
BRUTAL_KILL: Final = BrutalKill.BRUTAL_KILL
"""As ``shutdown``: cancel at once, without asking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before a restart.  All times in seconds.

    The n-th restart in a row waits ``initial * factor ** (n - 1)``, at most ``maximum``, and then up to
    ``jitter`` (a fraction) longer.  A child that was up for ``reset_after`` counts as healthy: its next
    restart waits ``initial`` again.  A failed start counts as a restart in the row.

    Attributes:
        initial: the first wait, finite and at least 0.  1 by default.
        factor: finite and at least 1 (which means that all waits are equal).  2 by default.
        maximum: the longest wait before the jitter, at least ``initial``; `INFINITY` = no limit.  60 by default.
        jitter: finite and at least 0; 0 = none.  0.2 by default: up to a fifth longer.
        reset_after: at least 0; `INFINITY` = the row never ends.  60 by default.
    """

    initial: float = 1.0
    factor: float = 2.0
    maximum: float = 60.0
    jitter: float = 0.2
    reset_after: float = 60.0

    def delay(self, earlier: int, random: Random) -> float:
        """Return the seconds to wait after ``earlier`` restarts in a row."""
        try:
            base = min(self.maximum, self.initial * self.factor**earlier)
        except OverflowError:
            base = self.maximum
        return base * (1.0 + random.random() * self.jitter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How often one child may be restarted: ``restarts`` times within ``period`` seconds.

    It comes besides the supervisor's intensity.  A child over its budget is left down, its specification
    kept; its supervisor and its siblings go on, also those that an attempt to restart it had stopped.

    Attributes:
        restarts: a whole number, at least 0.  3 by default.
        period: seconds, more than 0.  60 by default.
    """

    restarts: int = 3
    period: float = 60.0


class RestartWindow:
    """Counts restarts within the last ``period`` seconds and says when there are too many.

    Args:
        limit: how many restarts are allowed within the period; `INFINITY` = any number.
        period: seconds.
        whole_seconds: count as OTP does, in whole seconds of the clock, by which a restart may count for up to
            one second longer than ``period``.  Otherwise the window is exact.
    """

    __slots__ = ("_limit", "_period", "_times", "_whole_seconds")

    def __init__(self, *, limit: float, period: float, whole_seconds: bool = False) -> None:
        self._limit = limit
        self._period = period
        self._whole_seconds = whole_seconds
        self._times: deque[float] = deque()

    def note(self, now: float) -> bool:
        """Count a restart at ``now`` (seconds) and tell whether it is allowed."""
        if self._limit == INFINITY:
            return True
        moment = math.floor(now) if self._whole_seconds else now
        times = self._times
        while times and times[0] < moment - self._period:
            times.popleft()
        times.append(moment)
        return len(times) <= self._limit


def should_restart(restart: Restart, reason: ExitReason) -> bool:
    """Tell whether a child of this restart type is started again after it ended with ``reason``."""
    if reason.forbids_restart:
        return False
    match restart:
        case Restart.TEMPORARY:
            return False
        case Restart.PERMANENT:
            return True
        case Restart.TRANSIENT:
            return not reason.is_normal or reason.asks_for_restart
