"""Bodies of requests and answers about webhook endpoints and deliveries."""

import base64
import binascii
import re
import secrets
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec

from wasup.http.cursors import Id
from wasup.http.problems import invalid_field
from wasup.ports.events import EVENT_TYPES
from wasup.ports.outbox import Endpoint, EndpointFormat

__all__ = [
    "ChangeEndpoint",
    "CreateEndpoint",
    "EndpointDetail",
    "EndpointView",
    "Replay",
    "ReplayAnswer",
    "RotateSecret",
    "TestAnswer",
    "check_endpoint",
    "check_secret",
    "endpoint_view",
    "new_secret",
]

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_RESERVED: Final = re.compile(
    r"(?i)host|connection|content-.*|transfer-encoding|te|trailer|upgrade|keep-alive|accept|user-agent|"
    r"webhook-.*|wasup-.*|x-timestamp|x-hmac-signature|x-instance-url"
)
_MAX_HEADERS: Final = 20

Url = Annotated[str, msgspec.Meta(min_length=8, max_length=2048)]
Secret = Annotated[str, msgspec.Meta(min_length=8, max_length=255)]
BatchEvents = Annotated[int, msgspec.Meta(ge=1, le=500, description="At most so many events in one POST.")]
BatchWait = Annotated[int, msgspec.Meta(ge=0, le=10_000, description="Milliseconds that a POST waits for more events.")]
Seq = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class CreateEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events are to go.

    Attributes:
        url: of a `legacy` endpoint the back end's address, to which its paths are added.
        events: types that are delivered; empty for all.
        format: `native` (Standard Webhooks), or `legacy`: as the service before wasup did.
        headers: sent along with every delivery.
        secret: made by wasup if left out. Natively `whsec_` and 24 to 64 bytes in base64.
        batch_events: more than 1 makes every POST a batch.
        workspace_id: only an admin key names the workspace.
    """

    url: Url
    events: tuple[str, ...] = ()
    format: EndpointFormat = EndpointFormat.NATIVE
    headers: dict[str, str] = {}
    secret: Secret | None = None
    batch_events: BatchEvents = 1
    batch_wait_ms: BatchWait = 0
    workspace_id: Id | None = None


class ChangeEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change; what is left out stays."""

    url: Url | msgspec.UnsetType = msgspec.UNSET
    events: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    headers: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    batch_events: BatchEvents | msgspec.UnsetType = msgspec.UNSET
    batch_wait_ms: BatchWait | msgspec.UnsetType = msgspec.UNSET


class RotateSecret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new secret.

    Attributes:
        secret: made by wasup if left out.
        overlap_hours: for so long deliveries are signed with the old one too (natively).
    """

    secret: Secret | None = None
    overlap_hours: Annotated[int, msgspec.Meta(ge=0, le=168)] = 24


class EndpointView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook endpoint; times are UTC epoch milliseconds.

    `secret` is there only in the answer that made it: it cannot be shown again. `failing_since` tells since when
    nothing has got through; after five days wasup disables the endpoint.
    """

    id: int
    workspace_id: int
    url: str
    format: EndpointFormat
    events: tuple[str, ...]
    headers: dict[str, str]
    batch_events: int
    batch_wait_ms: int
    state: Literal["active", "paused", "disabled"]
    disabled_reason: str | None
    failing_since: int | None
    old_secret_until: int | None
    secret: str | None = None


class EndpointDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook endpoint, with the deliveries that wait for it and those that were given up."""

    endpoint: EndpointView
    waiting: int
    dead_letters: int


class TestAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a test event: `delivered`, `failed`, `refused` (by wasup) or `gone`, with the status or error."""

    __test__ = False  # for pytest

    outcome: str
    detail: str


class Replay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events are to be delivered again; whatever is given must hold, and something must be given.

    Attributes:
        event_ids: these events.
        account_id: of this account.
        after_seq: with a later `account_seq` (needs `account_id`).
        until_seq: up to this `account_seq`.
        since: from this time on, UTC epoch milliseconds.
        until: before this time.
        dead_letters: only what was given up.
        cursor: goes on where the last call ended.
    """

    event_ids: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=500)] | None = None
    account_id: Id | None = None
    after_seq: Seq | None = None
    until_seq: Seq | None = None
    since: Seq | None = None
    until: Seq | None = None
    dead_letters: bool = False
    cursor: str | None = None


class ReplayAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay did: `queued` again; `waiting` for their delivery anyway. `next_cursor` when there are more."""

    queued: int
    waiting: int
    next_cursor: str | None = None


def endpoint_view(endpoint: Endpoint, *, secret: str | None = None) -> EndpointView:
    """An endpoint as clients see it; with its secret only when it is new."""
    return EndpointView(
        id=endpoint.id,
        workspace_id=endpoint.workspace_id,
        url=endpoint.url,
        format=endpoint.format,
        events=endpoint.events,
        headers=endpoint.headers,
        batch_events=endpoint.batch_events,
        batch_wait_ms=round(endpoint.batch_wait * 1000),
        state="disabled" if not endpoint.enabled else "paused" if endpoint.paused else "active",
        disabled_reason=endpoint.disabled_reason,
        failing_since=endpoint.failing_since,
        old_secret_until=endpoint.previous_until,
        secret=secret,
    )


def new_secret() -> str:
    """A signing secret as Standard Webhooks wants it: `whsec_` and 24 to 64 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def check_endpoint(
    *, url: str, events: tuple[str, ...], headers: dict[str, str], kind: EndpointFormat, batch_events: int
) -> None:
    """Make sure that an endpoint's parts make sense.

    Raises:
        Problem: 422.
    """
    _check_url(url)
    for index, name in enumerate(events):
        if name not in EVENT_TYPES:
            raise invalid_field(f"is no event; there are {', '.join(EVENT_TYPES)}", pointer=f"#/events/{index}")
    if len(headers) > _MAX_HEADERS:
        raise invalid_field(f"may hold {_MAX_HEADERS} headers at most", pointer="#/headers")
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise invalid_field(f"{name!r} is no name of a header", pointer="#/headers")
        if _RESERVED.fullmatch(name):
            raise invalid_field(f"{name} is set by wasup", pointer="#/headers")
        if len(value) > 1000 or not value.isascii() or not value.isprintable():
            raise invalid_field(f"the value of {name} must be printable ASCII", pointer="#/headers")
    if kind is EndpointFormat.LEGACY and batch_events > 1:
        raise invalid_field("the legacy format knows no batches", pointer="#/batch_events")


def check_secret(secret: str, kind: EndpointFormat) -> None:
    """Make sure that a secret can be signed with.

    Raises:
        Problem: 422.
    """
    if kind is EndpointFormat.LEGACY:
        if not secret.isprintable():
            raise invalid_field("must be printable", pointer="#/secret")
        return
    try:
        size = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not secret.startswith("whsec_") or not 24 <= size <= 64:
        raise invalid_field("must be whsec_ and 24 to 64 bytes in base64", pointer="#/secret")


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
