"""`webhooks`: delivery alone, from committed events to a receiver that is a process of its own."""

import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass

import msgspec
import trio
from rich.console import Console
from rich.table import Table

from bench.database import database_server
from bench.doors import running_receiver, take_figures
from bench.measure import Findings
from bench.options import Options
from bench.stage import databases
from bench.webhooks_worker import Job
from wasup.bridge import Bridge
from wasup.db import migrate

__all__ = ["bench_webhooks"]

_SINGLE_MUST, _BATCHED_MUST = 1500, 10_000  # events a second
_BATCH = 200
_RATE = 100  # events a second to each of five endpoints
_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One run: a row of the table."""

    name: str
    doors: tuple[str, ...]
    batch: int = 1
    backlog: int = 0
    rate: int = 0
    must: int = 0


async def bench_webhooks(console: Console, options: Options, findings: Findings) -> None:
    """Backlogs as fast as they go, and a steady load with and without an endpoint that hangs."""
    quick = options.quick
    five = ("a", "b", "c", "d", "e")
    cases = (
        _Case(name="single POSTs", doors=("a",), backlog=1000 if quick else 10_000, must=_SINGLE_MUST),
        _Case(name=f"batches of {_BATCH}", doors=("a",), batch=_BATCH, backlog=5000 if quick else 60_000,
              must=_BATCHED_MUST),
        _Case(name=f"five endpoints, {_RATE} events/s each", doors=five, rate=_RATE),
        _Case(name="the same, one of them hangs", doors=(*five[:4], "hang"), rate=_RATE),
    )  # fmt: skip
    for kind in databases(options.database):
        columns = ("", "POSTs", "events", "events/s", "created to received ms\np50", "p99", "CPU s", "")
        table = Table(*columns, title=f"webhooks alone, {kind}", title_justify="left")
        worst: list[float] = []
        async with AsyncExitStack() as stack:
            receiver = await stack.enter_async_context(running_receiver())
            bridge = await stack.enter_async_context(Bridge())
            server = await stack.enter_async_context(database_server(kind)) if kind == "mariadb" else None
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="wasup-bench-"))
            for number, case in enumerate(cases):
                url = f"sqlite:///{folder}/{number}.db"
                if server is not None:
                    await bridge.run(server.create_database, f"bench{number}")
                    url = server.url(f"bench{number}")
                await migrate(url, bridge)
                cpu = await _work(case, url, receiver, options.seconds or (4.0 if quick else _SECONDS), options)
                doors = await take_figures(receiver)
                doors.pop("hang", None)
                posts, events = sum(door.posts for door in doors.values()), sum(d.events for d in doors.values())
                rate = sum(door.rate for door in doors.values())
                p50, p99 = (max(getattr(d, name) for d in doors.values()) for name in ("p50_ms", "p99_ms"))
                verdict = ""
                if case.must and not quick:
                    text = f"webhooks, {kind}, {case.name}: {case.must}/s at least: {rate:.0f}/s"
                    verdict = findings.must(text, holds=rate >= case.must)
                if case.rate:
                    worst.append(p99)
                    if len(worst) == 2:
                        text = f"webhooks, {kind}: one of five hangs, the others' p99 at most doubles: " + " and ".join(
                            f"{one:.0f} ms" for one in worst
                        )
                        verdict = findings.must(text, holds=worst[1] <= 2 * worst[0])
                shown = (f"{p50:.0f}", f"{p99:.0f}") if case.rate else ("", "")
                table.add_row(case.name, str(posts), str(events), f"{rate:.0f}", *shown, f"{cpu:.1f}", verdict)
        console.print(table)


async def _work(case: _Case, database: str, receiver: str, seconds: float, options: Options) -> float:
    job = Job(
        database=database,
        urls=[f"{receiver}/{door}" for door in case.doors],
        batch=case.batch,
        accounts=options.size(500, quick=50),
        backlog=case.backlog,
        rate=case.rate,
        seconds=seconds if case.rate else 0.0,
    )
    command = [sys.executable, "-m", "bench.webhooks_worker", msgspec.json.encode(job).decode()]
    done = await trio.run_process(command, capture_stdout=True)
    return float(msgspec.json.decode(done.stdout)["cpu"])
