"""One suite over all databases: `db` is an empty, migrated database of each kind in turn."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.conftest import ServerOf
from tests.db.servers import SERVER_KINDS, DatabaseServer
from wasup.bridge import Bridge
from wasup.db import Database, metadata, migrate
from wasup.ports.accounts import Fence
from wasup.ports.messages import Message, Text
from wasup.ports.store import CommitResult, IncomingBatch, NewAccount, StoreItem

KINDS = ("sqlite", *SERVER_KINDS)


class FakeClock:
    """A wall clock that tests set."""

    def __init__(self) -> None:
        self.now = 1_790_000_000_000

    def now_ms(self) -> int:
        """See `Clock`."""
        return self.now


class Place:
    """Where databases of one kind are: a running server, or a folder for SQLite."""

    def __init__(self, kind: str, server: DatabaseServer | None, folder: Path) -> None:
        self.kind = kind
        self.server = server
        self.folder = folder
        self.count = 0

    async def new(self, bridge: Bridge) -> str:
        """The address of a new, empty database."""
        self.count += 1
        if self.server is None:
            return f"sqlite:///{self.folder}/db{self.count}.sqlite"
        await bridge.run(self.server.create_database, f"db{self.count}")
        return self.server.url(f"db{self.count}")

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
        url = self.server.url("shared")
        if not await bridge.run(self.server.execute, "SHOW DATABASES LIKE 'shared'"):
            await bridge.run(self.server.create_database, "shared")
            await migrate(url, bridge)
        deletes = [f"DELETE FROM shared.{table.name}" for table in reversed(metadata.sorted_tables)]
        await bridge.run(self.server.execute, *deletes)
        return url


@pytest.fixture(scope="session")
def place_of(server_of: ServerOf, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Place]:
    """The place of a kind, always the same one."""

    @cache
    def place_of(kind: str) -> Place:
        return Place(kind, None if kind == "sqlite" else server_of(kind), tmp_path_factory.mktemp(kind))

    return place_of


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, place_of: Callable[[str], Place]) -> Place:
    """A place of each kind."""
    return place_of(request.param)


@pytest.fixture
def every_place(place_of: Callable[[str], Place]) -> list[Place]:
    """The places of all kinds."""
    return [place_of(kind) for kind in KINDS]


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
