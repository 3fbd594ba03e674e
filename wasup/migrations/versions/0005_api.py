"""Keys of the old service, names that accounts keep, the audit log, and where received media lies."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from wasup.db.types import Millis

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPTIONS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_unicode_ci"))
}


def _code(length: int) -> Any:
    return sa.String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


# MySQL commits after every statement: a migration that was interrupted finds some of this made.


def _create_table(name: str, *items: Any) -> None:
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *items, **_OPTIONS)


def _create_index(name: str, table: str, columns: list[str]) -> None:
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns, unique=False)


def _add_flag(table: str, name: str) -> None:
    if name not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, sa.Column(name, sa.Boolean(), server_default=sa.text("0"), nullable=False))


def upgrade() -> None:
    _add_flag("api_keys", "legacy")
    _add_flag("whatsapp_accounts", "session_pinned")
    _create_table(
        "audit_log",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("at", Millis(), nullable=False),
        sa.Column("workspace_id", _ID),
        sa.Column("key_id", _ID, nullable=False),
        sa.Column("action", _code(64), nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("address", _code(64), nullable=False),
        sa.Column("request_id", _code(64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _create_index("idx_audit_workspace", "audit_log", ["workspace_id", "id"])
    _create_index("idx_audit_age", "audit_log", ["at"])
    _create_table(
        "message_media",
        sa.Column("message_row_id", _ID, autoincrement=False, nullable=False),
        sa.Column("digest", _code(64), nullable=False),
        sa.Column("mime", sa.String(length=127), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("message_row_id"),
    )
    _create_index("idx_media_digest", "message_media", ["digest"])


def downgrade() -> None:
    op.drop_table("message_media")
    op.drop_table("audit_log")
    op.drop_column("whatsapp_accounts", "session_pinned")
    op.drop_column("api_keys", "legacy")
