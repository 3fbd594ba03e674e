"""The WebSocket of the `emulated` provider, against the protocol's other side over a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from wasup.providers.emulated._stream import Stream
from wasup.providers.emulated._websocket import Closed, Rejected, WebSocket


class FarSide:
    """A server with one client."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.protocol = WSConnection(ConnectionType.SERVER)
        self.heard: list[Event] = []

    async def say(self, *events: Event) -> None:
        """All in one piece."""
        await self.stream.send_all(b"".join(self.protocol.send(event) for event in events))

    async def hear(self) -> Event:
        """The next event."""
        while not self.heard:
            self.protocol.receive_data(await self.stream.receive_some() or None)
            self.heard.extend(self.protocol.events())
        return self.heard.pop(0)


@asynccontextmanager
async def connected(*, largest: int = 1000) -> AsyncIterator[tuple[WebSocket, FarSide]]:
    """Both sides after the handshake."""
    near, far = trio.socket.socketpair()
    side = FarSide(trio.SocketStream(far))
    stream = Stream(trio.SocketStream(near))
    socket = WebSocket(stream, largest=largest)

    async def accept() -> None:
        request = await side.hear()
        assert isinstance(request, Request)
        assert (request.host, request.target) == ("host", "/path")
        # The first message comes with the handshake's last bytes.
        await side.say(AcceptConnection(), TextMessage(data="first"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept)
        with trio.fail_after(5):
            await socket.open("host", "/path")
    assert await socket.get_message() == "first"
    yield socket, side
    await stream.aclose()
    await side.stream.aclose()


async def test_messages_come_whole_and_in_order() -> None:
    """Text and bytes, several at once, in parts, with a ping in between."""
    async with connected() as (socket, side):
        await side.say(
            TextMessage(data="olá", message_finished=False),
            Ping(payload=b"are you there"),
            TextMessage(data=" 👋"),
            BytesMessage(data=b"ab", message_finished=False),
            BytesMessage(data=b"cd"),
            TextMessage(data="third"),
        )
        assert [await socket.get_message() for _ in range(3)] == ["olá 👋", b"abcd", "third"]
        assert await side.hear() == Pong(payload=b"are you there")
        await socket.send_message('{"é": "👋"}'.encode())
        assert await side.hear() == TextMessage(data='{"é": "👋"}')


async def test_parts_are_kept_when_who_waits_for_them_is_cancelled() -> None:
    """A timer that runs out in the middle of a message costs nothing of it."""
    async with connected() as (socket, side):
        await side.say(TextMessage(data="begun and ", message_finished=False))
        with trio.move_on_after(0.05) as timer:
            await socket.get_message()
        assert timer.cancelled_caught
        await side.say(TextMessage(data="ended"))
        assert await socket.get_message() == "begun and ended"


async def test_a_message_that_is_too_large_ends_the_connection() -> None:
    """However small its parts are."""
    async with connected(largest=1000) as (socket, side):
        await side.say(*(TextMessage(data="x" * 400, message_finished=False) for _ in range(3)))
        with pytest.raises(Closed) as closed:
            await socket.get_message()
        assert closed.value.code == 1009
        with pytest.raises(Closed):
            await socket.get_message()


async def test_several_may_write_while_the_far_side_is_slow() -> None:
    """Each message is whole, and those who wait go one after the other."""
    texts = [str(number) * 200_000 for number in range(8)]
    async with connected() as (socket, side), trio.open_nursery() as nursery:
        for text in texts:
            nursery.start_soon(socket.send_message, text.encode())
        got: list[str] = []
        whole = ""
        with trio.fail_after(10):
            while len(got) < len(texts):
                event = await side.hear()
                assert isinstance(event, TextMessage)
                whole += event.data
                if event.message_finished:
                    got.append(whole)
                    whole = ""
        assert sorted(got) == texts


@pytest.mark.parametrize("code", [1000, 4515])
async def test_the_far_side_says_goodbye(code: int) -> None:
    """Its reason is told, and its goodbye is answered."""
    async with connected() as (socket, side):
        await side.say(TextMessage(data="last"), CloseConnection(code=code))
        assert await socket.get_message() == "last"
        with pytest.raises(Closed) as closed:
            await socket.get_message()
        assert closed.value.code == code
        answer = await side.hear()
        assert isinstance(answer, CloseConnection)
        with pytest.raises(Closed) as closed:
            await socket.send_message(b"more")
        assert closed.value.code == code


@pytest.mark.parametrize("reading", [True, False])
async def test_our_goodbye_waits_for_the_answer(reading: bool) -> None:
    """Whether somebody reads or not; what comes before the answer is thrown away where nobody does."""
    got: list[object] = []
    async with connected() as (socket, side), trio.open_nursery() as nursery:

        async def read() -> None:
            with suppress(Closed):
                while True:
                    got.append(await socket.get_message())
            got.append("read all")

        async def leave() -> None:
            await socket.aclose()
            got.append("left")

        if reading:
            nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(leave)
        with trio.fail_after(5):
            await side.say(TextMessage(data="late"))
            goodbye = await side.hear()
            assert isinstance(goodbye, CloseConnection)
            await trio.testing.wait_all_tasks_blocked(0.02)
            assert "left" not in got
            await side.say(goodbye.response())
    assert sorted(map(str, got)) == (["late", "left", "read all"] if reading else ["left"])


async def test_a_connection_that_breaks_has_ended() -> None:
    """Without a goodbye: 1006, for readers and writers."""
    async with connected() as (socket, side):
        await side.stream.aclose()
        with pytest.raises(Closed) as closed:
            await socket.get_message()
        assert closed.value.code == 1006
        with pytest.raises(Closed):
            await socket.send_message(b"more")
        await socket.aclose()


async def test_who_wants_no_websocket_says_with_what() -> None:
    """The status of the answer is told."""
    near, far = trio.socket.socketpair()
    side = FarSide(trio.SocketStream(far))
    socket = WebSocket(Stream(trio.SocketStream(near)), largest=1000)

    async def refuse() -> None:
        await side.hear()
        await side.say(RejectConnection(status_code=503, has_body=False))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(refuse)
        with trio.fail_after(5), pytest.raises(Rejected) as rejected:
            await socket.open("host", "/path")
    assert rejected.value.status == 503
    near.close()
    far.close()
