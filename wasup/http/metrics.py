"""`/metrics` for Prometheus: what is cheap to know and true."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

import trio
from prometheus_client import CollectorRegistry, Counter as PromCounter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from quart import Response, g, request
from quart_schema import hide
from quart_trio import QuartTrio

from wasup.actors.event_hub import EventHub
from wasup.http.auth import Doorkeeper, Scope
from wasup.http.pipeline_metrics import pipeline_metrics
from wasup.http.places import Places
from wasup.http.services import Services
from wasup.ports.store import StoreError, Totals
from wasup.supervisor import TreeNode

__all__ = ["HttpMetrics"]

_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0)
_TOTALS_AGE: Final = 15.0  # counting rows costs the database something: scrapes in between get the same figures
_COUNTING: Final = 0.02  # share of the time that the database may be busy counting, however many rows there are


class HttpMetrics:
    """Counts requests, and gathers the rest at each scrape. Labels are routes, never ids."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._registry = CollectorRegistry()
        self._requests = PromCounter(
            "wasup_http_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "wasup_http_request_seconds", "Time to answer.", ("route",), buckets=_BUCKETS, registry=self._registry
        )
        self._totals: Totals | None = None
        self._count_at = -math.inf

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def mount(self, app: QuartTrio, door: Doorkeeper) -> None:
        """Add the route."""

        async def metrics() -> Response:
            services = self._services
            if not services.settings.metrics_public:
                caller = await door.authenticate(request.headers, g.address, request.method)
                caller.require(Scope.ADMIN)
            return Response(await self._scrape(), content_type=_CONTENT_TYPE)

        app.add_url_rule("/metrics", view_func=hide(metrics), methods=["GET"], provide_automatic_options=False)

    async def _scrape(self) -> bytes:
        tree = await self._services.tree.snapshot_in_slices()
        began = trio.current_time()
        if began >= self._count_at:
            try:
                self._totals = await self._services.stats.totals()
                self._count_at = began + max(_TOTALS_AGE, (trio.current_time() - began) / _COUNTING)
            except StoreError:
                self._totals = None  # no figure is better than a stale one
        found = CollectorRegistry()
        of_pipeline = pipeline_metrics(self._services.pulse, self._services.recent_chats)
        streams = _stream_metrics(self._services.hub)
        places = _place_metrics(self._services.places)
        found.register(_Found([*_tree_metrics(tree), *self._row_metrics(), *of_pipeline, *streams, *places]))
        return generate_latest(self._registry) + generate_latest(found)

    def _row_metrics(self) -> Iterator[Metric]:
        yield _gauge("wasup_sessions_running", "Sessions that run.", self._services.directory.running())
        totals = self._totals
        if totals is None:
            return
        yield _gauge("wasup_accounts", "Accounts in the database.", totals.accounts)
        messages = GaugeMetricFamily("wasup_messages", "Messages in the database.", labels=("direction",))
        messages.add_metric(("in",), totals.messages_in)
        messages.add_metric(("out",), totals.messages_out)
        yield messages
        yield _gauge("wasup_events", "Events in the log.", totals.events)
        yield _gauge("wasup_outbox", "Webhook deliveries that wait.", totals.outbox)
        yield _gauge("wasup_dead_letters", "Webhook deliveries given up.", totals.dead_letters)


class _Found:
    """A collector of metrics that are there already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        """The metrics."""
        return self._metrics


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _stream_metrics(hub: EventHub) -> Iterator[Metric]:
    yield _gauge("wasup_streams_open", "Streams of events that are open.", hub.followers)
    yield CounterMetricFamily("wasup_stream_frames", "Events told to streams, each stream counted.", value=hub.told)
    yield CounterMetricFamily("wasup_streams_slow", "Streams that were ended because they were slow.", value=hub.slow)


def _place_metrics(places: Places) -> Iterator[Metric]:
    yield _gauge("wasup_http_in_hand", "Requests in hand.", places.in_hand)
    yield CounterMetricFamily("wasup_http_refused", "Requests refused unread: all places taken.", value=places.refused)


def _tree_metrics(root: TreeNode) -> Iterator[Metric]:
    states: Counter[tuple[str, str]] = Counter()
    restarts = depth = 0
    stack = [root]
    while stack:
        node = stack.pop()
        states[node.type, node.state] += 1
        restarts += node.restarts
        depth += node.mailbox.depth if node.mailbox is not None else 0
        stack.extend(node.children)
    children = GaugeMetricFamily("wasup_tree_children", "Supervisors and actors.", labels=("type", "state"))
    for (kind, state), number in sorted(states.items()):
        children.add_metric((kind, state), number)
    yield children
    yield _gauge("wasup_tree_restarts", "Automatic restarts of the children that are there now.", restarts)
    yield _gauge("wasup_mailbox_depth", "Messages that wait in all mailboxes.", depth)
