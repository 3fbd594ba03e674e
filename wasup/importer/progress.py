"""How far an import has come: saved in the transaction of the rows that it tells of."""

from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, text, update

from wasup.db.tables import import_progress
from wasup.importer.report import Tally

__all__ = ["TABLES", "TableProgress", "begin", "fresh", "save"]

TABLES: Final = {
    "workspaces": "workspaces",
    "accounts": "whatsapp_accounts",
    "groups": "whatsapp_groups",
    "contacts": "contacts",
    "messages": "messages",
}
"""The steps of an import in their order, and the table of wasup's that each fills."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Tally).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProgress:
    """How far one step has come.

    Attributes:
        step: a key of `TABLES`.
        last_id: primary key of the back end's last row that is dealt with.
        mark: highest id of wasup's table when the run began: what is above it came from this run.
        done: whether the step had come to its end.
        tally: what became of the rows.
    """

    step: str
    last_id: int
    mark: int
    done: bool
    tally: Tally

    def fresh_tally(self) -> Tally:
        """A tally to count on with: a transaction that is tried twice must not count twice."""
        return _decode(_encode(self.tally))


def begin(connection: Connection, source: str, now: int) -> tuple[dict[str, TableProgress], bool]:
    """The state that an interrupted import from this source has left, else that of a new one; and which it is."""
    table = import_progress
    rows = connection.execute(select(table).where(table.c.source == source)).all()
    found = {
        row.step: TableProgress(
            step=row.step, last_id=row.last_id, mark=row.mark, done=bool(row.done), tally=_decode(row.tally)
        )
        for row in rows
    }
    if found.keys() == TABLES.keys() and not all(step.done for step in found.values()):
        return found, True
    connection.execute(delete(table).where(table.c.source == source))
    steps = {}
    for step in TABLES:
        steps[step] = first = fresh(connection, step)
        connection.execute(
            insert(table).values(
                source=source, step=step, last_id=0, mark=first.mark, done=False, tally="{}", updated_at=now
            )
        )
    return steps, False


def fresh(connection: Connection, step: str) -> TableProgress:
    """The beginning of a step."""
    mark = connection.execute(text(f"SELECT COALESCE(MAX(id), 0) FROM {TABLES[step]}")).scalar_one()
    return TableProgress(step=step, last_id=0, mark=int(mark), done=False, tally=Tally())


def save(connection: Connection, source: str, progress: TableProgress, now: int) -> None:
    """Write the state of one step."""
    table = import_progress
    connection.execute(
        update(table)
        .where(table.c.source == source, table.c.step == progress.step)
        .values(last_id=progress.last_id, done=progress.done, tally=_encode(progress.tally).decode(), updated_at=now)
    )
