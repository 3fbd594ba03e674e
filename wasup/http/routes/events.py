"""`/api/events`: pulling events after a cursor, and what they look like."""

from typing import Annotated, Any, Final

import msgspec

from wasup.http.auth import Scope
from wasup.http.cursors import MAX_ID, Id, Limit, Page, cursor_of, read_cursor
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import invalid_field, not_found
from wasup.http.tenancy import owning_workspace, target_workspace
from wasup.ports.outbox import StoredEvent
from wasup.webhooks.documentation import event_schemas

__all__ = ["ROUTES"]

ROUTES: Final = Routes("events", "What happened, in order, for those who would rather ask than be called.")


class ListEvents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose events, and after which: all of a workspace, or one account's."""

    account_id: Id | None = None
    workspace_id: Id | None = None
    after_seq: Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)] | None = None
    cursor: str | None = None
    limit: Limit = 100


class EventSchemas(msgspec.Struct, frozen=True, kw_only=True):
    """JSON Schema (2020-12) of the payloads: `types` refers from each type to its schema in `components`."""

    version: int
    types: dict[str, dict[str, Any]]
    components: dict[str, dict[str, Any]]


@ROUTES.add(
    "GET",
    "/api/events",
    scope=Scope.READ,
    answers={200: ("Events in order.", Page[StoredEvent])},
    errors=(404,),
)
async def list_events(call: Call[ListEvents, None]) -> Reply:
    """Pull events.

    With `account_id` one account's, by their sequence numbers; without, all of the workspace, by time and in each
    account's order. `next_cursor` is always there, also when nothing new has happened: keep it, and ask again with
    it. `after_seq` begins after a sequence number that a webhook told.
    """
    query, caller = call.query, call.caller
    if query.account_id is None:
        return await _of_workspace(call)
    place = read_cursor(query.cursor, 1)
    after = place[0] if place else query.after_seq or 0
    await owning_workspace(call.services, caller, query.account_id)
    rows = await call.services.stats.events(caller.workspace_id, query.account_id, after, query.limit)
    last = rows[-1].account_seq if rows else after
    return Reply(Page(data=tuple(rows), next_cursor=cursor_of(last)))


async def _of_workspace(call: Call[ListEvents, None]) -> Reply:
    query = call.query
    if query.after_seq is not None:
        raise invalid_field("sequence numbers are an account's: name it", parameter="account_id")
    place = read_cursor(query.cursor, 3)
    after = (place[0], place[1], place[2]) if place else (0, 0, 0)
    workspace_id = await target_workspace(call.services, call.caller, query.workspace_id)
    rows = await call.services.event_log.workspace_events(workspace_id, after, limit=query.limit)
    if rows:
        after = (rows[-1].created_at, rows[-1].account_id, rows[-1].account_seq)
    return Reply(Page(data=tuple(rows), next_cursor=cursor_of(*after)))


@ROUTES.add(
    "GET",
    "/api/events/schemas",
    scope=Scope.READ,
    answers={200: ("The schemas.", EventSchemas)},
)
async def show_event_schemas(call: Call[NoQuery, None]) -> Reply:
    """Show the JSON Schema of every event's payload."""
    del call
    return Reply(EventSchemas(**event_schemas()))


@ROUTES.add(
    "GET",
    "/api/events/<string(maxlength=64):event_id>",
    scope=Scope.READ,
    answers={200: ("The event, whole.", StoredEvent)},
    errors=(404,),
)
async def show_event(call: Call[NoQuery, None], event_id: str) -> Reply:
    """Show an event by its id: also what was cut from its delivery."""
    found = await call.services.event_log.event(event_id, workspace_id=call.caller.workspace_id)
    if found is None:
        raise not_found("event")
    return Reply(found)
