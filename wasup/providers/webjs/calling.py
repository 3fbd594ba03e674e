"""Calls of the driver in the page, and what it means when one is not answered."""

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar, TypeVarTuple

import msgspec
import trio

from wasup.bridge import Bridge, BridgeError
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.providers.webjs import raw
from wasup.providers.webjs.ending import Ending
from wasup.providers.webjs.life import Life
from wasup.providers.webjs.limits import Limits
from wasup.providers.webjs.page import CallRefused, PageCrashed, WhatsAppPage

__all__ = ["NOT_THERE", "Calls"]

_END_KNOWN: Final = 2.0  # seconds in which the page tells why it went away under a call
NOT_THERE: Final = frozenset({"unknown_chat", "unknown_message", "no_media"})
"""Words of the driver's for what WhatsApp does not have; all others say that it could not be asked."""
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class Calls:
    """Crosses the bridge into the page; ends the session if that cannot be done.

    Attributes:
        page: with the driver in it.
        limits: of the session.
    """

    def __init__(self, bridge: Bridge, page: WhatsAppPage, life: Life, ending: Ending, limits: Limits) -> None:
        self.page = page
        self.limits = limits
        self._bridge = bridge
        self._life = life
        self._ending = ending

    async def run(self, fn: Callable[[*_Ts], Coroutine[Any, Any, _T]], *args: *_Ts) -> _T:
        """Have something done in the page; the end of the session ends the waiting.

        Raises:
            CallRefused: it was not done.
            Disconnected: the session has ended, perhaps because the page did not answer, or not what we know.
        """
        self._ending.check()
        with self._ending.cuts_short():
            try:
                return await self._bridge.run(fn, *args)
            except PageCrashed as crash:
                await self._explain(crash)
            except BridgeError as error:
                self._ending.come(Disconnected(DisconnectReason.HOST_CRASHED, str(error)))
            except msgspec.DecodeError as error:
                detail = f"the page answered what we do not know: {error}"
                self._ending.come(Disconnected(DisconnectReason.PROTOCOL_ERROR, detail))
        self._ending.check()
        raise AssertionError("a call was given up, and the session goes on")

    async def _explain(self, crash: PageCrashed) -> None:
        """End the session with what lies behind a call without an answer.

        Raises:
            CallRefused: nothing but a lost connection, which the page is about to mend.
        """
        if not crash.hung:  # a page that goes away tells why, when it begins anew
            with trio.move_on_after(_END_KNOWN):
                await self._ending.over.wait()
            self._ending.come(Disconnected(DisconnectReason.HOST_CRASHED, str(crash)))
            return
        try:
            await self._bridge.run(self.page.call, "state", {}, self.limits.hang, msgspec.Raw)
        except (PageCrashed, CallRefused, BridgeError):
            self._ending.come(Disconnected(DisconnectReason.HOST_CRASHED, f"the page hangs: {crash}"))
        else:
            if not self._life.connected:
                raise CallRefused(raw.Error(code="network", detail=str(crash), transient=True))
            self._ending.come(Disconnected(DisconnectReason.DEAF, f"WhatsApp does not answer the page: {crash}"))

    async def ask(self, name: str, args: dict[str, Any], kind: type[_T], *, within: float | None = None) -> _T:
        """One call of the driver, and its answer; raises as `run`."""
        return await self.run(self.page.call, name, args, within or self.limits.answer, kind)

    async def ask_known(self, name: str, kind: type[_T], *, within: float | None = None) -> _T:
        """One call that is never refused as long as WhatsApp is as we know it.

        Raises:
            Disconnected: `PROTOCOL_ERROR`, it was; or as `run`.
        """
        try:
            return await self.ask(name, {}, kind, within=within)
        except CallRefused as refused:
            detail = f"WhatsApp's page refused {name!r}: {refused}"
            self._ending.come(Disconnected(DisconnectReason.PROTOCOL_ERROR, detail))
        self._ending.check()
        raise AssertionError("a session that was finished goes on")
