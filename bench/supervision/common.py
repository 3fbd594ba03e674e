"""What the contestants share."""

import gc
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

PAUSE = 0.001
"""Seconds between two crashes, in which everything comes to rest."""
BURST = 100
"""Messages sent without waiting before the receiver has its turn."""
STRIDE = 7
"""The next to crash stands so many places further on."""

clock = time.process_time
"""Processor time: where nothing is waited for it is the time that passes, less what other programs take."""


async def processor_time(operation: Callable[[], Awaitable[object]]) -> float:
    """Return the processor seconds of an operation."""
    gc.collect()
    begun = time.process_time()
    await operation()
    return time.process_time() - begun


def resident_bytes() -> int:
    """Return the resident memory of this process (Linux)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


class Growth:
    """Time and memory since it was made."""

    def __init__(self) -> None:
        gc.collect()
        self._memory = resident_bytes()
        self._begun = time.perf_counter()

    def since(self, count: int) -> tuple[float, float]:
        """Return the seconds, and the bytes for each of ``count``."""
        seconds = time.perf_counter() - self._begun
        gc.collect()
        return seconds, (resident_bytes() - self._memory) / count
