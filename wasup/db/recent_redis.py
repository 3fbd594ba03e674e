"""Recent chats kept in Redis; without an answer from it the database is asked as ever."""

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar, TypeVarTuple

import msgspec
import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from wasup.bridge import Bridge
from wasup.db.recent import KEPT_SECONDS, Load
from wasup.ports.store import Chat

__all__ = ["RedisRecentChats"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_PATIENCE: Final = 0.25  # seconds for an answer: a Redis that is slower than the database is no help
_PAUSE: Final = 1.0  # seconds in which it is left alone after a failure
_LEASE: Final = 10  # seconds that a load may take
_LEASED: Final = b"lease:"
_LOOK_UP: Final = """
local life, kept = redis.call('get', KEYS[2]) or '', redis.call('get', KEYS[1])
if kept and (string.sub(kept, 1, 6) == 'lease:' or string.sub(kept, 1, #life + 1) == life .. '|') then
    return {life, kept}
end
redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2])
return {life, ''}
"""
_KEEP_IF_LEASED: Final = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('set', KEYS[1], ARGV[2], 'EX', ARGV[3]) end"
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Chat]).decode

log = structlog.get_logger("wasup.cache")


class RedisRecentChats:
    """See `wasup.db.recent`. What one instance has kept, the others find, and a change through any of them removes it.

    A change that Redis could not be told of is owed: until it is told, the account's chats are not looked for there.
    Who has died may have owed something. So every instance that begins begins a new life in Redis, and what was kept
    in an earlier one is not believed. Chats are kept as `life|chats`.
    """

    def __init__(self, url: str, bridge: Bridge, *, prefix: str) -> None:
        self.hits = 0
        self.misses = 0
        self._bridge = bridge
        self._prefix = prefix
        self._life_key = f"{prefix}life"
        self._life = secrets.token_hex(8)
        self._begun = False
        self._owed: dict[int, object] = {}  # account -> the latest change of it that Redis is yet to be told of
        self._debts = threading.Lock()  # they are made on one side of the bridge and paid on the other
        self._quiet_until = 0.0
        pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
            url,
            max_connections=16,
            timeout=_PATIENCE,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis: Redis = Redis.from_pool(pool)

    async def get(self, account_id: int, load: Load) -> list[Chat]:
        """See `RecentChats`."""
        lease = _LEASED + secrets.token_hex(8).encode()
        life, kept = await self._ask(self._look_up, account_id, lease) or (b"", _LEASED)
        if kept and not kept.startswith(_LEASED):
            self.hits += 1
            return _decode(kept[len(life) + 1 :])
        self.misses += 1
        chats = await load()
        if not kept and account_id not in self._owed:
            await self._ask(self._keep, account_id, lease, life + b"|" + _encode(chats))
        return chats

    async def changed(self, account_ids: Iterable[int]) -> None:
        """See `RecentChats`."""
        with self._debts:  # first: the caller may be cancelled while Redis is asked
            self._owed.update((account_id, object()) for account_id in account_ids)
        if self._owed:
            await self._ask(self._settle)

    async def close(self) -> None:
        """See `RecentChats`."""
        await self._bridge.run(self._redis.aclose)

    async def _ask(self, question: Callable[[*Ts], Coroutine[Any, Any, T]], *details: *Ts) -> T | None:
        """The answer, or None when there is none."""
        return await self._bridge.run(self._guarded, lambda: question(*details))

    def _key(self, account_id: int) -> str:
        return f"{self._prefix}{account_id}"

    # All below runs on the asyncio side, one pipeline or script each.

    async def _guarded(self, question: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        if time.monotonic() < self._quiet_until:
            return None
        try:
            async with asyncio.timeout(2 * _PATIENCE):
                return await question()
        except (RedisError, OSError, TimeoutError) as error:
            self._quiet_until = time.monotonic() + _PAUSE
            log.warning("cache.redis_away", error=f"{type(error).__name__}: {error}")
            return None

    async def _look_up(self, account_id: int, lease: bytes) -> tuple[bytes, bytes]:
        """The present life and what is kept in it: chats, somebody's lease, or nothing when the lease is ours."""
        if self._owed or not self._begun:
            await self._settle()
        life, kept = await self._redis.eval(_LOOK_UP, 2, self._key(account_id), self._life_key, lease, _LEASE)
        return life, kept

    async def _keep(self, account_id: int, lease: bytes, chats: bytes) -> None:
        await self._redis.eval(_KEEP_IF_LEASED, 1, self._key(account_id), lease, chats, KEPT_SECONDS)

    async def _settle(self) -> None:
        if not self._begun:
            await self._redis.set(self._life_key, self._life)
            self._begun = True
        with self._debts:
            owed = dict(self._owed)
        if owed:
            await self._redis.delete(*map(self._key, owed))
        with self._debts:  # what has changed once more meanwhile is still owed
            for account_id, change in owed.items():
                if self._owed.get(account_id) is change:
                    del self._owed[account_id]
