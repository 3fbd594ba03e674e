"""Bulk statements in the fastest form that each database has.

The hot path goes past SQLAlchemy's compiler: statements are built here, once per shape, and rows are tuples.
MariaDB takes the rows of an `executemany` in one packet (bulk protocol), MySQL prepared statements of many
rows, SQLite a loop in C.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection

from wasup.db.types import from_datetime, to_datetime
from wasup.ports.store import DataRefused

__all__ = ["Driver", "Kind", "Row"]

Kind: TypeAlias = Literal["mysql", "mariadb", "sqlite"]
Row: TypeAlias = tuple[Any, ...]

_PAIRS: Final = re.compile(r"(.*(?:WHERE|AND) )\(([\w., ]+)\) IN ", re.DOTALL)
_SIZES: Final = (256, 64, 16, 4, 1)
_PACKET: Final = 16_000_000  # bytes; MariaDB's default max_allowed_packet
_CHARACTERS: Final = 2_000_000  # per statement at most
_BYTES: Final = 4  # of a character at most
_WEIGHT: Final = 400  # characters of a row besides its long text
_ROWS: Final = 2_000


class Driver:
    """How to say it to one kind of database.

    Args:
        kind: which.
        packet: bytes that the server takes at a time. It hangs up on whoever sends more, which looks like a server that
            is away, and would be waited for without end; so what is longer is refused here.

    Attributes:
        longest: bytes of a text, half a packet: the protocol may double them.
    """

    def __init__(self, kind: Kind, packet: int = _PACKET) -> None:
        self.kind: Kind = kind
        self.longest = packet // 2
        self.mark = "?" if kind == "sqlite" else "%s"
        self.least, self.greatest = ("MIN", "MAX") if kind == "sqlite" else ("LEAST", "GREATEST")
        self.lock = "" if kind == "sqlite" else " FOR UPDATE"
        self.skip_locked = "" if kind == "sqlite" else " FOR UPDATE SKIP LOCKED"

    def time(self, ms: int | None) -> Any:
        """A time as the raw driver takes it."""
        return ms if ms is None or self.kind == "sqlite" else to_datetime(ms)

    def ms(self, value: Any) -> int | None:
        """A time as the raw driver gives it."""
        return value if value is None or self.kind == "sqlite" else from_datetime(value)

    def query(self, connection: Connection, sql: str, values: Sequence[Any] = ()) -> Sequence[Any]:
        """All rows of a statement; `?` marks its values."""
        return connection.exec_driver_sql(self._marked(sql), tuple(values)).fetchall()

    def execute(self, connection: Connection, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement; returns the number of rows that it matched."""
        return connection.exec_driver_sql(self._marked(sql), tuple(values)).rowcount

    def insert_one(self, connection: Connection, table: str, row: Mapping[str, Any]) -> int:
        """Insert a row, `None` where it has no value; returns the number that it was given."""
        sql = f"INSERT INTO {table} ({','.join(row)}) VALUES ({','.join('?' * len(row))})"
        return int(connection.exec_driver_sql(self._marked(sql), tuple(row.values())).lastrowid)

    def select_in(self, connection: Connection, sql: str, keys: Sequence[Any], tail: str = "") -> list[Any]:
        """`sql` (which ends in `… IN `) for the keys, in few statements of few shapes, so that they stay prepared."""
        found: list[Any] = []
        for part in _parts(keys):
            wide = isinstance(part[0], tuple)
            width = len(part[0]) if wide else 0
            values = [value for key in part for value in key] if wide else part
            if wide and self.kind == "sqlite":
                statement = _joined(sql, len(part), width) + tail
            else:
                statement = f"{sql}{_keys(len(part), width)}{tail}"
            found += self.query(connection, statement, values)
        return found

    def insert(
        self,
        connection: Connection,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Row],
        *,
        long: str | None = None,
    ) -> None:
        """Insert rows; `long` names the column that may hold long text, if there is one."""
        for part in self._portions(rows, None if long is None else list(columns).index(long)):
            blank = _blank(part, len(columns))
            if self.kind != "mysql":
                self._many(connection, _insert(table, tuple(columns), blank, 1), _without(part, blank))
                continue
            start = 0
            for size in _cuts(len(part)):
                values = [value for row in _without(part[start : start + size], blank) for value in row]
                self.execute(connection, _insert(table, tuple(columns), blank, size), values)
                start += size

    def update(
        self,
        connection: Connection,
        table: str,
        *,
        keys: Sequence[str],
        sets: Mapping[str, str],
        rows: Sequence[Row],
        long: str | None = None,
    ) -> None:
        """Update many rows, each by its key.

        Args:
            connection: in whose transaction.
            table: which table.
            keys: columns that name a row.
            sets: column to expression, where `:` stands for the row's value (`":"` alone for most). Every
                expression uses its value exactly once, in this order (MySQL assigns from left to right).
            rows: values for `sets`, then for `keys`.
            long: the column that may hold long text, if there is one.
        """
        for part in self._portions(rows, None if long is None else list(sets).index(long)):
            blank = _blank(part, len(sets))
            if self.kind != "mysql":
                self._many(connection, _update(table, tuple(keys), tuple(sets.items()), blank), _without(part, blank))
                continue
            start = 0
            for size in _cuts(len(part)):
                rest = _without(part[start : start + size], blank)
                sql = _update_joined(table, tuple(keys), tuple(sets.items()), blank, size)
                self.execute(connection, sql, [value for row in rest for value in row])
                start += size

    def _portions(self, rows: Sequence[Row], long: int | None) -> Iterator[Sequence[Row]]:
        """Rows in portions that fit into a packet; `long` is the column that may hold long text.

        Raises:
            DataRefused: a single text does not fit.
        """
        if long is None:
            for start in range(0, len(rows), _ROWS):
                yield rows[start : start + _ROWS]
            return
        most = min(_CHARACTERS, self.longest // _BYTES)
        start = size = 0
        for index, row in enumerate(rows):
            weight = _WEIGHT + len(row[long] or "")
            if weight > most:
                self._check_length(row[long])
            if size + weight > most and index > start:
                yield rows[start:index]
                start, size = index, 0
            size += weight
        if start < len(rows):
            yield rows[start:]

    def _check_length(self, text: str) -> None:
        size = len(text.encode())
        if size > self.longest and self.kind != "sqlite":
            raise DataRefused(f"a text of {size} bytes: the server takes no more than {self.longest}")

    def _many(self, connection: Connection, sql: str, rows: Sequence[Row]) -> None:
        if rows:
            connection.exec_driver_sql(self._marked(sql), list(rows))

    def _marked(self, sql: str) -> str:
        return sql if self.mark == "?" else sql.replace("?", "%s")


def _keys(count: int, width: int) -> str:
    if width == 0:
        return f"({','.join('?' * count)})"
    row = f"({','.join('?' * width)})"
    return f"({','.join([row] * count)})"


@lru_cache(maxsize=64)
def _joined(sql: str, count: int, width: int) -> str:
    """SQLite scans the table for `(a, b) IN (VALUES …)`: join it to the keys instead, keys first."""
    matched = _PAIRS.fullmatch(sql)
    assert matched is not None, sql
    head, columns = matched.groups()
    names = [f"k{index}" for index in range(width)]
    rows = ",".join([f"({','.join('?' * width)})"] * count)
    conditions = " AND ".join(f"{column}={name}" for column, name in zip(columns.split(", "), names, strict=True))
    keys = f"WITH keys({','.join(names)}) AS (SELECT DISTINCT * FROM (VALUES {rows})) "
    return keys + head.replace(" FROM ", " FROM keys CROSS JOIN ", 1) + conditions


@lru_cache(maxsize=256)
def _insert(table: str, columns: tuple[str, ...], blank: frozenset[int], count: int) -> str:
    row = f"({','.join('NULL' if i in blank else '?' for i in range(len(columns)))})"
    return f"INSERT INTO {table} ({','.join(columns)}) VALUES {','.join([row] * count)}"


@lru_cache(maxsize=256)
def _update(table: str, keys: tuple[str, ...], sets: tuple[tuple[str, str], ...], blank: frozenset[int]) -> str:
    assignments = [f"{c}={e.replace(':', 'NULL' if i in blank else '?')}" for i, (c, e) in enumerate(sets)]
    return f"UPDATE {table} SET {', '.join(assignments)} WHERE {' AND '.join(f'{key}=?' for key in keys)}"


@lru_cache(maxsize=256)
def _update_joined(
    table: str, keys: tuple[str, ...], sets: tuple[tuple[str, str], ...], blank: frozenset[int], count: int
) -> str:
    """MySQL has no bulk protocol: join the table with the rows (8.0.19 and later)."""
    given = [f"v{i}" for i in range(len(sets)) if i not in blank] + [f"k{i}" for i in range(len(keys))]
    row = f"ROW({','.join('?' * len(given))})"
    assignments = [f"t.{c}={e.replace(':', 'NULL' if i in blank else f'v.v{i}')}" for i, (c, e) in enumerate(sets)]
    on = " AND ".join(f"t.{key}=v.k{i}" for i, key in enumerate(keys))
    rows = ",".join([row] * count)
    return f"UPDATE {table} t JOIN (VALUES {rows}) AS v ({','.join(given)}) ON {on} SET {', '.join(assignments)}"


def _blank(rows: Sequence[Row], width: int) -> frozenset[int]:
    # A column without any value has no type: the bulk protocol then falls back to text, a third as fast.
    return frozenset(i for i in range(width) if all(row[i] is None for row in rows))


def _without(rows: Sequence[Row], blank: frozenset[int]) -> Sequence[Row]:
    if not blank:
        return rows
    kept = [i for i in range(len(rows[0])) if i not in blank]
    return [tuple([row[i] for i in kept]) for row in rows]


def _cuts(count: int) -> Iterator[int]:
    for size in _SIZES:
        while count >= size:
            yield size
            count -= size


def _parts(keys: Sequence[Any]) -> Iterator[list[Any]]:
    """Keys in lists of a few sizes, the last one filled up by repeating its last key."""
    start = 0
    while start < len(keys):
        rest = len(keys) - start
        size = next((size for size in reversed(_SIZES) if size >= rest), _SIZES[0])
        part = list(keys[start : start + size])
        yield part + [part[-1]] * (size - len(part))
        start += size
