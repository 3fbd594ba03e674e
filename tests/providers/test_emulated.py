"""The `emulated` provider against a real emulator process, over real sockets."""

import base64
import contextlib
import hashlib
import os
import random
import signal
import socket
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
import trio

from tests.emulator.process import emulator_at, running_emulator
from tests.providers.conformance import PATIENCE, Harness, ProviderConformance, the_end, until
from wasup.emulator.client import EmulatorClient
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import Message
from wasup.ports.session import Delivery, Login, Ready
from wasup.providers.emulated import EmulatedProvider
from wasup.providers.emulated._stream import Stream


@pytest.fixture(scope="module")
def ordinary() -> Iterator[str]:
    """The address of an emulator with WhatsApp's ordinary behaviour."""
    with emulator_at() as url:
        yield url


@pytest.fixture(scope="module")
def hasty() -> Iterator[str]:
    """The address of an emulator that is short of time and codes."""
    with emulator_at(qr_first_ttl=0.6, qr_ttl=0.08, pairing_codes_per_hour=2) as url:
        yield url


@pytest.fixture
async def harness(ordinary: str, hasty: str) -> AsyncIterator[Harness]:
    """The provider with everything that its conformance tests need."""
    async with EmulatorClient(ordinary) as emulator:
        yield Harness(
            emulator,
            EmulatedProvider(ordinary),
            brisk=EmulatedProvider(hasty),
            watchful=EmulatedProvider(ordinary, keepalive=0.2, answer_within=0.8),
        )


class TestEmulatedProvider(ProviderConformance):
    """The suite, over the emulator's network."""


_RANDOM = random.Random(20261122)
_LOGIN = Login(account_id=1, session_id="webjs_1_1700000000000_abcdefgh")


@pytest.mark.parametrize("url", ["", "emulator", "https://127.0.0.1:1", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """A mistake in the settings shows at once, not at the first connection."""
    with pytest.raises(ValueError, match="http://host:port"):
        EmulatedProvider(url)


async def test_a_closed_port_is_a_lost_connection() -> None:
    """Nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        provider = EmulatedProvider(f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(Disconnected) as end:
            async with provider.open(_LOGIN):
                pass
    assert end.value.reason is DisconnectReason.CONNECTION_LOST


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", DisconnectReason.CONNECTION_LOST),
        (b"HTTP/1.1 503 no\r\nContent-Length: 2\r\n\r\nno", DisconnectReason.UNAVAILABLE),
        (b"HTTP/1.1 404 no\r\nContent-Length: 0\r\n\r\n", DisconnectReason.PROTOCOL_ERROR),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n", DisconnectReason.PROTOCOL_ERROR),
        (b"HTTP/1.1 101 yes\r\nUpgrade: websocket\r\n\r\n", DisconnectReason.PROTOCOL_ERROR),
    ],
    ids=["closed", "unavailable", "not found", "not HTTP", "no accept key"],
)
async def test_a_door_that_does_not_open_is_a_typed_end(answer: bytes, reason: DisconnectReason) -> None:
    """Whatever answers instead of a WebSocket, entering raises `Disconnected`, and soon."""

    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        port = listeners[0].socket.getsockname()[1]
        with trio.fail_after(PATIENCE), pytest.raises(Disconnected) as end:
            async with EmulatedProvider(f"http://127.0.0.1:{port}").open(_LOGIN):
                pass
        nursery.cancel_scope.cancel()
    assert end.value.reason is reason


async def test_a_door_that_says_nothing_is_given_up() -> None:
    """A listener that accepts and stays silent is a lost connection after the time for connecting."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        provider = EmulatedProvider(f"http://127.0.0.1:{port}", connect_timeout=0.1)
        with trio.fail_after(PATIENCE), pytest.raises(Disconnected) as end:
            async with provider.open(_LOGIN):
                pass
        nursery.cancel_scope.cancel()
        for listener in listeners:
            await listener.aclose()
    assert end.value.reason is DisconnectReason.CONNECTION_LOST


async def test_a_write_given_up_half_way_closes_the_stream() -> None:
    """When a frame was cut off by its caller's deadline, no other frame is put behind the stump."""
    near, far = trio.socket.socketpair()
    with far:
        stream = Stream(trio.SocketStream(near))
        with trio.move_on_after(0.05) as scope:
            await stream.send_all(b"x" * 50_000_000)
        assert scope.cancelled_caught
        with pytest.raises(trio.ClosedResourceError):
            await stream.receive_some(10)
        with pytest.raises((trio.ClosedResourceError, trio.BrokenResourceError)):
            await stream.send_all(b"more")


async def test_a_write_given_up_before_it_began_does_no_harm() -> None:
    """Nothing was sent, so the stream goes on."""
    near, far = trio.socket.socketpair()
    with far:
        stream = Stream(trio.SocketStream(near))
        with trio.move_on_after(0):
            await stream.send_all(b"never")
        await stream.send_all(b"after")
        assert await far.recv(100) == b"after"
        await stream.aclose()


async def test_a_stopped_emulator_is_noticed_and_left_quickly() -> None:
    """The whole far side stands still: the session ends as lost, and leaving it does not wait."""
    async with running_emulator() as emulator:
        [(_, secret)] = await emulator.make_accounts(1)
        provider = EmulatedProvider(emulator.url, keepalive=0.1, answer_within=0.2)
        assert emulator.pid is not None
        with trio.fail_after(PATIENCE):
            async with provider.open(msgspec.structs.replace(_LOGIN, secret=secret)) as session:
                await until(session, Ready)
                os.kill(emulator.pid, signal.SIGSTOP)
                try:
                    end = await the_end(session)
                finally:
                    os.kill(emulator.pid, signal.SIGCONT)
    assert end.reason is DisconnectReason.CONNECTION_LOST


async def test_nothing_is_lost_while_connections_come_and_go() -> None:
    """Under load, lines are cut and sessions cancelled at random: every message is acknowledged in the end."""
    async with running_emulator() as emulator:
        accounts = await emulator.make_accounts(10)
        provider = EmulatedProvider(emulator.url)
        stored: set[str] = set()
        scopes: dict[str, trio.CancelScope] = {}

        async def account(phone: str, secret: bytes) -> None:
            login = msgspec.structs.replace(_LOGIN, secret=secret)
            while True:
                with contextlib.suppress(Disconnected), trio.CancelScope() as scopes[phone]:
                    async with provider.open(login) as session:
                        while True:
                            event = await session.receive()
                            if isinstance(event, Delivery):
                                stored.update(item.id for item in event.items if isinstance(item, Message))
                                await session.acknowledge([event.token])
                await trio.sleep(0.001)

        with trio.fail_after(PATIENCE * 2):
            async with trio.open_nursery() as nursery:
                for phone, secret in accounts:
                    nursery.start_soon(account, phone, secret)
                await emulator.start_load(rate=1500, count=1500)
                while (await emulator.load())["running"]:
                    phone, _ = _RANDOM.choice(accounts)
                    await emulator.ctl("drop", phone=phone)
                    scopes[_RANDOM.choice(accounts)[0]].cancel()
                    await trio.sleep(0.005)
                while (progress := await emulator.load())["acknowledged"] < 1500:
                    await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
    assert len(stored) == progress["given"] == 1500
    assert progress["handed_again"] > 0


def _accept(request: bytes) -> bytes:
    """The answer that opens a WebSocket (RFC 6455)."""
    [key] = [line[19:].strip() for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")]
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )


_LOST = {DisconnectReason.CONNECTION_LOST}
_GARBLED = {DisconnectReason.PROTOCOL_ERROR, DisconnectReason.CONNECTION_LOST}


@pytest.mark.parametrize(
    ("said", "reasons"),
    [
        (b"", _LOST),
        (b"\x82", _LOST),
        (b"\x82\x7e\x00", _LOST),
        (b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", _GARBLED),
        (b"\x82\x7f\x00\x00\x00\x00\x7f\xff\xff\xff" + b"x" * 100, _LOST),
        (b"\x82\x02{}", _GARBLED),
        (b"\x82\x00", _GARBLED),
        (b"\x81\x02\xff\xfe", _GARBLED),
        (b"\x83\x00", _GARBLED),
        (b"\xf2\x00", _GARBLED),
        (b"\x82\x80\x00\x00\x00\x00", _GARBLED),
        (b"\x80\x02{}", _GARBLED),
        (b"\x89\x00\x88\x00", _LOST),
        (b"\x88\x02\x03\xe8", _LOST),
        (b"\x88\x02\x00\x00", _GARBLED),
        (b"\x88\x02\x11\x94", {DisconnectReason.BAD_SESSION}),
        (b"\x88\x02\x11\xa3", {DisconnectReason.RESTART_REQUIRED}),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", _GARBLED),
        *((_RANDOM.randbytes(200), _GARBLED) for _ in range(30)),
    ],
)
async def test_whatever_comes_over_the_line_is_a_typed_end(said: bytes, reasons: set[DisconnectReason]) -> None:
    """Broken, foreign and random bytes after the handshake: `Disconnected`, and nothing else, and soon."""

    async def serve(stream: trio.SocketStream) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += await stream.receive_some()
        await stream.send_all(_accept(request))
        with contextlib.suppress(trio.BrokenResourceError):
            await stream.send_all(said)
            await stream.send_eof()
            while await stream.receive_some():
                pass
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        port = listeners[0].socket.getsockname()[1]
        with trio.fail_after(PATIENCE), pytest.raises(Disconnected) as end:  # noqa: PT012
            async with EmulatedProvider(f"http://127.0.0.1:{port}").open(_LOGIN) as session:
                while True:
                    await session.receive()
        nursery.cancel_scope.cancel()
    assert end.value.reason in reasons
