"""What tells a commit whose answer was lost from one that failed, and one claim of a lane from the next."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COLUMNS = (("account_owner", "commit_mark"), ("outbox_lanes", "claim"))


def upgrade() -> None:
    # MySQL commits after every statement: a migration that was interrupted finds some of this made.
    for table, name in _COLUMNS:
        if name not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}:
            op.add_column(table, sa.Column(name, sa.BigInteger()))


def downgrade() -> None:
    for table, name in _COLUMNS:
        op.drop_column(table, name)
