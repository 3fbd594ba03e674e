"""A small web server for browsers, with workers that call elsewhere, and what to do with a page of it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.async_api import Page

from wasup.browsers import Browser

__all__ = ["recall", "remember", "visit", "web_server"]

_PUT = """async value => {
    localStorage.setItem('login', value)
    const open = indexedDB.open('login', 1)
    await new Promise((done, failed) => {
        open.onupgradeneeded = () => open.result.createObjectStore('login')
        open.onerror = failed
        open.onsuccess = () => {
            const change = open.result.transaction('login', 'readwrite')
            change.objectStore('login').put(value, 'login')
            change.oncomplete = done
        }
    })
}"""


_WORKER = """
setInterval(() => {
    fetch('http://request.%(kind)s.example/').catch(() => 0);
    new WebSocket('ws://socket.%(kind)s.example/');
}, 100);
"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        _, _, worker = self.path.rpartition("/worker/")
        content = _WORKER % {"kind": worker} if worker else "<!doctype html><title>page</title>"
        kind = "text/javascript" if worker else "text/html"
        if self.path == "/agent":
            content = self.headers["User-Agent"]
        if self.path.startswith("/picture"):
            content, kind = '<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def web_server() -> Iterator[str]:
    """A server of a page, workers at `worker/<kind>`, pictures, and the asking browser's `agent`; gives its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


async def visit(browser: Browser, address: str) -> None:
    """Open the page."""
    await browser.bridge.run(_visit, browser.page, address)


async def remember(browser: Browser, address: str, value: str) -> None:
    """Open the page and let it store something, as a login would."""
    await visit(browser, address)
    await browser.bridge.run(_put, browser.page, value)


async def recall(browser: Browser, address: str) -> str | None:
    """Open the page and read what it has stored."""
    await visit(browser, address)
    found: str | None = await browser.bridge.run(_get, browser.page)
    return found


async def _visit(page: Page, address: str) -> None:
    await page.goto(address, timeout=5000)


async def _put(page: Page, value: str) -> None:
    await page.evaluate(_PUT, value)


async def _get(page: Page) -> str | None:
    found: str | None = await page.evaluate("localStorage.getItem('login')")
    return found
