"""`messages`: from the emulator's socket to committed rows, at steady rates, without and with webhooks."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import trio
from rich.console import Console
from rich.table import Table

from bench.instance import Instance, all_connected, running_wasup
from bench.measure import Cpu, Findings
from bench.options import Options
from bench.stage import Stage, databases, open_stage

__all__ = ["Tally", "bench_messages", "tally"]

_ACCOUNTS = 1000
_RATES = {"mariadb": (500, 1000, 2000, 4000), "sqlite": (500, 2000)}
_RATES_HOOKED = {"mariadb": (500, 1000, 2000), "sqlite": (500,)}
_SECONDS = 15.0
_DRAIN = 60.0  # patience for what is still to be committed or delivered after a load
_MUST = 2000
_P99 = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The emulator's log against the rows of the database."""

    given: int
    stored: int
    lost: int
    doubled: int

    @property
    def right(self) -> bool:
        """Whether everything is there once."""
        return not self.lost and not self.doubled


async def tally(stage: Stage, *, after: int = 0) -> Tally:
    """Compare what was given to the accounts since this row of the log with what is stored, message by message."""
    given = {
        (row["phone"], row["id"])
        for row in await stage.emulator.log(after=after, kind="given")
        if row["item"] == "message"
    }
    stored = Counter(await stage.stored())
    times = Counter(message_id for _, message_id in stored.elements())
    ids = {message_id for _, message_id in given}
    return Tally(
        given=len(given),
        stored=sum(count for message, count in stored.items() if message in given),
        lost=sum(1 for message in given if message not in stored),
        doubled=sum(times[id_] - 1 for id_ in ids if times[id_] > 1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """What became of one load."""

    rate: int
    load: dict[str, Any]
    cpu: dict[str, float]
    tally: Tally
    delivered: int | None
    drained: float | None


async def bench_messages(console: Console, options: Options, findings: Findings) -> None:
    """Loads at rising rates on each database, without an endpoint and with one."""
    for kind in databases(options.database):
        for hooked in (False, True):
            await _bench(console, options, findings, kind, hooked=hooked)


async def _bench(console: Console, options: Options, findings: Findings, kind: str, *, hooked: bool) -> None:
    size = options.size(_ACCOUNTS, quick=100)
    rates = options.rates or ((200, 500) if options.quick else (_RATES_HOOKED if hooked else _RATES)[kind])
    words = "the emulator's back end as webhook endpoint" if hooked else "no webhook endpoint"
    columns = (
        "offered /s", "given /s", "committed /s", "given to committed ms\np50", "p90", "p99", "given to handed ms\np99",
        "CPU\nwasup", "emulator", "database", "given", "rows", "lost", "doubled",
    )  # fmt: skip
    table = Table(
        *columns,
        *(("delivered /s", "drained s") if hooked else ()),
        "",
        title=f"messages: over {size} accounts, {kind}, {words}",
        title_justify="left",
    )
    async with (
        open_stage(kind, restored=size, webhooks=hooked, receipts=False) as stage,
        running_wasup(stage) as instance,
    ):
        if not await all_connected(stage, findings):
            return
        await trio.sleep(2)
        for rate in rates:
            found = await _load(
                stage, instance, rate, options.seconds or (5.0 if options.quick else _SECONDS), hooked=hooked
            )
            table.add_row(*_row(found, _verdict(kind, words, found, findings)))
    console.print(table)


async def _load(stage: Stage, instance: Instance, rate: int, seconds: float, *, hooked: bool) -> _Load:
    """One load, until everything is committed and delivered."""
    emulator = stage.emulator
    log_start = (await emulator.state())["log_next"] - 1
    delivered_before = (await emulator.backend())["distinct"]
    cpu = Cpu(wasup=instance.pid, emulator=emulator.pid, database=stage.database_pid)
    begun = time.monotonic()
    await emulator.start_load(rate=rate, seconds=seconds)
    await trio.sleep(seconds)
    delivered = (await emulator.backend())["distinct"] - delivered_before
    shares = cpu.shares()
    load = await emulator.load()
    with trio.move_on_after(_DRAIN):
        while load["running"] or load["acknowledged"] < load["given"]:
            await trio.sleep(0.2)
            load = await emulator.load()
    drained: float | None = None
    if hooked:
        with trio.move_on_after(_DRAIN):
            while await stage.count_outbox():
                await trio.sleep(0.2)
            drained = time.monotonic() - begun - seconds
    return _Load(
        rate=rate,
        load=load,
        cpu=shares,
        tally=await tally(stage, after=log_start),
        delivered=round(delivered / seconds) if hooked else None,
        drained=drained,
    )


def _verdict(kind: str, words: str, found: _Load, findings: Findings) -> str:
    tallied, load = found.tally, found.load
    name = f"{kind}, {words}, {found.rate} messages/s"
    if not tallied.right:
        return findings.must(f"{name}: {tallied.lost} lost, {tallied.doubled} doubled", holds=False)
    if kind == "mariadb" and found.rate == _MUST:
        p99 = load["given_to_acknowledged_ms"]["p99"]
        rate = load["acknowledged_per_second"]
        text = f"{name}: committed with p99 under 1 s, nothing lost or doubled: {rate:.0f}/s, p99 {p99:.0f} ms"
        return findings.must(text, holds=rate >= 0.97 * _MUST and p99 < _P99)
    return ""


def _row(found: _Load, verdict: str) -> list[str]:
    load, tallied = found.load, found.tally
    latency, handed = load["given_to_acknowledged_ms"] or {}, load["given_to_handed_ms"] or {}
    row = [
        str(found.rate),
        f"{load['given_per_second']:.0f}",
        f"{load['acknowledged_per_second']:.0f}",
        *(f"{latency.get(share, 0):.0f}" for share in ("p50", "p90", "p99")),
        f"{handed.get('p99', 0):.0f}",
        *(f"{found.cpu[name]:.2f}" if name in found.cpu else "" for name in ("wasup", "emulator", "database")),
        *(str(number) for number in (tallied.given, tallied.stored, tallied.lost, tallied.doubled)),
    ]
    if found.delivered is not None:
        row += [str(found.delivered), "over 60" if found.drained is None else f"{found.drained:.1f}"]
    return [*row, verdict]
