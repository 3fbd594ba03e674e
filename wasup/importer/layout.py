"""Which tables and columns a back end's database has, and so at which point of its history it stands.

Readers ask for columns, never for the point: databases in the field differ from every list of versions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wasup.importer.source import ImportRefused, Source

__all__ = ["Layout", "detect"]

_NEEDED: Final = {
    "workspaces": ("id", "uuid", "name"),
    "contacts": ("id", "workspace_id", "phone"),
    "chats": ("id", "uuid", "workspace_id", "contact_id", "wam_id", "type", "metadata", "created_at"),
}
_NEEDED_OF_ACCOUNTS: Final = ("id", "uuid", "workspace_id", "session_id", "provider_type", "deleted_at")


@dataclass(frozen=True, slots=True)
class Layout:
    """The tables and columns of one database.

    Attributes:
        columns: table to its columns.
        accounts: the table of accounts (`whatsapp_sessions` until it was renamed).
        account_id: the column that refers to it.
    """

    columns: Mapping[str, frozenset[str]]
    accounts: str
    account_id: str

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether there is this table, with this column."""
        return table in self.columns and (column is None or column in self.columns[table])

    def column(self, table: str, column: str) -> str:
        """The column as a SELECT names it; NULL where this database has none of the name."""
        return f"{table}.{column}" if self.has(table, column) else "NULL"

    @property
    def point(self) -> int:
        """The point of its history, 1 to 5, by the newest thing that it has."""
        if self.has("contacts", "type"):
            return 5
        if self.has("chats", "message_id"):
            return 4
        if self.accounts == "whatsapp_accounts":
            return 3
        return 2 if self.has("whatsapp_groups") else 1

    @property
    def variant(self) -> str:
        """`migrations` if every table was made by a migration, `dump` if the schema dump came first."""
        return "migrations" if self.has("workspaces", "status") else "dump"


async def detect(source: Source) -> Layout:
    """Find out what there is.

    Raises:
        ImportRefused: it is no database of the back end, or one without accounts.
    """
    found: dict[str, set[str]] = {}
    for table, column in await source.rows(
        "SELECT c.table_name, c.column_name FROM information_schema.columns c"
        " JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name"
        " WHERE c.table_schema = DATABASE() AND t.table_type = 'BASE TABLE'"
    ):
        found.setdefault(str(table), set()).add(str(column).lower())
    columns = {table: frozenset(names) for table, names in found.items()}
    if "account_owner" in columns:
        raise ImportRefused(f"{source.name} is a database of wasup itself, not of the back end")
    accounts = next((name for name in ("whatsapp_accounts", "whatsapp_sessions") if name in columns), None)
    account_id = next(
        (name for name in ("whatsapp_account_id", "whatsapp_session_id") if name in columns.get("chats", ())), None
    )
    if accounts is None or account_id is None:
        raise ImportRefused(
            f"{source.name} has no WhatsApp accounts: it is no database of the back end, or older than its accounts"
            " (bring it up to date with the back end's own migrations first)"
        )
    for table, names in {**_NEEDED, accounts: _NEEDED_OF_ACCOUNTS}.items():
        missing = [name for name in names if name not in columns.get(table, ())]
        if missing:
            raise ImportRefused(
                f"{source.name}: table {table} has no {', '.join(missing)}: no database of the back end"
            )
    return Layout(columns, accounts, account_id)
