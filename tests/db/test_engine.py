"""Units of work on pooled connections."""

from typing import Any

import asyncmy
import pytest
import trio
from sqlalchemy import Connection

from wasup.bridge import Bridge
from wasup.db.engine import Engine

INSERT = "INSERT INTO workspaces (uuid, name, created_at) VALUES (?, 'undone', ?)"


class _OursError(Exception):
    pass


async def test_what_fails_is_undone_before_its_connection_is_used_again(world: Any, bridge: Bridge) -> None:
    """The pool does not roll back what is given back to it: every way out of a unit of work has done so itself."""
    engine = Engine(world.url, bridge, pool_size=1)
    await engine.open()
    slow = "SELECT 1" if world.place.kind == "sqlite" else "SELECT SLEEP(30)"

    inserted = 0

    def insert(connection: Connection) -> None:
        nonlocal inserted
        inserted += engine.driver.execute(
            connection, INSERT, (f"undone {inserted}", engine.driver.time(world.clock.now))
        )

    def fail(connection: Connection) -> None:
        insert(connection)
        raise _OursError

    def mistype(connection: Connection) -> None:
        insert(connection)
        engine.driver.execute(connection, "SELEKT")

    def dawdle(connection: Connection) -> None:
        insert(connection)
        engine.driver.query(connection, slow)
        raise _OursError

    def count(connection: Connection) -> int:
        return int(engine.driver.query(connection, "SELECT COUNT(*) FROM workspaces WHERE name='undone'")[0][0])

    try:
        for number, work in enumerate((fail, mistype, dawdle), 1):
            with trio.move_on_after(1), pytest.raises(Exception):  # noqa: B017 - whichever
                await engine.run(work)
            assert inserted == number
            found = await engine.run(count, mode="read")
            assert found == 0
    finally:
        await engine.close()


async def test_what_was_given_up_during_its_commit_is_reckoned_with_for_a_while(world: Any, bridge: Bridge) -> None:
    """The server carries it out all the same: who reads events by their stamps must not have passed it."""
    if world.place.server is None:
        pytest.skip("a commit on SQLite is always waited for")
    engine = Engine(world.url, bridge, pool_size=1, clock=world.clock)
    await engine.open()
    begun = world.clock.now

    def insert(connection: Connection) -> None:
        engine.driver.execute(connection, INSERT, ("given up", engine.driver.time(begun)))
        engine.driver.query(connection, "SELECT GET_LOCK('inserted', 30)")

    async def count() -> Any:
        return await world.value("SELECT COUNT(*) FROM workspaces WHERE uuid='given up'")

    async def as_administrator(*statements: str) -> None:
        async with administrator.cursor() as cursor:
            for statement in statements:
                await cursor.execute(statement)

    address = {"host": "127.0.0.1", "port": world.place.server.port, "user": "wasup", "password": "wasup"}
    administrator = await bridge.run(lambda: asyncmy.connect(**address, autocommit=True))
    try:
        await bridge.run(as_administrator, "SELECT GET_LOCK('inserted', 0)")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(engine.run, insert)
            await _until_somebody(bridge, world, "User lock")
            await bridge.run(as_administrator, "FLUSH TABLES WITH READ LOCK", "SELECT RELEASE_LOCK('inserted')")
            await _until_somebody(bridge, world, "Waiting for", "COMMIT")
            nursery.cancel_scope.cancel()
        world.clock.now += 1000
        assert await count() == 0
        assert engine.settled_until() == begun - 1
        await bridge.run(as_administrator, "UNLOCK TABLES")
        with trio.fail_after(10):
            while await count() == 0:
                await trio.sleep(0.01)
        assert engine.settled_until() == begun - 1
        for write in engine._writes:
            write.until = 0.0
        assert engine.settled_until() >= begun
    finally:
        administrator.close()
        await engine.close()


async def _until_somebody(bridge: Bridge, world: Any, state: str, statement: str = "") -> None:
    """Wait until a connection is in this state."""
    sql = f"SELECT 1 FROM information_schema.processlist WHERE state LIKE '{state}%' AND info LIKE '{statement}%'"
    with trio.fail_after(10):
        while not await bridge.run(world.place.server.execute, sql):
            await trio.sleep(0.01)
