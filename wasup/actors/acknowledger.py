"""Tells a provider what is committed, many deliveries in one frame: a frame for each costs more than the commit."""

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

import trio

from wasup.actors.runtime import Doorbell
from wasup.ports.disconnects import Disconnected

__all__ = ["Acknowledger"]

_LAST_WORDS = 1.0


class Acknowledger:
    """Collects the tokens of one session's committed deliveries.

    Args:
        linger: seconds that the first of them waits for others.
        enough: so many are told at once.
    """

    def __init__(self, *, linger: float, enough: int) -> None:
        self._linger = linger
        self._enough = enough
        self._tokens: list[int] = []
        self._some = Doorbell()
        self._many = Doorbell()

    def committed(self, tokens: Iterable[int | None]) -> None:
        """These are stored for good; None is nobody's token."""
        self._tokens += [token for token in tokens if token is not None]
        if self._tokens:
            self._some.ring()
        if len(self._tokens) >= self._enough:
            self._many.ring()

    async def run(self, acknowledge: Callable[[Sequence[int]], Awaitable[None]]) -> None:
        """Acknowledge until cancelled; what is left then is told as well, if the connection still stands."""
        try:
            while True:
                await self._some.wait(math.inf)
                if self._linger:
                    await self._many.wait(self._linger)
                await self._flush(acknowledge)
        finally:
            with trio.move_on_after(_LAST_WORDS) as scope, suppress(Disconnected):
                scope.shield = True
                await self._flush(acknowledge)

    async def _flush(self, acknowledge: Callable[[Sequence[int]], Awaitable[None]]) -> None:
        tokens, self._tokens = self._tokens, []
        if tokens:
            await acknowledge(tokens)
