"""`/api/webhook-endpoints`: where a workspace's events go."""

from typing import Final

import msgspec

from wasup.http.auth import Principal, Scope
from wasup.http.cursors import Id, Page
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import Problem, not_found
from wasup.http.services import Services
from wasup.http.tenancy import target_workspace
from wasup.http.webhook_schemas import (
    ChangeEndpoint,
    CreateEndpoint,
    EndpointDetail,
    EndpointView,
    RotateSecret,
    TestAnswer,
    check_endpoint,
    check_secret,
    endpoint_view,
    new_secret,
)
from wasup.ports.outbox import Endpoint, EndpointFormat, NewEndpoint

__all__ = ["ROUTES", "owned_endpoint"]

ROUTES: Final = Routes("webhooks", "Endpoints that events are delivered to, signed as Standard Webhooks says.")

_HOUR: Final = 3_600_000  # ms
_MOST: Final = 100  # endpoints of a workspace


@ROUTES.add(
    "GET",
    "/api/webhook-endpoints",
    scope=Scope.MANAGE,
    answers={200: ("The endpoints, without their secrets.", Page[EndpointView])},
)
async def list_endpoints(call: Call[NoQuery, None]) -> Reply:
    """List webhook endpoints."""
    rows = await call.services.outbox.endpoints(workspace_id=call.caller.workspace_id)
    return Reply(Page(data=tuple(endpoint_view(row) for row in rows)))


@ROUTES.add(
    "POST",
    "/api/webhook-endpoints",
    scope=Scope.MANAGE,
    answers={201: ("Created; the only answer that shows its secret.", EndpointView)},
    errors=(404, 409),
    located=True,
)
async def create_endpoint(call: Call[NoQuery, CreateEndpoint]) -> Reply:
    """Create a webhook endpoint.

    It gets what happens from now on; `replay` brings what happened before.
    """
    body = call.body
    check_endpoint(
        url=body.url, events=body.events, headers=body.headers, kind=body.format, batch_events=body.batch_events
    )
    secret = body.secret or new_secret()
    check_secret(secret, body.format)
    workspace_id = await target_workspace(call.services, call.caller, body.workspace_id)
    if len(await call.services.outbox.endpoints(workspace_id=workspace_id)) >= _MOST:
        raise Problem(409, f"A workspace has {_MOST} webhook endpoints at most.", "too-many-endpoints")
    new = NewEndpoint(
        url=body.url,
        secret=secret,
        events=tuple(dict.fromkeys(body.events)),
        format=body.format,
        headers=body.headers,
        batch_events=body.batch_events,
        batch_wait=body.batch_wait_ms / 1000,
    )
    made = await call.services.outbox.create_endpoint(workspace_id, new)
    call.services.webhooks.changed()
    return Reply(endpoint_view(made, secret=secret), 201, {"Location": f"/api/webhook-endpoints/{made.id}"})


@ROUTES.add(
    "GET",
    "/api/webhook-endpoints/<id:endpoint_id>",
    scope=Scope.MANAGE,
    answers={200: ("The endpoint, and how much waits for it.", EndpointDetail)},
    errors=(404,),
)
async def show_endpoint(call: Call[NoQuery, None], endpoint_id: Id) -> Reply:
    """Show a webhook endpoint."""
    found = await owned_endpoint(call.services, call.caller, endpoint_id)
    waiting, dead = (await call.services.deliveries.waiting([endpoint_id]))[endpoint_id]
    return Reply(EndpointDetail(endpoint=endpoint_view(found), waiting=waiting, dead_letters=dead))


@ROUTES.add(
    "PATCH",
    "/api/webhook-endpoints/<id:endpoint_id>",
    scope=Scope.MANAGE,
    answers={200: ("The endpoint as it is now.", EndpointView)},
    errors=(404,),
)
async def change_endpoint(call: Call[NoQuery, ChangeEndpoint], endpoint_id: Id) -> Reply:
    """Change a webhook endpoint.

    What waits goes to the new address; a new filter holds for what happens from now on.
    """
    found = await owned_endpoint(call.services, call.caller, endpoint_id)
    given = {
        name: value for name in call.body.__struct_fields__ if (value := getattr(call.body, name)) is not msgspec.UNSET
    }
    if "batch_wait_ms" in given:
        given["batch_wait"] = given.pop("batch_wait_ms") / 1000
    if "events" in given:
        given["events"] = tuple(dict.fromkeys(given["events"]))
    wanted = msgspec.structs.replace(found, **given)
    check_endpoint(
        url=wanted.url,
        events=wanted.events,
        headers=wanted.headers,
        kind=wanted.format,
        batch_events=wanted.batch_events,
    )
    return await _change(call.services, found, given)


@ROUTES.add(
    "DELETE",
    "/api/webhook-endpoints/<id:endpoint_id>",
    scope=Scope.MANAGE,
    answers={204: ("It is gone, and with it what waited for it.", None)},
    errors=(404,),
)
async def delete_endpoint(call: Call[NoQuery, None], endpoint_id: Id) -> Reply:
    """Delete a webhook endpoint."""
    await owned_endpoint(call.services, call.caller, endpoint_id)
    await call.services.outbox.delete_endpoint(endpoint_id)
    call.services.webhooks.changed()
    return Reply(None, 204)


@ROUTES.add(
    "POST",
    "/api/webhook-endpoints/<id:endpoint_id>/rotate-secret",
    scope=Scope.MANAGE,
    answers={200: ("The endpoint with its new secret: the only answer that shows it.", EndpointView)},
    errors=(404,),
)
async def rotate_secret(call: Call[NoQuery, RotateSecret], endpoint_id: Id) -> Reply:
    """Give a webhook endpoint a new secret.

    For `overlap_hours` deliveries carry two signatures, of the new and of the old secret. A legacy endpoint, whose
    format has room for one signature alone, changes at once.
    """
    found = await owned_endpoint(call.services, call.caller, endpoint_id)
    secret = call.body.secret or new_secret()
    check_secret(secret, found.format)
    overlap = 0 if found.format is EndpointFormat.LEGACY else call.body.overlap_hours
    changes: dict[str, object] = {
        "secret": secret,
        "previous_secret": found.secret if overlap else None,
        "previous_until": call.services.clock.now_ms() + overlap * _HOUR if overlap else None,
    }
    return await _change(call.services, found, changes, secret=secret)


@ROUTES.add(
    "POST",
    "/api/webhook-endpoints/<id:endpoint_id>/pause",
    scope=Scope.MANAGE,
    answers={200: ("The endpoint as it is now.", EndpointView)},
    errors=(404,),
)
async def pause_endpoint(call: Call[NoQuery, None], endpoint_id: Id) -> Reply:
    """Pause a webhook endpoint: what happens is kept for it until it is resumed."""
    return await _change(call.services, await owned_endpoint(call.services, call.caller, endpoint_id), {"paused": True})


@ROUTES.add(
    "POST",
    "/api/webhook-endpoints/<id:endpoint_id>/resume",
    scope=Scope.MANAGE,
    answers={200: ("The endpoint as it is now.", EndpointView)},
    errors=(404, 409),
)
async def resume_endpoint(call: Call[NoQuery, None], endpoint_id: Id) -> Reply:
    """Resume a paused webhook endpoint: what waits for it is due at once."""
    found = await owned_endpoint(call.services, call.caller, endpoint_id)
    if not found.enabled:
        raise Problem(409, "The endpoint is disabled, not paused: enable it.", "wrong-state", state="disabled")
    return await _enable(call, endpoint_id)


@ROUTES.add(
    "POST",
    "/api/webhook-endpoints/<id:endpoint_id>/enable",
    scope=Scope.MANAGE,
    answers={200: ("The endpoint as it is now.", EndpointView)},
    errors=(404,),
)
async def enable_endpoint(call: Call[NoQuery, None], endpoint_id: Id) -> Reply:
    """Enable a webhook endpoint.

    What waits for it is due at once, with all its tries. What happened while it was disabled was not kept for it:
    `replay` brings it.
    """
    await owned_endpoint(call.services, call.caller, endpoint_id)
    return await _enable(call, endpoint_id)


@ROUTES.add(
    "POST",
    "/api/webhook-endpoints/<id:endpoint_id>/disable",
    scope=Scope.MANAGE,
    answers={200: ("The endpoint as it is now.", EndpointView)},
    errors=(404,),
)
async def disable_endpoint(call: Call[NoQuery, None], endpoint_id: Id) -> Reply:
    """Disable a webhook endpoint: it gets nothing, and nothing is kept for it."""
    found = await owned_endpoint(call.services, call.caller, endpoint_id)
    return await _change(call.services, found, {"enabled": False, "disabled_reason": "by request"})


@ROUTES.add(
    "POST",
    "/api/webhook-endpoints/<id:endpoint_id>/test",
    scope=Scope.MANAGE,
    answers={200: ("What the endpoint answered.", TestAnswer)},
    errors=(404,),
)
async def send_test(call: Call[NoQuery, None], endpoint_id: Id) -> Reply:
    """Send a test event and wait for the answer.

    It is of the type `webhook.test`, signed like any other, and tried once, also while the endpoint is paused.
    """
    answer = await call.services.webhooks.test(await owned_endpoint(call.services, call.caller, endpoint_id))
    return Reply(TestAnswer(outcome=answer.outcome.value, detail=answer.detail))


async def owned_endpoint(services: Services, caller: Principal, endpoint_id: int) -> Endpoint:
    """The endpoint, if the caller may know of it.

    Raises:
        Problem: 404.
    """
    found = await services.outbox.endpoint(endpoint_id, workspace_id=caller.workspace_id)
    if found is None:
        raise not_found("webhook endpoint")
    return found


async def _change(
    services: Services, found: Endpoint, changes: dict[str, object], *, secret: str | None = None
) -> Reply:
    changed = await services.outbox.change_endpoint(found.id, changes) if changes else found
    if changed is None:
        raise not_found("webhook endpoint")
    services.webhooks.changed()
    return Reply(endpoint_view(changed, secret=secret))


async def _enable(call: Call[NoQuery, None], endpoint_id: int) -> Reply:
    enabled = await call.services.outbox.enable_endpoint(endpoint_id)
    if enabled is None:
        raise not_found("webhook endpoint")
    call.services.webhooks.changed()
    return Reply(endpoint_view(enabled))
