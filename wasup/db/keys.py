"""Workspaces and API keys."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from wasup.db.engine import Engine
from wasup.db.tables import api_keys, workspaces
from wasup.ports.clock import Clock
from wasup.ports.store import ApiKey, Workspace

__all__ = ["SqlKeyStore", "to_key"]


def to_key(row: Row[Any]) -> ApiKey:
    """A row of `api_keys`."""
    return ApiKey(
        id=row.id,
        workspace_id=row.workspace_id,
        prefix=row.prefix,
        scopes=tuple(row.scopes.split()),
        expires_at=row.expires_at,
        legacy=bool(row.legacy),
    )


class SqlKeyStore:
    """Implements `wasup.ports.store.KeyStore`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def create_workspace(self, name: str) -> Workspace:
        """See the port."""
        identity = str(uuid.uuid4())
        statement = insert(workspaces).values(uuid=identity, name=name[:255], created_at=self._clock.now_ms())

        def work(connection: Connection) -> Workspace:
            (workspace_id,) = connection.execute(statement).inserted_primary_key or (0,)
            return Workspace(id=workspace_id, uuid=identity, name=name[:255])

        return await self._engine.run(work)

    async def workspaces(self) -> list[Workspace]:
        """See the port."""
        query = select(workspaces).order_by(workspaces.c.id)
        return await self._engine.run(
            lambda connection: [
                Workspace(id=row.id, uuid=row.uuid, name=row.name) for row in connection.execute(query)
            ],
            mode="read",
        )

    async def save_key(
        self, digest: bytes, *, prefix: str, workspace_id: int | None, scopes: Sequence[str], name: str
    ) -> ApiKey:
        """See the port."""
        statement = insert(api_keys).values(
            workspace_id=workspace_id,
            digest=digest.hex(),
            prefix=prefix[:16],
            name=name[:255],
            scopes=" ".join(scopes),
            created_at=self._clock.now_ms(),
        )

        def work(connection: Connection) -> ApiKey:
            (key_id,) = connection.execute(statement).inserted_primary_key or (0,)
            return ApiKey(
                id=key_id, workspace_id=workspace_id, prefix=prefix[:16], scopes=tuple(scopes), expires_at=None
            )

        return await self._engine.run(work)

    async def key(self, digest: bytes) -> ApiKey | None:
        """See the port."""
        query = select(api_keys).where(api_keys.c.digest == digest.hex(), api_keys.c.revoked_at.is_(None))
        now = self._clock.now_ms()

        def work(connection: Connection) -> ApiKey | None:
            row = connection.execute(query).one_or_none()
            if row is None or (row.expires_at is not None and row.expires_at <= now):
                return None
            return to_key(row)

        return await self._engine.run(work, mode="read")
