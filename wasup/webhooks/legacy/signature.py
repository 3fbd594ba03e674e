"""How calls to the back end are addressed and signed."""

import hashlib
import hmac

from wasup.webhooks.legacy.calls import CHAT_SYNC, WEBHOOK

__all__ = ["legacy_headers", "legacy_url", "sign"]


def legacy_url(base: str, path: str) -> str:
    """The address of a call; `base` is the back end's, with or without one of the known paths."""
    for known in (WEBHOOK, CHAT_SYNC):
        base = base.removesuffix(known)
    return base.rstrip("/") + path


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Lower-case hex of HMAC-SHA256 over the timestamp's digits and the exact bytes of the body."""
    return hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).hexdigest()


def legacy_headers(secret: str, body: bytes, *, seconds: int, instance_url: str) -> list[tuple[str, str]]:
    """The headers that the back end checks and reads; `instance_url` is where it then sends its own calls."""
    timestamp = str(seconds)
    return [
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),  # without it the rate limiter answers in HTML
        ("User-Agent", "WhatsApp-WebJS-Service/1.0"),
        ("X-Timestamp", timestamp),
        ("X-HMAC-Signature", sign(secret, timestamp, body)),
        ("X-Instance-Url", instance_url.rstrip("/")),
        ("Connection", "close"),
    ]
