"""`messages`: from the emulator's sockets to committed rows and to the receiver of webhooks, at steady rates."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import trio
from rich.console import Console
from rich.table import Table

from bench.doors import SECRET, Door, running_receiver, take_figures
from bench.instance import Instance, all_connected, running_wasup
from bench.measure import MB, Cpu, Findings, usage
from bench.options import Options
from bench.stage import Stage, databases, open_stage
from wasup.ports.outbox import NewEndpoint

__all__ = ["Tally", "bench_messages", "tally"]

_ACCOUNTS = 1000
_SECONDS = 15.0
_WARM_UP = 500  # messages a second, not counted: the first of a chat costs more than the others
_DRAIN = 60.0  # patience for what is still to be committed or delivered after a load
_P99 = 1000.0
_GROWTH_MB = 20.0  # of a load: more is not flat
_BATCH = 200
_DOOR = "messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A table: where events go, and how fast messages come.

    Attributes:
        batch: events in one POST at most; 0 without an endpoint.
        rates: messages a second, by database.
        must: what MariaDB must sustain of these.
    """

    words: str
    batch: int
    rates: dict[str, tuple[int, ...]]
    must: int


_CASES = (
    _Case(words="no endpoint", batch=0, rates={"mariadb": (500, 1000, 2000, 4000), "sqlite": (500, 2000)}, must=2000),
    _Case(words="one event a POST", batch=1, rates={"mariadb": (500, 1000), "sqlite": (500,)}, must=1000),
    _Case(words=f"{_BATCH} events a POST", batch=_BATCH, rates={"mariadb": (1000, 3000), "sqlite": (500,)}, must=3000),
)


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
    """What became of one load.

    Attributes:
        door: what the receiver of webhooks tells; None without an endpoint.
        memory: MB of wasup's own before and after.
    """

    rate: int
    load: dict[str, Any]
    cpu: dict[str, float]
    tally: Tally
    door: Door | None
    memory: tuple[float, float]

    @property
    def flat(self) -> bool:
        """Whether memory has hardly grown."""
        return self.memory[1] - self.memory[0] < _GROWTH_MB


async def bench_messages(console: Console, options: Options, findings: Findings) -> None:
    """Loads at rising rates on each database: without an endpoint, with single events, and with batches."""
    async with running_receiver() as receiver:
        for kind in databases(options.database):
            for case in _CASES:
                await _bench(console, options, findings, kind, case, receiver)


async def _bench(console: Console, options: Options, findings: Findings, kind: str, case: _Case, receiver: str) -> None:
    size = options.size(_ACCOUNTS, quick=100)
    rates = options.rates or ((200, 500) if options.quick else case.rates[kind])
    seconds = options.seconds or (5.0 if options.quick else _SECONDS)
    columns = (
        "offered /s", "given /s", "committed /s", "given to\ncommitted\nms p50", "p90", "p99",
        "handed\nms p99", "CPU\nwasup", "emul.", "datab.", "lost", "doubled", "MB\nbefore", "after",
    )  # fmt: skip
    table = Table(
        *columns,
        *(("POSTs", "received /s", "given to\nreceived\nms p50", "p99") if case.batch else ()),
        "",
        title=f"messages: over {size} accounts, {kind}, webhooks: {case.words}",
        title_justify="left",
    )
    async with open_stage(kind, restored=size, receipts=False) as stage:
        if case.batch:
            endpoint = NewEndpoint(
                url=f"{receiver}/{_DOOR}",
                secret=SECRET,
                events=("message.received",),
                batch_events=case.batch,
                batch_wait=0.05,
            )
            await stage.database.outbox.create_endpoint(stage.workspace_id, endpoint)
        async with running_wasup(stage) as instance:
            if not await all_connected(stage, findings):
                return
            await _load(stage, instance, _WARM_UP, seconds, receiver, case)
            for rate in rates:
                found = await _load(stage, instance, rate, seconds, receiver, case)
                table.add_row(*_row(found, _verdict(kind, case, found, findings)))
    console.print(table)


async def _load(stage: Stage, instance: Instance, rate: int, seconds: float, receiver: str, case: _Case) -> _Load:
    """One load, until everything is committed and delivered."""
    emulator = stage.emulator
    log_start = (await emulator.state())["log_next"] - 1
    await take_figures(receiver)
    before = usage(instance.pid).uss
    cpu = Cpu(wasup=instance.pid, emulator=emulator.pid, database=stage.database_pid)
    await emulator.start_load(rate=rate, seconds=seconds)
    await trio.sleep(seconds)
    shares = cpu.shares()
    load = await emulator.load()
    with trio.move_on_after(_DRAIN):
        while load["running"] or load["acknowledged"] < load["given"]:
            await trio.sleep(0.2)
            load = await emulator.load()
    if case.batch:
        with trio.move_on_after(_DRAIN):
            while await stage.count_outbox():
                await trio.sleep(0.2)
    after = usage(instance.pid).uss
    return _Load(
        rate=rate,
        load=load,
        cpu=shares,
        tally=await tally(stage, after=log_start),
        door=(await take_figures(receiver)).get(_DOOR, Door()) if case.batch else None,
        memory=(before / MB, after / MB),
    )


def _verdict(kind: str, case: _Case, found: _Load, findings: Findings) -> str:
    tallied, load, door = found.tally, found.load, found.door
    name = f"{kind}, {case.words}, {found.rate} messages/s"
    if not tallied.right:
        return findings.must(f"{name}: {tallied.lost} lost, {tallied.doubled} doubled", holds=False)
    if door is not None and door.events < tallied.given:
        return findings.must(f"{name}: {door.events} of {tallied.given} delivered", holds=False)
    if kind != "mariadb" or found.rate != case.must:
        return ""
    if door is None:
        rate, p99, where = load["acknowledged_per_second"], load["given_to_acknowledged_ms"]["p99"], "committed"
    else:
        rate, p99, where = door.rate, door.message_p99_ms, "at the receiver"
    grown = found.memory[1] - found.memory[0]
    text = (
        f"{name}: {where} with p99 under 1 s, nothing lost or doubled, memory flat: {rate:.0f}/s, p99 {p99:.0f} ms,"
        f" {grown:+.0f} MB"
    )
    return findings.must(text, holds=rate >= 0.97 * case.must and p99 < _P99 and found.flat)


def _row(found: _Load, verdict: str) -> list[str]:
    load, tallied, door = found.load, found.tally, found.door
    latency, handed = load["given_to_acknowledged_ms"] or {}, load["given_to_handed_ms"] or {}
    row = [
        str(found.rate),
        f"{load['given_per_second']:.0f}",
        f"{load['acknowledged_per_second']:.0f}",
        *(f"{latency.get(share, 0):.0f}" for share in ("p50", "p90", "p99")),
        f"{handed.get('p99', 0):.0f}",
        *(f"{found.cpu[name]:.2f}" if name in found.cpu else "" for name in ("wasup", "emulator", "database")),
        *(str(number) for number in (tallied.lost, tallied.doubled)),
        *(f"{size:.0f}" for size in found.memory),
    ]
    if door is not None:
        row += [str(door.posts), f"{door.rate:.0f}", f"{door.message_p50_ms:.0f}", f"{door.message_p99_ms:.0f}"]
    return [*row, verdict]
