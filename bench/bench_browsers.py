"""`python -m bench.bench_browsers`: how fast browsers start, and what each costs, on an empty page.

Memory is PSS: of the machine's memory, what would be free again without it.
"""

import os
import statistics
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import trio

from wasup.bridge import Bridge
from wasup.browsers import BrowserHost, BrowserHostSettings
from wasup.browsers.processes import measure

_TOGETHER = 8
_ALONE = 5
_SETTLE = 5.0


async def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        settings = BrowserHostSettings(profiles=Path(folder), max_sessions=_TOGETHER)
        async with Bridge() as bridge, BrowserHost.open(settings, bridge) as host:
            await _alone(host)
            await _together(host)
            await _memory(host)


async def _alone(host: BrowserHost) -> None:
    times = []
    for _ in range(_ALONE):
        began = trio.current_time()
        async with host.browser("1", restore=False):
            times.append(trio.current_time() - began)
    print(f"start alone: first {times[0]:.2f} s (with the driver), then median {statistics.median(times[1:]):.2f} s")


async def _together(host: BrowserHost) -> None:
    began = trio.current_time()
    ready: list[float] = []
    over = trio.Event()

    async def one(name: str) -> None:
        async with host.browser(name, restore=False):
            ready.append(trio.current_time() - began)
            if len(ready) == _TOGETHER:
                over.set()
            await over.wait()

    async with trio.open_nursery() as nursery:
        for number in range(_TOGETHER):
            nursery.start_soon(one, str(number))
    print(f"{_TOGETHER} together: all up after {max(ready):.1f} s on {os.cpu_count()} cores")


async def _memory(host: BrowserHost) -> None:
    totals: dict[int, int] = {}
    async with AsyncExitStack() as stack:
        for number in range(1, _TOGETHER + 1):
            await stack.enter_async_context(host.browser(str(number), restore=False))
            if number in {1, 3, _TOGETHER}:
                await trio.sleep(_SETTLE)
                began = trio.current_time()
                found = {name: usage for name, (usage, _) in measure(host.mark).items()}
                took = trio.current_time() - began
                drivers = sum(usage.memory for name, usage in found.items() if name.startswith("_"))
                totals[number] = sum(usage.memory for usage in found.values()) - drivers
                processes = sum(usage.processes for usage in found.values())
                print(
                    f"{number} browsers: {totals[number] / 1e6:.0f} MB, and {drivers / 1e6:.0f} MB of driver; "
                    f"measured in {took * 1000:.0f} ms, {processes} processes"
                )
    print(f"each of the 4th to 8th: {(totals[8] - totals[3]) / 5 / 1e6:.0f} MB")


if __name__ == "__main__":
    trio.run(main)
