"""Pictures of every page for the README: `python -m tests.dashboard.screenshots` writes them to docs/images/.

It takes two minutes, of which most is the traffic that the charts show.
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import expect

from tests.dashboard.pages import PLACES, connected_account, furnish
from tests.dashboard.stage import DESKTOP, PHONE, Stage, Visitor, open_stage

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images"
LARGEST: Final = 150_000  # bytes

_ACCOUNTS: Final = ("Bookings", "Invoices", "Kitchen", "Marketing", "Night shift", "Returns")
_RATES: Final = (2, 6, 11, 7, 14, 4)  # messages a second, for `_EACH` seconds each
_EACH: Final = 12
_SHOWN: Final = frozenset({"overview", "accounts", "chat", "health", "supervision", "webhooks", "endpoint", "settings"})


def enliven(stage: Stage) -> None:
    """Some accounts that receive now more and now less, one of which is killed on the way."""
    numbers = [f"55119666600{place:02}" for place in range(len(_ACCOUNTS))]
    ids = [connected_account(stage, name, number) for name, number in zip(_ACCOUNTS, numbers, strict=True)]
    with stage.visitor() as visitor:  # somebody who looks is what makes a page's own list of news
        visitor.sign_in(stage.admin)
        for place, rate in enumerate(_RATES):
            stage.control("load", rate=rate, seconds=_EACH, phones=numbers, chats_per_account=4)
            visitor.page.wait_for_timeout(_EACH * 500)
            stage.call("POST", f"/api/actors/root/accounts/{ids[place % len(ids)]}/session/restart")
            visitor.page.wait_for_timeout(_EACH * 500)
    stage.call("POST", "/api/accounts", {"name": "Warehouse", "provider_type": "emulated"})


def show_pairing(visitor: Visitor) -> None:
    """The code of an account that waits for its phone."""
    account_id = visitor.stage.call("POST", "/api/accounts", {"name": "New shop", "provider_type": "emulated"})["id"]
    visitor.stage.call("POST", f"/api/accounts/{account_id}/connect")
    visitor.page.goto(f"{visitor.stage.url}/dashboard/accounts/{account_id}")
    expect(visitor.page.get_by_role("img", name="QR code to link this account")).to_be_visible()


def take(visitor: Visitor, name: str) -> None:
    """One picture, of what is on the screen."""
    visitor.page.wait_for_timeout(700)  # fonts, charts, and what comes by the stream
    path = FOLDER / f"{name}.png"
    visitor.page.screenshot(path=path)
    size = path.stat().st_size
    sys.stdout.write(f"{path.name}: {size // 1000} kB\n")
    assert size <= LARGEST, f"{path} is too large"


def main() -> None:
    """Take them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_stage(Path(folder)) as stage:
        furnish(stage)
        enliven(stage)
        with stage.visitor(DESKTOP) as visitor:
            visitor.page.goto(stage.url)
            expect(visitor.page.get_by_label("API key")).to_be_visible()
            take(visitor, "sign-in")
            visitor.sign_in(stage.admin)
            for place in PLACES:
                if place.name in _SHOWN:
                    place.show(visitor)
                    take(visitor, place.name)
            show_pairing(visitor)
            take(visitor, "pairing")
        for scheme, name in (("dark", "overview"), ("dark", "supervision"), ("light", "chat")):
            with stage.visitor(PHONE, scheme=scheme) as visitor:
                visitor.sign_in(stage.admin)
                next(place for place in PLACES if place.name == name).show(visitor)
                take(visitor, f"phone-{name}")


if __name__ == "__main__":
    main()
