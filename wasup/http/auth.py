"""Who is calling, and what they may do."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from werkzeug.datastructures import Headers

from wasup.http.keys import KeyCache
from wasup.http.limits import RateLimit, too_many
from wasup.http.problems import Problem
from wasup.ports.store import ApiKey

__all__ = ["NOBODY", "Doorkeeper", "Principal", "Scope", "credentials"]

_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="wasup"'}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorkeeper:
    """Lets callers in, as often as they may come.

    Attributes:
        keys: the known keys.
        now_ms: tells the time of day.
        per_address: how often one address may ask, with whatever key.
        per_key: how often one key may be used.
        guesses: how often one address may come with a wrong key.
    """

    keys: KeyCache
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

    async def authenticate(self, headers: Headers, address: str) -> Principal:
        """Find out who is calling.

        Raises:
            Problem: 401, when the key is missing, unknown, revoked or expired; 429, when it is used too often, or
                when too many wrong keys came from this address.
        """
        key = credentials(headers)
        if not key:
            detail = "Send an API key as 'Authorization: Bearer wsp_…' or 'X-Api-Key: wsp_…'."
            raise Problem(401, detail, "unauthorized", headers=_CHALLENGE)
        stored = await self.identify(key, address)
        if stored is None:
            challenge = {"WWW-Authenticate": _CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'}
            raise Problem(401, "The API key is unknown, revoked or expired.", "unauthorized", headers=challenge)
        return Principal(key_id=stored.id, workspace_id=stored.workspace_id, scopes=frozenset(stored.scopes))

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

    def count(self, key_id: int) -> None:
        """Count a use of this key.

        Raises:
            Problem: 429.
        """
        wait = self.per_key.wait(key_id)
        if wait > 0:
            raise too_many("This API key is used too often.", wait)
