"""What is in wasup's database, independent of row numbers and of the kind of database."""

from typing import Any

from sqlalchemy import Connection, select

from wasup.bridge import Bridge
from wasup.db import metadata
from wasup.db.engine import Engine

__all__ = ["Content", "columns_of", "read_content"]

Content = dict[str, list[tuple[Any, ...]]]

# Numbered by the database, or telling when the import ran rather than what it brought.
_OWN = {"id", "chat_id", "contact_id", "group_id", "status_since"}
_REGISTERS = {"node", "import_progress"}


async def read_content(url: str, bridge: Bridge) -> Content:
    """All rows of all tables but the registers of runs; references are told by what they refer to."""
    engine = Engine(url, bridge, pool_size=1)
    try:
        await engine.open()
        return await engine.run(_read, mode="read")
    finally:
        await engine.close()


def columns_of(table: str) -> list[str]:
    """The table's own columns in the order of its rows here."""
    own = _OWN - {"id"} if table in {"workspaces", "whatsapp_accounts"} else _OWN
    return [column.name for column in metadata.tables[table].c if column.name not in own]


def _read(connection: Connection) -> Content:
    tables = metadata.tables
    chats, groups, contacts = tables["chats"], tables["whatsapp_groups"], tables["contacts"]
    references = {
        "messages": (
            [chats.c.jid.label("chat")],
            tables["messages"].join(chats, chats.c.id == tables["messages"].c.chat_id),
        ),
        "chats": (
            [groups.c.group_jid.label("of_group"), contacts.c.jid.label("of_contact")],
            chats.outerjoin(groups, groups.c.id == chats.c.group_id).outerjoin(
                contacts, contacts.c.id == chats.c.contact_id
            ),
        ),
    }
    content: Content = {}
    for name, table in tables.items():
        if name in _REGISTERS:
            continue
        more, joined = references.get(name, ([], table))
        columns = [table.c[column] for column in columns_of(name)]
        rows = connection.execute(select(*columns, *more).select_from(joined)).all()
        content[name] = sorted((tuple(row) for row in rows), key=repr)
    return content
