"""Messages and chats as they are read, and the queue of what is to be sent."""

import hashlib
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, or_, select, update

from wasup.db.chats import ensure_chat, mirror_status, show_outgoing
from wasup.db.engine import Engine
from wasup.db.fence import lock_account
from wasup.db.reading import Reader
from wasup.db.recent import KEPT_CHATS, RecentChats
from wasup.db.tables import chats, message_keys, messages
from wasup.ports.accounts import Fence
from wasup.ports.clock import Clock
from wasup.ports.messages import Content, MessageStatus
from wasup.ports.store import Chat, Conflict, OutgoingMessage, StoredMessage

__all__ = ["SqlMessageStore"]

_decode = msgspec.json.Decoder(Content).decode
_encode = msgspec.json.Encoder().encode
_MESSAGE = [
    *(messages.c[name] for name in StoredMessage.__struct_fields__ if name != "chat"),
    chats.c.jid.label("chat"),
]
_MESSAGE_FIELDS = [column.name for column in _MESSAGE]
_CHATS = Reader(Chat, chats)
_JOINED = messages.join(chats, chats.c.id == messages.c.chat_id)


def _to_message(row: Row[Any]) -> StoredMessage:
    values = dict(zip(_MESSAGE_FIELDS, row, strict=True))
    values["content"] = _decode(values["content"])
    values["status"] = MessageStatus(values["status"])
    values["from_me"] = bool(values["from_me"])
    return StoredMessage(**values)


class SqlMessageStore:
    """Implements `wasup.ports.store.MessageStore`."""

    def __init__(self, engine: Engine, clock: Clock, recent: RecentChats) -> None:
        self._engine = engine
        self._clock = clock
        self._recent = recent

    async def queue_message(self, message: OutgoingMessage) -> tuple[StoredMessage, bool]:
        """See the port."""
        now = self._clock.now_ms()
        content = _encode(message.content).decode()
        asked = f"{message.fence.account_id}\0{message.chat}\0{message.quoted_id}\0{content}"
        digest = hashlib.sha256(asked.encode()).hexdigest()

        def work(connection: Connection) -> tuple[StoredMessage, bool]:
            lock_account(connection, self._engine.driver, message.fence)
            earlier = _earlier(connection, message, digest)
            if earlier is not None:
                return earlier, False
            chat_id = ensure_chat(connection, message, now)
            result = connection.execute(
                insert(messages).values(
                    workspace_id=message.workspace_id,
                    whatsapp_account_id=message.fence.account_id,
                    chat_id=chat_id,
                    message_id=message.message_id,
                    from_me=True,
                    type=_type(message.content),
                    content=content,
                    quoted_id=message.quoted_id,
                    status=MessageStatus.QUEUED,
                    attempts=0,
                    queue_account_id=message.fence.account_id,
                    timestamp=now,
                    created_at=now,
                )
            )
            (row_id,) = result.inserted_primary_key or (0,)
            show_outgoing(connection, message, chat_id, now)
            if message.idempotency_key is not None:
                connection.execute(
                    insert(message_keys).values(
                        workspace_id=message.workspace_id,
                        idempotency_key=message.idempotency_key,
                        message_row_id=row_id,
                        digest=digest,
                        created_at=now,
                    )
                )
            return _one(connection, row_id), True

        try:
            return await self._engine.run(work)
        finally:
            await self._recent.changed([message.fence.account_id])

    async def claim_outgoing(self, fence: Fence, *, unfinished: bool, limit: int) -> list[StoredMessage]:
        """See the port. Mostly there is nothing to send: that is found out without a lock."""
        statuses = [MessageStatus.QUEUED, MessageStatus.SENDING] if unfinished else [MessageStatus.QUEUED]
        query = (
            select(*_MESSAGE)
            .select_from(_JOINED)
            .where(messages.c.queue_account_id == fence.account_id, messages.c.status.in_(statuses))
            .order_by(messages.c.id)
            .limit(limit)
        )
        if not await self._engine.run(lambda connection: connection.execute(query.limit(1)).first(), mode="read"):
            return []

        def work(connection: Connection) -> list[StoredMessage]:
            lock_account(connection, self._engine.driver, fence)
            found = [_to_message(row) for row in connection.execute(query)]
            if found:
                connection.execute(
                    update(messages)
                    .where(messages.c.id.in_([message.id for message in found]))
                    .values(status=MessageStatus.SENDING, attempts=messages.c.attempts + 1)
                )
                mirror_status(connection, found, MessageStatus.SENDING)
            return [
                msgspec.structs.replace(message, status=MessageStatus.SENDING, attempts=message.attempts + 1)
                for message in found
            ]

        try:
            return await self._engine.run(work)
        finally:
            await self._recent.changed([fence.account_id])

    async def message(self, message_id: int, *, workspace_id: int | None) -> StoredMessage | None:
        """See the port."""
        query = select(*_MESSAGE).select_from(_JOINED).where(messages.c.id == message_id)
        if workspace_id is not None:
            query = query.where(messages.c.workspace_id == workspace_id)

        def work(connection: Connection) -> StoredMessage | None:
            row = connection.execute(query).one_or_none()
            return None if row is None else _to_message(row)

        return await self._engine.run(work, mode="read")

    async def messages(
        self,
        *,
        workspace_id: int | None,
        account_id: int | None = None,
        chat_id: int | None = None,
        before_id: int | None = None,
        limit: int = 50,
    ) -> list[StoredMessage]:
        """See the port. Rows are ordered as they were inserted: by `created_at`, which the indexes have, then id."""
        query = select(*_MESSAGE).select_from(_JOINED)
        for column, value in (
            (messages.c.workspace_id, workspace_id),
            (messages.c.whatsapp_account_id, account_id),
            (messages.c.chat_id, chat_id),
        ):
            if value is not None:
                query = query.where(column == value)
        query = query.order_by(messages.c.created_at.desc(), messages.c.id.desc()).limit(limit)

        def work(connection: Connection) -> list[StoredMessage]:
            page = query
            if before_id is not None:
                at = connection.execute(select(messages.c.created_at).where(messages.c.id == before_id)).scalar()
                if at is None:
                    return []
                page = query.where(
                    messages.c.created_at <= at,
                    or_(messages.c.created_at < at, messages.c.id < before_id),
                )
            return [_to_message(row) for row in connection.execute(page)]

        return await self._engine.run(work, mode="read")

    async def chats(
        self,
        *,
        workspace_id: int | None,
        account_id: int,
        before: tuple[int, int] | None = None,
        limit: int = 20,
    ) -> list[Chat]:
        """See the port. Chats without a message come last (as 0 in `before`)."""
        if before is None and limit <= KEPT_CHATS:
            kept = await self._recent.get(account_id, lambda: self._page_of_chats(None, account_id, None, KEPT_CHATS))
            return [chat for chat in kept if workspace_id in {None, chat.workspace_id}][:limit]
        return await self._page_of_chats(workspace_id, account_id, before, limit)

    async def _page_of_chats(
        self, workspace_id: int | None, account_id: int, before: tuple[int, int] | None, limit: int
    ) -> list[Chat]:
        where, values = "whatsapp_account_id=?", [account_id]
        if workspace_id is not None:
            where, values = f"{where} AND workspace_id=?", [*values, workspace_id]
        if before is not None:
            at, last_id = before
            if at:
                when = self._engine.driver.time(at)
                where += " AND (last_message_at<? OR (last_message_at=? AND id<?) OR last_message_at IS NULL)"
                values += [when, when, last_id]
            else:
                where += " AND last_message_at IS NULL AND id<?"
                values.append(last_id)
        return await self._chats(f"WHERE {where} ORDER BY last_message_at DESC, id DESC LIMIT ?", [*values, limit])

    async def chat(self, chat_id: int, *, workspace_id: int | None) -> Chat | None:
        """See the port."""
        where, values = "WHERE id=?", [chat_id]
        if workspace_id is not None:
            where, values = f"{where} AND workspace_id=?", [*values, workspace_id]
        found = await self._chats(where, values)
        return found[0] if found else None

    async def _chats(self, tail: str, values: list[Any]) -> list[Chat]:
        driver = self._engine.driver
        return await self._engine.run(lambda connection: _CHATS.query(driver, connection, tail, values), mode="read")


def _type(content: Content) -> str:
    return str(content.__struct_config__.tag)


def _one(connection: Connection, row_id: int) -> StoredMessage:
    return _to_message(connection.execute(select(*_MESSAGE).select_from(_JOINED).where(messages.c.id == row_id)).one())


def _earlier(connection: Connection, message: OutgoingMessage, digest: str) -> StoredMessage | None:
    """The message that was queued with the same key, if there is one."""
    if message.idempotency_key is None:
        return None
    row = connection.execute(
        select(message_keys.c.message_row_id, message_keys.c.digest).where(
            message_keys.c.workspace_id == message.workspace_id,
            message_keys.c.idempotency_key == message.idempotency_key,
        )
    ).one_or_none()
    if row is None:
        return None
    if row.digest != digest:
        raise Conflict(f"idempotency key {message.idempotency_key!r} was used for another message")
    return _one(connection, row.message_row_id)
