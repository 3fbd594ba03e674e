"""A small TCP proxy that cuts, delays, black-holes, trickles, and drops the answer to a COMMIT."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from functools import partial

import trio

__all__ = ["FaultProxy", "Mode"]

_CHUNK = 65536
_DELAY = 0.3
_TRICKLE = 0.05
_COMMIT = b"\x03COMMIT"  # MySQL's COM_QUERY and its text


class Mode(StrEnum):
    """What the proxy does with bytes."""

    PASS = "pass"
    DELAY = "delay"  # every piece 0.3 s late
    TRICKLE = "trickle"  # answers byte by byte, 20 a second
    BLACK_HOLE = "black hole"  # connections stay, nothing comes through any more; later they are cut
    REFUSE = "refuse"  # connections are cut, and new ones at once
    LOSE_COMMIT = "lose the answer to COMMIT"  # the server has committed, and the client is never told


class FaultProxy:
    """Listens on loopback and passes everything to one port, as its `mode` says.

    Attributes:
        felt: how often each mode was felt: pieces delayed or held back, connections refused, answers dropped.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.mode = Mode.PASS
        self.felt: Counter[Mode] = Counter()
        self._changed = trio.Event()
        self._open: set[trio.CancelScope] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, target: int) -> AsyncIterator["FaultProxy"]:
        """Listen on a free port."""
        proxy = cls(target)
        async with trio.open_nursery() as nursery:
            [listener] = await nursery.start(partial(trio.serve_tcp, proxy._serve, 0, host="127.0.0.1"))
            proxy.port = listener.socket.getsockname()[1]
            yield proxy
            nursery.cancel_scope.cancel()

    def become(self, mode: Mode) -> None:
        """Behave so from now on. What hung in a black hole is cut when that ends: NATs forget, too."""
        if mode is Mode.REFUSE or self.mode is Mode.BLACK_HOLE:
            self.felt[mode] += self.cut()
        self.mode = mode
        self._changed.set()
        self._changed = trio.Event()

    def cut(self) -> int:
        """Cut all connections that are open now; how many there were."""
        count = len(self._open)
        for scope in self._open:
            scope.cancel()
        return count

    async def _serve(self, client: trio.SocketStream) -> None:
        if self.mode is Mode.REFUSE:
            self.felt[Mode.REFUSE] += 1
            return
        with trio.CancelScope() as scope, suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            self._open.add(scope)
            try:
                server = await trio.open_tcp_stream("127.0.0.1", self.target)
                async with server, trio.open_nursery() as nursery:
                    link = _Link(self, scope)
                    nursery.start_soon(link.up, client, server)
                    nursery.start_soon(link.down, server, client)
            except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            finally:
                self._open.discard(scope)

    async def _hold(self) -> None:
        while self.mode is Mode.BLACK_HOLE:
            self.felt[Mode.BLACK_HOLE] += 1
            await self._changed.wait()


class _Link:
    """One connection through the proxy."""

    def __init__(self, proxy: FaultProxy, scope: trio.CancelScope) -> None:
        self._proxy = proxy
        self._scope = scope
        self._doomed = False

    async def up(self, client: trio.SocketStream, server: trio.SocketStream) -> None:
        """From the client."""
        async for piece in client:
            await self._proxy._hold()
            if self._proxy.mode is Mode.DELAY:
                self._proxy.felt[Mode.DELAY] += 1
                await trio.sleep(_DELAY)
            if self._proxy.mode is Mode.LOSE_COMMIT and piece[4:] == _COMMIT:
                self._doomed = True
            await server.send_all(piece)
        self._scope.cancel()

    async def down(self, server: trio.SocketStream, client: trio.SocketStream) -> None:
        """From the server."""
        while piece := await server.receive_some(_CHUNK):
            await self._proxy._hold()
            if self._doomed:
                self._proxy.felt[Mode.LOSE_COMMIT] += 1
                break
            if self._proxy.mode is Mode.TRICKLE:
                self._proxy.felt[Mode.TRICKLE] += 1
                for byte in piece:
                    await client.send_all(bytes([byte]))
                    await trio.sleep(_TRICKLE)
            else:
                await client.send_all(piece)
        self._scope.cancel()
