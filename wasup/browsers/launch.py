"""Starting a Chromium through Playwright, and ending it, so that nothing of it is ever left."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
import trio
from playwright.async_api import BrowserContext, BrowserType, Error, Page

from wasup.bridge import Bridge, BridgeError
from wasup.browsers.browser import Browser
from wasup.browsers.drivers import Driver
from wasup.browsers.errors import BrowserLost
from wasup.browsers.guard import end_marked
from wasup.browsers.processes import find_leader

__all__ = ["Launch", "end_browser", "launch"]

_END = 5.0
_PAUSE = 0.05

log = structlog.get_logger("wasup.browsers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What is to be started."""

    executable: Path
    profile: Path
    mark: str
    switches: Sequence[str]
    environment: dict[str, str]
    sandbox: bool
    init_scripts: Sequence[str]
    timeout: float


async def launch(bridge: Bridge, driver: Driver, what: Launch) -> tuple[BrowserContext, Page, int]:
    """Start a browser; gives its context, its page and the id of its process.

    Raises:
        BrowserLost: it did not start in time, or died at once; nothing of it is left.
    """
    attempt = _Attempt(driver.playwright.chromium, what)
    try:
        with trio.fail_after(what.timeout):
            context, page = await bridge.run(attempt.run)
            pid = await trio.to_thread.run_sync(find_leader, what.mark)
        if pid is None:
            raise BrowserLost("Chromium died as soon as it had started")
        return context, page, pid
    except BaseException as error:
        with trio.CancelScope(shield=True):
            await _abandon(attempt, driver, what.mark)
        if isinstance(error, trio.TooSlowError):
            raise BrowserLost(f"Chromium did not start within {what.timeout:g} s") from error
        if isinstance(error, Error):
            raise BrowserLost(f"Chromium did not start: {_reason(error)}") from error
        raise


async def _abandon(attempt: "_Attempt", driver: Driver, mark: str) -> None:
    """Leave nothing of a launch: the driver may start the process after we have given up. One that hangs is ended."""
    await _end(mark)
    with trio.move_on_after(_END):
        while not attempt.over:
            await trio.sleep(_PAUSE)
            await _end(mark)
    if not attempt.over:
        driver.kill()


async def end_browser(browser: Browser, *, within: float) -> bool:
    """Close a browser, and kill what is left of it after `within` seconds; whether it ended cleanly by itself."""
    clean = False
    with trio.CancelScope(shield=True):
        if not browser.is_lost:
            with trio.move_on_after(within), suppress(Error, BridgeError):
                await browser.bridge.run(browser.context.close)
                await browser.ended.wait()
                clean = True
        await _end(browser.mark)
    return clean


class _Attempt:
    """The asyncio side of a launch, which goes on in the driver even when nobody waits for it any more."""

    def __init__(self, chromium: BrowserType, what: Launch) -> None:
        self._chromium = chromium
        self._what = what
        self._task: asyncio.Task[BrowserContext] | None = None

    @property
    def over(self) -> bool:
        return self._task is None or self._task.done()

    async def run(self) -> tuple[BrowserContext, Page]:
        self._task = asyncio.ensure_future(
            self._chromium.launch_persistent_context(
                self._what.profile,
                executable_path=self._what.executable,
                args=list(self._what.switches),
                env=dict(self._what.environment),
                chromium_sandbox=self._what.sandbox,
                timeout=self._what.timeout * 1000,
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
        )
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody may ask later
        context = await asyncio.shield(self._task)
        for script in self._what.init_scripts:
            await context.add_init_script(script)
        return context, context.pages[0]


async def _end(mark: str) -> None:
    if not await trio.to_thread.run_sync(lambda: end_marked(mark, within=_END)):
        log.error("browsers.processes_left", mark=mark)


def _reason(error: Error) -> str:
    """Playwright's first line, and what Chromium itself wrote last."""
    lines = [line for line in error.message.splitlines() if line.strip()]
    own = [line.partition("[err]")[2].strip() for line in lines if "[err]" in line]
    return " ".join([*lines[:1], *own[-1:]])
