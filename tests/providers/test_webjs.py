"""The `webjs` provider: real Chromium with the real wa-js, against the emulator's page of WhatsApp Web."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
import trio

from tests.emulator.process import emulator_at
from tests.providers.conformance import (
    ADA,
    PATIENCE,
    Ends,
    Harness,
    ProviderConformance,
    collect,
    how_it_ends,
    the_end,
    until,
)
from tests.providers.stage import Stage, on_stage, staged
from tests.providers.webjs import WebjsHarness, browser_host, webjs_harness
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import Message
from wasup.ports.session import Login, QrIssued, Ready, SyncProgress, Usage
from wasup.providers.webjs import Limits, WebjsProvider, bundle
from wasup.providers.webjs.life import Secret
from wasup.providers.webjs.session import WebjsSession
from wasup.providers.webjs.uploads import Uploads


@pytest.fixture(scope="module")
def ordinary() -> Iterator[str]:
    """The address of an emulator with WhatsApp's ordinary behaviour."""
    with emulator_at() as url:
        yield url


@pytest.fixture(scope="module")
def hasty() -> Iterator[str]:
    """The address of an emulator that is short of time and codes."""
    with emulator_at(qr_first_ttl=2.5, qr_ttl=0.1, pairing_codes_per_hour=2) as url:
        yield url


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, ordinary: str, hasty: str) -> Iterator[WebjsHarness]:
    """The provider with everything that its conformance tests need."""
    limits = Limits(heal=2.0, answer=3.0, hang=1.0)
    with Stage(lambda: webjs_harness(tmp_path_factory.mktemp("webjs"), ordinary, hasty, limits)) as stage:
        stage.prop.stage = stage
        yield stage.prop


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


@staged
class TestWebjsProvider(ProviderConformance):
    """The suite, in a browser."""

    ends: ClassVar[Ends] = [
        ("unlink", {}, DisconnectReason.LOGGED_OUT),
        ("lock", {}, DisconnectReason.LOCKED),
        ("ban", {}, DisconnectReason.BANNED),
        ("proxy_block", {}, DisconnectReason.PROXY_BLOCKED),
        ("disconnect", {"code": 405}, DisconnectReason.CLIENT_OUTDATED),
        ("conflict", {}, DisconnectReason.REPLACED),
    ]

    async def test_a_temporary_ban_tells_until_when_and_holds(self, harness: Harness) -> None:
        """WhatsApp Web has no word for it that differs from a ban: nobody hammers the account."""
        phone, login = await harness.paired()
        await harness.emulator.ctl("ban", phone=phone, temporary=3600)
        for _ in range(2):
            assert (await how_it_ends(harness.provider, login)).reason is DisconnectReason.BANNED

    async def test_a_probe_of_a_hung_far_side_does_not_come_back(self, harness: Harness) -> None:
        """The caller's deadline decides; without one, the session finds out by itself that the page hangs."""
        async with harness.ready() as (phone, session):
            await session.probe()
            await harness.emulator.ctl("hang", phone=phone)
            with pytest.raises(trio.TooSlowError), trio.fail_after(0.1):
                await session.probe()
            with trio.fail_after(PATIENCE), pytest.raises(Disconnected) as end:
                await session.probe()
        assert end.value.reason is DisconnectReason.HOST_CRASHED


@on_stage
async def test_a_cut_line_is_mended_by_the_page(harness: Harness) -> None:
    """TIMEOUT heals by itself: nobody is disturbed, and what came meanwhile comes."""
    async with harness.ready() as (phone, session):
        await harness.emulator.ctl("drop", phone=phone)
        ids = await harness.emulator.incoming(ADA, "{n}", phone=phone, count=3)
        messages = await collect(session, Message, 3)
    assert [message.id for message in messages] == ids


@on_stage
async def test_a_line_that_stays_cut_is_a_lost_connection(harness: Harness) -> None:
    """The page has its time to come back, and then the supervisor's backoff is better."""
    async with harness.ready() as (phone, session):
        await harness.emulator.ctl("unavailable", seconds=60)
        try:
            await harness.emulator.ctl("drop", phone=phone)
            assert (await the_end(session)).reason is DisconnectReason.CONNECTION_LOST
        finally:
            await harness.emulator.ctl("unavailable", active=False)


@pytest.mark.parametrize(
    ("breakage", "reason"),
    [
        ({"what": "module_missing", "module": "WAWebMsgCollection"}, DisconnectReason.CLIENT_OUTDATED),
        ({"what": "module_changed", "module": "WAWebSendMsgChatAction"}, DisconnectReason.CLIENT_OUTDATED),
        ({"what": "logout_during_sync"}, DisconnectReason.LOGGED_OUT),
    ],
    ids=lambda value: value["what"] if isinstance(value, dict) else None,
)
@on_stage
async def test_what_is_broken_when_the_page_loads(
    harness: Harness, breakage: dict[str, str], reason: DisconnectReason
) -> None:
    """A part of WhatsApp's that is gone is named; a log-out in the middle of the first sync is one."""
    phone, login = await harness.paired()
    await harness.emulator.ctl("break", phone=phone, **breakage)
    end = await how_it_ends(harness.provider, login)
    assert end.reason is reason
    if reason is DisconnectReason.CLIENT_OUTDATED:
        assert "WhatsApp has changed" in end.detail


@on_stage
async def test_a_slow_synchronisation_keeps_telling_that_it_goes_on(harness: Harness) -> None:
    """Progress comes before ready, and ready comes when all of it is there."""
    phone, login = await harness.paired()
    await harness.emulator.ctl("break", phone=phone, what="slow_sync", seconds=2)
    async with harness.provider.open(login) as session:
        await until(session, SyncProgress)
        await until(session, Ready)
        assert len(await session.chats()) == 4


@on_stage
async def test_a_code_that_never_comes_leaves_the_session_waiting(harness: Harness) -> None:
    """No event and no crash: the deadline for the first code is the session actor's."""
    await harness.emulator.ctl("break", what="no_qr")
    try:
        async with harness.provider.open(harness.login()) as session:
            with trio.move_on_after(3) as patience:
                await until(session, QrIssued)
    finally:
        await harness.emulator.ctl("mend")
    assert patience.cancelled_caught


@on_stage
async def test_a_renderer_that_crashes_ends_the_session(harness: Harness) -> None:
    """At once, and the next session works."""
    phone, login = await harness.paired()
    async with harness.opened(login) as session:
        await harness.emulator.ctl("break", phone=phone, what="crash")
        assert (await the_end(session)).reason is DisconnectReason.HOST_CRASHED


@on_stage
async def test_a_page_that_goes_elsewhere_ends_the_session(harness: WebjsHarness) -> None:
    """Not a log-out, and not WhatsApp any more."""
    _, login = await harness.paired()
    async with harness.opened(login) as session:
        page = harness.browser_of(login).page
        host = harness.emulator.url.replace("127.0.0.1", "localhost")
        await harness.host.bridge.run(page.evaluate, f"setTimeout(() => {{ location.href = '{host}/' }})")
        assert (await the_end(session)).reason is DisconnectReason.PROTOCOL_ERROR


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


@pytest.mark.parametrize(("hard", "quiet"), [(2**50, 0.0), (1, 3600.0)], ids=["soft", "hard"])
@on_stage
async def test_a_browser_over_its_budget_is_recycled(
    harness: WebjsHarness, hard: int, quiet: float, tmp_path: Path
) -> None:
    """What it uses is told, and then it is closed: over the hard budget at once, else when nothing has come lately."""
    _, login = await harness.paired()
    async with harness.ready():  # the other host's driver runs: two cannot be started at the same moment
        pass
    async with browser_host(tmp_path / "profiles", memory_soft=1, memory_hard=hard) as host:
        host.logins = harness.host.logins
        limits = Limits(measure=0.2, quiet=quiet)
        provider = WebjsProvider(
            lambda: host, uploads=tmp_path / "uploads", url=f"{harness.emulator.url}/web/", limits=limits
        )
        async with provider.open(login) as session:
            usage = await until(session, Usage)
            end = await the_end(session)
    assert usage.memory > 50 * 2**20
    assert usage.processes > 1
    assert end.reason is DisconnectReason.RECYCLED


async def test_uploads_wait_in_files_until_they_are_old(tmp_path: Path) -> None:
    """The same bytes are one file; after a week nobody waits for them any more."""
    uploads = Uploads(tmp_path / "account-1")
    await uploads.prune()
    ref = await uploads.keep(b"abc")
    assert await uploads.keep(b"abc") == ref
    [file] = (tmp_path / "account-1").iterdir()
    await uploads.prune()
    assert await uploads.read(ref) == b"abc"
    os.utime(file, (0, 0))
    await uploads.prune()
    with pytest.raises(LookupError):
        await uploads.read(ref)
    await uploads.keep(b"def")
    await uploads.forget()
    assert not (tmp_path / "account-1").exists()


async def test_without_a_browser_or_wa_js_there_is_no_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typed end on entering, which says what to install."""
    login = Login(account_id=1, session_id="webjs_1_1700000000000_abcdefgh")
    async with browser_host(tmp_path, executable=tmp_path / "no-chromium") as host:
        provider = WebjsProvider(lambda: host, uploads=tmp_path)
        end = await how_it_ends(provider, login)
        assert (end.reason, "apt-get" in end.detail) == (DisconnectReason.NO_HOST, True)
        monkeypatch.setattr(bundle, "_BUNDLE", tmp_path / "no-wa-js")
        end = await how_it_ends(provider, login)
        assert (end.reason, "make setup" in end.detail) == (DisconnectReason.NO_HOST, True)


async def test_a_login_whose_profile_is_gone_is_lost(tmp_path: Path) -> None:
    """Nobody can log in with the name of a profile alone."""
    secret = msgspec.json.encode(Secret(profile="account-1", wid="5511999998888@c.us"))
    login = Login(account_id=1, session_id="webjs_1_1700000000000_abcdefgh", secret=secret)
    async with browser_host(tmp_path) as host:
        end = await how_it_ends(WebjsProvider(lambda: host, uploads=tmp_path), login)
    assert end.reason is DisconnectReason.LOGIN_LOST


@pytest.mark.parametrize("url", ["", "web.whatsapp.com", "ftp://web.whatsapp.com", "https://"])
def test_an_address_that_is_none_is_refused(url: str, tmp_path: Path) -> None:
    """A mistake in the settings shows at once, not at the first connection."""
    with pytest.raises(ValueError, match="https://host"):
        WebjsProvider(lambda: pytest.fail("no browser is needed"), uploads=tmp_path, url=url)
