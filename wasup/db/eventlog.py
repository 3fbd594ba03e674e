"""Pulling events after a cursor.

An account's events are pulled by their sequence numbers. A workspace's have no common number, for then all its accounts
would wait for one row: they go by their stamps. These come from a clock that never goes back, neither when the
machine's is set back nor over a restart, and are given under the lock of the account. What is still being written is
waited for, and for a while what was given up during its COMMIT, which the server may carry out all the same: so nothing
can appear before a place that somebody has read up to. Other instances' writes are not seen from here: they are waited
for as long as one may take, which holds while the instances' clocks are less than `_SKEW` apart.
"""

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, or_, select

from wasup.db.engine import DEADLINE, Engine
from wasup.db.journal import event_place
from wasup.db.tables import account_owner, node, whatsapp_accounts, workspaces
from wasup.db.tables_outbox import events
from wasup.ports.events import EventData, LoggedEvent
from wasup.ports.outbox import LogHeads, StoredEvent

__all__ = ["SqlEventLog", "newest_event", "to_event"]

_SKEW: Final = 10.0  # seconds
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


async def newest_event(engine: Engine) -> int:
    """Stamp of the newest event that is stored, UTC epoch milliseconds; 0 if there is none."""

    def work(connection: Connection) -> int:
        newest = 0
        for (workspace_id,) in connection.execute(select(workspaces.c.id)).all():
            of_one = select(func.max(events.c.created_at)).where(events.c.workspace_id == workspace_id)
            newest = max(newest, connection.execute(of_one).scalar() or 0)
        return newest

    return await engine.run(work, mode="read")


class SqlEventLog:
    """Implements `wasup.ports.outbox.EventLog`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
        horizon = self._engine.settled_until()

        def work(connection: Connection) -> list[StoredEvent]:
            until = _settled(connection, horizon)
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

    async def heads(self) -> LogHeads:
        """See the port."""
        horizon = self._engine.settled_until()
        owner, account = account_owner.c, whatsapp_accounts.c
        query = select(owner.whatsapp_account_id, owner.event_seq, account.workspace_id).join_from(
            account_owner, whatsapp_accounts, account.id == owner.whatsapp_account_id
        )

        def work(connection: Connection) -> LogHeads:
            rows = connection.execute(query).all()
            return LogHeads(
                sequences={account_id: seq for account_id, seq, _ in rows},
                workspaces={account_id: workspace_id for account_id, _, workspace_id in rows},
                settled=_settled(connection, horizon) + 1,
            )

        return await self._engine.run(work, mode="read")

    async def logged(self, account_id: int, after_seq: int, *, limit: int) -> list[LoggedEvent]:
        """See the port."""
        columns = events.c
        query = (
            select(events)
            .where(columns.whatsapp_account_id == account_id, columns.account_seq > after_seq)
            .order_by(columns.account_seq)
            .limit(limit)
        )

        def work(connection: Connection) -> list[LoggedEvent]:
            return [
                LoggedEvent(
                    id=row.event_id,
                    workspace_id=row.workspace_id,
                    account_id=row.whatsapp_account_id,
                    account_seq=row.account_seq,
                    type=row.type,
                    body=row.body,
                    created_at=row.created_at,
                )
                for row in connection.execute(query)
            ]

        return await self._engine.run(work, mode="read")

    async def first_since(self, workspace_id: int | None, at: int) -> dict[int, int]:
        """See the port."""
        columns = events.c
        account = columns.whatsapp_account_id + 0  # else SQLite reads the whole log, in the order of the groups

        def work(connection: Connection) -> dict[int, int]:
            asked = [workspace_id]
            if workspace_id is None:  # one after the other, since the index begins with the workspace
                asked = [row.id for row in connection.execute(select(workspaces.c.id))]
            first: dict[int, int] = {}
            for one in asked:
                query = (
                    select(account, func.min(columns.account_seq))
                    .where(columns.workspace_id == one, columns.created_at >= at)
                    .group_by(account)
                )
                first.update({row[0]: row[1] for row in connection.execute(query)})
            return first

        return await self._engine.run(work, mode="read")


def _settled(connection: Connection, horizon: int) -> int:
    """Up to this time nothing more will be stamped, by any instance."""
    live = connection.execute(select(func.count()).select_from(node).where(node.c.state != "dead")).scalar()
    return horizon if (live or 0) <= 1 else horizon - round((DEADLINE + _SKEW) * 1000)
