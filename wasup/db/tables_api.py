"""The tables that the HTTP API alone uses; part of the same metadata as `tables`."""

from sqlalchemy import Column, Index, SmallInteger, String

from wasup.db.tables import _created, _id, _table
from wasup.db.types import BIG, ID, Millis, code

__all__ = ["audit_log", "message_media"]

audit_log = _table(  # who changed what
    "audit_log",
    _id(),
    Column("at", Millis, nullable=False),
    Column("workspace_id", ID),
    Column("key_id", ID, nullable=False),
    Column("action", code(64), nullable=False),
    Column("path", String(255), nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("address", code(64), nullable=False),
    Column("request_id", code(64), nullable=False),
    Index("idx_audit_workspace", "workspace_id", "id"),
    Index("idx_audit_age", "at"),
)

message_media = _table(  # received media that was fetched: where its bytes are
    "message_media",
    Column("message_row_id", ID, primary_key=True, autoincrement=False),
    Column("digest", code(64), nullable=False),
    Column("mime", String(127), nullable=False),
    Column("size", BIG, nullable=False),
    _created(),
    Index("idx_media_digest", "digest"),
)
