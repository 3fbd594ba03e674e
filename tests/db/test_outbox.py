"""Claiming, settling and retrying what is to be delivered."""

from typing import Any

import trio

from wasup.ports.messages import ContactChanged
from wasup.ports.store import LaneOutcome


async def claim(world: Any, endpoint: Any, lanes: int = 10, per_lane: int = 3, incarnation: int = 0) -> Any:
    """Claim lanes, as our own incarnation unless another is given."""
    return await world.db.outbox.claim_lanes(
        endpoint.id, incarnation=incarnation or world.incarnation, lanes=lanes, per_lane=per_lane
    )


async def settle(world: Any, endpoint: Any, fence: Any, seq: int, incarnation: int = 0, **more: Any) -> None:
    """Settle one lane."""
    outcome = LaneOutcome(endpoint_id=endpoint.id, account_id=fence.account_id, delivered_seq=seq, **more)
    await world.db.outbox.settle([outcome], incarnation=incarnation or world.incarnation)


async def endpoint_of(world: Any, *events: str) -> Any:
    """The workspace's endpoint."""
    return await world.db.outbox.save_endpoint(world.workspace_id, url="https://x", secret="whsec_a", events=events)


async def test_events_are_delivered_in_order_and_only_once(world: Any, message: Any) -> None:
    """A lane gives its events in order, a few at a time, until nothing is left."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    result = await world.commit(fence, *(message(n) for n in range(5)))
    assert result.endpoints == {endpoint.id}
    got = []
    while lanes := await claim(world, endpoint):
        (lane,) = lanes
        assert await claim(world, endpoint) == []  # claimed already
        got += [(event.account_seq, event.previous_seq) for event in lane.events]
        await settle(world, endpoint, fence, lane.events[-1].account_seq)
    assert got == [(n, n - 1) for n in range(1, 6)]
    assert await world.db.outbox.next_due(endpoint.id) is None
    await world.commit(fence, message(9))
    assert [event.previous_seq for event in (await claim(world, endpoint))[0].events] == [5]


async def test_the_filter_leaves_out_other_types_and_links_over_the_gap(world: Any, message: Any) -> None:
    """previous_seq names the last event that the filter let through."""
    endpoint = await endpoint_of(world, "message.received")
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1), ContactChanged(id="5511888880000@c.us", name="Bob"))
    await world.commit(fence, message(2))
    (lane,) = await claim(world, endpoint)
    assert [(event.account_seq, event.previous_seq) for event in lane.events] == [(1, 0), (3, 1)]


async def test_a_failure_waits_and_is_tried_again(world: Any, message: Any) -> None:
    """The lane is due after its wait, and counts its tries; what was delivered before stays delivered."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1), message(2))
    await claim(world, endpoint)
    await settle(world, endpoint, fence, 1, failed="500", retry_in=30.0)
    assert await claim(world, endpoint) == []
    assert await world.db.outbox.next_due(endpoint.id) == 30.0
    world.clock.now += 30_000
    (lane,) = await claim(world, endpoint)
    assert (lane.attempt, [event.account_seq for event in lane.events]) == (1, [2])
    await settle(world, endpoint, fence, 0, failed="500", retry_in=60.0)
    world.clock.now += 60_000
    assert (await claim(world, endpoint))[0].attempt == 2


async def test_what_exhausts_its_tries_goes_to_the_dead_letters(world: Any, message: Any) -> None:
    """The dead event leaves the lane, which goes on with the next one."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1), message(2))
    await claim(world, endpoint)
    await settle(world, endpoint, fence, 0, failed="gave up", dead=True)
    assert (await world.db.stats.totals()).dead_letters == 1
    (lane,) = await claim(world, endpoint)
    assert (lane.attempt, [event.account_seq for event in lane.events]) == (0, [2])


async def test_a_zombie_settles_nothing(world: Any, message: Any) -> None:
    """Only who holds the claim may settle; released claims are given out again."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1))
    await claim(world, endpoint, incarnation=77)
    await settle(world, endpoint, fence, 1)  # not ours
    assert (await world.db.stats.totals()).outbox == 1
    assert await world.db.outbox.release_claims(endpoint_id=endpoint.id) == 1
    await settle(world, endpoint, fence, 1, incarnation=77)  # no longer its
    assert (await world.db.stats.totals()).outbox == 1
    assert len(await claim(world, endpoint)) == 1


async def test_several_workers_never_hold_the_same_lane(world: Any, message: Any) -> None:
    """Concurrent claims and commits: every event is delivered once and in order."""
    endpoint = await endpoint_of(world)
    fences = await world.accounts(8)
    seen: dict[int, list[int]] = {fence.account_id: [] for fence in fences}
    done = trio.Event()

    async def worker() -> None:
        while True:
            lanes = await claim(world, endpoint, lanes=3)
            if not lanes:
                if done.is_set() and await world.db.outbox.next_due(endpoint.id) is None:
                    return
                await trio.sleep(0.005)
            outcomes = []
            for lane in lanes:
                seen[lane.account_id] += [event.account_seq for event in lane.events]
                outcomes.append(
                    LaneOutcome(
                        endpoint_id=endpoint.id,
                        account_id=lane.account_id,
                        delivered_seq=lane.events[-1].account_seq,
                    )
                )
            await world.db.outbox.settle(outcomes, incarnation=world.incarnation)

    async def writer() -> None:
        for turn in range(12):
            await world.db.sync.commit([world.batch(fence, message(turn), message(turn + 100)) for fence in fences])
        done.set()

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer)
            for _ in range(4):
                nursery.start_soon(worker)
    assert all(got == list(range(1, 25)) for got in seen.values())
    assert (await world.db.stats.totals()).outbox == 0


async def test_a_disabled_endpoint_gets_nothing_new(world: Any, message: Any) -> None:
    """Its events stay in the log; saving it enables it again."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.db.outbox.disable_endpoint(endpoint.id, "410 Gone")
    assert (await world.commit(fence, message(1))).endpoints == frozenset()
    (found,) = await world.db.outbox.endpoints()
    assert (found.enabled, found.disabled_reason) == (False, "410 Gone")
    assert (await endpoint_of(world)).enabled
