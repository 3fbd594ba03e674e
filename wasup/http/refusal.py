"""The answer to a request for which there is no place: made once, so that a refusal costs next to nothing."""

import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import h11
import msgspec
from hypercorn.protocol.events import EndBody, Event

from wasup.http.headers import SECURITY_HEADERS
from wasup.http.problems import MEDIA_TYPE, Problem

__all__ = ["HEALTH", "OVERLOADED", "Refused", "is_whole_soon", "refusal"]

HEALTH: Final = frozenset({"/health", "/health/live", "/health/ready"})
"""Routes that load balancers ask: they are answered however much else is asked."""

_SMALL: Final = 65_536  # a body of this size is thrown away, so that its connection can stay; it is here already
_ID: Final = b"request-id"
_DETAIL: Final = "wasup has as many requests in hand as it can answer in time; try again soon."
OVERLOADED: Final = Problem(503, _DETAIL, "overloaded", headers={"Retry-After": "1"})
_BEFORE, _AFTER = msgspec.json.encode(OVERLOADED.details(_ID.decode())).split(_ID)
_HEADERS: Final = [
    (b"content-type", MEDIA_TYPE.encode()),
    (b"content-length", str(len(_BEFORE) + len(uuid.uuid4().hex) + len(_AFTER)).encode()),
    (b"retry-after", b"1"),
    *((name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()),
]


def refusal(
    request: h11.Request, *, close: bool, more: list[tuple[bytes, bytes]]
) -> Iterator[h11.Response | h11.Data | h11.EndOfMessage]:
    """The answer 503, with a request id of its own.

    Args:
        request: what is refused.
        close: whether the connection ends with it.
        more: headers besides.
    """
    request_id = uuid.uuid4().hex.encode()
    headers = [*_HEADERS, (b"x-request-id", request_id), *more]
    if close:
        headers.append((b"connection", b"close"))
    yield h11.Response(status_code=503, headers=headers)
    if request.method != b"HEAD":
        yield h11.Data(data=_BEFORE + request_id + _AFTER)
    yield h11.EndOfMessage()


def is_whole_soon(request: h11.Request) -> bool:
    """Whether what is left of a request is so little that it can be thrown away: no body, or a small one."""
    length = 0
    for name, value in request.headers:
        if name in {b"transfer-encoding", b"expect"}:
            return False
        if name == b"content-length":
            length = int(value)
    return length <= _SMALL


class Refused:
    """Stands where Hypercorn has the stream of a request that is answered: throws the rest of it away.

    Args:
        ended: called when the rest is there.
    """

    def __init__(self, ended: Callable[[], Awaitable[None]]) -> None:
        self._ended = ended

    async def handle(self, event: Event) -> None:
        """Take a part of the request."""
        if isinstance(event, EndBody):
            await self._ended()
