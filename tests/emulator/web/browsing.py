"""A browser, the real wa-js, and pages of an emulator, for tests that are not asynchronous.

One browser serves a module, each test has contexts of its own. What the page tells is collected in the page
(`window.told`) and waited for there.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from wasup.emulator.client import flags

__all__ = ["CHROMIUM", "Phones", "Tab", "browser_at", "emulator_at", "new_tab", "sign_in"]

CHROMIUM: Final = shutil.which("chromium")
_WAJS: Final = Path("wasup/providers/webjs/node_modules/@wppconnect/wa-js/dist/wppconnect-wa.js")
_ARGUMENTS: Final = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_QUICK: Final[dict[str, object]] = {
    "echo": False,
    "delivered_after": 0.01,
    "read_after": 0.02,
    "page_sync_delay": 0.02,
}
_PRIVATE: Final = "window.WPPConfig = {disableGoogleAnalytics: true, linkPreviewApiServers: []};"
_COLLECT: Final = """
window.told = [];
const plain = (value) => {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value._serialized) return value._serialized;
  const names = ['id', 'ack', 'body', 'caption', 'type', 'from', 'to', 'author', 'ids', 'sender', 'chat', 'msgId',
    'refId', 'reactionText', 'state', 'participants', 'action', 'groupId', 'fullCode', 'quotedStanzaID', 'notifyName'];
  return Object.fromEntries(names.filter((name) => value[name] !== undefined).map((name) => [name,
    name === 'chat' ? String(value.chat?.id ?? value.chat) : plain(value[name])]));
};
for (const name of ['conn.authenticated', 'conn.logout', 'conn.logout_reason', 'conn.qrcode_idle',
  'conn.auth_code_change', 'conn.online', 'conn.stream_mode_changed', 'chat.new_message', 'chat.msg_ack_change',
  'chat.msg_edited', 'chat.msg_revoke', 'chat.new_reaction', 'chat.presence_change', 'group.participant_changed']) {
  WPP.on(name, (value) => window.told.push({name, value: plain(value)}));
}
"""

_WITHIN_TIME: Final = """([script, argument]) => {
  const value = (0, eval)(`(${script})`);
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error('no answer in time')), 10_000));
  return Promise.race([typeof value === 'function' ? value(argument) : value, late]);
}"""


class Phones:
    """The controls of an emulator."""

    def __init__(self, url: str, tls_url: str) -> None:
        self.url = url
        self.tls_port = int(tls_url.rpartition(":")[2])
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def ctl(self, control: str, **body: object) -> Any:
        """`POST /ctl/{control}`; the answer."""
        response = self._http.post(f"/ctl/{control}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def get(self, path: str, **query: str | int) -> Any:
        """`GET` something; the answer."""
        response = self._http.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def incoming(self, phone: str, chat: str, body: str | None = None, **more: object) -> str:
        """Somebody writes; the id of the message."""
        if body is not None:
            more["body"] = body
        return str(self.ctl("incoming", phone=phone, chat=chat, **more)["ids"][0])

    def upload(self, data: bytes, mime: str, filename: str) -> dict[str, Any]:
        """A file in the media store, as messages refer to it."""
        answer = self._http.post("/media", content=data, headers={"content-type": mime}, params={"filename": filename})
        return {**answer.json(), "filename": filename}

    def download(self, ref: str) -> bytes:
        """The bytes of a file."""
        return self._http.get(f"/media/{ref}").content

    def sent(self, phone: str) -> list[Any]:
        """What the account's clients sent, oldest first."""
        rows: list[Any] = self.get("/ctl/log", kind="send", phone=phone)
        return rows


class Tab:
    """A page with wa-js in it."""

    def __init__(self, page: Page, phones: Phones) -> None:
        self.page = page
        self.phones = phones
        self.requested: list[str] = []
        page.on("request", lambda request: self.requested.append(request.url))

    def run(self, script: str, argument: object = None) -> Any:
        """Evaluate an expression, or call a function, in the page."""
        return self.page.evaluate(_WITHIN_TIME, [script, argument])

    def open(self) -> None:
        """Load the page, until wa-js is ready."""
        self.page.goto(f"{self.phones.url}/web/")
        self.wait("window.WPP?.isFullReady")

    def reload(self) -> None:
        """Load it again, until it is logged in again."""
        self.page.reload()
        self.wait_for_main()

    def wait(self, condition: str, argument: object = None) -> None:
        """Until the page says so."""
        self.page.wait_for_function(condition, arg=argument, polling=20)

    def wait_for_main(self) -> None:
        """Until logged in and synchronised."""
        self.wait("window.WPP?.isFullReady && WPP.conn.isAuthenticated() && WPP.conn.getStreamData().mode === 'MAIN'")

    def qr(self) -> str:
        """The QR code on offer."""
        self.wait("WPP.conn.getAuthCode().then((code) => Boolean(code))")
        return str(self.run("WPP.conn.getAuthCode().then((code) => code.fullCode)"))

    def told(self, name: str, condition: str = "true", argument: object = None) -> Any:
        """The first event of this name for which the condition on its `value` holds; waits for it."""
        test = f"window.told.find(({{name, value}}) => name === {name!r} && ({condition}))"
        self.wait(f"(argument) => Boolean({test})", argument)
        return self.run(f"(argument) => {test}.value", argument)


@contextmanager
def emulator_at(**settings: object) -> Iterator[Phones]:
    """An emulator process with quick and quiet people; gives its controls."""
    command = [
        sys.executable, "-m", "wasup.emulator", "--end-with-stdin", "--tls-port=0", *flags(_QUICK | settings)
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready, url, tls_url = process.stdout.readline().split()
            assert ready == "ready"
            with Phones(url, tls_url) as phones:
                yield phones
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def browser_at() -> Iterator[Browser]:
    """Chromium; skips where there is none, or no wa-js."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    if not _WAJS.exists():
        pytest.skip("wa-js is not installed: npm ci --ignore-scripts in wasup/providers/webjs")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


def new_tab(context: BrowserContext, phones: Phones) -> Tab:
    """A tab of this context, with wa-js waiting for the page."""
    context.set_default_timeout(10_000)
    context.add_init_script(_PRIVATE)
    context.add_init_script(path=_WAJS)
    context.add_init_script(_COLLECT)
    return Tab(context.new_page(), phones)


def sign_in(tab: Tab, phone: str) -> None:
    """Open the page and pair it by QR code."""
    tab.open()
    tab.phones.ctl("scan", qr=tab.qr(), phone=phone)
    tab.wait_for_main()
