"""`/health`: for load balancers, process managers and people; open to anybody."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from wasup.http.figures import Sessions, System
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.services import Health, HealthPart

__all__ = ["ROUTES"]

ROUTES: Final = Routes("health", "How wasup is.")


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers requests."""

    status: str = "ok"


class HealthView(msgspec.Struct, frozen=True, kw_only=True):
    """State of the whole: `down` means that requests cannot be served, `degraded` that some cannot.

    Attributes:
        parts: state of each part.
        sessions: how many accounts are connected.
        system: the machine.
        uptime: seconds since wasup started.
        timestamp: now.
    """

    status: Health
    parts: dict[str, HealthPart]
    sessions: Sessions = Sessions()
    system: System = System()
    uptime: float
    timestamp: str


@ROUTES.add(
    "GET",
    "/health",
    scope=None,
    answers={200: ("Healthy, or degraded.", HealthView), 503: ("Down.", HealthView)},
)
async def show_health(call: Call[NoQuery, None]) -> Reply:
    """Show the state of wasup and its parts."""
    return await _report(call)


@ROUTES.add("GET", "/health/live", scope=None, answers={200: ("Alive.", Alive)})
async def show_live(call: Call[NoQuery, None]) -> Reply:  # noqa: ARG001
    """Tell that the process lives.

    It asks no other part: a process is not to be killed because its database is away.
    """
    return Reply(Alive())


@ROUTES.add(
    "GET",
    "/health/ready",
    scope=None,
    answers={200: ("Requests can be served.", HealthView), 503: ("Not now.", HealthView)},
)
async def show_ready(call: Call[NoQuery, None]) -> Reply:
    """Tell whether requests can be served."""
    return await _report(call)


async def _report(call: Call[NoQuery, None]) -> Reply:
    report = await call.services.health()
    figures = call.services.figures
    await figures.refresh(call.services.upkeep)
    now = datetime.fromtimestamp(call.services.clock.now_ms() / 1000, UTC)
    view = HealthView(
        status=report.status,
        parts=report.parts,
        sessions=figures.sessions,
        system=figures.system,
        uptime=figures.system.uptime_seconds,
        timestamp=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )
    return Reply(view, 503 if report.status == "down" else 200)
