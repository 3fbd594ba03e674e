"""A small HTTP server that writes down what it gets and answers as told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h11
import trio


@dataclass
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[["Receiver", trio.SocketStream], Awaitable[None]]


@dataclass
class Receiver:
    """A small HTTP server that writes down what it gets and answers as told."""

    answer: Answer
    url: str = ""
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    closed: trio.Event = field(default_factory=trio.Event)

    async def serve(self, stream: trio.SocketStream) -> None:
        """One connection."""
        self.connections += 1
        try:
            while await self._read(stream):
                await self.answer(self, stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self.closed.set()

    async def _read(self, stream: trio.SocketStream) -> bool:
        parser = h11.Connection(h11.SERVER)
        request: h11.Request | None = None
        body = b""
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                data = await stream.receive_some()
                if not data and request is None:
                    return False
                parser.receive_data(data)
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert request is not None
                headers = {name.decode(): value.decode() for name, value in request.headers}
                self.requests.append(Received(request.method.decode(), request.target.decode(), headers, body))
                return True
            else:
                return False


@asynccontextmanager
async def receiver(answer: Answer) -> AsyncIterator[Receiver]:
    """A running receiver."""
    server = Receiver(answer)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, server.serve, 0)
        port = listeners[0].socket.getsockname()[1]
        server.url = f"http://127.0.0.1:{port}/hooks?x=1"
        yield server
        nursery.cancel_scope.cancel()


def says(status: int, *headers: str, body: bytes = b"") -> Answer:
    """An ordinary answer."""

    async def answer(_server: Receiver, stream: trio.SocketStream) -> None:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
        await stream.send_all("\r\n".join(lines).encode() + body)

    return answer
