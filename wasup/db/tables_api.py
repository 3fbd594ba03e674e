"""The tables that the HTTP API alone uses; part of the same metadata as `tables`."""

from sqlalchemy import Column, ForeignKey, Index, SmallInteger, String

from wasup.db.tables import _created, _id, _table
from wasup.db.types import BIG, ID, Millis, code

__all__ = ["audit_log", "browser_sessions", "message_media"]

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

browser_sessions = _table(  # who is logged in to the dashboard; the cookie holds what this is the digest of
    "browser_sessions",
    Column("digest", code(64), primary_key=True),
    Column("key_id", ID, ForeignKey("api_keys.id"), nullable=False),
    _created(),
    Column("expires_at", Millis, nullable=False),
    Index("idx_browser_session_key", "key_id", "created_at"),
    Index("idx_browser_session_age", "expires_at"),
)
