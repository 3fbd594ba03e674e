"""Metrics of the pipeline: what the actors and the cache count by themselves. No label is an account."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Protocol

import trio
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from wasup.actors.runtime import HostFigures, Pulse
from wasup.ports.session import Usage

__all__ = ["HitCounter", "pipeline_metrics"]


class HitCounter(Protocol):
    """A cache that counts how often it could help."""

    @property
    def hits(self) -> int:
        """What was found kept."""
        ...

    @property
    def misses(self) -> int:
        """What had to be loaded."""
        ...


def pipeline_metrics(pulse: Pulse, recent_chats: HitCounter | None) -> Iterator[Metric]:
    """Everything of it, as it is now."""
    for name, text, value in (
        ("wasup_sync_messages", "Messages stored for the first time.", pulse.committed),
        ("wasup_sync_duplicates", "Messages handed over that were stored already.", pulse.duplicates),
        ("wasup_sync_batches", "Transactions of the writers.", pulse.batches),
        ("wasup_sync_rejected_items", "Items that the database did not take and that were put away.", pulse.rejected),
        ("wasup_webhook_skipped_events", "Events that a webhook's format cannot say.", pulse.skipped_deliveries),
        ("wasup_sync_compared_messages", "Messages compared between provider and database.", pulse.compared),
        ("wasup_sync_gaps_filled", "Messages missing in the database that a comparison brought.", pulse.gaps),
    ):
        yield CounterMetricFamily(name, text, value=value)
    away = pulse.database_away_since
    seconds = 0.0 if away is None else trio.current_time() - away
    yield GaugeMetricFamily(
        "wasup_database_away_seconds", "For how long writes have failed; 0 while they work.", seconds
    )
    if recent_chats is not None:
        looked = CounterMetricFamily("wasup_recent_chats_cache", "Look-ups in the cache.", labels=("result",))
        looked.add_metric(("hit",), recent_chats.hits)
        looked.add_metric(("miss",), recent_chats.misses)
        yield looked
    yield from _usage(list(pulse.usage.values()))
    yield from _hosts({name: figures for name, ask in pulse.hosts.items() if (figures := ask()) is not None})
    tasks = trio.lowlevel.current_statistics().tasks_living
    yield GaugeMetricFamily("wasup_trio_tasks", "Tasks of the event loop.", tasks)


def _usage(told: list[tuple[str, Usage]]) -> Iterator[Metric]:
    """Of the accounts' own processes, by provider: sum and largest."""
    by_provider: dict[str, list[Usage]] = defaultdict(list)
    for provider, usage in told:
        by_provider[provider].append(usage)
    memory = GaugeMetricFamily(
        "wasup_account_memory_bytes", "Memory of accounts' own processes.", labels=("provider", "of")
    )
    cpu = GaugeMetricFamily(
        "wasup_account_cpu_seconds", "Processor time of accounts' present processes.", labels=("provider", "of")
    )
    processes = GaugeMetricFamily("wasup_account_processes", "Processes of accounts.", labels=("provider",))
    for provider, usages in sorted(by_provider.items()):
        memory.add_metric((provider, "all"), sum(usage.memory for usage in usages))
        memory.add_metric((provider, "largest"), max(usage.memory for usage in usages))
        cpu.add_metric((provider, "all"), sum(usage.cpu_seconds for usage in usages))
        cpu.add_metric((provider, "largest"), max(usage.cpu_seconds for usage in usages))
        processes.add_metric((provider,), sum(usage.processes for usage in usages))
    yield from (memory, cpu, processes)


def _hosts(hosts: dict[str, HostFigures]) -> Iterator[Metric]:
    """Of what runs those processes, by provider."""
    running = GaugeMetricFamily("wasup_host_sessions", "Accounts that have processes.", labels=("provider",))
    limit = GaugeMetricFamily("wasup_host_sessions_limit", "Accounts that may have processes.", labels=("provider",))
    memory = GaugeMetricFamily("wasup_host_memory_bytes", "Memory of all those processes.", labels=("provider",))
    blocked = CounterMetricFamily(
        "wasup_host_blocked_requests", "Requests to foreign hosts that were stopped.", labels=("provider",)
    )
    for provider, figures in sorted(hosts.items()):
        running.add_metric((provider,), figures.running)
        limit.add_metric((provider,), figures.limit)
        memory.add_metric((provider,), figures.memory)
        blocked.add_metric((provider,), figures.blocked)
    yield from (running, limit, memory, blocked)
