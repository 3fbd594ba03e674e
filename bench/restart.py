"""`restart`: how long an account is away when one of its actors is killed among 1,000.

The clock starts when the API is asked to kill and stops when the account's status is `connected` again, both by
the same wall clock; the emulator's log tells in between when the connection broke. What a bare actor of the
supervision library takes is measured by `bench/bench_supervisor.py restart`.
"""

import time
from dataclasses import dataclass
from typing import Any

import trio
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from bench.instance import Instance, all_connected, running_wasup
from bench.measure import Findings, milliseconds, percentile
from bench.options import Options
from bench.stage import Stage, databases, open_stage
from wasup.db.tables import account_transitions as transitions

__all__ = ["bench_restart"]

_ACCOUNTS = 1000
_KILLS = 50
_SPACING = 0.1
_PATIENCE = 30.0
_CASES = (("session", None), ("session", 0.001), ("actor", None))
"""The actor that is killed, and the first backoff of sessions if it is not the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kill:
    """One account's absence; seconds since the API was asked."""

    answered: float
    broken: float
    connected: float


async def bench_restart(console: Console, options: Options, findings: Findings) -> None:
    """Kill actors of different accounts, one after another."""
    size = options.size(_ACCOUNTS, quick=100)
    kills = min(size, 10 if options.quick else _KILLS)
    kind = databases(options.database)[0]
    table = Table(
        "killed", "first backoff s", "kills", "back", "API answers ms\np50", "p99", "asked to connected ms\np50", "p99",
        "broken to connected ms\np50", "p99", "max",
        title=f"restart: one account among {size}, {kind}", title_justify="left",
    )  # fmt: skip
    for actor, backoff in _CASES:
        settings: dict[str, Any] = {} if backoff is None else {"backoff_initial": backoff}
        async with open_stage(kind, restored=size) as stage, running_wasup(stage, **settings) as instance:
            if not await all_connected(stage, findings):
                return
            found = await _kill_some(stage, instance, actor, kills)
        if len(found) < kills:
            text = f"{kind}: every account whose {actor} was killed is connected again within {_PATIENCE:.0f} s"
            findings.must(f"{text}: {len(found)} of {kills}", holds=False)
        away = [kill.connected - kill.broken for kill in found]
        table.add_row(
            actor,
            "default" if backoff is None else f"{backoff:g}",
            str(kills),
            str(len(found)),
            *milliseconds([kill.answered for kill in found], 50, 99),
            *milliseconds([kill.connected for kill in found], 50, 99),
            *milliseconds(away, 50, 99),
            f"{percentile(away, 100) * 1000:.1f}",
        )
    console.print(table)


async def _kill_some(stage: Stage, instance: Instance, actor: str, kills: int) -> list[_Kill]:
    """Kill an actor of so many accounts; those that came back."""
    asked: dict[int, float] = {}
    answered: dict[int, float] = {}
    log_start = (await stage.emulator.state())["log_next"] - 1
    await trio.sleep(2)
    step = len(stage.phones) // kills
    for account_id in list(stage.phones.values())[::step][:kills]:
        asked[account_id] = time.time()
        begun = time.monotonic()
        await instance.admin.call("POST", f"/api/actors/root/accounts/{account_id}/{actor}/restart")
        answered[account_id] = time.monotonic() - begun
        await trio.sleep(_SPACING)
    await trio.sleep(1)
    await stage.wait_connected(len(stage.phones), within=_PATIENCE)
    broken = {
        stage.phones[row["phone"]]: row["utc_ms"] / 1000
        for row in await stage.emulator.log(after=log_start, kind="disconnected")
        if row.get("phone") in stage.phones
    }
    query = select(transitions.c.whatsapp_account_id, transitions.c.at).where(
        transitions.c.new == "connected", transitions.c.whatsapp_account_id.in_(list(asked))
    )
    back = {account_id: at / 1000 for account_id, at in await stage.rows(query.order_by(transitions.c.id))}
    return [
        _Kill(
            answered=answered[account_id],
            broken=broken.get(account_id, moment) - moment,
            connected=back[account_id] - moment,
        )
        for account_id, moment in asked.items()
        if back[account_id] > moment
    ]
