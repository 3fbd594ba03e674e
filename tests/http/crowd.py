"""Clients as nobody wants them, in a process of their own: `python -m tests.http.crowd PORT KEY`.

They come back whenever they are thrown out, until ten thousand others have tried to connect. Then it prints, as JSON,
how many connections each kind of them has made.
"""

import json
import resource
import socket
import struct
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import cycle
from typing import Final

import trio

from tests.http.nonsense import HOSTILE, RESET

ATTEMPTS: Final = 10_000
_WAVE: Final = 500
_RESET: Final = struct.pack("ii", 1, 0)
_GONE: Final = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)

Nasty = Callable[["Crowd"], Awaitable[None]]


class Crowd:
    """What the clients know, and what they have done."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.key = key
        self.made: Counter[str] = Counter()

    async def connect(self, kind: str) -> trio.SocketStream:
        """A new connection, closed by a reset."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.made[kind] += 1
        return stream


async def attempt(crowd: Crowd) -> None:
    """Ten thousand connections that say nothing, in waves; each is held for a while and dropped."""
    for _ in range(ATTEMPTS // _WAVE):
        async with trio.open_nursery() as nursery:
            for _ in range(_WAVE):
                nursery.start_soon(hold, crowd)


async def hold(crowd: Crowd) -> None:
    """One of these."""
    with suppress(*_GONE):
        stream = await crowd.connect("attempt")
        await trio.sleep(0.1)
        stream.socket.close()


async def dawdle_over_head(crowd: Crowd) -> None:
    """A head that never ends, a few bytes at a time."""
    stream = await crowd.connect("head")
    await stream.send_all(b"GET /health HTTP/1.1\r\nHost: x\r\n")
    while True:
        await stream.send_all(b"X-Y: z\r\n")
        await trio.sleep(0.5)


async def dawdle_over_body(crowd: Crowd) -> None:
    """A body of a byte a second, from somebody who has a key."""
    stream = await crowd.connect("body")
    head = f"POST /api/messages HTTP/1.1\r\nHost: x\r\nX-Api-Key: {crowd.key}\r\nContent-Type: application/json\r\n"
    await stream.send_all(head.encode() + b"Content-Length: 1000\r\n\r\n{")
    while True:
        await trio.sleep(1)
        await stream.send_all(b" ")


async def never_read(crowd: Crowd) -> None:
    """Requests for much, again and again, whose answers nobody takes."""
    stream = await crowd.connect("reader")
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    while True:
        await stream.send_all(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 5)
        await trio.sleep(0.1)


async def half_open(crowd: Crowd) -> None:
    """One side ends at once, the other is never closed."""
    stream = await crowd.connect("half")
    await stream.send_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    await stream.send_eof()
    await trio.sleep_forever()


async def send_nonsense(crowd: Crowd) -> None:
    """What is no HTTP, or looks like it, one after the other."""
    for parts in cycle(HOSTILE.values()):
        with suppress(*_GONE):
            stream = await crowd.connect("nonsense")
            for part in parts:
                if part == RESET:
                    break
                await stream.send_all(part)
            with trio.move_on_after(0.02):
                await stream.receive_some(4096)
            stream.socket.close()


KINDS: Final[dict[Nasty, int]] = {
    dawdle_over_head: 100,
    dawdle_over_body: 60,
    never_read: 20,
    half_open: 60,
    send_nonsense: 2,
}


async def again_and_again(kind: Nasty, crowd: Crowd) -> None:
    """Whoever is thrown out comes back."""
    while True:
        with suppress(*_GONE):
            await kind(crowd)
            return
        await trio.sleep(0.3)


async def main(port: int, key: str) -> None:
    """Let them loose."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd(port, key)
    async with trio.open_nursery() as nursery:
        for kind, number in KINDS.items():
            for _ in range(number):
                nursery.start_soon(again_and_again, kind, crowd)
        await attempt(crowd)
        nursery.cancel_scope.cancel()
    print(json.dumps(crowd.made))  # noqa: T201 - read by whoever started this


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), sys.argv[2])
