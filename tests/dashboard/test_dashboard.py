"""The dashboard in a real browser, before a real system: what a person does there, and whether everybody can."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.accessibility import serious_faults
from tests.dashboard.pages import PLACES, furnish
from tests.dashboard.stage import DESKTOP, PHONE, Stage, Visitor


@pytest.mark.parametrize(
    ("size", "number"), [(DESKTOP, "5511988880001"), (PHONE, "5511988880002")], ids=["desk", "phone"]
)
def test_a_newcomer_comes_from_the_key_to_an_answered_message(stage: Stage, size: tuple[int, int], number: str) -> None:
    """Enters, adds an account, scans its code, sees a message arrive, answers, mends a crash, replays a delivery."""
    with stage.visitor(size) as visitor:
        visitor.sign_in(stage.key)
        visitor.assert_fits()
        add_account(visitor, f"Support {number[-1]}", first=size == DESKTOP)
        phones = visitor.open_phones()
        scan(visitor, phones, number)
        receive_and_answer(visitor, phones, number)
        kill_and_see_it_recover(visitor, number)
        replay_a_delivery(visitor)


def add_account(visitor: Visitor, name: str, *, first: bool) -> None:
    """To the page of a new account: from the list of them, or, as a newcomer, from the steps of the first page."""
    page = visitor.page
    if first:
        expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
        page.get_by_role("button", name="Add the first account").click()
    else:
        visitor.go("Accounts")
        page.get_by_role("button", name="Add account").click()
    dialog = page.get_by_role("dialog", name="Add an account")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Provider").select_option("emulated")
    dialog.get_by_role("button", name="Add and connect").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def scan(visitor: Visitor, phones: Page, number: str) -> None:
    """With the emulator's phone: the page turns green by itself."""
    page = visitor.page
    expect(page.get_by_role("img", name="QR code to link this account")).to_be_visible()
    visitor.assert_fits()
    page.bring_to_front()
    page.get_by_role("button", name=re.compile("Copy the code")).click()
    phones.bring_to_front()
    phones.get_by_label("Text of the QR code").focus()
    phones.keyboard.press("Control+V")
    phones.get_by_label("Scan it with the phone").fill(number)
    phones.get_by_role("button", name="Scan").click()
    expect(page.get_by_role("heading", name="Paired")).to_be_visible()  # for some seconds
    expect(phones.get_by_text(f"Scanned: {number} is linked.")).to_be_visible()
    page.bring_to_front()
    expect(page.locator(".badge[data-state=connected]").first).to_be_visible()


def receive_and_answer(visitor: Visitor, phones: Page, number: str) -> None:
    """A message appears without a reload, and the answer reaches the phone."""
    page = visitor.page
    words, answer = f"Are you open, {number}?", f"Until ten, {number}."
    phones.bring_to_front()
    phones.get_by_role("button", name=f"+{number}").click()
    phones.get_by_label("Write to it as").fill("15550001111@c.us")
    phones.get_by_label("Message").fill(words)
    phones.get_by_role("button", name="Send", exact=True).click()
    page.bring_to_front()
    page.get_by_role("navigation", name="Chats").get_by_role("link").filter(has_text=words).click()
    log = page.get_by_role("log", name="Messages")
    expect(log.get_by_role("article", name="Received").filter(has_text=words).first).to_be_visible()
    page.get_by_label("Message", exact=True).fill(answer)
    page.get_by_role("button", name="Send", exact=True).click()
    sent = log.get_by_role("article", name="Sent").filter(has_text=answer)
    expect(sent).to_contain_text(re.compile("delivered|read", re.IGNORECASE))
    visitor.assert_fits()
    expect(phones.get_by_text(answer).first).to_be_attached()
    # One more while the chat is open: it is there without a hand's turn.
    phones.bring_to_front()
    phones.get_by_label("Message").fill("Thank you!")
    phones.get_by_role("button", name="Send", exact=True).click()
    page.bring_to_front()
    expect(log.get_by_role("article", name="Received").filter(has_text="Thank you!").first).to_be_visible()


def kill_and_see_it_recover(visitor: Visitor, number: str) -> None:
    """The account's session is seen crashing and coming back, with the reason in its history."""
    page = visitor.page
    account = next(
        row for row in visitor.stage.call("GET", "/api/accounts")["data"] if row["phone_number"] == f"+{number}"
    )
    path = f"root/accounts/{account['id']}/session"
    restarts = visitor.stage.call("GET", f"/api/actors/{path}")["restarts"]
    visitor.go("Supervision")
    page.get_by_label("Search actors").fill(f"accounts/{account['id']}/session")
    row = page.get_by_role("tree", name="Supervision tree").locator(f'[data-path="{path}"]')
    expect(row.locator(".badge")).to_have_attribute("data-state", "running")
    row.click()
    panel = page.get_by_role("region", name="Selected actor")
    panel.get_by_role("button", name="Restart").click()
    page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    expect(row.locator(".badge")).to_have_attribute("data-state", "crashed")
    expect(row.locator(".badge")).to_have_attribute("data-state", "running")
    expect(row).to_contain_text(f"{restarts + 1} restart")
    expect(panel.get_by_role("list").first).to_contain_text("killed")
    visitor.assert_fits()


def replay_a_delivery(visitor: Visitor) -> None:
    """The endpoint that came with the system gets an event again, and it is in its deliveries."""
    page = visitor.page
    visitor.go("Webhooks")
    page.get_by_role("table", name="Endpoints").get_by_role("link").first.click()
    deliveries = page.get_by_role("table", name="Deliveries")
    deliveries.get_by_role("button", name=re.compile("Replay event")).first.click()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("delivered again")
    expect(deliveries.get_by_text("replay", exact=True).first).to_be_visible()
    visitor.assert_fits()


def test_a_wrong_key_is_refused_in_words_and_a_page_without_a_login_leads_to_the_entrance(stage: Stage) -> None:
    """And a bookmark works once one is in; signing out ends it."""
    with stage.visitor() as visitor:
        page = visitor.page
        page.goto(f"{stage.url}/dashboard/supervision")
        page.get_by_label("API key").fill("wsp_" + "0" * 27)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("unknown, revoked or expired")
        page.get_by_label("API key").fill(stage.key)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Supervision", level=1)).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Supervision", level=1)).to_be_visible()
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("API key")).to_be_visible()
        page.goto(f"{stage.url}/dashboard/accounts")
        expect(page.get_by_label("API key")).to_be_visible()


@contextmanager
def halted(stage: Stage) -> Iterator[None]:
    """Wasup does nothing meanwhile, and closes no connection."""
    os.kill(stage.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stage.pid, signal.SIGCONT)


def test_heartbeats_keep_a_page_live_and_their_absence_makes_it_connect_anew(stage: Stage) -> None:
    """Also when nothing happens, and when the other end is gone without a word; the page's clock runs ahead of ours."""
    with stage.visitor() as visitor:
        page = visitor.page
        page.clock.install()
        visitor.sign_in(stage.admin)
        live = page.get_by_text("Live", exact=True)
        expect(live).to_be_visible()
        heard = visitor.context.new_cdp_session(page)
        heartbeats: list[Any] = []
        heard.on(
            "Network.eventSourceMessageReceived",
            lambda told: heartbeats.append(told) if told["eventName"] == "heartbeat" else None,
        )
        heard.send("Network.enable")
        opened = [address for address in stage.requests if "/events/stream" in address]
        page.clock.fast_forward(20_000)
        until = time.monotonic() + 20
        while not heartbeats:
            assert time.monotonic() < until, "there is no heartbeat"
            page.wait_for_timeout(100)
        page.clock.fast_forward(30_000)
        expect(live).to_be_visible()
        assert [address for address in stage.requests if "/events/stream" in address] == opened
        with halted(stage):
            page.clock.fast_forward(45_000)
            expect(page.get_by_text("Reconnecting…", exact=True)).to_be_visible()
        expect(live).to_be_visible()
        assert len([address for address in stage.requests if "/events/stream" in address]) > len(opened)


def test_a_value_that_does_not_fit_is_told_at_its_field(stage: Stage) -> None:
    """In words, by the name that stands above it; what is mended is saved."""
    with stage.visitor() as visitor:
        page = visitor.page
        visitor.sign_in(stage.admin)
        visitor.go("Settings")
        form = page.get_by_role("form", name="Limits and thresholds")
        rate = form.get_by_label("Rate per key")
        before = rate.input_value()
        rate.fill("-5")
        form.get_by_role("button", name="Save").click()
        expect(form.get_by_role("alert")).to_have_text("Rate per key: must be at least 0.01")
        expect(rate).to_have_attribute("aria-invalid", "true")
        expect(rate).to_be_focused()
        rate.fill(before)
        form.get_by_label("Default region").fill("BR")
        form.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status", name="Notices")).to_contain_text("Saved")
        expect(form.get_by_label("Default region")).to_have_value("BR")
        form.get_by_label("Default region").fill("")
        form.get_by_role("button", name="Save").click()
        expect(form.get_by_label("Default region")).to_have_value("")


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", DESKTOP), ("dark", DESKTOP), ("dark", PHONE)], ids=["light", "dark", "phone"]
)
def test_no_page_keeps_anybody_out(stage: Stage, scheme: str, size: tuple[int, int]) -> None:
    """axe-core finds no serious fault on the entrance, on any page as an admin sees it, and in a dialog."""
    furnish(stage)
    with stage.visitor(size, scheme=scheme) as visitor:
        page = visitor.page
        page.goto(stage.url)
        expect(page.get_by_label("API key")).to_be_visible()
        found = serious_faults(page)
        visitor.sign_in(stage.admin)
        for place in PLACES:
            place.show(visitor)
            found += serious_faults(page)
            visitor.assert_fits()
        assert found == []


def test_faults_are_found_where_there_are_some(stage: Stage) -> None:
    """The search works under the pages' policy: a picture without words, and words that nobody can read."""
    with stage.visitor() as visitor:
        page = visitor.page
        page.goto(stage.url)
        expect(page.get_by_label("API key")).to_be_visible()
        page.evaluate("""
            const faint = Object.assign(document.createElement('p'), {textContent: 'faint'});
            Object.assign(faint.style, {color: '#eee', backgroundColor: '#fff'});
            document.querySelector('main').append(document.createElement('img'), faint);
        """)
        found = {fault.split()[1] for fault in serious_faults(page)}
        assert found == {"image-alt", "color-contrast"}


def test_the_interactive_docs_ask_the_api(stage: Stage) -> None:
    """With a key, under the page's policy, and with nothing from another host."""
    with stage.visitor() as visitor:
        page = visitor.page
        page.goto(f"{stage.url}/docs")
        page.get_by_role("button", name="Authorize").first.click()
        page.get_by_label("auth-bearer-value").fill(stage.key)
        page.get_by_role("button", name="Apply credentials").first.click()
        page.get_by_role("button", name="Close").first.click()
        operation = page.locator("#operations-accounts-list_accounts")
        operation.get_by_role("button", name="/api/accounts").first.click()
        operation.get_by_role("button", name="Execute").click()
        expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


def test_no_request_goes_to_another_host(stage: Stage) -> None:
    """Of all that the tests before have done; the emulator's page is the one exception, which they opened."""
    with stage.visitor() as visitor:
        visitor.sign_in(stage.admin)
        for place in ("Accounts", "Supervision", "Webhooks", "Settings"):
            visitor.go(place)
    assert len(stage.requests) > 20
    ours = (stage.url + "/", stage.emulator_url, "data:", f"blob:{stage.url}/")
    assert [address for address in stage.requests if not address.startswith(ours)] == []
