"""What a database can do to the pipeline: nothing is acknowledged meanwhile, nothing is lost, and it goes on at once.

Every fault is brought about for real while messages come in. `Fault.begin` returns when it is there; recovery is
measured from the moment at which `Fault.end` has lifted it.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from typing import Any

import asyncmy
import pytest
import trio
from sqlalchemy import event

from tests.actors.fakes import FakeProvider
from tests.db.conftest import FakeClock, World, open_world
from tests.db.servers import QUICK, mariadb_server, mysql_server
from tests.db.stage import Stage
from wasup.bridge import Bridge
from wasup.db import Database, engine as engine_module, migrate
from wasup.db.engine import Engine

_RECOVERY = 5.0
_LONG = 20.0
_BODY = "x" * 20_000


class Fault:
    """Something that keeps the database from taking writes.

    Attributes:
        told: the stores report it as `DatabaseUnavailable`, so that health can say so; else commits just wait.
    """

    told = True

    def __init__(self, world: Any) -> None:
        self.world = world

    async def begin(self) -> None:
        """Bring it about."""

    async def end(self) -> None:
        """Lift it."""


class SqlitePragma(Fault):
    """Every transaction begins with a pragma, as if the file were so."""

    def __init__(self, world: Any, pragma: Callable[[], str], back: str) -> None:
        super().__init__(world)
        self._pragma, self._back, self._now = pragma, back, ""
        event.listen(world.db.engine._engine.sync_engine, "begin", self._say)

    def _say(self, connection: Any) -> None:
        if self._now:
            connection.exec_driver_sql(f"PRAGMA {self._now}")

    async def begin(self) -> None:
        """From now on."""
        self._now = self._pragma()

    async def end(self) -> None:
        """No more."""
        self._now = self._back


def disk_full(world: Any) -> Fault:
    """The file may not grow by a page more than it has."""

    def as_it_is() -> str:
        with closing(sqlite3.connect(world.db.engine.url.database)) as file:
            return f"max_page_count={file.execute('PRAGMA page_count').fetchone()[0]}"

    return SqlitePragma(world, as_it_is, "max_page_count=1000000")


def sqlite_read_only(world: Any) -> Fault:
    """Writes are refused."""
    return SqlitePragma(world, lambda: "query_only=ON", "query_only=OFF")


class SqliteLocked(Fault):
    """Another process writes for longer than anybody waits."""

    told = False

    async def begin(self) -> None:
        """Take the write lock."""
        self._other = sqlite3.connect(self.world.db.engine.url.database, isolation_level=None)
        self._other.execute("BEGIN IMMEDIATE")

    async def end(self) -> None:
        """Let go."""
        self._other.execute("ROLLBACK")
        self._other.close()


class ServerGone(Fault):
    """The server is killed and stays away for a while."""

    async def begin(self) -> None:
        """Kill -9."""
        self.world.place.server.kill()

    async def end(self) -> None:
        """It is back when it answers."""
        await self.world.place.server.start()


class RowsLocked(Fault):
    """Somebody else holds the accounts' rows: every commit runs into the lock wait time-out, again and again."""

    async def begin(self) -> None:
        """Lock them."""
        server = self.world.place.server

        async def lock() -> Any:
            connection = await asyncmy.connect(
                host="127.0.0.1", port=server.port, user="wasup", password="wasup", database="shared", autocommit=False
            )
            async with connection.cursor() as cursor:
                await cursor.execute("SELECT * FROM account_owner FOR UPDATE")
            return connection

        self._other = await self.world.db.engine.bridge.run(lock)

    async def end(self) -> None:
        """Let go."""

        async def unlock() -> None:
            await self._other.rollback()
            self._other.close()

        await self.world.db.engine.bridge.run(unlock)


class ReadOnly(Fault):
    """A fail-over under way: the server takes no writes of ordinary users."""

    def _statements(self, value: int) -> tuple[str, ...]:
        mysql = self.world.db.engine.driver.kind == "mysql"
        return (f"SET GLOBAL {'super_read_only' if mysql else 'read_only'}={value}",)

    async def begin(self) -> None:
        """Switch to read-only."""
        for statement in self._statements(1):
            await self.world.db.engine.bridge.run(self.world.place.server.execute, statement)

    async def end(self) -> None:
        """And back; MySQL's `super_read_only` had switched the other on as well."""
        for statement in (*self._statements(0), "SET GLOBAL read_only=0"):
            await self.world.db.engine.bridge.run(self.world.place.server.execute, statement)


class NoConnections(Fault):
    """Every connection is killed as soon as it shows up."""

    told = False

    async def begin(self) -> None:
        """Start killing."""
        self._over, self._stopped = False, trio.Event()
        trio.lowlevel.spawn_system_task(self._kill)

    async def _kill(self) -> None:
        try:
            await self.world.db.engine.bridge.run(self._kill_all)
        finally:
            self._stopped.set()

    async def _kill_all(self) -> None:
        """On the asyncio side, over one connection: whoever is to be killed has little time to commit."""
        mine = "SELECT id FROM information_schema.processlist WHERE db='shared' AND command<>'Daemon'"
        connection = await asyncmy.connect(
            host="127.0.0.1", port=self.world.place.server.port, user="wasup", password="wasup", autocommit=True
        )
        try:
            async with connection.cursor() as cursor:
                while not self._over:
                    await cursor.execute(mine)
                    for (number,) in await cursor.fetchall():
                        with suppress(asyncmy.errors.MySQLError):  # it was faster
                            await cursor.execute(f"KILL {number}")
        finally:
            connection.close()

    async def end(self) -> None:
        """Stop, and wait until the last one is killed: the bridge may be closed right after."""
        self._over = True
        await self._stopped.wait()


FAULTS: dict[str, dict[str, Callable[[Any], Fault]]] = {
    "sqlite": {"disk full": disk_full, "read-only": sqlite_read_only, "locked": SqliteLocked},
    "server": {
        "gone": ServerGone,
        "rows locked": RowsLocked,
        "read-only": ReadOnly,
        "connections killed": NoConnections,
    },
}


@asynccontextmanager
async def as_ordinary_user(world: Any, bridge: Bridge, clock: Any) -> AsyncIterator[None]:
    """The world's database through a user without administrator's rights, and with short lock waits."""
    if world.place.server is None:
        yield
        return
    url = world.url.replace("wasup:wasup@", "plain:plain@")
    async with Database.open(url, bridge, clock=clock, pool_size=6) as db:
        db.ownership._incarnation = world.incarnation
        whole, world.db = world.db, db
        try:
            yield
        finally:
            world.db = whole


async def check_complete(world: Any, account: int, ids: list[str]) -> None:
    """Every message once, in order, and events without a gap."""
    rows = await world.rows("SELECT message_id FROM messages WHERE whatsapp_account_id=? ORDER BY id", account)
    assert [row[0] for row in rows] == ids
    seqs = await world.rows("SELECT account_seq FROM events WHERE whatsapp_account_id=? ORDER BY account_seq", account)
    assert [row[0] for row in seqs] == list(range(1, len(seqs) + 1))
    assert await world.value("SELECT COUNT(*) FROM rejected_items") == 0


async def play(world: Any, fault: Fault, *, lasting: float = 0.0) -> None:
    """Messages before, during and after a fault, which lasts at least so many seconds."""
    stage = Stage(world, FakeProvider(body=_BODY))
    account = await stage.account()
    async with stage.running():
        await stage.connected(account)
        before = [f"before-{n}" for n in range(20)]
        stage.provider.deliver(account, *before)
        await stage.settled(within=10)
        await fault.begin()
        begun = trio.current_time()
        during = [f"during-{n}" for n in range(60)]
        stage.provider.deliver(account, *during)
        if fault.told:
            with trio.fail_after(10):
                while await stage.is_healthy():
                    await trio.sleep(0.02)
        else:
            await trio.sleep(0.7)
        await trio.sleep_until(begun + lasting)
        assert len(stage.provider.pending[account]) == 60, "nothing is acknowledged meanwhile"
        await fault.end()
        await stage.settled(within=_RECOVERY)
        assert await stage.is_healthy()
        stage.provider.deliver(account, "after")
        await stage.settled(within=2)
        assert len(stage.provider.opened(account)) == 1, "the session has noticed nothing"
    await check_complete(world, account, [*before, *during, "after"])


@pytest.mark.parametrize("name", sorted({name for faults in FAULTS.values() for name in faults}))
async def test_an_outage_loses_nothing_and_the_pipeline_goes_on_at_once(
    world: Any, bridge: Bridge, clock: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the fault: no acknowledgement, health says so, all stored once and in order soon after."""
    faults = FAULTS["sqlite" if world.place.server is None else "server"]
    if name not in faults:
        pytest.skip("this database has no such fault")
    waits = engine_module._MYSQL_SESSION.replace("innodb_lock_wait_timeout=5", "innodb_lock_wait_timeout=1")
    monkeypatch.setattr(engine_module, "_MYSQL_SESSION", waits)
    monkeypatch.setattr(engine_module, "_TRIES", 2)
    async with as_ordinary_user(world, bridge, clock):
        await play(world, faults[name](world))


async def test_away_for_long_is_no_other_than_away(every_place: list[Any], bridge: Bridge) -> None:
    """20 seconds, on all kinds of databases at the same time, since all of them do but wait."""

    async def away(place: Any) -> None:
        async with open_world(place, bridge, FakeClock()) as world:
            await play(world, (sqlite_read_only if place.server is None else ServerGone)(world), lasting=_LONG)

    async with trio.open_nursery() as nursery:
        for place in every_place:
            nursery.start_soon(away, place)


async def test_a_full_disk_of_a_server_loses_nothing(place: Any, bridge: Bridge, clock: Any) -> None:
    """The tablespace may not grow; the administrator gives it room with a restart."""
    if place.server is None:
        pytest.skip("played by a pragma above")

    class FullServer(Fault):
        async def begin(self) -> None:
            """It is nearly full from the start: fill it."""

        async def end(self) -> None:
            """More room."""
            self.world.place.server.kill()
            self.world.place.server.extra = extra("max:500M")
            await self.world.place.server.start()

    def extra(most: str) -> tuple[str, ...]:
        return (*together, f"--innodb-data-file-path=ibdata1:12M:autoextend:{most}")

    # It grows by 64 MB at a time otherwise, and would have room for hundreds of these messages.
    together = (*QUICK, "--innodb-file-per-table=0", "--innodb-autoextend-increment=1")

    make = mysql_server if place.kind == "mysql" else mariadb_server
    arguments = (place.server.binary,) if place.kind == "mysql" else ()
    async with make(*arguments, *together) as server:
        await bridge.run(server.create_database, "full")
        await migrate(server.url("full"), bridge)
        server.kill()
        size = -(-(server.folder / "data" / "ibdata1").stat().st_size // 2**20)
        server.extra = extra(f"max:{size + 8}M")
        await server.start()
        async with Database.open(server.url("full"), bridge, clock=clock) as db:
            world = World(db, clock, server.url("full"), type("Here", (), {"server": server, "kind": place.kind})())
            world.workspace_id = (await db.keys.create_workspace("first")).id
            world.incarnation = await db.ownership.acquire()
            stage = Stage(world, FakeProvider(body="y" * 200_000))
            account = await stage.account()
            async with stage.running():
                await stage.connected(account)
                ids: list[str] = []
                with trio.fail_after(20):
                    while await stage.is_healthy():
                        if len(ids) < 120:  # three times what there is room for; more would be a backlog to write later
                            ids += [f"m{len(ids) + n}" for n in range(10)]
                            stage.provider.deliver(account, *ids[-10:])
                        await trio.sleep(0.1)
                assert stage.provider.pending[account]
                await FullServer(world).end()
                await stage.settled(within=_RECOVERY + 3)
            await check_complete(world, account, ids)


async def test_a_deadlock_is_retried_where_it_happens(world: Any, place: Any, message: Any) -> None:
    """A transaction in the opposite order: ours is the victim, and nobody notices."""
    if place.server is None:
        pytest.skip("SQLite has one writer: there are no deadlocks")
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1))
    engine: Engine = world.db.engine
    tries = 0
    transaction = engine._transaction

    async def counted(*args: Any) -> Any:
        nonlocal tries
        tries += 1
        return await transaction(*args)

    engine._transaction = counted  # type: ignore[method-assign, assignment]
    server = place.server

    async def opposite() -> None:
        connection = await asyncmy.connect(
            host="127.0.0.1", port=server.port, user="wasup", password="wasup", database="shared", autocommit=False
        )
        async with connection.cursor() as cursor:
            rows = ",".join(f"('k{n}','v',NOW())" for n in range(500))  # the heavier one survives
            await cursor.execute(f"INSERT INTO settings (name, value, updated_at) VALUES {rows}")
            await cursor.execute("UPDATE chats SET unread_count=unread_count")
            await asyncio.sleep(0.5)  # the commit holds the account's row by now, and waits for the chat's
            await cursor.execute("SELECT * FROM account_owner FOR UPDATE")
            await connection.rollback()
        connection.close()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(engine.bridge.run, opposite))
        await trio.sleep(0.2)  # it has the chat's row
        await world.commit(fence, message(2))
    assert tries == 2
    assert await world.sequences(fence) == [1, 2]
