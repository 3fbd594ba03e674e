"""The dashboard's pages with something on them: what accessibility is looked for on, and pictures are made of."""

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from playwright.sync_api import expect

from tests.dashboard.stage import Stage, Visitor

__all__ = ["PLACES", "Place", "connected_account", "furnish"]

_WITHIN: Final = 20.0
_NUMBER: Final = "5511977770001"
_NAME: Final = "Front desk"
_TALK: Final = (
    ("15550002002@c.us", "The invoice for October, please."),
    ("15550002003@c.us", "Thank you, it arrived!"),
    ("15550002001@c.us", "Hello! Do you have a table for four tonight?"),
    ("15550002001@c.us", "Around eight, if that works."),
)
_ANSWER: Final = "With pleasure. See you at eight!"


class Place(NamedTuple):
    """A page: its name, and the way to it."""

    name: str
    show: Callable[[Visitor], None]


def _wait(look: Callable[[], Any]) -> Any:
    """What a look finds, as soon as it finds something."""
    until = time.monotonic() + _WITHIN
    while not (found := look()):
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.1)
    return found


def connected_account(stage: Stage, name: str, number: str) -> int:
    """The id of a new account that this phone has linked."""
    account_id: int = stage.call("POST", "/api/accounts", {"name": name, "provider_type": "emulated"})["id"]
    stage.call("POST", f"/api/accounts/{account_id}/connect")

    def status() -> str:
        return str(stage.call("GET", f"/api/accounts/{account_id}")["status"])

    _wait(lambda: status() == "qr_scanning")
    stage.control("scan", qr=stage.call("GET", f"/api/accounts/{account_id}/qr")["code"], phone=number)
    _wait(lambda: status() == "connected")
    return account_id


def furnish(stage: Stage) -> None:
    """Put a connected account with chats there, unless it is there already."""
    if any(account["name"] == _NAME for account in stage.call("GET", "/api/accounts")["data"]):
        return
    account_id = connected_account(stage, _NAME, _NUMBER)
    for chat, body in _TALK:
        stage.control("incoming", chat=chat, body=body, phone=_NUMBER)
    chats = {chat for chat, _ in _TALK}
    _wait(lambda: len(stage.call("GET", f"/api/accounts/{account_id}/chats")["data"]) >= len(chats))
    text = {"account_id": account_id, "to": _TALK[-1][0], "type": "text", "text": {"body": _ANSWER}}
    stage.call("POST", "/api/messages", text)


def _overview(visitor: Visitor) -> None:
    visitor.go("Overview")
    expect(visitor.page.locator("main canvas").first).to_be_visible()


def _accounts(visitor: Visitor) -> None:
    visitor.go("Accounts")
    expect(visitor.page.get_by_role("link", name=_NAME)).to_be_visible()


def _adding(visitor: Visitor) -> None:
    _accounts(visitor)
    visitor.page.get_by_role("button", name="Add account").click()
    expect(visitor.page.get_by_role("dialog", name="Add an account")).to_be_visible()


def _chat(visitor: Visitor) -> None:
    if visitor.page.get_by_role("dialog").count():
        visitor.page.keyboard.press("Escape")
    _accounts(visitor)
    visitor.page.get_by_role("link", name=_NAME).click()
    visitor.page.get_by_role("navigation", name="Chats").get_by_role("link").filter(has_text=_ANSWER).click()
    expect(visitor.page.get_by_role("article", name="Sent").filter(has_text=_ANSWER)).to_be_visible()


def _health(visitor: Visitor) -> None:
    _accounts(visitor)
    visitor.page.get_by_role("link", name=_NAME).click()
    visitor.page.get_by_role("link", name="State and health").click()
    expect(visitor.page.get_by_text("connected").first).to_be_visible()


def _supervision(visitor: Visitor) -> None:
    *_, account = visitor.stage.call("GET", "/api/accounts")["data"][:2]
    visitor.page.goto(f"{visitor.stage.url}/dashboard/supervision?path=root/accounts/{account['id']}/session")
    expect(
        visitor.page.get_by_role("region", name="Selected actor").get_by_text("Incarnation", exact=True)
    ).to_be_visible()
    expect(visitor.page.get_by_role("treeitem").first).to_be_visible()


def _webhooks(visitor: Visitor) -> None:
    visitor.go("Webhooks")
    expect(visitor.page.get_by_role("table", name="Endpoints")).to_be_visible()


def _endpoint(visitor: Visitor) -> None:
    _webhooks(visitor)
    visitor.page.get_by_role("table", name="Endpoints").get_by_role("link").first.click()
    expect(visitor.page.get_by_role("table", name="Deliveries")).to_be_visible()


def _settings(visitor: Visitor) -> None:
    visitor.go("Settings")
    expect(visitor.page.get_by_role("table").first).to_be_visible()


PLACES: Final = (
    Place("overview", _overview),
    Place("accounts", _accounts),
    Place("adding", _adding),
    Place("chat", _chat),
    Place("health", _health),
    Place("supervision", _supervision),
    Place("webhooks", _webhooks),
    Place("endpoint", _endpoint),
    Place("settings", _settings),
)
