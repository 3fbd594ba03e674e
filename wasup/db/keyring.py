"""API keys, for those who manage them."""

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from wasup.db.engine import Engine
from wasup.db.tables import api_keys
from wasup.ports.clock import Clock
from wasup.ports.resources import KeyRecord

__all__ = ["SqlKeyRing"]


def _to_record(row: Row[Any]) -> KeyRecord:
    return KeyRecord(
        id=row.id,
        workspace_id=row.workspace_id,
        prefix=row.prefix,
        name=row.name,
        scopes=tuple(row.scopes.split()),
        legacy=bool(row.legacy),
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        created_at=row.created_at,
    )


class SqlKeyRing:
    """Implements `wasup.ports.resources.KeyRing`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def add_key(self, digest: bytes, key: KeyRecord) -> KeyRecord:
        """See the port."""
        statement = insert(api_keys).values(
            workspace_id=key.workspace_id,
            digest=digest.hex(),
            prefix=key.prefix[:16],
            name=key.name[:255],
            scopes=" ".join(key.scopes),
            legacy=key.legacy,
            expires_at=key.expires_at,
            created_at=self._clock.now_ms(),
        )

        def work(connection: Connection) -> KeyRecord:
            (key_id,) = connection.execute(statement).inserted_primary_key or (0,)
            return _to_record(connection.execute(select(api_keys).where(api_keys.c.id == key_id)).one())

        return await self._engine.run(work)

    async def keys(self, *, workspace_id: int | None, after_id: int = 0, limit: int = 100) -> list[KeyRecord]:
        """See the port."""
        query = select(api_keys).where(api_keys.c.id > after_id).order_by(api_keys.c.id).limit(limit)
        if workspace_id is not None:
            query = query.where(api_keys.c.workspace_id == workspace_id)
        return await self._engine.run(
            lambda connection: [_to_record(row) for row in connection.execute(query)], mode="read"
        )

    async def key_record(self, key_id: int, *, workspace_id: int | None) -> KeyRecord | None:
        """See the port."""
        query = select(api_keys).where(api_keys.c.id == key_id)
        if workspace_id is not None:
            query = query.where(api_keys.c.workspace_id == workspace_id)

        def work(connection: Connection) -> KeyRecord | None:
            row = connection.execute(query).one_or_none()
            return None if row is None else _to_record(row)

        return await self._engine.run(work, mode="read")

    async def revoke_key(self, key_id: int, *, workspace_id: int | None) -> bool:
        """See the port."""
        now = self._clock.now_ms()

        def work(connection: Connection) -> bool:
            query = select(api_keys.c.id).where(api_keys.c.id == key_id)
            if workspace_id is not None:
                query = query.where(api_keys.c.workspace_id == workspace_id)
            if connection.execute(query.with_for_update()).one_or_none() is None:
                return False
            fresh = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
            connection.execute(update(api_keys).where(fresh).values(revoked_at=now))
            return True

        return await self._engine.run(work)
