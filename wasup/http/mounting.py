"""Turns declared operations into Quart routes: authenticate, check the request, call the handler, encode the answer."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Annotated, Any, Final

import msgspec
from quart import Response, g, request
from quart_schema import (
    document_headers,
    document_querystring,
    document_request,
    document_response,
    security_scheme,
    tag,
)
from quart_trio import QuartTrio
from werkzeug.routing import IntegerConverter, Map

from wasup.http.auditing import record_change
from wasup.http.auth import NOBODY, Doorkeeper
from wasup.http.compression import entity_tag, matches
from wasup.http.cursors import MAX_ID
from wasup.http.openapi import OPERATION
from wasup.http.operations import Call, NoBody, Operation, Raw, Reply, Streamed, Upload
from wasup.http.parsing import read_body, read_json, read_query
from wasup.http.problems import ProblemDetails
from wasup.http.running import RunSettings
from wasup.http.services import Services
from wasup.http.streaming.desk import Desk

__all__ = ["IdConverter", "mount"]

View = Callable[..., Awaitable[Response]]

_encoder: Final = msgspec.json.Encoder()
_BASE64: Final = 4 / 3

# Headers of answers, for the OpenAPI document.
_SECONDS: Final = Annotated[int, msgspec.Meta(description="Seconds.")]
_ALWAYS: Final[dict[str, Any]] = {"X-Request-Id": str}
_MADE: Final[dict[str, Any]] = {"Location": str}
_TAGGED: Final[dict[str, Any]] = {"ETag": str}
_WITH_PROBLEMS: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": str},
    429: {"Retry-After": _SECONDS},
    503: {"Retry-After": _SECONDS},
}


class IdConverter(IntegerConverter):
    """A row id in a path: a positive number that a database can hold; anything else is an unknown route."""

    # Nothing that matches is too large to be converted: werkzeug would answer that with 405 instead of 404.
    regex = r"[1-9][0-9]{0,17}"

    def __init__(self, rules: Map) -> None:
        super().__init__(rules, min=1, max=MAX_ID)


def mount(
    app: QuartTrio, operation: Operation, services: Services, door: Doorkeeper, running: RunSettings, desk: Desk
) -> None:
    """Add one operation to the application."""
    app.add_url_rule(
        operation.path,
        endpoint=f"{operation.tag}.{operation.name}",
        view_func=_documented(_view(operation, services, door, running, desk), operation),
        methods=[operation.method],
        provide_automatic_options=False,
    )


def _documented(view: View, operation: Operation) -> View:
    """Tell quart-schema of an operation. These decorators only note things: requests are checked by `_view`."""
    notes = [operation.description] if operation.description else []
    if operation.scope is None:
        security_scheme([])(view)
    else:
        notes.append(f"Needs a key with the scope `{operation.scope}`.")
    view.__name__ = operation.name
    view.__doc__ = operation.summary + "\n" + "\n\n".join(notes)
    tag([operation.tag])(view)
    query: Any = operation.query
    document_querystring(query)(view)
    # OpenAPI leaves `Accept` to the media types of the answers.
    given = {name: text for name, text in operation.headers.items() if name != "Accept"}
    if given:
        kinds = {name: Annotated[str, msgspec.Meta(description=text)] for name, text in given.items()}
        document_headers(_headers(kinds))(view)
    if operation.body is not None and operation.body is not Upload:
        document_request(operation.body)(view)
    for status, (_, kind) in operation.answers.items():
        more = _MADE if operation.located and status in {201, 202} else {}
        if operation.tagged and status == 200:
            more = _TAGGED
        document_response(kind or NoBody, status, _headers(_ALWAYS | more))(view)
    if operation.tagged:
        document_response(NoBody, 304, _headers(_ALWAYS | _TAGGED))(view)
    for status in operation.problems:
        document_response(ProblemDetails, status, _headers(_ALWAYS | _WITH_PROBLEMS.get(status, {})))(view)
    setattr(view, OPERATION, operation)
    return view


def _headers(kinds: dict[str, Any]) -> Any:
    """A type with headers as fields, as quart-schema wants it; it makes hyphens of underscores again."""
    return _headers_type(tuple((name.replace("-", "_"), kind) for name, kind in kinds.items()))


@cache
def _headers_type(fields: tuple[tuple[str, Any], ...]) -> Any:
    return msgspec.defstruct("Headers", fields)


def _view(operation: Operation, services: Services, door: Doorkeeper, running: RunSettings, desk: Desk) -> View:
    decoder: msgspec.json.Decoder[Any] | None = None
    if operation.body is not None and operation.body is not Upload:
        decoder = msgspec.json.Decoder(operation.body)
    settings = services.settings
    limit = int(settings.max_media * _BASE64) + settings.max_body if operation.media_body else settings.max_body

    async def view(**path: Any) -> Response:
        headers = request.headers
        caller = NOBODY
        if operation.scope is not None:
            caller = await door.authenticate(headers, g.address, request.method)
            caller.require(operation.scope)
        query = read_query(request.args, operation.query)
        body: Any = None
        if operation.body is Upload:
            body = Upload(data=await read_body(request, settings.max_media), mime=request.mimetype or "")
        elif decoder is not None:
            body = await read_json(request, decoder, limit)
        call = Call(
            services=services,
            caller=caller,
            query=query,
            body=body,
            headers=headers,
            base_url=g.base_url,
            address=g.address,
            running=running,
            door=door,
            desk=desk,
        )
        reply = await operation.handler(call, **path)
        if operation.audited:
            whose, key_id = caller.workspace_id, caller.key_id
            await record_change(services, operation.name, workspace_id=whose, key_id=key_id, status=reply.status)
        return _response(reply, tagged=operation.tagged)

    return view


def _response(reply: Reply, *, tagged: bool) -> Response:
    match reply.value:
        case None:
            response = Response(b"", status=reply.status)
            response.headers.pop("Content-Type", None)
            response.headers.update(reply.headers)
            return response
        case Streamed(body, content_type):
            response = Response(b"" if request.method == "HEAD" else body, status=reply.status)
            response.content_type = content_type
            response.timeout = None
            response.headers.update(reply.headers)
            return response
        case Raw(content, content_type):
            response = Response(content, status=reply.status, content_type=content_type)
        case value:
            content = bytes(value) if isinstance(value, msgspec.Raw) else _encoder.encode(value)
            response = Response(content, status=reply.status, content_type="application/json")
    response.headers.update(reply.headers)
    if tagged and reply.status == 200:
        tag = response.headers.setdefault("ETag", entity_tag(content))
        response.headers.setdefault("Cache-Control", "private, no-cache")
        if matches(request.headers, tag):
            response.status_code = 304
            response.set_data(b"")
            response.headers.pop("Content-Type", None)
    return response
