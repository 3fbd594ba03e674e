"""One WebSocket connection to the emulator: opening, closing, and how each way of ending is told.

trio-websocket does the WebSocket. Around it stand two things that it leaves open: a handshake that never
comes, comes with another status, or is cut (it would wait for ever, or crash its nursery), and a write that
is cancelled half way (the stream is then useless, and is closed, so that no half frame is continued).
"""

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult

import h11
import trio
from trio_websocket import CloseReason, ConnectionRejected, WebSocketConnection, wrap_client_stream
from wsproto.utilities import ProtocolError

from wasup.emulator import wire
from wasup.ports.disconnects import Disconnected, DisconnectReason

__all__ = ["Link", "Stream", "from_close", "open_link"]

_GOODBYE: Final = 1.0  # seconds for the closing handshake
_LARGEST_FRAME: Final = 32 * 2**20
_RECEIVE_BYTES: Final = 16 * 1024


@dataclass(slots=True)
class Link:
    """An open WebSocket, the nursery that it lives in, and whether its end deserves a closing handshake."""

    socket: WebSocketConnection
    nursery: trio.Nursery
    goodbye: bool = True


class Stream(trio.abc.HalfCloseableStream):
    """A socket that closes itself when a write is torn, and tells when it ends.

    It reads when there is something to read (Trio's own stream tries first, in vain as a rule) and writes
    without giving up its turn; measured, that takes a tenth off what a message costs.
    """

    def __init__(self, inner: trio.SocketStream) -> None:
        self._inner = inner
        self._number = inner.socket.fileno()
        self.when_ended: Callable[[], None] | None = None
        self.socket = inner.socket  # asked for by trio-websocket's representation of endpoints

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        rest = memoryview(data)
        total = len(rest)
        try:
            while rest:
                self._still_open()
                try:
                    rest = rest[os.write(self._number, rest) :]
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self.socket)
        except trio.Cancelled:
            if len(rest) != total:
                self.socket.close()
            raise
        except OSError as error:
            raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._inner.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        try:
            while True:
                self._still_open()
                await trio.lowlevel.wait_readable(self.socket)
                with contextlib.suppress(BlockingIOError):
                    data = os.read(self._number, max_bytes or _RECEIVE_BYTES)
                    break
        except OSError as error:
            self._tell()
            raise trio.BrokenResourceError from error
        if not data:
            self._tell()
        return data

    def _still_open(self) -> None:
        """A closed socket's number may belong to another file by now."""
        if self.socket.fileno() != self._number:
            raise trio.ClosedResourceError

    def _tell(self) -> None:
        if self.when_ended is not None:
            self.when_ended()

    async def aclose(self) -> None:
        await self._inner.aclose()
        self._tell()


def from_close(reason: CloseReason | None) -> Disconnected:
    """What a closed WebSocket without a `bye` means."""
    if reason is None:
        return Disconnected(DisconnectReason.CONNECTION_LOST, "the connection was closed")
    if reason.code in {1002, 1003, 1007, 1009}:
        detail = f"WebSocket closed with {reason.code}"
        return Disconnected(DisconnectReason.PROTOCOL_ERROR, detail)
    known = wire.REASONS.get(reason.code - 4000)
    detail = f"WebSocket closed with {reason.code}"
    return Disconnected(known or DisconnectReason.CONNECTION_LOST, detail)


def _from_rejection(rejected: ConnectionRejected) -> Disconnected:
    detail = f"HTTP {rejected.status_code} instead of a WebSocket"
    if rejected.status_code in {502, 503, 504}:
        return Disconnected(DisconnectReason.UNAVAILABLE, detail)
    return Disconnected(DisconnectReason.PROTOCOL_ERROR, detail)


def _from_group(group: BaseExceptionGroup[BaseException]) -> Disconnected | None:
    """The end that a crash of trio-websocket's own task means, if the group holds nothing else."""
    known, rest = group.split((ConnectionRejected, ProtocolError, h11.ProtocolError))
    if known is None or (rest is not None and rest.split(trio.Cancelled)[1] is not None):
        return None
    first: BaseException = known
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    if isinstance(first, ConnectionRejected):
        return _from_rejection(first)
    return Disconnected(DisconnectReason.PROTOCOL_ERROR, str(first))


async def _handshake(nursery: trio.Nursery, stream: Stream, url: SplitResult, deadline: float) -> WebSocketConnection:
    """The opened WebSocket.

    Raises:
        Disconnected: it did not open.
    """
    with trio.CancelScope(deadline=deadline) as scope:
        stream.when_ended = scope.cancel
        link: WebSocketConnection = await wrap_client_stream(
            nursery,
            stream,  # type: ignore[arg-type] # any stream does
            url.netloc,
            wire.PATH,
            message_queue_size=1,
            max_message_size=_LARGEST_FRAME,
            receive_buffer_size=_RECEIVE_BYTES,
        )
        stream.when_ended = None
        return link
    raise Disconnected(DisconnectReason.CONNECTION_LOST, "the WebSocket did not open")


@asynccontextmanager
async def open_link(url: SplitResult, *, timeout: float) -> AsyncIterator[Link]:
    """A WebSocket and the nursery that it lives in, both closed on leaving.

    Exceptions of the body come out as they are, never in a group. The closing handshake takes a second at
    most; when cancelled there is none, since the task that would read its answer is cancelled as well.

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
                link = Link(await _handshake(nursery, stream, url, deadline), nursery)
                try:
                    yield link
                finally:
                    if link.goodbye and trio.current_effective_deadline() > trio.current_time():
                        with trio.move_on_after(_GOODBYE):
                            await link.socket.aclose()
            except Exception as error:  # noqa: BLE001 - raised again below, outside the nursery
                failure = error
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        end = _from_group(group)
        if end is None:
            raise
        raise end from None
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + _GOODBYE):
            await stream.aclose()
    if failure is not None:
        raise failure
