"""Figures and the events log, each one aggregate or one range: no query per account."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, case, func, literal, select, union_all

from wasup.db.engine import Engine
from wasup.db.eventlog import to_event
from wasup.db.tables import chats, messages, whatsapp_accounts
from wasup.db.tables_outbox import dead_letters, events, outbox, webhook_endpoints
from wasup.ports.store import AccountStats, StoredEvent, Totals, Waiting

__all__ = ["SqlStats"]


class SqlStats:
    """Counts, and pulling events after a cursor."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def totals(self) -> Totals:
        """Counts over the whole database."""
        count = func.count()
        outgoing = func.coalesce(func.sum(case((messages.c.from_me, 1), else_=0)), 0)
        query = select(
            select(count)
            .select_from(whatsapp_accounts)
            .where(whatsapp_accounts.c.deleted_at.is_(None))
            .scalar_subquery(),
            select(count).select_from(messages).scalar_subquery(),
            select(outgoing).select_from(messages).scalar_subquery(),
            select(count).select_from(events).scalar_subquery(),
            select(count).select_from(outbox).scalar_subquery(),
            select(count).select_from(dead_letters).scalar_subquery(),
        )

        def work(connection: Connection) -> Totals:
            accounts, total, sent, logged, waiting, dead = (int(value) for value in connection.execute(query).one())
            return Totals(
                accounts=accounts,
                messages_in=total - sent,
                messages_out=sent,
                events=logged,
                outbox=waiting,
                dead_letters=dead,
            )

        return await self._engine.run(work, mode="read")

    async def waiting(self) -> dict[int, Waiting]:
        """Deliveries that are not made, by workspace; one without any is left out."""
        endpoint = webhook_endpoints.c
        kinds = {"outbox": outbox, "dead_letters": dead_letters}
        query = union_all(
            *(
                select(endpoint.workspace_id, literal(name), func.count())
                .join_from(table, webhook_endpoints, table.c.endpoint_id == endpoint.id)
                .group_by(endpoint.workspace_id)
                for name, table in kinds.items()
            )
        )

        def work(connection: Connection) -> dict[int, Waiting]:
            counts: dict[int, dict[str, int]] = {}
            for workspace_id, kind, count in connection.execute(query):
                counts.setdefault(workspace_id, {})[kind] = int(count)
            return {workspace_id: Waiting(**found) for workspace_id, found in counts.items()}

        return await self._engine.run(work, mode="read")

    async def account_stats(self, account_ids: Sequence[int]) -> dict[int, AccountStats]:
        """Figures of some accounts, in one query; accounts without anything have zeros."""
        if not account_ids:
            return {}
        sent = func.sum(case((messages.c.from_me, 1), else_=0))
        zero: Any = literal(0)
        query = union_all(
            select(chats.c.whatsapp_account_id, func.count(), func.sum(chats.c.unread_count), zero, zero)
            .where(chats.c.whatsapp_account_id.in_(account_ids))
            .group_by(chats.c.whatsapp_account_id),
            select(messages.c.whatsapp_account_id, zero, zero, func.count() - sent, sent)
            .where(messages.c.whatsapp_account_id.in_(account_ids))
            .group_by(messages.c.whatsapp_account_id),
        )

        def work(connection: Connection) -> dict[int, AccountStats]:
            figures = {account_id: [0, 0, 0, 0] for account_id in account_ids}
            for account_id, *counts in connection.execute(query):
                figures[account_id] = [old + int(new) for old, new in zip(figures[account_id], counts, strict=True)]
            return {
                account_id: AccountStats(
                    account_id=account_id, chats=chat_count, unread=unread, messages_in=incoming, messages_out=outgoing
                )
                for account_id, (chat_count, unread, incoming, outgoing) in figures.items()
            }

        return await self._engine.run(work, mode="read")

    async def events(
        self, workspace_id: int | None, account_id: int, after_seq: int = 0, limit: int = 100
    ) -> list[StoredEvent]:
        """Events of an account after a sequence number, in order."""
        query = select(events).where(events.c.whatsapp_account_id == account_id, events.c.account_seq > after_seq)
        if workspace_id is not None:
            query = query.where(events.c.workspace_id == workspace_id)
        query = query.order_by(events.c.account_seq).limit(limit)

        def work(connection: Connection) -> list[StoredEvent]:
            return [to_event(row) for row in connection.execute(query)]

        return await self._engine.run(work, mode="read")
