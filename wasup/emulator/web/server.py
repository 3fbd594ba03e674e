"""Routes of the page: itself, its files, its socket, pictures."""

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Final

from aiohttp import web

from wasup.emulator import wire
from wasup.emulator.network import Network
from wasup.emulator.web.breakages import Breakages
from wasup.emulator.web.door import PageConnection
from wasup.emulator.web.pictures import serve_picture

__all__ = ["BUILD_VERSION", "WebDoor"]

BUILD_VERSION: Final = "2.3000.1045220589"  # a build that the clients know: they ask for a version above some
_ELSEWHERE: Final = "about:blank"
_PAGE: Final = Path(__file__).parent / "page"


class WebDoor:
    """The page and its sockets."""

    def __init__(self, network: Network) -> None:
        self.breakages = Breakages()
        self._network = network
        self._index = (_PAGE / "index.html").read_text(encoding="utf-8")

    def routes(self) -> list[web.AbstractRouteDef]:
        """All routes under `/web`."""
        return [
            web.get("/web/", self.index),
            web.get("/web/ws", self._socket),
            web.get("/web/pictures/{subject}/{initial}", serve_picture),
            web.static("/web/page", _PAGE),
        ]

    def pages(self, phone: str | None) -> list[PageConnection]:
        """Open pages of an account, or all, those still pairing among them."""
        return [
            connection
            for connection in self._network.connections
            if isinstance(connection, PageConnection)
            and (phone is None or (connection.device is not None and connection.device.account.phone == phone))
        ]

    async def index(self, _request: web.Request) -> web.Response:
        """`GET /web/`, and `GET /` where web.whatsapp.com is mapped to this server."""
        settings = {
            "buildVersion": BUILD_VERSION,
            "wireVersion": wire.VERSION,
            "breakages": [dataclasses.asdict(breakage) for breakage in self.breakages.at_load()],
        }
        inlined = json.dumps(settings).replace("<", "\\u003c")
        headers = {"Cache-Control": "no-store"}
        leaves = self.breakages.of("leave", None)
        if leaves is not None:
            headers["Refresh"] = f"{leaves.seconds:.0f};url={_ELSEWHERE}"
        return web.Response(text=self._index.replace("{settings}", inlined), content_type="text/html", headers=headers)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        def connect(network: Network, ws: web.WebSocketResponse, transport: asyncio.Transport) -> PageConnection:
            return PageConnection(network, ws, transport, self.breakages)

        return await self._network.attend(request, connect)
