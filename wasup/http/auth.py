"""Who is calling, and what they may do."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from werkzeug.datastructures import Headers

from wasup.http.dashboard.logins import CSRF_HEADER, Logins, has_csrf_token, is_from_elsewhere, session_token
from wasup.http.keys import KeyCache
from wasup.http.limits import KEY_OVERUSED, RateLimit, too_many
from wasup.http.problems import Problem
from wasup.ports.resources import BrowserSession
from wasup.ports.store import ApiKey

__all__ = ["NOBODY", "Doorkeeper", "Principal", "Scope", "credentials", "wrong_key"]

_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="wasup"'}
_HARMLESS: Final = frozenset({"GET", "HEAD"})


class Scope(StrEnum):
    """What a key may do. `admin` includes the others; without a workspace it reaches the whole instance."""

    READ = "read"
    SEND = "send"
    MANAGE = "manage"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The caller of a request.

    Attributes:
        key_id: row id of the key.
        workspace_id: the workspace that the key is confined to; None for all of them.
        scopes: what the key may do.
    """

    key_id: int
    workspace_id: int | None
    scopes: frozenset[str]

    def has(self, scope: str) -> bool:
        """Whether the caller may do this kind of thing somewhere."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def require(self, scope: Scope) -> None:
        """Make sure that the caller may do this kind of thing.

        Raises:
            Problem: 403.
        """
        if scope is Scope.ADMIN and self.workspace_id is not None:
            raise Problem(403, "This needs an admin key, one that belongs to no workspace.", "forbidden")
        if not self.has(scope):
            raise Problem(403, f"The API key lacks the scope '{scope}'.", "forbidden")


NOBODY: Final = Principal(key_id=0, workspace_id=0, scopes=frozenset())
"""The caller of a public route."""


def credentials(headers: Headers) -> str | None:
    """The key that a request carries in a header; a query string is never looked at.

    Raises:
        Problem: 401, when the header is there and makes no sense.
    """
    bearer = headers.get("Authorization")
    if bearer is None:
        return headers.get("X-Api-Key")
    scheme, _, key = bearer.partition(" ")
    if scheme.lower() != "bearer":
        raise Problem(401, "Authorization must read 'Bearer wsp_…'.", "unauthorized", headers=_CHALLENGE)
    return key.strip()


def wrong_key() -> Problem:
    """What a key that nobody knows is answered with."""
    challenge = {"WWW-Authenticate": _CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'}
    return Problem(401, "The API key is unknown, revoked or expired.", "unauthorized", headers=challenge)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorkeeper:
    """Lets callers in, as often as they may come.

    Attributes:
        keys: the known keys.
        logins: the known logins to the dashboard.
        now_ms: tells the time of day.
        per_address: how often one address may ask, with whatever key.
        per_key: how often one key may be used.
        guesses: how often one address may come with a wrong key.
    """

    keys: KeyCache
    logins: Logins
    now_ms: Callable[[], int]
    per_address: RateLimit
    per_key: RateLimit
    guesses: RateLimit

    def admit(self, address: str) -> None:
        """Count a request from this address.

        Raises:
            Problem: 429.
        """
        wait = self.per_address.wait(address)
        if wait > 0:
            raise too_many("Too many requests from this address.", wait)

    async def authenticate(self, headers: Headers, address: str, method: str) -> Principal:
        """Find out who is calling: by a key, or by the cookie of the dashboard where there is none.

        Raises:
            Problem: 401, when the key is missing, unknown, revoked or expired, or the login is over; 403, when a
                request with a cookie comes from another site, or is a change without its second token; 429, when
                the key is used too often, or when too many wrong keys came from this address.
        """
        key = credentials(headers)
        if key:
            stored = await self.identify(key, address)
        elif key is None and session_token(headers) is not None:
            stored = (await self.resume(headers, address, method)).key
        else:
            detail = "Send an API key as 'Authorization: Bearer wsp_…' or 'X-Api-Key: wsp_…'."
            raise Problem(401, detail, "unauthorized", headers=_CHALLENGE)
        if stored is None:
            raise wrong_key()
        return Principal(key_id=stored.id, workspace_id=stored.workspace_id, scopes=frozenset(stored.scopes))

    async def resume(self, headers: Headers, address: str, method: str) -> BrowserSession:
        """The login to the dashboard that a request's cookie stands for; a use of its key is counted.

        Raises:
            Problem: see `authenticate`.
        """
        token = session_token(headers)
        if token is None:
            raise Problem(401, "Nobody is logged in to the dashboard here.", "unauthorized", headers=_CHALLENGE)
        if is_from_elsewhere(headers):
            raise Problem(403, "The dashboard's cookie is good for its own pages alone.", "forbidden")
        wait = self.guesses.empty(address)
        if wait > 0 and not self.logins.was_good(token):
            raise too_many("Too many wrong API keys came from this address.", wait)
        session = await self.logins.find(token, self.now_ms())
        if session is None:
            self.guesses.wait(address)
            raise Problem(401, "The login to the dashboard is over.", "unauthorized", headers=_CHALLENGE)
        if method not in _HARMLESS and not has_csrf_token(headers, token):
            raise Problem(403, f"With a cookie, changes need the header {CSRF_HEADER}.", "forbidden")
        self.count(session.key.id)
        return session

    def forget(self, key_id: int) -> None:
        """This key was revoked: it, and the logins begun with it, are refused from now on."""
        self.keys.forget(key_id)
        self.logins.forget(key_id)

    async def identify(self, key: str, address: str) -> ApiKey | None:
        """The stored key, counted; None for a wrong one, counted too.

        Raises:
            Problem: 429.
        """
        # Who guesses is not answered at all for a while; keys that were good a moment ago get through nevertheless.
        wait = self.guesses.empty(address)
        if wait > 0 and not self.keys.was_good(key):
            raise too_many("Too many wrong API keys came from this address.", wait)
        stored = await self.keys.find(key, self.now_ms())
        if stored is None:
            self.guesses.wait(address)
            return None
        self.count(stored.id)
        return stored

    def overused(self, key: str) -> float:
        """Seconds until this key may be used again; 0 when that is now, or the key was not good when last looked up.

        Nothing is counted.
        """
        stored = self.keys.last_found(key)
        return 0.0 if stored is None else self.per_key.empty(stored.id)

    def count(self, key_id: int) -> None:
        """Count a use of this key.

        Raises:
            Problem: 429.
        """
        wait = self.per_key.wait(key_id)
        if wait > 0:
            raise too_many(KEY_OVERUSED, wait)
