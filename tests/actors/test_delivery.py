"""Webhook delivery: at least once, in order within a lane, retried, and never one endpoint at another's cost."""

import itertools

import pytest
import trio
from trio.testing import MockClock

from tests.actors.memory import Lane
from tests.actors.world import World, until
from wasup.actors.delivery import SCHEDULE, retry_delay
from wasup.actors.names import delivery_name
from wasup.ports.store import PendingEvent
from wasup.ports.webhooks import Answer, Outcome

FAILED = Answer(outcome=Outcome.FAILED, detail="500")
FINE = Answer(outcome=Outcome.DELIVERED, detail="200")


def lane(world: World, account: int, endpoint: int = 1) -> Lane:
    """One lane."""
    return world.memory.lanes[endpoint, account]


async def with_events(world: World, *counts: int, endpoint: int = 1) -> None:
    """An endpoint with this many events of accounts 1, 2, … waiting."""
    await world.memory.outbox.save_endpoint(endpoint, url="https://hooks.example")
    for account, count in enumerate(counts, 1):
        world.memory.outbox.add(endpoint, account, count)


# ---- the schedule ----------------------------------------------------------------------------


@pytest.mark.parametrize("failures", range(1, 10))
def test_the_schedule_is_followed_with_jitter(failures: int) -> None:
    """Each wait is 10 to 20 % longer than planned, and not always the same."""
    waits = [retry_delay(failures, None) for _ in range(50)]
    for wait in waits:
        assert wait is not None
        assert SCHEDULE[failures - 1] * 1.1 <= wait <= SCHEDULE[failures - 1] * 1.2
    assert len(set(waits)) > 40


def test_the_schedule_is_that_of_the_specification() -> None:
    """0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: ten tries, then no more."""
    hours = [seconds / 3600 for seconds in SCHEDULE[3:]]
    assert [*SCHEDULE[:3], *hours] == [5, 300, 1800, 2, 5, 10, 14, 20, 24]
    assert retry_delay(9, None) is not None
    assert retry_delay(10, None) is None
    assert retry_delay(10, 60.0) is None


def test_a_retry_after_lengthens_a_wait_and_never_shortens_it() -> None:
    """The receiver asks for more time, or for less than planned."""
    assert retry_delay(1, 3600.0) == 3600.0
    wait = retry_delay(3, 1.0)
    assert wait is not None
    assert wait >= 1800


# ---- lanes -----------------------------------------------------------------------------------


async def test_events_are_delivered_in_order_per_account(autojump_clock: MockClock) -> None:
    """Three accounts' lanes side by side, each in its own order, also when it is longer than one claim."""
    world = World()
    async with world.running():
        await with_events(world, 50, 7, 21)
        await until(lambda: len(world.poster.delivered) == 78)
        for account, count in ((1, 50), (2, 7), (3, 21)):
            mine = [id_ for id_ in world.poster.delivered if id_.startswith(f"evt_{account}_")]
            assert mine == [f"evt_{account}_{seq}" for seq in range(1, count + 1)]
        assert all(not lane.events for lane in world.memory.lanes.values())
        assert world.runtime.pulse.delivered == 78


async def test_lanes_do_not_wait_for_each_other(autojump_clock: MockClock) -> None:
    """Eight lanes of slow events take as long as one."""
    world = World(webhooks={"connections": 8})
    world.poster.seconds = 1.0
    async with world.running():
        await with_events(world, *[5] * 8)
        begun = None
        await until(lambda: world.poster.posted)
        begun = world.poster.posted[0][0]
        await until(lambda: len(world.poster.delivered) == 40, within=20)
        assert trio.current_time() - begun < 5.5


async def test_no_more_connections_than_allowed(autojump_clock: MockClock) -> None:
    """Many lanes, two connections."""
    world = World(webhooks={"connections": 2})
    world.poster.seconds = 1.0
    async with world.running():
        await with_events(world, *[1] * 10)
        await until(lambda: len(world.poster.delivered) == 10, within=30)
        times = sorted(time for time, _, _ in world.poster.posted)
        assert all(later - earlier >= 0.99 for earlier, later in zip(times, times[2:], strict=False))


async def test_a_lane_stops_at_its_first_failure_and_others_go_on(autojump_clock: MockClock) -> None:
    """Nothing overtakes within a lane; what was accepted before the failure is not sent again."""
    world = World()
    broken = True

    def answer(_endpoint: int, event: PendingEvent) -> Answer:
        return FAILED if broken and event.id == "evt_1_3" else FINE

    world.poster.answer = answer
    async with world.running():
        await with_events(world, 5, 5)
        await until(lambda: len(world.poster.delivered) == 7)
        await trio.sleep(4)
        assert "evt_1_4" not in [id_ for _, _, id_ in world.poster.posted]
        broken = False
        await until(lambda: len(world.poster.delivered) == 10)
        mine = [id_ for id_ in world.poster.delivered if id_.startswith("evt_1_")]
        assert mine == [f"evt_1_{seq}" for seq in range(1, 6)]
        first, second = (time for time, _, id_ in world.poster.posted if id_ == "evt_1_3")
        assert 5.5 <= second - first <= 7.1
        assert world.runtime.pulse.failed_deliveries == 1


async def test_an_event_that_is_never_accepted_becomes_a_dead_letter_and_the_lane_goes_on(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten tries at the planned times, here of a schedule in seconds; then the next event has its turn."""
    schedule = tuple(float(seconds) for seconds in range(5, 14))
    monkeypatch.setattr("wasup.actors.delivery.SCHEDULE", schedule)
    world = World()
    world.poster.answer = lambda _endpoint, event: FAILED if event.account_seq == 1 else FINE
    async with world.running():
        await with_events(world, 2)
        await until(lambda: world.poster.delivered == ["evt_1_2"], within=120)
        tries = [time for time, _, id_ in world.poster.posted if id_ == "evt_1_1"]
        assert len(tries) == 10
        for planned, (earlier, later) in zip(schedule, itertools.pairwise(tries), strict=True):
            assert planned * 1.1 <= later - earlier <= planned * 1.2 + 1
        assert [event.id for event in lane(world, 1).dead] == ["evt_1_1"]


async def test_a_success_starts_the_schedule_anew(autojump_clock: MockClock) -> None:
    """The next event's first failure waits five seconds, however often the one before it had failed."""
    world = World()
    failures = {"evt_1_1": 2, "evt_1_2": 1}

    def answer(_endpoint: int, event: PendingEvent) -> Answer:
        failures[event.id] -= 1
        return FAILED if failures[event.id] >= 0 else FINE

    world.poster.answer = answer
    async with world.running():
        await with_events(world, 2)
        await until(lambda: len(world.poster.delivered) == 2, within=400)
        waits = [outcome.retry_in for _, outcome in world.memory.settled if outcome.failed]
        assert waits[0] < 7
        assert 300 < waits[1] < 361
        assert waits[2] < 7


async def test_retry_after_is_honoured(autojump_clock: MockClock) -> None:
    """429 with two minutes: nothing is sent before."""
    world = World()
    world.poster.answer = lambda _endpoint, _event: Answer(outcome=Outcome.FAILED, detail="429", retry_after=120.0)
    async with world.running():
        await with_events(world, 1)
        await until(lambda: len(world.poster.posted) == 2, within=200)
        (first, _, _), (second, _, _) = world.poster.posted
        assert 120 <= second - first <= 122


async def test_a_refused_address_is_tried_again_like_a_failure(autojump_clock: MockClock) -> None:
    """The operator may allow it later; until then nothing is lost."""
    world = World()
    world.poster.answer = lambda _endpoint, _event: Answer(outcome=Outcome.REFUSED, detail="private")
    async with world.running():
        await with_events(world, 1)
        await until(lambda: len(world.poster.posted) == 2, within=20)
        assert lane(world, 1).events


# ---- endpoints -------------------------------------------------------------------------------


async def test_gone_disables_the_endpoint(autojump_clock: MockClock) -> None:
    """410: the row says why, nothing more is sent, and enabling it again resumes where it stopped."""
    world = World(reconcile_interval=60.0)
    world.poster.answer = lambda _endpoint, _event: Answer(outcome=Outcome.GONE, detail="410")
    async with world.running():
        await with_events(world, 1)
        await until(lambda: not world.memory.hooks[1].enabled, within=65)
        assert "410" in (world.memory.hooks[1].disabled_reason or "")
        await trio.sleep(30)
        assert len(world.poster.posted) == 1, "at once, not only when the reconciler notices"
        await trio.sleep(600)
        assert len(world.poster.posted) == 1
        world.poster.answer = lambda _endpoint, _event: FINE
        await world.memory.outbox.save_endpoint(1, url="https://hooks.example")
        await until(lambda: world.poster.delivered == ["evt_1_1"], within=65)


async def test_an_endpoint_that_is_enabled_before_anybody_noticed_it_was_gone_is_served(
    autojump_clock: MockClock,
) -> None:
    """Disabled and enabled between two sweeps: it looks unchanged, but its actor had ended."""
    world = World(reconcile_interval=60.0)
    world.poster.answer = lambda _endpoint, _event: Answer(outcome=Outcome.GONE, detail="410")
    async with world.running():
        await trio.sleep(30)
        await with_events(world, 1)
        await until(lambda: not world.memory.hooks[1].enabled, within=61)
        world.poster.answer = lambda _endpoint, _event: FINE
        await world.memory.outbox.save_endpoint(1, url="https://hooks.example")
        await until(lambda: world.poster.delivered == ["evt_1_1"], within=70)


async def test_a_hanging_endpoint_does_not_delay_another(autojump_clock: MockClock) -> None:
    """One never answers; the other gets everything at once."""
    world = World()
    world.poster.hang.add(1)
    async with world.running():
        await with_events(world, 3, endpoint=1)
        await with_events(world, 3, endpoint=2)
        await until(lambda: len(world.poster.delivered) == 3)
        begun = min(time for time, endpoint, _ in world.poster.posted if endpoint == 2)
        assert trio.current_time() - begun < 0.5


async def test_the_bell_wakes_a_delivery_at_once(autojump_clock: MockClock) -> None:
    """A commit rings, and the event leaves without waiting for the next look."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        await with_events(world)
        await until(lambda: world.registry.whereis(delivery_name(1)))
        await trio.sleep(0.3)
        world.memory.outbox.add(1, account, 1)
        before = trio.current_time()
        world.provider.deliver(account, "m1")
        await until(lambda: world.poster.delivered)
        assert trio.current_time() - before < 0.1


async def test_a_graceful_stop_settles_what_was_delivered(autojump_clock: MockClock) -> None:
    """The exchange in hand is finished and recorded; what was not begun waits for the next boot."""
    world = World()
    world.poster.seconds = 2.0
    async with world.running():
        await with_events(world, 5)
        await until(lambda: world.poster.posted)
    assert world.poster.delivered == ["evt_1_1"]
    assert [event.id for event in lane(world, 1).events] == [f"evt_1_{seq}" for seq in range(2, 6)]
    assert not lane(world, 1).claimed
    async with world.running():
        await until(lambda: len(world.poster.delivered) == 5, within=30)
    assert world.poster.delivered == [f"evt_1_{seq}" for seq in range(1, 6)]


async def test_a_stop_has_a_deadline_whatever_the_endpoint_does(autojump_clock: MockClock) -> None:
    """A receiver that never answers cannot keep wasup from ending."""
    world = World()
    world.poster.hang.add(1)
    async with world.running():
        await with_events(world, 1)
        await until(lambda: world.poster.posted)
        before = trio.current_time()
    assert trio.current_time() - before < 10


async def test_a_killed_delivery_lets_go_of_its_claims(autojump_clock: MockClock) -> None:
    """Its next life claims the same lanes, and delivers them: at least once, with the same ids."""
    world = World()
    world.poster.seconds = 1.0
    async with world.running():
        await with_events(world, 3)
        await until(lambda: len(world.poster.delivered) == 1)
        world.actor(delivery_name(1)).kill()
        await until(lambda: not lane(world, 1).events, within=30)
        assert set(world.poster.delivered) == {"evt_1_1", "evt_1_2", "evt_1_3"}


async def test_a_database_that_is_away_costs_a_delivery_nothing(autojump_clock: MockClock) -> None:
    """What was accepted is not sent again merely because it could not be recorded at once."""
    world = World()
    world.poster.seconds = 1.0
    async with world.running():
        await with_events(world, 2)
        await until(lambda: world.poster.posted)
        actor = world.actor(delivery_name(1))
        world.memory.away = True
        await trio.sleep(600)
        world.memory.away = False
        await until(lambda: not lane(world, 1).events)
        await trio.sleep(10)
        assert world.poster.delivered == ["evt_1_1", "evt_1_2"]
        assert actor.alive
