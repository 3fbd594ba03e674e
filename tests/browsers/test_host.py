"""Browsers that start, end, keep their logins and stay within limits."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import trio

from tests.browsers.conftest import OpenHost, SharedHost
from tests.browsers.pages import recall, remember, visit
from tests.providers.stage import on_stage
from wasup.browsers import (
    BrowserError,
    BrowserHost,
    BrowserLost,
    BrowserMissing,
    Budget,
    DiskFull,
    ProfileState,
    TooManyBrowsers,
)
from wasup.browsers.guard import marked, process_field


async def _on_disk(profile: Path, word: bytes) -> None:
    """Wait until what a page has stored is in its profile: Chromium writes it behind the page's back."""

    def is_there() -> bool:
        return any(word in log.read_bytes() for log in profile.glob("Default/Local Storage/leveldb/*.log"))

    with trio.fail_after(20):
        while not is_there():
            await trio.sleep(0.05)


@contextmanager
def _file_in_place_of(folder: Path) -> Iterator[None]:
    elsewhere = folder.rename(folder.with_name("elsewhere"))
    folder.touch()
    yield
    folder.unlink()
    elsewhere.rename(folder)


@on_stage
async def test_a_login_survives_a_clean_close_and_a_fresh_start_forgets_it(harness: SharedHost, address: str) -> None:
    """What a page stored is there with `restore`, and gone without; nothing runs after the context."""
    profiles = harness.profiles
    host = harness.host
    async with host.browser("1", restore=False) as browser:
        assert browser.profile is ProfileState.FRESH
        await remember(browser, address, "me and nobody else")
        await _on_disk(profiles / "1", b"me and nobody else")
    assert not marked(browser.mark)
    async with host.browser("1", restore=True) as browser:
        assert browser.profile is ProfileState.KEPT
        assert await recall(browser, address) == "me and nobody else"
    with ExitStack() as afterwards:
        async with host.browser("1", restore=False) as browser:
            assert await recall(browser, address) is None
            # What cannot be tidied up is no fault of what was going on in the browser.
            afterwards.enter_context(_file_in_place_of(profiles))
    await host.forget("1")
    assert not await trio.Path(profiles / "1").exists()


@on_stage
async def test_a_browser_starts_whatever_the_name_of_the_temporary_folder(
    harness: SharedHost, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chromium makes a socket in that folder, and a socket's name must be short."""
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    async with harness.host.browser("1", restore=False) as browser:
        await visit(browser, address)


@on_stage
async def test_init_scripts_run_before_the_page_and_only_allowed_hosts_answer(
    harness: SharedHost, address: str
) -> None:
    """A script given is there in the first document; a host that is not allowed does not resolve."""
    async with harness.host.browser(
        "1", restore=False, init_scripts=["window.given = 7"], allowed_hosts=["127.0.0.1"]
    ) as browser:
        await visit(browser, address)

        async def given() -> object:
            return await browser.page.evaluate("window.given")

        assert await browser.bridge.run(given) == 7
        with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
            await visit(browser, address.replace("127.0.0.1", "localhost"))


_SAYS = """async () => {
  const all = () => [navigator.userAgent, (navigator.userAgentData?.brands ?? []).map(({ brand }) => brand)];
  const script = URL.createObjectURL(new Blob([`postMessage((${all})())`]));
  const worker = await new Promise((resolve) => {
    new Worker(script).onmessage = ({ data }) => resolve(data);
  });
  return { page: all(), worker, driven: navigator.webdriver, agent: await (await fetch('/agent')).text() };
}"""


@on_stage
async def test_a_browser_looks_as_with_a_window(harness: SharedHost, address: str) -> None:
    """To the page, to its workers and to servers; with its real version."""
    async with harness.host.browser("1", restore=False) as browser:
        await visit(browser, address)
        says = await browser.bridge.run(browser.page.evaluate, _SAYS)
        assert browser.context.browser is not None
        version = browser.context.browser.version.partition(".")[0]
    for agent, brands in (says["page"], says["worker"]):
        assert f" Chrome/{version}.0.0.0 " in agent
        assert "Headless" not in f"{agent} {brands}"
    assert says["agent"] == says["page"][0]
    assert not says["driven"]


@on_stage
async def test_profiles_stay_small(harness: SharedHost, address: str) -> None:
    """After a close there is what the login needs, the cache, and the copy."""
    async with harness.host.browser("1", restore=False) as browser:
        await remember(browser, address, "me")
        await browser.good()
    known = {"Local State", "Default", "wasup-seal.json"}
    assert {path.name for path in (harness.profiles / "1").iterdir()} == known
    assert not (harness.profiles / "1" / "Default" / "Service Worker").exists()
    size = sum(file.stat().st_size for file in (harness.profiles / "1.good").rglob("*") if file.is_file())
    assert 0 < size < 500_000


async def test_launches_are_paced(open_host: OpenHost) -> None:
    """With one launch at a time, a second one waits for the first to be over, not for its browser to end."""
    async with open_host(launches=1) as host:
        async with trio.open_nursery() as nursery:
            up: list[str] = []
            done = trio.Event()

            async def one(name: str) -> None:
                async with host.browser(name, restore=False):
                    up.append(name)
                    if len(up) == 3:
                        done.set()
                    await done.wait()

            for name in ("1", "2", "3"):
                nursery.start_soon(one, name)
            busy = 0
            while len(up) < 3:
                busy = max(busy, host._launches.statistics().tasks_waiting)
                await trio.sleep(0.01)
        assert busy == 2


async def test_the_limit_on_browsers_is_named(open_host: OpenHost) -> None:
    """A browser over the limit is refused, the same name twice is too, and a place is free again afterwards."""
    async with open_host(max_sessions=1) as host:
        async with host.browser("1", restore=False):
            with pytest.raises(TooManyBrowsers, match="max_browser_sessions is 1"):
                await _open(host, "2")
            with pytest.raises(BrowserError, match="running already"):
                await _open(host, "1")
        await _open(host, "2")


async def test_the_limit_follows_memory(open_host: OpenHost) -> None:
    """Without a setting, as many as fit into free memory; what browsers really use counts when it is more."""
    async with open_host(memory_expected=1024) as host:
        expected = host.limit
        async with host.browser("1", restore=False) as browser:
            await browser.usage()
            assert host.limit < expected / 1000


async def test_missing_chromium_is_one_line_that_says_how_to_get_it(open_host: OpenHost, tmp_path: Path) -> None:
    """The host opens; only asking for a browser fails."""
    async with open_host(executable=tmp_path / "nowhere") as host:
        with pytest.raises(BrowserMissing, match="apt-get install chromium") as caught:
            await _open(host, "1")
        assert "\n" not in str(caught.value)


async def test_a_full_disk_is_told(open_host: OpenHost) -> None:
    """Below the reserve no browser is started."""
    async with open_host(disk_reserve=2**60) as host:
        with pytest.raises(DiskFull):
            await _open(host, "1")


async def test_a_browser_that_does_not_start_is_lost_and_leaves_nothing(open_host: OpenHost, tmp_path: Path) -> None:
    """A program that hangs instead of starting is ended at the deadline; one that exits is told at once."""
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    async with open_host(executable=program, launch_timeout=0.5) as host:
        with pytest.raises(BrowserLost, match="did not start"):
            await _open(host, "1")
        assert not [mark for mark in marked(host.mark).values() if "_driver" not in mark]
        program.write_text("#!/bin/sh\necho no display >&2; exit 1\n")
        with pytest.raises(BrowserLost, match="did not start"):
            await _open(host, "1")


@on_stage
async def test_a_cancelled_launch_leaves_nothing(harness: SharedHost) -> None:
    """However early or late it is cancelled, no process is left."""
    host = harness.host
    await _open(host, "0")  # the driver is there
    for after in (0.01, 0.05, 0.15, 0.3):
        with trio.move_on_after(after):
            await _open(host, "1")
        assert not marked(f"{host.mark}1.")
    await trio.sleep(0.3)
    assert not marked(f"{host.mark}1.")


async def test_memory_is_measured_against_the_budget(open_host: OpenHost) -> None:
    """The host measures by itself: memory and CPU of the whole tree, and how that stands to the budget."""
    async with open_host(memory_soft=2**20, memory_hard=2**40) as host, host.browser("1", restore=False) as browser:
        with trio.fail_after(10):
            while browser.usage_now is None or not set(_session(browser.pid)) <= set(browser.pids):
                await trio.sleep(0.05)
        assert browser.usage_now.memory > 50_000_000
        assert browser.usage_now.cpu_seconds > 0
        assert browser.usage_now.processes >= 6
        assert host.usage == {"1": browser.usage_now}
        assert browser.over_budget is Budget.SOFT
        for budget, limits in ((Budget.NONE, (2**40, 2**41)), (Budget.HARD, (2**20, 2**21))):
            browser._budget = limits
            await browser.usage(max_age=0)
            assert browser.over_budget is budget


def _session(leader: int) -> list[int]:
    """The processes that live in the session of this one: all of a browser, however the host finds them."""
    pids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [pid for pid in pids if process_field(pid, 6) == str(leader)]


async def _open(host: BrowserHost, name: str, *, restore: bool = False) -> None:
    async with host.browser(name, restore=restore):
        pass
