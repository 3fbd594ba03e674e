"""A request in one piece: httpcore writes head and body one after the other, at the price of two packets."""

import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpcore

__all__ = ["WholeBackend"]


class _WholeStream(httpcore.AsyncNetworkStream):
    """Holds what is written until an answer is read."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._held: list[bytes] = []

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hold it back."""
        del timeout  # the whole exchange has one
        self._held.append(buffer)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Send what was held back, and read."""
        if self._held:
            whole, self._held = b"".join(self._held), []
            with suppress(httpcore.WriteError):  # who takes no more of it may have answered all the same
                await self._inner.write(whole, timeout)
        return await self._inner.read(max_bytes, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Encrypt from here on."""
        return _WholeStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """What is known of the connection."""
        return self._inner.get_extra_info(info)


class WholeBackend(httpcore.AsyncNetworkBackend):
    """Makes connections over which each request goes out in one piece."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect."""
        return _WholeStream(await self._inner.connect_tcp(host, port, timeout, local_address, socket_options))

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await self._inner.sleep(seconds)
