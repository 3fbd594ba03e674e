"""Finding and ending our browsers by the mark that every process of theirs carries; also a program.

Run as a program, this is the guard: it owns the right to end the browsers when wasup cannot do so any more.
wasup writes a byte to its standard input every few seconds. At the end of that input (wasup is dead, killed
with -9 or otherwise), or when no byte comes within the deadline (wasup is stopped or hung), it kills every
process with the mark, again and again until none is left, and exits.

The mark stands in two places. Chromium overwrites the environment of its child processes with their titles,
but hands the switch `--vmodule` down to each; the crash handlers and the driver take no such switch, but keep
their environment. Both survive re-parenting, unlike the tree of parents.

The guard runs isolated, without site-packages (some 8 MB), so this module imports nothing but the
standard library, and little of that.
"""

import os
import select
import signal
import sys
import time
from contextlib import suppress

__all__ = ["FAREWELL", "MARK_SWITCH", "MARK_VARIABLE", "end_marked", "marked", "process_field", "process_fields"]

MARK_SWITCH = "--vmodule="
"""Its value is a pattern for verbose logging, `mark=0`: it names no module and logs nothing."""
MARK_VARIABLE = "MARK_OF_BROWSERS"

FAREWELL = b"q"
"""wasup has ended its browsers itself: the guard just exits."""

_PAUSE = 0.05


def marked(mark: str) -> dict[int, str]:
    """All living processes whose mark begins with `mark`, ours excepted: process ids with their whole marks.

    Costs some 50 µs for each process of the machine.
    """
    places = (("cmdline", MARK_SWITCH, mark.encode()), ("environ", f"{MARK_VARIABLE}=", mark.encode()))
    found = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - pathlib doubles the guard's size
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        for file, lead, wanted in places:  # a file of another user's process cannot be read: it is not ours
            content = _read(entry, file)
            start = content.find(lead.encode() + wanted)
            if start >= 0:
                found[int(entry)] = _word(content[start + len(lead) :])
                break
    return found


def end_marked(mark: str, *, within: float) -> bool:
    """Kill all processes with the mark until none is left; False if some were left after `within` seconds."""
    deadline = time.monotonic() + within
    while pids := marked(mark):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # ends a stopped process, too
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def process_field(pid: int, index: int) -> str | None:
    """A field of `/proc/<pid>/stat`, counted as in proc(5) from 3 (the state) on; None if there is no such process."""
    fields = process_fields(pid)
    return fields[index - 3] if fields else None


def process_fields(pid: int) -> list[str]:
    """All fields of `/proc/<pid>/stat` from the third (the state) on; none if there is no such process."""
    return _read(str(pid), "stat").decode(errors="replace").rpartition(")")[2].split()


def _word(content: bytes) -> str:
    return content.partition(b"\0")[0].partition(b"=")[0].decode()


def _read(pid: str, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:  # noqa: PTH123 - pathlib doubles the guard's size
            return file.read()
    except OSError:
        return b""


def guard(mark: str, deadline: float) -> None:
    """Wait for the end of standard input, or for a silence longer than the deadline; then end all that is marked.

    Args:
        mark: every process whose mark begins so.
        deadline: seconds.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # ends with wasup, not before it
    while select.select([0], [], [], deadline)[0] and (said := os.read(0, 4096)):
        if FAREWELL in said:
            return
    # A browser being launched at this moment may show itself a little later.
    for _ in range(10):
        end_marked(mark, within=60)
        time.sleep(_PAUSE)


if __name__ == "__main__":
    guard(sys.argv[1], float(sys.argv[2]))
