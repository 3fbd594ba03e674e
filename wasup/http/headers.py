"""Headers that every answer carries."""

from typing import Final

from werkzeug.datastructures import Headers

__all__ = ["SECURITY_HEADERS", "secure"]

SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer that does not set them itself. CORS stays off: no other site's page may read an answer."""

_NAMES: Final = {name.lower(): name for name in SECURITY_HEADERS}


def secure(headers: Headers) -> None:
    """Add what is not there yet, with one look at what is: `setdefault` would take one for each."""
    given = {name.lower() for name, _ in headers}
    for known, name in _NAMES.items():
        if known not in given:
            headers.add(name, SECURITY_HEADERS[name])
