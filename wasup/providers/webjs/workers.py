"""What workers of a page ask for, as far as Playwright does not tell.

Playwright tells of requests and sockets of a page and of its own workers, and of requests of service workers; but not
of service workers' sockets, nor of anything that shared workers do. These two are asked by Chromium's protocol.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any, Final

from playwright.async_api import Browser, CDPSession, Error as PlaywrightError

__all__ = ["Workers"]

_SHARED: Final = "shared_worker"
_SERVICE: Final = "service_worker"


class Workers:
    """Hears what shared and service workers of one browser ask for. All of it is on asyncio's side.

    Args:
        look: called with each address that Playwright does not tell of.
    """

    def __init__(self, look: Callable[[str], None]) -> None:
        self._look = look
        self._kinds: dict[str, str] = {}  # by session
        self._numbers = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: CDPSession

    async def watch(self, browser: Browser) -> None:
        """From now on, until the browser ends."""
        self._session = await browser.new_browser_cdp_session()
        self._session.on("Target.targetCreated", self._created)
        self._session.on("Target.receivedMessageFromTarget", self._said)
        kinds = [{"type": _SHARED}, {"type": _SERVICE}, {"exclude": True}]
        await self._session.send("Target.setDiscoverTargets", {"discover": True, "filter": kinds})

    def _created(self, event: dict[str, Any]) -> None:
        info = event["targetInfo"]
        task = asyncio.ensure_future(self._attach(info["targetId"], info["type"]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attach(self, target: str, kind: str) -> None:
        with suppress(PlaywrightError):  # it, or the whole browser, has ended meanwhile
            # Not "flat", which Playwright has no words for: its messages travel inside those of the browser's session.
            attached = await self._session.send("Target.attachToTarget", {"targetId": target, "flatten": False})
            session = attached["sessionId"]
            self._kinds[session] = kind
            message = json.dumps({"id": next(self._numbers), "method": "Network.enable"})
            await self._session.send("Target.sendMessageToTarget", {"sessionId": session, "message": message})

    def _said(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        match message.get("method"):
            case "Network.webSocketCreated":
                self._look(message["params"]["url"])
            case "Network.requestWillBeSent" if self._kinds.get(event["sessionId"]) == _SHARED:
                self._look(message["params"]["request"]["url"])
            case _:
                pass
