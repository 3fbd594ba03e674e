"""`/api/rejected`: what the database did not take, put away so that the stream goes on."""

from typing import Final

import msgspec

from wasup.http.auth import Scope
from wasup.http.cursors import Id, Limit, Page, page_of, read_cursor
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import Problem, not_found
from wasup.ports.rejected import NotRetried, RejectedItem

__all__ = ["ROUTES"]

ROUTES: Final = Routes(
    "rejected", "What the database did not take: put away with its reason, so that the rest goes on."
)


class ListRejected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose, and which page of the list."""

    account_id: Id | None = None
    cursor: str | None = None
    limit: Limit = 50


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        new_messages: messages that were not stored before: one or none.
    """

    new_messages: int


@ROUTES.add(
    "GET",
    "/api/rejected",
    scope=Scope.ADMIN,
    answers={200: ("Rejected items, newest first, without their content.", Page[RejectedItem])},
)
async def list_rejected(call: Call[ListRejected, None]) -> Reply:
    """List what the database did not take."""
    query = call.query
    place = read_cursor(query.cursor, 1)
    rows = await call.services.rejected.rejected(
        account_id=query.account_id, before_id=place[0] if place else None, limit=query.limit + 1
    )
    return Reply(page_of(rows, query.limit, place=lambda row: (row.id,), view=lambda row: row))


@ROUTES.add(
    "GET",
    "/api/rejected/<id:item_id>",
    scope=Scope.ADMIN,
    answers={200: ("The item, with up to 64 kB of its content.", RejectedItem)},
    errors=(404,),
)
async def show_rejected(call: Call[NoQuery, None], item_id: Id) -> Reply:
    """Show a rejected item."""
    found = await call.services.rejected.rejected_item(item_id)
    if found is None:
        raise not_found("rejected item")
    return Reply(found)


@ROUTES.add(
    "POST",
    "/api/rejected/<id:item_id>/retry",
    scope=Scope.ADMIN,
    answers={200: ("It is stored, and told like anything that comes in.", Retried)},
    errors=(404, 409),
)
async def retry_rejected(call: Call[NoQuery, None], item_id: Id) -> Reply:
    """Store a rejected item after all.

    Worth a try when its cause was mended. What is refused again stays where it is.
    """
    try:
        result = await call.services.rejected.retry(item_id)
    except NotRetried as error:
        raise Problem(409, f"It was not stored: {error}", "refused-again") from None
    if result is None:
        raise not_found("rejected item")
    for endpoint_id in result.endpoints:
        call.services.webhooks.ring(endpoint_id)
    return Reply(Retried(new_messages=result.new_messages))


@ROUTES.add(
    "DELETE",
    "/api/rejected/<id:item_id>",
    scope=Scope.ADMIN,
    answers={204: ("Discarded.", None)},
    errors=(404,),
)
async def discard_rejected(call: Call[NoQuery, None], item_id: Id) -> Reply:
    """Discard a rejected item for good."""
    if not await call.services.rejected.discard(item_id):
        raise not_found("rejected item")
    return Reply(None, 204)
