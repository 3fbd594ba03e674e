"""Migrations, the check at boot, and the plans of the hot queries."""

import re
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, event, inspect, text

from wasup.bridge import Bridge
from wasup.db import Database, SchemaOutdated, metadata, migrate
from wasup.db.engine import Engine, execute
from wasup.db.migrate import newest_revision
from wasup.ports.messages import Edit, MessageStatus, Receipt, Text
from wasup.ports.store import LaneOutcome, OutgoingMessage, StoreError


def _shape(connection: Connection) -> dict[str, Any]:
    """Everything that the database tells of its tables."""
    found = inspect(connection)
    shape: dict[str, Any] = {}
    for table in found.get_table_names():
        if table == "alembic_version":
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


# Small by design, or read as a whole on purpose.
_MAY_SCAN = re.compile(r"webhook_endpoints|alembic_version|node|derived|^keys|^l\d+$|^o$", re.IGNORECASE)


async def test_no_hot_query_scans_a_table(world: Any, message: Any) -> None:
    """EXPLAIN of whatever the hot paths run on filled tables shows keys everywhere."""
    db, driver = world.db, world.db.engine.driver
    await db.outbox.save_endpoint(world.workspace_id, url="https://x", secret="whsec_a")
    fences = await world.accounts(60)
    for turn in range(4):
        await db.sync.commit([
            world.batch(fence, *(message(n, id=f"{fence.account_id}-{n}", chat=f"55119{n:08d}@c.us")
                                 for n in range(turn * 15, turn * 15 + 15)))
            for fence in fences
        ])  # fmt: skip
    for fence in fences:
        receipts = Receipt(chat="1@c.us", message_ids=tuple(f"later{fence.account_id}-{n}" for n in range(20)),
                           status=MessageStatus.READ, timestamp=1)  # fmt: skip
        await world.commit(fence, receipts)
    if driver.kind != "sqlite":
        tables = ", ".join(metadata.tables)
        await db.engine.run(lambda c: c.exec_driver_sql(f"ANALYZE TABLE {tables}").fetchall() and None)
    else:
        await db.engine.run(lambda c: c.exec_driver_sql("ANALYZE") and None)

    seen: dict[str, Any] = {}

    def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            seen[statement] = parameters[0] if many else parameters

    engine = db.engine._engine.sync_engine
    event.listen(engine, "before_cursor_execute", listen)
    fence, other = fences[7], fences[8]
    out = OutgoingMessage(fence=fence, workspace_id=world.workspace_id, provider_type="emulated",
                          chat="5511900000001@c.us", message_id="OUT", content=Text(body="x"),
                          idempotency_key="k")  # fmt: skip
    await db.messages.queue_message(out)
    await db.messages.claim_outgoing(fence, unfinished=True, limit=5)
    await db.sync.commit([
        world.batch(f, message(900), message(901, content=Edit(target_id="laterX", body="e"), from_me=True),
                    message(902, chat="77@lid", push_name="P"), message(903, id="later3", from_me=True),
                    Receipt(chat="1@c.us", message_ids=("OUT",), status=MessageStatus.READ, timestamp=1))
        for f in (fence, other)
    ])  # fmt: skip
    endpoint = (await db.outbox.endpoints())[0]
    lanes = await db.outbox.claim_lanes(endpoint.id, incarnation=1, lanes=5, per_lane=5)
    await db.outbox.settle(
        [LaneOutcome(endpoint_id=endpoint.id, account_id=lane.account_id, delivered_seq=2) for lane in lanes],
        incarnation=1,
    )
    await db.outbox.next_due(endpoint.id)
    chat = (await db.messages.chats(workspace_id=world.workspace_id, account_id=fence.account_id))[0]
    await db.messages.messages(workspace_id=None, chat_id=chat.id, limit=5)
    await db.messages.messages(workspace_id=None, account_id=fence.account_id, limit=5)
    await db.stats.events(None, fence.account_id, 3, 10)
    event.remove(engine, "before_cursor_execute", listen)
    assert len(seen) > 20

    def explain(connection: Connection) -> list[str]:
        bad = []
        for statement, parameters in seen.items():
            if driver.kind == "sqlite":
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                steps = [row[3].removeprefix("SCAN ") for row in plan if row[3].startswith("SCAN ")]
                scans = [step for step in steps if not re.search("USING|CONSTANT|SUBQUERY", step)]
            else:
                plan = connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {statement}", tuple(parameters))
                scans = [str(row["table"]) for row in plan.mappings() if row["type"] == "ALL"]
            scans = [scan for scan in scans if not _MAY_SCAN.search(scan)]
            bad += [f"{scan}: {statement[:150]}" for scan in scans]
        return bad

    assert await db.engine.run(explain, mode="read") == []
