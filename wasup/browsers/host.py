"""The browser host: one Chromium for each account, started in turns, watched, measured, and always ended."""

import math
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import ParamSpec, TypeVar

import psutil
import structlog
import trio

from wasup.bridge import Bridge
from wasup.browsers.appearance import Appearance
from wasup.browsers.browser import Browser
from wasup.browsers.drivers import Driver, Drivers
from wasup.browsers.errors import BrowserError, BrowserLost, TooManyBrowsers
from wasup.browsers.guard import end_marked
from wasup.browsers.keeper import keep_guard
from wasup.browsers.launch import Launch, end_browser, launch
from wasup.browsers.options import BrowserHostSettings, environment, find_chromium, switches
from wasup.browsers.processes import end_orphans, host_mark, wait_ended
from wasup.browsers.profiles import Profiles, ProfileState
from wasup.browsers.watch import watch
from wasup.ports.session import Usage

__all__ = ["BrowserHost"]

_END = 10.0
_HEADROOM = 0.2  # of the machine's memory is left for everything else

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger("wasup.browsers")


class BrowserHost:
    """Runs browsers, each on the profile of its name.

    No fault of one browser is seen by another one, but for the death of a driver that they share.

    Attributes:
        mark: begins the marks of all its processes.
    """

    def __init__(self, settings: BrowserHostSettings, bridge: Bridge, nursery: trio.Nursery) -> None:
        self._settings = settings
        self._bridge = bridge
        self._nursery = nursery
        self._root = settings.profiles.resolve()
        self._home = self._root / ".home"
        self._profiles = Profiles(self._root, reserve=settings.disk_reserve, quarantined=settings.quarantined)
        self.mark = host_mark(self._root)
        self._drivers = Drivers(bridge, self.mark, settings.accounts_per_driver, nursery)
        self._launches = trio.CapacityLimiter(settings.launches)
        self._appearance = Appearance()
        self._memory = _free_memory()
        self._taken: set[str] = set()
        self._browsers: dict[str, Browser] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: BrowserHostSettings, bridge: Bridge) -> AsyncIterator["BrowserHost"]:
        """A host, with its guard. What earlier hosts that have died left running on these profiles is ended first.

        Every browser has to be closed before the host is.
        """
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            host = cls(settings, bridge, nursery)
            await _in_thread(shutil.rmtree, host._home, ignore_errors=True)  # reports of crashes, of no use to anybody
            if orphans := await _in_thread(end_orphans, host._root):
                log.warning("browsers.orphans_ended", processes=orphans)
            await nursery.start(keep_guard, host.mark, settings.guard_deadline)
            nursery.start_soon(watch, host.mark, host._browsers, host._drivers.running, settings)
            try:
                yield host
            except Exception as error:  # noqa: BLE001 - raised again below, outside the nursery and so not in a group
                failure = error
            finally:
                with trio.CancelScope(shield=True):
                    await host._drivers.close()
                    await _in_thread(end_marked, host.mark, within=_END)
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    @property
    def limit(self) -> int:
        """Browsers at most: as set, or as many as fit into the memory that was free when the host was opened.

        What one needs is expected at first, and measured once there are some; the greater counts.
        """
        if self._settings.max_sessions is not None:
            return self._settings.max_sessions
        used = [browser.usage_now.memory for browser in self._browsers.values() if browser.usage_now is not None]
        each = max(self._settings.memory_expected, sum(used) // len(used) if used else 0)
        return max(1, math.floor(self._memory / each))

    @property
    def running(self) -> int:
        """Browsers that run or are being started."""
        return len(self._taken)

    @property
    def usage(self) -> dict[str, Usage]:
        """What each browser used when it was last measured, by name."""
        return {name: b.usage_now for name, b in self._browsers.items() if b.usage_now is not None}

    @asynccontextmanager
    async def browser(
        self, name: str, *, restore: bool, init_scripts: Sequence[str] = (), allowed_hosts: Sequence[str] = ()
    ) -> AsyncIterator[Browser]:
        """A running browser on the profile of this name; on leaving, it has ended and nothing of it is left.

        Args:
            name: of the profile: a-z, 0-9, hyphens.
            restore: continue with the login in the profile, or in its good copy; else both are removed first.
            init_scripts: run in every document before the page's own.
            allowed_hosts: the only hosts that can be reached (`*.example.com` is allowed); none: all.

        Raises:
            BrowserMissing: there is no Chromium.
            TooManyBrowsers: the limit is reached.
            DiskFull: no room for a browser.
            StorageFailed: its profile cannot be read or written.
            ProfileLost: `restore`, and there is nothing sound to restore.
            BrowserLost: it did not start.
            BrowserError: a browser of this name is running already.
        """
        executable = find_chromium(self._settings.executable)
        self._admit(name)
        try:
            async with AsyncExitStack() as stack:
                async with self._launches:
                    profile = await _in_thread(self._profiles.prepare, name, restore=restore)
                    driver = await stack.enter_async_context(self._drivers.place())
                    mark, within = f"{self.mark}{name}.", self._settings.launch_timeout
                    around = environment(mark, self._home)
                    appearance = await self._appearance.switches(executable, around, within=within)
                    what = Launch(
                        executable=executable,
                        profile=self._profiles.path(name),
                        mark=mark,
                        switches=[*switches(mark, self._settings, allowed_hosts), *appearance],
                        environment=around,
                        sandbox=os.geteuid() != 0,  # Chromium refuses to sandbox what root starts
                        init_scripts=init_scripts,
                        timeout=within,
                    )
                    browser = await self._launch(driver, name, profile, what)
                try:
                    yield browser
                finally:
                    await self._close(driver, browser)
        finally:
            self._taken.discard(name)

    async def forget(self, name: str) -> None:
        """Remove the profile of this name, and every copy of it. Its browser has to have ended.

        Raises:
            StorageFailed: something of it is left.
        """
        await _in_thread(self._profiles.forget, name)

    def _admit(self, name: str) -> None:
        if name in self._taken:
            raise BrowserError(f"the browser {name} is running already")
        if len(self._taken) >= self.limit:
            how = "as set" if self._settings.max_sessions is not None else "by free memory"
            raise TooManyBrowsers(
                f"max_browser_sessions is {self.limit} ({how}: browser.max_sessions), and so many browsers run"
            )
        self._taken.add(name)

    async def _launch(self, driver: Driver, name: str, profile: ProfileState, what: Launch) -> Browser:
        try:
            context, page, pid = await launch(self._bridge, driver, what)
        except BrowserLost:
            await _in_thread(self._profiles.check_room, name)
            if profile is not ProfileState.FRESH and driver.alive:
                await self._blame(driver, name, what)
            raise
        browser = Browser(
            name=name,
            mark=what.mark,
            profile=profile,
            bridge=self._bridge,
            context=context,
            page=page,
            pid=pid,
            budget=(self._settings.memory_soft, self._settings.memory_hard),
            keep=partial(_in_thread, self._profiles.keep, name),
        )
        driver.browsers.add(browser)
        self._browsers[name] = browser
        token = trio.lowlevel.current_trio_token()

        def crashed(_: object) -> None:  # called on the asyncio side
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(browser.fail, "the page crashed")

        page.on("crash", crashed)
        self._nursery.start_soon(self._await_end, browser)
        return browser

    async def _blame(self, driver: Driver, name: str, what: Launch) -> None:
        """If Chromium does start on an empty profile, and again not on this one, then this one is set aside.

        Once is not enough: a browser that is killed while it starts looks the same.
        """
        trial = f"{name}-trial"
        try:
            await _in_thread(self._profiles.prepare, trial, restore=False)
            blank = replace(what, profile=self._profiles.path(trial), init_scripts=())
            await launch(self._bridge, driver, blank)
            await _in_thread(end_marked, what.mark, within=_END)
            if not await self._starts(driver, what):
                await _in_thread(self._profiles.set_aside, name)
                log.warning("browsers.profile_set_aside", browser=name, why="Chromium starts without it, not with it")
        except BrowserError:
            pass
        finally:
            with trio.CancelScope(shield=True), suppress(BrowserError):  # the next trial begins with that
                await _in_thread(self._profiles.forget, trial)

    async def _starts(self, driver: Driver, what: Launch) -> bool:
        """Try it once more, and end it again."""
        try:
            await launch(self._bridge, driver, what)
        except BrowserLost:
            return not driver.alive  # nobody can say
        await _in_thread(end_marked, what.mark, within=_END)
        return True

    async def _close(self, driver: Driver, browser: Browser) -> None:
        clean = await end_browser(browser, within=self._settings.close_timeout)
        driver.browsers.discard(browser)
        self._browsers.pop(browser.name, None)
        with trio.CancelScope(shield=True):
            try:
                if browser.is_damaged:
                    log.warning("browsers.profile_set_aside", browser=browser.name, why="its login is not there")
                    await _in_thread(self._profiles.set_aside, browser.name)
                else:
                    await _in_thread(self._profiles.close, browser.name, clean=clean, good=browser.is_good)
            except BrowserError as error:  # the session ends for a reason of its own; the copy before stays
                log.warning("browsers.profile_not_kept", browser=browser.name, why=str(error))

    async def _await_end(self, browser: Browser) -> None:
        await wait_ended(browser.pid)
        browser.ended.set()
        browser.fail("the browser process ended")


async def _in_thread(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    return await trio.to_thread.run_sync(partial(function, *arguments, **named))


def _free_memory() -> int:
    """Bytes that browsers may take together: what is free now, with headroom for everything else."""
    memory = psutil.virtual_memory()
    return max(0, memory.available - int(_HEADROOM * memory.total))
