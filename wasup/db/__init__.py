"""MySQL, MariaDB and SQLite behind the storage ports."""

from wasup.db.database import Database
from wasup.db.migrate import SchemaOutdated, migrate
from wasup.db.tables import metadata
from wasup.db.tables_api import audit_log as _audit_log  # these two make the metadata complete
from wasup.db.tables_outbox import events as _events

__all__ = ["Database", "SchemaOutdated", "metadata", "migrate"]

assert _audit_log.metadata is _events.metadata is metadata
