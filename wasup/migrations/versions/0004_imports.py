"""How far imports have come."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from wasup.db.types import Millis

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
_OPTIONS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_unicode_ci"))
}


def _code(length: int) -> Any:
    return sa.String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    # MySQL commits after every statement: a migration that was interrupted may have made the table already.
    if not sa.inspect(op.get_bind()).has_table("import_progress"):
        op.create_table(
            "import_progress",
            sa.Column("source", _code(190), nullable=False),
            sa.Column("step", _code(40), nullable=False),
            sa.Column("last_id", sa.BigInteger(), nullable=False),
            sa.Column("mark", sa.BigInteger(), nullable=False),
            sa.Column("done", sa.Boolean(create_constraint=False), nullable=False),
            sa.Column("tally", _LONG_TEXT, nullable=False),
            sa.Column("updated_at", Millis(), nullable=False),
            sa.PrimaryKeyConstraint("source", "step"),
            **_OPTIONS,
        )


def downgrade() -> None:
    op.drop_table("import_progress")
