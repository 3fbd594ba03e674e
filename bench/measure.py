"""What processes use, what the machine is, and how figures are put into words."""

import importlib.metadata
import os
import platform
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from bench.database import WORDS
from tests.db.servers import find_mariadbd

__all__ = [
    "MB",
    "Check",
    "Cpu",
    "Findings",
    "Usage",
    "describe_machine",
    "milliseconds",
    "open_files",
    "percentile",
    "usage",
]

MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a process holds now; sizes in bytes.

    Attributes:
        uss: memory that would be free if it ended.
        pss: the same, and its share of what it shares with others.
        peak: the most that was ever resident.
    """

    uss: int
    pss: int
    rss: int
    peak: int
    files: int
    threads: int


def usage(pid: int) -> Usage:
    """Look at a process."""
    process = psutil.Process(pid)
    memory = process.memory_full_info()
    return Usage(
        uss=memory.uss,
        pss=memory.pss,
        rss=memory.rss,
        peak=_peak(pid),
        files=process.num_fds(),
        threads=process.num_threads(),
    )


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def open_files(pid: int, ports: dict[int, str]) -> Counter[str]:
    """What a process has open, by kind; connections by the names of their ports, on whichever side."""
    sockets: dict[str, str] = {}
    for end in psutil.Process(pid).net_connections("tcp"):
        near, far = (getattr(address, "port", 0) for address in (end.laddr, end.raddr))  # a listener has no far end
        sockets[str(end.fd)] = f"{ports.get(far) or ports.get(near) or 'socket'} {end.status.lower()}"
    kinds: Counter[str] = Counter()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed in between
            target = str(link.readlink())
            kinds[sockets.get(link.name) or (target.partition(":")[0] if ":[" in target else Path(target).name)] += 1
    return kinds


class Cpu:
    """Processor seconds of some processes since this was made; one that has ended counts no more."""

    def __init__(self, **pids: int | None) -> None:
        self._pids = {name: pid for name, pid in pids.items() if pid is not None}
        self._begun = {name: _processor_seconds(pid) for name, pid in self._pids.items()}
        self._at = time.monotonic()

    def from_start(self) -> None:
        """Count from the beginning of the processes."""
        self._begun = dict.fromkeys(self._pids, 0.0)

    def seconds(self, name: str) -> float:
        """Processor seconds that this process has used."""
        return _processor_seconds(self._pids[name]) - self._begun[name] if name in self._pids else 0.0

    def shares(self) -> dict[str, float]:
        """Processors' worth that each has used on average."""
        passed = time.monotonic() - self._at
        return {name: self.seconds(name) / passed for name in self._pids}


def _processor_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` percent lie; 0 of nothing."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[round((len(ordered) - 1) * share / 100)]


def milliseconds(values: Sequence[float], *shares: float) -> list[str]:
    """Percentiles of seconds, as milliseconds."""
    return [f"{percentile(values, share) * 1000:.1f}" for share in shares]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something that must hold, and whether it does."""

    text: str
    holds: bool


@dataclass
class Findings:
    """What the sections found out about what must hold."""

    checks: list[Check] = field(default_factory=list)

    def must(self, text: str, *, holds: bool) -> str:
        """Note a check; the word for its place in a table."""
        self.checks.append(Check(text=text, holds=holds))
        return "[green]ok[/green]" if holds else "[bold red]MISSED[/bold red]"

    def print(self, console: Console) -> bool:
        """Print all checks; whether all hold."""
        if self.checks:
            table = Table(title="Must hold", title_justify="left", show_header=False)
            for check in self.checks:
                table.add_row("[green]ok[/green]" if check.holds else "[bold red]MISSED[/bold red]", check.text)
            console.print(table)
        return all(check.holds for check in self.checks)


def describe_machine(console: Console, folder: Path) -> None:
    """Say what the figures were measured on."""
    table = Table(title="The machine", title_justify="left", show_header=False)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    table.add_row("processors", f"{len(os.sched_getaffinity(0))} of {_processor()}; load before the run {load}")
    table.add_row("memory", f"{psutil.virtual_memory().total / 1e9:.1f} GB")
    table.add_row("system", f"{platform.system()} {platform.release()} {platform.machine()}")
    packages = ("trio", "wsproto", "hypercorn", "sqlalchemy", "asyncmy", "aiosqlite")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    table.add_row("software", f"Python {platform.python_version()}, {versions}")
    binary = find_mariadbd()
    table.add_row("MariaDB", "not installed" if binary is None else _version(binary))
    table.add_row("databases in", f"{folder} ({_filesystem(folder)})")
    console.print(table)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _version(binary: str) -> str:
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    return said.stdout.strip() + f"; {WORDS}"


def _filesystem(folder: Path) -> str:
    """The type of the file system that holds this folder."""
    best, kind = "", "unknown"
    for partition in psutil.disk_partitions(all=True):
        inside = partition.mountpoint == "/" or folder.is_relative_to(partition.mountpoint)
        if inside and len(partition.mountpoint) >= len(best):
            best, kind = partition.mountpoint, partition.fstype
    return kind
