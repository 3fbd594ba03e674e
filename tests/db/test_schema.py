"""Migrations, and the check at boot."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from wasup.bridge import Bridge
from wasup.db import Database, SchemaOutdated, metadata, migrate
from wasup.db.engine import Engine, execute
from wasup.db.migrate import newest_revision
from wasup.ports.store import StoreError


def _shape(connection: Connection) -> dict[str, Any]:
    """Everything that the database tells of its tables."""
    found = inspect(connection)
    shape: dict[str, Any] = {}
    for table in found.get_table_names():
        if table == "alembic_version":
            # Alembic's own, which only a migrated database has. It names its primary key `alembic_version_pkc`; that
            # MySQL and MariaDB warn that they ignore the name is no difference: their primary keys have none.
            continue
        columns = [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in found.get_columns(table)]
        indexes = sorted((i["name"], i["column_names"], bool(i["unique"])) for i in found.get_indexes(table))
        uniques = sorted((u["name"], u["column_names"]) for u in found.get_unique_constraints(table))
        foreign = sorted((f["constrained_columns"], f["referred_table"]) for f in found.get_foreign_keys(table))
        primary = found.get_pk_constraint(table)["constrained_columns"]
        options = {k: v for k, v in found.get_table_options(table).items() if "auto_increment" not in k}
        shape[table] = (columns, indexes, uniques, foreign, primary, options)
    return shape


async def test_a_migrated_database_equals_a_fresh_one(place: Any, bridge: Bridge) -> None:
    """Tables, columns, types, keys and options are the same, and autogenerate finds nothing to do."""
    head = newest_revision()
    migrated_url, fresh_url = await place.new(bridge), await place.new(bridge)
    await migrate(migrated_url, bridge)
    assert await migrate(migrated_url, bridge) == (head, head)
    migrated = Engine(migrated_url, bridge, pool_size=1)
    fresh = Engine(fresh_url, bridge, pool_size=1)
    await fresh.run(metadata.create_all)
    assert await migrated.run(_shape) == await fresh.run(_shape)
    differences = await migrated.run(
        lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
    )
    assert differences == []
    await migrated.close()
    await fresh.close()


async def test_an_interrupted_first_migration_goes_on(place: Any, bridge: Bridge) -> None:
    """Tables that an interrupted run has made are kept, the rest is made."""
    head = newest_revision()
    url = await place.new(bridge)
    engine = Engine(url, bridge, pool_size=1)
    await engine.run(lambda c: metadata.create_all(c, [metadata.tables[name] for name in ("account_owner", "node")]))
    assert await migrate(url, bridge) == (None, head)
    await engine.close()


async def test_an_upgrade_that_was_interrupted_goes_on_and_keeps_what_is_known(place: Any, bridge: Bridge) -> None:
    """Columns and tables of the second revision are partly there already; accounts that were connected need no sync."""
    url = await place.new(bridge)
    await migrate(url, bridge)
    engine = Engine(url, bridge, pool_size=1)
    at = engine.driver.time

    def back_to_the_first_with_half_of_the_second(connection: Connection) -> None:
        driver = engine.driver
        now = at(1_790_000_000_000)
        driver.execute(connection, "INSERT INTO workspaces (uuid, name, created_at) VALUES ('w', 'w', ?)", (now,))
        for number, connected in ((1, now), (2, None)):
            driver.execute(
                connection,
                "INSERT INTO whatsapp_accounts (uuid, workspace_id, provider_type, session_id, status, status_since,"
                " desired, created_at, updated_at, last_connected_at)"
                " SELECT ?, id, 'emulated', ?, 'disconnected', ?, 'disconnected', ?, ?, ? FROM workspaces",
                (f"u{number}", f"s{number}", now, now, now, connected),
            )
        drop = "DROP INDEX idx_rejected_account" + ("" if driver.kind == "sqlite" else " ON rejected_items")
        execute(
            connection,
            text(drop),
            text("ALTER TABLE chats DROP COLUMN watermark_at"),
            text("UPDATE alembic_version SET version_num='0001'"),
        )

    await engine.open()
    await engine.run(back_to_the_first_with_half_of_the_second)
    before, _ = await migrate(url, bridge)
    assert before == "0001"
    sql = "SELECT uuid, synchronised_at IS NULL, paired_at IS NULL FROM whatsapp_accounts ORDER BY uuid"
    rows = await engine.run(lambda c: [tuple(row) for row in engine.driver.query(c, sql)])
    assert rows == [("u1", 0, 0), ("u2", 1, 1)]
    differences = await engine.run(lambda c: compare_metadata(MigrationContext.configure(c), metadata))
    assert differences == []
    await engine.close()


async def test_the_tables_of_another_application_are_left_alone(place: Any, bridge: Bridge) -> None:
    """A database is refused that has tables of the same names which wasup did not make."""
    url = await place.new(bridge)
    engine = Engine(url, bridge, pool_size=1)
    await engine.run(lambda c: execute(c, text("CREATE TABLE chats (id INTEGER)")))
    with pytest.raises(StoreError, match="database of its own"):
        await migrate(url, bridge)
    await engine.close()


async def test_a_database_that_is_not_migrated_is_refused_with_the_remedy(
    place: Any, bridge: Bridge, clock: Any
) -> None:
    """The error says to run `wasup migrate`, or that the schema is too new."""
    url = await place.new(bridge)
    with pytest.raises(SchemaOutdated, match="wasup migrate"):
        async with Database.open(url, bridge, clock=clock):
            pass
    await migrate(url, bridge)
    engine = Engine(url, bridge, pool_size=1)
    await engine.run(lambda c: execute(c, text("UPDATE alembic_version SET version_num='9999'")))
    await engine.close()
    with pytest.raises(SchemaOutdated, match="newer"):
        async with Database.open(url, bridge, clock=clock):
            pass
