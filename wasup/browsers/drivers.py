"""Playwright's drivers, each shared by a bounded number of browsers.

A driver is a Node process of some 120 MB that speaks to Chromium for us. It is the one thing that accounts
share here: when it dies, the browsers on it are lost, and nobody else's. The next browser gets a new one.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count

import structlog
import trio
from playwright.async_api import Error, Playwright, async_playwright

from wasup.bridge import Bridge, BridgeError
from wasup.browsers.browser import Browser
from wasup.browsers.errors import BrowserLost
from wasup.browsers.guard import MARK_VARIABLE, end_marked, marked
from wasup.browsers.processes import wait_ended

__all__ = ["Driver", "Drivers"]

_START = 15.0
_STOP = 5.0

log = structlog.get_logger("wasup.browsers")


class Driver:
    """A running driver.

    Attributes:
        playwright: touched only on the asyncio side.
        pid: of its process.
        browsers: those that run on it.
        seats: how many places on it are taken, by browsers and by launches.
        alive: whether it can be used.
    """

    def __init__(self, playwright: Playwright, pid: int, mark: str) -> None:
        self.playwright = playwright
        self.pid = pid
        self.mark = mark
        self.browsers: set[Browser] = set()
        self.seats = 0
        self.alive = True

    def kill(self) -> None:
        """End its process at once."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class Drivers:
    """The drivers of a host.

    Args:
        bridge: to the asyncio side.
        mark: of the host.
        places: browsers to one driver.
        nursery: in which each driver is watched.
    """

    def __init__(self, bridge: Bridge, mark: str, places: int, nursery: trio.Nursery) -> None:
        self._bridge = bridge
        self._mark = mark
        self._places = places
        self._nursery = nursery
        self._numbers = count(1)
        self._choice = trio.Lock()
        self.running: set[Driver] = set()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Driver]:
        """A place on a driver, on a new one if all are taken.

        Raises:
            BrowserLost: a driver did not start.
        """
        async with self._choice:
            free = (driver for driver in self.running if driver.alive and driver.seats < self._places)
            driver = next(free, None) or await self._start()
            driver.seats += 1
        try:
            yield driver
        finally:
            driver.seats -= 1
            if not driver.seats and len(self.running) > 1:  # the last one waits for the next browser
                await self._stop(driver)

    async def close(self) -> None:
        """Stop all drivers."""
        for driver in list(self.running):
            await self._stop(driver)

    async def _start(self) -> Driver:
        mark = f"{self._mark}_driver-{next(self._numbers)}."  # no browser's name has an underscore
        try:
            with trio.fail_after(_START):
                playwright = await self._bridge.run(_start_driver, mark)
                (pid,) = await trio.to_thread.run_sync(marked, mark)
        except BaseException as error:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(lambda: end_marked(mark, within=_STOP))
            if isinstance(error, trio.TooSlowError | ValueError | Error | OSError):
                raise BrowserLost(f"Playwright's driver did not start: {error!r}") from error
            raise
        driver = Driver(playwright, pid, mark)
        self.running.add(driver)
        self._nursery.start_soon(self._watch, driver)
        return driver

    async def _watch(self, driver: Driver) -> None:
        await wait_ended(driver.pid)
        if driver in self.running:
            log.warning("browsers.driver_died", browsers=sorted(browser.name for browser in driver.browsers))
            await self._stop(driver)

    async def _stop(self, driver: Driver) -> None:
        driver.alive = False
        self.running.discard(driver)
        for browser in driver.browsers:
            browser.fail("Playwright's driver died")
            browser.kill()
        with trio.CancelScope(shield=True):
            with trio.move_on_after(_STOP), suppress(Error, BridgeError):
                await self._bridge.run(driver.playwright.stop)
            await trio.to_thread.run_sync(lambda: end_marked(driver.mark, within=_STOP))


async def _start_driver(mark: str) -> Playwright:
    # Playwright offers no way to give its driver an environment. Nothing else starts processes from this thread.
    os.environ[MARK_VARIABLE] = mark
    try:
        manager = async_playwright()
        playwright = await manager.start()
    finally:
        os.environ.pop(MARK_VARIABLE, None)
    # Playwright never reads this future, and asyncio would log a driver's death as an error of the program.
    assert manager._client is not None  # noqa: SLF001
    manager._client._transport.on_error_future.add_done_callback(asyncio.Future.exception)  # noqa: SLF001
    return playwright
