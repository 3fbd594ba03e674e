"""What it takes to follow the events log: what was just written, how far the log goes, and what came since a time."""

from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from tests.actors.fakes import FakeProvider
from tests.db.stage import Stage
from wasup.actors.event_hub import EventHub
from wasup.actors.followers import Interest, Told, told_event
from wasup.actors.history import SupervisionHistory
from wasup.db.engine import _Write
from wasup.ports.events import LoggedEvent


async def test_a_commit_tells_what_it_has_written(world: Any, message: Any) -> None:
    """As it is read from the log afterwards, and as the API shows it; a repeat tells nothing."""
    one, two = await world.accounts(2)
    batches = [world.batch(one, message(1), message(2)), world.batch(two, message(3))]
    result = await world.db.sync.commit(batches)
    log = world.db.event_log
    logged = [event for fence in (one, two) for event in await log.logged(fence.account_id, 0, limit=10)]
    assert list(result.events) == logged
    ids = (one.account_id, two.account_id)
    assert [(event.account_id, event.account_seq) for event in logged] == [(ids[0], 1), (ids[0], 2), (ids[1], 1)]
    assert (await log.logged(ids[0], 1, limit=10)) == logged[1:2]
    assert (await world.db.sync.commit(batches)).events == ()
    for event in logged:
        shown = msgspec.json.encode(await log.event(event.id, workspace_id=world.workspace_id))
        assert told_event(event, 0).json == shown


async def test_how_far_the_log_goes(world: Any, message: Any) -> None:
    """Every account is there; what is being written is not settled before it has ended."""
    one, two = await world.accounts(2)
    world.clock.now += 1000
    await world.commit(one, message(1), message(2))
    world.clock.now += 1000
    heads = await world.db.event_log.heads()
    assert heads.sequences == {one.account_id: 2, two.account_id: 0}
    assert set(heads.workspaces.values()) == {world.workspace_id}
    (first, _) = await world.db.event_log.logged(one.account_id, 0, limit=2)
    assert first.created_at < heads.settled <= world.clock.now
    world.db.engine._writes.add(_Write(since=0))
    assert (await world.db.event_log.heads()).settled == 0


async def test_what_came_since_a_time(world: Any, message: Any) -> None:
    """Of each account the first event; of one workspace or of all."""
    one, two = await world.accounts(2)
    await world.commit(one, message(1))
    await world.commit(two, message(2))
    world.clock.now += 1000
    since = world.clock.now
    await world.commit(one, message(3), message(4))
    log = world.db.event_log
    assert await log.first_since(world.workspace_id, since) == {one.account_id: 2}
    assert await log.first_since(None, 0) == {one.account_id: 1, two.account_id: 1}
    assert await log.first_since(world.workspace_id + 1, 0) == {}


async def test_a_hub_over_the_database_hears_what_nobody_tells_it(world: Any, message: Any) -> None:
    """A disabled endpoint, and a commit of which the writer said nothing."""
    (fence,) = await world.accounts(1)
    hub = EventHub(look_every=0.1)
    interest = Interest(kinds=frozenset({"message.received", "webhook.disabled"}))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.run, world.db.event_log, SupervisionHistory())
        await trio.testing.wait_all_tasks_blocked()
        await hub.wake()
        with hub.following(interest) as follower:
            hub.begin(follower)
            await world.commit(fence, message(1))
            endpoint = await world.db.outbox.save_endpoint(
                world.workspace_id, url="https://x.example", secret="whsec_x"
            )
            await world.db.outbox.disable_endpoint(endpoint.id, "410 Gone")
            told: list[Told] = []
            with trio.fail_after(10):
                while len(told) < 2:
                    await follower.wait(1)
                    told += follower.take(10)
        assert [one.kind for one in told] == ["message.received", "webhook.disabled"]
        assert [one.number for one in told] == [1, 2]
        nursery.cancel_scope.cancel()


async def test_the_writers_tell_the_hub_what_they_commit(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once: without that, everything would still be told, but seconds later."""
    stage, told = Stage(world, FakeProvider()), list[LoggedEvent]()
    monkeypatch.setattr(stage.runtime.hub, "publish", told.extend)
    account_id = await stage.account()
    async with stage.running():
        await stage.connected(account_id)
    assert {(event.account_id, event.type) for event in told} >= {(account_id, "account.status")}
