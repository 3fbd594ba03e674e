"""Column types that mean the same on MySQL, MariaDB and SQLite.

In Python a time is an integer, UTC epoch milliseconds. MySQL stores DATETIME(3) without a zone; SQLite, which
has no type for it, stores the integer.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, Integer, LargeBinary, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = ["BIG", "BLOB", "ID", "LONG_TEXT", "Millis", "choice", "code", "from_datetime", "to_datetime"]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as it is stored
_LAST = 253_402_300_799_999  # 9999-12-31T23:59:59.999
_MILLISECOND = timedelta(milliseconds=1)


def to_datetime(ms: int) -> datetime:
    """The naive UTC time of epoch milliseconds; what lies beyond DATETIME's range is pulled to its edge."""
    return _EPOCH + timedelta(milliseconds=min(max(ms, 0), _LAST))


def from_datetime(value: datetime) -> int:
    """Epoch milliseconds of a naive UTC time."""
    return (value - _EPOCH) // _MILLISECOND


class Millis(TypeDecorator[int]):
    """UTC epoch milliseconds."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """DATETIME(3) where there is such a type."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(mysql.DATETIME(fsp=3))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """To what the driver takes."""
        return value if value is None or dialect.name == "sqlite" else to_datetime(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """From what the driver gives."""
        if value is None or dialect.name == "sqlite":
            return value  # type: ignore[no-any-return]
        return from_datetime(value)


ID = BigInteger().with_variant(Integer(), "sqlite")
"""Of row ids; SQLite numbers only INTEGER columns by itself."""

BIG = BigInteger()

LONG_TEXT = Text().with_variant(mysql.MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
"""Up to 16 MB: 65,536 characters take up to 256 kB, and JSON escapes come on top."""

BLOB = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


def code(length: int) -> TypeEngine[str]:
    """Ids and other text that is compared byte by byte: case and accents count, on every database."""
    return String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


def choice(members: type[StrEnum] | tuple[str, ...], name: str) -> Enum:
    """An ENUM of the literals (not of Python's member names)."""
    literals = [str(member) for member in members]
    return Enum(*literals, name=name, native_enum=True, create_constraint=False)
