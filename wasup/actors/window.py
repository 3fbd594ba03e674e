"""The deliveries of one session between its provider and the database, and back to the provider as acknowledgements.

The session takes a place for each delivery, and the sync writer gives it back right after the commit: a plain call,
since a message through the session's mailbox for each delivery would cost as much as storing it.
"""

import math
from contextlib import suppress
from typing import NoReturn

import trio

from wasup.actors.bells import Beat, Doorbell
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.session import Session

__all__ = ["Window"]

_LAST_WORDS = 1.0


class Window:
    """The uncommitted deliveries of one session, and the committed ones that its provider is yet to be told of.

    Many are acknowledged in one frame: a frame for each costs more than the commit.

    Args:
        places: deliveries that may be uncommitted at a time.
        beat: when the first committed one is told of, unless many are.
        patience: seconds after which a provider that takes no acknowledgement counts as gone.
    """

    def __init__(self, places: int, *, beat: Beat, patience: float) -> None:
        self._places = trio.Semaphore(places)
        self._enough = max(1, places // 2)
        self._beat = beat
        self._patience = patience
        self._tokens: list[int] = []
        self._bell = Doorbell()

    async def take(self) -> None:
        """Take a place; waits only while there is none."""
        try:
            self._places.acquire_nowait()
        except trio.WouldBlock:
            await self._places.acquire()

    def committed(self, token: int | None) -> None:
        """A delivery is stored for good; None is nobody's token."""
        self._places.release()
        if token is not None:
            self._tokens.append(token)
            if len(self._tokens) >= self._enough:
                self._bell.ring()
            elif len(self._tokens) == 1:
                self._beat.soon(self._bell)

    async def acknowledge(self, session: Session) -> NoReturn:
        """Tell the provider until cancelled; what is left then is told as well, if the connection still stands.

        Raises:
            Disconnected: the connection has ended, or did not take an acknowledgement in time.
        """
        with trio.CancelScope() as scope:  # one for all: to open one for each costs as much as to acknowledge
            try:
                while True:
                    await self._bell.wait(math.inf)
                    scope.deadline = trio.current_time() + self._patience
                    await self._flush(session)
                    scope.deadline = math.inf
            finally:
                with trio.move_on_after(_LAST_WORDS) as last, suppress(Disconnected):
                    last.shield = True
                    await self._flush(session)
        detail = f"no answer to an acknowledgement within {self._patience:g} s"
        raise Disconnected(DisconnectReason.DEAF, detail)

    async def _flush(self, session: Session) -> None:
        tokens, self._tokens = self._tokens, []
        if tokens:
            await session.acknowledge(tokens)
