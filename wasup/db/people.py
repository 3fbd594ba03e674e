"""Contacts and groups, as they were last synchronised."""

from typing import Any

import msgspec
from sqlalchemy import Row, Select, Table, or_, select

from wasup.db.engine import Engine
from wasup.db.tables import contacts, whatsapp_groups as groups
from wasup.db.upkeep import containing
from wasup.ports.messages import Participant
from wasup.ports.resources import Contact, Group

__all__ = ["SqlPeopleStore"]

_CONTACT = [contacts.c[name] for name in Contact.__struct_fields__]
_GROUP = [groups.c[name] for name in Group.__struct_fields__ if name != "participants"]
_decode = msgspec.json.Decoder(tuple[Participant, ...]).decode


class SqlPeopleStore:
    """Implements `wasup.ports.resources.PeopleStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def contacts(
        self, account_id: int, *, search: str | None = None, after_id: int = 0, limit: int = 100
    ) -> list[Contact]:
        """See the port."""
        query = _page(select(*_CONTACT), contacts, account_id, after_id, limit)
        query = query.where(contacts.c.chat_type == "private")
        if search is not None:
            pattern = containing(search)
            named = (contacts.c.name, contacts.c.push_name, contacts.c.phone)
            query = query.where(or_(*(column.like(pattern, escape="!") for column in named)))
        return await self._engine.run(
            lambda connection: [Contact(**_values(row)) for row in connection.execute(query)], mode="read"
        )

    async def contact(self, contact_id: int, *, workspace_id: int | None) -> Contact | None:
        """See the port."""
        row = await self._one(select(*_CONTACT), contacts, contact_id, workspace_id)
        return None if row is None else Contact(**_values(row))

    async def groups(
        self, account_id: int, *, search: str | None = None, after_id: int = 0, limit: int = 100
    ) -> list[Group]:
        """See the port."""
        query = _page(select(*_GROUP), groups, account_id, after_id, limit)
        if search is not None:
            query = query.where(groups.c.name.like(containing(search), escape="!"))
        return await self._engine.run(
            lambda connection: [Group(**_values(row)) for row in connection.execute(query)], mode="read"
        )

    async def group(self, group_id: int, *, workspace_id: int | None) -> Group | None:
        """See the port."""
        row = await self._one(select(*_GROUP, groups.c.participants), groups, group_id, workspace_id)
        if row is None:
            return None
        values = _values(row)
        if values["participants"] is not None:
            values["participants"] = _decode(values["participants"])
        return Group(**values)

    async def _one(self, query: Select[Any], table: Table, row_id: int, workspace_id: int | None) -> Row[Any] | None:
        query = query.where(table.c.id == row_id)
        if workspace_id is not None:
            query = query.where(table.c.workspace_id == workspace_id)
        return await self._engine.run(lambda connection: connection.execute(query).one_or_none(), mode="read")


def _page(query: Select[Any], table: Table, account_id: int, after_id: int, limit: int) -> Select[Any]:
    mine = table.c.whatsapp_account_id == account_id
    return query.where(mine, table.c.id > after_id).order_by(table.c.id).limit(limit)


def _values(row: Row[Any]) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001 - the public way to a row's names
