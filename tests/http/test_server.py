"""The guarded server on real sockets: what one client does to it, nobody else notices."""

import json
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
from tests.http.nonsense import HOSTILE, PING, RESET, UPGRADE
from wasup.http import Places, ServerLimits, create_app, serve_http
from wasup.http.gate import Overused
from wasup.http.headers import SECURITY_HEADERS


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
async def running(
    app: Any, places: Places | None = None, /, *, overused: Overused = lambda _key: 0.0, **limits: Any
) -> AsyncIterator[Server]:
    """Serve an application; afterwards the server must stop in time, and without an error."""
    stop = trio.Event()

    async def child(task_status: trio.TaskStatus[int]) -> None:
        await serve_http(
            app,
            host="127.0.0.1",
            port=0,
            started=task_status.started,
            stop=stop,
            limits=ServerLimits(**limits),
            places=places,
            overused=overused,
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
        for parts in HOSTILE.values():
            with trio.fail_after(5):
                await server.talk(parts, patience=0.1)
            await ask_again(neighbour)
            await server.assert_answers()
        await neighbour.aclose()


def assert_usual_headers(answer: bytes) -> None:
    """The headers of every answer, and the request id that its body tells."""
    head, _, body = answer.partition(b"\r\n\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert {name.lower(): value.lower() for name, value in SECURITY_HEADERS.items()}.items() <= headers.items()
    assert json.loads(body)["request_id"] == headers["x-request-id"]


@pytest.mark.parametrize("name", ["garbage", "a giant head", "a path that is no text", "two lengths", "no host"])
async def test_what_is_no_request_is_answered_with_problem_details(name: str) -> None:
    """Even before the application has seen anything."""
    async with running(api(), linger=0.2) as server:
        answer = await server.talk(HOSTILE[name], patience=2)
        assert answer.startswith(b"HTTP/1.1 4")
        assert b"application/problem+json" in answer
        assert b'"detail"' in answer
        assert_usual_headers(answer)


async def test_an_upgrade_to_what_is_no_websocket_is_refused_in_words(caplog: pytest.LogCaptureFixture) -> None:
    """Like any unknown route, and like requests counted for their address; that is no fault of ours."""
    async with running(api(), linger=0.2) as server:
        for path, status in ((b"/nowhere", 404), (b"/health", 400), (b"/dashboard/", 400)):
            answer = await server.talk([UPGRADE.replace(b"/ws", path)])
            assert answer.startswith(b"HTTP/1.1 %d " % status)
            assert b"application/problem+json" in answer
            assert b"x-request-id" in answer.lower()
    assert "failed" not in caplog.text
    async with running(create_app(World(rate_per_address=1.0).services), linger=0.2) as server:
        answers = [await server.talk([UPGRADE]) for _ in range(4)]
        assert answers[-1].startswith(b"HTTP/1.1 429 ")


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


async def test_who_keeps_a_place_without_a_request_loses_it_to_who_has_one() -> None:
    """A crowd that only connects, or dawdles over its heads, keeps nobody out; nor does it push out who was served."""
    async with running(api(), connections=5) as server:
        guest = await server.connect()
        crowd = []
        for number in range(20):
            await ask_again(guest)
            crowd.append(await server.connect())
            if number % 2:
                await crowd[-1].send_all(b"GET /health HTTP/1.1\r\nHo")
            await trio.sleep(0.01)
            await server.assert_answers()
        for stream in crowd[:12]:
            with trio.fail_after(2), suppress(trio.BrokenResourceError):
                assert await stream.receive_some(100) == b""
        for stream in (guest, *crowd):
            await stream.aclose()
        resting = []
        for _ in range(7):
            resting.append(await server.connect())
            await ask_again(resting[-1])
        for stream in resting[:2]:
            with suppress(trio.BrokenResourceError):
                assert await stream.receive_some(100) == b""
        for stream in resting[2:]:
            await ask_again(stream)
        for stream in resting:
            await stream.aclose()


async def ask_again(stream: trio.SocketStream) -> None:
    """Ask on a connection that stays open."""
    await stream.send_all(PING.replace(b"close", b"keep-alive"))
    answer = b""
    with trio.fail_after(5):
        while not answer.endswith(b"}"):
            data = await stream.receive_some(65_536)
            assert data, "the server has closed the connection"
            answer += data
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_when_all_are_at_work_newcomers_are_turned_away() -> None:
    """With a 503 and at once; a place that becomes free is given again."""
    async with running(flood(), connections=3) as server:
        held = [await server.connect() for _ in range(3)]
        for stream in held:
            await stream.send_all(b"GET /forever HTTP/1.1\r\nHost: x\r\n\r\n")
        await trio.sleep(0.1)
        for _ in range(3):
            answer = await server.talk([PING])
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"application/problem+json" in answer
            assert b"Retry-After: 1" in answer
            assert_usual_headers(answer)
        for stream in held:
            await stream.aclose()
        await trio.sleep(0.1)
        await server.assert_answers()


async def test_an_address_that_is_taken_is_an_error() -> None:
    """The supervisor sees it as a failed start."""
    async with running(api()) as server:
        with pytest.raises(OSError, match="in use"):
            await serve_http(api(), host="127.0.0.1", port=server.port, started=lambda _port: None)
