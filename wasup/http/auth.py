"""Who is calling, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from werkzeug.datastructures import Headers

from wasup.http.keys import KeyCache
from wasup.http.problems import Problem

__all__ = ["NOBODY", "Principal", "Scope", "authenticate", "credentials"]

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

    def require(self, scope: Scope) -> None:
        """Make sure that the caller may do this kind of thing.

        Raises:
            Problem: 403.
        """
        if scope is Scope.ADMIN and self.workspace_id is not None:
            raise Problem(403, "This needs an admin key, one that belongs to no workspace.", "forbidden")
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
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


async def authenticate(headers: Headers, keys: KeyCache, now_ms: int) -> Principal:
    """Find out who is calling.

    Raises:
        Problem: 401, when the key is missing, unknown, revoked or expired.
    """
    key = credentials(headers)
    if not key:
        detail = "Send an API key as 'Authorization: Bearer wsp_…' or 'X-Api-Key: wsp_…'."
        raise Problem(401, detail, "unauthorized", headers=_CHALLENGE)
    stored = await keys.find(key, now_ms)
    if stored is None:
        challenge = {"WWW-Authenticate": _CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'}
        raise Problem(401, "The API key is unknown, revoked or expired.", "unauthorized", headers=challenge)
    return Principal(key_id=stored.id, workspace_id=stored.workspace_id, scopes=frozenset(stored.scopes))
