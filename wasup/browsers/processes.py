"""Marks of hosts, and what the processes behind a mark use."""

import itertools
import os
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import trio

from wasup.browsers.guard import end_marked, marked, process_field, process_fields
from wasup.ports.session import Usage

__all__ = [
    "Glance",
    "end_orphans",
    "find_browser",
    "find_leader",
    "folder_mark",
    "glance",
    "host_mark",
    "measure",
    "wait_ended",
]

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATE, _SESSION, _START = 3, 6, 22
_TIMES = (14, 15, 16, 17)  # user and system time, own and of children that were waited for

_hosts = itertools.count(1)


def folder_mark(profiles: Path) -> str:
    """How the marks of all hosts on these profiles begin."""
    return f"wasup.{zlib.crc32(os.fsencode(profiles.resolve())):08x}."


def host_mark(profiles: Path) -> str:
    """A mark for a new host of this process: `wasup.<folder>.<process, its start, a count>.`, dots included.

    A browser adds its name and a dot, so that no mark begins with another one.
    """
    pid = os.getpid()
    return f"{folder_mark(profiles)}{pid}-{process_field(pid, _START)}-{next(_hosts)}."


def end_orphans(profiles: Path) -> int:
    """End what hosts that live no more have left of browsers on these profiles; how many processes that were."""
    folder = folder_mark(profiles)
    orphans = [mark for mark in marked(folder).values() if not _host_lives(mark.removeprefix(folder))]
    for mark in set(orphans):
        end_marked(mark, within=5.0)
    return len(orphans)


def find_leader(mark: str) -> int | None:
    """The browser process itself: Playwright makes it the leader of a session of its own."""
    return next((pid for pid in marked(mark) if process_field(pid, _SESSION) == str(pid)), None)


def find_browser(profiles: Path, name: str) -> int | None:
    """The browser process of whichever host runs the browser of this name on these profiles now; also another's."""
    folder = folder_mark(profiles)
    marks = (mark for mark in marked(folder).values() if mark.removeprefix(folder).split(".")[1:2] == [name])
    return next((pid for mark in set(marks) if (pid := find_leader(mark)) is not None), None)


class Glance(NamedTuple):
    """What a line for each of some processes tells.

    Attributes:
        stopped: whether one of them has been stopped (SIGSTOP, or a debugger).
        cpu: processor seconds that each has used so far.
    """

    stopped: bool
    cpu: dict[int, float]


def glance(pids: Collection[int]) -> Glance:
    """Look at these processes; those that are gone are left out. Costs some 20 µs for each."""
    found = {pid: fields for pid in pids if (fields := process_fields(pid))}
    return Glance(
        stopped=any(fields[_STATE - 3] in {"T", "t"} for fields in found.values()),
        cpu={pid: sum(int(fields[field - 3]) for field in _TIMES) / _TICKS for pid, fields in found.items()},
    )


async def wait_ended(pid: int) -> None:
    """Return when the process has ended, anybody's child or nobody's."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        await trio.lowlevel.wait_readable(handle)
    finally:
        os.close(handle)


def measure(mark: str) -> dict[str, tuple[Usage, list[int]]]:
    """What all browsers under a host's mark use, by name, with the ids of their processes; one pass over /proc."""
    trees: dict[str, list[int]] = {}
    for pid, whole in marked(mark).items():
        trees.setdefault(whole.removeprefix(mark).partition(".")[0], []).append(pid)
    return {
        name: (
            Usage(
                memory=sum(_memory(pid) for pid in pids),
                cpu_seconds=sum(glance(pids).cpu.values()),
                processes=len(pids),
            ),
            pids,
        )
        for name, pids in trees.items()
    }


def _host_lives(rest: str) -> bool:
    pid, start, _ = rest.partition(".")[0].split("-")
    return process_field(int(pid), _START) == start


def _memory(pid: int) -> int:
    """Bytes of PSS; of what is not shared at all where a sandbox lets nobody look closer (and 0 if it is gone)."""
    proc = Path("/proc") / str(pid)
    try:
        for line in (proc / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        _, resident, shared, *_ = (proc / "statm").read_text().split()
    except OSError:
        return 0
    return (int(resident) - int(shared)) * _PAGE
