"""Fetching media from an address that a client names: bounded in size and time, and never inside our own network."""

from email.message import Message
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

import httpcore
import msgspec
import trio

from wasup import __version__
from wasup.webhooks.addresses import CheckedBackend, ForbiddenAddress

__all__ = ["FetchFailed", "Fetched", "MediaFetcher"]

_REDIRECTS: Final = 3
_MOVED: Final = frozenset({301, 302, 303, 307, 308})


class FetchFailed(Exception):  # noqa: N818
    """The address gave no media; the message says why, for people."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What an address gave."""

    data: bytes
    mime: str | None
    filename: str | None


class MediaFetcher:
    """Fetches with the same address checks as webhooks: they hold for each address of a chain of redirects.

    Args:
        allow_private: also from private networks, and over plain http there.
        timeout: seconds for the whole of it.
        at_once: fetches at the same time at most, since each is in memory as a whole.
    """

    def __init__(self, *, allow_private: bool, timeout: float, at_once: int = 8) -> None:
        self._backend = CheckedBackend(allow_private=allow_private)
        self._timeout = timeout
        self._gate = trio.CapacityLimiter(at_once)

    async def fetch(self, url: str, *, limit: int) -> Fetched:
        """GET an address.

        Raises:
            FetchFailed: it cannot be fetched, is not allowed, or gives more than `limit` bytes.
        """
        try:
            with trio.fail_after(self._timeout):
                async with self._gate:
                    return await self._follow(url, limit)
        except trio.TooSlowError:
            raise FetchFailed(f"the media did not arrive within {self._timeout:g} s") from None
        except ForbiddenAddress:
            raise FetchFailed("the address lies in a private network, which is not allowed") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise FetchFailed(f"the address cannot be fetched: {type(error).__name__}") from None
        except (httpcore.UnsupportedProtocol, ValueError):
            raise FetchFailed("that is no address that can be fetched") from None

    async def _follow(self, url: str, limit: int) -> Fetched:
        for _ in range(_REDIRECTS + 1):
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
                raise FetchFailed("the address must be http or https, with a host and without a password")
            answer = await self._get(url, limit)
            if isinstance(answer, Fetched):
                return answer
            url = urljoin(url, answer)
        raise FetchFailed(f"the address leads on more than {_REDIRECTS} times")

    async def _get(self, url: str, limit: int) -> Fetched | str:
        """What the address gives, or where it leads."""
        headers: dict[bytes | str, bytes | str] = {
            "User-Agent": f"wasup/{__version__}",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
        }
        async with (
            httpcore.AsyncConnectionPool(max_connections=1, network_backend=self._backend) as pool,
            pool.stream("GET", url, headers=headers) as response,
        ):
            named = {name.lower(): value.decode("latin-1") for name, value in response.headers}
            if response.status in _MOVED and b"location" in named:
                return named[b"location"]
            if response.status != 200:
                raise FetchFailed(f"the address answers {response.status}")
            length = named.get(b"content-length", "0")
            if length.isdigit() and int(length) > limit:
                raise FetchFailed(f"the media has {length} bytes; at most {limit} are taken")
            data = await _read(response, limit)
        filename = _filename(named.get(b"content-disposition")) or unquote(urlsplit(url).path.rpartition("/")[2])
        return Fetched(data=data, mime=named.get(b"content-type"), filename=filename[:255] or None)


async def _read(response: httpcore.Response, limit: int) -> bytes:
    data = bytearray()
    # Ended by cancellation, not by leaving the loop: httpcore nests generators, and only so all of them are closed.
    with trio.CancelScope() as enough:
        async for chunk in response.aiter_stream():
            data += chunk
            if len(data) > limit:
                enough.cancel()
    if len(data) > limit:
        raise FetchFailed(f"the media has more than {limit} bytes")
    return bytes(data)


def _filename(disposition: str | None) -> str | None:
    if disposition is None:
        return None
    message = Message()
    message["Content-Disposition"] = disposition
    return message.get_filename()
