"""`accounts`: from boot to all connected, and what an idle account costs. `pairing`: new accounts by QR code."""

import time
from dataclasses import dataclass

import trio
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from bench.instance import Instance, all_connected, running_wasup
from bench.measure import MB, Cpu, Findings, Usage, percentile, usage
from bench.options import Options
from bench.stage import Stage, databases, open_stage
from wasup.db.tables import whatsapp_accounts as accounts

__all__ = ["bench_accounts", "bench_pairing"]

_PATIENCE = 240.0
_SETTLE = 4.0
_READY_WITHIN = 60.0
_MEMORY = 500 * MB
_PAIRED = 300
_PAIRED_WITHIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Boot:
    """How one instance came up; times in seconds since its process was begun."""

    wanted: int
    connected: int
    answered: float
    half: float
    complete: float
    cpu: float
    emulator_cpu: float
    database_cpu: float
    held: Usage
    stopped_in: float


async def bench_accounts(console: Console, options: Options, findings: Findings) -> None:
    """Boot instances with more and more accounts that have stored logins."""
    sizes = options.sizes((100, 1000, 3000), quick=(50, 200))
    for kind in databases(options.database):
        table = Table(
            "accounts", "API up s", "half ready s", "all ready s", "accounts/s", "CPU s\nwasup", "emulator", "database",
            "MB\nUSS", "PSS", "peak RSS", "KB per idle\naccount", "stop s", "",
            title=f"accounts: stored logins, boot to all connected, {kind}", title_justify="left",
        )  # fmt: skip
        empty = await _boot(kind, 0, findings)
        for size in (0, *sizes):
            boot = empty if size == 0 else await _boot(kind, size, findings)
            table.add_row(*_row(boot, empty, _verdict(kind, boot, findings)))
        console.print(table)


def _verdict(kind: str, boot: _Boot, findings: Findings) -> str:
    if boot.wanted == 0:
        return ""
    if boot.connected < boot.wanted:
        return f"[bold red]{boot.connected} ready[/bold red]"
    if boot.wanted < 3000:
        return ""
    text = f"{kind}: {boot.wanted} accounts ready within 60 s of boot, under 500 MB"
    found = f"{boot.complete:.1f} s, {boot.held.pss / MB:.0f} MB (PSS)"
    return findings.must(f"{text}: {found}", holds=boot.complete <= _READY_WITHIN and boot.held.pss < _MEMORY)


def _row(boot: _Boot, empty: _Boot, verdict: str) -> list[str]:
    idle = (boot.held.uss - empty.held.uss) / 1000 / max(1, boot.wanted)
    return [
        str(boot.wanted),
        f"{boot.answered:.1f}",
        f"{boot.half:.1f}" if boot.wanted else "",
        f"{boot.complete:.1f}" if boot.wanted else "",
        f"{boot.connected / boot.complete:.0f}" if boot.wanted else "",
        f"{boot.cpu:.1f}",
        f"{boot.emulator_cpu:.1f}",
        f"{boot.database_cpu:.1f}" if boot.database_cpu else "",
        f"{boot.held.uss / MB:.0f}",
        f"{boot.held.pss / MB:.0f}",
        f"{boot.held.peak / MB:.0f}",
        f"{idle:.1f}" if boot.wanted else "",
        f"{boot.stopped_in:.1f}",
        verdict,
    ]


async def _boot(kind: str, size: int, findings: Findings) -> _Boot:
    """One boot of its own, from an empty database."""
    async with open_stage(kind, restored=size) as stage:
        cpu = Cpu(emulator=stage.emulator.pid, database=stage.database_pid)
        wall = time.time() - time.monotonic()
        async with running_wasup(stage) as instance:
            own = Cpu(wasup=instance.pid)
            own.from_start()
            await all_connected(stage, findings, within=_PATIENCE)
            used = own.seconds("wasup"), cpu.seconds("emulator"), cpu.seconds("database")
            connected = await stage.count_connected()
            half, complete = await _moments(stage, size, wall + instance.spawned)
            await trio.sleep(_SETTLE)
            held = usage(instance.pid)
            stopping = time.monotonic()
        return _Boot(
            wanted=size,
            connected=connected,
            answered=instance.answered - instance.spawned,
            half=half,
            complete=complete,
            cpu=used[0],
            emulator_cpu=used[1],
            database_cpu=used[2],
            held=held,
            stopped_in=time.monotonic() - stopping,
        )


async def _moments(stage: Stage, size: int, begun: float) -> tuple[float, float]:
    """When half of the accounts and all of them were connected, by their rows."""
    query = select(accounts.c.status_since).order_by(accounts.c.status_since)
    times = [row[0] / 1000 - begun for row in await stage.rows(query)] if size else []
    return percentile(times, 50), max(times, default=0.0)


async def bench_pairing(console: Console, options: Options, findings: Findings) -> None:
    """Create accounts through the API, scan their QR codes, and wait until all are connected."""
    size = options.size(_PAIRED, quick=30)
    table = Table(
        "database", "accounts", "scanned s", "all ready s", "accounts/s", "scan to ready ms\np50", "p99",
        "CPU s\nwasup", "",
        title="pairing: created, connected and scanned through the API", title_justify="left",
    )  # fmt: skip
    for kind in databases(options.database):
        async with open_stage(kind) as stage, running_wasup(stage) as instance:
            cpu = Cpu(wasup=instance.pid)
            begun = time.monotonic()
            wall = time.time() - begun
            scanned = await _pair(stage, instance, size)
            all_scanned = time.monotonic() - begun
            complete = await stage.wait_connected(size, within=_PATIENCE)
            seconds = time.monotonic() - begun
            ready = await stage.rows(select(accounts.c.id, accounts.c.last_connected_at))
            waits = [at / 1000 - (scanned[id_] + wall) for id_, at in ready if at and id_ in scanned]
            allowed = _PAIRED_WITHIN * size / _PAIRED
            holds = complete and seconds <= allowed
            text = f"{kind}: {size} accounts newly paired by QR within {allowed:.0f} s: {seconds:.1f} s"
            table.add_row(
                kind,
                str(size),
                f"{all_scanned:.1f}",
                f"{seconds:.1f}",
                f"{size / seconds:.1f}",
                f"{percentile(waits, 50) * 1000:.0f}",
                f"{percentile(waits, 99) * 1000:.0f}",
                f"{cpu.seconds('wasup'):.1f}",
                findings.must(text, holds=holds),
            )
    console.print(table)


async def _pair(stage: Stage, instance: Instance, size: int) -> dict[int, float]:
    """Have so many accounts scanned, 16 at a time; when each was, by its id."""
    scanned: dict[int, float] = {}
    gate = trio.CapacityLimiter(16)

    async def pair(number: int) -> None:
        async with gate:
            account_id = await instance.api.create_account(f"Bench {number}")
            await instance.api.connect(account_id)
            while (code := await instance.api.qr(account_id)) is None:
                await trio.sleep(0.05)
            await stage.emulator.scan(code, f"5521{90_000_000 + number}")
            scanned[account_id] = time.monotonic()

    with trio.move_on_after(_PATIENCE):
        async with trio.open_nursery() as nursery:
            for number in range(size):
                nursery.start_soon(pair, number)
    return scanned
