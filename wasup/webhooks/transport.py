"""One HTTP exchange over kept-alive connections, bounded in time and in what is read."""

import email.utils
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC
from functools import cache
from typing import Final, TypeAlias

import httpcore
import trio

from wasup.ports.clock import Clock
from wasup.ports.webhooks import Answer, Outcome
from wasup.webhooks.addresses import CheckedBackend, ForbiddenAddress
from wasup.webhooks.streams import WholeBackend

__all__ = ["Headers", "Transport"]

Headers: TypeAlias = Sequence[tuple[str, str]]

_ANSWER_LIMIT: Final = 64 * 1024
_RETRY_AFTER_LIMIT: Final = 24 * 3600.0
_KEEPALIVE: Final = 30.0
_OVERLOADED: Final = frozenset({429, 502, 504})


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a delivery."""
    return httpcore.default_ssl_context()


class Transport:
    """Posts over as many connections as there are callers at once; idle ones are used again, the latest first.

    Connections are httpcore's, without its pool, whose cost grows with the square of their number.

    Args:
        clock: time of day.
        allow_private: connect to private networks.
    """

    def __init__(self, *, clock: Clock, allow_private: bool) -> None:
        self._clock = clock
        self._backend = WholeBackend(CheckedBackend(allow_private=allow_private))
        self._idle: list[tuple[httpcore.Origin, httpcore.AsyncHTTPConnection]] = []

    async def post(self, url: str, headers: Headers, body: bytes, *, timeout: float, keep_alive: bool = True) -> Answer:
        """POST and classify the answer; every outcome is an answer. `timeout` is for the whole exchange."""
        try:
            with trio.fail_after(timeout):
                return await self._post(httpcore.URL(url), headers, body, keep_alive=keep_alive)
        except trio.TooSlowError:
            return Answer(outcome=Outcome.FAILED, detail=f"no answer within {timeout:g} s")
        except ForbiddenAddress as error:
            return Answer(outcome=Outcome.REFUSED, detail=str(error))
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            return Answer(outcome=Outcome.FAILED, detail=f"{type(error).__name__}: {error}"[:200])
        except (httpcore.UnsupportedProtocol, ValueError) as error:
            return Answer(outcome=Outcome.REFUSED, detail=f"bad address: {error}"[:200])

    async def _post(self, url: httpcore.URL, headers: Headers, body: bytes, *, keep_alive: bool) -> Answer:
        if url.scheme not in {b"http", b"https"} or not url.host:
            raise ValueError("neither http nor https")
        connection = await self._take(url.origin)
        if connection is not None:
            try:
                return await self._exchange(connection, url, headers, body, keep_alive=keep_alive)
            except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
                pass  # the far side was about to close it: that is no failure, a new connection will tell
        connection = httpcore.AsyncHTTPConnection(
            url.origin,
            ssl_context=_tls() if url.scheme == b"https" else None,
            keepalive_expiry=_KEEPALIVE,
            network_backend=self._backend,
        )
        return await self._exchange(connection, url, headers, body, keep_alive=keep_alive)

    async def _exchange(
        self,
        connection: httpcore.AsyncHTTPConnection,
        url: httpcore.URL,
        headers: Headers,
        body: bytes,
        *,
        keep_alive: bool,
    ) -> Answer:
        kept = False
        try:
            given: list[tuple[bytes | str, bytes | str]] = list(headers)
            async with connection.stream("POST", url, headers=given, content=body) as response:
                await _read_some(response)
                answer = self._classify(response)
            kept = keep_alive and connection.is_idle()
            return answer
        finally:
            if kept:
                self._idle.append((url.origin, connection))
            else:
                await _close(connection.aclose)

    def _classify(self, response: httpcore.Response) -> Answer:
        status = response.status
        if 200 <= status < 300:
            return Answer(outcome=Outcome.DELIVERED, detail=str(status), status=status)
        if status == 410:
            return Answer(outcome=Outcome.GONE, detail="410", status=status)
        named = {name.lower(): value for name, value in response.headers}
        wait = _seconds(named.get(b"retry-after"), self._clock.now_ms() / 1000)
        return Answer(
            outcome=Outcome.FAILED,
            detail=str(status),
            status=status,
            retry_after=wait,
            slow_down=status in _OVERLOADED,
        )

    async def _take(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection | None:
        """An idle connection to this origin that is still open; those that are not are closed on the way."""
        while self._idle:
            theirs, connection = self._idle.pop()
            if theirs == origin and not connection.has_expired():
                return connection
            await _close(connection.aclose)
        return None

    async def aclose(self) -> None:
        """Close all connections."""
        while self._idle:
            await _close(self._idle.pop()[1].aclose)


async def _close(close: Callable[[], object]) -> None:
    """Close, also while being cancelled; a far side that does not answer cannot keep us."""
    with trio.CancelScope(shield=True), trio.move_on_after(1):
        await close()  # type: ignore[misc]  # a coroutine of httpcore's


async def _read_some(response: httpcore.Response) -> None:
    """Read the answer, so that its connection can be used again; one that is too long costs it its connection."""
    size = 0
    # Ended by cancellation, not by leaving the loop: httpcore nests generators, and only so all of them are closed.
    with trio.CancelScope() as enough:
        async for chunk in response.aiter_stream():
            size += len(chunk)
            if size > _ANSWER_LIMIT:
                enough.cancel()


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
