"""Mounts the old routes: each a path, a method and a function; unknown paths while the old routes are switched off."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import structlog
from quart import Response, g, request
from quart_schema import hide
from quart_trio import QuartTrio

from wasup.http.auditing import record_change
from wasup.http.auth import NOBODY, Scope
from wasup.http.errors import problem_of
from wasup.http.legacy import messages, sessions
from wasup.http.legacy.door import LegacyDoor
from wasup.http.legacy.requests import LegacyCall, LegacyError
from wasup.http.parsing import read_body
from wasup.http.problems import not_found
from wasup.http.services import Services

__all__ = ["LEGACY_ROUTES", "mount_legacy"]

Handler = Callable[..., Awaitable[dict[str, Any]]]

_log = structlog.get_logger(__name__)
_encode: Final = msgspec.json.Encoder().encode

LEGACY_ROUTES: Final[tuple[tuple[str, str, Scope | None, Handler], ...]] = (
    ("POST", "/api/sessions", Scope.MANAGE, sessions.create_session),
    ("GET", "/api/sessions", Scope.READ, sessions.list_sessions),
    ("GET", "/api/sessions/<session_id>/status", Scope.READ, sessions.session_status),
    ("GET", "/api/sessions/<session_id>/metadata", Scope.READ, sessions.session_metadata),
    ("PUT", "/api/sessions/<session_id>/metadata", Scope.READ, sessions.update_metadata),
    ("DELETE", "/api/sessions/<session_id>", Scope.MANAGE, sessions.delete_session),
    ("POST", "/api/sessions/<session_id>/reconnect", Scope.MANAGE, sessions.reconnect_session),
    ("POST", "/api/sessions/<session_id>/regenerate-qr", Scope.MANAGE, sessions.regenerate_qr),
    ("POST", "/api/messages/send", Scope.SEND, messages.send_message),
    ("POST", "/api/messages/send-media", Scope.SEND, messages.send_media),
    ("POST", "/api/messages/bulk-send", Scope.SEND, messages.bulk_send),
    ("POST", "/api/messages/mark-read", Scope.SEND, messages.mark_read),
    ("GET", "/api/messages/<name>/status", Scope.READ, messages.message_status),
    ("GET", "/api/messages/<session_id>/validate", Scope.READ, messages.validate_session),
    ("GET", "/api/internal/sessions/<session_id>/last-activity", None, sessions.last_activity),
    ("POST", "/sessions/<session_id>/logout", Scope.MANAGE, sessions.logout_session),
    ("GET", "/sessions/<session_id>/status", Scope.READ, sessions.session_status),
)
"""Method, path, the scope that the key needs (None: no key is asked for), and what answers."""


def mount_legacy(app: QuartTrio, services: Services, door: LegacyDoor) -> None:
    """Add the old routes to the application. They stand in no OpenAPI document."""
    for method, path, scope, handler in LEGACY_ROUTES:
        app.add_url_rule(
            path,
            endpoint=f"legacy.{handler.__name__}.{method}.{path}",
            view_func=hide(_view(services, door, scope, handler)),
            methods=[method],
            provide_automatic_options=False,
        )


def _view(services: Services, door: LegacyDoor, scope: Scope | None, handler: Handler) -> Any:
    async def view(**path: str) -> Response:
        if not door.running.values.legacy_enabled:
            raise not_found("route")
        try:
            given = {**request.args.to_dict(), **await _body(services)}
            caller = NOBODY
            if scope is not None:
                caller = await door.enter(given, request.headers, g.address)
                if not caller.has(scope):
                    raise LegacyError(401, "Invalid API key")
            call = LegacyCall(services=services, running=door.running, caller=caller, given=given)
            answer = await handler(call, **path)
            if scope is Scope.MANAGE:
                whose = caller.workspace_id or call.number("workspace_id")
                await record_change(services, handler.__name__, workspace_id=whose, key_id=caller.key_id, status=200)
            return _answer(200, answer)
        except LegacyError as error:
            # Paths without /api ask for no key of anybody who has none: there was no such route.
            if error.status == 401 and request.path.startswith("/sessions/"):
                return _answer(404, {"error": "Endpoint not found", "path": request.path, "method": request.method})
            return _answer(error.status, {"error": error.error, **error.more}, error.headers)
        except Exception as error:  # noqa: BLE001 - every error has the old shape here
            problem = problem_of(error)
            if problem.status == 500:
                _log.error("legacy.failed", route=handler.__name__, request_id=g.request_id, exc_info=error)
            return _answer(problem.status, {"error": problem.detail}, problem.headers)

    return view


async def _body(services: Services) -> dict[str, Any]:
    """The fields of a JSON body; a missing one has none, also of a DELETE."""
    data = await read_body(request, services.settings.max_body)
    if not data:
        return {}
    try:
        fields = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise LegacyError(400, "Invalid JSON") from None
    if not isinstance(fields, dict):
        raise LegacyError(400, "Invalid JSON")
    return fields


def _answer(status: int, body: dict[str, Any], headers: Any = None) -> Response:
    response = Response(_encode(body), status=status, content_type="application/json")
    response.headers.update(headers or {})
    return response
