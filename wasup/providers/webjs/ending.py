"""The end of a session, as everybody who waits learns of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from wasup.ports.disconnects import Disconnected

__all__ = ["Ending"]


class Ending:
    """Comes once: the first reason counts.

    Attributes:
        over: set when it has come.
    """

    def __init__(self) -> None:
        self.over = trio.Event()
        self._end: Disconnected | None = None
        self._waits: set[trio.CancelScope] = set()

    @property
    def has_come(self) -> bool:
        """Whether the session has ended."""
        return self._end is not None

    def come(self, end: Disconnected) -> None:
        """The session has ended for this reason; whatever waits for something else is given up."""
        if self._end is None:
            self._end = end
        self.over.set()
        for wait in self._waits:
            wait.cancel()

    def check(self) -> None:
        """Raise the end if it has come, each time as a new exception: it is raised in many tasks."""
        end = self._end
        if end is not None:
            raise Disconnected(end.reason, end.detail, until=end.until)

    @contextmanager
    def cuts_short(self) -> Iterator[None]:
        """What is waited for in here is given up at the end; then `check` raises."""
        with trio.CancelScope() as wait:
            self._waits.add(wait)
            try:
                yield
            finally:
                self._waits.discard(wait)
