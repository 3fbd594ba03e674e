"""How the parts of an instance are, from what they tell by themselves: asking costs no query."""

import trio

from wasup.actors.names import RECONCILER, actor_called, writer_name
from wasup.actors.runtime import Runtime
from wasup.http import HealthPart, HealthReport
from wasup.http.services import Health
from wasup.supervisor import Registry

__all__ = ["check_health"]


async def check_health(runtime: Runtime, registry: Registry) -> HealthReport:
    """The state of the whole and of its parts."""
    parts = {
        "database": _database(runtime),
        "sync": _sync(runtime, registry),
        "reconciler": _present(actor_called(registry, RECONCILER) is not None, "the reconciler is being restarted"),
        "webhooks": _webhooks(runtime),
        "accounts": HealthPart(status="ok", detail=f"{_running(registry)} running"),
    }
    statuses = {part.status for part in parts.values()}
    status: Health = "down" if "down" in statuses else "degraded" if "degraded" in statuses else "ok"
    return HealthReport(status=status, parts=parts)


def _database(runtime: Runtime) -> HealthPart:
    since = runtime.pulse.database_away_since
    if since is None:
        return HealthPart(status="ok")
    return HealthPart(status="down", detail=f"not reachable for {trio.current_time() - since:.0f} s")


def _sync(runtime: Runtime, registry: Registry) -> HealthPart:
    if runtime.pulse.faults:
        words = "; ".join(f"{name} cannot write: {fault}" for name, fault in sorted(runtime.pulse.faults.items()))
        return HealthPart(status="down", detail=words)
    present = all(actor_called(registry, writer_name(shard)) is not None for shard in range(runtime.writers))
    return _present(present, "a writer is being restarted")


def _webhooks(runtime: Runtime) -> HealthPart:
    """Endpoints are their owners' business: one that accepts nothing is told, and degrades nothing here."""
    failing = len(runtime.pulse.failing_endpoints)
    return HealthPart(status="ok", detail=f"{failing} endpoints accept nothing now" if failing else "")


def _present(present: bool, otherwise: str) -> HealthPart:  # noqa: FBT001 - a small helper
    return HealthPart(status="ok") if present else HealthPart(status="degraded", detail=otherwise)


def _running(registry: Registry) -> int:
    return sum(1 for name in registry if name.startswith("account-"))
