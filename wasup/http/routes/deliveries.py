"""What became of deliveries to a webhook endpoint, and having events delivered again."""

from typing import Final

import msgspec

from wasup.http.auth import Principal, Scope
from wasup.http.cursors import MAX_ID, Id, Limit, Page, cursor_of, page_of, read_cursor
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import Problem, invalid_field, not_found
from wasup.http.routes.webhooks import owned_endpoint
from wasup.http.services import Services
from wasup.http.tenancy import owning_workspace
from wasup.http.webhook_schemas import Replay, ReplayAnswer
from wasup.ports.outbox import Attempt, DeadLetter, Endpoint, Replayed, ReplayRange

__all__ = ["ROUTES"]

ROUTES: Final = Routes("deliveries", "Attempts at deliveries, dead letters, and replays.")

_CHUNK: Final = 1000  # events in one transaction
_MOST: Final = 20_000  # events in one call


class ListAttempts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which attempts, and which page of them."""

    failed: bool | None = None
    cursor: str | None = None
    limit: Limit = 50


class ListDeadLetters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the list."""

    cursor: str | None = None
    limit: Limit = 50


@ROUTES.add(
    "GET",
    "/api/webhook-endpoints/<id:endpoint_id>/deliveries",
    scope=Scope.MANAGE,
    answers={200: ("Attempts, newest first.", Page[Attempt])},
    errors=(404,),
)
async def list_attempts(call: Call[ListAttempts, None], endpoint_id: Id) -> Reply:
    """List recent attempts at deliveries: all that failed, and a sample of the others."""
    query = call.query
    place = read_cursor(query.cursor, 1)
    await owned_endpoint(call.services, call.caller, endpoint_id)
    rows = await call.services.deliveries.attempts(
        endpoint_id, failed=query.failed, before_id=place[0] if place else None, limit=query.limit + 1
    )
    return Reply(page_of(rows, query.limit, place=lambda row: (row.id,), view=lambda row: row))


@ROUTES.add(
    "GET",
    "/api/webhook-endpoints/<id:endpoint_id>/deliveries/<id:attempt_id>",
    scope=Scope.MANAGE,
    answers={200: ("The attempt; `/api/events` has its event.", Attempt)},
    errors=(404,),
)
async def show_attempt(call: Call[NoQuery, None], endpoint_id: Id, attempt_id: Id) -> Reply:
    """Show one attempt at a delivery."""
    await owned_endpoint(call.services, call.caller, endpoint_id)
    before = min(attempt_id + 1, MAX_ID)
    rows = await call.services.deliveries.attempts(endpoint_id, before_id=before, limit=1)
    if not rows or rows[0].id != attempt_id:
        raise not_found("delivery")
    return Reply(rows[0])


@ROUTES.add(
    "GET",
    "/api/webhook-endpoints/<id:endpoint_id>/dead-letters",
    scope=Scope.MANAGE,
    answers={200: ("Dead letters, newest first.", Page[DeadLetter])},
    errors=(404,),
)
async def list_dead_letters(call: Call[ListDeadLetters, None], endpoint_id: Id) -> Reply:
    """List deliveries that were given up."""
    query = call.query
    place = read_cursor(query.cursor, 1)
    await owned_endpoint(call.services, call.caller, endpoint_id)
    rows = await call.services.deliveries.dead_letters(
        endpoint_id, before_id=place[0] if place else None, limit=query.limit + 1
    )
    return Reply(page_of(rows, query.limit, place=lambda row: (row.id,), view=lambda row: row))


@ROUTES.add(
    "GET",
    "/api/webhook-endpoints/<id:endpoint_id>/dead-letters/<id:letter_id>",
    scope=Scope.MANAGE,
    answers={200: ("The dead letter; `/api/events` has its event.", DeadLetter)},
    errors=(404,),
)
async def show_dead_letter(call: Call[NoQuery, None], endpoint_id: Id, letter_id: Id) -> Reply:
    """Show a delivery that was given up."""
    await owned_endpoint(call.services, call.caller, endpoint_id)
    return Reply(await _letter(call.services, endpoint_id, letter_id))


@ROUTES.add(
    "POST",
    "/api/webhook-endpoints/<id:endpoint_id>/dead-letters/<id:letter_id>/replay",
    scope=Scope.MANAGE,
    answers={202: ("It will be delivered again.", ReplayAnswer)},
    errors=(404, 409),
)
async def replay_dead_letter(call: Call[NoQuery, None], endpoint_id: Id, letter_id: Id) -> Reply:
    """Deliver a dead letter again."""
    endpoint = await _replayable(call.services, call.caller, endpoint_id)
    letter = await _letter(call.services, endpoint_id, letter_id)
    done = await call.services.deliveries.replay(endpoint, ReplayRange(event_ids=(letter.event_id,)))
    if done.queued + done.waiting == 0:
        raise Problem(409, "The log no longer has its event.", "gone")
    call.services.webhooks.ring(endpoint_id)
    return _answer(done)


@ROUTES.add(
    "POST",
    "/api/webhook-endpoints/<id:endpoint_id>/replay",
    scope=Scope.MANAGE,
    answers={202: ("They will be delivered again.", ReplayAnswer)},
    errors=(404, 409),
)
async def replay_events(call: Call[NoQuery, Replay], endpoint_id: Id) -> Reply:
    """Deliver events again: by id, by time, after a sequence number, or what was given up.

    They keep their ids, say that they are replays, and go before what waits. The endpoint's filter holds, but not for
    what is named by id or was given up. One call takes up to 20,000 events; `next_cursor` goes on from there.
    """
    body = call.body
    place = read_cursor(body.cursor, 2)
    endpoint = await _replayable(call.services, call.caller, endpoint_id)
    wanted = _wanted(body)
    if body.account_id is not None:
        await owning_workspace(call.services, call.caller, body.account_id)
    after = (place[0], place[1]) if place else None
    queued = waiting = 0
    while queued + waiting < _MOST:
        done = await call.services.deliveries.replay(endpoint, wanted, after=after, limit=_CHUNK)
        queued, waiting, after = queued + done.queued, waiting + done.waiting, done.next
        if after is None:
            break
    call.services.webhooks.ring(endpoint_id)
    return _answer(Replayed(queued=queued, waiting=waiting, next=after))


def _wanted(body: Replay) -> ReplayRange:
    given = (body.event_ids, body.account_id, body.since, body.until, body.dead_letters or None)
    if all(one is None for one in given):
        raise invalid_field("name events, an account, a time, or the dead letters", pointer="#")
    if body.account_id is None and (body.after_seq is not None or body.until_seq is not None):
        raise invalid_field("sequence numbers are an account's: name it", pointer="#/account_id")
    return ReplayRange(
        event_ids=body.event_ids,
        account_id=body.account_id,
        after_seq=body.after_seq or 0,
        until_seq=body.until_seq,
        since=body.since,
        until=body.until,
        dead=body.dead_letters,
    )


def _answer(done: Replayed) -> Reply:
    cursor = None if done.next is None else cursor_of(*done.next)
    return Reply(ReplayAnswer(queued=done.queued, waiting=done.waiting, next_cursor=cursor), 202)


async def _replayable(services: Services, caller: Principal, endpoint_id: int) -> Endpoint:
    endpoint = await owned_endpoint(services, caller, endpoint_id)
    if not endpoint.enabled:
        raise Problem(409, "The endpoint is disabled: enable it first.", "wrong-state", state="disabled")
    return endpoint


async def _letter(services: Services, endpoint_id: int, letter_id: int) -> DeadLetter:
    letter = await services.deliveries.dead_letter(endpoint_id, letter_id)
    if letter is None:
        raise not_found("dead letter")
    return letter
