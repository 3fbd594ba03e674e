"""The `webjs` provider: real Chromium with the real wa-js, against the emulator's page of WhatsApp Web."""

import socket
from collections.abc import Iterator

import pytest
import trio

from tests.providers.conformance import (
    PATIENCE,
    Acknowledging,
    Incoming,
    Logins,
    Sending,
)
from tests.providers.stage import on_stage, staged
from tests.providers.webjs import WebjsHarness, webjs_on_stage
from wasup.providers.webjs import Limits
from wasup.providers.webjs.session import WebjsSession


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebjsHarness]:
    """The provider with everything that these tests need."""
    limits = Limits(heal=5.0, answer=3.0, hang=1.0)
    with webjs_on_stage(tmp_path_factory.mktemp("webjs"), limits) as harness:
        yield harness


@staged
class TestWebjsProvider(Logins, Incoming, Acknowledging, Sending):
    """Most of the suite of every provider; the rest is in `test_webjs_faults.py`, for another process."""


_FOREIGN = {"tracker.example", "localhost", "127.0.0.2", "sockets.example"}
_FETCHES = """async (port) => {
  const tries = [
    fetch('https://tracker.example/collect', {method: 'POST', body: 'x', mode: 'no-cors'}),
    fetch(`http://localhost:${port}/`, {mode: 'no-cors'}),
    fetch(`http://127.0.0.2:${port}/`, {mode: 'no-cors'}),
    new Promise((resolve) => { new WebSocket('wss://sockets.example/').onerror = resolve; }),
  ];
  await Promise.allSettled(tries);
}"""


_CALL = """async (port) => {
  const peer = new RTCPeerConnection({iceServers: [{urls: `stun:127.0.0.2:${port}`}]});
  peer.createDataChannel('x');
  const gathered = new Promise((resolve) => {
    peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && resolve();
  });
  await peer.setLocalDescription();
  await gathered;
}"""


@on_stage
async def test_a_call_of_the_page_reaches_nobody(harness: WebjsHarness) -> None:
    """STUN goes past names and ports that are shut: no packet leaves."""
    _, login = await harness.paired()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.2", 0))
        receiver.setblocking(False)
        async with harness.opened(login):
            page = harness.browser_of(login).page
            with trio.fail_after(PATIENCE):
                await harness.host.bridge.run(page.evaluate, _CALL, receiver.getsockname()[1])
        with pytest.raises(BlockingIOError):
            receiver.recv(100)


@on_stage
async def test_nothing_goes_to_other_hosts_and_it_is_counted(harness: WebjsHarness) -> None:
    """Requests, sockets and workers of a script in the page: none arrives anywhere, and it is counted."""
    reached: list[bytes] = []

    async def answer(stream: trio.SocketStream) -> None:
        reached.append(await stream.receive_some())
        await stream.aclose()

    _, login = await harness.paired()
    async with harness.opened(login) as session, trio.open_nursery() as nursery:
        assert isinstance(session, WebjsSession)
        assert session.blocked_requests == {}  # wa-js itself asks nobody
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, answer, [listener])
        port = listener.socket.getsockname()[1]
        page = harness.browser_of(login).page
        await harness.host.bridge.run(page.evaluate, _FETCHES, port)
        with trio.fail_after(PATIENCE):
            while set(session.blocked_requests) != _FOREIGN:
                await trio.sleep(0.01)
        await session.probe()
        nursery.cancel_scope.cancel()
    assert reached == []
