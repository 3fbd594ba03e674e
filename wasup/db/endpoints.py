"""Webhook endpoints."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from wasup.db.engine import Engine, execute
from wasup.db.tables import PREVIEW
from wasup.db.tables_outbox import webhook_endpoints as table
from wasup.ports.clock import Clock
from wasup.ports.store import Endpoint

__all__ = ["EndpointWriter"]


def _to_endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        id=row.id,
        workspace_id=row.workspace_id,
        url=row.url,
        secret=row.secret,
        events=tuple(row.events.split()),
        enabled=bool(row.enabled),
        disabled_reason=row.disabled_reason,
    )


class EndpointWriter:
    """The part of the outbox store that keeps endpoints."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def endpoints(self, *, workspace_id: int | None = None) -> list[Endpoint]:
        """See the port."""
        query = select(table).order_by(table.c.id)
        if workspace_id is not None:
            query = query.where(table.c.workspace_id == workspace_id)
        return await self._engine.run(
            lambda connection: [_to_endpoint(row) for row in connection.execute(query)], mode="read"
        )

    async def save_endpoint(self, workspace_id: int, *, url: str, secret: str, events: Sequence[str] = ()) -> Endpoint:
        """See the port. It is enabled again if it was disabled."""
        now = self._clock.now_ms()
        values: dict[str, Any] = {
            "url": url,
            "secret": secret,
            "events": " ".join(events),
            "enabled": True,
            "disabled_reason": None,
            "updated_at": now,
        }

        def work(connection: Connection) -> Endpoint:
            mine = select(table.c.id).where(table.c.workspace_id == workspace_id).order_by(table.c.id).limit(1)
            endpoint_id = connection.execute(mine.with_for_update()).scalar()
            if endpoint_id is None:
                made = connection.execute(insert(table).values(workspace_id=workspace_id, created_at=now, **values))
                (endpoint_id,) = made.inserted_primary_key or (0,)
            else:
                connection.execute(update(table).where(table.c.id == endpoint_id).values(**values))
            return _to_endpoint(connection.execute(select(table).where(table.c.id == endpoint_id)).one())

        return await self._engine.run(work)

    async def disable_endpoint(self, endpoint_id: int, reason: str) -> None:
        """See the port."""
        statement = (
            update(table)
            .where(table.c.id == endpoint_id)
            .values(enabled=False, disabled_reason=reason[:PREVIEW], updated_at=self._clock.now_ms())
        )
        await self._engine.run(lambda connection: execute(connection, statement))
