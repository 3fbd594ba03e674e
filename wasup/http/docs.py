"""`/openapi.json` and `/docs`: Swagger UI, served from this process and without any other host.

Its files come with the package `flask-swagger-ui`, of which nothing but the files is used (Flask itself is there
because Quart builds on it). They are read once, at the first request for them.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec
import trio
from quart import Response, request
from quart_schema import hide
from quart_trio import QuartTrio
from trio import Path as AsyncPath

from wasup.http.compression import entity_tag, matches
from wasup.http.openapi import openapi_document
from wasup.http.operations import Routes
from wasup.http.problems import not_found

__all__ = ["add_docs"]

_ASSETS: Final = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_SETUP: Final = """\
window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>wasup API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/setup.js"></script>
<noscript>This page needs JavaScript. The document itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
</body>
</html>
"""
_MISSING: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>wasup API</title>
<p>The pages of the interactive documentation are not installed: <code>pip install flask-swagger-ui</code>.</p>
<p>The OpenAPI document is at <a href="/openapi.json">/openapi.json</a>.</p>
</html>
"""
# Swagger UI sets styles from its script and draws its icons from data: addresses.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def add_docs(app: QuartTrio, routes: Sequence[Routes]) -> None:
    """Add the document, the page and its files to the application, whose operations are mounted."""
    document = _Document(openapi_document(app, routes))
    page = (_PAGE if _assets() is not None else _MISSING).encode()

    async def openapi() -> Response:
        content = await document.content()
        tag = entity_tag(content)
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if matches(request.headers, tag):
            return Response(b"", status=304, headers=headers)
        return Response(content, headers=headers, content_type="application/json")

    async def docs() -> Response:
        return Response(page, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _POLICY})

    async def asset(name: str) -> Response:
        headers = {"Cache-Control": "public, max-age=3600"}
        if name == "setup.js":
            return Response(_SETUP, content_type="text/javascript; charset=utf-8", headers=headers)
        folder = _assets()
        if folder is None or name not in _ASSETS:
            raise not_found("file")
        content = await AsyncPath(folder / name).read_bytes()
        return Response(content, content_type=_ASSETS[name], headers=headers)

    for path, view in (("/openapi.json", openapi), ("/docs", docs), ("/docs/<name>", asset)):
        app.add_url_rule(path, view_func=hide(view), methods=["GET"], provide_automatic_options=False)


class _Document:
    """The document, made when it is first asked for, in a thread so that nobody waits for it who did not."""

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make
        self._content: bytes | None = None
        self._lock = trio.Lock()

    async def content(self) -> bytes:
        """The document as JSON."""
        async with self._lock:
            if self._content is None:
                self._content = await trio.to_thread.run_sync(lambda: msgspec.json.encode(self._make()))
            return self._content


@lru_cache(maxsize=1)
def _assets() -> Path | None:
    """The folder with Swagger UI's files; None when the package is not installed."""
    found = find_spec("flask_swagger_ui")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "dist"
    return folder if all((folder / name).is_file() for name in _ASSETS) else None
