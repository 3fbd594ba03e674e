"""The back end's database at any point of its history, in both variants, filled with rows made for tests."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncmy
import trio

from tests.db.servers import DatabaseServer
from wasup.bridge import Bridge

__all__ = ["POINTS", "VARIANTS", "Backend", "uuid_of"]

POINTS = (1, 2, 3, 4, 5)
VARIANTS = ("migrations", "dump")
Statement = tuple[str, Sequence[Any]]
_SCHEMAS = Path(__file__).with_name("schemas")


def uuid_of(table: str, row_id: int) -> str:
    """The uuid that a row of ours has."""
    return f"00000000-0000-4000-8000-{zlib.crc32(table.encode()) % 10**6:06d}{row_id:06d}"


class Backend:
    """One database of the back end, on a server of ours."""

    def __init__(self, server: DatabaseServer, bridge: Bridge, name: str, point: int, variant: str) -> None:
        self.server, self.bridge, self.name, self.point, self.variant = server, bridge, name, point, variant
        self.url = server.url(name)
        self.accounts = "whatsapp_accounts" if point >= 3 else "whatsapp_sessions"
        self.account_id = "whatsapp_account_id" if point >= 3 else "whatsapp_session_id"
        self._columns: dict[str, set[str]] = {}
        self._prepared: list[Statement] = []

    async def create(self) -> "Backend":
        """Make it, empty: what was there at the first point, and each later point's changes."""
        await self.bridge.run(self.server.create_database, self.name)
        statements = [f"ALTER DATABASE {self.name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"]
        for file in (f"base-{self.variant}.sql", *(f"point{number}.sql" for number in range(1, self.point + 1))):
            text = await trio.Path(_SCHEMAS / file).read_text()
            lines = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
            statements += [statement for statement in lines.split(";\n") if statement.strip()]
        await self.bridge.run(self._run, [(statement, ()) for statement in statements])
        columns = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()"
        for table, column in await self.run(columns):
            self._columns.setdefault(table, set()).add(column)
        return self

    async def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement, as the back end would: in a session whose zone is the server's."""
        return await self.bridge.run(self._run, [(sql, values)])

    async def _run(self, statements: Sequence[Statement]) -> list[tuple[Any, ...]]:
        connection = await asyncmy.connect(
            host="127.0.0.1", port=self.server.port, user="wasup", password="wasup", database=self.name,
            charset="utf8mb4",
        )  # fmt: skip
        rows: list[tuple[Any, ...]] = []
        try:
            async with connection.cursor() as cursor:
                for sql, values in statements:
                    await cursor.execute(sql, tuple(values) or None)
                    rows = list(await cursor.fetchall()) if cursor.description else []
            await connection.commit()
        finally:
            connection.close()
        return rows

    async def write(self) -> None:
        """Write the rows that were prepared."""
        await self.bridge.run(self._run, self._prepared)
        self._prepared = []

    def insert(self, table: str, **values: Any) -> None:
        """Prepare a row with as much of `values` as this point has columns for; `account` refers to an account."""
        if table == "accounts":
            table = self.accounts
        if table not in self._columns:
            return
        known = self._columns[table]
        if "account" in values:
            values[self.account_id] = values.pop("account")
        values.setdefault("created_at", "2025-11-01 08:00:00")
        if table in {"workspaces", "contacts", self.accounts}:
            values.setdefault("created_by", 1)
        if table == "chat_media" and "original_path" in known:
            values["original_path"] = values.pop("path", None)
        values.setdefault("uuid", uuid_of(table, values["id"]))
        kept = {name: value for name, value in values.items() if name in known}
        names, marks = ", ".join(kept), ", ".join(["%s"] * len(kept))
        self._prepared.append((f"INSERT INTO {table} ({names}) VALUES ({marks})", list(kept.values())))

    async def checksums(self) -> dict[str, int]:
        """A checksum of every table, to see whether anything was written."""
        tables = [row[0] for row in await self.run("SHOW TABLES")]
        return {str(table): int((await self.run(f"CHECKSUM TABLE {table}"))[0][1]) for table in tables}
