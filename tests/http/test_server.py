"""The guarded server on real sockets: what one client does to it, nobody else notices."""

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio
from quart import Response, websocket
from quart_trio import QuartTrio

from tests.http.fakes import World
from wasup.http import ServerLimits, create_app, serve_http

UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: bKdPyn3u98cTfZJSh4TNeQ==\r\n\r\n"
)
PING = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
RESET = b"<reset>"

HOSTILE = {
    "websocket upgrade with a trailing byte": [UPGRADE + b"x"],
    "websocket upgrade with a trailing frame": [UPGRADE + b"\x81\x81\0\0\0\0a"],
    "websocket upgrade, then garbage": [UPGRADE, b"\xff" * 40],
    "websocket upgrade of an unknown version": [UPGRADE.replace(b"Version: 13", b"Version: 99")],
    "websocket upgrade, then a reset": [UPGRADE, RESET],
    "websocket frame with bad text": [UPGRADE, b"\x81\x82\0\0\0\0\xff\xfe"],
    "websocket control frame in fragments": [UPGRADE, b"\x09\x80\0\0\0\0"],
    "websocket close with a bad code": [UPGRADE, b"\x88\x82\0\0\0\0\x00\x01"],
    "websocket frame of 2^63 bytes": [UPGRADE, b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"],
    "garbage": [b"\x00\x01\x02garbage\r\n\r\n"],
    "TLS hello": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200],
    "a giant head": [b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n"],
    "a thousand headers": [b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20_000 + b"\r\n"],
    "a bad chunk": [b"POST /api/accounts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n"],
    "a giant chunk": [
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\nx",
        RESET,
    ],
    "two lengths": [b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    "length and chunks": [b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    "a negative length": [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n"],
    "HTTP/2 preface": [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0" * 30],
    "h2c upgrade": [
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: !\r\n\r\n"
    ],
    "pipelined requests": [b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 50],
    "a path that is no text": [b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n"],
    "a path with escapes that are no text": [b"GET /%ff%fe%00 HTTP/1.1\r\nHost: x\r\n\r\n"],
    "two slashes": [b"GET //api/accounts HTTP/1.1\r\nHost: x\r\n\r\n"],
    "an absolute address": [b"GET http://evil.example/health HTTP/1.1\r\nHost: x\r\n\r\n"],
    "no host": [b"GET /health HTTP/1.1\r\n\r\n"],
    "a strange host": [b"GET /health HTTP/1.1\r\nHost: ]][[:-1\r\n\r\n"],
    "CONNECT": [b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n"],
    "an asterisk": [b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"],
    "a request, then a reset": [b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", RESET],
    "half a body, then a reset": [b"POST /api/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc", RESET],
    "half a head, then the end": [b"GET /hea", RESET],
    "nothing, then a reset": [RESET],
}


class Server:
    """A running server and raw connections to it."""

    def __init__(self, port: int, stop: trio.Event) -> None:
        self.port = port
        self.stop = stop

    async def connect(self) -> trio.SocketStream:
        """A new connection."""
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def talk(self, parts: list[bytes], *, patience: float = 5.0, between: float = 0.02) -> bytes:
        """Send parts and read until the server closes, or for so many seconds."""
        stream = await self.connect()
        try:
            for part in parts:
                if part == RESET:
                    await trio.sleep(between)
                    linger = struct.pack("ii", 1, 0)
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    return b""
                await stream.send_all(part)
                await trio.sleep(between)
            received = b""
            with trio.move_on_after(patience):
                while data := await stream.receive_some(65_536):
                    received += data
            return received
        except trio.BrokenResourceError:
            return b"<broken>"
        finally:
            stream.socket.close()

    async def assert_answers(self) -> None:
        """The next request of somebody else is answered."""
        assert (await self.talk([PING])).startswith(b"HTTP/1.1 200 ")


@asynccontextmanager
async def running(app: Any, **limits: Any) -> AsyncIterator[Server]:
    """Serve an application; afterwards the server must stop in time, and without an error."""
    stop = trio.Event()

    async def child(task_status: trio.TaskStatus[int]) -> None:
        await serve_http(
            app, host="127.0.0.1", port=0, started=task_status.started, stop=stop, limits=ServerLimits(**limits)
        )

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            yield Server(await nursery.start(child), stop)
            stop.set()
            scope.deadline = trio.current_time() + 8
    assert not scope.cancelled_caught


def api() -> QuartTrio:
    """The whole API over fakes, and a WebSocket as the event stream will be one."""
    app = create_app(World().services)

    @app.websocket("/ws")
    async def echo() -> None:
        while True:
            await websocket.send("echo: " + str(await websocket.receive()))

    return app


def flood() -> QuartTrio:
    """An application whose answer never ends."""
    app = QuartTrio("flood")

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {}

    @app.get("/flood")
    async def endless() -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 65_536

        response = Response(chunks())
        response.timeout = None
        return response

    @app.get("/slow")
    async def slow() -> dict[str, str]:
        await trio.sleep(0.5)
        return {"slow": "done"}

    @app.get("/forever")
    async def forever() -> dict[str, str]:
        await trio.Event().wait()
        return {}

    return app


async def test_hostile_bytes_end_their_own_connection_only() -> None:
    """The server and a neighbour's open connection survive every one of them."""
    async with running(api(), linger=0.2) as server:
        neighbour = await server.connect()
        for name, parts in HOSTILE.items():
            with trio.fail_after(5):
                await server.talk(parts, patience=0.3)
            await neighbour.send_all(PING.replace(b"close", b"keep-alive"))
            answer = b""
            with trio.fail_after(5):
                while not answer.endswith(b"}"):
                    answer += await neighbour.receive_some(65_536)
            assert answer.startswith(b"HTTP/1.1 200 "), name
            await server.assert_answers()
        await neighbour.aclose()


@pytest.mark.parametrize("name", ["garbage", "a giant head", "a path that is no text", "two lengths", "no host"])
async def test_what_is_no_request_is_answered_with_problem_details(name: str) -> None:
    """Even before the application has seen anything."""
    async with running(api(), linger=0.2) as server:
        answer = await server.talk(HOSTILE[name], patience=2)
        assert answer.startswith(b"HTTP/1.1 4")
        assert b"application/problem+json" in answer
        assert b'"detail"' in answer


async def test_ten_megabytes_are_refused_while_they_arrive() -> None:
    """The client reads its 413 though it sends everything first; the server keeps no more than the limit."""
    head = b"POST /api/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n"
    world = World()
    async with running(create_app(world.services)) as server:
        with_key = head % world.key.encode()
        told = with_key + b"Content-Length: 10000000\r\n\r\n"
        chunk = b"%x\r\n" % 100_000 + b" " * 100_000 + b"\r\n"
        for parts in ([told, b" " * 10_000_000], [with_key + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 100]):
            answer = await server.talk(parts, between=0)
            assert answer.startswith(b"HTTP/1.1 413 "), answer[:100]
            assert b"application/problem+json" in answer
        await server.assert_answers()


async def test_a_mistake_in_a_small_request_leaves_the_connection_usable() -> None:
    """A 401 for a request with a body is followed by the next answer on the same connection."""
    async with running(api()) as server:
        stream = await server.connect()
        for _ in range(3):
            await stream.send_all(
                b"POST /api/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
            )
            await trio.sleep(0.02)
            await stream.send_all(b"{}")
            answer = b""
            with trio.fail_after(2):
                while not answer.endswith(b"}"):
                    answer += await stream.receive_some(65_536)
            assert answer.startswith(b"HTTP/1.1 401 ")
        await stream.aclose()


async def test_an_idle_connection_is_closed() -> None:
    """Also one that was used before."""
    async with running(api(), idle=0.3) as server:
        for requests in (0, 1, 3):
            stream = await server.connect()
            for _ in range(requests):
                await stream.send_all(PING.replace(b"close", b"keep-alive"))
                await trio.sleep(0.05)
            with trio.fail_after(2):
                while await stream.receive_some(65_536):
                    pass
            await stream.aclose()


async def test_who_dawdles_over_a_head_is_cut_off() -> None:
    """A head that arrives byte by byte has its time, not more."""
    async with running(api(), idle=0.4) as server:
        began = trio.current_time()
        stream = await server.connect()
        with trio.fail_after(5), suppress(trio.BrokenResourceError):
            for byte in PING * 10:
                await stream.send_all(bytes([byte]))
                await trio.sleep(0.05)
        assert trio.current_time() - began < 2
        await stream.aclose()
        await server.assert_answers()


async def test_who_dawdles_over_a_body_gets_a_408() -> None:
    """A body has its time too."""
    world = World(body_timeout=0.3)
    async with running(create_app(world.services)) as server:
        head = b"POST /api/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Api-Key: %s\r\n"
        answer = await server.talk([head % world.key.encode() + b"Content-Length: 10\r\n\r\n{"])
        assert answer.startswith(b"HTTP/1.1 408 ")
        await server.assert_answers()


async def test_who_does_not_read_is_dropped() -> None:
    """An answer that nobody takes ends its connection, and no other."""
    async with running(flood(), send_timeout=0.3) as server:
        stream = await server.connect()
        await stream.send_all(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        await trio.sleep(1)
        await server.assert_answers()
        with trio.fail_after(5), suppress(trio.BrokenResourceError):
            while await stream.receive_some(1_000_000):
                pass
        await stream.aclose()


async def test_who_does_not_read_does_not_hold_up_a_stop() -> None:
    """Hypercorn shields its sends; closing the socket ends them all the same."""
    async with running(flood(), send_timeout=60, grace=0.5) as server:
        stream = await server.connect()
        await stream.send_all(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        await trio.sleep(0.5)
        began = trio.current_time()
        server.stop.set()
    assert trio.current_time() - began < 3
    await stream.aclose()


async def test_a_stop_lets_requests_in_hand_finish() -> None:
    """The answer arrives though the stop came first; what takes for ever is cut off."""
    async with running(flood(), grace=2.0) as server:
        answers: list[bytes] = []

        async def ask(path: bytes) -> None:
            answers.append(await server.talk([b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % path], patience=6))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, b"slow")
            nursery.start_soon(ask, b"forever")
            await trio.sleep(0.2)
            server.stop.set()
    assert sorted(answer[:13] for answer in answers) == [b"", b"HTTP/1.1 200 "]


async def test_cancelling_ends_it_at_once() -> None:
    """Also with a client that does not read."""
    with trio.move_on_after(1) as scope:
        async with trio.open_nursery() as nursery:

            async def child(task_status: trio.TaskStatus[int]) -> None:
                await serve_http(flood(), host="127.0.0.1", port=0, started=task_status.started)

            stream = await trio.open_tcp_stream("127.0.0.1", await nursery.start(child))
            await stream.send_all(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
    assert scope.cancelled_caught
    assert trio.current_time() - scope.deadline < 0.5
    await stream.aclose()


async def test_more_connections_than_the_limit_are_turned_away() -> None:
    """With a 503 and at once; a place that becomes free is given again."""
    async with running(api(), connections=3) as server:
        held = [await server.connect() for _ in range(3)]
        await trio.sleep(0.1)
        answer = await server.talk([PING])
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"application/problem+json" in answer
        for stream in held:
            await stream.aclose()
        await trio.sleep(0.1)
        await server.assert_answers()


async def test_an_address_that_is_taken_is_an_error() -> None:
    """The supervisor sees it as a failed start."""
    async with running(api()) as server:
        with pytest.raises(OSError, match="in use"):
            await serve_http(api(), host="127.0.0.1", port=server.port, started=lambda _port: None)
