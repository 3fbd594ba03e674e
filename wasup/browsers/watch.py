"""Looking after what runs: who has been stopped, who computes without pause, and who uses how much."""

from collections.abc import Collection, Mapping

import structlog
import trio

from wasup.browsers.browser import Browser
from wasup.browsers.drivers import Driver
from wasup.browsers.options import BrowserHostSettings
from wasup.browsers.processes import Glance, glance, measure

__all__ = ["watch"]

_LOOKS = 2  # in a row at which a process was found stopped
_SHARE = 0.05  # of a core that measuring may take

log = structlog.get_logger("wasup.browsers")


async def watch(
    mark: str, browsers: Mapping[str, Browser], drivers: Collection[Driver], settings: BrowserHostSettings
) -> None:
    """Look at all processes every few seconds, and measure from time to time, until cancelled.

    One look reads a line for each process; one measurement goes over all of /proc, at some 2 ms for each
    process of ours.

    Args:
        mark: of the host.
        browsers: those that run, by name; changes while this runs.
        drivers: those that run; likewise.
        settings: of the host.
    """
    due = trio.current_time()
    found: dict[Browser | Driver, int] = {}
    while True:
        await trio.sleep(settings.look_interval)
        found = await _look(found, browsers, drivers)
        if (began := trio.current_time()) >= due:
            for name, (usage, pids) in (await trio.to_thread.run_sync(measure, mark)).items():
                if name in browsers:
                    browsers[name].measured(usage, pids)
            due = began + max(settings.measure_interval, (trio.current_time() - began) / _SHARE)


async def _look(
    before: Mapping[Browser | Driver, int], browsers: Mapping[str, Browser], drivers: Collection[Driver]
) -> dict[Browser | Driver, int]:
    """Who is stopped, with how many looks in a row have found that; at the second one it is ended."""
    running: list[tuple[Browser | Driver, list[int]]] = []
    running += [(browser, browser.pids) for browser in browsers.values()]
    running += [(driver, [driver.pid]) for driver in drivers]

    def look() -> list[tuple[Browser | Driver, Glance]]:
        return [(one, glance(pids)) for one, pids in running]

    seen = await trio.to_thread.run_sync(look)
    for one, found in seen:
        if isinstance(one, Browser):
            one.seen(found.cpu)
    still = [one for one, found in seen if found.stopped]
    for one in still:
        if before.get(one, 0) + 1 == _LOOKS:
            if isinstance(one, Browser):
                one.fail("a process of the browser was stopped")
            one.kill()
    return {one: before.get(one, 0) + 1 for one in still}
