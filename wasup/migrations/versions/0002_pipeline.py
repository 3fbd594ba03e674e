"""Watermarks of providers that refetch, and items that the database refused."""

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
