"""Pulling events after a cursor."""

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, or_, select

from wasup.db.engine import DEADLINE, Engine
from wasup.db.journal import event_place
from wasup.db.tables import node
from wasup.db.tables_outbox import events
from wasup.ports.clock import Clock
from wasup.ports.events import EventData
from wasup.ports.outbox import StoredEvent

__all__ = ["SqlEventLog", "to_event"]

_SLACK: Final = 100  # ms between a commit's look at the clock and its beginning
_decode = msgspec.json.Decoder(EventData).decode


def to_event(row: Row[Any]) -> StoredEvent:
    """A row of the log."""
    return StoredEvent(
        id=row.event_id,
        account_id=row.whatsapp_account_id,
        account_seq=row.account_seq,
        type=row.type,
        data=_decode(row.body),
        created_at=row.created_at,
    )


class SqlEventLog:
    """Implements `wasup.ports.outbox.EventLog`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def event(self, event_id: str, *, workspace_id: int | None) -> StoredEvent | None:
        """See the port."""
        place = event_place(event_id)
        if place is None:
            return None
        columns = events.c
        query = select(events).where(
            columns.whatsapp_account_id == place[0], columns.account_seq == place[1], columns.event_id == event_id
        )
        row = await self._engine.run(lambda connection: connection.execute(query).one_or_none(), mode="read")
        return to_event(row) if row is not None and workspace_id in {None, row.workspace_id} else None

    async def workspace_events(
        self, workspace_id: int, after: tuple[int, int, int], *, limit: int = 100
    ) -> list[StoredEvent]:
        """See the port."""
        columns = events.c
        at, account_id, seq = after
        # What is written but not committed yet was stamped when its commit began: nothing older can still appear.
        horizon = self._clock.now_ms() - round(self._engine.oldest_write() * 1000) - _SLACK

        def work(connection: Connection) -> list[StoredEvent]:
            live = connection.execute(select(func.count()).select_from(node).where(node.c.state != "dead")).scalar()
            # Other instances' commits are not seen from here: wait for as long as one may take.
            until = horizon if (live or 0) <= 1 else horizon - round(DEADLINE * 1000)
            later = or_(
                columns.created_at > at,
                (columns.created_at == at) & (columns.whatsapp_account_id > account_id),
                (columns.created_at == at) & (columns.whatsapp_account_id == account_id) & (columns.account_seq > seq),
            )
            query = (
                select(events)
                .where(columns.workspace_id == workspace_id, columns.created_at >= at, columns.created_at <= until)
                .where(later)
                .order_by(columns.created_at, columns.whatsapp_account_id, columns.account_seq)
                .limit(limit)
            )
            return [to_event(row) for row in connection.execute(query)]

        return await self._engine.run(work, mode="read")
