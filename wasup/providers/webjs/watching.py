"""Looks after a session: whether it starts, whether the page lives, and whether WhatsApp hears it."""

from collections.abc import Callable
from typing import Final

import msgspec
import trio

from wasup.bridge import Bridge, BridgeError
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.providers.webjs.calling import Calls
from wasup.providers.webjs.ending import Ending
from wasup.providers.webjs.life import Life
from wasup.providers.webjs.line import Line
from wasup.providers.webjs.listening import Listener
from wasup.providers.webjs.page import CallRefused, PageCrashed

__all__ = ["Watch"]

_NOTHING: Final[dict[str, object]] = {}


class _Start(msgspec.Struct):
    loaded: bool
    missing: tuple[str, ...]


class Watch:
    """Ends a session that is of no use."""

    def __init__(
        self,
        bridge: Bridge,
        calls: Calls,
        life: Life,
        line: Line,
        ending: Ending,
        listener: Listener,
        may_hang: Callable[[], bool],
    ) -> None:
        self._bridge = bridge
        self._calls = calls
        self._limits = calls.limits
        self._life = life
        self._line = line
        self._ending = ending
        self._listener = listener
        self._may_hang = may_hang

    async def start(self) -> None:
        """The driver must find its way into the page."""
        with trio.move_on_after(self._limits.start) as patience:
            while not self._life.injected:
                await self._line.change()
        if patience.cancelled_caught:
            self._ending.come(await self._why_not_started())

    async def _why_not_started(self) -> Disconnected:
        """A page that has loaded without WhatsApp's own loader is another than we know; else it is slow."""
        detail = f"wa-js found no way into WhatsApp's page within {self._limits.start:g} s"
        try:
            start = await self._bridge.run(self._calls.page.call, "start", _NOTHING, self._limits.hang, _Start)
        except (CallRefused, PageCrashed, BridgeError, msgspec.DecodeError):
            return Disconnected(DisconnectReason.TIMED_OUT, f"{detail}, and it does not answer")
        if start.loaded and start.missing:
            what = ", ".join(start.missing)
            return Disconnected(DisconnectReason.CLIENT_OUTDATED, f"WhatsApp has changed: no {what} any more")
        return Disconnected(DisconnectReason.TIMED_OUT, detail)

    async def line(self) -> None:
        """A ready page that has lost its connection mends it by itself, or is given up; one that hangs is."""
        await self._listener.became_ready.wait()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pulse)
            while True:
                while self._life.connected:
                    await self._line.change()
                with trio.move_on_after(self._limits.heal) as patience:
                    while not self._life.connected:
                        await self._line.change()
                if patience.cancelled_caught:
                    detail = f"the page has had no connection for {self._limits.heal:g} s"
                    self._ending.come(Disconnected(DisconnectReason.CONNECTION_LOST, detail))
                    return

    async def _pulse(self) -> None:
        """Nothing is told of a page that hangs: where that may be, it is asked, of itself alone, whether it lives.

        To ask is dear: the question goes through Playwright's driver and Chromium, and the answer all the way back.
        """
        try:
            while True:
                await trio.sleep(self._limits.pulse)
                if self._may_hang():
                    await self._calls.ask("beat", _NOTHING, msgspec.Raw, within=self._limits.beat)
        except CallRefused as refused:
            detail = f"the driver does not answer: {refused}"
            self._ending.come(Disconnected(DisconnectReason.PROTOCOL_ERROR, detail))
        except Disconnected:
            pass  # whoever reads the session learns of it

    async def probe(self) -> None:
        """A question that the page has to ask WhatsApp, and an event of it: page, line, server and way back at once.

        While it is known that the page has no connection nothing is asked: `line` has a deadline for that.

        Raises:
            Disconnected: the session is of no use, or has ended.
        """
        self._ending.check()
        await trio.lowlevel.checkpoint()
        if not self._life.connected:
            return
        with self._line.while_connected():
            try:
                await self._hear_echo(await self._calls.ask("probe", _NOTHING, int))
            except CallRefused as refused:
                if self._life.connected:
                    detail = f"WhatsApp does not answer the page: {refused}"
                    raise Disconnected(DisconnectReason.DEAF, detail) from None

    async def _hear_echo(self, number: int) -> None:
        """Wait until the page's event of this probe has come, or so many others that it stands behind them."""
        with trio.move_on_after(self._limits.answer) as patience, self._ending.cuts_short():
            while self._line.echo < number and self._listener.has_room:
                await self._line.change()
        if patience.cancelled_caught:
            self._ending.come(Disconnected(DisconnectReason.DEAF, "what the page tells does not arrive"))
        self._ending.check()
