"""One suite over all databases: `db` is an empty, migrated database of each kind in turn."""

import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio

from wasup.bridge import Bridge
from wasup.db import Database, metadata, migrate
from wasup.ports.accounts import Fence
from wasup.ports.messages import Message, Text
from wasup.ports.store import CommitResult, IncomingBatch, NewAccount, StoreItem


def _load(name: str) -> ModuleType:
    # importlib import mode has no package for tests: the helper is loaded by its path.
    spec = importlib.util.spec_from_file_location(f"wasup_tests_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


servers = _load("servers")
KINDS = ["sqlite", "mariadb", *(["mysql"] if os.environ.get("WASUP_TEST_MYSQLD") else [])]


class FakeClock:
    """A wall clock that tests set."""

    def __init__(self) -> None:
        self.now = 1_790_000_000_000

    def now_ms(self) -> int:
        """See `Clock`."""
        return self.now


class Place:
    """Where databases of one kind are: a running server, or a folder for SQLite."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.folder = Path(tempfile.mkdtemp(prefix="wasup-place-"))
        self.server: Any = None
        self.count = 0
        if kind != "sqlite":
            mysql = kind == "mysql"
            binary = os.environ["WASUP_TEST_MYSQLD"] if mysql else servers.find_mariadbd()
            self.server = servers.DatabaseServer(binary, self.folder, mysql=mysql)
            try:
                trio.run(self.server.initialise)
            except BaseException:
                self.close()
                raise

    async def new(self, bridge: Bridge) -> str:
        """The address of a new, empty database."""
        self.count += 1
        if self.server is None:
            return f"sqlite:///{self.folder}/db{self.count}.sqlite"
        await bridge.run(self.server.create_database, f"db{self.count}")
        return str(self.server.url(f"db{self.count}"))

    async def emptied(self, bridge: Bridge) -> str:
        """The address of a migrated database without rows; the same one again for a server."""
        if self.server is None:
            template = self.folder / "template.sqlite"
            if not template.exists():
                await migrate(f"sqlite:///{template}", bridge)
            self.count += 1
            target = self.folder / f"db{self.count}.sqlite"
            shutil.copy(template, target)
            return f"sqlite:///{target}"
        url = str(self.server.url("shared"))
        if not await bridge.run(self.server.execute, "SHOW DATABASES LIKE 'shared'"):
            await bridge.run(self.server.create_database, "shared")
            await migrate(url, bridge)
        for table in reversed(metadata.sorted_tables):
            await bridge.run(self.server.execute, f"DELETE FROM shared.{table.name}")
        return url

    def close(self) -> None:
        """End the server and remove everything."""
        if self.server is not None:
            self.server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session", params=KINDS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A running server of each kind."""
    place = Place(request.param)
    with contextlib.closing(place):
        yield place


@pytest.fixture
def clock() -> FakeClock:
    """The wall clock."""
    return FakeClock()


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    """The bridge to asyncio."""
    async with Bridge() as bridge:
        yield bridge


class World:
    """A database with a workspace, and helpers to say short things with it."""

    def __init__(self, db: Database, clock: FakeClock, url: str, place: Place) -> None:
        self.db, self.clock, self.url, self.place = db, clock, url, place
        self.workspace_id = 0
        self.incarnation = 0

    async def accounts(self, count: int) -> list[Fence]:
        """New accounts that we own."""
        new = NewAccount(workspace_id=self.workspace_id, provider_type="emulated")
        ids = [(await self.db.accounts.create_account(new)).id for _ in range(count)]
        fences = await self.db.ownership.claim(ids)
        return [fences[account_id] for account_id in ids]

    def batch(self, fence: Fence, *items: StoreItem) -> IncomingBatch:
        """A batch of one account."""
        return IncomingBatch(fence=fence, workspace_id=self.workspace_id, provider_type="emulated", items=items)

    async def commit(self, fence: Fence, *items: StoreItem) -> CommitResult:
        """Commit items of one account."""
        return await self.db.sync.commit([self.batch(fence, *items)])

    async def rows(self, sql: str, *values: object) -> Sequence[Any]:
        """The rows of a query."""
        return await self.db.engine.run(lambda c: self.db.engine.driver.query(c, sql, values), mode="read")

    async def value(self, sql: str, *values: object) -> Any:
        """The only value of a query."""
        return (await self.rows(sql, *values))[0][0]

    async def sequences(self, fence: Fence) -> list[int]:
        """An account's event sequence numbers."""
        found = await self.db.stats.events(None, fence.account_id, 0, 100_000)
        return [event.account_seq for event in found]


@contextlib.asynccontextmanager
async def open_world(place: Place, bridge: Bridge, clock: FakeClock) -> AsyncIterator[World]:
    """An empty database that we own, with one workspace."""
    url = await place.emptied(bridge)
    async with Database.open(url, bridge, clock=clock, pool_size=6) as db:
        world = World(db, clock, url, place)
        world.workspace_id = (await db.keys.create_workspace("first")).id
        world.incarnation = await db.ownership.acquire()
        yield world


@pytest.fixture
async def world(place: Place, bridge: Bridge, clock: FakeClock) -> AsyncIterator[World]:
    """An empty database that we own, with one workspace."""
    async with open_world(place, bridge, clock) as world:
        yield world


@pytest.fixture
def run_world() -> Callable[[Place, Callable[[World], Awaitable[None]]], None]:
    """Runs a function in a world of its own: for hypothesis, which plays many examples in one test."""

    def run(place: Place, play: Callable[[World], Awaitable[None]]) -> None:
        async def main() -> None:
            async with Bridge() as bridge, open_world(place, bridge, FakeClock()) as world:
                await play(world)

        trio.run(main)

    return run


def incoming(number: int, *, chat: str = "5511999990001@c.us", body: str = "hello", **more: Any) -> Message:
    """A message from somebody; `number` orders them in time."""
    return Message(
        id=more.pop("id", f"IN{number}"),
        chat=chat,
        sender=more.pop("sender", chat),
        from_me=more.pop("from_me", False),
        timestamp=1_780_000_000_000 + number,
        content=more.pop("content", Text(body=body)),
        **more,
    )


@pytest.fixture
def message() -> Any:
    """Makes messages: `message(1, chat=…, body=…)`."""
    return incoming
