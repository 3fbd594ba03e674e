"""Starting a real emulator for tests.

`async with running_emulator(**settings) as emulator` gives one to a single test; `emulator_at(**settings)`
is its synchronous sister for fixtures of a module or session, which give its address to many tests.
Defaults here make the played people quick and quiet, so that tests see what they asked for and no more.
"""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from wasup.emulator.client import EmulatorClient, flags, running_emulator as start

__all__ = ["emulator_at", "running_emulator"]

_QUIET: dict[str, object] = {
    "echo": False,
    "delivered_after": 0.01,
    "read_after": 0.02,
    "echo_after": 0.02,
}


@asynccontextmanager
async def running_emulator(**settings: object) -> AsyncIterator[EmulatorClient]:
    """An emulator process for one test, with a client for its controls."""
    async with start(**(_QUIET | settings)) as emulator:
        yield emulator


@contextmanager
def emulator_at(**settings: object) -> Iterator[str]:
    """An emulator process that outlives a test; gives its address."""
    command = [sys.executable, "-m", "wasup.emulator", "--end-with-stdin", *flags(_QUIET | settings)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("ready "), line
            yield line.split()[1]
        finally:
            process.terminate()
            process.wait(10)
