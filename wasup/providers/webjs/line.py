"""The page's own connection to WhatsApp, for those who wait for it."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from wasup.providers.webjs.life import Life

__all__ = ["Line"]


class Line:
    """Tells of each change of what `Life` knows.

    Attributes:
        echo: number of the latest probe of which the page has told.
    """

    def __init__(self, life: Life) -> None:
        self.echo = 0
        self._life = life
        self._change = trio.Event()
        self._probes: set[trio.CancelScope] = set()

    def has_changed(self) -> None:
        """The page has told something about itself."""
        if not self._life.connected:
            for probe in self._probes:
                probe.cancel()
        self._change.set()
        self._change = trio.Event()

    async def change(self) -> None:
        """Wait until the page tells something about itself."""
        await self._change.wait()

    @contextmanager
    def while_connected(self) -> Iterator[None]:
        """What is waited for in here is given up when the page loses its connection."""
        with trio.CancelScope() as probe:
            self._probes.add(probe)
            try:
                yield
            finally:
                self._probes.discard(probe)
