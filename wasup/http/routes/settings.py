"""`/api/settings` and `/api/audit`: what admins change while wasup runs, and who changed what."""

from typing import Final

import msgspec

from wasup.http.auth import Scope
from wasup.http.cursors import Limit, Page, page_of, read_cursor
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.running import Changes, Values
from wasup.ports.resources import AuditEntry

__all__ = ["ROUTES"]

ROUTES: Final = Routes("settings", "Settings that change at run time, and the log of changes.")


class ListAudit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the list."""

    cursor: str | None = None
    limit: Limit = 100


@ROUTES.add("GET", "/api/settings", scope=Scope.ADMIN, answers={200: ("What holds now.", Values)})
async def show_settings(call: Call[NoQuery, None]) -> Reply:
    """Show the settings that change at run time."""
    return Reply(call.running.values)


@ROUTES.add("PATCH", "/api/settings", scope=Scope.ADMIN, answers={200: ("What holds now.", Values)})
async def change_settings(call: Call[NoQuery, Changes]) -> Reply:
    """Change settings.

    They hold here at once, and on other instances within 5 s.
    """
    return Reply(await call.running.change(call.body))


@ROUTES.add(
    "GET",
    "/api/audit",
    scope=Scope.MANAGE,
    answers={200: ("Changes made through the API, newest first.", Page[AuditEntry])},
)
async def list_audit(call: Call[ListAudit, None]) -> Reply:
    """List who changed what."""
    query = call.query
    place = read_cursor(query.cursor, 1)
    rows = await call.services.audit.entries(
        workspace_id=call.caller.workspace_id, before_id=place[0] if place else None, limit=query.limit + 1
    )
    return Reply(page_of(rows, query.limit, place=lambda row: (row.id,), view=lambda row: row))
