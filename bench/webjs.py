"""`webjs`: accounts in real browsers on the emulator's page of WhatsApp Web.

How fast they start with stored logins, what each needs beside whatsapp-web.js on the same page, what an idle one costs
beside the bare page, and how fast messages get from the page to committed rows.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import trio
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from bench.instance import Instance, running_wasup
from bench.measure import MB, Cpu, Findings, milliseconds, percentile, usage
from bench.options import Options
from bench.stage import Stage, databases, open_stage
from bench.webjs_beside import bare_page_cpu, missing_for_rival, rival_memory
from wasup.browsers.guard import marked
from wasup.browsers.processes import folder_mark, measure
from wasup.cli.quickstart import WEB_PATH
from wasup.db.tables import account_transitions as transitions, messages

__all__ = ["bench_webjs"]

_TOGETHER = 8
_FEW = 3
_ALONE = 7
_SETTLE = 10.0
_IDLE = 60.0
_SECONDS = 20.0
_PATIENCE = 120.0
_GAP = 1.0  # seconds after which an id that was not seen is taken for one that nobody uses
_LOOK = 0.02
_ALONE_WITHIN = 4.0
_TOGETHER_WITHIN = 30.0
_MEMORY = 175 * MB
_IDLE_MORE = 0.003
_P99 = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What an instance and its browsers hold: bytes of PSS, and processor seconds so far."""

    browsers: int
    drivers: int
    wasup: int
    cpu: float

    @property
    def memory(self) -> int:
        """All of it."""
        return self.browsers + self.drivers + self.wasup


async def bench_webjs(console: Console, options: Options, findings: Findings) -> None:
    """All figures, from one set of profiles."""
    together = options.size(_TOGETHER, quick=4)
    kind = databases(options.database)[0]
    async with open_stage(kind, echo=False, receipts=False, tls_port=0) as stage:
        async with _browsers(stage, together) as instance:
            await _pair(stage, instance, together)
            alone = await _start_alone(stage, instance, 3 if options.quick else _ALONE)
            ids = list(stage.phones.values())
            few = await _held_with(stage, instance, ids[:_FEW])
        async with _browsers(stage, together) as instance:
            started = await _start_together(stage, instance, ids)
            await trio.sleep(_SETTLE)
            all_ = await _held(stage, instance)
            idle = 20.0 if options.quick else _IDLE
            await trio.sleep(idle)
            share = ((await _held(stage, instance)).cpu - all_.cpu) / idle / together
            _tell_starts(console, alone, started, together, findings)
            await _tell_rates(console, stage, instance, options, findings)
        bare = await bare_page_cpu(stage.emulator, min(4, together), settle=_SETTLE, seconds=idle)
        text = f"webjs: processor time of an idle account within 0.3 % of a core of the bare page's ({bare:.2%})"
        findings.must(f"{text}: {share:.2%}", holds=share - bare <= _IDLE_MORE)
        await _tell_memory(console, stage, (few, all_), together, findings)


@asynccontextmanager
async def _browsers(stage: Stage, most: int) -> AsyncIterator[Instance]:
    async with running_wasup(
        stage, browser__url=stage.emulator.url + WEB_PATH, browser__max_sessions=most, browser__disk_reserve=0
    ) as instance:
        yield instance


async def _pair(stage: Stage, instance: Instance, size: int) -> None:
    """Accounts in browsers, each scanned by a phone; they stay connected."""
    for number in range(size):
        phone = f"5521{70_000_000 + number}"
        account_id = await instance.api.create_account(f"Browser {number}", "webjs")
        await instance.api.connect(account_id)
        with trio.fail_after(_PATIENCE):
            while (code := await instance.api.qr(account_id)) is None:
                await trio.sleep(_LOOK)
            await stage.emulator.scan(code, phone)
            stage.phones[phone] = account_id
            while await stage.count_connected() < len(stage.phones):
                await trio.sleep(_LOOK)


async def _connect(stage: Stage, instance: Instance, ids: Sequence[int]) -> None:
    """Have exactly these accounts connected."""
    for account_id in stage.phones.values():
        if account_id not in ids:
            await instance.api.call("POST", f"/api/accounts/{account_id}/disconnect")
    for account_id in ids:
        await instance.api.connect(account_id)
    with trio.fail_after(_PATIENCE):
        while await stage.count_connected() != len(ids):
            await trio.sleep(_LOOK)


async def _start_alone(stage: Stage, instance: Instance, times: int) -> list[float]:
    """Seconds from asking one account with a stored login to be connected until it is; nothing else runs."""
    account_id = next(iter(stage.phones.values()))
    found = []
    for _ in range(times):
        await _connect(stage, instance, [])
        await trio.sleep(1)
        asked = time.time()
        await _connect(stage, instance, [account_id])
        found.append(await _last_ready(stage) - asked)
    return found


async def _start_together(stage: Stage, instance: Instance, ids: Sequence[int]) -> float:
    """Seconds from asking for all of them until the last is connected."""
    await _connect(stage, instance, [])
    asked = time.time()
    await _connect(stage, instance, ids)
    return await _last_ready(stage) - asked


async def _last_ready(stage: Stage) -> float:
    ((at,),) = await stage.rows(select(func.max(transitions.c.at)).where(transitions.c.new == "connected"))
    return float(at) / 1000


async def _held_with(stage: Stage, instance: Instance, ids: Sequence[int]) -> _Held:
    await _connect(stage, instance, ids)
    await trio.sleep(_SETTLE)
    return await _held(stage, instance)


async def _held(stage: Stage, instance: Instance) -> _Held:
    """Look at all processes of the instance."""
    folder = folder_mark(stage.folder / "profiles")
    [host] = {mark.removeprefix(folder).partition(".")[0] for mark in marked(folder).values()}
    found = await trio.to_thread.run_sync(measure, f"{folder}{host}.")
    drivers = [used for name, (used, _) in found.items() if name.startswith("_")]
    browsers = [used for name, (used, _) in found.items() if not name.startswith("_")]
    cpu = Cpu(wasup=instance.pid)
    cpu.from_start()
    return _Held(
        browsers=sum(used.memory for used in browsers),
        drivers=sum(used.memory for used in drivers),
        wasup=usage(instance.pid).pss,
        cpu=sum(used.cpu_seconds for used in (*drivers, *browsers)) + cpu.seconds("wasup"),
    )


def _tell_starts(console: Console, alone: list[float], together: float, size: int, findings: Findings) -> None:
    table = Table("accounts", "ready s", "", title="webjs: asked for to connected, stored logins", title_justify="left")
    median = percentile(alone, 50)
    text = f"webjs: an account alone is ready within 4 s (median of {len(alone)}): {median:.1f} s"
    table.add_row("1", f"{median:.1f}", findings.must(text, holds=median < _ALONE_WITHIN))
    text = f"webjs: {size} accounts together are ready within 30 s: {together:.1f} s"
    table.add_row(str(size), f"{together:.1f}", findings.must(text, holds=together < _TOGETHER_WITHIN))
    console.print(table)


async def _tell_memory(
    console: Console, stage: Stage, held: tuple[_Held, _Held], size: int, findings: Findings
) -> None:
    """MB of each account after the third, ours beside whatsapp-web.js's."""
    few, all_ = held
    more = size - _FEW
    ours = (all_.memory - few.memory) / more
    table = Table(
        "", f"MB with {_FEW}", f"MB with {size}", "MB each", title="webjs: memory (PSS), page included",
        title_justify="left",
    )  # fmt: skip
    rows = [
        ("browsers", few.browsers, all_.browsers),
        ("Playwright's drivers", few.drivers, all_.drivers),
        ("wasup itself", few.wasup, all_.wasup),
        ("all", few.memory, all_.memory),
    ]
    text = "webjs: each account needs less than with whatsapp-web.js"
    if missing := missing_for_rival():
        console.print(f"[yellow]Not compared with whatsapp-web.js:[/yellow] {missing}")
        findings.must(f"{text}: not measured, {missing}", holds=False)
    else:
        found = await rival_memory(stage.emulator, (_FEW, size), settle=_SETTLE)
        rows.append(("whatsapp-web.js, all", found[_FEW], found[size]))
        theirs = (found[size] - found[_FEW]) / more
        findings.must(f"{text}: {ours / MB:.0f} MB, {theirs / MB:.0f} MB", holds=ours < theirs)
    for name, before, after in rows:
        table.add_row(name, f"{before / MB:.0f}", f"{after / MB:.0f}", f"{(after - before) / more / MB:.0f}")
    console.print(table)
    text = f"webjs: each of the {_FEW + 1}th to {size}th account needs 175 MB at most: {ours / MB:.0f} MB"
    findings.must(text, holds=ours <= _MEMORY)


async def _tell_rates(console: Console, stage: Stage, instance: Instance, options: Options, findings: Findings) -> None:
    """Messages that come in at steady rates, to one account and to all."""
    seconds = options.seconds or (5.0 if options.quick else _SECONDS)
    every = list(stage.phones)
    cases = [(rate, phones) for phones, rate in ((every[:1], 50), (every, 25 * len(every)))]
    if options.rates:
        cases = [(rate, phones) for rate in options.rates for phones in (every[:1], every)]
    table = Table(
        "accounts", "messages/s", "stored", "lost", "late s", "given to page ms\np50", "p99",
        "page to committed ms\np50", "p99", "CPU\nwasup", "browsers, drivers", "kept up", "p99",
        title=f"webjs: messages, {stage.kind}", title_justify="left",
    )  # fmt: skip
    for rate, phones in cases:
        found = await _load(stage, instance, phones, rate, seconds)
        committed = percentile(found.committed, 99)
        words = f"webjs: {rate} messages/s over {len(phones)} accounts"
        told = f"{words} are kept up with: {found.late:.1f} s late, {found.lost} lost"
        sustained = findings.must(told, holds=not found.lost and found.late < 1)
        told = f"{words} are committed within 300 ms of the page (p99): {committed * 1000:.0f} ms"
        quick = findings.must(told, holds=bool(found.committed) and committed < _P99)
        table.add_row(
            str(len(phones)),
            str(rate),
            str(found.stored),
            str(found.lost),
            f"{found.late:.1f}",
            *milliseconds(found.page, 50, 99),
            *milliseconds(found.committed, 50, 99),
            f"{found.wasup_cpu:.2f}",
            f"{found.browsers_cpu:.2f}",
            sustained,
            quick,
        )
    console.print(table)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """What became of a load.

    Attributes:
        late: seconds from the last message given to the last one committed.
        page: seconds from given to acknowledged by the page, of each message.
        committed: from there to committed, as seen by looking every 20 ms.
        wasup_cpu: processors' worth.
        browsers_cpu: likewise, with the drivers.
    """

    stored: int
    lost: int
    late: float
    page: list[float]
    committed: list[float]
    wasup_cpu: float
    browsers_cpu: float


class _Rows:
    """When messages were first seen in the database.

    Several writers commit side by side, so that lower ids may show up after higher ones. To read many rows again at
    each look would be a load of its own: all ids up to `below` have been seen, or are used by nobody.

    Attributes:
        below: where the next look begins.
        seen: UTC epoch seconds by message id.
    """

    def __init__(self, below: int) -> None:
        self.below = below
        self.seen: dict[str, float] = {}
        self._above: dict[int, float] = {}

    def look(self, rows: Sequence[Any], now: float) -> None:
        """Take what was found above `below` at this time."""
        for row_id, message_id in rows:
            self.seen.setdefault(message_id, now)
            self._above.setdefault(row_id, now)
        for row_id in sorted(self._above):
            if row_id > self.below + 1 and now - self._above[row_id] < _GAP:
                break
            self.below = row_id
            del self._above[row_id]


async def _load(stage: Stage, instance: Instance, phones: Sequence[str], rate: int, seconds: float) -> _Load:
    """One load, and every message of it found in the database."""
    emulator = stage.emulator
    log_start = (await emulator.state())["log_next"] - 1
    ((first,),) = await stage.rows(select(func.coalesce(func.max(messages.c.id), 0)))
    rows = _Rows(first)
    cpu, before = Cpu(wasup=instance.pid), await _held(stage, instance)
    began = time.monotonic()
    await emulator.start_load(rate=rate, seconds=seconds, phones=list(phones), chats_per_account=5, keep=True)
    with trio.move_on_after(seconds + _PATIENCE / 4):
        while len(rows.seen) < round(rate * seconds):
            await trio.sleep(_LOOK)
            now = time.time()
            query = select(messages.c.id, messages.c.message_id).where(messages.c.id > rows.below)
            rows.look(await stage.rows(query), now)
    seen = rows.seen
    passed = time.monotonic() - began
    wasup = cpu.seconds("wasup")
    browsers = (await _held(stage, instance)).cpu - before.cpu - wasup
    logged = {kind: await emulator.log(after=log_start, kind=kind) for kind in ("given", "acknowledged")}
    given = {row["id"]: row["utc_ms"] / 1000 for row in logged["given"] if row["item"] == "message"}
    page = {row["id"]: row["utc_ms"] / 1000 for row in logged["acknowledged"] if row["id"] in given}
    return _Load(
        stored=len(seen),
        lost=len(given.keys() - seen.keys()),
        late=max(seen.values(), default=0.0) - max(given.values()),
        page=[at - given[id_] for id_, at in page.items()],
        committed=[seen[id_] - at for id_, at in page.items() if id_ in seen],
        wasup_cpu=wasup / passed,
        browsers_cpu=browsers / passed,
    )
