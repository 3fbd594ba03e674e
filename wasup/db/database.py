"""`Database`: the stores on one pool of connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from wasup.bridge import Bridge
from wasup.db.accounts import SqlAccountStore
from wasup.db.engine import Engine
from wasup.db.keys import SqlKeyStore
from wasup.db.messages import SqlMessageStore
from wasup.db.migrate import SchemaOutdated, missing_revision
from wasup.db.outbox import SqlOutboxStore
from wasup.db.ownership import SqlOwnership
from wasup.db.stats import SqlStats
from wasup.db.sync import SqlSyncStore
from wasup.ports.clock import Clock

__all__ = ["Database"]


class Database:
    """The storage ports, implemented. Open it with `Database.open`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.accounts = SqlAccountStore(engine, clock)
        self.sync = SqlSyncStore(engine, clock)
        self.messages = SqlMessageStore(engine, clock)
        self.outbox = SqlOutboxStore(engine, clock)
        self.keys = SqlKeyStore(engine, clock)
        self.ownership = SqlOwnership(engine, clock)
        self.stats = SqlStats(engine)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, bridge: Bridge, *, clock: Clock, pool_size: int = 8, check_schema: bool = True
    ) -> AsyncIterator["Database"]:
        """Connect to `mysql://user:password@host:port/name` or `sqlite:///path`, and close on leaving.

        The instance lock is not taken by this (`ownership.acquire`), but let go of on leaving.

        Raises:
            DatabaseUnavailable: there is no answer.
            SchemaOutdated: it is not migrated to what this version needs.
        """
        engine = Engine(url, bridge, pool_size=pool_size)
        try:
            await engine.open()
            if check_schema:
                await _check(engine)
            database = cls(engine, clock)
            try:
                yield database
            finally:
                with trio.move_on_after(10) as scope:
                    scope.shield = True
                    await database.ownership.abandon()
        finally:
            with trio.move_on_after(10) as scope:
                scope.shield = True
                if bridge.alive:
                    await engine.close()


async def _check(engine: Engine) -> None:
    words = await engine.run(missing_revision, mode="read")
    if words is not None:
        raise SchemaOutdated(words)
