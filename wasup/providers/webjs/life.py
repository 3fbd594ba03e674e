"""What the page's connection goes through, as a state machine without I/O: driver events in, session events out.

How WhatsApp's own words end a session (`Socket.state`, `Stream.mode`, reasons of a log-out) is decided here and
nowhere else. Ready means: authenticated, the stream's mode is MAIN, and the chats are loaded. wa-js's own
`main_ready` is not used, since it also fires on the QR screen.
"""

import time
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.session import Me, Paired, QrIssued, Ready, SessionEvent, SyncProgress
from wasup.providers.webjs import raw
from wasup.providers.webjs.translate import me_of

__all__ = ["Life", "Secret", "read_secret"]

_ENDS: Final = {
    "CONFLICT": DisconnectReason.REPLACED,
    "PROXYBLOCK": DisconnectReason.PROXY_BLOCKED,
    "TOS_BLOCK": DisconnectReason.BANNED,
    "SMB_TOS_BLOCK": DisconnectReason.BANNED,
    "DEPRECATED_VERSION": DisconnectReason.CLIENT_OUTDATED,
}
"""States of WhatsApp Web's socket and modes of its stream that end a session."""

_BANS: Final = frozenset({"TOS_BLOCK", "SMB_TOS_BLOCK"})
_BAN_AT_LEAST: Final = 60.0
"""Seconds that a temporary ban lasts at least; a shorter wait is one before the next attempt to connect."""

_FIRST_CODE: Final = 60.0
_OTHER_CODES: Final = 20.0
"""How long a QR code lives where the page does not tell."""


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a login in the database: the keys themselves are in the browser's profile.

    Attributes:
        profile: name of the profile that holds the keys.
        wid: who the account is.
    """

    profile: str
    wid: str


def read_secret(data: bytes) -> Secret:
    """The secret of a stored login.

    Raises:
        Disconnected: `BAD_SESSION`, it is none of this provider's.
    """
    try:
        return msgspec.json.decode(data, type=Secret)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Disconnected(DisconnectReason.BAD_SESSION, "the stored login is none of WhatsApp Web's") from None


class Life:
    """One connection's state.

    Args:
        origin: where WhatsApp Web is; a page that goes elsewhere has been led astray.
        profile: name of the browser's profile.
        secret: of the login to be restored; None to pair anew.

    Attributes:
        profile: name of the browser's profile.
        me: who the account is, once known.
        injected: wa-js and the driver are at work in the page.
        ready: `Ready` has been told.
        connected: the page's own connection stands; when it does not, the page mends it by itself.
        attempts: QR codes offered so far.
        version: of WhatsApp's page, once known.
        login_gone: the profile holds no login (any more).
        troubles: events that the driver could not tell, the latest of each place.
    """

    def __init__(self, *, origin: str, profile: str, secret: Secret | None) -> None:
        self.me: Me | None = None
        self.injected = False
        self.connected = False
        self.attempts = 0
        self.ready = False
        self.version: str | None = None
        self.login_gone = False
        self.troubles: dict[str, str] = {}
        self._origin = origin
        self.profile = profile
        self._secret = secret
        self._logged_in = secret is not None
        self._code: str | None = None
        self._logout_reason: str | None = None
        self._progress = -1

    def hear(self, event: raw.Event) -> list[SessionEvent]:
        """What an event of the connection means to whoever reads the session.

        Raises:
            Disconnected: the session has ended.
        """
        match event:
            case raw.Boot(url=url):
                self._begin(url)
            case raw.Injected(missing=missing, version=version):
                self.version = version
                if missing:
                    what = ", ".join(missing)
                    raise Disconnected(DisconnectReason.CLIENT_OUTDATED, f"WhatsApp has changed: no {what} any more")
                self.injected = True
            case raw.Qr(code=code, ttl=ttl):
                return self._offer(code, ttl)
            case raw.QrExhausted() if self.attempts and not self._logged_in:
                raise Disconnected(DisconnectReason.QR_EXPIRED, "nobody scanned the QR codes")
            case raw.Logout(reason=str(reason)):
                self._logout_reason = reason
            case raw.Logout():
                raise self._logged_out()
            case raw.State():
                return self._move(event)
            case raw.Trouble(where=where, detail=detail):
                self.troubles[where] = detail
            case _:
                pass
        return []

    def _begin(self, url: str) -> None:
        """A document begins. After a log-out WhatsApp loads its page anew, with the reason in the address."""
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != self._origin:
            raise Disconnected(DisconnectReason.PROTOCOL_ERROR, f"the page went away to {parts.netloc or parts.scheme}")
        self.injected = self.connected = False
        query = parse_qs(parts.query)
        if "post_logout" in query and self._logged_in:
            self._logout_reason = query.get("logout_reason", [self._logout_reason or ""])[0]
            raise self._logged_out()
        if self.ready:  # what came in between is merged by a new session only
            raise Disconnected(DisconnectReason.RESTART_REQUIRED, "WhatsApp Web has loaded its page anew")

    def _logged_out(self) -> Disconnected:
        reason = self._logout_reason or "no reason told"
        self.login_gone = True
        if reason == "account_locked":
            return Disconnected(DisconnectReason.LOCKED, "the phone has locked the account (account_locked)")
        return Disconnected(DisconnectReason.LOGGED_OUT, f"WhatsApp has logged this device out ({reason})")

    def _unpaired(self) -> Disconnected:
        """The page asks to be paired although there was a login.

        A device that the phone has unlinked is told so before. Without that the browser's profile has lost its
        keys, and there may be a better copy of it.
        """
        if self._logout_reason is not None or self._secret is None or self.me is not None:
            return self._logged_out()
        self.login_gone = True
        return Disconnected(DisconnectReason.BAD_SESSION, "the browser's profile has lost the login")

    def _offer(self, code: str, ttl: float) -> list[SessionEvent]:
        if self._logged_in:
            raise self._unpaired()
        if code == self._code:
            return []
        self._code = code
        self.attempts += 1
        lifetime = ttl or (_FIRST_CODE if self.attempts == 1 else _OTHER_CODES)
        return [QrIssued(code=code, expires_in=lifetime, attempt=self.attempts)]

    def _move(self, state: raw.State) -> list[SessionEvent]:
        for word in (state.socket, state.mode):
            if word in _ENDS:
                raise _end_of(word, state.retry)
        if state.socket == "UNPAIRED" and self._logged_in:
            raise self._unpaired()
        self.connected = state.socket == "CONNECTED" and state.mode in {"MAIN", "SYNCING"}
        if not state.authenticated or state.me is None:
            return []
        return self._authenticated(state, me_of(state.me))

    def _authenticated(self, state: raw.State, me: Me) -> list[SessionEvent]:
        if self._secret is not None and self._secret.wid != me.id:
            detail = "the browser's profile belongs to another account than the stored login"
            raise Disconnected(DisconnectReason.BAD_SESSION, detail)
        events: list[SessionEvent] = []
        if not self._logged_in:
            self._logged_in = True
            secret = Secret(profile=self.profile, wid=me.id)
            events.append(Paired(me=me, secret=msgspec.json.encode(secret)))
        self.me = me
        if self.ready:
            return events
        if state.mode == "MAIN" and state.synced:
            self.ready = True
            events.append(Ready(me=me))
        elif state.chats > self._progress:
            self._progress = state.chats
            events.append(SyncProgress(done=state.chats, total=state.chats))
        return events


def _end_of(word: str, retry: float | None) -> Disconnected:
    """The end that a state of the page means.

    A temporary ban has no word of its own in WhatsApp's page. What tells it apart, as far as is known (a guess, never
    seen on the real page): its socket says when it tries again, and that is not soon.
    """
    if word in _BANS and retry is not None and retry > time.time() + _BAN_AT_LEAST:
        detail = f"WhatsApp Web says {word}, for some time"
        return Disconnected(DisconnectReason.TEMPORARILY_BANNED, detail, until=retry)
    return Disconnected(_ENDS[word], f"WhatsApp Web says {word}")
