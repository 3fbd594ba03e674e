"""One connection to the emulator: opening, closing, and how each way of ending is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult

import trio

from wasup.emulator import wire
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.providers.emulated._stream import Stream
from wasup.providers.emulated._websocket import Closed, Rejected, WebSocket

__all__ = ["Link", "from_close", "open_link"]

_GOODBYE: Final = 1.0  # seconds for the closing handshake
_LARGEST_FRAME: Final = 32 * 2**20
_GARBLED: Final = frozenset({1002, 1003, 1007, 1009})
_OUT_OF_ORDER: Final = frozenset({502, 503, 504})


@dataclass(slots=True)
class Link:
    """An open WebSocket, the nursery that it lives in, and whether its end deserves a closing handshake."""

    socket: WebSocket
    nursery: trio.Nursery
    goodbye: bool = True


def from_close(closed: Closed) -> Disconnected:
    """What a closed WebSocket without a `bye` means."""
    if closed.code in _GARBLED:
        return Disconnected(DisconnectReason.PROTOCOL_ERROR, str(closed))
    return Disconnected(wire.REASONS.get(closed.code - 4000) or DisconnectReason.CONNECTION_LOST, str(closed))


async def _handshake(stream: Stream, url: SplitResult, deadline: float) -> WebSocket:
    """The opened WebSocket.

    Raises:
        Disconnected: it did not open.
    """
    socket = WebSocket(stream, largest=_LARGEST_FRAME)
    with trio.CancelScope(deadline=deadline):
        try:
            await socket.open(url.netloc, wire.PATH)
        except Closed as closed:
            raise from_close(closed) from None
        except Rejected as rejected:
            away = rejected.status in _OUT_OF_ORDER
            reason = DisconnectReason.UNAVAILABLE if away else DisconnectReason.PROTOCOL_ERROR
            raise Disconnected(reason, str(rejected)) from None
        return socket
    raise Disconnected(DisconnectReason.CONNECTION_LOST, "the WebSocket did not open")


@asynccontextmanager
async def open_link(url: SplitResult, *, timeout: float) -> AsyncIterator[Link]:
    """A WebSocket and the nursery that it lives in, both closed on leaving.

    Exceptions of the body come out as they are, never in a group. The closing handshake takes a second at
    most; when cancelled there is none.

    Raises:
        Disconnected: no connection within `timeout` seconds, or WhatsApp wants none.
    """
    deadline = trio.current_time() + timeout
    tcp: trio.SocketStream | None = None
    with trio.CancelScope(deadline=deadline):
        try:
            tcp = await trio.open_tcp_stream(url.hostname or "", url.port or 80)
        except OSError as error:
            raise Disconnected(DisconnectReason.CONNECTION_LOST, f"cannot connect: {error}") from error
    if tcp is None:
        raise Disconnected(DisconnectReason.CONNECTION_LOST, f"no connection within {timeout:g} s")
    failure: Exception | None = None
    stream = Stream(tcp)
    try:
        async with trio.open_nursery() as nursery:
            try:
                link = Link(await _handshake(stream, url, deadline), nursery)
                try:
                    yield link
                finally:
                    if link.goodbye and trio.current_effective_deadline() > trio.current_time():
                        with trio.move_on_after(_GOODBYE):
                            await link.socket.aclose()
            except Exception as error:  # noqa: BLE001 - raised again below, outside the nursery
                failure = error
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + _GOODBYE):
            await stream.aclose()
    if failure is not None:
        raise failure
