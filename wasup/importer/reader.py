"""Reads the back end's rows by ranges of their primary keys, from whatever columns there are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from wasup.db.types import from_datetime
from wasup.importer.content import SourceMedia
from wasup.importer.layout import Layout
from wasup.importer.rows import SourceAccount, SourceContact, SourceGroup, SourceMessage, SourceWorkspace
from wasup.importer.source import Source

__all__ = ["Reader"]

Row = tuple[Any, ...]
_CONTACTS: Final = 20_000  # kept in memory
# A server that joins or sorts before it cuts the page off would read the whole table for every page.
_BY_ID: Final = "FORCE INDEX (PRIMARY)"


class Reader:
    """The rows of one database, of all its workspaces or of one."""

    def __init__(self, source: Source, layout: Layout, *, workspace_id: int | None = None) -> None:
        self.source = source
        self.layout = layout
        self.workspace_id = workspace_id
        self._contacts: dict[int, SourceContact] = {}  # of the messages that were read last

    async def count(self, table: str, *, upto: int | None = None) -> int:
        """Rows of a table, up to and with a primary key."""
        where, values = self._where(table)
        if upto is not None:
            where, values = f"{where} AND {table}.id <= %s", [*values, upto]
        return int((await self.source.rows(f"SELECT COUNT(*) FROM {table} WHERE {where}", values))[0][0])

    async def left_behind(self, imported: Sequence[str]) -> dict[str, int]:
        """All other tables, with their rows."""
        others = sorted(self.layout.columns.keys() - set(imported))
        counts = {}
        for table in others:
            name = table.replace("`", "``")
            counts[table] = int((await self.source.rows(f"SELECT COUNT(*) FROM `{name}`"))[0][0])
        return counts

    async def workspaces(self) -> list[SourceWorkspace]:
        """All of them."""
        found = await self._page("workspaces", ("id", "uuid", "name", "identifier", "created_at", "deleted_at"))
        return [
            SourceWorkspace(
                id=row[0], uuid=row[1], name=row[2] or row[3] or f"Workspace {row[0]}",
                created_at=_ms(row[4]) or 0, deleted=row[5] is not None,
            )
            for row in found
        ]  # fmt: skip

    async def accounts(self, *, everywhere: bool = False) -> list[SourceAccount]:
        """All of them, deleted ones too; `everywhere`: of all workspaces, whatever was asked for."""
        columns = ("id", "uuid", "workspace_id", "provider_type", "session_id", "phone_number", "is_primary",
                   "last_activity_at", "last_connected_at", "created_at", "updated_at", "deleted_at")  # fmt: skip
        return [
            SourceAccount(
                id=row[0], uuid=row[1], workspace_id=row[2], provider_type=row[3], session_id=row[4],
                phone_number=row[5], is_primary=bool(row[6]), last_activity_at=_ms(row[7]),
                last_connected_at=_ms(row[8]), created_at=_ms(row[9]) or 0,
                updated_at=_ms(row[10]) or _ms(row[9]) or 0, deleted_at=_ms(row[11]),
            )
            for row in await self._page(self.layout.accounts, columns, everywhere=everywhere)
        ]  # fmt: skip

    async def groups(self, after: int, limit: int) -> list[SourceGroup]:
        """The next of them."""
        columns = ("id", "workspace_id", self.layout.account_id, "group_jid", "name", "owner_phone", "participants",
                   "group_created_at", "created_at", "updated_at")  # fmt: skip
        return [
            SourceGroup(
                id=row[0], workspace_id=row[1], account_id=row[2], jid=row[3], name=row[4], owner_phone=row[5],
                participants=row[6], group_created_at=_ms(row[7]), created_at=_ms(row[8]) or 0,
                updated_at=_ms(row[9]) or _ms(row[8]) or 0,
            )
            for row in await self._page("whatsapp_groups", columns, after=after, limit=limit)
        ]  # fmt: skip

    async def contacts(self, after: int, limit: int) -> list[SourceContact]:
        """The next of them."""
        where, values = self._where("contacts")
        rows = await self.source.rows(
            f"SELECT {self._contact_columns()} FROM contacts {_BY_ID} WHERE {where} AND contacts.id > %s"
            " ORDER BY contacts.id LIMIT %s",
            [*values, after, limit],
        )
        return [_contact(row) for row in rows]

    async def links(self, contacts: Sequence[int]) -> list[tuple[int, int, str | None]]:
        """Which accounts these contacts have written with: (contact, account, one message id of the two)."""
        layout = self.layout
        account, marks = layout.account_id, ",".join(["%s"] * len(contacts))
        found = await self.source.rows(
            f"SELECT contact_id, {account}, MAX(wam_id) FROM chats"
            f" WHERE contact_id IN ({marks}) AND {account} IS NOT NULL GROUP BY contact_id, {account}",
            contacts,
        )
        for table in ("contact_sessions", "contact_accounts"):
            if layout.has(table, "contact_id") and layout.has(table, account):
                found += await self.source.rows(
                    f"SELECT contact_id, {account}, NULL FROM {table} WHERE contact_id IN ({marks})", contacts
                )
        return [(int(row[0]), int(row[1]), row[2]) for row in found]

    async def messages(self, after: int, limit: int) -> list[SourceMessage]:
        """The next rows of `chats`, each with its contact, group and media."""
        layout, chat = self.layout, self._chat
        groups = layout.has("chats", "group_id") and layout.has("whatsapp_groups")
        media = layout.has("chats", "media_id") and layout.has("chat_media")
        path = "original_path" if layout.has("chat_media", "original_path") else "path"
        where, values = self._where("chats")
        ids = ", ".join(f"NULLIF({chat(name)}, '')" for name in ("whatsapp_message_id", "wam_id", "message_id"))
        rows = await self.source.rows(
            f"SELECT chats.id, chats.uuid, chats.workspace_id, chats.{layout.account_id}, {chat('provider_type')},"
            f" COALESCE({ids}), chats.type, chats.metadata, {chat('status')}, {chat('message_status')},"
            f" {chat('ack_level')}, {chat('is_read')}, {chat('deleted_at')}, chats.created_at, {chat('sent_at')},"
            f" {chat('delivered_at')}, {chat('read_at')},"
            f" {'g.group_jid, g.name' if groups else 'NULL, NULL'},"
            f" {f'm.id, m.name, m.{path}, m.location, m.type, m.size' if media else 'NULL' + ', NULL' * 5},"
            " chats.contact_id FROM"
            f" (SELECT * FROM chats {_BY_ID} WHERE {where} AND chats.id > %s ORDER BY chats.id LIMIT %s) AS chats"
            f"{' LEFT JOIN whatsapp_groups g ON g.id = chats.group_id' if groups else ''}"
            f"{' LEFT JOIN chat_media m ON m.id = chats.media_id' if media else ''}"
            " ORDER BY chats.id",
            [*values, after, limit],
        )
        contacts = await self._known_contacts({row[25] for row in rows})
        return [_message(row, contacts.get(row[25])) for row in rows]

    async def _known_contacts(self, ids: set[int]) -> dict[int, SourceContact]:
        """The contacts with these ids. Chats come in bursts: those of the last page are mostly those of the next."""
        if len(self._contacts) > _CONTACTS:
            self._contacts = {key: value for key, value in self._contacts.items() if key in ids}
        missing = sorted(ids - self._contacts.keys())
        if missing:
            rows = await self.source.rows(
                f"SELECT {self._contact_columns()} FROM contacts WHERE id IN ({','.join(['%s'] * len(missing))})",
                missing,
            )
            self._contacts |= {row[0]: _contact(row) for row in rows}
        return self._contacts

    def _chat(self, column: str) -> str:
        return self.layout.column("chats", column)

    def _where(self, table: str, *, everywhere: bool = False) -> tuple[str, list[Any]]:
        if self.workspace_id is None or everywhere:
            return "1=1", []
        return f"{table}.{'id' if table == 'workspaces' else 'workspace_id'} = %s", [self.workspace_id]

    async def _page(
        self, table: str, columns: Sequence[str], *, after: int = 0, limit: int | None = None, everywhere: bool = False
    ) -> list[Row]:
        where, values = self._where(table, everywhere=everywhere)
        names = ", ".join(self.layout.column(table, column) for column in columns)
        sql = f"SELECT {names} FROM {table} {_BY_ID} WHERE {where} AND {table}.id > %s ORDER BY {table}.id"
        values.append(after)
        if limit is not None:
            sql += " LIMIT %s"
            values.append(limit)
        return await self.source.rows(sql, values)

    def _contact_columns(self) -> str:
        columns = ("id", "workspace_id", "whatsapp_account_id", "phone", "type", "chat_type", "full_name",
                   "first_name", "last_name", "group_name", "participants_count", "created_at", "updated_at",
                   "deleted_at")  # fmt: skip
        return ", ".join(self.layout.column("contacts", column) for column in columns)


def _ms(value: Any) -> int | None:
    """Epoch milliseconds of a time; zero dates and the like are none."""
    return from_datetime(value) if isinstance(value, datetime) else None


def _contact(row: Row) -> SourceContact:
    (contact_id, workspace_id, account_id, phone, kind, chat_type, full_name, first_name, last_name, group_name,
     participants_count, created_at, updated_at, deleted_at) = row  # fmt: skip
    is_group = kind == "group" or chat_type == "group"
    person = full_name or " ".join(part for part in (first_name, last_name) if part)
    created = _ms(created_at) or _ms(updated_at) or 0
    return SourceContact(
        id=contact_id,
        workspace_id=workspace_id,
        account_id=account_id,
        phone=phone,
        is_group=is_group,
        name=_named((group_name or person) if is_group else person, phone),
        participants_count=participants_count,
        created_at=created,
        updated_at=_ms(updated_at) or created,
        deleted=deleted_at is not None,
    )


def _named(name: str, phone: str | None) -> str | None:
    """The name, unless it is the number again, which is how the back end names whom it does not know."""
    name = name.strip()
    return name if name and name.lstrip("+") != (phone or "").lstrip("+") else None


def _message(row: Row, contact: SourceContact | None) -> SourceMessage:
    media = None if row[19] is None else SourceMedia(row[20], row[21], row[22], row[23], row[24])
    return SourceMessage(
        id=row[0],
        uuid=row[1],
        workspace_id=row[2],
        account_id=row[3],
        provider_type=row[4],
        whatsapp_id=row[5] or None,
        outgoing={"outbound": True, "inbound": False}.get(row[6]),
        metadata=row[7],
        status=row[8],
        message_status=row[9],
        ack_level=row[10],
        is_read=bool(row[11]),
        deleted=row[12] is not None,
        created_at=_ms(row[13]) or 0,
        sent_at=_ms(row[14]),
        delivered_at=_ms(row[15]),
        read_at=_ms(row[16]),
        group_jid=row[17],
        group_name=row[18],
        media=media,
        contact=contact,
    )
