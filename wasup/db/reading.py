"""Rows as structs, past SQLAlchemy's compiler and result types: for lists they cost several times the query itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar, get_type_hints

import msgspec
from sqlalchemy import Boolean, Connection, Enum, Table

from wasup.db.driver import Driver
from wasup.db.types import Millis, from_datetime

__all__ = ["Reader"]

S = TypeVar("S", bound=msgspec.Struct)
Convert = Callable[[Any], Any]


class Reader(Generic[S]):
    """Reads rows as structs whose fields are named like the columns of a table.

    Args:
        kind: the struct; a column of literals may have an enumeration's type there.
        table: whose columns they are.
        joined: other tables, from `JOIN` on.
        columns: of these, by the names of their fields.
        converts: how else to make what a field takes of what its column holds.

    Attributes:
        select: `SELECT` of all columns `FROM` the tables, to be continued.
    """

    def __init__(
        self,
        kind: type[S],
        table: Table,
        *,
        joined: str = "",
        columns: Mapping[str, str] | None = None,
        converts: Mapping[str, Convert] | None = None,
    ) -> None:
        self._kind = kind
        self._names: Final = kind.__struct_fields__
        others = columns or {}
        selected = [others.get(name, f"{table.name}.{name}") for name in self._names]
        self.select = f"SELECT {', '.join(selected)} FROM {table.name} {joined}".rstrip()
        hints = get_type_hints(kind)
        self._always: list[tuple[str, Convert]] = list((converts or {}).items())
        self._times: list[str] = []
        for name in self._names:
            if name in others:
                continue
            match table.c[name].type:
                case Boolean():
                    self._always.append((name, bool))
                case Enum() if isinstance(hints[name], type):  # the others stay the text that they are
                    self._always.append((name, hints[name]))
                case Millis():
                    self._times.append(name)
                case _:
                    pass

    def query(self, driver: Driver, connection: Connection, tail: str, values: Sequence[Any] = ()) -> list[S]:
        """The rows that `tail` (`WHERE …`, where `?` marks the values) leaves over."""
        rows = driver.query(connection, f"{self.select} {tail}", values)
        return [self._struct(row, stored_ms=driver.kind == "sqlite") for row in rows]

    def _struct(self, row: Sequence[Any], *, stored_ms: bool) -> S:
        values = dict(zip(self._names, row, strict=True))
        for name, convert in self._always:
            values[name] = convert(values[name])
        if not stored_ms:
            for name in self._times:
                value = values[name]
                if value is not None:
                    values[name] = from_datetime(value)
        return self._kind(**values)
