"""A clock for what must not go back: the stamps of events, and when deliveries are due."""

import threading
import time
from typing import Final

from wasup.ports.clock import Clock

__all__ = ["SteadyClock"]

_SLEW: Final = 0.5  # seconds a second, until the machine's clock has caught up


class SteadyClock:
    """The machine's clock, as long as it goes forward; when that is set back, this one goes on at half its speed.

    Implements `wasup.ports.clock.Clock`; may be asked from any thread.

    Args:
        clock: the machine's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0.0
        self._asked_at = time.monotonic()

    def not_before(self, ms: int) -> None:
        """Tell nothing earlier than this from now on."""
        with self._lock:
            self._last = max(self._last, float(ms))

    def now_ms(self) -> int:
        """UTC epoch milliseconds, never less than the last answer."""
        with self._lock:
            at, wall = time.monotonic(), self._clock.now_ms()
            slewed = self._last + (at - self._asked_at) * 1000 * _SLEW
            self._asked_at = at
            self._last = wall if wall >= self._last else slewed
            return int(self._last)
