"""What endpoints want: format, headers, batches, two secrets, pauses; replays; the log of deliveries."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from wasup.db.types import Millis

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ZERO = sa.text("0")
_OPTIONS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_unicode_ci"))
}


def _code(length: int) -> Any:
    return sa.String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


# MySQL commits after every statement: each step looks first whether an interrupted run has made it already.


def _add(table: str, *columns: sa.Column[Any]) -> None:
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    for column in columns:
        if column.name not in present:
            op.add_column(table, column)


def _indexes(table: str) -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}


def _create_index(name: str, table: str, columns: list[str]) -> None:
    if name not in _indexes(table):
        op.create_index(name, table, columns, unique=False)


def upgrade() -> None:
    _add(
        "webhook_endpoints",
        sa.Column("format", _code(20), nullable=False, server_default="native"),
        sa.Column("headers", sa.Text()),
        sa.Column("batch_events", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("batch_wait_ms", sa.Integer(), nullable=False, server_default=_ZERO),
        sa.Column("paused", sa.Boolean(create_constraint=False), nullable=False, server_default=_ZERO),
        sa.Column("previous_secret", sa.String(length=255)),
        sa.Column("previous_until", Millis()),
        sa.Column("failing_since", Millis()),
    )
    _add("outbox", sa.Column("replay", sa.Boolean(create_constraint=False), nullable=False, server_default=_ZERO))
    _create_index("idx_event_workspace", "events", ["workspace_id", "created_at", "whatsapp_account_id", "account_seq"])
    if "idx_event_created" in _indexes("events"):
        op.drop_index("idx_event_created", "events")
    _create_index("idx_dead_event", "dead_letters", ["whatsapp_account_id", "account_seq"])
    _create_index("idx_dead_created", "dead_letters", ["created_at"])
    if not sa.inspect(op.get_bind()).has_table("delivery_attempts"):
        op.create_table(
            "delivery_attempts",
            sa.Column("id", _ID, autoincrement=True, nullable=False),
            sa.Column("endpoint_id", _ID, nullable=False),
            sa.Column("whatsapp_account_id", _ID, nullable=False),
            sa.Column("event_id", _code(64), nullable=False),
            sa.Column("events", sa.Integer(), nullable=False),
            sa.Column("attempt", sa.Integer(), nullable=False),
            sa.Column("outcome", _code(20), nullable=False),
            sa.Column("detail", sa.String(length=500), nullable=False),
            sa.Column("milliseconds", sa.Integer(), nullable=False),
            sa.Column("replay", sa.Boolean(create_constraint=False), nullable=False),
            sa.Column("created_at", Millis(), nullable=False),
            sa.PrimaryKeyConstraint("id"),
            **_OPTIONS,
        )
    _create_index("idx_attempt_endpoint", "delivery_attempts", ["endpoint_id", "id"])
    _create_index("idx_attempt_created", "delivery_attempts", ["created_at"])
