"""Whether anything goes on in a session: a quiet moment is a good one to close its browser."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

__all__ = ["Activity"]


class Activity:
    """What is under way, and when something last was."""

    def __init__(self) -> None:
        self._in_hand = 0
        self._last = trio.current_time()

    def happened(self) -> None:
        """Something has come in."""
        self._last = trio.current_time()

    @contextmanager
    def in_hand(self) -> Iterator[None]:
        """Something is under way in here."""
        self._in_hand += 1
        try:
            yield
        finally:
            self._in_hand -= 1
            self.happened()

    def is_quiet(self, seconds: float) -> bool:
        """Nothing is on its way in or out, and nothing was for some time."""
        return not self._in_hand and trio.current_time() - self._last >= seconds
