"""What the page loads and where it may go.

Chromium itself is started so that no name but WhatsApp's resolves (`--host-resolver-rules`): that holds for
workers and sockets as well, and costs nothing. Here is counted what was stopped by it, and told to the log; what a
worker asks in the very moment in which it is made may be missed by the count, never by the rule.

Pictures, video and fonts of the page's own, and profile pictures, are not loaded either: nobody looks. They are
stopped inside Chromium by address (`Network.setBlockedURLs`). Measured on a page of 60 scripts and 40 pictures: half
the time to load of a page left alone; routing every request through Playwright takes twice as long as that and four
times the CPU of ours, and switching pictures off altogether (`imagesEnabled`) breaks the sending of pictures, whose
thumbnails the page draws.
"""

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlsplit

import structlog
from playwright.async_api import BrowserContext, Page, Request, WebSocket

from wasup.providers.webjs.workers import Workers

__all__ = ["WHATSAPP_HOSTS", "Outward"]

WHATSAPP_HOSTS: Final = ("whatsapp.com", "*.whatsapp.com", "whatsapp.net", "*.whatsapp.net")
"""The only hosts that a browser reaches, besides the one of an emulator's address."""

_NOT_LOADED: Final = (
    "*://pps.whatsapp.net/*",  # profile pictures
    *(f"*://*/*.{kind}" for kind in ("png", "jpg", "jpeg", "gif", "webp", "mp4", "webm", "woff", "woff2")),
)
"""By their endings: the media of messages have none, and must come through."""

_LOCAL: Final = frozenset({"about", "blob", "data", "chrome", "chrome-error", "chrome-extension", "devtools"})

log = structlog.get_logger("wasup.webjs")


class Outward:
    """Keeps a page from loading what is not needed, and counts what it asked of other hosts.

    Args:
        allowed: hosts, `*.example.com` among them.
        name: of the browser, for the log.
        total: also counts them, for all pages together.

    Attributes:
        blocked: requests to hosts that are none of WhatsApp's, by host.
    """

    def __init__(self, allowed: Sequence[str], name: str, total: Counter[str]) -> None:
        self.blocked: Counter[str] = Counter()
        self._total = total
        self._allowed = allowed
        self._name = name
        self._workers = Workers(self._look)

    async def guard(self, context: BrowserContext, page: Page) -> None:
        """On asyncio's side, before the page is loaded."""
        context.on("requestfailed", self._failed)
        page.on("websocket", self._opened)
        if context.browser is not None:
            await self._workers.watch(context.browser)
        session = await context.new_cdp_session(page)
        await session.send("Network.enable")
        await session.send("Network.setBlockedURLs", {"urls": list(_NOT_LOADED)})

    def _failed(self, request: Request) -> None:
        self._look(request.url)

    def _opened(self, socket: WebSocket) -> None:
        self._look(socket.url)

    def _look(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme in _LOCAL or any(fnmatchcase(host, pattern) for pattern in self._allowed):
            return
        self.blocked[host] += 1
        self._total[host] += 1
        if self.blocked[host] == 1:
            log.warning("webjs.request_blocked", browser=self._name, host=host)
