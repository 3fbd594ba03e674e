"""Logins to the dashboard: a cookie instead of an API key.

The cookie holds a token of 256 random bits and nothing else; the database holds the token's digest beside the key
that it was begun with. So the key cannot be read from the cookie, the cookie cannot be made from the database, a
restart ends no login, and whatever becomes of the key becomes of the login.

A page of another site cannot use the cookie: browsers do not send it along (SameSite), requests that come from
elsewhere are refused when the browser says so, and every change needs a second token, which only this site's pages
can read. It is derived from the first, so that it belongs to this login alone.
"""

import hashlib
import hmac
import re
import secrets
from typing import Final
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers
from werkzeug.http import dump_cookie, parse_cookie

from wasup.http.keys import Believed
from wasup.ports.resources import BrowserSession, BrowserSessionStore
from wasup.ports.store import ApiKey

__all__ = [
    "COOKIE",
    "CSRF_HEADER",
    "Logins",
    "cookie",
    "csrf_token",
    "has_csrf_token",
    "is_from_elsewhere",
    "session_token",
]

CSRF_HEADER: Final = "X-CSRF-Token"

COOKIE: Final = "wasup_session"
_SHAPE: Final = re.compile(r"[0-9A-Za-z_-]{43}")  # 256 bits in base64
_IDLE: Final = 12 * 3600 * 1000  # ms
_LONGEST: Final = 7 * 24 * 3600 * 1000
_EXTEND_AFTER: Final = 60 * 1000  # so that not every request is a write


def session_token(headers: Headers) -> str | None:
    """The token that a request's cookie holds; None without a cookie, or with one that is none of ours."""
    # Whatever else on this host sets cookies may put bytes into them that are no text: ours is found nevertheless.
    cookies = headers.get("Cookie", "").encode("ascii", "replace").decode()
    token = parse_cookie(cookies).get(COOKIE, "")
    return token if _SHAPE.fullmatch(token) else None


def cookie(token: str | None, *, secure: bool) -> str:
    """A `Set-Cookie` header: for this token, or to remove it.

    It lasts as long as the longest login. When a login that is not used is over, the server knows.
    """
    return dump_cookie(
        COOKIE,
        token or "",
        max_age=_LONGEST // 1000 if token else 0,
        path="/",
        secure=secure,
        httponly=True,
        samesite="Strict",
        sync_expires=False,
    )


def csrf_token(token: str) -> str:
    """The second token of a login, which this site's pages send along with every change."""
    return hmac.digest(token.encode(), b"wasup csrf", "sha256").hex()


def has_csrf_token(headers: Headers, token: str) -> bool:
    """Whether a request brings the second token of this login."""
    return hmac.compare_digest(headers.get(CSRF_HEADER, "").encode(), csrf_token(token).encode())


def is_from_elsewhere(headers: Headers) -> bool:
    """Whether the browser says that another site's page sends this request.

    `Origin` counts where there is no `Sec-Fetch-Site`: that is sent over HTTPS and loopback alone, and knows the
    address that the browser sees, whatever name a reverse proxy calls us by.
    """
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("Host")


class Logins:
    """Begins, resumes and ends logins.

    Args:
        store: keeps them.
        seconds: how long one that was looked up is believed; a revocation of its key takes effect within it.
    """

    def __init__(self, store: BrowserSessionStore, *, seconds: float) -> None:
        self._store = store
        self._known: Believed[BrowserSession] = Believed(store.session, seconds=seconds)

    def was_good(self, token: str) -> bool:
        """Whether it was one when it was last looked up."""
        return self._known.last(_digest(token)) is not None

    def forget(self, key_id: int) -> None:
        """Look logins with this key up again the next time."""
        self._known.drop(lambda session: session.key.id == key_id)

    async def begin(self, key: ApiKey, now_ms: int) -> tuple[str, BrowserSession]:
        """A new login with this key, and its token.

        Raises:
            DatabaseUnavailable: it cannot be stored.
        """
        token = secrets.token_urlsafe(32)
        session = BrowserSession(key=key, began_at=now_ms, expires_at=_end(key, now_ms, now_ms))
        await self._store.open_session(_digest(token), key_id=key.id, began_at=now_ms, expires_at=session.expires_at)
        return token, session

    async def find(self, token: str, now_ms: int) -> BrowserSession | None:
        """The login with this token, which goes on since it is used; None when there is none, or it is over.

        Raises:
            DatabaseUnavailable: it cannot be told.
        """
        digest = _digest(token)
        session = await self._known.look_up(digest)
        if session is None or session.expires_at <= now_ms:
            return None
        until = _end(session.key, session.began_at, now_ms)
        if until - session.expires_at >= _EXTEND_AFTER:
            await self._store.extend_session(digest, expires_at=until)
            self._known.drop(lambda known: known is session)
        return session

    async def end(self, token: str) -> None:
        """Log out.

        Raises:
            DatabaseUnavailable: it goes on, or that is not known.
        """
        digest = _digest(token)
        await self._store.close_session(digest)
        ended = self._known.last(digest)
        self._known.drop(lambda known: known is ended)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _end(key: ApiKey, began_at: int, now_ms: int) -> int:
    """When a login that is used now is over: after 12 h without use, after a week, or with its key."""
    ends = [now_ms + _IDLE, began_at + _LONGEST]
    if key.expires_at is not None:
        ends.append(key.expires_at)
    return min(ends)
