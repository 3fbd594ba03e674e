"""Killed servers, cancelled callers, and two instances."""

import os
import random
import signal
import subprocess
import sys
from typing import Any

import pytest
import trio

from wasup.bridge import Bridge
from wasup.db import Database
from wasup.db.locks import NamedLock
from wasup.ports.accounts import Fence
from wasup.ports.messages import Message
from wasup.ports.store import DatabaseOwned, DatabaseUnavailable, NotOwner

_HOLDER = """
import sys, trio
from wasup.bridge import Bridge
from wasup.db import Database
from wasup.ports.clock import SystemClock

async def main(url):
    async with Bridge() as bridge, Database.open(url, bridge, clock=SystemClock()) as db:
        await db.ownership.acquire()
        print("held", flush=True)
        await trio.sleep_forever()

trio.run(main, sys.argv[1])
"""


async def check_complete(world: Any, given: dict[int, list[Message]]) -> None:
    """Every message is there once, and every account's events are 1, 2, 3 and so on."""
    for account_id, messages in given.items():
        rows = await world.rows("SELECT message_id FROM messages WHERE whatsapp_account_id=?", account_id)
        assert sorted(row[0] for row in rows) == sorted(message.id for message in messages)
        seqs = await world.rows(
            "SELECT account_seq FROM events WHERE whatsapp_account_id=? ORDER BY account_seq", account_id
        )
        assert [row[0] for row in seqs] == list(range(1, len(messages) + 1))


async def test_kill_9_of_the_server_in_the_middle_of_commits_loses_and_doubles_nothing(
    world: Any, place: Any, message: Any
) -> None:
    """Writers that try the same batch again until it is committed end with every message stored once."""
    if place.server is None:
        pytest.skip("SQLite has no server to kill")
    fences: list[Fence] = await world.accounts(20)
    given: dict[int, list[Message]] = {fence.account_id: [] for fence in fences}
    failures = 0

    async def writer(number: int, stop: trio.Event) -> None:
        nonlocal failures
        serial = 0
        while not stop.is_set():
            share = fences[number::4]
            batches = []
            for fence in share:
                serial += 1
                items = [message(serial * 10 + number, id=f"{number}-{serial}-{part}") for part in range(8)]
                given[fence.account_id] += items
                batches.append(world.batch(fence, *items))
            while True:
                try:
                    result = await world.db.sync.commit(batches)
                except DatabaseUnavailable:
                    failures += 1
                    await trio.sleep(0.05)
                else:
                    assert not result.refused
                    break

    stop = trio.Event()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(writer, number, stop)
            for _ in range(2):
                await trio.sleep(0.7)
                place.server.kill()
                await place.server.start()
            await trio.sleep(0.5)
            stop.set()
    assert failures > 0
    await check_complete(world, given)
    await world.db.ownership.hold()  # the lock was lost with the server and is ours again


async def test_cancelled_commits_are_whole_or_not_there(world: Any, message: Any) -> None:
    """A commit that is cancelled at a random moment leaves no half batch, and the pool stays usable."""
    chooser = random.Random(7)
    fences: list[Fence] = await world.accounts(4)

    async def caller(fence: Fence) -> None:
        for turn in range(40):
            items = [message(turn, id=f"{turn}-{part}") for part in range(5)]
            with trio.move_on_after(chooser.choice([0.0005, 0.002, 0.005, 0.01, 5.0])):
                await world.commit(fence, *items)

    async with trio.open_nursery() as nursery:
        for fence in fences:
            nursery.start_soon(caller, fence)
    for fence in fences:
        rows = await world.rows("SELECT message_id FROM messages WHERE whatsapp_account_id=?", fence.account_id)
        turns = [row[0].split("-")[0] for row in rows]
        assert all(turns.count(turn) == 5 for turn in set(turns))
        assert await world.sequences(fence) == list(range(1, len(rows) + 1))


async def test_a_second_instance_is_refused_with_a_message_that_names_the_first(
    world: Any, bridge: Bridge, clock: Any
) -> None:
    """Host, process and start time of the owner are told; after its release the next one may start."""
    async with Database.open(world.url, bridge, clock=clock) as other:
        with pytest.raises(DatabaseOwned, match=rf"process {os.getpid()}, since 20"):
            await other.ownership.acquire()
        await world.db.ownership.release()
        await other.ownership.acquire()
        await other.ownership.hold()


async def test_after_kill_9_of_the_owner_the_next_instance_takes_over_at_once(world: Any, message: Any) -> None:
    """The lock dies with its process; the old fences are worth nothing."""
    (fence,) = await world.accounts(1)
    await world.db.ownership.release()
    process = subprocess.Popen(  # noqa: ASYNC220 - to be killed, not to be waited for
        [sys.executable, "-c", _HOLDER, world.url], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await trio.to_thread.run_sync(process.stdout.readline) == b"held\n"
        with pytest.raises(DatabaseOwned, match=f"process {process.pid}"):
            await world.db.ownership.acquire()
        process.send_signal(signal.SIGKILL)
        process.wait()
        with trio.fail_after(2):
            await world.db.ownership.acquire()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    result = await world.commit(fence, message(1))
    assert result.refused == {fence.account_id}
    fresh = (await world.db.ownership.claim([fence.account_id]))[fence.account_id]
    assert fresh.epoch > fence.epoch
    assert not (await world.commit(fresh, message(1))).refused


async def test_the_owner_notices_that_it_was_replaced(world: Any, place: Any, bridge: Bridge, clock: Any) -> None:
    """When its lock went to another instance, `hold` says so and claims are refused."""
    lock = world.db.ownership._lock
    await lock.drop()  # as a lost connection (or a removed lock file) would
    async with Database.open(world.url, bridge, clock=clock) as other:
        await other.ownership.acquire()
        with pytest.raises(NotOwner):
            await world.db.ownership.hold()
        with pytest.raises(NotOwner):
            await world.db.ownership.claim([1])


async def test_the_owner_takes_its_lock_again_after_its_connection_was_killed(world: Any, place: Any) -> None:
    """A lost connection alone does not end an instance."""
    lock = world.db.ownership._lock
    if not isinstance(lock, NamedLock):
        pytest.skip("a file lock has no connection")
    await world.db.engine.bridge.run(place.server.execute, f"KILL {lock.connection_id}")
    await world.db.ownership.hold()
    assert await lock.held()


async def test_an_absent_server_is_reported_as_unavailable(bridge: Bridge, clock: Any) -> None:
    """Nothing listens there: DatabaseUnavailable, no driver's error."""
    with pytest.raises(DatabaseUnavailable):
        async with Database.open("mysql://a:b@127.0.0.1:1/none", bridge, clock=clock):
            pass
