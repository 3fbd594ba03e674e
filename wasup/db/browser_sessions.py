"""Who is logged in to the dashboard."""

from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from wasup.db.engine import Engine, execute
from wasup.db.keys import to_key
from wasup.db.tables import api_keys
from wasup.db.tables_api import browser_sessions
from wasup.ports.clock import Clock
from wasup.ports.resources import BrowserSession

__all__ = ["SqlBrowserSessions"]

_MOST_PER_KEY: Final = 100


class SqlBrowserSessions:
    """Implements `wasup.ports.resources.BrowserSessionStore`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def open_session(self, digest: bytes, *, key_id: int, began_at: int, expires_at: int) -> None:
        """See the port."""
        columns = browser_sessions.c
        now = self._clock.now_ms()
        surplus = (
            select(columns.digest)
            .where(columns.key_id == key_id)
            .order_by(columns.created_at.desc())
            .offset(_MOST_PER_KEY - 1)
            .limit(_MOST_PER_KEY)
        )

        def work(connection: Connection) -> None:
            gone = list(connection.execute(surplus).scalars())
            connection.execute(delete(browser_sessions).where(columns.digest.in_(gone) | (columns.expires_at <= now)))
            connection.execute(
                insert(browser_sessions).values(
                    digest=digest.hex(), key_id=key_id, created_at=began_at, expires_at=expires_at
                )
            )

        await self._engine.run(work)

    async def session(self, digest: bytes) -> BrowserSession | None:
        """See the port."""
        columns = browser_sessions.c
        query = (
            select(api_keys, columns.created_at.label("began_at"), columns.expires_at.label("until"))
            .join_from(browser_sessions, api_keys)
            .where(columns.digest == digest.hex(), api_keys.c.revoked_at.is_(None))
        )
        now = self._clock.now_ms()

        def work(connection: Connection) -> BrowserSession | None:
            row = connection.execute(query).one_or_none()
            if row is None or row.until <= now or (row.expires_at is not None and row.expires_at <= now):
                return None
            return BrowserSession(key=to_key(row), began_at=row.began_at, expires_at=row.until)

        return await self._engine.run(work, mode="read")

    async def extend_session(self, digest: bytes, *, expires_at: int) -> None:
        """See the port."""
        statement = (
            update(browser_sessions).where(browser_sessions.c.digest == digest.hex()).values(expires_at=expires_at)
        )
        await self._engine.run(lambda connection: execute(connection, statement))

    async def close_session(self, digest: bytes) -> None:
        """See the port."""
        statement = delete(browser_sessions).where(browser_sessions.c.digest == digest.hex())
        await self._engine.run(lambda connection: execute(connection, statement))
