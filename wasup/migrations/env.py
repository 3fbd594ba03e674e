"""Alembic's environment: runs on the connection that `wasup.db.migrate` hands over."""

from alembic import context
from sqlalchemy import Connection

from wasup.db import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
context.run_migrations()
