"""One HTTP exchange over kept-alive connections, bounded in time and in what is read.

The exchange is aiohttp's, on the asyncio side of the bridge: that costs half of what httpcore on Trio does, and single
deliveries are mostly that. Names are looked up and checked here, and connections go to what was found, nowhere else.
"""

import asyncio
import email.utils
import math
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC
from functools import cache
from typing import Final, TypeAlias

import aiohttp
import trio
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from wasup.bridge import Bridge, BridgeError
from wasup.ports.clock import Clock
from wasup.ports.webhooks import Answer, Outcome
from wasup.webhooks.addresses import ForbiddenAddress, Lookup

__all__ = ["Headers", "Transport"]

Headers: TypeAlias = Sequence[tuple[str, str]]

_ANSWER_LIMIT: Final = 64 * 1024
_RETRY_AFTER_LIMIT: Final = 24 * 3600.0
_KEEPALIVE: Final = 30.0
_FOUND_FOR: Final = 10.0  # seconds for which the addresses of a name are known
_IN_USE: Final = 300.0  # seconds; no exchange takes as long
_PATIENCE: Final = 1.0  # seconds for looking up again what is known
_OVERLOADED: Final = frozenset({429, 502, 504})
_OURS: Final = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")  # nothing is said that the caller did not

_opened: ContextVar[list[object]] = ContextVar("opened")
"""The connections that were opened for the exchange of this task; none if it has an old one."""


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a delivery."""
    return ssl.create_default_context()


class Transport:
    """Posts over as many connections as there are callers at once; idle ones are used again.

    Args:
        bridge: to asyncio.
        clock: time of day.
        allow_private: connect to private networks.
    """

    def __init__(self, *, bridge: Bridge, clock: Clock, allow_private: bool) -> None:
        self._bridge = bridge
        self._clock = clock
        self._lookup = Lookup(allow_private=allow_private)
        self._found: dict[tuple[str, int], float] = {}  # until when
        self._session: aiohttp.ClientSession | None = None  # asyncio's side
        self._retired: dict[aiohttp.ClientSession, float] = {}  # likewise, since when
        self._resolver = _Found()

    async def post(self, url: str, headers: Headers, body: bytes, *, timeout: float, keep_alive: bool = True) -> Answer:
        """POST and classify the answer; every outcome is an answer. `timeout` is for the whole exchange."""
        try:
            with trio.fail_after(timeout):
                where = URL(url)
                await self._find(where)
                return await self._bridge.run(self._exchange, where, headers, body, keep_alive)
        except trio.TooSlowError:
            return Answer(outcome=Outcome.FAILED, detail=f"no answer within {timeout:g} s")
        except ForbiddenAddress as error:
            return Answer(outcome=Outcome.REFUSED, detail=str(error))
        except aiohttp.InvalidURL as error:
            return Answer(outcome=Outcome.REFUSED, detail=f"bad address: {error}"[:200])
        except (aiohttp.ClientError, OSError) as error:  # some of them are ValueErrors as well: bad certificates
            return Answer(outcome=Outcome.FAILED, detail=f"{type(error).__name__}: {error}"[:200])
        except ValueError as error:  # an address that none is, a header that none is
            return Answer(outcome=Outcome.REFUSED, detail=f"bad address: {error}"[:200])
        except BridgeError as error:
            return Answer(outcome=Outcome.LATER, detail=str(error))

    async def _find(self, url: URL) -> None:
        """See to it that the addresses of this name are known, and may be called.

        Raises:
            ForbiddenAddress: they may not.
            OSError: there are none.
            ValueError: that is no address of the web.
        """
        if url.scheme not in {"http", "https"} or not url.raw_host or not url.port:
            raise ValueError("neither http nor https")
        name = url.raw_host, url.port
        if self._found.get(name, 0.0) > trio.current_time():
            return
        known = url.raw_host in self._resolver.addresses  # and was good: a resolver that is away holds up nothing
        with trio.move_on_after(_PATIENCE if known else math.inf):
            try:
                self._resolver.addresses[url.raw_host] = await self._lookup.find(*name)
            except OSError:
                if not known:
                    raise
        self._found[name] = trio.current_time() + _FOUND_FOR

    async def _exchange(self, url: URL, headers: Headers, body: bytes, keep_alive: bool) -> Answer:  # noqa: FBT001
        """On asyncio's side: post it, and once more where the far side was about to close an old connection.

        That is no failure; the other old connections are not tried any more either.
        """
        given = headers if keep_alive else [*headers, ("Connection", "close")]
        opened: list[object] = []
        _opened.set(opened)
        session = self._current()
        try:
            return await self._post(session, url, given, body)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if opened:
                raise
            if self._session is session:
                await self._retire(session)
        session = self._current()
        return await self._post(session, url, given, body)

    def _current(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = _open_session(self._resolver)
        return self._session

    async def _retire(self, session: aiohttp.ClientSession) -> None:
        """Use it no more, and close what was retired so long ago that nobody else can be using it."""
        now = asyncio.get_running_loop().time()
        old = [one for one, since in self._retired.items() if now - since > _IN_USE]
        self._session, self._retired[session] = None, now
        for one in old:
            del self._retired[one]
            await one.close()

    async def _post(self, session: aiohttp.ClientSession, url: URL, headers: Headers, body: bytes) -> Answer:
        # In one piece, however large: written bit by bit, who answers without reading on would not be heard.
        async with session.post(url, headers=headers, data=body, allow_redirects=False) as response:
            size = 0
            async for chunk in response.content.iter_any():  # read it, so that the connection can be used again
                size += len(chunk)
                if size > _ANSWER_LIMIT:
                    response.close()
                    break
            return self._classify(response)

    def _classify(self, response: aiohttp.ClientResponse) -> Answer:
        status = response.status
        if 200 <= status < 300:
            return Answer(outcome=Outcome.DELIVERED, detail=str(status), status=status)
        if status == 410:
            return Answer(outcome=Outcome.GONE, detail="410", status=status)
        wait = _seconds(response.headers.get("Retry-After"), self._clock.now_ms() / 1000)
        return Answer(
            outcome=Outcome.FAILED,
            detail=str(status),
            status=status,
            retry_after=wait,
            slow_down=status in _OVERLOADED,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None or self._retired:
            with trio.CancelScope(shield=True), trio.move_on_after(1), suppress(BridgeError):
                await self._bridge.run(self._close)

    async def _close(self) -> None:
        for session in (self._session, *self._retired):
            if session is not None:
                await session.close()


class _Found(AbstractResolver):
    """Knows what was found, and looks for nothing.

    Attributes:
        addresses: by name.
    """

    def __init__(self) -> None:
        self.addresses: dict[str, list[str]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.addresses[host]
        ]

    async def close(self) -> None:
        pass


def _open_session(resolver: _Found) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        resolver=resolver,
        use_dns_cache=False,
        ssl=_tls(),
        limit=0,
        keepalive_timeout=_KEEPALIVE,
        socket_factory=_open_socket,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_OURS,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(),
    )


def _open_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    opened = socket.socket(*address[:3])
    _opened.get().append(opened)
    return opened


def _seconds(retry_after: str | None, now: float) -> float | None:
    """RFC 9110 section 10.2.3: seconds or an HTTP date."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _RETRY_AFTER_LIMIT)
    try:
        when = email.utils.parsedate_to_datetime(text)
        wait = when.replace(tzinfo=when.tzinfo or UTC).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, wait), _RETRY_AFTER_LIMIT)
