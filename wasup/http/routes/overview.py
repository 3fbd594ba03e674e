"""`/api/overview`: what the dashboard's first page shows."""

from typing import Annotated, Final

import msgspec

from wasup.http.auth import Scope
from wasup.http.cursors import Id
from wasup.http.operations import Call, Reply, Routes
from wasup.http.overview import STEP, Moment, Row
from wasup.http.problems import not_found
from wasup.http.services import Services

__all__ = ["ROUTES", "OverviewView"]

ROUTES: Final = Routes("overview", "How it goes, in figures.")


class ShowOverview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of what.

    Attributes:
        workspace_id: only an admin key names it, and without it sees all workspaces together.
        points: of the series, the newest; one for every step.
    """

    workspace_id: Id | None = None
    points: Annotated[int, msgspec.Meta(ge=0, le=720)] = 720


class AccountCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts that are not deleted."""

    total: int
    by_status: dict[str, int]


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """How many a second, in the last few seconds."""

    messages_in: float
    messages_out: float
    events: float
    deliveries: float


class LatencyView(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds in the last minute, of the whole instance; null when there was nothing to measure.

    Attributes:
        commit_p50: from the beginning of a message's commit to its end.
        webhook_p50: from an event to its acceptance by an endpoint, retries included.
    """

    commit_p50: float | None
    commit_p99: float | None
    webhook_p50: float | None
    webhook_p99: float | None


class Queues(msgspec.Struct, frozen=True, kw_only=True):
    """What waits.

    Attributes:
        unacknowledged: received items that the writers have in hand and have not stored yet, of the whole instance.
        writer_mailbox: deliveries of sessions that wait for a writer, of the whole instance.
        outbox: webhook deliveries.
        dead_letters: webhook deliveries given up.
    """

    unacknowledged: int
    writer_mailbox: int
    outbox: int
    dead_letters: int


class Restarts(msgspec.Struct, frozen=True, kw_only=True):
    """What supervisors started again; `total` since wasup was started."""

    last_hour: int
    total: int


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the series, which ended at `at` (UTC epoch ms)."""

    at: int
    messages_in: float
    messages_out: float
    commit_p99: float | None
    outbox: int
    restarts: int


class SeriesView(msgspec.Struct, frozen=True, kw_only=True):
    """The last hour, oldest first; less while wasup has not run for so long."""

    step_seconds: float
    points: tuple[Point, ...]


class OverviewView(msgspec.Struct, frozen=True, kw_only=True):
    """How it goes.

    Attributes:
        at: UTC epoch milliseconds.
        memory_mb: resident memory of wasup's own process, without browsers.
        cpu: share of one processor core that it used in the last few seconds; at 1 it can do no more.
        provider_types: what a new account's `provider_type` may be; the first is the default.
        emulator_url: where the emulator's phones are, if accounts may be emulated.
    """

    at: int
    accounts: AccountCounts
    rates: Rates
    latency_ms: LatencyView
    queues: Queues
    restarts: Restarts
    memory_mb: float
    cpu: float
    uptime_seconds: float
    series: SeriesView
    provider_types: tuple[str, ...]
    emulator_url: str | None


@ROUTES.add(
    "GET",
    "/api/overview",
    scope=Scope.READ,
    answers={200: ("Figures of the workspace, or of all.", OverviewView)},
    errors=(404,),
)
async def show_overview(call: Call[ShowOverview, None]) -> Reply:
    """Show how it goes, in figures.

    A workspace's key sees its own accounts' figures; latencies, memory and processor are the whole instance's.
    """
    services, query = call.services, call.query
    scope = query.workspace_id if call.caller.workspace_id is None else call.caller.workspace_id
    foreign = query.workspace_id not in {None, scope}
    if foreign or (query.workspace_id is not None and await services.upkeep.workspace(query.workspace_id) is None):
        raise not_found("workspace")
    counts = dict(await services.upkeep.count_accounts(scope))
    return Reply(_view(services, scope, counts, query.points))


def _view(services: Services, scope: int | None, counts: dict[str, int], points: int) -> OverviewView:
    overview = services.overview
    newest, waiting = overview.newest(scope), overview.waiting(scope)
    series = tuple(_point(moment, row) for moment, row in overview.rows(scope))
    return OverviewView(
        at=services.clock.now_ms(),
        accounts=AccountCounts(total=sum(counts.values()), by_status=counts),
        rates=Rates(
            messages_in=newest.messages_in,
            messages_out=newest.messages_out,
            events=newest.events,
            deliveries=newest.deliveries,
        ),
        latency_ms=LatencyView(**overview.latencies()._asdict()),
        queues=Queues(
            unacknowledged=overview.unwritten,
            writer_mailbox=overview.writer_mailbox,
            outbox=waiting.outbox,
            dead_letters=waiting.dead_letters,
        ),
        restarts=Restarts(last_hour=sum(point.restarts for point in series), total=overview.restarts(scope)),
        memory_mb=overview.memory_mb(),
        cpu=round(overview.cpu, 3),
        uptime_seconds=overview.uptime(),
        series=SeriesView(step_seconds=STEP, points=series[len(series) - min(points, len(series)) :]),
        provider_types=tuple(services.provider_types),
        emulator_url=services.settings.emulator_url,
    )


def _point(moment: Moment, row: Row) -> Point:
    return Point(
        at=moment.at,
        messages_in=row.messages_in,
        messages_out=row.messages_out,
        commit_p99=moment.commit_p99,
        outbox=int(row.outbox),
        restarts=int(row.restarts),
    )
