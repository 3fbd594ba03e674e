"""Turns declared operations into Quart routes: authenticate, check the request, call the handler, encode the answer."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import msgspec
from quart import Response, request
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

from wasup.http.auth import NOBODY, authenticate
from wasup.http.cursors import MAX_ID
from wasup.http.keys import KeyCache
from wasup.http.openapi import OPERATION
from wasup.http.operations import Call, NoBody, Operation, Raw, Reply
from wasup.http.parsing import read_json, read_query
from wasup.http.problems import ProblemDetails
from wasup.http.services import Services

__all__ = ["IdConverter", "mount"]

View = Callable[..., Awaitable[Response]]

_encoder: Final = msgspec.json.Encoder()

# Headers of answers, for the OpenAPI document.
_SECONDS: Final = Annotated[int, msgspec.Meta(description="Seconds.")]
_ALWAYS: Final[dict[str, Any]] = {"X-Request-Id": str}
_MADE: Final[dict[str, Any]] = {"Location": str}
_WITH_PROBLEMS: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": str},
    429: {"Retry-After": _SECONDS},
    503: {"Retry-After": _SECONDS},
}


class IdConverter(IntegerConverter):
    """A row id in a path: a positive number that a database can hold; anything else is an unknown route."""

    regex = r"[1-9][0-9]{0,18}"

    def __init__(self, rules: Map) -> None:
        super().__init__(rules, min=1, max=MAX_ID)


def mount(app: QuartTrio, operation: Operation, services: Services, keys: KeyCache) -> None:
    """Add one operation to the application."""
    app.add_url_rule(
        operation.path,
        endpoint=f"{operation.tag}.{operation.name}",
        view_func=_documented(_view(operation, services, keys), operation),
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
    if operation.body is not None:
        document_request(operation.body)(view)
    for status, (_, kind) in operation.answers.items():
        more = _MADE if operation.method == "POST" and status in {201, 202} else {}
        document_response(kind or NoBody, status, _headers(_ALWAYS | more))(view)
    for status in operation.problems:
        document_response(ProblemDetails, status, _headers(_ALWAYS | _WITH_PROBLEMS.get(status, {})))(view)
    setattr(view, OPERATION, operation)
    return view


def _headers(kinds: dict[str, Any]) -> Any:
    """A type with headers as fields, as quart-schema wants it; it makes hyphens of underscores again."""
    return msgspec.defstruct("Headers", [(name.replace("-", "_"), kind) for name, kind in kinds.items()])


def _view(operation: Operation, services: Services, keys: KeyCache) -> View:
    decoder: msgspec.json.Decoder[Any] | None = None
    if operation.body is not None:
        decoder = msgspec.json.Decoder(operation.body)

    async def view(**path: Any) -> Response:
        headers = request.headers
        caller = NOBODY
        if operation.scope is not None:
            caller = await authenticate(headers, keys, services.clock.now_ms())
            caller.require(operation.scope)
        query = read_query(request.args, operation.query)
        body = None if decoder is None else await read_json(request, decoder)
        call = Call(
            services=services, caller=caller, query=query, body=body, headers=headers, base_url=request.host_url
        )
        return _response(await operation.handler(call, **path))

    return view


def _response(reply: Reply) -> Response:
    match reply.value:
        case None:
            response = Response(b"", status=reply.status)
            response.headers.pop("Content-Type", None)
        case Raw(content, content_type):
            response = Response(content, status=reply.status, content_type=content_type)
        case value:
            response = Response(_encoder.encode(value), status=reply.status, content_type="application/json")
    response.headers.update(reply.headers)
    return response
