"""The page on asyncio's side of the bridge: loading it, calling its driver, hearing its events.

Every call has a deadline of its own, since a hung renderer shows only as an evaluation that never answers.
"""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import msgspec
from playwright.async_api import Error as PlaywrightError, Page

from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.providers.webjs import raw
from wasup.providers.webjs.outward import Outward

__all__ = ["CallRefused", "PageCrashed", "WhatsAppPage"]

_CHUNK: Final = 1 << 20  # bytes of media in one crossing; the driver's own CHUNK for the way back
_BACKLOG: Final = 4  # batches of events that may wait here; then the driver keeps them
_T = TypeVar("_T")


class CallRefused(Exception):  # noqa: N818 - an answer
    """The driver, wa-js or WhatsApp did not do what was asked."""

    def __init__(self, error: raw.Error) -> None:
        super().__init__(f"{error.code}: {error.detail}")
        self.code = error.code
        self.detail = error.detail
        self.transient = error.transient


class PageCrashed(Exception):  # noqa: N818 - what has happened
    """The page did not answer a call; `hung` tells whether it was still there."""

    def __init__(self, detail: str, *, hung: bool) -> None:
        super().__init__(detail)
        self.hung = hung


class WhatsAppPage:
    """WhatsApp's page with the driver in it. Everything but `__init__` runs on asyncio's side.

    Attributes:
        outward: counts what the page asked of hosts that are none of WhatsApp's.
    """

    def __init__(self, page: Page, outward: Outward) -> None:
        self.outward = outward
        self._page = page
        self._told: asyncio.Queue[str]
        self._handles = itertools.count(1)

    async def load(self, url: str, *, within: float) -> None:
        """Go to WhatsApp; the driver's events tell what comes of it.

        Raises:
            Disconnected: the page cannot be loaded.
        """
        self._told = asyncio.Queue(_BACKLOG)
        try:
            await self.outward.guard(self._page.context, self._page)
            await self._page.expose_binding("__wasup_tell", self._hear)
            response = await self._page.goto(url, wait_until="commit", timeout=within * 1000)
        except PlaywrightError as error:
            detail = f"WhatsApp's page cannot be loaded: {_first_line(error)}"
            raise Disconnected(DisconnectReason.CONNECTION_LOST, detail) from None
        status = 200 if response is None else response.status
        if status >= 500:
            raise Disconnected(DisconnectReason.UNAVAILABLE, f"WhatsApp's page answers HTTP {status}")
        if status >= 400:
            raise Disconnected(DisconnectReason.PROTOCOL_ERROR, f"WhatsApp's page answers HTTP {status}")

    async def _hear(self, _source: object, text: str) -> None:
        """The driver sends its next batch when this returns: a full queue holds it back."""
        await self._told.put(text)

    async def next_batch(self) -> str:
        """What the driver has told, a batch at a time."""
        return await self._told.get()

    async def call(self, name: str, args: dict[str, Any], within: float, kind: type[_T]) -> _T:
        """Have the driver do something.

        Raises:
            CallRefused: it was not done.
            PageCrashed: the page did not answer within so many seconds, or is gone.
            msgspec.DecodeError: it answered what we do not know.
        """
        try:
            async with asyncio.timeout(within):
                text: str = await self._page.evaluate("([name, args]) => window.__wasup.call(name, args)", [name, args])
        except TimeoutError:
            raise PageCrashed(f"the page did not answer to {name!r} within {within:g} s", hung=True) from None
        except PlaywrightError as error:
            raise PageCrashed(f"the page was gone at {name!r}: {_first_line(error)}", hung=False) from None
        answer = msgspec.json.decode(text, type=raw.Answer)
        if answer.error is not None:
            raise CallRefused(answer.error)
        return msgspec.json.decode(answer.ok, type=kind)

    async def put(self, data: bytes, *, mime: str, filename: str, within: float) -> str:
        """Bring bytes into the page, piece by piece; the handle under which the driver has them."""
        async with self._handle(within, keep=True) as handle:
            for start in range(0, max(len(data), 1), _CHUNK):
                piece = {
                    "handle": handle,
                    "chunk": base64.b64encode(data[start : start + _CHUNK]).decode("ascii"),
                    "mime": mime,
                    "filename": filename,
                    "last": start + _CHUNK >= len(data),
                }
                await self.call("put", piece, within, msgspec.Raw)
            return handle

    async def fetch(self, key: str, *, within: float, answer_within: float) -> bytes:
        """The media of a message: downloaded by the page, then taken out of it.

        Raises:
            CallRefused: there are none (any more), or they could not be had now.
        """
        async with self._handle(answer_within, keep=False) as handle:
            fetched = await self.call("fetch", {"handle": handle, "key": key}, within, _Fetched)
            pieces = [piece async for piece in self._pieces(handle, fetched.size, answer_within)]
        return b"".join(pieces)

    async def _pieces(self, handle: str, size: int, within: float) -> AsyncIterator[bytes]:
        for offset in range(0, size, _CHUNK):
            args = {"handle": handle, "offset": offset}
            yield base64.b64decode(await self.call("take", args, within, str))

    @asynccontextmanager
    async def _handle(self, within: float, *, keep: bool) -> AsyncIterator[str]:
        """A new name for bytes in the page; they are dropped in the end, and if all goes well only without `keep`.

        The name is given here, so that it is known even if nobody waits for the answer to the call that used it.
        """
        handle = f"media-{next(self._handles)}"
        try:
            yield handle
        except BaseException:
            keep = False
            raise
        finally:
            if not keep:
                with suppress(CallRefused, PageCrashed):  # with the page its bytes are gone
                    await asyncio.shield(asyncio.ensure_future(self.drop(handle, within=within)))

    async def drop(self, handle: str, *, within: float) -> None:
        """Let the page forget bytes."""
        await self.call("drop", {"handle": handle}, within, msgspec.Raw)


class _Fetched(msgspec.Struct):
    size: int


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
