"""A page's life with the real wa-js in it: logging in, coming back, being cut off, put out, and broken on purpose."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, TimeoutError as PlaywrightTimeout

from tests.emulator.web.browsing import Phones, Tab, emulator_at, new_tab, sign_in

SEND = "([chat, body]) => WPP.chat.sendTextMessage(chat, body, {createChat: true, linkPreview: false})"
ADA = "15550001111"
ME = "15557654321"


@pytest.fixture(scope="module")
def hasty() -> Iterator[Phones]:
    """An emulator whose QR codes run out quickly."""
    with emulator_at(qr_count=2, qr_first_ttl=0.4, qr_ttl=0.3) as phones:
        yield phones


def bare(sent: dict[str, str]) -> str:
    """The message's own id, of what sending it gave back."""
    return sent["id"].split("_")[2]


def test_a_qr_code_is_scanned(tab: Tab) -> None:
    """Then the page is the account, and says so once."""
    tab.open()
    assert tab.run("WPP.conn.isAuthenticated()") is False
    tab.phones.ctl("scan", qr=tab.qr(), phone="15551000001")
    tab.told("conn.authenticated")
    tab.wait_for_main()
    assert tab.run("String(WPP.conn.getMyUserId())") == "15551000001@c.us"
    assert tab.run("WPP.conn.getAuthCode()") is None
    assert tab.run("WPP.chat.list().then((all) => all.length)") == 4
    names = tab.run("WPP.contact.list().then((all) => all.filter((one) => one.isMyContact).map((one) => one.name))")
    assert names == ["Ada", "Grace", "Linus"]


def test_a_pairing_code_is_typed(tab: Tab) -> None:
    """Instead of scanning."""
    tab.open()
    code = tab.run("WPP.conn.genLinkDeviceCodeForPhoneNumber('15551000002')")
    tab.phones.ctl("enter_code", code=code)
    tab.wait_for_main()
    assert tab.run("String(WPP.conn.getMyUserId())") == "15551000002@c.us"


def test_qr_codes_change_and_run_out(browser: Browser, hasty: Phones) -> None:
    """Each for its time; then the page waits to be asked for new ones."""
    context = browser.new_context()
    tab = new_tab(context, hasty)
    tab.open()
    tab.told("conn.qrcode_idle")
    assert [row["attempt"] for row in hasty.get("/ctl/log", kind="qr")] == [1, 2]
    assert tab.run("WPP.conn.getAuthCode()") is None
    assert tab.run("WPP.conn.refreshQR().then((code) => Boolean(code?.fullCode))") is True
    hasty.ctl("scan", qr=tab.qr(), phone="15551000003")
    tab.wait_for_main()
    context.close()


def test_a_login_is_restored_and_what_waited_is_delivered(tab: Tab) -> None:
    """From the browser's storage, without a code; `conn.authenticated` stays quiet about it."""
    sign_in(tab, "15551000004")
    tab.page.goto("about:blank")
    message_id = tab.phones.incoming("15551000004", ADA, "while you were away")
    tab.open()
    tab.wait_for_main()
    assert tab.run("window.told.filter(({name}) => name === 'conn.authenticated').length") <= 1
    tab.wait("(id) => Boolean(WPP.whatsapp.MsgStore.get(id))", f"false_{ADA}@c.us_{message_id}")
    rows = [row for row in tab.phones.get("/ctl/log", kind="acknowledged") if row["id"] == message_id]
    assert len(rows) == 1


def test_two_pages_are_two_accounts(settled: Tab, tab: Tab) -> None:
    """In one browser, each with what is its own."""
    sign_in(tab, "15551000005")
    bodies = "window.told.filter(({name}) => name === 'chat.new_message').map(({value}) => value.body)"
    for phone, one in ((ME, settled), ("15551000005", tab)):
        assert one.run("String(WPP.conn.getMyUserId())") == f"{phone}@c.us"
        one.phones.incoming(phone, ADA, f"for {phone}")
    for phone, one in ((ME, settled), ("15551000005", tab)):
        one.told("chat.new_message", "value.body === argument", f"for {phone}")
        assert one.run(bodies) == [f"for {phone}"]


def test_what_one_door_sends_comes_out_of_the_other(settled: Tab) -> None:
    """The network's devices of the same account hear what the page sends."""
    settled.phones.ctl("accounts", count=1, start_phone=ME)
    sent = settled.run(SEND, [f"{ADA}@c.us", "from the page"])
    given = [row for row in settled.phones.get("/ctl/log", kind="given", phone=ME) if row["id"] == bare(sent)]
    assert len(given) == 1


def test_a_cut_line_is_taken_up_again(settled: Tab) -> None:
    """Offline, then back; a text sent meanwhile goes out once, after."""
    settled.phones.ctl("drop", phone=ME)
    settled.told("conn.online", "value === false")
    sent = settled.run(SEND, [f"{ADA}@c.us", "sent while offline"])
    assert sent["sendMsgResult"]["messageSendResult"] == "OK"
    settled.wait_for_main()
    assert [row["id"] for row in settled.phones.sent(ME)].count(bare(sent)) == 1


def test_what_is_no_frame_ends_the_line(settled: Tab) -> None:
    """The page takes it up again."""
    settled.run("window.told.length = 0")
    settled.phones.ctl("garble", phone=ME)
    settled.told("conn.online", "value === false")
    settled.wait_for_main()


def test_an_answer_that_is_lost_is_asked_for_again(settled: Tab) -> None:
    """The message is taken once."""
    settled.phones.ctl("lose_answers", phone=ME)
    sent = settled.run(SEND, [f"{ADA}@c.us", "once"])
    assert sent["sendMsgResult"]["messageSendResult"] == "OK"
    for kind in ("send", "repeat"):
        assert [row["id"] for row in settled.phones.get("/ctl/log", kind=kind, phone=ME)].count(bare(sent)) == 1


def test_another_page_of_the_device_takes_over(settled: Tab) -> None:
    """The first shows a conflict, until it takes over in turn."""
    settled.phones.ctl("conflict", phone=ME)
    settled.told("conn.stream_mode_changed", "value === 'CONFLICT'")
    settled.run("require('WAWebSocketModel').Socket.takeover()")
    settled.wait_for_main()


@pytest.mark.parametrize(("control", "shown"), [("ban", "TOS_BLOCK"), ("proxy_block", "PROXYBLOCK")])
def test_whatsapp_bars_the_account(settled: Tab, control: str, shown: str) -> None:
    """The page shows which way, and stays, until it is let in again."""
    settled.phones.ctl(control, phone=ME)
    settled.told("conn.stream_mode_changed", f"value === '{shown}'")
    settled.phones.ctl("pardon", phone=ME)
    settled.run("require('WAWebSocketModel').Socket.reconnect()")
    settled.wait_for_main()


_KEEP_GOODBYES = """() => {
  WPP.on('conn.logout_reason', (reason) => { sessionStorage.reason = reason; });
  WPP.on('conn.logout', () => { sessionStorage.loggedOut = 'yes'; });
}"""


@pytest.mark.parametrize("reason", ["user_initiated", "account_locked"])
def test_the_page_is_logged_out(tab: Tab, reason: str) -> None:
    """By itself or by the phone: it forgets its device, tells why, and offers a QR code again."""
    sign_in(tab, "15551000011")
    tab.run(_KEEP_GOODBYES)  # the page is soon gone, and what it has told with it
    with tab.page.expect_navigation(url=re.compile(f"logout_reason={reason}")):
        if reason == "user_initiated":
            tab.run("void WPP.conn.logout()")
        else:
            tab.phones.ctl("unlink", phone="15551000011", reason=reason)
    tab.wait("window.WPP?.isFullReady")
    assert tab.run("[sessionStorage.reason, sessionStorage.loggedOut]") == [reason, "yes"]
    assert tab.run("WPP.conn.isAuthenticated()") is False
    assert tab.qr()


def test_a_thousand_chats_are_synchronised_quickly(tab: Tab) -> None:
    """With a message in each; well under a second on the page, and an idle page does nothing."""
    phone = "15551000012"
    sign_in(tab, phone)
    tab.phones.ctl("load", rate=100_000, count=1000, phones=[phone], chats_per_account=1000, keep=True)
    tab.wait("require('WAWebChatCollection').ChatCollection.length === 1004")
    started = time.monotonic()
    tab.page.reload()
    tab.wait("window.require?.('WAWebStreamModel').Stream.mode === 'MAIN'")
    took = time.monotonic() - started
    tab.wait_for_main()
    assert tab.run("WPP.chat.list().then((all) => all.filter((chat) => chat.msgs.length === 1).length)") == 1001
    assert took < 3.0, f"{took:.2f} s"


# -- breakages ------------------------------------------------------------------------------------------------


@pytest.fixture
def mended(phones: Phones) -> Iterator[None]:
    """Nothing stays broken for the next test."""
    yield
    phones.ctl("mend")


def test_a_missing_module_is_missing_for_its_account_alone(tab: Tab, mended: None) -> None:
    """Until it is mended; other accounts have it."""
    sign_in(tab, "15551000013")
    assert tab.phones.ctl("break", what="module_missing", module="WAWebSendMsgChatAction", phone="15551000099") == {
        "sessions": 0
    }
    tab.phones.ctl("break", what="module_missing", module="WAWebSendMsgChatAction", phone="15551000013")
    tab.reload()
    assert "not a function" in tab.run(
        "WPP.chat.sendTextMessage('15550001111@c.us', 'x').catch((error) => error.message)"
    )
    assert tab.phones.ctl("mend", phone="15551000013") == {"mended": 1}


def test_whatsapp_changes(tab: Tab, mended: None) -> None:
    """A member of another name: wa-js never becomes ready."""
    tab.phones.ctl("break", what="module_changed", module="WAWebStreamModel", member="Stream")
    tab.page.goto(f"{tab.phones.url}/web/")
    tab.wait("window.WPP?.isInjected")
    assert tab.run("require('WAWebStreamModel').Stream") is None
    assert tab.run("WPP.isFullReady") is False


def test_no_qr_code_ever_comes(tab: Tab, mended: None) -> None:
    """The page stays as it opened."""
    tab.phones.ctl("break", what="no_qr")
    tab.open()
    assert tab.run("WPP.conn.getAuthCode()") is None
    assert tab.run("require('WAWebSocketModel').Socket.state") == "OPENING"


def test_synchronising_takes_long(tab: Tab, mended: None) -> None:
    """Authenticated, without chats."""
    sign_in(tab, "15551000014")
    tab.phones.ctl("break", what="slow_sync", phone="15551000014", seconds=60)
    tab.page.reload()
    tab.wait("window.WPP?.isInjected && WPP.conn.isAuthenticated() && WPP.conn.getStreamData().mode === 'SYNCING'")
    assert tab.run("WPP.chat.list().then((all) => all.length)") == 0


def test_the_phone_logs_out_during_synchronisation(tab: Tab, mended: None) -> None:
    """After pairing, before anything is there."""
    tab.open()
    tab.phones.ctl("break", what="logout_during_sync", phone="15551000015")
    with tab.page.expect_navigation(url=re.compile("logout_reason=unknown_companion")):
        tab.phones.ctl("scan", qr=tab.qr(), phone="15551000015")
    assert tab.phones.get("/ctl/log", kind="unlinked", phone="15551000015")


def test_the_renderer_crashes(tab: Tab) -> None:
    """As Chromium tells it."""
    sign_in(tab, "15551000016")
    with tab.page.expect_event("crash"):
        tab.phones.ctl("break", what="crash", phone="15551000016")


def test_the_page_hangs(tab: Tab) -> None:
    """It answers nothing any more; its neighbours do, and it can still be closed."""
    sign_in(tab, "15551000017")
    assert tab.phones.ctl("hang", phone="15551000017") == {"sessions": 1}
    session = tab.page.context.browser
    assert session is not None
    neighbour = session.new_context()
    assert neighbour.new_page().evaluate("1 + 1") == 2
    neighbour.close()
    with pytest.raises(PlaywrightTimeout, match="Timeout"):
        tab.page.wait_for_function("true", timeout=500)
