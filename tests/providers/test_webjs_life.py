"""How WhatsApp Web's own words become events and ends of a session."""

import time
from typing import Any

import msgspec
import pytest

from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.session import Paired, QrIssued, Ready, SessionEvent, SyncProgress
from wasup.providers.webjs import raw
from wasup.providers.webjs.life import Life, Secret, read_secret

ORIGIN = "https://web.whatsapp.com"
ME = raw.Who(id="5511999998888@c.us", lid="111@lid")
SECRET = Secret(profile="account-1", wid=ME.id)


def life(secret: Secret | None = None) -> Life:
    """A connection that has begun."""
    made = Life(origin=ORIGIN, profile="account-1", secret=secret)
    made.hear(raw.Boot(url=f"{ORIGIN}/"))
    made.hear(raw.Injected(missing=(), version="2.3000.1"))
    return made


def state(socket: str = "CONNECTED", mode: str = "MAIN", **more: Any) -> raw.State:
    """A state of the page, logged in if nothing else is said."""
    fields: dict[str, Any] = {"socket": socket, "mode": mode, "authenticated": True, "synced": True, "me": ME}
    return raw.State(**(fields | more))


def ends(made: Life, *events: raw.Event) -> Disconnected:
    """How it ends at the last of these events."""
    for event in events[:-1]:
        made.hear(event)
    with pytest.raises(Disconnected) as end:
        made.hear(events[-1])
    assert end.value.detail
    return end.value


def told(made: Life, *events: raw.Event) -> list[SessionEvent]:
    """What is told at these events."""
    return [heard for event in events for heard in made.hear(event)]


def test_a_restored_login_becomes_ready_once() -> None:
    """Progress first, then ready, and nothing when it is said again."""
    syncing = state(mode="SYNCING", synced=False, chats=3)
    events = told(life(SECRET), syncing, syncing, state(synced=False, chats=3), state(chats=3), state(chats=4))
    assert [type(event) for event in events] == [SyncProgress, Ready]


def test_ready_on_the_qr_screen_is_none() -> None:
    """The mode alone says nothing: wa-js calls a QR screen ready, too."""
    assert told(life(), state("UNPAIRED", "QR", authenticated=False, me=None)) == []


def test_codes_are_numbered_and_have_their_times() -> None:
    """The page's own time counts; where it tells none, the first lives 60 s and the others 20."""
    made = life()
    offers = told(made, raw.Qr(code="a"), raw.Qr(code="a"), raw.Qr(code="b"), raw.Qr(code="c", ttl=5))
    assert offers == [
        QrIssued(code="a", expires_in=60, attempt=1),
        QrIssued(code="b", expires_in=20, attempt=2),
        QrIssued(code="c", expires_in=5, attempt=3),
    ]
    assert ends(made, raw.QrExhausted()).reason is DisconnectReason.QR_EXPIRED


def test_a_page_that_begins_idle_has_not_run_out_of_codes() -> None:
    """No code was offered yet: one is asked for."""
    assert told(life(), raw.QrExhausted()) == []


def test_a_pairing_tells_its_secret_before_anything_else() -> None:
    """Paired, progress, ready; the secret names the profile and the account."""
    made = life()
    made.hear(raw.Qr(code="a"))
    events = told(made, state(mode="SYNCING", synced=False), state())
    assert [type(event) for event in events] == [Paired, SyncProgress, Ready]
    assert isinstance(events[0], Paired)
    assert read_secret(events[0].secret) == SECRET


@pytest.mark.parametrize(
    ("socket", "mode", "reason"),
    [
        ("CONFLICT", "CONFLICT", DisconnectReason.REPLACED),
        ("CONNECTED", "CONFLICT", DisconnectReason.REPLACED),
        ("PROXYBLOCK", "PROXYBLOCK", DisconnectReason.PROXY_BLOCKED),
        ("TOS_BLOCK", "TOS_BLOCK", DisconnectReason.BANNED),
        ("SMB_TOS_BLOCK", "QR", DisconnectReason.BANNED),
        ("DEPRECATED_VERSION", "DEPRECATED_VERSION", DisconnectReason.CLIENT_OUTDATED),
    ],
)
def test_states_that_end_a_session(socket: str, mode: str, reason: DisconnectReason) -> None:
    """Each has its one reason, before and after ready."""
    assert ends(life(SECRET), state(socket, mode)).reason is reason
    assert ends(life(SECRET), state(), state(socket, mode, authenticated=False, me=None)).reason is reason


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([raw.Logout(reason="user_initiated"), raw.Logout()], DisconnectReason.LOGGED_OUT),
        ([raw.Logout(reason="account_locked"), raw.Logout()], DisconnectReason.LOCKED),
        ([raw.Logout()], DisconnectReason.LOGGED_OUT),
        (
            [raw.Boot(url=f"{ORIGIN}/?post_logout=1&logout_reason=unknown_companion")],
            DisconnectReason.LOGGED_OUT,
        ),
        ([raw.Boot(url=f"{ORIGIN}/?post_logout=1&logout_reason=account_locked")], DisconnectReason.LOCKED),
        ([state(), raw.Qr(code="a")], DisconnectReason.LOGGED_OUT),
        ([raw.Logout(reason="syncd_failure"), raw.Qr(code="a")], DisconnectReason.LOGGED_OUT),
        ([raw.Qr(code="a")], DisconnectReason.BAD_SESSION),
        ([state("UNPAIRED", "QR", authenticated=False, me=None)], DisconnectReason.BAD_SESSION),
    ],
)
def test_a_login_that_is_gone(events: list[raw.Event], reason: DisconnectReason) -> None:
    """WhatsApp says when it logs a device out; a page that asks to pair without that has a damaged profile."""
    made = life(SECRET)
    assert ends(made, *events).reason is reason
    assert made.login_gone  # what the profile holds is of no use


def test_a_lost_line_is_no_end() -> None:
    """TIMEOUT heals by itself; somebody else has the deadline."""
    made = life(SECRET)
    stood = []
    for event in (state(), state("TIMEOUT", "OFFLINE"), state()):
        made.hear(event)
        stood.append(made.connected)
    assert stood == [True, False, True]


def test_a_page_that_loads_itself_anew_begins_a_new_session() -> None:
    """WhatsApp Web does that when it is updated; only a new session merges what came in between."""
    made = life(SECRET)
    made.ready = True
    assert ends(made, raw.Boot(url=f"{ORIGIN}/")).reason is DisconnectReason.RESTART_REQUIRED


def test_a_whatsapp_that_has_changed_is_named() -> None:
    """Whoever mends it learns what is missing."""
    made = Life(origin=ORIGIN, profile="account-1", secret=None)
    end = ends(made, raw.Injected(missing=("MsgStore", "functions.sendSeen")))
    assert end.reason is DisconnectReason.CLIENT_OUTDATED
    assert "MsgStore, functions.sendSeen" in end.detail


@pytest.mark.parametrize("url", ["https://example.com/", "chrome-error://chromewebdata/", "http://web.whatsapp.com/"])
def test_a_page_that_goes_elsewhere_ends_the_session(url: str) -> None:
    """The driver must never serve another site."""
    assert ends(life(SECRET), raw.Boot(url=url)).reason is DisconnectReason.PROTOCOL_ERROR


def test_a_profile_of_another_account_is_a_bad_session() -> None:
    """A mix-up of folders must not send one customer's messages as another."""
    secret = msgspec.structs.replace(SECRET, wid="1@c.us")
    assert ends(life(secret), state()).reason is DisconnectReason.BAD_SESSION


def test_what_the_driver_could_not_tell_is_kept() -> None:
    """For those who ask why something is missing."""
    made = life()
    assert made.hear(raw.Trouble(where="chat.new_message", detail="x is undefined")) == []
    assert made.troubles == {"chat.new_message": "x is undefined"}


@pytest.mark.parametrize("data", [b"", b"\xff", b"{}", b"[]", b"device-secret"])
def test_a_secret_of_another_kind_is_a_bad_session(data: bytes) -> None:
    """The message tells nothing of it."""
    with pytest.raises(Disconnected) as end:
        read_secret(data)
    assert end.value.reason is DisconnectReason.BAD_SESSION


@pytest.mark.parametrize("word", ["TOS_BLOCK", "SMB_TOS_BLOCK"])
def test_a_ban_with_an_end_is_a_temporary_one(word: str) -> None:
    """The page tells when it tries again: hours ahead is the end of a ban, seconds ahead are nothing special."""
    until = time.time() + 3600
    temporary = ends(life(SECRET), state("CONNECTED", word, retry=until))
    assert (temporary.reason, temporary.until) == (DisconnectReason.TEMPORARILY_BANNED, until)
    for retry in (None, time.time() + 5, time.time() - 3600):
        assert ends(life(SECRET), state("CONNECTED", word, retry=retry)).reason is DisconnectReason.BANNED
