"""`/api/events`: pulling an account's events after a cursor."""

from typing import Final

import msgspec

from wasup.http.auth import Scope
from wasup.http.cursors import Id, Limit, Page, cursor_of, read_cursor
from wasup.http.operations import Call, Reply, Routes
from wasup.http.tenancy import owned_account
from wasup.ports.store import StoredEvent

__all__ = ["ROUTES"]

ROUTES: Final = Routes("events", "What happened, in order, for those who would rather ask than be called.")


class ListEvents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose events, and after which."""

    account_id: Id
    cursor: str | None = None
    limit: Limit = 100


@ROUTES.add(
    "GET",
    "/api/events",
    scope=Scope.READ,
    answers={200: ("Events in the order of their sequence numbers.", Page[StoredEvent])},
    errors=(404,),
)
async def list_events(call: Call[ListEvents, None]) -> Reply:
    """Pull an account's events.

    `next_cursor` is always there, also when nothing new has happened: keep it, and ask again with it.
    """
    query, caller = call.query, call.caller
    place = read_cursor(query.cursor, 1)
    after = place[0] if place else 0
    await owned_account(call.services, caller, query.account_id)
    rows = await call.services.stats.events(caller.workspace_id, query.account_id, after, query.limit)
    last = rows[-1].account_seq if rows else after
    return Reply(Page(data=tuple(rows), next_cursor=cursor_of(last)))
