"""`/health`: for load balancers, process managers and people; open to anybody."""

from typing import Final

import msgspec

from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.services import HealthReport

__all__ = ["ROUTES"]

ROUTES: Final = Routes("health", "How wasup is.")


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers requests."""

    status: str = "ok"


@ROUTES.add(
    "GET",
    "/health",
    scope=None,
    answers={200: ("Healthy, or degraded.", HealthReport), 503: ("Down.", HealthReport)},
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
    answers={200: ("Requests can be served.", HealthReport), 503: ("Not now.", HealthReport)},
)
async def show_ready(call: Call[NoQuery, None]) -> Reply:
    """Tell whether requests can be served."""
    return await _report(call)


async def _report(call: Call[NoQuery, None]) -> Reply:
    report = await call.services.health()
    return Reply(report, 503 if report.status == "down" else 200)
