"""Claiming, settling and retrying what is to be delivered."""

from typing import Any

import trio

from wasup.bridge import Bridge
from wasup.db import Database
from wasup.db.engine import _Write
from wasup.ports.events import ChatSynced, EndpointDisabled
from wasup.ports.messages import ChatChanged, ContactChanged, GroupChanged, Participant
from wasup.ports.outbox import Attempt, EndpointFormat, LaneOutcome, NewEndpoint, ReplayRange

CLAIM = "SELECT claim FROM outbox_lanes WHERE endpoint_id=? AND whatsapp_account_id=?"


async def claim(world: Any, endpoint: Any, lanes: int = 10, per_lane: int = 3, incarnation: int = 0) -> Any:
    """Claim lanes, as our own incarnation unless another is given."""
    return await world.db.outbox.claim_lanes(
        endpoint.id, incarnation=incarnation or world.incarnation, lanes=lanes, per_lane=per_lane
    )


async def settle(world: Any, endpoint: Any, fence: Any, *delivered: int, claim: int | None = None, **more: Any) -> Any:
    """Settle one lane, by its last claim unless another is given; tells whether there is more."""
    number = claim or await world.value(CLAIM, endpoint.id, fence.account_id)
    outcome = LaneOutcome(
        endpoint_id=endpoint.id, account_id=fence.account_id, claim=number, delivered=delivered, **more
    )
    return await world.db.outbox.settle([outcome])


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
        more = await settle(world, endpoint, fence, *(event.account_seq for event in lane.events))
        assert more is (len(got) < 5)
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
    await settle(world, endpoint, fence, 1, failed="500", failed_seq=2, retry_in=30.0)
    assert await claim(world, endpoint) == []
    assert await world.db.outbox.next_due(endpoint.id) == 30.0
    world.clock.now += 30_000
    (lane,) = await claim(world, endpoint)
    assert (lane.attempt, [event.account_seq for event in lane.events]) == (1, [2])
    await settle(world, endpoint, fence, failed="500", failed_seq=2, retry_in=60.0)
    world.clock.now += 60_000
    assert (await claim(world, endpoint))[0].attempt == 2


async def test_what_exhausts_its_tries_goes_to_the_dead_letters(world: Any, message: Any) -> None:
    """The dead event leaves the lane, which goes on with the next one."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1), message(2))
    await claim(world, endpoint)
    await settle(world, endpoint, fence, failed="gave up", failed_seq=1, dead=True)
    assert (await world.db.stats.totals()).dead_letters == 1
    (lane,) = await claim(world, endpoint)
    assert (lane.attempt, [event.account_seq for event in lane.events]) == (0, [2])


async def test_a_zombie_settles_nothing(world: Any, message: Any) -> None:
    """Only who holds the claim may settle, also within one instance; released claims are given out again."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1))
    (stale,) = await claim(world, endpoint)
    mine = {"endpoint_id": endpoint.id, "incarnation": world.incarnation}
    assert await world.db.outbox.release_claims(**mine) == 1
    await settle(world, endpoint, fence, 1, claim=stale.claim)  # nobody's now
    assert (await world.db.stats.totals()).outbox == 1
    (lane,) = await claim(world, endpoint)
    await settle(world, endpoint, fence, 1, claim=stale.claim)  # its successor's
    assert (await world.db.stats.totals()).outbox == 1
    assert await claim(world, endpoint) == [], "it is still claimed"
    await settle(world, endpoint, fence, 1, claim=lane.claim)
    assert (await world.db.stats.totals()).outbox == 0


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
                        claim=lane.claim,
                        delivered=tuple(event.account_seq for event in lane.events),
                    )
                )
            await world.db.outbox.settle(outcomes)

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


# ---- endpoints -------------------------------------------------------------------------------


async def test_a_workspace_has_any_number_of_endpoints_each_with_its_filter(world: Any, message: Any) -> None:
    """Every endpoint keeps what it was made with; each gets what its filter lets through."""
    new = NewEndpoint(
        url="https://one",
        secret="whsec_1",
        events=("message.received",),
        headers={"X-A": "b"},
        batch_events=50,
        batch_wait=0.2,
        format=EndpointFormat.LEGACY,
    )
    one = await world.db.outbox.create_endpoint(world.workspace_id, new)
    two = await world.db.outbox.create_endpoint(world.workspace_id, NewEndpoint(url="https://two", secret="s"))
    assert (one.headers, one.batch_events, one.batch_wait, one.format) == ({"X-A": "b"}, 50, 0.2, "legacy")
    assert await world.db.outbox.endpoints(workspace_id=world.workspace_id) == [one, two]
    assert await world.db.outbox.endpoint(two.id, workspace_id=world.workspace_id + 1) is None
    (fence,) = await world.accounts(1)
    result = await world.commit(fence, ContactChanged(id="5511888880000@c.us", name="Bob"), message(1))
    assert result.endpoints == {one.id, two.id}
    (mine,), (theirs,) = await claim(world, one), await claim(world, two)
    assert [event.type for event in mine.events] == ["message.received"]
    assert len(theirs.events) == 2
    changed = await world.db.outbox.change_endpoint(one.id, {"url": "https://x", "headers": {}, "batch_wait": 1.5})
    assert (changed.url, changed.headers, changed.batch_wait, changed.secret) == ("https://x", {}, 1.5, "whsec_1")


async def test_both_secrets_are_valid_during_a_rotation(world: Any) -> None:
    """The new one first; after its time the old one is not signed with any more."""
    endpoint = await endpoint_of(world)
    turned = await world.db.outbox.change_endpoint(
        endpoint.id, {"secret": "new", "previous_secret": "old", "previous_until": world.clock.now + 1000}
    )
    assert turned.secrets(world.clock.now) == ["new", "old"]
    assert turned.secrets(world.clock.now + 1000) == ["new"]


async def test_a_paused_endpoint_keeps_what_happens_and_a_resumed_one_has_it_due_at_once(
    world: Any, message: Any
) -> None:
    """Also what had waited for a later try, with all its tries again."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1))
    await claim(world, endpoint)
    await settle(world, endpoint, fence, failed="500", failed_seq=1, retry_in=9000.0)
    await world.db.outbox.change_endpoint(endpoint.id, {"paused": True})
    await world.commit(fence, message(2))
    assert await claim(world, endpoint) == []
    assert not (await world.db.outbox.enable_endpoint(endpoint.id)).paused
    (lane,) = await claim(world, endpoint)
    assert (lane.attempt, len(lane.events)) == (0, 2)


async def test_the_workspace_is_told_that_an_endpoint_was_disabled(world: Any, message: Any) -> None:
    """By an event of its primary account, once, which the other endpoints get."""
    endpoint = await endpoint_of(world)
    other = await world.db.outbox.create_endpoint(world.workspace_id, NewEndpoint(url="https://b", secret="s"))
    (fence, _) = await world.accounts(2)
    await world.db.outbox.disable_endpoint(endpoint.id, "410")
    await world.db.outbox.disable_endpoint(endpoint.id, "410 again")
    (event,) = await world.db.stats.events(None, fence.account_id)
    assert isinstance(event.data, EndpointDisabled)
    assert (event.data.endpoint_id, event.data.reason, event.account_seq) == (endpoint.id, "410", 1)
    assert [lane.account_id for lane in await claim(world, other)] == [fence.account_id]
    await world.commit(fence, message(1))
    assert await world.sequences(fence) == [1, 2]


# ---- claims ----------------------------------------------------------------------------------


async def test_only_dead_instances_claims_are_released(world: Any, message: Any) -> None:
    """What a living instance holds stays with it, unless it is itself who asks."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1))
    await claim(world, endpoint)
    assert await world.db.outbox.release_claims() == 0
    assert await world.db.outbox.release_claims(endpoint_id=endpoint.id, incarnation=world.incarnation) == 1
    await claim(world, endpoint, incarnation=77)
    assert await world.db.outbox.release_claims() == 1


async def test_what_is_handed_back_or_put_off_keeps_its_tries(world: Any, message: Any) -> None:
    """A lane that nobody got to is due at once; one that was put off, later; neither has failed."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1))
    await claim(world, endpoint)
    await settle(world, endpoint, fence, failed="500", failed_seq=1, retry_in=1.0)
    world.clock.now += 1000
    await claim(world, endpoint)
    assert await settle(world, endpoint, fence) is True
    assert (await claim(world, endpoint))[0].attempt == 1
    assert await settle(world, endpoint, fence, retry_in=2.0) is False
    assert await claim(world, endpoint) == []
    world.clock.now += 2000
    assert (await claim(world, endpoint))[0].attempt == 1


# ---- replays ---------------------------------------------------------------------------------


async def delivered(world: Any, endpoint: Any, fence: Any) -> list[tuple[int, int, bool]]:
    """Deliver what there is of one account; sequence, the one before it, and whether it is a replay."""
    got = []
    while lanes := await claim(world, endpoint):
        events = lanes[0].events
        got += [(event.account_seq, event.previous_seq, event.replay) for event in events]
        await settle(world, endpoint, fence, *(event.account_seq for event in events))
    return got


async def replay(world: Any, endpoint: Any, **wanted: Any) -> Any:
    """Replay a range; the numbers of what was queued and of what waited anyway."""
    done = await world.db.deliveries.replay(endpoint, ReplayRange(**wanted))
    return done.queued, done.waiting


async def test_events_are_replayed_by_id_time_sequence_and_from_the_dead_letters(world: Any, message: Any) -> None:
    """With their ids, marked as replays, before what is newer; what waits anyway is not doubled."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    for number in range(1, 5):
        world.clock.now += 1000
        await world.commit(fence, message(number))
    assert await delivered(world, endpoint, fence) == [(n, n - 1, False) for n in range(1, 5)]
    ids = [event.id for event in await world.db.stats.events(None, fence.account_id)]
    assert await replay(world, endpoint, event_ids=(ids[1], ids[3], "evt_1_2_00000000", "nonsense")) == (2, 0)
    await world.commit(fence, message(5))
    assert await replay(world, endpoint, account_id=fence.account_id, after_seq=3) == (0, 2)
    assert await delivered(world, endpoint, fence) == [(2, 1, True), (4, 3, True), (5, 4, False)]
    since = world.clock.now - 1000
    assert await replay(world, endpoint, since=since, until=since + 1) == (1, 0)
    assert await delivered(world, endpoint, fence) == [(3, 2, True)]
    assert await replay(world, endpoint, account_id=fence.account_id, after_seq=1, until_seq=2) == (1, 0)
    await claim(world, endpoint)
    await settle(world, endpoint, fence, failed="x", failed_seq=2, dead=True)
    (letter,) = await world.db.deliveries.dead_letters(endpoint.id)
    assert (letter.event_id, letter.account_seq, letter.reason) == (ids[1], 2, "x")
    assert await world.db.deliveries.dead_letter(endpoint.id, letter.id) == letter
    assert await world.db.deliveries.waiting([endpoint.id]) == {endpoint.id: (0, 1)}
    assert await replay(world, endpoint, dead=True) == (1, 0)
    assert await world.db.deliveries.dead_letters(endpoint.id) == []
    assert await delivered(world, endpoint, fence) == [(2, 1, True)]


async def test_a_replay_into_a_lane_that_is_being_delivered_is_not_lost(world: Any, message: Any) -> None:
    """Settling removes exactly what was delivered, not what was put before or between it meanwhile."""
    endpoint = await endpoint_of(world, "message.received")
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1))
    assert len(await delivered(world, endpoint, fence)) == 1
    await world.commit(fence, message(2))
    (lane,) = await claim(world, endpoint)
    assert await replay(world, endpoint, account_id=fence.account_id) == (1, 1)
    await settle(world, endpoint, fence, *(event.account_seq for event in lane.events))
    assert await delivered(world, endpoint, fence) == [(1, 0, True)]


async def settle_claimed(world: Any, lane: Any, *, delivered: int | None = None) -> Any:
    """Settle a lane as its worker does, which knows what it had claimed."""
    numbers = [event.account_seq for event in lane.events][:delivered]
    outcome = LaneOutcome(
        endpoint_id=lane.endpoint_id,
        account_id=lane.account_id,
        claim=lane.claim,
        claimed=len(lane.events),
        seen=lane.seen,
        delivered=tuple(numbers),
    )
    return await world.db.outbox.settle([outcome])


async def test_a_claim_that_was_all_of_a_lane_tells_what_is_left(world: Any, message: Any) -> None:
    """Nothing, or what was committed since, or what was not delivered; and one that was not all has to look."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1), message(2))
    (lane,) = await claim(world, endpoint)
    assert lane.seen == 2
    assert await settle_claimed(world, lane) is False
    assert await world.db.outbox.next_due(endpoint.id) is None
    await world.commit(fence, message(3))
    (lane,) = await claim(world, endpoint)
    await world.commit(fence, message(4))
    assert await settle_claimed(world, lane) is True, "committed since"
    (lane,) = await claim(world, endpoint)
    assert [event.account_seq for event in lane.events] == [4]
    await world.commit(fence, message(5))
    assert await settle_claimed(world, lane, delivered=0) is True, "handed back"
    (lane,) = await claim(world, endpoint, per_lane=1)
    assert lane.seen is None
    assert await settle_claimed(world, lane) is True, "more than was claimed"
    (lane,) = await claim(world, endpoint, per_lane=1)
    assert await settle_claimed(world, lane) is False, "looked, and there was nothing"


async def test_a_replay_into_a_lane_that_is_all_in_hand_is_left(world: Any, message: Any) -> None:
    """Its events lie before the last one, so that the lane itself has to say that it was refilled."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1), message(2))
    (lane,) = await claim(world, endpoint)
    await settle_claimed(world, lane)
    await world.commit(fence, message(3))
    (lane,) = await claim(world, endpoint)
    await world.db.deliveries.replay(endpoint, ReplayRange(account_id=fence.account_id, after_seq=0, until_seq=2))
    assert await world.db.outbox.release_claims() == 0, "it is in living hands"
    assert await settle_claimed(world, lane) is True
    (lane,) = await claim(world, endpoint)
    assert [(event.account_seq, event.replay) for event in lane.events] == [(1, True), (2, True)]
    await world.db.deliveries.replay(endpoint, ReplayRange(account_id=fence.account_id, after_seq=2, until_seq=3))
    assert await world.db.outbox.release_claims(incarnation=world.incarnation) == 1, "a refilled lane is let go as well"
    (lane,) = await claim(world, endpoint)
    assert [event.account_seq for event in lane.events] == [1, 2, 3]


async def test_a_replay_goes_by_the_filter_the_workspace_and_in_portions(world: Any, message: Any) -> None:
    """Accounts that the endpoint never heard of come too; the place to go on from is told."""
    fences = await world.accounts(2)
    for fence in fences:
        await world.commit(fence, ContactChanged(id="5511888880000@c.us", name="Bob"), message(1), message(2))
    endpoint = await endpoint_of(world, "message.received")
    stranger = (await world.db.keys.create_workspace("second")).id
    theirs = await world.db.outbox.create_endpoint(stranger, NewEndpoint(url="https://b", secret="s"))
    assert await replay(world, theirs, since=0) == (0, 0)
    first = await world.db.deliveries.replay(endpoint, ReplayRange(since=0), limit=3)
    assert (first.queued, first.next) == (3, (fences[1].account_id, 1))
    rest = await world.db.deliveries.replay(endpoint, ReplayRange(since=0), after=first.next, limit=3)
    assert (rest.queued, rest.next) == (1, None)
    lanes = await claim(world, endpoint)
    assert [[event.type for event in lane.events] for lane in lanes] == [["message.received"] * 2] * 2
    assert [[event.previous_seq for event in lane.events] for lane in lanes] == [[0, 1]] * 2
    # What is new afterwards follows nothing: a replay is no news that went to this endpoint.
    await world.commit(fences[0], message(3))
    await settle(world, endpoint, fences[0], *(event.account_seq for event in lanes[0].events))
    assert await delivered(world, endpoint, fences[0]) == [(4, 0, False)]


async def test_a_replay_by_time_goes_from_the_oldest_on_whatever_the_portions(world: Any, message: Any) -> None:
    """Accounts take turns, everything comes once, and each account's events in order."""
    endpoint = await endpoint_of(world)
    fences = await world.accounts(2)
    for turn in range(4):
        for fence in reversed(fences):
            world.clock.now += turn % 2  # some share their stamp
            await world.commit(fence, message(turn))
    await claim(world, endpoint, per_lane=9)
    for fence in fences:
        await settle(world, endpoint, fence, 1, 2, 3, 4)
    order: list[tuple[int, int]] = []
    after: tuple[int, int] | None = None
    while len(order) < 20:
        done = await world.db.deliveries.replay(endpoint, ReplayRange(since=0), after=after, limit=3)
        order.append((done.queued, done.waiting))
        if (after := done.next) is None:
            break
    assert order == [(3, 0), (3, 0), (2, 0)]
    lanes = await claim(world, endpoint, per_lane=9)
    assert [[event.account_seq for event in lane.events] for lane in lanes] == [[1, 2, 3, 4]] * 2


async def test_what_is_named_or_was_given_up_is_replayed_whatever_the_filter_says_now(world: Any, message: Any) -> None:
    """Somebody asks for it by hand; a range goes by the filter."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1))
    await claim(world, endpoint)
    await settle(world, endpoint, fence, failed="x", failed_seq=1, dead=True)
    endpoint = await world.db.outbox.change_endpoint(endpoint.id, {"events": ("account.status",)})
    assert await replay(world, endpoint, account_id=fence.account_id) == (0, 0)
    assert await replay(world, endpoint, dead=True) == (1, 0)
    assert await delivered(world, endpoint, fence) == [(1, 0, True)]
    (event,) = await world.db.stats.events(None, fence.account_id)
    assert await replay(world, endpoint, event_ids=(event.id,)) == (1, 0)
    assert await delivered(world, endpoint, fence) == [(1, 0, True)]


# ---- the log of deliveries, and what is too old -----------------------------------------------


async def test_attempts_are_written_with_the_settlement(world: Any, message: Any) -> None:
    """Newest first, by outcome, in pages."""
    endpoint = await endpoint_of(world)
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1))
    (lane,) = await claim(world, endpoint)
    attempts = [
        Attempt(
            endpoint_id=endpoint.id,
            account_id=fence.account_id,
            event_id="evt_1",
            events=2,
            attempt=n,
            outcome=outcome,
            detail="d" * 900,
            seconds=0.25,
            replay=False,
            at=world.clock.now,
        )
        for n, outcome in ((1, "failed"), (2, "delivered"), (3, "refused"))
    ]
    outcome = LaneOutcome(endpoint_id=endpoint.id, account_id=fence.account_id, claim=lane.claim, delivered=(1,))
    await world.db.outbox.settle([outcome], attempts=attempts)
    log = world.db.deliveries
    rows = await log.attempts(endpoint.id)
    assert [(row.attempt, row.seconds, len(row.detail)) for row in rows] == [
        (3, 0.25, 500),
        (2, 0.25, 500),
        (1, 0.25, 500),
    ]
    assert [row.attempt for row in await log.attempts(endpoint.id, failed=True)] == [3, 1]
    assert [row.attempt for row in await log.attempts(endpoint.id, failed=False)] == [2]
    assert [row.attempt for row in await log.attempts(endpoint.id, before_id=rows[0].id, limit=1)] == [2]
    assert await world.db.retention.prune_attempts(world.clock.now + 1, limit=2) == 2
    assert await world.db.retention.prune_attempts(world.clock.now + 1, limit=2) == 1


async def test_old_events_go_unless_somebody_needs_them(world: Any, message: Any) -> None:
    """What waits for an enabled endpoint or lies among the dead letters stays, the rest goes in chunks."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1), message(2))
    endpoint = await endpoint_of(world)
    await world.commit(fence, message(3), message(4))
    await claim(world, endpoint)
    await settle(world, endpoint, fence, failed="x", failed_seq=3, dead=True)
    prune, later = world.db.retention.prune_events, world.clock.now + 1
    assert await prune(world.clock.now, limit=10) == 0
    assert await prune(later, limit=1) == 1
    assert await prune(later, limit=10) == 1
    assert await world.sequences(fence) == [3, 4]
    assert await world.db.retention.prune_dead_letters(later, limit=10) == 1
    assert await prune(later, limit=10) == 1
    await world.db.outbox.change_endpoint(endpoint.id, {"enabled": False})
    assert await prune(later, limit=10) == 1
    assert (await world.db.stats.totals()).outbox == 0


async def test_a_deleted_endpoint_leaves_nothing_behind(world: Any, message: Any) -> None:
    """Lanes, deliveries, dead letters and attempts go chunk by chunk; others' stay."""
    gone = await endpoint_of(world)
    kept = await world.db.outbox.create_endpoint(world.workspace_id, NewEndpoint(url="https://b", secret="s"))
    fences = await world.accounts(3)
    for fence in fences:
        await world.commit(fence, *(message(n) for n in range(4)))
    await claim(world, gone, lanes=1)
    await settle(world, gone, fences[0], failed="x", failed_seq=1, dead=True)
    assert await world.db.outbox.delete_endpoint(gone.id)
    assert not await world.db.outbox.delete_endpoint(gone.id)
    while await world.db.retention.prune_orphans(limit=5):
        pass
    assert await world.value("SELECT COUNT(*) FROM outbox_lanes") == 3
    totals = await world.db.stats.totals()
    assert (totals.outbox, totals.dead_letters) == (12, 0)
    assert len(await claim(world, kept)) == 3


# ---- pulling, and what events carry -----------------------------------------------------------


async def test_a_workspace_is_pulled_in_order_and_nothing_is_skipped(world: Any, message: Any) -> None:
    """By time, then account and sequence; what may still be preceded by a commit under way is held back."""
    fences = await world.accounts(2)
    for turn in range(3):
        world.clock.now += 1000
        for fence in fences:
            await world.commit(fence, message(turn))
    pull, place, got = world.db.event_log.workspace_events, (0, 0, 0), []
    while rows := await pull(world.workspace_id, place, limit=2):
        place = (rows[-1].created_at, rows[-1].account_id, rows[-1].account_seq)
        got += [(row.account_id, row.account_seq) for row in rows]
    held_back = len(got)
    assert held_back == 4  # the last commits were in this very millisecond
    world.clock.now += 1000
    while rows := await pull(world.workspace_id, place, limit=2):
        place = (rows[-1].created_at, rows[-1].account_id, rows[-1].account_seq)
        got += [(row.account_id, row.account_seq) for row in rows]
    assert got == [(fence.account_id, turn) for turn in (1, 2, 3) for fence in fences]
    long = _Write(since=0)
    world.db.engine._writes.add(long)
    assert await pull(world.workspace_id, (0, 0, 0)) == []
    world.db.engine._writes.remove(long)
    assert await pull(world.workspace_id + 1, (0, 0, 0)) == []
    event = (await pull(world.workspace_id, (0, 0, 0)))[0]
    assert await world.db.event_log.event(event.id, workspace_id=world.workspace_id) == event
    assert await world.db.event_log.event(event.id, workspace_id=world.workspace_id + 1) is None
    assert await world.db.event_log.event("evt_9_9_zz", workspace_id=None) is None
    assert await world.db.event_log.event("nonsense", workspace_id=None) is None


async def test_a_clock_that_is_set_back_loses_and_delays_no_event(
    world: Any, message: Any, bridge: Bridge, clock: Any
) -> None:
    """What happens afterwards is pulled after what was read before, also by an instance that was started meanwhile."""
    (fence,) = await world.accounts(1)
    place = (0, 0, 0)
    got: list[int] = []

    async def happens(db: Database, number: int) -> None:
        nonlocal place
        await db.sync.commit([world.batch(fence, message(number))])
        with trio.fail_after(5):
            while not (rows := await db.event_log.workspace_events(world.workspace_id, place)):
                await trio.sleep(0.01)
        got.extend(row.account_seq for row in rows)
        place = (rows[-1].created_at, rows[-1].account_id, rows[-1].account_seq)

    world.clock.now += 3_600_000
    await world.commit(fence, message(1))
    world.clock.now -= 3_600_000
    await happens(world.db, 2)
    await happens(world.db, 3)
    async with Database.open(world.url, bridge, clock=clock) as other:
        await happens(other, 4)
    assert got == [1, 2, 3, 4]


async def test_chats_come_with_their_event_fifty_at_a_time(world: Any) -> None:
    """As they are stored in the end, with both ids of the person."""
    (fence,) = await world.accounts(1)
    chats = [ChatChanged(id=f"55119999{n:05d}@c.us", alt=f"{n + 1}@lid", name=f"N{n}") for n in range(60)]
    await world.commit(fence, *chats)
    events = [event.data for event in await world.db.stats.events(None, fence.account_id)]
    assert all(isinstance(event, ChatSynced) for event in events)
    assert [event.count for event in events] == [50, 10]
    first = events[0].chats[0]
    assert (first.chat, first.chat_lid, first.chat_phone) == ("5511999900000@c.us", "1@lid", "+5511999900000")
    assert (first.name, len(events[1].chats)) == ("N0", 10)


async def test_the_legacy_format_learns_sessions_people_and_members(world: Any, message: Any) -> None:
    """Of the accounts asked for, what is stored."""
    (fence,) = await world.accounts(1)
    account = await world.db.accounts.account(fence.account_id)
    members = (Participant(id="5@lid", alt="5511888880000@c.us"), Participant(id="6@lid"))
    await world.commit(
        fence,
        message(1, chat="5511888880000@c.us", chat_alt="5@lid"),
        GroupChanged(id="1203@g.us", participants=members),
    )
    place = fence.account_id
    facts = await world.db.outbox.legacy_facts(
        [place], lids=[(place, "5@lid"), (place, "7@lid")], groups=[(place, "1203@g.us"), (place, "9@g.us")]
    )
    assert facts.sessions == {place: account.session_id}
    assert facts.people == {(place, "5@lid"): "5511888880000@c.us"}
    assert facts.members == {(place, "1203@g.us"): ("5511888880000@c.us", "6@lid")}
