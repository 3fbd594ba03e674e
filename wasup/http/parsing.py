"""Reading requests: the JSON body and the query string, with errors that point to the mistake."""

import math
from typing import Any

import msgspec
import trio
from quart import Request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout

from wasup.http.mistakes import mistake_of
from wasup.http.problems import Problem, invalid_field

__all__ = ["read_body", "read_json", "read_query"]


async def read_body(request: Request, limit: int) -> bytes:
    """Read a body of at most `limit` bytes, which may be less than the application reads at most.

    Raises:
        RequestEntityTooLarge: it is over the limit; what comes after the limit is never kept.
        RequestTimeout: it did not arrive in time.
    """
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge
    data = bytearray()
    with trio.move_on_after(request.body_timeout or math.inf) as deadline:
        async for part in request.body:
            data += part
            if len(data) > limit:
                raise RequestEntityTooLarge
    if deadline.cancelled_caught:
        raise RequestTimeout
    return bytes(data)


async def read_json(request: Request, decoder: msgspec.json.Decoder[Any], limit: int) -> Any:
    """Read and decode a JSON body of at most `limit` bytes.

    Raises:
        Problem: 400 when it is no JSON, 415 when it does not claim to be, 422 when it is not what was expected.
        RequestEntityTooLarge: it is over the limit; what comes after the limit is never kept.
        RequestTimeout: it did not arrive in time.
    """
    media = (request.mimetype or "").lower()
    if media != "application/json" and not media.endswith("+json"):
        detail = "Send the body as JSON, with 'Content-Type: application/json'."
        raise Problem(415, detail, "unsupported-media-type", headers={"Accept-Post": "application/json"})
    data = await read_body(request, limit)
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        _check_syntax(data)
        detail, pointer = mistake_of(str(error))
        raise invalid_field(detail, pointer=pointer) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(error) from None
    except RecursionError:
        raise _too_deep() from None


def _check_syntax(data: bytes) -> None:
    """Make sure that a body with a mistake in its content is JSON to its end: decoding stops at the first mistake."""
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(error) from None
    except RecursionError:
        raise _too_deep() from None


def _too_deep() -> Problem:
    return Problem(400, "The body is nested too deeply.", "malformed")


def _malformed(error: Exception) -> Problem:
    return Problem(400, f"The body is not valid JSON: {error}.", "malformed")


def read_query(args: MultiDict[str, str], into: type[msgspec.Struct]) -> Any:
    """Convert a query string; unknown and repeated parameters are mistakes.

    What the type names in `repeatable` are lists with commas between, in one piece or several.

    Raises:
        Problem: 422.
    """
    repeatable: frozenset[str] = getattr(into, "repeatable", frozenset())
    values: dict[str, str] = {}
    for name, value in args.items(multi=True):
        if name in values and name in repeatable:
            values[name] += "," + value
            continue
        if name in values:
            raise invalid_field("is given more than once", parameter=name)
        values[name] = value
    try:
        return msgspec.convert(values, into, strict=False)
    except msgspec.ValidationError as error:
        detail, pointer = mistake_of(str(error))
        raise invalid_field(detail, parameter=pointer.removeprefix("#/") or None) from None
