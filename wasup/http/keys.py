"""API keys: made, digested, and looked up without a query each time.

A key is `wsp_` and 160 random bits. Only its SHA-256 digest and its first characters are stored: with that
much entropy a slow hash would add nothing, and looking the digest up leaks nothing through its timing.
"""

import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import trio

from wasup.ports.store import ApiKey, KeyStore

__all__ = ["PREFIX_LENGTH", "Believed", "KeyCache", "digest_key", "new_key", "visible_prefix"]

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH: Final = 27  # base62 digits that 160 bits take
_SHAPE: Final = re.compile(r"wsp_[0-9A-Za-z]{27}")

PREFIX_LENGTH: Final = 12
"""Characters of a key that are kept in clear, so that people can tell their keys apart."""


def new_key() -> str:
    """A new key; the caller shows it once and stores its digest."""
    number = secrets.randbits(160)
    digits = ""
    for _ in range(_LENGTH):
        number, digit = divmod(number, 62)
        digits += _ALPHABET[digit]
    return "wsp_" + digits


def digest_key(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).digest()


def visible_prefix(key: str) -> str:
    """The part of a key that may be stored and shown."""
    return key[:PREFIX_LENGTH]


V = TypeVar("V")


class Believed(Generic[V]):
    """What a store said of some digests, believed for a few seconds.

    Unknown digests are remembered too, so that somebody who repeats a wrong one costs no queries.

    Args:
        ask: looks a digest up.
        seconds: how long an answer is believed.
        size: as many digests are remembered.
    """

    def __init__(self, ask: Callable[[bytes], Awaitable[V | None]], *, seconds: float, size: int = 10_000) -> None:
        self._ask = ask
        self._seconds = seconds
        self._size = size
        self._known: OrderedDict[bytes, tuple[float, V | None]] = OrderedDict()

    def last(self, digest: bytes) -> V | None:
        """What was found when it was last looked up, however long ago."""
        return self._known.get(digest, (0.0, None))[1]

    def drop(self, which: Callable[[V], bool]) -> None:
        """Look these up again the next time."""
        for digest, (_, found) in list(self._known.items()):
            if found is not None and which(found):
                del self._known[digest]

    async def look_up(self, digest: bytes) -> V | None:
        """What is stored, or was a moment ago.

        Raises:
            DatabaseUnavailable: it cannot be told.
        """
        now = trio.current_time()
        checked_at, found = self._known.get(digest, (-1e9, None))
        if now - checked_at >= self._seconds:
            found = await self._ask(digest)
            self._known[digest] = (now, found)
            self._known.move_to_end(digest)
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        return found


class KeyCache(Believed[ApiKey]):
    """Answers who a key belongs to."""

    def __init__(self, store: KeyStore, *, seconds: float, size: int = 10_000) -> None:
        super().__init__(store.key, seconds=seconds, size=size)

    def last_found(self, key: str) -> ApiKey | None:
        """What was stored of the key when it was last looked up, however long ago."""
        return self.last(digest_key(key))

    def was_good(self, key: str) -> bool:
        """Whether the key was good when it was last looked up, however long ago."""
        return self.last_found(key) is not None

    def forget(self, key_id: int) -> None:
        """Look this key up again the next time."""
        self.drop(lambda key: key.id == key_id)

    async def find(self, key: str, now_ms: int) -> ApiKey | None:
        """The stored key, unless it is unknown, revoked or expired.

        Raises:
            DatabaseUnavailable: it cannot be told.
        """
        if not _SHAPE.fullmatch(key):
            return None
        found = await self.look_up(digest_key(key))
        if found is not None and found.expires_at is not None and found.expires_at <= now_ms:
            return None
        return found
