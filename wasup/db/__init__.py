"""MySQL, MariaDB and SQLite behind the storage ports."""

from wasup.db.database import Database
from wasup.db.migrate import SchemaOutdated, migrate
from wasup.db.tables import metadata
from wasup.db.tables_outbox import events as _events  # makes the metadata complete

__all__ = ["Database", "SchemaOutdated", "metadata", "migrate"]

assert _events.metadata is metadata
