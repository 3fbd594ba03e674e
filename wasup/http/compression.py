"""gzip for answers that are worth it, and entity tags."""

import hashlib
import zlib
from typing import Final

import trio
from quart import Response
from quart.wrappers.response import DataBody
from werkzeug.datastructures import Headers

__all__ = ["SMALLEST", "compress", "entity_tag", "is_compressible", "matches", "takes_gzip"]

SMALLEST: Final = 1024  # below that the headers are the larger part
_ASIDE: Final = 32_768  # from here on it takes so long that a thread does it
_GZIP: Final = 31  # zlib's name for the format, with the largest window
_COMPRESSIBLE: Final = (
    "application/json",
    "application/problem+json",
    "application/manifest",
    "text/",
    "image/svg+xml",
)


async def compress(response: Response, accepted: str) -> None:
    """Compress a finished answer in place, if the client takes it so and it is text of some length."""
    body = response.response
    if not isinstance(body, DataBody) or len(body.data) < SMALLEST or "Content-Encoding" in response.headers:
        return
    if not is_compressible(response.content_type or ""):
        return
    response.headers.add("Vary", "Accept-Encoding")
    if not takes_gzip(accepted):
        return
    if len(body.data) >= _ASIDE:
        small = await trio.to_thread.run_sync(_gzip, body.data)
    else:
        small = _gzip(body.data)
    response.set_data(small)
    response.headers["Content-Encoding"] = "gzip"
    tag = response.headers.get("ETag")
    if tag is not None and not tag.startswith("W/"):
        response.headers["ETag"] = f"W/{tag}"  # other bytes, the same meaning


def _gzip(data: bytes) -> bytes:
    # One call into the library, which lets other threads run for as long as it takes.
    return zlib.compress(data, level=3, wbits=_GZIP)


def is_compressible(content_type: str) -> bool:
    """Whether this is text: everything else is compressed already, or cannot be."""
    return content_type.startswith(_COMPRESSIBLE)


def takes_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` header allows gzip."""
    for part in accepted.lower().split(","):
        name, _, weight = part.strip().partition(";")
        if name.strip() in {"gzip", "x-gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def entity_tag(content: bytes) -> str:
    """A strong tag of some content."""
    return f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'


def matches(headers: Headers, tag: str) -> bool:
    """Whether the client has this already (RFC 9110 section 13.1.2: compared weakly)."""
    asked = headers.get("If-None-Match", "")
    return asked.strip() == "*" or tag in {part.strip().removeprefix("W/") for part in asked.split(",")}
