"""The pages of the dashboard: the files that its front end was built to, served at `/dashboard/`.

They are few and small, so all of them are kept in memory, compressed once: no request reaches the file system, and
only what was built can be asked for. A build that takes the place of another is noticed.
"""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio
from quart import Response, redirect, request
from quart.typing import ResponseReturnValue
from quart_schema import hide
from quart_trio import QuartTrio

from wasup.http.compression import SMALLEST, entity_tag, is_compressible, matches, takes_gzip
from wasup.http.problems import not_found

__all__ = ["BUILT", "add_pages"]

BUILT: Final = Path(__file__).parent / "web" / "dist"

_HOME: Final = "/dashboard/"
_INDEX: Final = "index.html"
_HASHED: Final = re.compile(r"assets/.+-[0-9A-Za-z_-]{8}\.[0-9a-z]+")
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_MISSING: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>wasup</title>
<p>The dashboard is not built: run <code>make setup</code>, which needs npm. The API works without it.</p>
</html>
"""
# Charts set styles from their script, which this allows; style attributes and inline scripts it does not.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class _File:
    """One built file, as it is sent."""

    content: bytes
    small: bytes | None
    kind: str
    tag: str
    caching: str


class _Site:
    """The built files, by their path below `/dashboard/`; none while nothing is built."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built_at: int | None = None
        self._files: dict[str, _File] = {}

    async def files(self) -> dict[str, _File]:
        """All of them, read again when there is another build."""
        try:
            built_at = (self._folder / _INDEX).stat().st_mtime_ns
        except OSError:
            built_at = None
        if built_at != self._built_at:
            self._files = {} if built_at is None else await trio.to_thread.run_sync(_read, self._folder)
            self._built_at = built_at
        return self._files


def add_pages(app: QuartTrio) -> None:
    """Add the pages, and the way to them, to the application."""
    site = _Site(BUILT)

    async def page(path: str = _INDEX) -> Response:
        files = await site.files()
        if not files:
            return Response(_MISSING, status=503, content_type="text/html; charset=utf-8")
        file = files.get(path)
        if file is None:
            if "." in path.rpartition("/")[2]:
                raise not_found("file")
            file = files[_INDEX]  # the address of a view: the script there knows what to show
        return _answer(file)

    async def home() -> ResponseReturnValue:
        if request.path == "/" and "text/html" not in request.headers.get("Accept", ""):
            raise not_found("route; /docs lists them all")
        return redirect(_HOME)

    for path, view in ((_HOME, page), (f"{_HOME}<path:path>", page), ("/dashboard", home), ("/", home)):
        app.add_url_rule(path, view_func=hide(view), methods=["GET"], provide_automatic_options=False)


def _answer(file: _File) -> Response:
    headers = {"ETag": file.tag, "Cache-Control": file.caching, "Content-Security-Policy": _POLICY}
    content = file.content
    if file.small is not None:
        headers["Vary"] = "Accept-Encoding"
        if takes_gzip(request.headers.get("Accept-Encoding", "")):
            content = file.small
            headers |= {"Content-Encoding": "gzip", "ETag": f"W/{file.tag}"}
    if matches(request.headers, file.tag):
        headers.pop("Content-Encoding", None)
        return Response(b"", status=304, headers=headers)
    return Response(content, headers=headers, content_type=file.kind)


def _read(folder: Path) -> dict[str, _File]:
    files: dict[str, _File] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            content = path.read_bytes()
            kind = _KINDS.get(path.suffix, "application/octet-stream")
            files[name] = _File(
                content=content,
                small=gzip.compress(content, mtime=0) if is_compressible(kind) and len(content) >= SMALLEST else None,
                kind=kind,
                tag=entity_tag(content),
                caching=_FOR_EVER if _HASHED.fullmatch(name) else "no-cache",
            )
    return files
