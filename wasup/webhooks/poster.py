"""One attempt at one delivery, by Standard Webhooks."""

import email.utils
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpcore
import msgspec
import trio
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from wasup import __version__
from wasup.ports.clock import Clock
from wasup.ports.store import Endpoint, PendingEvent
from wasup.ports.webhooks import Answer, Outcome
from wasup.webhooks.addresses import CheckedBackend, ForbiddenAddress

__all__ = ["WebhookPoster"]

_ANSWER_LIMIT = 64 * 1024
_RETRY_AFTER_LIMIT = 24 * 3600.0


class _Delivery(msgspec.Struct):
    type: str
    timestamp: str
    data: msgspec.Raw


class WebhookPoster:
    """Posts events of one endpoint over a few kept-alive connections.

    The body is `{"type": …, "timestamp": …, "data": …}`; `webhook-id` is the event's stable id and
    `webhook-timestamp` the time of this attempt. `wasup-account-seq` and `wasup-previous-seq` let a
    receiver see gaps without reading the body.

    Args:
        clock: time of day.
        allow_private: deliver to private networks, and over plain http.
        timeout: seconds for one whole exchange.
        connections: at most so many at once.
    """

    def __init__(self, *, clock: Clock, allow_private: bool, timeout: float, connections: int) -> None:
        self._clock = clock
        self._allow_private = allow_private
        self._timeout = timeout
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=connections,
            keepalive_expiry=30.0,
            network_backend=CheckedBackend(allow_private=allow_private),
        )

    async def post(self, endpoint: Endpoint, event: PendingEvent) -> Answer:
        """Sign and POST one event; every outcome is an answer."""
        try:
            if urlsplit(endpoint.url).scheme != "https" and not self._allow_private:
                return Answer(outcome=Outcome.REFUSED, detail="plain http is not allowed (webhooks.allow_private)")
            headers, body = self._request(endpoint, event)
        except (ValueError, EmptyWebhookSecretError) as error:  # what is stored is no address, or no secret
            return Answer(outcome=Outcome.REFUSED, detail=f"bad address or secret: {error}"[:200])
        try:
            with trio.fail_after(self._timeout):
                return await self._exchange(endpoint.url, headers, body)
        except trio.TooSlowError:
            return Answer(outcome=Outcome.FAILED, detail=f"no answer within {self._timeout:g} s")
        except ForbiddenAddress as error:
            return Answer(outcome=Outcome.REFUSED, detail=str(error))
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            return Answer(outcome=Outcome.FAILED, detail=f"{type(error).__name__}: {error}"[:200])
        except (httpcore.UnsupportedProtocol, ValueError) as error:
            return Answer(outcome=Outcome.REFUSED, detail=f"bad address: {error}"[:200])

    def _request(self, endpoint: Endpoint, event: PendingEvent) -> tuple[list[tuple[bytes | str, bytes | str]], bytes]:
        now = self._clock.now_ms() / 1000
        created = datetime.fromtimestamp(event.created_at / 1000, UTC).isoformat(timespec="milliseconds")
        body = msgspec.json.encode(_Delivery(type=event.type, timestamp=created, data=msgspec.Raw(event.body)))
        headers: list[tuple[bytes | str, bytes | str]] = [
            ("Content-Type", "application/json"),
            ("User-Agent", f"wasup/{__version__}"),
            ("webhook-id", event.id),
            ("webhook-timestamp", str(int(now))),
            ("webhook-signature", _sign(endpoint.secret, event.id, now, body)),
            ("wasup-account-seq", str(event.account_seq)),
            ("wasup-previous-seq", str(event.previous_seq)),
        ]
        return headers, body

    async def _exchange(self, url: str, headers: list[tuple[bytes | str, bytes | str]], body: bytes) -> Answer:
        async with self._pool.stream("POST", url, headers=headers, content=body) as response:
            await _read_some(response)
            if 200 <= response.status < 300:
                return Answer(outcome=Outcome.DELIVERED, detail=str(response.status))
            if response.status == 410:
                return Answer(outcome=Outcome.GONE, detail="410")
            named = {name.lower(): value for name, value in response.headers}
            wait = _seconds(named.get(b"retry-after"), self._clock.now_ms() / 1000)
            return Answer(outcome=Outcome.FAILED, detail=str(response.status), retry_after=wait)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


async def _read_some(response: httpcore.Response) -> None:
    """Read the answer, so that its connection can be used again; one that is too long costs it its connection."""
    size = 0
    # Ended by cancellation, not by leaving the loop: httpcore nests generators, and only so all of them are closed.
    with trio.CancelScope() as enough:
        async for chunk in response.aiter_stream():
            size += len(chunk)
            if size > _ANSWER_LIMIT:
                enough.cancel()


def _sign(secret: str, event_id: str, now: float, body: bytes) -> str:
    # The library takes a naive time as UTC whatever the machine's zone is, so it is given an aware one.
    return Webhook(secret).sign(event_id, datetime.fromtimestamp(int(now), UTC), body.decode())


def _seconds(retry_after: bytes | None, now: float) -> float | None:
    """RFC 9110 section 10.2.3: seconds or an HTTP date."""
    if retry_after is None:
        return None
    text = retry_after.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _RETRY_AFTER_LIMIT)
    try:
        when = email.utils.parsedate_to_datetime(text)
        wait = when.replace(tzinfo=when.tzinfo or UTC).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, wait), _RETRY_AFTER_LIMIT)
