"""The gate: what would be refused is refused from the bytes of its head, and everything else is left to the parser."""

import json

import pytest
import trio

from tests.http.fakes import World
from tests.http.test_overload import PATIENCE, Talker, scene
from tests.http.test_server import running
from wasup.http import Places, create_app, make_door
from wasup.http.gate import Gate
from wasup.http.places import Place

PLAIN = b"GET /api/accounts?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wsp_a\r\n\r\n"
POST = b"POST /api/messages HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\n"


def shut() -> Gate:
    """A gate through which no key gets."""
    return Gate(Places(), lambda _key: 1.5)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        POST + b"{  }",
        b"HEAD /api/accounts HTTP/1.1\r\nhost:x\r\n\r\n",
        b"DELETE /api/accounts/1 HTTP/1.1\r\nHost: x\r\nX-Api-Key: \twsp_a \r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_plain_request_is_refused(data: bytes) -> None:
    """A whole answer comes at once; to HEAD it has no body."""
    answer = shut().refuse(data, lambda: [(b"date", b"today")])
    assert answer is not None
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert first.split()[:2] == [b"HTTP/1.1", b"429"]
    headers = dict(line.split(b": ", 1) for line in lines)
    assert len(headers) == len(lines)
    assert headers[b"date"] == b"today"
    assert headers[b"retry-after"] == b"2"
    if data.startswith(b"HEAD"):
        assert not body
    else:
        assert int(headers[b"content-length"]) == len(body)
        assert json.loads(body)["request_id"].encode() == headers[b"x-request-id"]


@pytest.mark.parametrize(
    "data",
    [
        b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health?full=1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nX-Api-Key: wsp_a\r\n\r\n",  # needs no key
        PLAIN[:-2],  # its head is not whole
        PLAIN + PLAIN,
        POST + b"{ ",  # its body is not whole
        POST + b"{  }GET",
        PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
        PLAIN.replace(b"Host: x\r\n", b""),
        PLAIN.replace(b"Host", b"Host "),
        PLAIN.replace(b"Host: x", b"Host: x\r\nHost: y"),
        PLAIN.replace(b"Host: x", b"Host: x\n"),
        PLAIN.replace(b"Host: x", b"Host: \x00"),
        PLAIN.replace(b"Host: x", b"Host: x\r\n more"),
        PLAIN.replace(b"Host: x", b"Host: x\r\nTransfer-Encoding: chunked"),
        PLAIN.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue"),
        PLAIN.replace(b"Host: x", b"Host: x\r\nUpgrade: websocket"),
        PLAIN.replace(b"Host: x", b"Host: x\r\nConnection: close"),
        PLAIN.replace(b"Host: x", b"Host: x\r\nContent-Length: -0"),
        PLAIN.replace(b"Host: x", b"Host: x\r\nContent-Length: 0, 0"),
        PLAIN.replace(b"/api", b"http://x/api"),
        PLAIN.replace(b"GET", b"get"),
        b"\x16\x03\x01",
        b"",
    ],
)
def test_what_is_not_plain_goes_the_usual_way(data: bytes) -> None:
    """So the gate never understands a request in another way than the parser."""
    assert shut().refuse(data, list) is None


def test_who_has_room_passes() -> None:
    """The gate is no limit of its own; it knows the key whichever header brings it."""
    keys: list[str] = []

    def overused(key: str) -> float:
        keys.append(key)
        return 0.0

    gate = Gate(Places(1), overused)
    assert gate.refuse(PLAIN, list) is None
    assert gate.refuse(b"GET /api/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: wsp_b\r\n\r\n", list) is None
    assert gate.refuse(b"GET /api/keys HTTP/1.1\r\nHost: x\r\n\r\n", list) is None
    assert keys == ["wsp_a", "wsp_b", ""]


async def test_a_refusal_for_want_of_room_is_counted() -> None:
    """Places count what they have refused, whoever does it for them; a key's own limit is none of theirs."""
    places = Places(1)
    gate = Gate(places, lambda key: 3.2 if key == "wsp_a" else 0.0)
    assert b" 429 " in (gate.refuse(PLAIN, list) or b"")
    assert places.refused == 0
    other = PLAIN.replace(b"wsp_a", b"wsp_b")
    assert gate.refuse(other, list) is None
    Place(places, "somebody").take()
    assert b" 503 " in (gate.refuse(other, list) or b"")
    assert places.refused == 1


async def test_a_key_that_is_used_too_often_hears_the_same_from_gate_and_application() -> None:
    """Status, headers and body: nobody can tell, but by the time it takes."""
    world = World(rate_per_key=0.01)
    ask = b"GET /api/accounts HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\nAuthorization: Bearer %s\r\n%s\r\n"
    key = world.key.encode()
    door = make_door(world.services)
    async with running(create_app(world.services, door), None, overused=door.overused) as server:
        stream = await server.connect()
        talker = Talker(stream)
        answers = []
        for more in (b"", b"", b"TE: trailers\r\n"):  # the last is left to the application
            await talker.say(ask % (key, more))
            answers.append(await talker.hear())
        (first, _, _), (status, headers, body), (parsed, same, told) = answers
        assert (first, status, parsed) == (200, 429, 429)
        assert headers.keys() == same.keys()
        assert {**headers, "date": "", "retry-after": ""} == {**same, "date": "", "retry-after": ""}
        assert body == told
        assert headers["x-request-id"] == "mine"
        wrong = ask % (b"wsp_" + b"0" * 27, b"")
        await talker.say(wrong)
        assert (await talker.hear())[0] == 401
        await stream.aclose()


async def test_a_connection_goes_on_after_refusals_by_the_gate() -> None:
    """Between them a request may come in pieces, or two at once, and each is answered in its turn."""
    async with scene(1) as there:
        await there.fill(1)
        slow = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
        talker = await there.ask(slow)
        assert (await talker.hear())[0] == 503
        await talker.say(slow[:20])
        await talker.say(slow[20:])
        assert (await talker.hear())[0] == 503
        await talker.say(slow)
        assert (await talker.hear())[0] == 503
        there.slow.let_go.set()
        with trio.fail_after(PATIENCE):
            while there.places.in_hand:
                await trio.sleep(0.005)
        await talker.say(slow)
        assert (await talker.hear())[0] == 200
