"""`soak`: minutes of traffic, drops, kills and reconnects; what the process holds must not grow.

Messages come in by the emulator's load and go out by the API, while connections are dropped and actors are killed.
Memory is sampled all the time. Actors and open files are counted when everything is at rest, since a session that
is just reconnecting has none: once after the warm-up, and once at the end. Last comes the emulator's log against
the database.
"""

import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field

import trio
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from bench.instance import Instance, all_connected, running_wasup
from bench.measure import MB, Findings, Usage, open_files, usage
from bench.messages import tally
from bench.options import Options
from bench.stage import Stage, databases, open_stage
from wasup.cli.demo.api import ApiError
from wasup.db.tables import messages

__all__ = ["bench_soak"]

_ACCOUNTS = 50
_MINUTES = 10.0
_WINDOW = 60.0  # the first minute warms up; the second and the last are compared
_SAMPLE = 10.0
_RATE = 1.0  # messages a second and account, each way a tenth of it
_KILL_EVERY, _DROP_EVERY, _DROP_ALL_EVERY = 4.0, 3.0, 45.0
_GROWTH, _SLACK = 1.10, 10 * MB
_PATIENCE = 90.0
_KEPT = 8  # webhooks.connections
_QUIET = 8.0  # idle connections of our own are closed by then


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """The process at a moment (seconds since the soak began)."""

    at: float
    held: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rest:
    """What there is when nothing happens; -1 where the product does not tell.

    Attributes:
        files: open files, without `kept`, and without our own connections to the API.
        kept: connections to the webhook endpoint, which are kept for the next delivery: some, up to a limit.
    """

    files: int
    actors: int
    tasks: int
    threads: int
    kept: int
    kinds: Counter[str]


@dataclass
class _Soak:
    stage: Stage
    instance: Instance
    console: Console
    window: float
    begun: float = field(default_factory=time.monotonic)
    samples: list[_Sample] = field(default_factory=list)
    killed: int = 0
    absent: int = 0
    dropped: int = 0
    sent: list[tuple[str, str]] = field(default_factory=list)
    asked: int = 0

    # ---- what happens ------------------------------------------------------------------------

    async def excite(self, seconds: float) -> None:
        """Traffic and trouble for so long; then wait until all is well again."""
        accounts = len(self.stage.phones)
        await self.stage.emulator.start_load(rate=_RATE * accounts, seconds=seconds, chats_per_account=10)
        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send)
                nursery.start_soon(self._kill)
                nursery.start_soon(self._drop, _DROP_EVERY, False)
                nursery.start_soon(self._drop, _DROP_ALL_EVERY, True)
        with trio.move_on_after(_PATIENCE):
            while (await self.stage.emulator.load())["running"] or not await self._at_ease():
                await trio.sleep(0.5)

    async def _at_ease(self) -> bool:
        """Whether everybody is connected and nothing waits anywhere."""
        state = await self.stage.emulator.state()
        connected = await self.stage.count_connected()
        waits = state["waiting"] + state["in_hand"] + await self.stage.count_outbox()
        return not waits and connected == state["ready"] == len(self.stage.phones)

    async def _send(self) -> None:
        phones = list(self.stage.phones)
        while True:
            phone = random.choice(phones)
            number = self.asked  # never twice: traffic is ended in the middle of a send, and begun again
            self.asked += 1
            to = f"+4930{number % 10:07d}"
            message_id = await self.instance.api.send(self.stage.phones[phone], to, f"Soak {number}", f"soak-{number}")
            self.sent.append((phone, message_id))
            await trio.sleep(10 / _RATE / len(phones))

    async def _kill(self) -> None:
        accounts = list(self.stage.phones.values())
        while True:
            await trio.sleep(_KILL_EVERY)
            path = f"/api/actors/root/accounts/{random.choice(accounts)}/{random.choice(('session', 'actor'))}/restart"
            try:
                await self.instance.admin.call("POST", path)
            except ApiError as error:
                if ": 404 " not in str(error):
                    raise
                self.absent += 1  # it is just being restarted
            else:
                self.killed += 1

    async def _drop(self, every: float, everybody: bool) -> None:  # noqa: FBT001
        while True:
            await trio.sleep(every)
            phone = None if everybody else random.choice(list(self.stage.phones))
            self.dropped += (await self.stage.emulator.ctl("drop", phone=phone))["sessions"]

    # ---- what is looked at -------------------------------------------------------------------

    async def watch(self) -> None:
        """Take a sample every ten seconds, and print it."""
        while True:
            sample = _Sample(at=time.monotonic() - self.begun, held=usage(self.instance.pid))
            self.samples.append(sample)
            held = sample.held
            self.console.print(
                f"{sample.at:5.0f} s   USS {held.uss / MB:6.1f} MB   RSS {held.rss / MB:6.1f} MB"
                f"   files {held.files:4d}   threads {held.threads:3d}"
                f"   dropped {self.dropped:4d}   killed {self.killed:3d}   sent {len(self.sent):5d}"
            )
            await trio.sleep(_SAMPLE)

    async def rest(self) -> _Rest:
        """Look at what there is when nothing happens."""
        found = await self._figures()
        await trio.sleep(_QUIET)
        held = usage(self.instance.pid)
        actors = sum(round(value) for name, value in found.items() if name.startswith("wasup_tree_children{"))
        tasks = round(found.get("wasup_trio_tasks", -1))
        ports = {self._port(self.instance.url): "API", self._port(self.stage.emulator.url): "emulator"}
        kinds = open_files(self.instance.pid, ports)
        sessions = (await self.stage.emulator.state())["connections"]
        kept = kinds["emulator established"] - sessions
        ours = sum(count for kind, count in kinds.items() if kind.startswith("API ") and kind != "API listen")
        return _Rest(
            files=kinds.total() - kept - ours, actors=actors, tasks=tasks, threads=held.threads, kept=kept, kinds=kinds
        )

    @staticmethod
    def _port(url: str) -> int:
        return int(url.rpartition(":")[2])

    async def _figures(self) -> dict[str, float]:
        text = await self.instance.metrics()
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def memory(self, begin: float, end: float) -> float:
        """Median USS between two moments."""
        return statistics.median(sample.held.uss for sample in self.samples if begin <= sample.at <= end)


async def bench_soak(console: Console, options: Options, findings: Findings) -> None:
    """Warm up, compare, go on, compare again."""
    minutes = options.minutes or (2.0 if options.quick else _MINUTES)
    window = min(_WINDOW, minutes * 60 / 4)
    kind = databases(options.database)[0]
    size = options.size(_ACCOUNTS, quick=20)
    async with (
        open_stage(kind, restored=size, webhooks=True) as stage,
        running_wasup(stage, backoff_initial=0.2, backoff_maximum=2, restart_budget=1000) as instance,
    ):
        if not await all_connected(stage, findings, within=_PATIENCE):
            return
        soak = _Soak(stage=stage, instance=instance, console=console, window=window)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(soak.watch)
            await soak.excite(window)
            first = await soak.rest()
            warm = time.monotonic() - soak.begun
            while (left := minutes * 60 - (time.monotonic() - soak.begun)) > window / 2:
                await soak.excite(min(left, window))
            last = await soak.rest()
            nursery.cancel_scope.cancel()
        end = time.monotonic() - soak.begun
        await _judge(soak, findings, first, last, warm, end)


async def _judge(soak: _Soak, findings: Findings, first: _Rest, last: _Rest, warm: float, end: float) -> None:
    """Compare, and print."""
    before, after = soak.memory(warm, warm + soak.window), soak.memory(end - soak.window, end)
    title = f"soak: {len(soak.stage.phones)} accounts, {soak.stage.kind}, {end / 60:.1f} minutes"
    table = Table("", "after warm-up", "at the end", "", title=title, title_justify="left")
    grown = findings.must(
        f"soak: memory grows by less than 10 % and 10 MB: {before / MB:.1f} to {after / MB:.1f} MB",
        holds=after <= before * _GROWTH + _SLACK,
    )
    table.add_row("USS MB (median of a minute)", f"{before / MB:.1f}", f"{after / MB:.1f}", grown)
    for name, old, new in (
        ("actors and supervisors", first.actors, last.actors),
        ("Trio tasks", first.tasks, last.tasks),
        ("open files (without the next)", first.files, last.files),
        ("threads", first.threads, last.threads),
    ):
        if old < 0 or new < 0:
            table.add_row(name, "not told", "not told")
        elif name == "threads":  # Trio's worker threads come and go
            table.add_row(name, str(old), str(new))
        else:
            # An actor less is a session that did not come back; a file less is a connection that was given up.
            holds = new <= old if name.startswith("open files") else new == old
            table.add_row(name, str(old), str(new), findings.must(f"soak: as many {name}: {old}, {new}", holds=holds))
    held = findings.must(
        f"soak: no more than {_KEPT} connections kept to the webhook endpoint: {last.kept}",
        holds=0 <= last.kept <= _KEPT,
    )
    table.add_row("connections kept to the webhook endpoint", str(first.kept), str(last.kept), held)
    for kind in sorted(first.kinds.keys() | last.kinds.keys()):
        if first.kinds[kind] != last.kinds[kind]:
            table.add_row(f"  of these {kind}", str(first.kinds[kind]), str(last.kinds[kind]))
    soak.console.print(table)
    await _reckon(soak, findings)


async def _reckon(soak: _Soak, findings: Findings) -> None:
    """The emulator's log against the database and the back end."""
    found = await tally(soak.stage)
    out = await soak.stage.stored(from_me=True)
    taken = [(row["phone"], row["id"]) for row in await soak.stage.emulator.log(kind="send")]
    missing = sorted(set(soak.sent) - (set(out) & set(taken)))
    lost = len(missing)
    for phone, message_id in missing[:5]:
        await _explain(soak, phone, message_id)
    doubled = len(taken) - len(set(taken)) + len(out) - len(set(out))
    hooks = await soak.stage.emulator.backend()
    table = Table("", "figure", title="soak: the emulator's log against the database", title_justify="left")
    troubles = f"{soak.dropped}, {soak.killed}, {soak.absent}"
    table.add_row("dropped connections, killed actors, kills of an actor that was just down", troubles)
    table.add_row("in: given, stored, lost, doubled", f"{found.given}, {found.stored}, {found.lost}, {found.doubled}")
    table.add_row("out: sent, stored, lost, doubled", f"{len(soak.sent)}, {len(out)}, {lost}, {doubled}")
    table.add_row(
        "webhooks: events, delivered again, out of order",
        f"{hooks['distinct']}, {hooks['again']}, {hooks['out_of_order']}",
    )
    soak.console.print(table)
    right = found.right and not lost and not doubled
    findings.must("soak: nothing lost, nothing doubled", holds=right)


async def _explain(soak: _Soak, phone: str, message_id: str) -> None:
    """Say what is known of a sent message that is missing somewhere."""
    query = select(messages.c.status, messages.c.attempts, messages.c.error, messages.c.queue_account_id).where(
        messages.c.message_id == message_id
    )
    rows = [tuple(row) for row in await soak.stage.rows(query)]
    log = await soak.stage.emulator.log(phone=phone)
    told = [(row["kind"], row["utc_ms"]) for row in log if row.get("id") == message_id]
    soak.console.print(f"missing: {message_id} of {phone}; rows (status, attempts, error, queued) {rows}; log {told}")
