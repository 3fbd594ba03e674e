"""What was rejected, for people to look at and to try again."""

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, select

from wasup.db.engine import Engine
from wasup.db.recent import RecentChats
from wasup.db.sync import SqlSyncStore
from wasup.db.tables import account_owner, rejected_items as table, whatsapp_accounts
from wasup.ports.accounts import Fence
from wasup.ports.messages import Item
from wasup.ports.rejected import NotRetried, RejectedItem
from wasup.ports.store import DataRefused
from wasup.ports.sync import CommitResult, IncomingBatch

__all__ = ["SqlRejectedStore"]

_SHOWN: Final = 64_000  # bytes of an item
_COLUMNS: Final = (
    table.c.id,
    table.c.workspace_id,
    table.c.whatsapp_account_id,
    table.c.item_kind,
    table.c.message_id,
    table.c.reason,
    table.c.created_at,
)
_OF_THEIR_MOMENT: Final = frozenset({"status", "qr", "sync", "watermark"})
_decode = msgspec.json.Decoder(Item).decode


class SqlRejectedStore:
    """Implements `wasup.ports.rejected.RejectedStore`.

    Args:
        engine: the database.
        sync: stores an item that is tried again.
        recent: the cache of chats that it may change.
    """

    def __init__(self, engine: Engine, sync: SqlSyncStore, recent: RecentChats) -> None:
        self._engine = engine
        self._sync = sync
        self._recent = recent

    async def rejected(
        self, *, account_id: int | None = None, before_id: int | None = None, limit: int = 100
    ) -> list[RejectedItem]:
        """See the port."""
        query = select(*_COLUMNS, func.length(table.c.item).label("size")).order_by(table.c.id.desc()).limit(limit)
        if account_id is not None:
            query = query.where(table.c.whatsapp_account_id == account_id)
        if before_id is not None:
            query = query.where(table.c.id < before_id)
        return await self._engine.run(lambda c: [_to_item(row, row.size) for row in c.execute(query)], mode="read")

    async def rejected_item(self, item_id: int) -> RejectedItem | None:
        """See the port."""
        query = select(*_COLUMNS, table.c.item).where(table.c.id == item_id)

        def work(connection: Connection) -> RejectedItem | None:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            shown = bytes(row.item)[:_SHOWN].decode("utf-8", "replace")
            return _to_item(row, len(row.item), shown)

        return await self._engine.run(work, mode="read")

    async def retry(self, item_id: int) -> CommitResult | None:
        """See the port."""
        try:
            done = await self._engine.run(lambda connection: self._retry(connection, item_id))
        except DataRefused as error:
            raise NotRetried(str(error)) from error
        if done is None:
            return None
        account_id, result = done
        await self._recent.changed({account_id})
        return result

    def _retry(self, connection: Connection, item_id: int) -> tuple[int, CommitResult] | None:
        row = connection.execute(
            select(table.c.workspace_id, table.c.whatsapp_account_id, table.c.item_kind, table.c.item).where(
                table.c.id == item_id
            )
        ).one_or_none()
        if row is None:
            return None
        batch = _batch(connection, row)
        result = self._sync.write(connection, [batch])
        connection.execute(delete(table).where(table.c.id == item_id))
        return batch.fence.account_id, result

    async def discard(self, item_id: int) -> bool:
        """See the port."""
        statement = delete(table).where(table.c.id == item_id)
        return await self._engine.run(lambda connection: connection.execute(statement).rowcount > 0)


def _batch(connection: Connection, row: Any) -> IncomingBatch:
    """The item in a batch of its account, under the fence that its owner holds now."""
    account_id = row.whatsapp_account_id
    owner = connection.execute(
        select(account_owner.c.incarnation, account_owner.c.epoch, whatsapp_accounts.c.provider_type)
        .join(whatsapp_accounts, whatsapp_accounts.c.id == account_owner.c.whatsapp_account_id)
        .where(account_owner.c.whatsapp_account_id == account_id, account_owner.c.incarnation.is_not(None))
        .with_for_update()
    ).one_or_none()
    if owner is None:
        raise NotRetried("its account was never run, or is gone")
    return IncomingBatch(
        fence=Fence(account_id=account_id, incarnation=owner.incarnation, epoch=owner.epoch),
        workspace_id=row.workspace_id,
        provider_type=owner.provider_type,
        items=(_item(row.item_kind, bytes(row.item)),),
    )


def _item(kind: str, raw: bytes) -> Item:
    if kind in _OF_THEIR_MOMENT:
        raise NotRetried(f"a {kind} item is of its moment, and that is over")
    try:
        item: Item = _decode(raw)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise NotRetried(f"it was too long or too odd to be kept as it was: {error}") from None
    return item


def _to_item(row: Any, size: int, item: str | None = None) -> RejectedItem:
    return RejectedItem(
        id=row.id,
        workspace_id=row.workspace_id,
        account_id=row.whatsapp_account_id,
        kind=row.item_kind,
        message_id=row.message_id,
        reason=row.reason,
        size=size,
        item=item,
        created_at=row.created_at,
    )
