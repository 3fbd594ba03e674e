"""A webhook receiver as a process of its own: it counts what arrives and how old it is, as cheaply as can be.

`POST /<name>` is answered with 204, a name that begins with `hang` never. `GET /` tells the figures and forgets them
(`Door` of `bench.doors`): how old events were when they arrived, and how old the messages of which they tell.
"""

import asyncio
import sys
import time
from datetime import datetime
from typing import Final

import msgspec

from bench.measure import percentile

_GOOD: Final = b"HTTP/1.1 204 No Content\r\n\r\n"


class _Data(msgspec.Struct):
    timestamp: int


class _Event(msgspec.Struct):
    timestamp: str
    data: _Data


class _Batch(msgspec.Struct):
    events: list[_Event]


class _Door:
    """What came through one path."""

    def __init__(self) -> None:
        self.posts = self.events = 0
        self.first = self.last = 0.0
        self.ages: list[float] = []
        self.message_ages: list[float] = []


_doors: dict[str, _Door] = {}
_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_event = msgspec.json.Decoder(_Event).decode


class _Receiver(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length = 0
            for line in head.split(b"\r\n")[1:]:
                if line[:15].lower() == b"content-length:":
                    length = int(line[15:])
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            self._answer(head.split(b" ", 2)[1].decode().strip("/"), rest[:length])

    def _answer(self, name: str, body: bytes) -> None:
        if not name:
            figures = {key: _figures(door) for key, door in _doors.items()}
            text = msgspec.json.encode(figures)
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
            _doors.clear()
            return
        door = _doors.setdefault(name, _Door())
        now = time.time()
        events = _decode_batch(body).events if body.startswith(b'{"events"') else [_decode_event(body)]
        door.posts += 1
        door.events += len(events)
        door.first, door.last = door.first or now, now
        door.ages += [now - datetime.fromisoformat(event.timestamp).timestamp() for event in events]
        door.message_ages += [now - event.data.timestamp / 1000 for event in events]
        if not name.startswith("hang"):
            self._transport.write(_GOOD)


def _figures(door: _Door) -> dict[str, float]:
    return {
        "posts": door.posts,
        "events": door.events,
        "seconds": door.last - door.first,
        "p50_ms": percentile(door.ages, 50) * 1000,
        "p99_ms": percentile(door.ages, 99) * 1000,
        "message_p50_ms": percentile(door.message_ages, 50) * 1000,
        "message_p99_ms": percentile(door.message_ages, 99) * 1000,
    }


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Receiver, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(_serve()))
