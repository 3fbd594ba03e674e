"""What can happen to a browser, and that it happens to no other one."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.browsers.conftest import OpenHost, SharedHost
from tests.browsers.pages import recall, remember, visit
from tests.providers.stage import on_stage
from wasup.browsers import Browser
from wasup.browsers.guard import MARK_SWITCH, marked, process_field

PROGRAM = """
import sys, trio
from functools import partial
from pathlib import Path
from wasup.bridge import Bridge
from wasup.browsers import BrowserHost, BrowserHostSettings

async def main():
    settings = BrowserHostSettings(profiles=Path(sys.argv[1]), guard_deadline=float(sys.argv[2]), disk_reserve=0)
    async with (
        Bridge() as bridge,
        BrowserHost.open(settings, bridge) as host,
        host.browser("1", restore=False) as one,
        host.browser("2", restore=False),
    ):
        print(host.mark, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


_NOTICED_WITHIN = 5.0  # on a busy machine; some tenths of a second on a free one


def _page_process(browser: Browser) -> int:
    return next(pid for pid in marked(browser.mark) if b"--type=renderer" in Path(f"/proc/{pid}/cmdline").read_bytes())


async def _crash_page(browser: Browser) -> None:
    os.kill(_page_process(browser), signal.SIGSEGV)


async def _kill_browser(browser: Browser) -> None:
    os.kill(browser.pid, signal.SIGKILL)


async def _stop_browser(browser: Browser) -> None:
    os.kill(browser.pid, signal.SIGSTOP)


async def _stop_page(browser: Browser) -> None:
    await browser.usage(max_age=0)  # knows its processes now
    os.kill(_page_process(browser), signal.SIGSTOP)


async def _hang_page(browser: Browser) -> None:
    await browser.bridge.run(browser.page.evaluate, "setTimeout(() => { while (true); }, 0)")


async def test_each_fault_is_noticed_and_touches_no_other_browser(open_host: OpenHost, address: str) -> None:
    """Killed, stopped, crashed: `lost` says so, everything of it is gone after the context, its neighbour lives."""
    faults = [
        (_kill_browser, "process ended"),
        (_crash_page, "page crashed"),
        (_stop_browser, "was stopped"),
        (_stop_page, "was stopped"),
    ]
    async with open_host() as host, host.browser("well", restore=False) as neighbour:
        for fault, told in faults:
            async with host.browser("1", restore=False) as browser:
                await visit(browser, address)
                await fault(browser)
                with trio.fail_after(_NOTICED_WITHIN):
                    assert told in await browser.lost()
            assert not marked(browser.mark)
        assert not neighbour.is_lost
        await remember(neighbour, address, "me")


async def test_only_a_browser_that_computes_without_pause_may_hang(open_host: OpenHost, address: str) -> None:
    """Before anybody has looked it may, too; a page at rest is not disturbed."""

    async def become(browser: Browser, *, suspect: bool) -> None:
        with trio.fail_after(_NOTICED_WITHIN):
            while browser.may_hang is not suspect:
                await trio.sleep(0.05)

    async with open_host(look_interval=0.2) as host, host.browser("1", restore=False) as browser:
        await visit(browser, address)
        assert browser.may_hang
        await browser.usage(max_age=0)
        await become(browser, suspect=False)
        await _hang_page(browser)
        await become(browser, suspect=True)


async def test_the_death_of_a_driver_is_lost_to_its_own_browsers_only(open_host: OpenHost, address: str) -> None:
    """Two browsers on two drivers: one driver dies, or stops; its browser ends, and the next has a new driver."""
    async with open_host(accounts_per_driver=1) as host, host.browser("well", restore=False) as neighbour:
        for number in (signal.SIGSTOP, signal.SIGKILL):
            async with host.browser("1", restore=False) as browser:
                await visit(browser, address)
                driver = next(d for d in host._drivers.running if browser in d.browsers)
                os.kill(driver.pid, number)
                with trio.fail_after(_NOTICED_WITHIN):
                    assert "driver died" in await browser.lost()
            assert not marked(browser.mark)
            assert not marked(driver.mark)
            assert not neighbour.is_lost
        await visit(neighbour, address)


@on_stage
async def test_a_kill_right_after_a_login_has_settled_loses_nothing(harness: SharedHost, address: str) -> None:
    """Chromium writes what a page stores within two seconds; no clean close is needed."""
    host = harness.host
    async with host.browser("1", restore=False) as browser:
        await remember(browser, address, "me")
        await trio.sleep(2)
        browser.kill()
        assert "ended" in await browser.lost()
    async with host.browser("1", restore=True) as browser:
        assert await recall(browser, address) == "me"


async def test_what_hangs_is_closed_all_the_same(open_host: OpenHost, address: str) -> None:
    """Neither a page that never answers again nor a browser that does not keeps anybody waiting, or is left."""
    async with open_host(close_timeout=1.0, look_interval=60.0) as host:
        for hang in (_hang_page, _stop_browser):
            async with host.browser("1", restore=False) as browser:
                await visit(browser, address)
                await hang(browser)
                began = trio.current_time()
            assert trio.current_time() - began < 3
            assert not marked(browser.mark)


@on_stage
async def test_cancelling_in_the_middle_ends_the_browser(harness: SharedHost) -> None:
    """The context closes its browser whatever goes on."""
    host = harness.host
    mark = ""
    with trio.CancelScope() as scope:
        async with host.browser("1", restore=False) as browser:
            mark = browser.mark
            scope.cancel()
            await trio.sleep_forever()
    assert mark
    assert not marked(mark)


@pytest.mark.parametrize(("number", "deadline"), [(signal.SIGKILL, 20.0), (signal.SIGSTOP, 1.0)])
async def test_nothing_is_left_when_the_host_is_killed_or_stopped(
    profiles: Path, number: signal.Signals, deadline: float
) -> None:
    """Its guard ends every browser and driver, even stopped ones, and then itself."""
    command = [sys.executable, "-c", PROGRAM, str(profiles), str(deadline)]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        mark = (await process.stdout.receive_some()).decode().strip()
        assert len(marked(mark)) > 10
        guards = _guards(mark)
        assert len(guards) == 1
        os.kill(next(pid for pid in marked(mark)), signal.SIGSTOP)
        process.send_signal(number)
        with trio.fail_after(5 + (deadline if number == signal.SIGSTOP else 0)):
            await _until(lambda: not marked(mark) and not _guards(mark))
    finally:
        process.kill()
        await process.wait()


async def test_a_guard_that_dies_or_hangs_is_replaced(open_host: OpenHost) -> None:
    """There is a new one soon, and the browsers do not notice."""
    async with open_host(guard_deadline=2.0) as host, host.browser("1", restore=False) as browser:
        for number in (signal.SIGKILL, signal.SIGSTOP):
            guard = _guards(host.mark)[0]
            os.kill(guard, number)
            with trio.fail_after(5):
                await _until(partial(_replaced, host.mark, guard))
        assert not browser.is_lost
    assert not _guards(host.mark)


async def test_orphans_of_a_dead_host_are_ended_at_the_next_start(open_host: OpenHost, profiles: Path) -> None:
    """A process with the mark of a dead host is ended; one of a living host, or of other profiles, is not."""
    async with open_host() as host:
        folder, living, _ = host.mark.rsplit(".", 2)
        marks = [f"{folder}.999999999-1-1.1.", f"{folder}.{living}.1.", "wasup.00000000.999999999-1-1.1."]
        sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
        orphans = [await trio.lowlevel.open_process([*sleeper, f"{MARK_SWITCH}{mark}=0"]) for mark in marks]
        try:
            async with open_host():
                await orphans[0].wait()
                assert [orphan.poll() for orphan in orphans] == [-signal.SIGKILL, None, None]
        finally:
            for orphan in orphans:
                orphan.kill()
                await orphan.wait()


def _replaced(mark: str, old: int) -> bool:
    return _guards(mark) not in ([], [old])


def _guards(mark: str) -> list[int]:
    """The living guards of a host, by their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and process_field(int(folder.name), 3) not in {None, "Z"}:
            try:
                words = (folder / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if mark in words and any(word.endswith("guard.py") for word in words):
                found.append(int(folder.name))
    return found


async def _until(true: Callable[[], bool]) -> None:
    while not true():
        await trio.sleep(0.05)
