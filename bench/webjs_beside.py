"""What accounts in browsers are measured beside: WhatsApp's page in a bare browser, and whatsapp-web.js."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import psutil
import trio
from playwright.async_api import Page

from wasup.bridge import Bridge
from wasup.browsers import Browser, BrowserHost, BrowserHostSettings, find_chromium
from wasup.emulator.client import EmulatorClient

__all__ = ["bare_page_cpu", "memory_of_tree", "missing_for_rival", "rival_memory"]

_HERE = Path(__file__).parent
_MODULES = _HERE.parent / "tests/emulator/clients/node_modules"
_READY_WITHIN = 90.0
_LogIn: TypeAlias = Callable[[EmulatorClient, str], Awaitable[None]]
_LOGIN = """(() => {
  if (location.protocol !== 'about:') localStorage.setItem('emulator-device', %s);
})();"""


def memory_of_tree(pid: int) -> int:
    """Bytes of PSS of a process and all below it."""
    process = psutil.Process(pid)
    return sum(one.memory_full_info().pss for one in (process, *process.children(recursive=True)))


async def bare_page_cpu(emulator: EmulatorClient, count: int, *, settle: float, seconds: float) -> float:
    """Share of a core that one logged-in page takes in a browser of ours, with nothing of ours in the page."""
    made = await emulator.make_accounts(count, start_phone="5531900000000")
    people = {account["phone"]: account for account in await emulator.accounts()}
    with tempfile.TemporaryDirectory() as folder:
        settings = BrowserHostSettings(profiles=Path(folder), max_sessions=count, disk_reserve=0)
        async with Bridge() as bridge, BrowserHost.open(settings, bridge) as host, AsyncExitStack() as stack:
            browsers: list[Browser] = []
            for number, (phone, device) in enumerate(made):
                me = {name: people[phone][name] for name in ("id", "lid", "push_name")}
                login = json.dumps(json.dumps({"secret": device.decode(), "me": me}))
                browser = await stack.enter_async_context(
                    host.browser(str(number), restore=False, init_scripts=[_LOGIN % login])
                )
                await bridge.run(_visit, browser.page, f"{emulator.url}/web/")
                browsers.append(browser)
            await trio.sleep(settle)
            before = [(await browser.usage(max_age=0)).cpu_seconds for browser in browsers]
            await trio.sleep(seconds)
            after = [(await browser.usage(max_age=0)).cpu_seconds for browser in browsers]
    return (sum(after) - sum(before)) / seconds / count


async def _visit(page: Page, url: str) -> None:
    await page.goto(url)


def missing_for_rival() -> str | None:
    """What whatsapp-web.js lacks on this machine; None if nothing."""
    if not (_MODULES / "whatsapp-web.js").is_dir():
        return "whatsapp-web.js is not installed: `make bench` fetches it, with npm"
    return None if shutil.which("node") else "node is missing: apt-get install nodejs"


async def rival_memory(emulator: EmulatorClient, counts: tuple[int, ...], *, settle: float) -> dict[int, int]:
    """Bytes of PSS of whatsapp-web.js with so many accounts each, its own process and all browsers together."""
    assert emulator.tls_url is not None
    port = emulator.tls_url.rpartition(":")[2].strip("/")
    found: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with _client(port, folder) as (pid, log_in):
            for number in range(1, max(counts) + 1):
                with trio.fail_after(_READY_WITHIN):
                    await log_in(emulator, f"5541900000{number:03}")
                if number in counts:
                    await trio.sleep(settle)
                    found[number] = await trio.to_thread.run_sync(memory_of_tree, pid)
    return found


@asynccontextmanager
async def _client(port: str, folder: str) -> AsyncIterator[tuple[int, _LogIn]]:
    process = await trio.lowlevel.open_process(
        ["node", str(_HERE / "whatsapp_web.cjs"), port, str(find_chromium()), folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "NODE_PATH": str(_MODULES)},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, lines = process.stdin, _lines(process.stdout)

    async def log_in(emulator: EmulatorClient, phone: str) -> None:
        await stdin.send_all(b"another\n")
        scanned = False
        async for told in lines:
            if told["event"] == "qr" and not scanned:
                await emulator.scan(told["qr"], phone)
                scanned = True
            if told["event"] == "ready":
                return
        raise RuntimeError("whatsapp-web.js has ended")

    try:
        yield process.pid, log_in
    finally:
        with trio.CancelScope(shield=True):
            tree = psutil.Process(process.pid).children(recursive=True)
            await stdin.aclose()
            with trio.move_on_after(15):
                await process.wait()
            for one in (*tree, psutil.Process(process.pid) if process.poll() is None else None):
                if one is not None and one.is_running():
                    one.kill()
            await process.wait()


async def _lines(stream: trio.abc.ReceiveStream) -> AsyncIterator[dict[str, Any]]:
    left = b""
    async for piece in stream:
        *whole, left = (left + piece).split(b"\n")
        for line in whole:
            if line.startswith(b"{"):
                yield json.loads(line)
