"""More requests than can be answered in time, on real sockets: the surplus is refused at once, and nothing else is."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
import pytest
import trio
import trio.testing
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from quart import Response, request, websocket
from quart_trio import QuartTrio

from tests.http.conftest import Client
from tests.http.fakes import World
from tests.http.nonsense import UPGRADE
from tests.http.test_server import Server, running
from wasup.http import Places
from wasup.http.headers import SECURITY_HEADERS
from wasup.http.places import Place
from wasup.http.refusal import HEALTH

SLOW = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
PATIENCE = 5.0


@dataclass
class Slow:
    """An application whose requests take as long as one wants."""

    begun: int = 0
    let_go: trio.Event = field(default_factory=trio.Event)

    def app(self) -> QuartTrio:
        """Routes of each kind."""
        app = QuartTrio("slow")

        @app.route("/slow", methods=["GET", "POST"])
        async def slow() -> dict[str, int]:
            await request.get_data()
            self.begun += 1
            await self.let_go.wait()
            return {}

        @app.get("/stream")
        async def stream() -> Response:
            async def parts() -> AsyncIterator[bytes]:
                self.begun += 1
                yield b"first"
                await self.let_go.wait()

            return Response(parts())

        @app.websocket("/ws")
        async def socket() -> None:
            await websocket.accept()
            self.begun += 1
            await self.let_go.wait()

        @app.get("/health/live")
        async def live() -> dict[str, int]:
            return {}

        return app

    async def wait_begun(self, number: int) -> None:
        """Wait until so many requests are being worked on."""
        with trio.fail_after(PATIENCE):
            while self.begun < number:
                await trio.sleep(0.005)


class Talker:
    """A connection on which one asks and hears, again and again."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    async def say(self, data: bytes) -> None:
        """Send something."""
        await self._stream.send_all(data)

    async def hear(self, *, headless: bool = False) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers, body; `headless` for one to HEAD."""
        data = b""
        with trio.fail_after(PATIENCE):
            while b"\r\n\r\n" not in data:
                data += await self._more()
            head, _, body = data.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            while not headless and len(body) < int(headers.get("content-length", 0)):
                body += await self._more()
        return int(first.split()[1]), headers, body

    async def _more(self) -> bytes:
        data = bytes(await self._stream.receive_some(65_536))
        assert data, "the connection was closed"
        return data

    async def wait_closed(self) -> None:
        """Wait until the other side ends."""
        with trio.fail_after(PATIENCE):
            while await self._stream.receive_some(65_536):
                pass


@dataclass
class Scene:
    """A server with few places."""

    server: Server
    slow: Slow
    places: Places
    open: list[trio.SocketStream] = field(default_factory=list)

    async def connect(self) -> trio.SocketStream:
        """A new connection, closed at the end."""
        self.open.append(await self.server.connect())
        return self.open[-1]

    async def ask(self, data: bytes) -> Talker:
        """A new connection on which this was said."""
        talker = Talker(await self.connect())
        await talker.say(data)
        return talker

    async def fill(self, number: int) -> list[Talker]:
        """So many slow requests in hand."""
        before = self.slow.begun
        talkers = [await self.ask(SLOW) for _ in range(number)]
        await self.slow.wait_begun(before + number)
        return talkers


@asynccontextmanager
async def scene(places: int, **limits: Any) -> AsyncIterator[Scene]:
    """Serve the slow application until the block ends."""
    slow, seats = Slow(), Places(places)
    async with running(slow.app(), seats, **limits) as server:
        found = Scene(server, slow, seats)
        try:
            yield found
        finally:
            slow.let_go.set()
            for stream in found.open:
                stream.socket.close()


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine does not make those give up their places who hold them here."""
    monkeypatch.setattr("wasup.http.places._LONG", 60.0)


async def test_the_surplus_is_refused_at_once_and_all_others_are_answered() -> None:
    """Below the limit nothing is refused; a refused one may ask again on its connection, and then is answered."""
    async with scene(3) as there:
        held = await there.fill(3)
        assert there.places.refused == 0
        body = b'{"a": 1}'
        post = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        talker = await there.ask(SLOW)
        status, headers, content = await talker.hear()
        assert status == 503
        assert headers["retry-after"] == "1"
        assert headers["content-type"] == "application/problem+json"
        assert {name.lower(): value.lower() for name, value in SECURITY_HEADERS.items()}.items() <= headers.items()
        problem = json.loads(content)
        assert problem["type"] == "urn:wasup:problem:overloaded"
        assert problem["request_id"] == headers["x-request-id"]
        await talker.say(post + body)
        status, again, _ = await talker.hear()
        assert status == 503
        assert again["x-request-id"] != headers["x-request-id"]
        await talker.say(post)  # its body comes late: it is refused nevertheless, and the connection stays
        assert (await talker.hear())[0] == 503
        await talker.say(body + b"HEAD /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await talker.hear(headless=True))[0] == 503
        assert there.places.refused == 4
        assert there.places.in_hand == 3

        await talker.say(LIVE)
        assert (await talker.hear())[0] == 200

        there.slow.let_go.set()
        for one in held:
            assert (await one.hear())[0] == 200
        assert there.places.in_hand == 0
        await talker.say(SLOW)
        assert (await talker.hear())[0] == 200
        assert there.places.refused == 4


def asking(*headers: str) -> bytes:
    """A slow request with these headers."""
    return "\r\n".join(("GET /slow HTTP/1.1", "Host: x", *headers, "", "")).encode()


async def test_who_asks_for_everything_leaves_places_to_others() -> None:
    """However it sends its key, and whichever way its requests take; a cookie, and no key at all, are callers too."""
    async with scene(10) as there:
        for _ in range(8):
            await there.ask(asking("X-Api-Key: greedy"))
        await there.slow.wait_begun(8)
        for header in ("X-Api-Key: greedy", "Authorization: Bearer greedy"):
            for more in ((), ("Connection: close",)):
                assert (await (await there.ask(asking(header, *more))).hear())[0] == 503
        await there.ask(asking("Cookie: wasup=modest"))
        await there.slow.wait_begun(9)
        await there.ask(asking("Connection: close"))
        await there.slow.wait_begun(10)
        assert there.places.in_hand == 10
        there.slow.let_go.set()
        with trio.fail_after(PATIENCE):
            while there.places.in_hand:
                await trio.sleep(0.005)
        talkers = [await there.ask(asking("X-Api-Key: greedy")) for _ in range(8)]
        assert [(await talker.hear())[0] for talker in talkers] == [200] * 8


async def test_uploads_and_streams_hold_no_places() -> None:
    """Neither while they arrive nor once their answer has begun; a whole request does."""
    async with scene(1) as there:
        upload = await there.ask(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        stream = await there.ask(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await stream.hear())[0] == 200
        socket = await there.ask(UPGRADE)
        assert (await socket.hear())[0] == 101
        assert there.places.in_hand == 0
        await upload.say(b"cd")
        await there.slow.wait_begun(3)
        assert there.places.in_hand == 1
        assert (await (await there.ask(SLOW)).hear())[0] == 503
        assert (await (await there.ask(UPGRADE)).hear())[0] == 503


async def test_who_goes_gives_its_place_back() -> None:
    """A client that hangs up does not keep others out."""
    async with scene(1) as there:
        stream = await there.connect()
        await stream.send_all(SLOW)
        await there.slow.wait_begun(1)
        await stream.aclose()
        with trio.fail_after(PATIENCE):
            while there.places.in_hand:
                await trio.sleep(0.005)
        await there.fill(1)
        assert there.places.refused == 0


@pytest.mark.parametrize("head", [b"Content-Length: 10000000", b"Transfer-Encoding: chunked", b"Expect: 100-continue"])
async def test_much_that_is_still_to_come_ends_the_connection(head: bytes) -> None:
    """It is not read to its end to be thrown away."""
    async with scene(1, linger=0.1) as there:
        await there.fill(1)
        talker = await there.ask(b"POST /slow HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
        status, headers, _ = await talker.hear()
        assert status == 503
        assert headers["connection"] == "close"
        await talker.wait_closed()


async def test_the_rest_of_a_refused_request_must_arrive_in_time() -> None:
    """Nobody keeps a connection by announcing a body that never comes."""
    async with scene(1, idle=0.3) as there:
        await there.fill(1)
        talker = await there.ask(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        assert (await talker.hear())[0] == 503
        await talker.wait_closed()


async def test_who_waits_for_something_else_makes_room(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that has been in hand for a second holds no place any more."""
    del autojump_clock
    monkeypatch.setattr("wasup.http.places._LONG", 1.0)
    places = Places(2)
    first, second, third = Place(places, "a"), Place(places, "b"), Place(places, "c")
    first.take()
    await trio.sleep(0.6)
    second.take()
    assert not places.have_room("c")
    await trio.sleep(0.5)
    assert places.have_room("c")
    third.take()
    first.take()  # too late: it has none any more
    assert not places.have_room("a")
    assert places.in_hand == 2


async def test_there_are_fewer_places_the_longer_turns_are_late() -> None:
    """Down to some, for those who hold one; they come back one by one. One stall costs nothing."""
    places = Places(40)
    held = [Place(places, str(number)) for number in range(22)]
    for place in held:
        place.take()
    places.note_late("turn", late=True)
    places.note_late("turn", late=False)
    places.note_late("ping", late=True)
    assert places.have_room("21")
    for _ in range(6):
        places.note_late("turn", late=True)
    assert not places.have_room("21"), "twenty-two are more than what is left of forty"
    assert places.have_room("new"), "who holds none is not shut out"
    for place in held[:21]:
        place.give_back()
    for _ in range(50):
        places.note_late("ping", late=True)
    assert places.have_room("21"), "one of two"
    held[0] = Place(places, "other")
    held[0].take()
    assert not places.have_room("21")
    for _ in range(100):
        places.note_share(0.5)
    assert not places.have_room("21"), "the way to the database is still slow"
    places.note_late("turn", late=False)
    places.note_late("ping", late=False)
    for _ in range(100):
        places.note_share(0.5)
    assert places.have_room("21")
    for number in range(38):
        assert places.have_room("new")
        Place(places, f"more {number}").take()
    assert not places.have_room("new")


async def test_there_are_fewer_places_while_the_process_is_busy() -> None:
    """The busier, the faster; a short stall costs few, and just below the limit there are as many as before."""
    places = Places(32)
    held = [Place(places, str(number)) for number in range(15)]
    for place in held:
        place.take()

    def rooms(*shares: float) -> list[bool]:
        found = []
        for share in shares:
            places.note_share(share)
            found.append(places.have_room("1"))
        return found

    assert rooms(0.8, 0.8, 0.8, 0.8, 1.0, 1.0, 0.8, 0.8) == [True] * 8
    assert rooms(*[0.87] * 20) == [True] * 20
    assert rooms(*[1.0] * 6)[2:] == [False] * 4
    assert rooms(*[0.87] * 20)[3:] == [False] * 17
    assert rooms(*[0.5] * 40)[-1]


async def test_the_places_follow_a_stalling_server(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks look how busy the process is, how late they are, and how late the database is, if that is there.

    Only while somebody asks: a server with nothing to do does nothing.
    """
    slow = 0.0
    broken = False
    found: list[tuple[str, bool]] = []

    async def ping() -> None:
        await trio.sleep(slow)
        if broken:
            raise ValueError("no greeting of a database")

    async def ask() -> None:
        with asking:
            while True:
                places.have_room("somebody")
                await trio.sleep(0.3)

    asking = trio.CancelScope()
    places = Places(40, ping=ping)
    monkeypatch.setattr(places, "note_late", lambda what, *, late: found.append((what, late)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(places.follow_load)
        await trio.sleep(0.25)
        assert found == []
        nursery.start_soon(ask)
        await trio.sleep(0.25)
        assert set(found) == {("turn", False), ("ping", False)}
        autojump_clock.jump(0.5)
        await trio.sleep(0.01)
        assert ("turn", True) in found
        found.clear()
        slow = 3600
        await trio.sleep(0.6)
        assert ("ping", True) in found, "told while it is still on its way"
        assert found.count(("turn", False)) > 4
        found.clear()
        slow, broken = 0, True
        await trio.sleep(0.6)
        assert ("ping", False) in found
        asking.cancel()
        await trio.sleep(2)
        found.clear()
        await trio.sleep(2)
        assert found == []
        nursery.cancel_scope.cancel()


async def test_the_places_follow_how_busy_the_process_is(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its share of a core, every 100 ms."""
    found: list[float] = []
    places = Places(40, used=lambda: trio.current_time() * 0.75)
    monkeypatch.setattr(places, "note_share", found.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(places.follow_load)
        places.have_room("somebody")
        await trio.sleep(0.95)
        assert found == pytest.approx([0.75] * 9)
        nursery.cancel_scope.cancel()


async def test_what_was_found_is_forgotten_when_nobody_asks_any_more(autojump_clock: trio.testing.MockClock) -> None:
    """Who asks an hour later finds all places, however busy it was at the end."""
    places = Places(32, used=lambda: trio.current_time() * 0.5)
    held = [Place(places, str(number)) for number in range(20)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(places.follow_load)
        places.have_room("0")
        await trio.sleep(0.05)
        for place in held:
            place.take()
        for _ in range(20):
            places.note_share(1.0)
        places.note_late("ping", late=True)
        assert not places.have_room("0")
        await trio.sleep(2.5)
        for place in held:
            places.hold(place)  # for no longer than now
        assert places.have_room("0")
        places.note_late("ping", late=True)
        assert places.have_room("0"), "late for the first time"
        nursery.cancel_scope.cancel()


def test_the_refusal_is_documented() -> None:
    """Status, headers and body are those that each operation of the document may answer with."""
    world = World()
    document = trio.run(partial(Client(world).get, "/openapi.json", key=None)).json()

    async def refused() -> tuple[int, dict[str, str], bytes]:
        async with scene(1) as there:
            await there.fill(1)
            return await (await there.ask(SLOW)).hear()

    status, headers, body = trio.run(refused)
    schema = document["components"]["schemas"]["ProblemDetails"] | {"components": document["components"]}
    for path in document["paths"].keys() - HEALTH:
        for method, operation in document["paths"][path].items():
            answer = operation["responses"][str(status)]
            assert {name.lower() for name in answer["headers"]} <= headers.keys(), (method, path)
            assert headers["content-type"] in answer["content"]
    Draft202012Validator(schema).validate(msgspec.json.decode(body))
