"""Problem details (RFC 9457): the one shape of every error that a client can get."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec

from wasup.actors.messages import Refusal, Refused

__all__ = ["MEDIA_TYPE", "REFUSALS", "TITLES", "FieldError", "Problem", "ProblemDetails", "invalid_field", "refused"]

MEDIA_TYPE: Final = "application/problem+json"

TITLES: Final[dict[int, str]] = {
    400: "The request cannot be read",
    401: "An API key is needed",
    403: "The API key may not do that",
    404: "There is no such thing",
    405: "The method is not allowed here",
    406: "No acceptable format",
    408: "The request took too long to arrive",
    409: "Not possible in this state",
    410: "It is no more",
    413: "The body is too large",
    414: "The address is too long",
    415: "The media type is not accepted",
    422: "The request is not valid",
    426: "Another protocol is needed",
    429: "Too many requests",
    500: "An error inside wasup",
    503: "Not available now",
    502: "What was asked elsewhere failed",
    507: "No capacity left",
}
"""Every status of an error, with its title. What is not here does not leave the server."""


class FieldError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One mistake in a request.

    Attributes:
        detail: what is wrong.
        pointer: where in the body, a JSON pointer as URI fragment (`#/text/body`).
        parameter: which query parameter or header, if it was not the body.
    """

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every error.

    Attributes:
        type: `about:blank`, or a stable name of this kind of problem.
        title: the same for all problems with this status.
        status: the HTTP status again.
        detail: what went wrong this time, for people.
        request_id: also in the `X-Request-Id` header and in wasup's log.
        state: what the account is doing (409 only).
        errors: the mistakes in the request (422 only).
    """

    # A factory, so that the type is sent even when it is the default.
    type: str = msgspec.field(default_factory=lambda: "about:blank")
    title: str
    status: int
    detail: str
    request_id: str | None = None
    state: str | None = None
    errors: tuple[FieldError, ...] = ()


@dataclass(slots=True)
class Problem(Exception):  # noqa: N818 - it is the word of RFC 9457
    """An answer that is not the one hoped for; handlers raise it, `errors.py` turns it into a response.

    Attributes:
        name: short name of the kind of problem, the end of its `type` URN; empty for none.
    """

    status: int
    detail: str
    name: str = ""
    state: str | None = None
    errors: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.status} {self.detail}"

    def details(self, request_id: str) -> ProblemDetails:
        """The body to send."""
        return ProblemDetails(
            type=f"urn:wasup:problem:{self.name}" if self.name else "about:blank",
            title=TITLES.get(self.status, HTTPStatus(self.status).phrase),
            status=self.status,
            detail=self.detail,
            request_id=request_id,
            state=self.state,
            errors=self.errors,
        )


def invalid_field(detail: str, *, pointer: str | None = None, parameter: str | None = None) -> Problem:
    """A 422 for one field of the body, or one query parameter or header."""
    where = parameter or ("The body" if pointer == "#" else pointer)
    text = f"{where}: {detail}" if where else detail
    return Problem(422, text, "invalid", errors=(FieldError(detail=detail, pointer=pointer, parameter=parameter),))


REFUSALS: Final[dict[Refusal, tuple[int, str]]] = {
    Refusal.WRONG_STATE: (409, "wrong-state"),
    Refusal.AT_CAPACITY: (507, "at-capacity"),
    Refusal.RATE_LIMITED: (429, "rate-limited"),
    Refusal.UNAVAILABLE: (503, "unavailable"),
    Refusal.NOT_SUPPORTED: (422, "not-supported"),
    Refusal.INVALID: (422, "contradiction"),
    Refusal.UNKNOWN: (404, ""),
    Refusal.GONE: (410, "gone"),
}
"""What an account's actor may refuse, as HTTP status and problem name."""


_UNAVAILABLE: Final = (
    "The account takes no commands now: wasup is starting, the account is being restarted, or the database is away."
)


def refused(answer: Refused) -> Problem:
    """The problem that a refusal is answered with."""
    status, name = REFUSALS[answer.refusal]
    # What keeps an actor from answering is told by exceptions, whose words are for the log and not for clients.
    detail = _UNAVAILABLE if status == 503 else answer.detail or TITLES[status]
    retry_after = answer.retry_after
    if retry_after is None and status in {429, 503}:
        retry_after = 1.0
    headers = None if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
    if status == 404:
        return not_found("account")
    return Problem(status, detail, name, state=answer.status, headers=headers)


def not_found(what: str) -> Problem:
    """A 404 that tells nothing but what was asked for: another workspace's things look the same as none."""
    return Problem(404, f"There is no such {what}.")
