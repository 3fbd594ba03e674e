"""Who may call the old routes: keys that are marked for it, in body, query string or header."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from werkzeug.datastructures import Headers

from wasup.http.auth import Doorkeeper, Principal, Scope
from wasup.http.legacy.requests import LegacyError
from wasup.http.limits import too_many
from wasup.http.running import RunSettings
from wasup.http.services import Services

__all__ = ["LegacyDoor"]

_SCOPES: Final = frozenset({Scope.READ, Scope.SEND, Scope.MANAGE})


class LegacyDoor:
    """Checks the keys of the old routes.

    Args:
        services: with the old service's one key, if there is one.
        door: counts requests and wrong keys.
        running: whether the old routes are served at all.
    """

    def __init__(self, services: Services, door: Doorkeeper, running: RunSettings) -> None:
        self._door = door
        self.running = running
        key = services.settings.legacy_key
        self._digest = None if key is None else hashlib.sha256(key.encode()).digest()

    async def enter(self, given: Mapping[str, Any], headers: Headers, address: str) -> Principal:
        """Find out who is calling.

        Raises:
            LegacyError: 401, whatever is wrong with the key.
            Problem: 429.
        """
        key = given.get("api_key") or headers.get("X-Api-Key")
        bearer = headers.get("Authorization", "")
        if not key and bearer.lower().startswith("bearer "):
            key = bearer[7:].strip()
        if not isinstance(key, str) or not key:
            raise LegacyError(401, "Invalid API key")
        # Compared as digests: neither time nor length tells anything of the key.
        if self._digest is not None:
            wait = self._door.guesses.empty(address)
            right = hmac.compare_digest(hashlib.sha256(key.encode()).digest(), self._digest)
            if right:
                self._door.count(0)
                return Principal(key_id=0, workspace_id=None, scopes=_SCOPES)
            if wait > 0:
                raise too_many("Too many wrong API keys came from this address.", wait)
        stored = await self._door.identify(key, address)
        if stored is None or not stored.legacy:
            raise LegacyError(401, "Invalid API key")
        return Principal(key_id=stored.id, workspace_id=stored.workspace_id, scopes=frozenset(stored.scopes))
