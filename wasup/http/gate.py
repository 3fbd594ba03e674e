"""What is refused anyway is refused before it costs anything: from the bytes of its head, without parsing them twice.

An answer from the application costs a millisecond, and even a refusal by way of h11 a quarter of that. A client that
asks ten times as often as it may would so take the time of all others. Here the head of a request is looked at with
one pattern. It knows plain requests that are there as a whole, and nothing else: whatever it does not know (a body that
is still to come, an upgrade, two requests at once, what is no HTTP at all) goes the usual way, where it is parsed and
refused, or answered, by the book. So the gate can only ever save work, and never understands a request differently.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from wasup.http.headers import SECURITY_HEADERS
from wasup.http.limits import KEY_OVERUSED, too_many
from wasup.http.places import Places
from wasup.http.problems import MEDIA_TYPE, Problem
from wasup.http.refusal import HEALTH, OVERLOADED

__all__ = ["Gate", "Overused", "caller_of"]

Overused = Callable[[str], float]
"""Seconds until this API key may be used again; 0 when that is now, or the key is not known."""

_FIELD: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ \t]*[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?[ \t]*\r\n"
_PLAIN: Final = re.compile(rb"([A-Z]{3,7}) (/[\x21-\x7e]*) HTTP/1\.1\r\n((?:" + _FIELD + rb"){1,100})\r\n")
_LINE: Final = re.compile(rb"([^:]+):[ \t]*(.*?)[ \t]*\r\n")
_NOT_PLAIN: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"te", b"trailer"})
_KEYED: Final = b"/api/"  # what lies elsewhere may ask for no key, and then none is counted
_ALWAYS: Final = frozenset(path.encode() for path in HEALTH)
_REQUEST_ID: Final = re.compile(rb"[0-9A-Za-z._-]{1,64}")
_LENGTH: Final = re.compile(rb"[0-9]{1,6}")
_FIXED: Final = "".join(
    f"{name.lower()}: {value}\r\n" for name, value in (("Content-Type", MEDIA_TYPE), *SECURITY_HEADERS.items())
).encode()


class Gate:
    """Looks at requests as they arrive.

    Args:
        places: for requests in hand.
        overused: knows keys that are used too often.
    """

    def __init__(self, places: Places, overused: Overused) -> None:
        self._places = places
        self._overused = overused

    def refuse(self, data: bytes, more: Callable[[], list[tuple[bytes, bytes]]]) -> bytes | None:
        """The whole answer to what has arrived, if it is a plain request that is to be refused; else None.

        Args:
            data: what has arrived since the last request's end.
            more: tells headers besides, for each answer anew.
        """
        plain = _plain(data)
        if plain is None:
            return None
        method, target, headers = plain
        if target.partition(b"?")[0] in _ALWAYS:
            return None
        wait = self._overused(_key(headers)) if target.startswith(_KEYED) else 0.0
        if wait > 0:
            problem = too_many(KEY_OVERUSED, wait)
        elif not self._places.have_room(caller_of(headers)):
            self._places.refused += 1
            problem = OVERLOADED
        else:
            return None
        given = headers.get(b"x-request-id", b"")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex.encode()
        return _answer(problem, request_id, more(), headless=method == b"HEAD")


def _plain(data: bytes) -> tuple[bytes, bytes, dict[bytes, bytes]] | None:
    """Method, target and headers of a request that is there as a whole, with nothing after it."""
    found = _PLAIN.match(data)
    if found is None:
        return None
    method, target, lines = found.groups()
    fields = _LINE.findall(lines)
    headers = {name.lower(): value for name, value in fields}
    if len(headers) != len(fields) or b"host" not in headers or not _NOT_PLAIN.isdisjoint(headers):
        return None
    if headers.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    length = headers.get(b"content-length", b"0")
    if not _LENGTH.fullmatch(length) or len(data) != found.end() + int(length):
        return None
    return method, target, headers


def caller_of(headers: Mapping[bytes, bytes]) -> str:
    """Whose a request is: the key that it carries, or else its cookie, good or not; empty for nobody's."""
    return _key(headers) or headers.get(b"cookie", b"").decode("latin-1")


def _key(headers: Mapping[bytes, bytes]) -> str:
    """The API key that a request carries; it is not told here whether it is one."""
    bearer = headers.get(b"authorization")
    if bearer is None:
        return headers.get(b"x-api-key", b"").decode("latin-1")
    return bearer.partition(b" ")[2].strip().decode("latin-1")


def _answer(problem: Problem, request_id: bytes, more: list[tuple[bytes, bytes]], *, headless: bool) -> bytes:
    body = msgspec.json.encode(problem.details(request_id.decode("ascii")))
    fields = [(name.lower().encode(), value.encode()) for name, value in (problem.headers or {}).items()]
    fields += [(b"content-length", str(len(body)).encode()), (b"x-request-id", request_id), *more]
    head = b"HTTP/1.1 %d \r\n" % problem.status + _FIXED + b"".join(b"%s: %s\r\n" % field for field in fields) + b"\r\n"
    return head if headless else head + body
