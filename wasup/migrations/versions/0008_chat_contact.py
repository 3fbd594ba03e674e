"""The chats of a contact: servers find them by the foreign key's index, and SQLite, which has none, by this one."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NAME, _TABLE = "idx_chat_contact", "chats"


def upgrade() -> None:
    # On a server it takes the place of the one that the foreign key has made for itself.
    if _NAME not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(_TABLE)}:
        op.create_index(_NAME, _TABLE, ["contact_id"])


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":  # elsewhere the foreign key needs it
        op.drop_index(_NAME, _TABLE)
