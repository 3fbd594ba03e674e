"""`Database`: the stores on one pool of connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from wasup.bridge import Bridge
from wasup.db.accounts import SqlAccountStore
from wasup.db.audit import SqlAuditStore, SqlMessageMediaStore, SqlSettingStore
from wasup.db.browser_sessions import SqlBrowserSessions
from wasup.db.deliveries import SqlDeliveryLog
from wasup.db.engine import Engine
from wasup.db.eventlog import SqlEventLog, newest_event
from wasup.db.keyring import SqlKeyRing
from wasup.db.keys import SqlKeyStore
from wasup.db.messages import SqlMessageStore
from wasup.db.migrate import SchemaOutdated, missing_revision
from wasup.db.outbox import SqlOutboxStore
from wasup.db.ownership import SqlOwnership
from wasup.db.people import SqlPeopleStore
from wasup.db.recent import MemoryRecentChats, RecentChats
from wasup.db.recent_redis import RedisRecentChats
from wasup.db.rejected import SqlRejectedStore
from wasup.db.retention import SqlRetention
from wasup.db.stats import SqlStats
from wasup.db.sync import SqlSyncStore
from wasup.db.upkeep import SqlAccountKeeper
from wasup.ports.clock import Clock

__all__ = ["Database"]


class Database:
    """The storage ports, implemented. Open it with `Database.open`."""

    def __init__(self, engine: Engine, clock: Clock, recent: RecentChats) -> None:
        self.engine = engine
        self.recent_chats = recent
        self.accounts = SqlAccountStore(engine, clock)
        self.sync = SqlSyncStore(engine, clock, recent)
        self.rejected = SqlRejectedStore(engine, self.sync, recent)
        self.messages = SqlMessageStore(engine, clock, recent)
        self.outbox = SqlOutboxStore(engine, clock)
        self.deliveries = SqlDeliveryLog(engine, clock)
        self.event_log = SqlEventLog(engine)
        self.retention = SqlRetention(engine)
        self.keys = SqlKeyStore(engine, clock)
        self.ownership = SqlOwnership(engine, clock)
        self.stats = SqlStats(engine)
        self.upkeep = SqlAccountKeeper(engine, clock)
        self.people = SqlPeopleStore(engine)
        self.keyring = SqlKeyRing(engine, clock)
        self.browser_sessions = SqlBrowserSessions(engine, clock)
        self.audit = SqlAuditStore(engine)
        self.run_settings = SqlSettingStore(engine, clock)
        self.message_media = SqlMessageMediaStore(engine, clock)

    async def ping(self) -> None:
        """Go to where the database is asked, and back, without asking it.

        Raises:
            DatabaseUnavailable: there is no connection.
        """
        await self.engine.run(lambda _: None, mode="read")

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        bridge: Bridge,
        *,
        clock: Clock,
        pool_size: int = 10,
        check_schema: bool = True,
        redis_url: str | None = None,
    ) -> AsyncIterator["Database"]:
        """Connect to `mysql://user:password@host:port/name` or `sqlite:///path`, and close on leaving.

        With `redis_url` recent chats are kept in Redis, else in memory.

        The instance lock is not taken by this (`ownership.acquire`), but let go of on leaving.

        Raises:
            DatabaseUnavailable: there is no answer.
            SchemaOutdated: it is not migrated to what this version needs.
        """
        engine = Engine(url, bridge, pool_size=pool_size, clock=clock)
        try:
            await engine.open()
            if check_schema:
                await _check(engine)
            engine.clock.not_before(await newest_event(engine))
            database = cls(engine, engine.clock, _recent_chats(redis_url, bridge, engine))
            try:
                yield database
            finally:
                with trio.move_on_after(10) as scope:
                    scope.shield = True
                    await database.ownership.abandon()
                    if bridge.alive:
                        await database.recent_chats.close()
        finally:
            with trio.move_on_after(10) as scope:
                scope.shield = True
                if bridge.alive:
                    await engine.close()


def _recent_chats(redis_url: str | None, bridge: Bridge, engine: Engine) -> RecentChats:
    if redis_url is None:
        return MemoryRecentChats()
    return RedisRecentChats(redis_url, bridge, prefix=f"wasup:{engine.url.database}:chats:")


async def _check(engine: Engine) -> None:
    words = await engine.run(missing_revision, mode="read")
    if words is not None:
        raise SchemaOutdated(words)
