"""The cache of recent chats: in memory and in a real Redis, which may die at any time."""

import asyncio
import shutil
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from wasup.bridge import Bridge
from wasup.db import Database
from wasup.db.recent_redis import RedisRecentChats
from wasup.ports.messages import Text
from wasup.ports.store import OutgoingMessage

CHAT = "5511999990001@c.us"


class RedisServer:
    """A private Redis on a socket of its own; `kill` and `start` may be called in turns, its data is in memory only."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wasup-redis-"))
        self.url = f"unix://{self.folder}/redis.sock"
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start, and return when it accepts connections."""
        options = ["--port", "0", "--unixsocket", f"{self.folder}/redis.sock", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)  # noqa: ASYNC220
        with trio.fail_after(10):
            while True:
                with suppress(OSError):
                    stream = await trio.open_unix_socket(f"{self.folder}/redis.sock")
                    await stream.aclose()
                    return
                await trio.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis server that is not started yet."""
    server = RedisServer()
    yield server
    server.kill()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(params=["memory", "redis"])
async def cached(request: Any, world: Any, bridge: Bridge, clock: Any, server: RedisServer) -> AsyncIterator[Any]:
    """The world's database, opened with a cache of each kind."""
    if request.param == "memory":
        yield world.db
        return
    await server.start()
    async with Database.open(world.url, bridge, clock=clock, redis_url=server.url) as db:
        db.ownership._incarnation = world.incarnation  # the same instance with another cache
        world.db = db
        yield db


async def recent(db: Database, fence: Any, limit: int = 20) -> list[tuple[str, str | None]]:
    """The account's recent chats, as the API asks for them."""
    chats = await db.messages.chats(workspace_id=None, account_id=fence.account_id, limit=limit)
    return [(chat.jid, chat.last_message) for chat in chats]


async def test_recent_chats_are_kept_until_they_change(world: Any, cached: Database, message: Any) -> None:
    """The second question needs no database; a message, a send and a claim make it ask again."""
    fence, other = await world.accounts(2)
    await world.commit(fence, message(1, body="one"))
    assert await recent(cached, fence) == await recent(cached, fence) == [(CHAT, "one")]
    figures = cached.recent_chats
    assert (figures.hits, figures.misses) == (1, 1)
    await world.commit(other, message(2))
    assert await recent(cached, fence) == [(CHAT, "one")]
    assert (figures.hits, figures.misses) == (2, 1), "another account's change is no matter"
    await world.commit(fence, message(3, body="two"))
    assert await recent(cached, fence) == [(CHAT, "two")]
    out = OutgoingMessage(fence=fence, workspace_id=world.workspace_id, provider_type="emulated", chat=CHAT,
                          message_id="OUT", content=Text(body="three"))  # fmt: skip
    await cached.messages.queue_message(out)
    assert await recent(cached, fence) == [(CHAT, "three")]
    await cached.messages.claim_outgoing(fence, unfinished=False, limit=1)
    chats = await cached.messages.chats(workspace_id=world.workspace_id, account_id=fence.account_id)
    assert [chat.message_status for chat in chats] == ["sending"]
    assert await cached.messages.chats(workspace_id=world.workspace_id + 1, account_id=fence.account_id) == []
    assert await recent(cached, fence, limit=1) == [(CHAT, "three")]


async def test_later_pages_and_long_ones_are_not_kept(world: Any, cached: Database, message: Any) -> None:
    """Only what everybody asks for; pages agree with each other."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, *(message(n, chat=f"5511999990{n:03d}@c.us") for n in range(30)))
    everything = await recent(cached, fence, limit=30)
    assert cached.recent_chats.misses == 0
    assert await recent(cached, fence, limit=21) == everything[:21]
    assert await recent(cached, fence, limit=5) == everything[:5]
    assert (cached.recent_chats.hits, cached.recent_chats.misses) == (1, 1)


async def test_a_reader_slower_than_a_change_keeps_nothing_stale(world: Any, cached: Database, message: Any) -> None:
    """A commit between reading the rows and keeping them: the next question finds the new state."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1, body="old"))
    load = cached.messages._page_of_chats

    async def overtaken(*args: Any) -> Any:
        rows = await load(*args)
        await world.commit(fence, message(2, body="new"))
        return rows

    cached.messages._page_of_chats = overtaken  # type: ignore[method-assign, assignment]
    assert await recent(cached, fence) == [(CHAT, "old")]
    cached.messages._page_of_chats = load  # type: ignore[method-assign]
    assert await recent(cached, fence) == [(CHAT, "new")]


async def test_without_redis_everything_works_and_what_it_missed_is_not_believed(
    world: Any, bridge: Bridge, clock: Any, server: RedisServer, message: Any
) -> None:
    """It hangs, a change happens, it comes back with what it had: the old chats are not shown. Then it dies."""
    (fence,) = await world.accounts(1)
    await server.start()
    async with Database.open(world.url, bridge, clock=clock, redis_url=server.url) as db:
        world.db = db
        await world.commit(fence, message(1, body="old"))
        assert await recent(db, fence) == await recent(db, fence) == [(CHAT, "old")]
        assert db.recent_chats.hits == 1
        assert server.process is not None
        server.process.send_signal(19)  # SIGSTOP: a Redis that does not answer
        with trio.fail_after(3):
            await world.commit(fence, message(2, body="new"))
            assert await recent(db, fence) == [(CHAT, "new")]
        server.process.send_signal(18)  # SIGCONT
        db.recent_chats._quiet_until = 0.0  # type: ignore[attr-defined]
        assert await recent(db, fence) == [(CHAT, "new")]
        assert await recent(db, fence) == [(CHAT, "new")]
        assert db.recent_chats.hits == 2, "kept again"
        server.kill()
        with trio.fail_after(3):
            await world.commit(fence, message(3, body="newest"))
            assert await recent(db, fence) == [(CHAT, "newest")]
        await server.start()
        db.recent_chats._quiet_until = 0.0  # type: ignore[attr-defined]
        assert await recent(db, fence) == await recent(db, fence) == [(CHAT, "newest")]
        assert db.recent_chats.hits == 3


async def test_what_a_dead_process_has_kept_is_not_believed(
    world: Any, bridge: Bridge, clock: Any, server: RedisServer, message: Any
) -> None:
    """Killed after a commit and before Redis was told of it: the next process shows what is in the database."""
    (fence,) = await world.accounts(1)
    await server.start()
    await world.commit(fence, message(1, body="old"))
    async with Database.open(world.url, bridge, clock=clock, redis_url=server.url) as dead:
        assert await recent(dead, fence) == [(CHAT, "old")]
    await world.commit(fence, message(2, body="new"))  # which `dead` has told nobody of
    async with Database.open(world.url, bridge, clock=clock, redis_url=server.url) as db:
        assert await recent(db, fence) == await recent(db, fence) == [(CHAT, "new")]
        assert db.recent_chats.hits == 1


async def test_instances_share_what_they_have_kept(
    world: Any, bridge: Bridge, clock: Any, server: RedisServer, message: Any
) -> None:
    """One finds what the other has kept, and no more of it after a change through either."""
    (fence,) = await world.accounts(1)
    await server.start()
    await world.commit(fence, message(1, body="old"))
    async with (
        Database.open(world.url, bridge, clock=clock, redis_url=server.url) as one,
        Database.open(world.url, bridge, clock=clock, redis_url=server.url) as other,
    ):
        for db in (one, other):
            assert await recent(db, fence) == [(CHAT, "old")]
        assert await recent(one, fence) == [(CHAT, "old")]
        assert (one.recent_chats.hits, other.recent_chats.misses) == (1, 1)
        world.db = other
        await world.commit(fence, message(2, body="new"))
        assert await recent(one, fence) == await recent(other, fence) == [(CHAT, "new")]
        assert (one.recent_chats.hits, other.recent_chats.hits) == (1, 1)


async def test_a_change_is_told_even_if_the_one_before_it_has_just_been(bridge: Bridge, server: RedisServer) -> None:
    """The earlier one is settled between the later one's note and its telling: what was read between them must go."""
    await server.start()
    cache = RedisRecentChats(server.url, bridge, prefix="test:")
    delete, ask, key = cache._redis.delete, cache._ask, cache._key(7)
    deleted, go_on, first_is_told = threading.Event(), threading.Event(), trio.Event()

    async def redis(*command: str) -> Any:
        return await cache._redis.execute_command(*command)  # type: ignore[no-untyped-call]

    async def slow_delete(*keys: str) -> None:
        cache._redis.delete = delete  # type: ignore[method-assign]
        await delete(*keys)
        deleted.set()
        await asyncio.to_thread(go_on.wait)

    async def when_the_first_is_told(*question: Any) -> Any:
        go_on.set()
        await first_is_told.wait()
        return await ask(*question)

    async def first() -> None:
        await cache.changed([7])
        first_is_told.set()

    cache._redis.delete = slow_delete  # type: ignore[method-assign, assignment]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(first)
        await trio.to_thread.run_sync(deleted.wait)
        await bridge.run(redis, "SET", key, "lease:of a reader")
        cache._ask = when_the_first_is_told  # type: ignore[method-assign, assignment]
        await cache.changed([7])
    assert await bridge.run(redis, "EXISTS", key) == 0
    await cache.close()


async def test_the_memory_is_bounded_and_forgets_after_five_minutes(autojump_clock: Any) -> None:
    """The accounts asked for last are kept, for 300 seconds."""
    from wasup.db.recent import MemoryRecentChats  # noqa: PLC0415 - the other tests have it behind the database

    cache, loads = MemoryRecentChats(), 0

    async def load() -> list[Any]:
        nonlocal loads
        loads += 1
        return []

    for account_id in range(2_100):
        await cache.get(account_id, load)
    assert len(cache._kept) == 2_000
    await cache.get(2_099, load)
    assert loads == 2_100
    await trio.sleep(301)
    await cache.get(2_099, load)
    assert loads == 2_101
    assert not cache._leases
