"""`/api/webhook-endpoints`: where a workspace's events go; one endpoint each for now."""

import base64
import secrets
from typing import Final
from urllib.parse import urlsplit

from wasup.http.auth import Scope
from wasup.http.cursors import Page
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import invalid_field
from wasup.http.schemas import EndpointView, PutEndpoint, endpoint_view
from wasup.http.tenancy import target_workspace
from wasup.ports.events import EVENT_TYPES

__all__ = ["ROUTES"]

ROUTES: Final = Routes("webhooks", "Endpoints that events are delivered to, signed as Standard Webhooks says.")


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
    "PUT",
    "/api/webhook-endpoints",
    scope=Scope.MANAGE,
    answers={
        200: ("Changed; its secret stays.", EndpointView),
        201: ("Created, or with a new secret: the only answer that shows it.", EndpointView),
    },
    errors=(404,),
)
async def put_endpoint(call: Call[NoQuery, PutEndpoint]) -> Reply:
    """Set the workspace's webhook endpoint."""
    body = call.body
    _check_url(body.url)
    for index, name in enumerate(body.events):
        if name not in EVENT_TYPES:
            raise invalid_field(f"is no event; there are {', '.join(EVENT_TYPES)}", pointer=f"#/events/{index}")
    workspace_id = await target_workspace(call.services, call.caller, body.workspace_id)
    present = await call.services.outbox.endpoints(workspace_id=workspace_id)
    fresh = body.rotate_secret or not present
    secret = _new_secret() if fresh else present[0].secret
    events = tuple(dict.fromkeys(body.events))
    saved = await call.services.outbox.save_endpoint(workspace_id, url=body.url, secret=secret, events=events)
    return Reply(endpoint_view(saved, secret=secret if fresh else None), 201 if fresh else 200)


def _new_secret() -> str:
    """A signing secret as Standard Webhooks wants it: `whsec_` and 24 to 64 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise invalid_field("is no address", pointer="#/url") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise invalid_field("must be an http or https address with a host", pointer="#/url")
    if parts.username is not None or parts.password is not None:
        raise invalid_field("must not hold a user name or password: deliveries are signed", pointer="#/url")
    if parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        raise invalid_field("must be ASCII without spaces and fragment", pointer="#/url")
