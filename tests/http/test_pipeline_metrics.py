"""What `/metrics` tells of the pipeline, the cache and the accounts' own processes."""

from dataclasses import dataclass
from typing import Any

import pytest
import trio
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from trio.testing import MockClock

from tests.http.conftest import Client
from tests.http.fakes import World
from wasup.actors.runtime import Pulse
from wasup.http.pipeline_metrics import pipeline_metrics
from wasup.ports.session import Usage


@dataclass
class Hits:
    """A cache that was asked."""

    hits: int
    misses: int


class Found:
    """A collector of metrics that are there already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self.metrics = metrics

    def collect(self) -> list[Metric]:
        """The metrics."""
        return self.metrics


async def test_counters_cache_and_processes_are_told_without_naming_an_account() -> None:
    """Sums and the largest by provider; hits and misses; what was put away and what was filled in."""
    pulse = Pulse(committed=7, rejected=2, compared=50, gaps=1)
    for account_id, memory in ((41, 300), (42, 500), (43, 100)):
        provider = "webjs" if account_id < 43 else "other"
        pulse.usage[account_id] = (provider, Usage(memory=memory, cpu_seconds=1.5, processes=7))
    registry = CollectorRegistry()
    registry.register(Found(list(pipeline_metrics(pulse, Hits(hits=9, misses=3)))))
    lines = generate_latest(registry).decode().splitlines()
    for line in (
        "wasup_sync_messages_total 7.0",
        "wasup_sync_rejected_items_total 2.0",
        "wasup_sync_compared_messages_total 50.0",
        "wasup_sync_gaps_filled_total 1.0",
        "wasup_database_away_seconds 0.0",
        'wasup_recent_chats_cache_total{result="hit"} 9.0',
        'wasup_recent_chats_cache_total{result="miss"} 3.0',
        'wasup_account_memory_bytes{of="all",provider="webjs"} 800.0',
        'wasup_account_memory_bytes{of="largest",provider="webjs"} 500.0',
        'wasup_account_cpu_seconds{of="all",provider="webjs"} 3.0',
        'wasup_account_processes{provider="other"} 7.0',
    ):
        assert line in lines
    assert any(line.startswith("wasup_trio_tasks ") and float(line.split()[1]) >= 1 for line in lines)


async def test_counting_rows_takes_a_small_share_of_the_databases_time(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longer it takes, the less often it is done, however often somebody scrapes."""
    world = World(metrics_public=True)
    client, count, counted = Client(world), world.rows.totals, list[float]()

    async def slow() -> Any:
        counted.append(trio.current_time())
        await trio.sleep(2)
        return await count()

    monkeypatch.setattr(world.rows, "totals", slow)
    for _ in range(30):
        assert b"wasup_messages" in (await client.get("/metrics", key=None)).body
        await trio.sleep(10)
    assert len(counted) == 3
