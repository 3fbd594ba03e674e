"""Requests of the native format, by Standard Webhooks (standardwebhooks.com).

One event is `{"type", "timestamp", "data"}`; a batch is `{"events": [{"id", "type", "timestamp", "account_seq",
"previous_seq", "replay", "data"}, …]}`. `webhook-id` is the event's stable id, or one made of the ids in a batch;
`webhook-timestamp` is the time of this attempt.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from wasup import __version__
from wasup.ports.outbox import Endpoint, PendingEvent
from wasup.webhooks.fitting import fit
from wasup.webhooks.transport import Headers

__all__ = ["native_request", "sign"]

_encode = msgspec.json.Encoder().encode


class _Single(msgspec.Struct):
    type: str
    timestamp: str
    data: msgspec.Raw


class _Member(msgspec.Struct, omit_defaults=True):
    id: str
    type: str
    timestamp: str
    account_seq: int
    previous_seq: int
    data: msgspec.Raw
    replay: bool = False


class _Batch(msgspec.Struct):
    events: list[_Member]


def native_request(
    endpoint: Endpoint, events: Sequence[PendingEvent], *, now_ms: int, link: str
) -> tuple[Headers, bytes]:
    """Headers and body of one POST.

    Args:
        endpoint: where it goes; an endpoint that takes batches gets every POST in their form.
        events: one or more, in order.
        now_ms: the time of this attempt, UTC epoch ms.
        link: address below which `/{event id}` shows what was cut.

    Raises:
        ValueError: a secret is malformed.
    """
    first = events[0]
    if endpoint.batch_events > 1:
        delivery_id = _batch_id(events)
        body = _encode(_Batch([_member(event, link) for event in events]))
        more: list[tuple[str, str]] = []
    else:
        delivery_id = first.id
        body = _encode(_Single(first.type, _iso(first.created_at), msgspec.Raw(fit(first, link))))
        more = [("wasup-account-seq", str(first.account_seq)), ("wasup-previous-seq", str(first.previous_seq))]
        if first.replay:
            more.append(("wasup-replay", "true"))
    headers = [
        *endpoint.headers.items(),
        ("Content-Type", "application/json"),
        ("User-Agent", f"wasup/{__version__}"),
        ("webhook-id", delivery_id),
        ("webhook-timestamp", str(now_ms // 1000)),
        ("webhook-signature", sign(endpoint.secrets(now_ms), delivery_id, now_ms // 1000, body)),
        *more,
    ]
    return headers, body


def sign(secrets: Sequence[str], delivery_id: str, seconds: int, body: bytes) -> str:
    """The signatures of a body, one for each secret.

    Raises:
        ValueError: a secret is malformed.
    """
    # The library takes a naive time as UTC whatever the machine's zone is, so it is given an aware one.
    when, text = datetime.fromtimestamp(seconds, UTC), body.decode()
    return " ".join(_signer(secret).sign(delivery_id, when, text) for secret in secrets)


@lru_cache(maxsize=1024)
def _signer(secret: str) -> Webhook:
    try:
        return Webhook(secret)
    except EmptyWebhookSecretError as error:
        raise ValueError(f"bad secret: {error}") from None


def _member(event: PendingEvent, link: str) -> _Member:
    return _Member(
        event.id,
        event.type,
        _iso(event.created_at),
        event.account_seq,
        event.previous_seq,
        msgspec.Raw(fit(event, link)),
        event.replay,
    )


def _batch_id(events: Sequence[PendingEvent]) -> str:
    """The same events in the same order have the same id, however often they are tried."""
    return "bat_" + hashlib.sha256(" ".join(event.id for event in events).encode()).hexdigest()[:32]


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
