"""Writes back what a commit has changed, in bulk statements sorted by key."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.db.sync.rows import ChatRow, ContactRow, GroupRow
from wasup.db.sync.world import World

__all__ = ["write"]

_encode = msgspec.json.Encoder().encode

_CHAT_SETS = (
    "jid", "lid", "group_id", "contact_id", "contact_phone", "contact_name", "last_message", "last_message_id",
    "last_message_at", "unread_count", "message_status", "last_outgoing_id", "last_outgoing_at", "archived",
    "updated_at",
)  # fmt: skip
_CHAT_NEWS = ("last_message", "last_message_id", "last_message_at", "unread_count", "updated_at")
_MESSAGE_COLUMNS = (
    "workspace_id", "whatsapp_account_id", "chat_id", "message_id", "from_me", "sender", "sender_lid", "type",
    "content", "quoted_id", "status", "error", "attempts", "timestamp", "sent_at", "delivered_at", "read_at",
    "edited_at", "revoked_at", "history", "created_at",
)  # fmt: skip
_STATUS_SETS = (
    "status", "error", "queue_account_id", "sent_at", "delivered_at", "read_at", "edited_at", "revoked_at", "history",
)  # fmt: skip


def write(connection: Connection, driver: Driver, world: World, *, now: int) -> None:
    """Write everything that is new or dirty."""
    _Writer(connection, driver, world, now).all()


class _Writer:
    def __init__(self, connection: Connection, driver: Driver, world: World, now: int) -> None:
        self._connection = connection
        self._driver = driver
        self._world = world
        self._now = driver.time(now)

    def all(self) -> None:
        """Each kind before those that refer to it."""
        self._groups()
        self._contacts()
        self._chats()
        self._watermarks()
        self._forget_merged()
        self._new_messages()
        self._changed_messages()
        self._pending()

    def _insert(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], long: str | None = None
    ) -> None:
        self._driver.insert(self._connection, table, columns, rows, long=long)

    def _update(
        self, table: str, sets: Sequence[str], rows: Sequence[tuple[Any, ...]], long: str | None = None
    ) -> None:
        assignments = dict.fromkeys(sets, ":")
        self._driver.update(self._connection, table, keys=("id",), sets=assignments, rows=rows, long=long)

    def _number(self, table: str, column: str, rows: dict[tuple[str, int], Any]) -> None:
        """Read back the ids of what was just inserted."""
        sql = f"SELECT id, {column}, whatsapp_account_id FROM {table} WHERE ({column}, whatsapp_account_id) IN "
        for row_id, key, account_id in self._driver.select_in(self._connection, sql, sorted(rows)):
            rows[key, account_id].id = row_id

    def _groups(self) -> None:
        time, now = self._driver.time, self._now
        groups: dict[tuple[str, int], GroupRow] = dict(sorted(self._world.groups.items()))
        new = {key: row for key, row in groups.items() if row.id is None}
        self._insert(
            "whatsapp_groups",
            ("workspace_id", "whatsapp_account_id", "group_jid", "name", "owner", "participants",
             "participants_count", "group_created_at", "created_at", "updated_at"),
            [
                (row.workspace_id, row.account_id, row.jid, row.name, row.owner, row.participants,
                 row.participants_count, time(row.created_at), now, now)
                for row in new.values()
            ],
            "participants",
        )  # fmt: skip
        changed = [row for row in groups.values() if row.id is not None and row.dirty]
        self._number("whatsapp_groups", "group_jid", new)
        self._update(
            "whatsapp_groups",
            ("name", "owner", "participants", "participants_count", "group_created_at", "updated_at"),
            [
                (row.name, row.owner, row.participants, row.participants_count, time(row.created_at), now, row.id)
                for row in changed
            ],
            "participants",
        )

    def _contacts(self) -> None:
        now = self._now
        rows: list[ContactRow] = sorted(
            {id(row): row for row in self._world.contacts.values() if row.merged is None}.values(),
            key=lambda row: (row.jid, row.account_id),
        )
        new = {(row.jid, row.account_id): row for row in rows if row.id is None}
        self._insert(
            "contacts",
            ("workspace_id", "whatsapp_account_id", "jid", "lid", "phone", "name", "push_name", "chat_type",
             "created_at", "updated_at"),
            [
                (row.workspace_id, row.account_id, row.jid, row.lid, row.phone, row.name, row.push_name, "private",
                 now, now)
                for row in new.values()
            ],
        )  # fmt: skip
        changed = [row for row in rows if row.id is not None and row.dirty]
        self._number("contacts", "jid", new)
        self._update(
            "contacts",
            ("jid", "lid", "phone", "name", "push_name", "updated_at"),
            [(row.jid, row.lid, row.phone, row.name, row.push_name, now, row.id) for row in changed],
        )

    def _chats(self) -> None:
        now = self._now
        rows: list[ChatRow] = sorted(
            {
                id(row): row for row in self._world.chats.values() if row.merged is None and (row.dirty or row.news)
            }.values(),
            key=lambda row: (row.jid, row.account_id),
        )
        for row in rows:
            row.group_id = row.group.id if row.group is not None else row.group_id
            row.contact_id = row.contact.final().id if row.contact is not None else row.contact_id
        new = {(row.jid, row.account_id): row for row in rows if row.id is None}
        self._insert(
            "chats",
            (*_CHAT_SETS, "workspace_id", "whatsapp_account_id", "chat_type", "provider_type", "created_at"),
            [
                (*self._chat_values(row), row.workspace_id, row.account_id, row.chat_type, row.provider_type, now)
                for row in new.values()
            ],
        )
        changed = [row for row in rows if row.id is not None]
        self._number("chats", "jid", new)
        self._update("chats", _CHAT_SETS, [(*self._chat_values(row), row.id) for row in changed if row.dirty])
        self._update(
            "chats",
            _CHAT_NEWS,
            [
                (
                    row.last_message,
                    row.last_message_id,
                    self._driver.time(row.last_message_at),
                    row.unread_count,
                    now,
                    row.id,
                )
                for row in changed
                if not row.dirty
            ],
        )

    def _watermarks(self) -> None:
        moved = {row.id: row for row in self._world.chats.values() if row.marked and row.merged is None}
        time = self._driver.time
        rows = [(row.watermark_id, time(row.watermark_at), row.id) for _, row in sorted(moved.items())]
        self._update("chats", ("watermark_id", "watermark_at"), rows)

    def _chat_values(self, row: ChatRow) -> tuple[Any, ...]:
        time = self._driver.time
        return (
            row.jid, row.lid, row.group_id, row.contact_id, row.contact_phone, row.contact_name, row.last_message,
            row.last_message_id, time(row.last_message_at), row.unread_count, row.message_status,
            row.last_outgoing_id, time(row.last_outgoing_at), int(row.archived), self._now,
        )  # fmt: skip

    def _forget_merged(self) -> None:
        execute = self._driver.execute
        for chat, winner in self._world.merged_chats:
            if chat.id is not None:
                execute(self._connection, "UPDATE messages SET chat_id=? WHERE chat_id=?", (winner.final().id, chat.id))
                execute(self._connection, "DELETE FROM chats WHERE id=?", (chat.id,))
        for contact, heir in self._world.merged_contacts:
            if contact.id is not None:
                execute(
                    self._connection, "UPDATE chats SET contact_id=? WHERE contact_id=?", (heir.final().id, contact.id)
                )
                execute(self._connection, "DELETE FROM contacts WHERE id=?", (contact.id,))

    def _new_messages(self) -> None:
        time, now = self._driver.time, self._now
        self._insert(
            "messages",
            _MESSAGE_COLUMNS,
            [
                (row.workspace_id, row.account_id, row.chat.final().id, row.message_id, int(row.from_me), row.sender,
                 row.sender_lid, row.type, _encode(row.content).decode(), row.quoted_id, row.status.value, row.error,
                 0, time(row.timestamp), time(row.sent_at), time(row.delivered_at), time(row.read_at),
                 time(row.edited_at), time(row.revoked_at), int(row.history), now)
                for row in self._world.new_messages
            ],
            "content",
        )  # fmt: skip

    def _changed_messages(self) -> None:
        time = self._driver.time
        stored = [row for row in self._world.messages.values() if row.id is not None]
        changed = sorted((row for row in stored if row.dirty), key=lambda row: row.id or 0)
        self._update(
            "messages",
            _STATUS_SETS,
            [
                (row.status.value, row.error, row.account_id if row.waiting else None, time(row.sent_at),
                 time(row.delivered_at), time(row.read_at), time(row.edited_at), time(row.revoked_at),
                 int(row.history), row.id)
                for row in changed
            ],
        )  # fmt: skip
        rewritten = [(_encode(row.content).decode(), row.id) for row in changed if row.rewritten]
        self._update("messages", ("content",), rewritten, "content")

    def _pending(self) -> None:
        rows = [row for rows in self._world.pending.values() for row in rows]
        self._insert(
            "pending_changes",
            ("message_id", "whatsapp_account_id", "change_kind", "content", "timestamp"),
            [
                (row.message_id, row.account_id, row.change, row.content, self._driver.time(row.timestamp))
                for row in rows
                if not row.stored and not row.applied
            ],
            "content",
        )
        where = "message_id=? AND whatsapp_account_id=? AND change_kind=?"
        for row in rows:
            key = (row.message_id, row.account_id, row.change)
            if row.stored and row.applied:
                self._driver.execute(self._connection, f"DELETE FROM pending_changes WHERE {where}", key)
            elif row.stored and row.changed:
                self._driver.update(
                    self._connection,
                    "pending_changes",
                    keys=("message_id", "whatsapp_account_id", "change_kind"),
                    sets={"content": ":", "timestamp": ":"},
                    rows=[(row.content, self._driver.time(row.timestamp), *key)],
                    long="content",
                )
