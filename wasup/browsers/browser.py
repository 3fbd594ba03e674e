"""One running browser, as those who drive a page see it."""

import math
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from enum import IntEnum

import trio
from playwright.async_api import BrowserContext, Page

from wasup.bridge import Bridge
from wasup.browsers.processes import measure
from wasup.browsers.profiles import ProfileState
from wasup.ports.session import Usage

__all__ = ["Browser", "Budget"]

_WITHOUT_PAUSE = 0.25  # of a core: all that is left of one for a page that hangs on a busy machine


class Budget(IntEnum):
    """How a browser stands to its memory budget."""

    NONE = 0  # within it
    SOFT = 1  # to be recycled at a quiet moment
    HARD = 2  # to be ended now


class Browser:
    """A Chromium with one page on a profile of its own. Made by `BrowserHost.browser`.

    Attributes:
        name: of its profile.
        profile: what it started from.
        page: its page, touched only inside functions given to `bridge.run`.
        context: likewise.
        bridge: to the asyncio side.
        pid: of the browser process.
        pids: its processes when they were last measured.
        usage_now: what it used when it was last measured; None before the first time.
        over_budget: by that measurement.
        computes: whether one of its processes has hardly paused between the last two looks at them.
        is_good: whether `good` was called.
        is_damaged: whether `damaged` was called.
    """

    def __init__(
        self,
        *,
        name: str,
        mark: str,
        profile: ProfileState,
        bridge: Bridge,
        context: BrowserContext,
        page: Page,
        pid: int,
        budget: tuple[int, int],
        keep: Callable[[], Awaitable[bool]],
    ) -> None:
        self.name = name
        self.mark = mark
        self.profile = profile
        self.bridge = bridge
        self.context = context
        self.page = page
        self.pid = pid
        self.pids = [pid]
        self.usage_now: Usage | None = None
        self.over_budget = Budget.NONE
        self.is_good = False
        self.is_damaged = False
        self.ended = trio.Event()
        self._budget = budget
        self._keep = keep
        self.computes = False
        self._measured_at = self._seen_at = -math.inf
        self._cpu: Mapping[int, float] = {}
        self._lost = trio.Event()
        self._why = ""

    async def lost(self) -> str:
        """Wait until the browser, its page or its driver has died or stopped; returns what happened, for people."""
        await self._lost.wait()
        return self._why

    async def usage(self, *, max_age: float = 60.0) -> Usage:
        """Memory (PSS) and CPU of its process tree, as the host has measured them lately.

        Args:
            max_age: seconds; what is older is measured anew, at some 50 ms in a thread.
        """
        if trio.current_time() - self._measured_at > max_age:
            found = await trio.to_thread.run_sync(measure, self.mark)
            if "" in found:
                self.measured(*found[""])
        return self.usage_now or Usage(memory=0, cpu_seconds=0.0, processes=0)

    async def good(self) -> None:
        """The login in this profile works. When the browser ends cleanly, a copy is kept for bad days."""
        self.is_good = True

    async def keep_copy(self) -> bool:
        """Have such a copy now if there is none: a browser may never end cleanly. Costs the size of the login twice.

        Returns:
            False: the browser was writing at this moment, so that there is no copy yet.

        Raises:
            DiskFull: there is no room for it.
            StorageFailed: the files cannot be read or written.
        """
        return await self._keep()

    def damaged(self) -> None:
        """What the profile should hold is not there. It is set aside when the browser has ended."""
        self.is_damaged = True

    def kill(self) -> None:
        """End it at once, without regard for what it has not written yet. `lost` tells so."""
        if not self.ended.is_set():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)  # Playwright gives each browser a process group

    # For the host.

    def fail(self, why: str) -> None:
        """It is of no use any more. The first reason counts."""
        self._why = self._why or why
        self._lost.set()

    @property
    def may_hang(self) -> bool:
        """Whether its page should be asked if it lives: something computes without pause, or nobody has looked yet.

        A page that hangs computes. One that does not, as it waits for something that never comes, is beyond this.
        """
        return self.computes or self.usage_now is None

    @property
    def is_lost(self) -> bool:
        """Whether `lost` has something to tell."""
        return self._lost.is_set()

    def seen(self, cpu: Mapping[int, float]) -> None:
        """Keep what a look at its processes has found: processor seconds that each has used so far."""
        now = trio.current_time()
        much = _WITHOUT_PAUSE * (now - self._seen_at)
        self.computes = any(seconds - self._cpu.get(pid, seconds) > much for pid, seconds in cpu.items())
        self._cpu, self._seen_at = cpu, now

    def measured(self, usage: Usage, pids: list[int]) -> None:
        """Keep a measurement."""
        soft, hard = self._budget
        self.usage_now = usage
        self._measured_at = trio.current_time()
        self.pids = pids
        self.over_budget = Budget((usage.memory > soft) + (usage.memory > hard))
