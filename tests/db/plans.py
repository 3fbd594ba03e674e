"""What the database does with statements: they are caught on their way to the driver, and explained."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, event

from wasup.db import Database

__all__ = ["recorded", "scans"]

# Small by design, or read as a whole on purpose.
_MAY_SCAN: Final = re.compile(
    r"webhook_endpoints|alembic_version|node|workspaces|logins_to_forget|derived|^keys|^l\d+$|^o$|^\("
)
_MAY_COUNT: Final = re.compile(r"whatsapp_accounts")  # some thousands at most


@contextmanager
def recorded(database: Database) -> Iterator[dict[str, Any]]:
    """Every statement that runs meanwhile, with its (first) values."""
    seen: dict[str, Any] = {}

    def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            seen[statement] = parameters[0] if many else parameters

    engines = {database.engine._engine.sync_engine, database.engine._reader.sync_engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", listen)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", listen)


async def scans(database: Database, seen: dict[str, Any], *, counting: bool = False, small: int = 0) -> list[str]:
    """What reads a table, or one of its indexes, from end to end.

    Args:
        database: Where to ask.
        seen: Statements with their values.
        counting: Allow what one must read to count.
        small: Rows of a table that a server may read whole: it does so with right where a statement names
            hundreds of its rows.
    """
    driver = database.engine.driver

    def sqlite(connection: Connection, statement: str, values: Any) -> list[str]:
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
        found = [step.removeprefix("SCAN ") for step in steps if step.startswith("SCAN ")]
        return [step for step in found if "CONSTANT" not in step and not (counting and "COVERING" in step)]

    def server(connection: Connection, statement: str, values: Any) -> list[str]:
        plan = connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {statement}", tuple(values)).mappings()
        kinds = {"ALL"} if counting else {"ALL", "index"}
        return [f"{row['table']} {row['type']}" for row in plan if row["type"] in kinds and int(row["rows"]) > small]

    def explain(connection: Connection) -> list[str]:
        look = sqlite if driver.kind == "sqlite" else server
        found = [(step, sql) for sql, values in seen.items() for step in look(connection, sql, values)]
        bad = [(step, sql) for step, sql in found if not _MAY_SCAN.search(step)]
        return [f"{step}: {sql[:200]}" for step, sql in bad if not (counting and _MAY_COUNT.search(step))]

    result: list[str] = await database.engine.run(explain, mode="read")
    return result
