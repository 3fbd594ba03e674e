"""How much an endpoint is given to do: all it can take, less when it asks for that, one probe when it is down."""

from typing import Final

import trio

__all__ = ["Circuit"]

_LANES_TO_OPEN: Final = 5
_COOLDOWN_FIRST, _COOLDOWN_MOST = 5.0, 300.0
_STEPS_TO_WIDEN: Final = 20  # successes
_HOLD_MOST: Final = 3600.0  # a longer Retry-After is for its own lane: others look earlier


class Circuit:
    """A circuit breaker, and a limit of POSTs at once that follows what the endpoint can bear.

    It opens when several lanes in a row have failed and nothing got through: then no lane is begun until a cooldown
    has passed, and after it one lane is, as a probe. One lane alone that fails never opens it: its own schedule
    is slower than any cooldown. A 429, 502 or 504 halves the number of POSTs at once, successes bring it back.

    Args:
        connections: POSTs at once at most.
    """

    def __init__(self, connections: int) -> None:
        self._most = connections
        self._width = float(connections)
        self._failed_lanes: set[int] = set()
        self._cooldown = 0.0
        self._opens_at = 0.0  # Trio time from which lanes may be begun

    @property
    def is_open(self) -> bool:
        """Whether the endpoint is taken to be down."""
        return self._cooldown > 0

    @property
    def width(self) -> int:
        """How many POSTs may be under way: one, a probe, while it is open."""
        return 1 if self.is_open else max(1, int(self._width))

    def wait(self) -> float:
        """Seconds until lanes may be begun."""
        return max(0.0, self._opens_at - trio.current_time())

    def succeeded(self) -> None:
        """Something got through."""
        self._failed_lanes.clear()
        if self.is_open:
            self._cooldown, self._opens_at = 0.0, trio.current_time()
        self._width = min(self._most, self._width + self._most / _STEPS_TO_WIDEN)

    def slow_down(self) -> None:
        """It has too much to do."""
        self._width = max(1.0, self._width / 2)

    def failed(self, account_id: int, *, retry_after: float | None) -> None:
        """A lane failed.

        Args:
            account_id: which lane.
            retry_after: seconds that the endpoint wants to be left alone.
        """
        now = trio.current_time()
        probing = self.is_open and now >= self._opens_at
        self._failed_lanes.add(account_id)
        wait = min(retry_after or 0.0, _HOLD_MOST)
        if probing:
            self._cooldown = min(self._cooldown * 2, _COOLDOWN_MOST)
            wait = max(wait, self._cooldown)
        elif not self.is_open and len(self._failed_lanes) >= _LANES_TO_OPEN:
            self._cooldown = _COOLDOWN_FIRST
            wait = max(wait, self._cooldown)
        self._opens_at = max(self._opens_at, now + wait)
