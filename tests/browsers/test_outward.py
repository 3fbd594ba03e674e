"""What pages and their workers ask of other hosts: it reaches nobody, and it is counted."""

from collections import Counter

import trio
from playwright.async_api import BrowserContext, Page

from tests.browsers.conftest import SharedHost
from tests.providers.stage import on_stage
from wasup.providers.webjs.outward import Outward

BEGIN = {
    "page": "fetch('http://request.page.example/').catch(() => new WebSocket('ws://socket.page.example/'))",
    "own": "fetch('http://request.own.example/').catch(() => new WebSocket('ws://socket.own.example/'))",
    "worker": "new Worker('/worker/worker')",
    "shared": "new SharedWorker('/worker/shared')",
    "service": "navigator.serviceWorker.register('/worker/service')",
}


async def _visit(context: BrowserContext, page: Page, address: str, outward: Outward) -> None:
    await outward.guard(context, page)
    await page.goto(address)
    await page.evaluate(f"() => {{ {'; '.join(BEGIN.values())} }}")


@on_stage
async def test_whatever_part_of_a_page_asks_another_host_is_counted(harness: SharedHost, address: str) -> None:
    """Requests and sockets of the page itself and of its dedicated, shared and service workers."""
    total = Counter[str]()
    outward = Outward(["127.0.0.1", "*.own.example"], "1", total)
    foreign = {f"{what}.{kind}.example" for kind in BEGIN if kind != "own" for what in ("request", "socket")}
    async with harness.host.browser("1", restore=False, allowed_hosts=["127.0.0.1"]) as browser:
        await browser.bridge.run(_visit, browser.context, browser.page, address, outward)
        with trio.move_on_after(10):
            while outward.blocked.keys() < foreign:
                await trio.sleep(0.01)
    assert outward.blocked.keys() == foreign
    assert total == outward.blocked


_LOADS = """async (names) => {
  const loads = (name) => fetch(`/${name}`).then(() => true, () => false);
  const shows = (name) => new Promise((resolve) => {
    Object.assign(new Image(), { onload: () => resolve(true), onerror: () => resolve(false) }).src = `/${name}`;
  });
  return [await Promise.all(names.map(loads)), await shows('picture.svg'), await shows('picture.png')];
}"""


@on_stage
async def test_pictures_films_and_fonts_of_the_page_are_not_loaded(harness: SharedHost, address: str) -> None:
    """By their names, and they count as nothing that went astray; all else is loaded."""
    outward = Outward(["127.0.0.1"], "1", Counter())
    names = ["script.js", "picture.png", "film.mp4", "letters.woff2"]
    async with harness.host.browser("1", restore=False, allowed_hosts=["127.0.0.1"]) as browser:
        await browser.bridge.run(_visit, browser.context, browser.page, address, outward)
        loaded = await browser.bridge.run(browser.page.evaluate, _LOADS, names)
    assert loaded == [[True, False, False, False], True, False]
    assert "127.0.0.1" not in outward.blocked
