"""Rate limits: how often a key or an address may ask, and how often it may guess."""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Final

import trio
from werkzeug.datastructures import Headers

from wasup.http.problems import Problem

__all__ = ["KEY_OVERUSED", "RateLimit", "client_address", "client_scheme", "too_many"]

KEY_OVERUSED: Final = "This API key is used too often."

_REMEMBERED: Final = 20_000


class RateLimit:
    """A token bucket for each key: `rate` a second on average, up to `burst` at once.

    Args:
        rate: tokens that come in a second.
        burst: tokens that there is room for; for one there always is.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait(self, key: Hashable, *, take: float = 1.0) -> float:
        """Take from the bucket; 0, or the seconds until there is enough in it, and nothing was taken."""
        now = trio.current_time()
        room = max(1.0, self.burst)
        level, since = self._buckets.get(key, (room, now))
        level = min(room, level + (now - since) * self.rate)
        missing = 1.0 - level
        if missing <= 0:
            level -= take
        self._buckets[key] = (level, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return max(0.0, missing / self.rate)

    def empty(self, key: Hashable) -> float:
        """As `wait`, without taking anything."""
        return self.wait(key, take=0.0)


def too_many(detail: str, seconds: float) -> Problem:
    """A 429 that says when to come back."""
    return Problem(429, detail, "rate-limited", headers={"Retry-After": str(max(1, math.ceil(seconds)))})


def client_address(peer: str | None, headers: Headers, trusted: Sequence[str]) -> str:
    """Where a request comes from: the last address that no proxy of ours has vouched for.

    `X-Forwarded-For` is read from its end, as far as each address that handed it on is a trusted proxy.

    Args:
        peer: who is at the other end of the connection.
        headers: of the request.
        trusted: networks of our proxies.
    """
    address = _normal(peer or "") or "unknown"
    if not _within(address, tuple(trusted)):
        return address
    hops = ",".join(headers.getlist("X-Forwarded-For")).split(",")
    while hops and _within(address, tuple(trusted)):
        before = _normal(hops.pop().strip())
        if before is None:
            break
        address = before
    return address


def client_scheme(scheme: str, peer: str | None, headers: Headers, trusted: Sequence[str]) -> str:
    """`http` or `https`, as the client used it: a trusted proxy may say so in `X-Forwarded-Proto`."""
    forwarded = headers.get("X-Forwarded-Proto", "")
    if forwarded in {"http", "https"} and _within(_normal(peer or "") or "unknown", tuple(trusted)):
        return forwarded
    return scheme


@lru_cache(maxsize=_REMEMBERED)
def _within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in ipaddress.ip_network(network) for network in networks)


@lru_cache(maxsize=_REMEMBERED)  # the same clients come again, and to parse an address takes as long as to route
def _normal(text: str) -> str | None:
    """An address in its usual spelling; a v6 address stands for its /64, which one client has to itself."""
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        if not ip.is_loopback:
            return str(ipaddress.ip_network((ip, 64), strict=False).network_address)
    return str(ip)
