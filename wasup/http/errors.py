"""Every error as problem details: what handlers raise, what libraries raise, and what nobody expected."""

import contextlib
import logging
from collections.abc import Mapping
from typing import Final

import msgspec
import trio
from quart import Response, g, has_request_context, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from wasup.http.problems import MEDIA_TYPE, TITLES, Problem
from wasup.ports.store import Conflict, DatabaseUnavailable, NotOwner
from wasup.supervisor import ActorEnded, AskTimeout, InBackoff, MailboxFull

__all__ = ["answer_error", "log_defect", "problem_of", "problem_response"]

_log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()

_DETAILS: Final[Mapping[int, str]] = {
    400: "The request cannot be understood.",
    404: "There is no such route; /docs lists them all.",
    408: "The body did not arrive in time.",
    413: "The body is larger than this server reads.",
}
_SOON: Final = {"Retry-After": "1"}


def problem_of(error: BaseException) -> Problem:
    """The problem that an exception stands for; 500 for what is a defect of ours."""
    match error:
        case Problem():
            return error
        case MethodNotAllowed():
            allowed = ", ".join(sorted(error.valid_methods or ()))
            return Problem(405, f"Allowed here: {allowed}.", headers={"Allow": allowed})
        case RequestEntityTooLarge():
            # The rest of the body is never read, so the connection cannot be used again.
            return Problem(413, _DETAILS[413], "too-large", headers={"Connection": "close"})
        case HTTPException(code=int(code)) if 400 <= code < 500:
            status = code if code in TITLES else 400
            return Problem(status, _DETAILS.get(status, TITLES[status] + "."))
        case DatabaseUnavailable():
            return Problem(503, "The database is away; try again soon.", "database-unavailable", headers=_SOON)
        case NotOwner():
            return Problem(503, "Another instance has taken over this account.", "not-owner", headers=_SOON)
        case Conflict():
            return Problem(422, str(error) or "The request contradicts what is stored.", "contradiction")
        case trio.TooSlowError() | AskTimeout():
            return Problem(503, "The account did not answer in time; try again.", "no-answer", headers=_SOON)
        case ActorEnded() | InBackoff() | MailboxFull():
            return Problem(503, "The account is being restarted or has too much to do.", "unavailable", headers=_SOON)
        case _:
            return Problem(500, "Something went wrong inside wasup. The log has it under this request id.")


async def _read_rest() -> None:
    """Read a body that nobody has read, for a moment: a mistake must not cost the client its connection."""
    if request.headers.get("Content-Length") or request.headers.get("Transfer-Encoding"):
        with trio.move_on_after(1.0), contextlib.suppress(HTTPException):
            await request.get_data(cache=False)


def problem_response(problem: Problem) -> Response:
    """The response for a problem, within a request."""
    body = _encoder.encode(problem.details(g.request_id))
    response = Response(body, status=problem.status, content_type=MEDIA_TYPE)
    response.headers.update(problem.headers or {})
    return response


def log_defect(error: BaseException, route: str) -> None:
    """Say what the client of a 500 is not told."""
    _log.error("request failed", exc_info=error, extra={"request_id": g.request_id, "route": route})


async def answer_error(error: Exception) -> Response:
    """Answer any error; the application's one error handler."""
    problem = problem_of(error)
    if not has_request_context():  # an upgrade to a WebSocket that is none: it has no body
        if problem.status == 500:
            log_defect(error, "websocket")
        return problem_response(problem)
    if problem.status not in {408, 413}:
        await _read_rest()
    if problem.status == 500:
        log_defect(error, request.url_rule.rule if request.url_rule is not None else "?")
    return problem_response(problem)
