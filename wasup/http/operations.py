"""Operations of the API, as declarations: one table from which routes, checks and the OpenAPI document come.

A handler is a coroutine function whose first parameter is `call: Call[Query, Body]`; path parameters follow by
name. The two type arguments say what the query string and the body must look like, so that nothing is declared
twice: `Routes` reads them from the annotation, and mypy checks their use.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, get_args, get_type_hints

import msgspec
from quart.wrappers.response import ResponseBody
from werkzeug.datastructures import Headers

from wasup.http.auth import Doorkeeper, Principal, Scope
from wasup.http.running import RunSettings
from wasup.http.services import Services
from wasup.http.streaming.desk import Desk

__all__ = ["Call", "NoBody", "NoQuery", "Operation", "Raw", "Reply", "Routes", "Streamed", "Upload"]

Q = TypeVar("Q")
B = TypeVar("B")
Handler = Callable[..., Awaitable["Reply"]]
H = TypeVar("H", bound=Handler)


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No query parameters."""


class NoBody(msgspec.Struct, frozen=True):
    """An answer without a body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Q, B]):
    """One request, checked: what a handler gets.

    Attributes:
        base_url: scheme and host that the client used, for addresses in answers.
        address: where the request came from.
        running: settings that change at run time.
        door: who is let in; to be told when a key is revoked.
        desk: opens streams.
    """

    services: Services
    caller: Principal
    query: Q
    body: B
    headers: Headers
    base_url: str
    address: str
    running: RunSettings
    door: Doorkeeper
    desk: Desk


class Upload(msgspec.Struct, frozen=True):
    """A body that is a file: taken as it is, whatever it is.

    Attributes:
        mime: as the client declares it.
    """

    data: bytes
    mime: str


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer that is not JSON."""

    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that goes on until one side ends it."""

    body: ResponseBody
    content_type: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a value that becomes JSON, `Raw`, or `Streamed`; None for no body."""

    value: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path.

    Attributes:
        path: with parameters as in `/api/accounts/<id:account_id>`.
        scope: what the caller's key must allow; None for a public route.
        answers: status -> (description, type of the JSON body; None for no body).
        media: content types of the `Raw` answers that a 200 can also be.
        errors: statuses of errors besides those that every operation of this shape can have.
        media_body: the body may hold media: the larger limit holds.
        located: a 201 or 202 says in `Location` where the new thing is.
        headers: request headers that matter: name -> description.
        streamed: its answer is `Streamed`.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    description: str
    scope: Scope | None
    query: type[msgspec.Struct]
    body: Any
    answers: Mapping[int, tuple[str, Any]]
    media: tuple[str, ...]
    errors: tuple[int, ...]
    headers: Mapping[str, str]
    media_body: bool
    located: bool
    streamed: bool
    handler: Handler

    @property
    def audited(self) -> bool:
        """Whether it changes something that the audit log tells of; messages tell of themselves."""
        return self.method != "GET" and self.scope not in {None, Scope.SEND}

    @property
    def tagged(self) -> bool:
        """Whether its answers carry an entity tag, so that a client that has one already gets 304."""
        return self.method == "GET" and self.scope is Scope.READ and not self.streamed

    @property
    def problems(self) -> list[int]:
        """Every status of an error that the operation can answer with."""
        statuses = {500, 503, *self.errors}
        if self.scope is not None:
            statuses |= {401, 403}
        statuses.add(429)
        if self.body is Upload:
            statuses |= {408, 413, 422}
        elif self.body is not None:
            statuses |= {400, 408, 413, 415, 422}
        if self.query.__struct_fields__ or self.body is None:
            statuses.add(422)  # unknown query parameters are mistakes too
        return sorted(statuses - set(self.answers))


class Routes:
    """The operations of one resource, collected by a decorator; a plain table, bound to nothing."""

    def __init__(self, tag: str, description: str) -> None:
        self.tag = tag
        self.description = description
        self.operations: list[Operation] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        scope: Scope | None,
        answers: Mapping[int, tuple[str, Any]],
        errors: tuple[int, ...] = (),
        media: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        media_body: bool = False,
        located: bool = False,
        streamed: bool = False,
    ) -> Callable[[H], H]:
        """Declare an operation; summary and description are the handler's docstring."""

        def declare(handler: H) -> H:
            query, body = get_args(get_type_hints(handler)["call"])
            summary, _, description = (handler.__doc__ or "").partition("\n")
            self.operations.append(
                Operation(
                    method=method,
                    path=path,
                    name=f"{handler.__name__}",
                    tag=self.tag,
                    summary=summary.strip(),
                    description=" ".join(description.split()),
                    scope=scope,
                    query=query,
                    body=None if body is type(None) else body,
                    answers=answers,
                    media=media,
                    errors=errors,
                    headers=headers or {},
                    media_body=media_body or body is Upload,
                    located=located,
                    streamed=streamed,
                    handler=handler,
                )
            )
            return handler

        return declare
