"""A whole system with one browser, for tests and pictures of the dashboard."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.cli.test_commands import environment
from wasup.cli.bootstrap import ADMIN_KEY, API_KEY
from wasup.cli.local import read_key, read_system

__all__ = ["DESKTOP", "PHONE", "Stage", "Visitor", "open_stage"]

DESKTOP: Final = (1280, 800)
PHONE: Final = (375, 740)
PATIENCE: Final = 20_000  # ms, of a busy machine

_START_WITHIN: Final = 60.0
_CHROMIUM: Final = shutil.which("chromium")
_ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@dataclass
class Stage:
    """A running system: where it is, its keys, its emulator's controls, and a browser.

    Attributes:
        pid: of wasup's process.
        requests: addresses that the browser has asked for, in all its pages.
    """

    url: str
    emulator_url: str
    key: str
    admin: str
    browser: Browser
    pid: int
    requests: list[str] = field(default_factory=list)

    @contextmanager
    def visitor(self, size: tuple[int, int] = DESKTOP, *, scheme: Any = "light") -> Iterator["Visitor"]:
        """Somebody with a fresh browser profile and a screen of this size; what goes wrong in a page fails the test."""
        width, height = size
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="en-GB",
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(PATIENCE)
        context.on("request", self._note)
        faults: list[str] = []
        context.on("weberror", lambda error: faults.append(str(error.error)))
        context.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)
        try:
            yield Visitor(self, context, context.new_page())
        finally:
            context.close()
        assert faults == []

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)

    def control(self, name: str, **body: object) -> Any:
        """Have the emulator do something."""
        answer = httpx.post(f"{self.emulator_url}/ctl/{name}", content=json.dumps(body), trust_env=False)
        return answer.raise_for_status().json()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Ask wasup's API, as the workspace's back end would."""
        headers = {"X-Api-Key": self.key}
        answer = httpx.request(method, self.url + path, json=body, headers=headers, trust_env=False, timeout=20)
        return answer.raise_for_status().json() if answer.content else None


@dataclass
class Visitor:
    """Somebody at the dashboard."""

    stage: Stage
    context: BrowserContext
    page: Page

    def sign_in(self, key: str) -> None:
        """Enter with a key, from the root."""
        self.page.goto(self.stage.url)
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("navigation", name="Pages")).to_be_visible()

    def go(self, place: str) -> None:
        """Follow the navigation."""
        self.page.get_by_role("navigation", name="Pages").get_by_role("link", name=place).click()
        expect(self.page.get_by_role("heading", name=place, level=1)).to_be_visible()

    def open_phones(self) -> Page:
        """The emulator's page, in a tab of its own."""
        phones = self.context.new_page()
        phones.goto(self.stage.emulator_url)
        return phones

    def assert_fits(self) -> None:
        """Nothing makes the page wider than the screen."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{self.page.url} is {wide} px too wide"


@contextmanager
def open_stage(folder: Path) -> Iterator[Stage]:
    """Start a system in this folder, and a browser."""
    command = [sys.executable, "-m", "wasup", "quickstart", "--port", "0", "--emulator-port", "0"]
    with (folder / "wasup.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment(folder), stdout=log, stderr=log)
    data = folder / "data"
    expect.set_options(timeout=PATIENCE)
    try:
        until = time.monotonic() + _START_WITHIN
        while (system := read_system(data)) is None:
            assert process.poll() is None, (folder / "wasup.log").read_text()
            assert time.monotonic() < until, "wasup does not start"
            time.sleep(0.1)
        key, admin = read_key(data, API_KEY), read_key(data, ADMIN_KEY)
        assert key is not None
        assert admin is not None
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
            try:
                yield Stage(system.url, system.emulator_url, key, admin, browser, process.pid)
            finally:
                browser.close()
    finally:
        process.terminate()
        process.wait(timeout=40)
    printed = re.findall(r'.*"level": "error".*|.*Traceback.*', (folder / "wasup.log").read_text())
    assert printed == []
