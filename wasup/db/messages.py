"""Messages and chats as they are read, and the queue of what is to be sent."""

import hashlib
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection

from wasup.db.chats import mirror_status, show_in_chat
from wasup.db.engine import Engine
from wasup.db.fence import lock_account
from wasup.db.reading import Reader
from wasup.db.recent import KEPT_CHATS, RecentChats
from wasup.db.tables import chats, messages
from wasup.ports.accounts import Fence
from wasup.ports.clock import Clock
from wasup.ports.messages import Content, MessageStatus
from wasup.ports.store import Chat, Conflict, OutgoingMessage, StoredMessage

__all__ = ["SqlMessageStore"]

_decode = msgspec.json.Decoder(Content).decode
_encode = msgspec.json.Encoder().encode
_CHATS = Reader(Chat, chats)
MESSAGES = Reader(
    StoredMessage,
    messages,
    joined="JOIN chats ON chats.id=messages.chat_id",
    columns={"chat": "chats.jid"},
    converts={"content": _decode},
)


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

        driver = self._engine.driver

        def work(connection: Connection) -> tuple[StoredMessage, bool]:
            lock_account(connection, driver, message.fence)
            earlier = self._earlier(connection, message, digest)
            if earlier is not None:
                return earlier, False
            chat_id, chat = show_in_chat(connection, driver, message, now)
            stored = StoredMessage(
                id=0,
                workspace_id=message.workspace_id,
                whatsapp_account_id=message.fence.account_id,
                chat_id=chat_id,
                chat=chat,
                message_id=message.message_id,
                from_me=True,
                sender=None,
                type=_type(message.content),
                content=message.content,
                quoted_id=message.quoted_id,
                status=MessageStatus.QUEUED,
                error=None,
                attempts=1 if message.handed_over else 0,
                timestamp=now,
                sent_at=None,
                delivered_at=None,
                read_at=None,
                edited_at=None,
                revoked_at=None,
                created_at=now,
            )
            row_id = self._insert(connection, stored, content)
            if message.idempotency_key is not None:
                key = {
                    "workspace_id": message.workspace_id,
                    "idempotency_key": message.idempotency_key,
                    "message_row_id": row_id,
                    "digest": digest,
                    "created_at": driver.time(now),
                }
                driver.insert(connection, "message_keys", list(key), [tuple(key.values())])
            return msgspec.structs.replace(stored, id=row_id), True

        try:
            return await self._engine.run(work)
        finally:
            await self._recent.changed([message.fence.account_id])

    async def claim_outgoing(
        self, fence: Fence, *, unfinished: bool, limit: int, but: Collection[str] = ()
    ) -> list[StoredMessage]:
        """See the port. When a session begins there is mostly nothing to send: that is found out without a lock."""
        statuses = "('queued','sending')" if unfinished else "('queued')"
        where = f"WHERE messages.queue_account_id=? AND messages.status IN {statuses}"
        driver = self._engine.driver
        if unfinished:
            first = f"SELECT MIN(id) FROM messages {where}"
            found = await self._engine.run(lambda c: driver.query(c, first, (fence.account_id,)), mode="read")
            if found[0][0] is None:
                return []

        def work(connection: Connection) -> list[StoredMessage]:
            lock_account(connection, driver, fence)
            tail = f"{where} ORDER BY messages.id LIMIT ?"
            found = MESSAGES.query(driver, connection, tail, (fence.account_id, limit))
            taken = [message for message in found if message.message_id not in but]
            if taken:
                marks = ",".join("?" * len(taken))
                driver.execute(
                    connection,
                    f"UPDATE messages SET status=?, attempts=attempts+1 WHERE id IN ({marks})",
                    (MessageStatus.SENDING.value, *(message.id for message in taken)),
                )
                mirror_status(connection, driver, taken, MessageStatus.SENDING)
            return [
                message
                if message.message_id in but
                else msgspec.structs.replace(message, status=MessageStatus.SENDING, attempts=message.attempts + 1)
                for message in found
            ]

        try:
            return await self._engine.run(work)
        finally:
            await self._recent.changed([fence.account_id])

    async def message(self, message_id: int, *, workspace_id: int | None) -> StoredMessage | None:
        """See the port."""
        where, values = "WHERE messages.id=?", [message_id]
        if workspace_id is not None:
            where, values = f"{where} AND messages.workspace_id=?", [*values, workspace_id]
        driver = self._engine.driver
        found = await self._engine.run(lambda c: MESSAGES.query(driver, c, where, values), mode="read")
        return found[0] if found else None

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
        given = {"workspace_id": workspace_id, "whatsapp_account_id": account_id, "chat_id": chat_id}
        wanted = {f"messages.{name}=?": value for name, value in given.items() if value is not None}
        driver = self._engine.driver

        def work(connection: Connection) -> list[StoredMessage]:
            conditions, values = list(wanted), list[Any](wanted.values())
            if before_id is not None:
                place = driver.query(connection, "SELECT created_at FROM messages WHERE id=?", (before_id,))
                if not place:
                    return []
                at = place[0][0]
                conditions += ["messages.created_at<=?", "(messages.created_at<? OR messages.id<?)"]
                values += [at, at, before_id]
            where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
            tail = f"{where}ORDER BY messages.created_at DESC, messages.id DESC LIMIT ?"
            return MESSAGES.query(driver, connection, tail, [*values, limit])

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

    def _insert(self, connection: Connection, message: StoredMessage, content: str) -> int:
        driver = self._engine.driver
        return driver.insert_one(
            connection,
            "messages",
            {
                "workspace_id": message.workspace_id,
                "whatsapp_account_id": message.whatsapp_account_id,
                "chat_id": message.chat_id,
                "message_id": message.message_id,
                "from_me": message.from_me,
                "type": message.type,
                "content": content,
                "quoted_id": message.quoted_id,
                "status": message.status.value,
                "attempts": message.attempts,
                "queue_account_id": message.whatsapp_account_id,
                "timestamp": driver.time(message.timestamp),
                "created_at": driver.time(message.created_at),
            },
        )

    def _earlier(self, connection: Connection, message: OutgoingMessage, digest: str) -> StoredMessage | None:
        """The message that was queued with the same key, if there is one."""
        if message.idempotency_key is None:
            return None
        driver = self._engine.driver
        known = driver.query(
            connection,
            "SELECT message_row_id, digest FROM message_keys WHERE workspace_id=? AND idempotency_key=?",
            (message.workspace_id, message.idempotency_key),
        )
        if not known:
            return None
        row_id, stored = known[0]
        if stored != digest:
            raise Conflict(f"idempotency key {message.idempotency_key!r} was used for another message")
        (found,) = MESSAGES.query(driver, connection, "WHERE messages.id=?", (row_id,))
        return found


def _type(content: Content) -> str:
    return str(content.__struct_config__.tag)
