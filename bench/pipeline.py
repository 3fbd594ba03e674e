"""`pipeline`: from the provider port to committed rows, events and outbox rows, without anybody else's costs."""

import itertools
import os
import time
from collections import defaultdict
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, text

from bench.instance import Instance, all_connected, read_line, running_wasup
from bench.measure import Cpu, Findings
from bench.options import Options
from bench.pump import Order, Told
from bench.stage import MYSQL, Stage, databases, open_stage
from bench.stages import Stages
from tests.db.plans import recorded, scans
from wasup.db import metadata
from wasup.ports.accounts import Fence
from wasup.ports.messages import Item, Message, Text
from wasup.ports.store import IncomingBatch

__all__ = ["bench_pipeline"]

_ACCOUNTS = 1000
_RATES = {"mariadb": (1000, 4000, 8000), "mysql": (1000, 2500, 5000), "sqlite": (1000, 4000)}
_MUST = {("mariadb", 1000): 100.0, ("mariadb", 4000): 500.0, ("mysql", 2500): 500.0}
"""Milliseconds that p99 must stay below at a rate that must be sustained."""
_AIM = {("mariadb", 8000): 500.0, ("mysql", 5000): 500.0}
"""The same of rates that need not be sustained."""
_SUSTAINED = 0.97  # of what is offered
_SECONDS = 60.0
_WARM_UP = 500  # messages a second, not counted: the first of a chat costs more than the others
_STORED = 1_000_000
_GROWTH = 1.5
_BATCH = 500
_SMALL = 5_000  # rows that may be read whole: some hundred lanes or changes of these are asked for at once


async def bench_pipeline(console: Console, options: Options, findings: Findings) -> None:
    """Loads at rising rates; then what a message costs one by one, and when millions are stored."""
    kinds = [options.database] if options.database else [*databases(), *(["mysql"] if os.environ.get(MYSQL) else [])]
    for kind in kinds:
        await _rates(console, options, findings, kind)
        await _stored(console, options, findings, kind)


async def _rates(console: Console, options: Options, findings: Findings, kind: str) -> None:
    size = options.size(_ACCOUNTS, quick=100)
    stages = Table("offered /s", *Stages.NAMES[1:], title=f"p50 and p99 ms from each point to the next, {kind}")
    rates = options.rates or ((500,) if options.quick else _RATES[kind])
    table = Table(
        "offered /s", "committed /s", "due to acknowledged ms\np50", "p90", "p99", "CPU\nwasup", "database",
        "µs a message", "messages", "events", "outbox rows", "peak MB", "",
        title=f"pipeline: one message a delivery over {size} accounts, {kind}, one paused endpoint",
        title_justify="left",
    )  # fmt: skip
    async with (
        open_stage(kind, restored=size, webhooks=True) as stage,
        running_wasup(stage, program=("-m", "bench.pump"), sync__ack_linger=0) as instance,
    ):
        await _pause_endpoints(stage)
        if not await all_connected(stage, findings):
            return
        await _order(instance, Order(rate=_WARM_UP, seconds=3.0 if options.quick else 10.0))
        before = await _counts(stage)
        for rate in rates:
            seconds = options.seconds or (3.0 if options.quick else _SECONDS)
            cpu = Cpu(database=stage.database_pid)
            told = await _order(instance, Order(rate=rate, seconds=seconds, stages=options.stages))
            shares = cpu.shares()
            after = await _counts(stage)
            made = [new - old for new, old in zip(after, before, strict=True)]
            before = after
            verdict = _verdict(kind, rate, told, made, findings)
            figures = [told.rate, told.p50, told.p90, told.p99]
            table.add_row(
                str(rate),
                *(f"{figure:.0f}" for figure in figures),
                f"{told.cpu:.2f}",
                f"{shares['database']:.2f}" if shares else "",
                f"{told.cpu / told.rate * 1e6:.0f}",
                *(str(count) for count in made),
                f"{told.peak_mb:.0f}",
                verdict,
            )
            stages.add_row(str(rate), *(f"{p50:.0f}, {p99:.0f}" for p50, p99 in told.stages.values()))
    console.print(table)
    if options.stages:
        console.print(stages)


async def _order(instance: Instance, order: Order) -> Told:
    assert instance.process.stdin is not None
    await instance.process.stdin.send_all(msgspec.json.encode(order) + b"\n")
    return msgspec.json.decode(await read_line(instance.process), type=Told)


def _verdict(kind: str, rate: int, told: Told, made: Sequence[int], findings: Findings) -> str:
    name = f"{kind}, {rate} messages/s from the provider port"
    if told.acknowledged != told.given or any(count != told.given for count in made):
        return findings.must(f"{name}: {told.given} given, stored, with events, with outbox rows: {made}", holds=False)
    aim = _AIM.get((kind, rate))
    if aim is not None:
        return "aim reached" if told.rate >= _SUSTAINED * rate and told.p99 < aim else "aim missed"
    limit = _MUST.get((kind, rate))
    if limit is None:
        return ""
    text_ = f"{name}: sustained with p99 under {limit:.0f} ms: {told.rate:.0f}/s, p99 {told.p99:.0f} ms"
    return findings.must(text_, holds=told.rate >= _SUSTAINED * rate and told.p99 < limit)


async def _counts(stage: Stage) -> list[int]:
    """Stored messages, their events, and what waits in the outbox of these."""
    queries = (
        "SELECT COUNT(*) FROM messages",
        "SELECT COUNT(*) FROM events WHERE type='message.received'",
        (
            "SELECT COUNT(*) FROM outbox o JOIN events e ON e.whatsapp_account_id=o.whatsapp_account_id"
            " AND e.account_seq=o.account_seq WHERE e.type='message.received'"
        ),
    )
    return [int((await stage.rows(text(query)))[0][0]) for query in queries]


async def _pause_endpoints(stage: Stage) -> None:
    for endpoint in await stage.database.outbox.endpoints():
        await stage.database.outbox.change_endpoint(endpoint.id, {"paused": True})


async def _stored(console: Console, options: Options, findings: Findings, kind: str) -> None:
    """What a message costs: in batches, with a commit for each, and in batches when millions are stored."""
    table = Table(
        "stored", "in a transaction", "messages/s", "µs each", "",
        title=f"pipeline: `SyncStore.commit` over {_ACCOUNTS} accounts, {kind}",
        title_justify="left",
    )  # fmt: skip
    seconds = 2.0 if options.quick else 10.0
    first = options.stored or (2_000 if options.quick else _STORED)
    sizes = (first, 4 * first)
    async with open_stage(kind, restored=_ACCOUNTS, webhooks=True) as stage:
        await stage.database.ownership.acquire()
        claimed = await stage.database.ownership.claim(list(stage.phones.values()))
        fences = [claimed[account] for account in sorted(claimed)]
        single = await _cost(stage, fences, 1, seconds)
        batched = await _cost(stage, fences, _BATCH, seconds)
        table.add_row("few", "1", f"{1 / single:.0f}", f"{single * 1e6:.0f}", "")
        table.add_row("few", str(_BATCH), f"{1 / batched:.0f}", f"{batched * 1e6:.0f}", f"{single / batched:.1f} x")
        costs = []
        for size in sizes:
            await _fill(stage, size)
            costs.append(await _cost(stage, fences, _BATCH, seconds))
            table.add_row(f"{size:,}", str(_BATCH), f"{1 / costs[-1]:.0f}", f"{costs[-1] * 1e6:.0f}", "")
        found = await _scans(stage, fences)
    console.print(table)
    said = f"{kind}: with {sizes[-1]:,} messages stored neither a commit nor a list of chats or messages scans a table"
    findings.must(": ".join((said, *found)), holds=not found)
    if not options.quick and kind != "sqlite":
        growth = costs[1] / costs[0]
        said = f"{kind}: a message costs {growth:.2f} times as much with {sizes[1]:,} stored as with {sizes[0]:,}"
        findings.must(f"{said} (at most {_GROWTH})", holds=growth <= _GROWTH)


async def _scans(stage: Stage, fences: Sequence[Fence]) -> list[str]:
    """What reads a table from end to end, with statistics as fresh as they are in the long run."""
    database, account_id = stage.database, fences[0].account_id

    def analyse(connection: Connection) -> None:
        if stage.kind == "sqlite":
            connection.exec_driver_sql("ANALYZE")
        else:
            connection.exec_driver_sql(f"ANALYZE TABLE {', '.join(metadata.tables)}").fetchall()

    await database.engine.run(analyse)
    with recorded(database) as seen:
        await _cost(stage, fences, _BATCH, 0.01)
        (chat, *_) = await database.messages.chats(workspace_id=stage.workspace_id, account_id=account_id)
        for where in ({"chat_id": chat.id}, {"account_id": account_id}, {}):
            await database.messages.messages(workspace_id=stage.workspace_id, limit=50, **where)
        await database.stats.account_stats([fence.account_id for fence in fences[:20]])
        await database.sync.watermarks(account_id)
    return await scans(database, seen, small=_SMALL)


_serial = itertools.count()


async def _cost(stage: Stage, fences: Sequence[Fence], size: int, seconds: float) -> float:
    """Seconds that one message takes, committed in batches of this size."""
    count = 0
    begun = time.perf_counter()
    while (passed := time.perf_counter() - begun) < seconds:
        items: dict[Fence, list[Item]] = defaultdict(list)
        for _ in range(size):
            number = next(_serial)
            fence = fences[number * 7919 % len(fences)]
            chat = f"55119{fence.account_id:05d}{number // len(fences) % 20:03d}@c.us"
            items[fence].append(
                Message(id=f"3EB0{number:018X}", chat=chat, sender=chat, from_me=False, push_name="Customer",
                        timestamp=1_790_000_000_000 + number, content=Text(body="Olá! O pedido 12345 já foi. 👍"))
            )  # fmt: skip
        await stage.database.sync.commit([
            IncomingBatch(fence=fence, workspace_id=stage.workspace_id, provider_type="emulated", items=tuple(given))
            for fence, given in sorted(items.items(), key=lambda pair: pair[0].account_id)
        ])  # fmt: skip
        count += size
    return passed / count


async def _fill(stage: Stage, wanted: int) -> None:
    """Copy stored messages within the database until there are so many, with ids in no order."""
    names = (
        "workspace_id, whatsapp_account_id, chat_id, from_me, sender, sender_lid, type, content, status, timestamp,"
        " created_at"
    )
    number = "LOWER(HEX(RANDOMBLOB(9)))" if stage.kind == "sqlite" else "LEFT(SHA2(UUID(), 256), 18)"
    copy = f"INSERT INTO messages (message_id, {names}) SELECT CONCAT('3EB0', {number}), {names} FROM messages LIMIT "
    if stage.kind == "sqlite":
        copy = copy.replace(f"CONCAT('3EB0', {number})", f"'3EB0' || {number}")
    while (missing := wanted - int((await stage.rows(text("SELECT COUNT(*) FROM messages")))[0][0])) > 0:

        def work(connection: Connection, count: int = min(missing, 100_000)) -> None:
            connection.execute(text(copy + str(count)))

        await stage.database.engine.run(work)
