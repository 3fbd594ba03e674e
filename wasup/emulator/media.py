"""Bytes of media messages: `POST /media` stores some, `GET /media/{ref}` gives them back."""

import hashlib
import secrets
from dataclasses import dataclass

from aiohttp import web

from wasup.emulator.journal import Journal

__all__ = ["MediaStore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    data: bytes
    mime: str
    filename: str | None


class MediaStore:
    """Media in memory."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._stored: dict[str, _Stored] = {}

    def routes(self) -> list[web.RouteDef]:
        """The two routes."""
        return [web.post("/media", self._upload), web.get("/media/{ref}", self._download)]

    def forget(self, ref: str) -> bool:
        """The bytes are gone; tells whether there were any."""
        return self._stored.pop(ref, None) is not None

    async def _upload(self, request: web.Request) -> web.Response:
        data = await request.read()
        ref = secrets.token_hex(12)
        mime = request.content_type
        self._stored[ref] = _Stored(data=data, mime=mime, filename=request.query.get("filename"))
        self._journal.note("media", what="upload", ref=ref, size=len(data), mime=mime)
        digest = hashlib.sha256(data).hexdigest()
        return web.json_response({"ref": ref, "mime": mime, "size": len(data), "sha256": digest})

    async def _download(self, request: web.Request) -> web.Response:
        ref = request.match_info["ref"]
        stored = self._stored.get(ref)
        if stored is None:
            return web.json_response({"error": "there is no such media (any more)"}, status=404)
        self._journal.note("media", what="download", ref=ref)
        return web.Response(body=stored.data, content_type=stored.mime)
