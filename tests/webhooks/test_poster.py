"""One attempt at one delivery, against a real server on loopback."""

import base64
import email.utils
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, NoReturn

import msgspec
import pytest
import trio
from standardwebhooks import Webhook, WebhookVerificationError
from trio.testing import MockClock

from tests.webhooks.receiver import Answer, Receiver, receiver, says
from wasup.bridge import Bridge
from wasup.emulator.web.certificate import server_context
from wasup.ports.clock import SystemClock
from wasup.ports.outbox import Endpoint, LegacyFacts, PendingEvent
from wasup.ports.webhooks import Answer as Verdict, Outcome
from wasup.webhooks import PosterSettings, WebhookPoster
from wasup.webhooks.addresses import Lookup
from wasup.webhooks.transport import Transport, _seconds

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
BODY = msgspec.json.encode({"whatsapp_account_id": 7, "text": "olá 👋 \u2028", "account_seq": 3})


def endpoint(url: str, secret: str = SECRET) -> Endpoint:
    """An endpoint."""
    return Endpoint(id=1, workspace_id=1, url=url, secret=secret, events=(), enabled=True, disabled_reason=None)


def event(body: bytes = BODY) -> PendingEvent:
    """An event."""
    return PendingEvent(
        id="evt_7_3_abc",
        account_id=7,
        account_seq=3,
        previous_seq=2,
        type="message.received",
        body=body,
        created_at=1_760_000_000_123,
    )


@asynccontextmanager
async def poster(*, allow_private: bool = True, timeout: float = 5.0) -> AsyncIterator[WebhookPoster]:
    """A poster."""

    async def facts(_accounts: Any, *, lids: Any, groups: Any) -> LegacyFacts:
        return LegacyFacts()

    settings = PosterSettings(allow_private=allow_private, timeout=timeout, url=lambda: "https://wasup.example")
    async with Bridge() as bridge:
        made = WebhookPoster(bridge=bridge, clock=SystemClock(), settings=settings, ask_facts=facts)
        try:
            yield made
        finally:
            await made.aclose()


# ---- what is sent ----------------------------------------------------------------------------


async def test_the_signature_verifies_with_the_standard_library() -> None:
    """A receiver that uses the reference implementation accepts it, and refuses a body that was changed."""
    async with receiver(says(204)) as server, poster() as post:
        answer = await post.post(endpoint(server.url), [event()])
        assert answer.outcome is Outcome.DELIVERED
        (request,) = server.requests
        Webhook(SECRET).verify(request.body.decode(), request.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(request.body.decode().replace("7", "8"), request.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(request.body.decode(), request.headers | {"webhook-id": "another"})


async def test_headers_and_body_are_as_promised() -> None:
    """Id, time of this attempt, sequence numbers, and `{type, timestamp, data}`."""
    async with receiver(says(200)) as server, poster() as post:
        await post.post(endpoint(server.url), [event()])
        (request,) = server.requests
        assert (request.method, request.path) == ("POST", "/hooks?x=1")
        headers = request.headers
        assert headers["content-type"] == "application/json"
        assert headers["user-agent"].startswith("wasup/")
        assert headers["webhook-id"] == "evt_7_3_abc"
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 5
        assert headers["webhook-signature"].startswith("v1,")
        assert (headers["wasup-account-seq"], headers["wasup-previous-seq"]) == ("3", "2")
        sent = msgspec.json.decode(request.body)
        assert sent == {
            "type": "message.received",
            "timestamp": "2025-10-09T08:53:20.123+00:00",
            "data": msgspec.json.decode(BODY),
        }


async def test_a_connection_is_kept_for_the_next_event() -> None:
    """Ten deliveries in a row need one connection."""
    async with receiver(says(200, body=b"ok")) as server, poster() as post:
        for _ in range(10):
            assert (await post.post(endpoint(server.url), [event()])).outcome is Outcome.DELIVERED
        assert server.connections == 1


# ---- what is answered ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (201, Outcome.DELIVERED),
        (202, Outcome.DELIVERED),
        (204, Outcome.DELIVERED),
        (299, Outcome.DELIVERED),
        (301, Outcome.FAILED),
        (302, Outcome.FAILED),
        (307, Outcome.FAILED),
        (308, Outcome.FAILED),
        (400, Outcome.FAILED),
        (401, Outcome.FAILED),
        (404, Outcome.FAILED),
        (410, Outcome.GONE),
        (429, Outcome.FAILED),
        (500, Outcome.FAILED),
        (503, Outcome.FAILED),
    ],
)
async def test_each_status_has_one_outcome(status: int, outcome: Outcome) -> None:
    """Any 2xx is a success, 410 is for good, everything else is tried again."""
    async with receiver(says(status)) as server, poster() as post:
        answer = await post.post(endpoint(server.url), [event()])
        assert (answer.outcome, answer.detail) == (outcome, str(status))


async def test_a_redirect_is_not_followed() -> None:
    """Not even to where one might go: the signature is for this address."""
    async with (
        receiver(says(200)) as target,
        receiver(says(302, f"Location: {target.url}")) as server,
        poster() as post,
    ):
        assert (await post.post(endpoint(server.url), [event()])).outcome is Outcome.FAILED
        assert target.requests == []


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("9" * 400, 86400.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
    ],
)
async def test_retry_after_in_seconds(header: str, wait: float | None) -> None:
    """At most a day is believed; what cannot be read is as if it were not there."""
    async with receiver(says(429, f"Retry-After: {header}")) as server, poster() as post:
        answer = await post.post(endpoint(server.url), [event()])
        assert (answer.outcome, answer.retry_after) == (Outcome.FAILED, wait)


async def test_retry_after_as_a_date() -> None:
    """The other form of RFC 9110."""
    date = email.utils.formatdate(time.time() + 90, usegmt=True)
    async with receiver(says(503, f"Retry-After: {date}")) as server, poster() as post:
        answer = await post.post(endpoint(server.url), [event()])
        assert answer.retry_after == pytest.approx(90, abs=3)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("Thu, 01 Jan 1970 00:10:00 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:20:00 GMT", 200.0),
        ("Thu, 01 Jan 1970 00:20:00 -0000", 200.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400.0),
        ("Mon, 01 Jan 0001 00:00:00 -0000", 86400.0),  # Python takes that for 2001
        ("Mon, 99 Jan 2026 00:00:00 GMT", None),
        ("²³", None),
        ("\udcff\udcfe", None),
    ],
)
def test_hostile_retry_after(text: str, wait: float | None) -> None:
    """Whatever it says, it is a wait between nothing and a day, or none; never an exception."""
    assert _seconds(text, 1000.0) == wait


# ---- receivers that misbehave ----------------------------------------------------------------


async def silence(_server: Receiver, stream: trio.SocketStream) -> None:
    """Never answer, and notice when nobody waits for it any more."""
    await stream.receive_some()


async def half_a_header(_server: Receiver, stream: trio.SocketStream) -> None:
    """Begin an answer and stop."""
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-")
    await stream.receive_some()


async def slow_body(_server: Receiver, stream: trio.SocketStream) -> None:
    """A byte now and then."""
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        await stream.send_all(b"x")
        await trio.sleep(0.05)


@pytest.mark.parametrize("answer", [silence, half_a_header, slow_body])
async def test_the_deadline_covers_the_whole_exchange(answer: Answer) -> None:
    """Silence, half an answer, a body byte by byte: over after the timeout, and the connection is closed."""
    async with receiver(answer) as server, poster(timeout=0.3) as post:
        began = trio.current_time()
        found = await post.post(endpoint(server.url), [event()])
        assert found.outcome is Outcome.FAILED
        assert "0.3 s" in found.detail
        assert trio.current_time() - began < 2
        with trio.fail_after(2):
            await server.closed.wait()


async def test_an_endless_answer_is_cut_off() -> None:
    """More than 64 kB are not read; the status counts."""
    sent = 0

    async def endless(_server: Receiver, stream: trio.SocketStream) -> None:
        nonlocal sent
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            await stream.send_all(b"x" * 65536)
            sent += 65536

    async with receiver(endless) as server, poster() as post:
        found = await post.post(endpoint(server.url), [event()])
        assert found.outcome is Outcome.DELIVERED
        with trio.fail_after(2):
            await server.closed.wait()
        assert sent < 50_000_000
        assert (await post.post(endpoint(server.url), [event()])).outcome is Outcome.DELIVERED, (
            "the pool is not poisoned"
        )


async def reset(_server: Receiver, stream: trio.SocketStream) -> None:
    """Close without a word."""
    await stream.aclose()


async def garbage(_server: Receiver, stream: trio.SocketStream) -> None:
    """Not HTTP."""
    await stream.send_all(b"\x00\xffSSH-2.0-hello\r\n\r\n")
    await stream.aclose()


async def cut(_server: Receiver, stream: trio.SocketStream) -> None:
    """Promise more than is sent."""
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await stream.aclose()


async def endless_header(_server: Receiver, stream: trio.SocketStream) -> None:
    """A header without an end."""
    await stream.send_all(b"HTTP/1.1 200 OK\r\n")
    while True:
        await stream.send_all(b"X-Long: " + b"y" * 60000)


@pytest.mark.parametrize("answer", [reset, garbage, cut, endless_header])
async def test_a_broken_receiver_is_a_failure_and_no_exception(answer: Answer) -> None:
    """The event is tried again, and the poster goes on working."""
    async with receiver(answer) as server, receiver(says(200)) as good, poster() as post:
        found = await post.post(endpoint(server.url), [event()])
        assert found.outcome is Outcome.FAILED
        assert len(found.detail) <= 200
        assert (await post.post(endpoint(good.url), [event()])).outcome is Outcome.DELIVERED


async def test_a_receiver_that_breaks_a_new_connection_is_asked_once() -> None:
    """It may have taken the event: only an old connection says nothing when it breaks."""
    async with receiver(reset) as server, poster() as post:
        assert (await post.post(endpoint(server.url), [event()])).outcome is Outcome.FAILED
        assert (len(server.requests), server.connections) == (1, 1)


async def test_a_system_without_a_socket_to_spare_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no old connection that was closed meanwhile: nothing is tried again at once."""
    tried: list[object] = []

    def refuse(*kind: object) -> NoReturn:
        tried.append(kind)
        raise OSError(24, "Too many open files")

    async with receiver(says(200)) as server, poster() as post:
        monkeypatch.setattr("wasup.webhooks.transport.socket.socket", refuse)
        with trio.fail_after(5):
            found = await post.post(endpoint(server.url), [event()])
        monkeypatch.undo()
        assert found.outcome is Outcome.FAILED
        assert (len(tried), server.connections) == (1, 0)


async def test_a_receiver_that_breaks_old_connections_gets_an_event_twice_at_most() -> None:
    """However many old connections there are: the second try goes over a new one."""
    together = trio.Event()

    async def dying(server: Receiver, stream: trio.SocketStream) -> None:
        if len(server.requests) > 4:
            await stream.aclose()
            return
        if len(server.requests) == 4:
            together.set()
        await together.wait()
        await says(200)(server, stream)

    async with receiver(dying) as server, poster() as post:
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(post.post, endpoint(server.url), [event()])
        assert server.connections == 4
        assert (await post.post(endpoint(server.url), [event()])).outcome is Outcome.FAILED
        assert (len(server.requests), server.connections) == (6, 5)


async def test_a_bad_certificate_is_a_failure() -> None:
    """It may be mended; that is no word about the address."""
    context = server_context()

    async def serve(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            await trio.SSLStream(stream, context, server_side=True).do_handshake()
        await stream.aclose()

    async with trio.open_nursery() as nursery, poster() as post:
        (listener,) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        found = await post.post(endpoint(f"https://127.0.0.1:{listener.socket.getsockname()[1]}/"), [event()])
        assert (found.outcome, "ertificate" in found.detail) == (Outcome.FAILED, True)
        nursery.cancel_scope.cancel()


async def test_a_resolver_that_is_away_holds_up_nobody_whose_address_is_known(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is looked up every ten seconds; what was found serves until something else is."""
    asked: list[str] = []
    away = trio.Event()

    async def find(_self: object, host: str, _port: int) -> list[str]:
        asked.append(host)
        if away.is_set():
            await trio.sleep_forever()
        if len(asked) == 1 or len(asked) > 3:
            raise OSError("does not resolve")
        return ["127.0.0.1"]

    class AtOnce:
        async def run(self, *_args: object) -> Verdict:
            await trio.lowlevel.checkpoint()
            return Verdict(outcome=Outcome.DELIVERED, detail="204", status=204)

    monkeypatch.setattr(Lookup, "find", find)
    bridge: Any = AtOnce()
    transport = Transport(bridge=bridge, clock=SystemClock(), allow_private=False)
    outcomes = []
    for wait in (0, 0, 9, 2, 10, 11):
        await trio.sleep(wait)
        outcomes.append((await transport.post("https://hooks.example/", [], b"{}", timeout=5)).outcome)
    assert outcomes == [Outcome.FAILED] + [Outcome.DELIVERED] * 5
    assert len(asked) == 5
    away.set()
    await trio.sleep(11)
    began = trio.current_time()
    assert (await transport.post("https://hooks.example/", [], b"{}", timeout=5)).outcome is Outcome.DELIVERED
    assert trio.current_time() - began == pytest.approx(1.0)


async def test_nobody_listening_is_a_failure() -> None:
    """Connection refused."""
    async with receiver(says(200)) as server:
        url = server.url
    async with poster() as post:
        assert (await post.post(endpoint(url), [event()])).outcome is Outcome.FAILED


# ---- addresses -------------------------------------------------------------------------------


async def test_plain_http_is_refused_unless_allowed() -> None:
    """Nothing is sent at all."""
    async with receiver(says(200)) as server, poster(allow_private=False) as post:
        found = await post.post(endpoint(server.url), [event()])
        assert found.outcome is Outcome.REFUSED
        assert "allow_private" in found.detail
        assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_a_private_destination_is_refused_unless_allowed(host: str) -> None:
    """No spelling of this machine is connected to."""
    async with receiver(says(200)) as server, poster(allow_private=False) as post:
        port = server.url.split(":")[2].split("/")[0]
        found = await post.post(endpoint(f"https://{host}:{port}/"), [event()])
        assert found.outcome in {Outcome.REFUSED, Outcome.FAILED}
        assert found.outcome is Outcome.REFUSED or "resolve" in found.detail
        assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "https://", "ftp://example.org/", "https://[::1", "http://127.0.0.1:99999/", "https://exa mple/"],
)
async def test_what_is_no_address_is_an_answer_too(url: str) -> None:
    """Whatever is stored, delivery goes on for the others."""
    async with poster() as post:
        assert (await post.post(endpoint(url), [event()])).outcome in {Outcome.REFUSED, Outcome.FAILED}


@pytest.mark.parametrize("secret", ["whsec_x", "", "whsec_ü"])
async def test_what_is_no_secret_is_an_answer_too(secret: str) -> None:
    """It cannot be signed, so it is not sent."""
    async with receiver(says(200)) as server, poster() as post:
        assert (await post.post(endpoint(server.url, secret), [event()])).outcome is Outcome.REFUSED
        assert server.requests == []
