"""A WebSocket that is read by the task which wants its messages: no task of its own, no queue and no hand-over between.

The protocol is wsproto's. An account receives a message now and then, and there are thousands of accounts: what each
message costs is mostly being woken for it, so it is woken for once.
"""

import contextlib
from collections import deque
from typing import Any, Final

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from wasup.providers.emulated._stream import Stream

__all__ = ["Closed", "Rejected", "WebSocket"]

_RECEIVE_BYTES: Final = 16 * 1024
_NORMAL, _LOST, _PROTOCOL_ERROR, _TOO_LARGE = 1000, 1006, 1002, 1009  # RFC 6455 section 7.4.1


class Closed(Exception):  # noqa: N818 - an end, not always a fault
    """The connection has ended.

    Attributes:
        code: of RFC 6455 or the far side's own; 1006 if there was none.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"WebSocket closed with {code}")
        self.code = code


class Rejected(Exception):  # noqa: N818 - an answer
    """The far side wants no WebSocket.

    Attributes:
        status: of its HTTP answer.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status} instead of a WebSocket")
        self.status = status


class WebSocket:
    """The client's side of one connection; one task at a time may read.

    Args:
        stream: that it goes over.
        largest: characters or bytes in one message.
    """

    def __init__(self, stream: Stream, *, largest: int) -> None:
        self._stream = stream
        self._largest = largest
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._events: deque[Event] = deque()
        self._parts: list[Any] = []
        self._size = 0
        self._writing = trio.Lock()
        self._reading = False
        self._code: int | None = None
        self._over = trio.Event()

    async def open(self, host: str, path: str) -> None:
        """Shake hands.

        Raises:
            Closed: the far side has closed the connection, or speaks no HTTP.
            Rejected: it has another answer.
        """
        await self._send(Request(host=host, target=path))
        try:
            event = await self._next()
        except RemoteProtocolError:
            raise Closed(_PROTOCOL_ERROR) from None
        if isinstance(event, RejectConnection):
            raise Rejected(event.status_code)
        if not isinstance(event, AcceptConnection):
            raise Closed(_PROTOCOL_ERROR)

    async def get_message(self) -> str | bytes | bytearray:
        """The next message.

        Raises:
            Closed: there is none any more.
        """
        if self._code is not None:
            raise Closed(self._code)
        self._reading = True
        try:
            while True:
                event = await self._next()
                if isinstance(event, TextMessage | BytesMessage):
                    if event.message_finished and not self._parts:
                        return event.data
                    if (whole := self._put_together(event)) is not None:
                        return whole
                elif isinstance(event, Ping):
                    await self._answer(event)
        except Closed as closed:
            self._end(closed.code)
            raise
        finally:
            self._reading = False

    def _put_together(self, part: TextMessage | BytesMessage) -> str | bytes | None:
        """A message that comes in parts, when it is whole. The parts stay here when who waits for them is cancelled."""
        self._parts.append(part.data)
        self._size += len(part.data)
        if self._size > self._largest:
            raise Closed(_TOO_LARGE)
        if not part.message_finished:
            return None
        parts, self._parts, self._size = self._parts, [], 0
        return "".join(parts) if isinstance(part, TextMessage) else b"".join(parts)

    async def _answer(self, ping: Ping) -> None:
        try:
            await self._send(ping.response())
        except trio.Cancelled:
            self._events.appendleft(ping)
            raise

    async def _next(self) -> Event:
        """The next event.

        Raises:
            Closed: it was the last.
        """
        while not self._events:
            try:
                data = await self._stream.receive_some(_RECEIVE_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
                raise Closed(_LOST) from None
            if not data:
                raise Closed(_LOST)
            self._protocol.receive_data(data)
            self._events.extend(self._protocol.events())
        event = self._events.popleft()
        if isinstance(event, CloseConnection):
            self._end(event.code)
            if self._protocol.state is ConnectionState.REMOTE_CLOSING:
                with contextlib.suppress(Closed):
                    await self._send(event.response())
            raise Closed(event.code)
        return event

    async def send_message(self, data: bytes) -> None:
        """Send a message of text.

        Raises:
            Closed: the connection has ended.
        """
        await self._send(TextMessage(data=data.decode()))

    async def _send(self, event: Event) -> None:
        try:
            self._writing.acquire_nowait()
        except trio.WouldBlock:
            await self._writing.acquire()
        try:
            await self._stream.send_all(self._protocol.send(event))
        except (LocalProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
            raise Closed(_LOST if self._code is None else self._code) from None
        finally:
            self._writing.release()

    def _end(self, code: int) -> None:
        self._code = code
        self._over.set()

    async def aclose(self) -> None:
        """Say goodbye, and wait until the far side does."""
        with contextlib.suppress(Closed):
            if self._code is None:
                await self._send(CloseConnection(code=_NORMAL))
                if self._reading:
                    await self._over.wait()
                while True:
                    await self.get_message()
