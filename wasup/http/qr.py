"""QR codes as text, PNG and SVG."""

import io
from functools import lru_cache
from typing import Final

import segno
import trio

__all__ = ["QR_TYPES", "render_qr"]

QR_TYPES: Final = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
}
"""Formats and their media types; `text` is the code itself, for those who draw it themselves."""


async def render_qr(code: str, kind: str) -> bytes:
    """A QR code in one of the formats, `json` apart.

    Drawing takes some 20 ms, too long for the event loop; a dashboard asks for the same one many times.
    """
    if kind == "text":
        return code.encode()
    return await trio.to_thread.run_sync(_draw, code, kind)


@lru_cache(maxsize=256)
def _draw(code: str, kind: str) -> bytes:
    out = io.BytesIO()
    segno.make_qr(code, error="l").save(out, kind=kind, scale=8, border=4)
    return out.getvalue()
