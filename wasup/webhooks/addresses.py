"""Which addresses a webhook may be sent to.

The check is made on the resolved address that is then connected to, so that a name which resolves differently
the second time (DNS rebinding) does not get round it, nor does any spelling of an address: octal, integer and
mapped forms all arrive here as what the resolver made of them.
"""

import ipaddress
import socket
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import httpcore
import trio

__all__ = ["CheckedBackend", "ForbiddenAddress", "Lookup", "is_public"]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""The only IPv6 addresses that the public internet has; beside them lie local ones and embedded forms of IPv4."""
_LOOKUPS: Final = 4  # threads


class ForbiddenAddress(Exception):  # noqa: N818
    """The name resolves to an address inside a private network, and that is not allowed."""


def is_public(address: str) -> bool:
    """Whether an IP address is reachable on the public internet, looking through IPv4-in-IPv6 forms."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _GLOBAL_UNICAST:
            return False
    return ip.is_global and not ip.is_multicast


class Lookup:
    """Finds the addresses that a name stands for and that may be called.

    It has a few threads of its own: where a resolver hangs, nobody else waits for that.

    Args:
        allow_private: let every address pass.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._threads = trio.CapacityLimiter(_LOOKUPS)

    async def find(self, host: str, port: int) -> list[str]:
        """The addresses, at least one, in the resolver's order.

        Raises:
            ForbiddenAddress: no address of this name may be called.
            OSError: the name does not resolve.
        """
        found = await self._look_up(host, port)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        allowed = [a for a in addresses if self._allow_private or is_public(a)]
        if not allowed:
            raise ForbiddenAddress(f"{host} is a private address ({', '.join(addresses)})")
        return allowed

    async def _look_up(self, host: str, port: int) -> list[Any]:
        look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            return look(flags=socket.AI_NUMERICHOST)
        except OSError:  # a name
            return await trio.to_thread.run_sync(look, abandon_on_cancel=True, limiter=self._threads)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """httpcore's Trio backend with the address check in front of every connection.

    Args:
        allow_private: let every address pass.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self._inner = httpcore.TrioBackend()
        self._lookup = Lookup(allow_private=allow_private)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check, and connect to the address that was checked.

        Raises:
            ForbiddenAddress: no address of this name may be called.
            httpcore.ConnectError: the name does not resolve, or nobody answers.
        """
        try:
            allowed = await self._lookup.find(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} does not resolve") from error
        failure: httpcore.ConnectError | None = None
        for address in allowed:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure or httpcore.ConnectError(host)

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await self._inner.sleep(seconds)
