"""`http`: the API while messages flow through thousands of accounts."""

import sys
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx
import msgspec
import trio
from rich.console import Console
from rich.table import Table

from bench.http_load import Ask, Heard, Load
from bench.instance import Instance, all_connected, running_wasup
from bench.measure import Cpu, Findings
from bench.options import Options
from bench.stage import Stage, databases, open_stage
from bench.streams import watch_streams

__all__ = ["bench_http"]

_ACCOUNTS = 3000
_FLOW = 1000  # messages a second that come in all the while
_SECONDS = 20.0
_WARM_UP = 10.0
_READS = (
    Ask(name="list", path="/api/accounts?limit=50"),
    Ask(name="show", path="/api/accounts/{account}"),
    Ask(name="subtree", path="/api/actors/root/accounts/{account}"),
    Ask(name="chats", path="/api/accounts/{account}/chats"),
)
_SEND = Ask(
    name="send",
    method="POST",
    path="/api/messages",
    body='{"type":"text","account_id":{account},"to":"4930{number}@c.us","text":{"body":"Message {number}"}}',
)
_PROBE = Ask(name="probe", path="/health/live")
_CAPACITY = 250  # requests a second that one key may make: what comes over it is refused
_READ_RATE, _READ_P95 = 200, 50.0
_SEND_RATE, _SEND_P95 = 100, 60.0
_FEW = 100  # of so many one may be refused where the load is not too much: after a stall, say
_TIMES, _CROWDED_P95 = 10, 200.0
_AT_ONCE = 50.0  # milliseconds in which a refusal comes
_TREES, _TREE_MS, _DELAY_MS = 5, 300.0, 20.0
_PROBES = 100  # a second
_READERS, _FRAMES, _FRAME_P99 = 500, 2000, 250.0


async def bench_http(console: Console, options: Options, findings: Findings) -> None:
    """Reads, sends and ten times too many of both at their rates, then the whole tree of actors, then streams."""
    kind = options.database or databases()[0]
    size = options.size(_ACCOUNTS, quick=100)
    seconds = options.seconds or (3.0 if options.quick else _SECONDS)
    flow = options.rates[0] if options.rates else (100 if options.quick else _FLOW)
    async with (
        open_stage(kind, restored=size, echo=False, receipts=False) as stage,
        running_wasup(stage, http__rate_per_key=_CAPACITY) as instance,
    ):
        if not await all_connected(stage, findings):
            return
        await stage.emulator.start_load(rate=flow, seconds=3600)
        await trio.sleep(2.0 if options.quick else _WARM_UP)
        judge = findings if not options.quick else Findings()  # quick sizes are no figures
        await _requests(console, judge, stage, instance, seconds, f"{size} accounts, {flow} messages/s, {kind}")
        await _tree(console, judge, stage, instance, seconds)
        await stage.emulator.ctl("load/stop")
        await _streams(console, judge, stage, instance, seconds, min(_FRAMES, 2 * flow))


async def _requests(
    console: Console, findings: Findings, stage: Stage, instance: Instance, seconds: float, words: str
) -> None:
    """Each kind at its rate, and at ten times that."""
    table = Table(
        "", "request", "offered /s", "accepted", "refused", "wrong", "accepted ms\np50", "p95", "p99",
        "refused ms\np95", "CPU\nwasup", "database", "",
        title=f"http: {words}",
        title_justify="left",
    )  # fmt: skip
    for asks, rate, p95 in ((_READS, _READ_RATE, _READ_P95), ((_SEND,), _SEND_RATE, _SEND_P95)):
        for times, limit in ((1, p95), (_TIMES, _CROWDED_P95)):
            cpu = Cpu(wasup=instance.pid, database=stage.database_pid)
            heard = await _load(stage, instance, asks, rate * times, seconds)
            shares = cpu.shares()
            for ask in asks:
                found = heard[ask.name]
                said = f"http, {ask.name} among {rate * times} requests/s: p95 {found.p95:.0f} ms, under {limit:.0f}"
                good = found.p95 < limit and not found.wrong and found.accepted > 0
                if times == 1:
                    said += f"; {found.refused} refused, at most one in {_FEW}"
                    good = good and found.refused * _FEW <= found.accepted
                else:
                    said += f"; the surplus refused within {found.refused_p95:.0f} ms, under {_AT_ONCE:.0f}"
                    good = good and found.refused_p95 < _AT_ONCE
                table.add_row(
                    "" if times == 1 else f"{_TIMES} times",
                    ask.name,
                    f"{rate * times / len(asks):.0f}",
                    *(str(count) for count in (found.accepted, found.refused, found.wrong)),
                    *(f"{figure:.0f}" for figure in (found.p50, found.p95, found.p99, found.refused_p95)),
                    *(f"{shares[name]:.2f}" if name in shares else "" for name in ("wasup", "database")),
                    findings.must(said, holds=good),
                )
            await trio.sleep(2)  # limits fill up again
    console.print(table)


async def _load(stage: Stage, instance: Instance, asks: Sequence[Ask], rate: float, seconds: float) -> dict[str, Heard]:
    address = urlsplit(instance.url)
    load = Load(
        host=address.hostname or "",
        port=address.port or 0,
        key=stage.api_key,
        asks=list(asks),
        accounts=sorted(stage.phones.values()),
        rate=rate,
        seconds=seconds,
    )
    command = [sys.executable, "-m", "bench.http_load", msgspec.json.encode(load).decode()]
    done = await trio.run_process(command, capture_stdout=True)
    return msgspec.json.decode(done.stdout, type=dict[str, Heard])


async def _tree(console: Console, findings: Findings, stage: Stage, instance: Instance, seconds: float) -> None:
    """The whole tree as JSON, and by how much longer somebody else waits meanwhile."""
    alone = (await _load(stage, instance, (_PROBE,), _PROBES, seconds))[_PROBE.name]
    took: list[float] = []
    beside: list[Heard] = []
    size = 0
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client, trio.open_nursery() as nursery:

        async def probe() -> None:
            beside.append((await _load(stage, instance, (_PROBE,), _PROBES, seconds))[_PROBE.name])

        nursery.start_soon(probe)
        headers = {"Authorization": f"Bearer {stage.admin_key}", "Accept-Encoding": "identity"}
        for _ in range(_TREES):
            await trio.sleep(seconds / (_TREES + 1))
            begun = time.perf_counter()
            answer = await client.get(f"{instance.url}/api/actors", headers=headers)
            took.append((time.perf_counter() - begun) * 1000)
            size = len(answer.raise_for_status().content)
    usual, longest = sorted(took)[len(took) // 2], beside[0].longest
    console.print(
        f"the tree: {size / 1e6:.1f} MB of JSON in {usual:.0f} ms (median of {_TREES}); the longest that a request for"
        f" {_PROBE.path} took: {alone.longest:.0f} ms without, {longest:.0f} ms beside it"
    )
    findings.must(f"http, the tree as JSON: {usual:.0f} ms, under {_TREE_MS:.0f}", holds=usual < _TREE_MS)
    more = longest - alone.longest
    findings.must(f"http, the tree delays others by {more:+.0f} ms, at most {_DELAY_MS:.0f}", holds=more <= _DELAY_MS)


async def _streams(
    console: Console, findings: Findings, stage: Stage, instance: Instance, seconds: float, rate: int
) -> None:
    """Readers of one account each, while so many messages a second come in to these accounts."""
    phones = sorted(stage.phones)[:_READERS]
    await stage.emulator.start_load(rate=rate, seconds=3600, phones=phones)
    port = urlsplit(instance.url).port or 0
    found = await watch_streams(port, stage.api_key, [stage.phones[phone] for phone in phones], seconds=seconds)
    await stage.emulator.ctl("load/stop")
    frames = found.frames / found.seconds
    console.print(
        f"streams: {found.readers} readers, {frames:.0f} frames/s, from the commit p50 {found.p50:.0f} ms, p99"
        f" {found.p99:.0f} ms; {found.ended} streams ended, {found.broken} events twice or out of order"
    )
    said = f"http, {found.readers} streams, {frames:.0f} frames/s: p99 {found.p99:.0f} ms, under {_FRAME_P99:.0f}"
    whole = frames > 0.9 * rate and not found.ended and not found.broken
    findings.must(said, holds=whole and found.p99 < _FRAME_P99)
