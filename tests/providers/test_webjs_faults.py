"""Faults of WhatsApp's page, of its line and of browsers, in real Chromium; and how sessions end."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
import trio

from tests.providers.conformance import (
    ADA,
    PATIENCE,
    Endings,
    Ends,
    Harness,
    Lookups,
    collect,
    how_it_ends,
    the_end,
    until,
)
from tests.providers.stage import on_stage, staged
from tests.providers.webjs import WebjsHarness, browser_host, told_to_the_page, webjs_on_stage
from wasup.browsers.guard import marked
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import Message
from wasup.ports.session import Login, QrIssued, Ready, SyncProgress, Usage
from wasup.providers.webjs import Limits, WebjsProvider, bundle
from wasup.providers.webjs.life import Secret
from wasup.providers.webjs.uploads import Uploads


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebjsHarness]:
    """The provider with everything that these tests need."""
    limits = Limits(heal=2.0, answer=3.0, hang=1.0)
    with webjs_on_stage(tmp_path_factory.mktemp("webjs"), limits) as harness:
        yield harness


@staged
class TestEnds(Lookups, Ends):
    """What is asked for, and how it ends, in a browser."""

    ends: ClassVar[Endings] = [
        ("unlink", {}, DisconnectReason.LOGGED_OUT),
        ("lock", {}, DisconnectReason.LOCKED),
        ("ban", {}, DisconnectReason.BANNED),
        ("proxy_block", {}, DisconnectReason.PROXY_BLOCKED),
        ("disconnect", {"code": 405}, DisconnectReason.CLIENT_OUTDATED),
        ("conflict", {}, DisconnectReason.REPLACED),
    ]

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
        await told_to_the_page(harness.emulator, phone)
        ids += await harness.emulator.incoming(ADA, "at once", phone=phone)
        messages = await collect(session, Message, 4)
    assert [message.id for message in messages] == ids, "a later one that came first would hide the others"


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


@on_stage
async def test_the_process_of_a_page_is_known_as_soon_as_it_is_ready(harness: WebjsHarness, tmp_path: Path) -> None:
    """By it is found that the page hangs, or was stopped; the host itself looks for new ones twice a minute."""
    _, login = await harness.paired()
    async with harness.ready():  # the other host's driver runs: two cannot be started at the same moment
        pass
    async with browser_host(tmp_path / "profiles", look_interval=3600.0) as host:
        host.logins = harness.host.logins
        provider = WebjsProvider(lambda: host, uploads=tmp_path / "uploads", url=f"{harness.emulator.url}/web/")
        async with harness.opened(login, provider):
            [browser] = host.opened.values()
            [page] = [pid for pid in marked(browser.mark) if b"--type=renderer" in _command(pid)]
            with trio.fail_after(5):
                while page not in browser.pids:
                    await trio.sleep(0.05)


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


_NOBODY_ANSWERS = """() => {
  window.require('WAWebContactPresenceBridge').subscribeUserPresence = () => new Promise(() => {});
}"""


@on_stage
async def test_a_page_that_is_long_at_asking_who_writes_is_not_deaf(harness: WebjsHarness) -> None:
    """After a pairing it asks about one person after another, which may take minutes; meanwhile messages come."""
    login, phone = harness.login(), harness.new_phone()
    async with harness.provider.open(login) as session:
        offer = await until(session, QrIssued)
        await harness.host.bridge.run(harness.browser_of(login).page.evaluate, _NOBODY_ANSWERS)
        await harness.emulator.scan(offer.code, phone)
        await until(session, Ready)
        ids = await harness.emulator.incoming(ADA, "hello", phone=phone)
        assert [message.id for message in await collect(session, Message, 1)] == ids


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
        limits = Limits(measure=0.2, quiet=quiet, recycle=0.0)
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
    """The same bytes are one file, for nobody else's eyes; after a week nobody waits for them any more."""
    uploads = Uploads(tmp_path / "account-1")
    await uploads.prune()
    ref = await uploads.keep(b"abc")
    assert await uploads.keep(b"abc") == ref
    [file] = (tmp_path / "account-1").iterdir()
    assert (tmp_path / "account-1").stat().st_mode & 0o777 == 0o700
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
