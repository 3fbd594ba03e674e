"""Watermarks of providers that refetch, what is known of synchronisations, and items that the database refused."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from wasup.db.types import Millis

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BLOB = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
_OPTIONS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_unicode_ci"))
}


def _code(length: int) -> Any:
    return sa.String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(create_constraint=False), nullable=False, server_default=sa.text("0"))


# MySQL commits after every statement: a migration that was interrupted finds some of its work done.


def _add_columns(table: str, *columns: sa.Column[Any]) -> None:
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    for column in columns:
        if column.name not in present:
            op.add_column(table, column)


def _create_index(name: str, table: str, columns: list[str]) -> None:
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns)


def upgrade() -> None:
    _add_columns(
        "whatsapp_accounts",
        sa.Column("paired_at", Millis()),
        sa.Column("synchronised_at", Millis()),
    )
    _add_columns("chats", sa.Column("watermark_id", _code(190)), sa.Column("watermark_at", Millis()))
    _add_columns("messages", _flag("history"))
    if not sa.inspect(op.get_bind()).has_table("logins_to_forget"):
        op.create_table(
            "logins_to_forget",
            sa.Column("whatsapp_account_id", _ID, autoincrement=False, nullable=False),
            sa.Column("provider_type", sa.String(length=20), nullable=False),
            sa.Column("since", Millis(), nullable=False),
            sa.PrimaryKeyConstraint("whatsapp_account_id"),
            **_OPTIONS,
        )
    _create_index("idx_pending_age", "pending_changes", ["timestamp"])
    if not sa.inspect(op.get_bind()).has_table("rejected_items"):
        op.create_table(
            "rejected_items",
            sa.Column("id", _ID, autoincrement=True, nullable=False),
            sa.Column("workspace_id", _ID, nullable=False),
            sa.Column("whatsapp_account_id", _ID, nullable=False),
            sa.Column("item_kind", _code(20), nullable=False),
            sa.Column("message_id", _code(190)),
            sa.Column("item", _BLOB, nullable=False),
            sa.Column("digest", _code(64), nullable=False),
            sa.Column("reason", sa.String(length=500), nullable=False),
            sa.Column("created_at", Millis(), nullable=False),
            sa.PrimaryKeyConstraint("id"),
            sa.UniqueConstraint("digest", "whatsapp_account_id", name="uq_rejected"),
            **_OPTIONS,
        )
    _create_index("idx_rejected_message", "rejected_items", ["message_id", "whatsapp_account_id"])
    _create_index("idx_rejected_account", "rejected_items", ["whatsapp_account_id", "id"])
    # Accounts that have been connected before have had their first synchronisation.
    op.execute(
        "UPDATE whatsapp_accounts SET paired_at=created_at, synchronised_at=last_connected_at"
        " WHERE last_connected_at IS NOT NULL AND synchronised_at IS NULL"
    )


def downgrade() -> None:
    op.drop_table("rejected_items")
    op.drop_index("idx_pending_age", "pending_changes")
    op.drop_table("logins_to_forget")
    for table, columns in (
        ("messages", ("history",)),
        ("chats", ("watermark_at", "watermark_id")),
        ("whatsapp_accounts", ("synchronised_at", "paired_at")),
    ):
        for column in columns:
            op.drop_column(table, column)
