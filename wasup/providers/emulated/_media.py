"""Media bytes, over HTTP beside the WebSocket. A connection is made for each: media is rare beside messages."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

import httpcore
import msgspec

from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.session import SendFailed

__all__ = ["MediaDoor"]

_TROUBLE: Final = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)


class _Stored(msgspec.Struct):
    ref: str


class MediaDoor:
    """Uploads and downloads at one emulator."""

    def __init__(self, base: str) -> None:
        self._base = base

    async def upload(self, data: bytes, *, mime: str, filename: str | None) -> str:
        """Store bytes.

        Raises:
            SendFailed: they were not taken.
        """
        query = "" if filename is None else "?" + urlencode({"filename": filename})
        headers: dict[bytes | str, bytes | str] = {"Content-Type": mime}
        status, body = await self._request("POST", f"/media{query}", headers, data)
        if status == 413:
            raise SendFailed("too_large", f"{len(data)} bytes are too many")
        if status != 200:
            raise SendFailed("upload_failed", f"HTTP {status}", transient=status >= 500)
        return msgspec.json.decode(body, type=_Stored).ref

    async def download(self, ref: str) -> bytes:
        """The bytes.

        Raises:
            LookupError: they are gone.
        """
        status, body = await self._request("GET", f"/media/{quote(ref, safe='')}", {}, b"")
        if status != 200:
            raise LookupError(f"no media {ref!r} (HTTP {status})")
        return body

    async def _request(
        self, method: str, path: str, headers: Mapping[bytes | str, bytes | str], content: bytes
    ) -> tuple[int, bytes]:
        try:
            async with httpcore.AsyncConnectionPool(max_connections=1) as pool:
                response = await pool.request(method, self._base + path, headers=headers, content=content)
        except _TROUBLE as error:
            detail = f"the media door cannot be reached: {error}"
            raise Disconnected(DisconnectReason.CONNECTION_LOST, detail) from error
        return response.status, response.content
