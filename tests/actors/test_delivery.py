"""Webhook delivery: at least once, in order within a lane, retried, and never one endpoint at another's cost."""

import itertools

import msgspec
import pytest
import trio
from trio.testing import MockClock

import wasup.actors.delivery.actor as actor_module
from tests.actors.memory import Lane
from tests.actors.world import World, until
from wasup.actors.delivery import Circuit, retry_delay
from wasup.actors.names import delivery_name
from wasup.ports.outbox import PendingEvent
from wasup.ports.webhooks import Answer, Outcome
from wasup.settings import WebhookSection

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


SCHEDULE = WebhookSection().schedule


# ---- the schedule ----------------------------------------------------------------------------


@pytest.mark.parametrize("failures", range(1, 10))
def test_the_schedule_is_followed_with_jitter(failures: int) -> None:
    """Each wait is 10 to 20 % longer than planned, and not always the same."""
    waits = [retry_delay(SCHEDULE, failures, None) for _ in range(50)]
    for wait in waits:
        assert wait is not None
        assert SCHEDULE[failures - 1] * 1.1 <= wait <= SCHEDULE[failures - 1] * 1.2
    assert len(set(waits)) > 40


def test_the_schedule_is_that_of_the_specification() -> None:
    """0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: ten tries, then no more."""
    hours = [seconds / 3600 for seconds in SCHEDULE[3:]]
    assert [*SCHEDULE[:3], *hours] == [5, 300, 1800, 2, 5, 10, 14, 20, 24]
    assert retry_delay(SCHEDULE, 9, None) is not None
    assert retry_delay(SCHEDULE, 10, None) is None
    assert retry_delay(SCHEDULE, 10, 60.0) is None


def test_a_retry_after_lengthens_a_wait_and_never_shortens_it() -> None:
    """The receiver asks for more time, or for less than planned."""
    assert retry_delay(SCHEDULE, 1, 3600.0) == 3600.0
    wait = retry_delay(SCHEDULE, 3, 1.0)
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
        await until(lambda: not any(lane.events for lane in world.memory.lanes.values()), within=0.5)
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
    autojump_clock: MockClock,
) -> None:
    """Ten tries at the planned times, here of a schedule in seconds; then the next event has its turn."""
    schedule = tuple(float(seconds) for seconds in range(5, 14))
    world = World(webhooks={"schedule": schedule})
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


# ---- batches ---------------------------------------------------------------------------------


async def with_batches(world: World, *counts: int, events: int = 10, wait: float = 0.5) -> None:
    """An endpoint that takes batches, with this many events of accounts 1, 2, … waiting."""
    await with_events(world)
    world.memory.hooks[1] = msgspec.structs.replace(world.memory.hooks[1], batch_events=events, batch_wait=wait)
    for account, count in enumerate(counts, 1):
        world.memory.outbox.add(1, account, count)


async def test_a_batch_holds_many_lanes_and_each_lane_stays_in_order(autojump_clock: MockClock) -> None:
    """Up to so many events in one POST, and no more."""
    world = World()
    async with world.running():
        await with_batches(world, 4, 4, 25)
        await until(lambda: len(world.poster.delivered) == 33)
        assert max(len(batch) for batch in world.poster.batches) == 10
        assert len(world.poster.batches) <= 5
        for account, count in ((1, 4), (2, 4), (3, 25)):
            mine = [id_ for id_ in world.poster.delivered if id_.startswith(f"evt_{account}_")]
            assert mine == [f"evt_{account}_{seq}" for seq in range(1, count + 1)]


async def test_a_batch_waits_for_more_and_not_for_ever(autojump_clock: MockClock) -> None:
    """What comes within the wait is in the same POST; what comes after it is in the next."""
    world = World()
    async with world.running():
        await with_batches(world, 1, wait=1.0)
        await until(lambda: lane(world, 1).claimed)
        begun = trio.current_time()
        await trio.sleep(0.3)
        world.memory.outbox.add(1, 2, 1)
        world.runtime.doorbell(1).ring()
        await until(lambda: world.poster.batches)
        assert world.poster.batches == [["evt_1_1", "evt_2_1"]]
        assert 0.8 < trio.current_time() - begun < 1.3


async def test_a_lane_that_has_failed_goes_alone(autojump_clock: MockClock) -> None:
    """One bad event costs its neighbours one round; after that it fails by itself, however much goes beside it."""
    world = World()
    world.poster.answer = lambda _endpoint, event: FAILED if event.id == "evt_2_1" else FINE
    async with world.running():
        await with_batches(world, 1, 2, 1, events=1000, wait=1.0)
        await until(lambda: lane(world, 2).attempt == 1)
        for number in itertools.count(3):
            if lane(world, 2).attempt == 2:
                break
            world.memory.outbox.add(1, number, 1)
            world.runtime.doorbell(1).ring()
            await trio.sleep(0.1)
        assert world.poster.batches[0] == ["evt_1_1", "evt_2_1", "evt_2_2", "evt_3_1"]
        assert [batch for batch in world.poster.batches[1:] if "evt_2_1" in batch] == [["evt_2_1", "evt_2_2"]]


async def test_a_batch_stays_below_a_megabyte(autojump_clock: MockClock) -> None:
    """Counted with what surrounds each event; what is over 256 kB is cut, and counts as so much."""
    world = World()
    async with world.running():
        await with_batches(world, 12, events=100)
        sizes = [200_000] * 10 + [5_000_000, 10]
        events = zip(lane(world, 1).events, sizes, strict=True)
        lane(world, 1).events = [msgspec.structs.replace(event, body=b"x" * size) for event, size in events]
        await until(lambda: len(world.poster.delivered) == 12)
        assert [len(batch) for batch in world.poster.batches] == [4, 4, 4]


# ---- the circuit -----------------------------------------------------------------------------


async def test_an_endpoint_that_is_down_gets_one_probe_at_a_time(autojump_clock: MockClock) -> None:
    """Five lanes that fail open the circuit: a hundred lanes cost a few probes, and go out when it is back."""
    world = World(webhooks={"connections": 4})
    world.poster.answer = lambda _endpoint, _event: FAILED
    async with world.running():
        await with_events(world, *[1] * 100)
        await trio.sleep(60)
        assert 5 <= len(world.poster.posted) < 20
        assert 1 in world.runtime.pulse.failing_endpoints
        world.poster.answer = lambda _endpoint, _event: FINE
        await until(lambda: len(world.poster.delivered) >= 90, within=90)
        assert not world.runtime.pulse.failing_endpoints


async def test_the_circuits_cooldown_doubles_and_ends_with_a_success(autojump_clock: MockClock) -> None:
    """5, 10, 20 … 300 seconds."""
    circuit = Circuit(8)
    for account_id in range(4):
        circuit.failed(account_id, retry_after=None)
    assert (circuit.is_open, circuit.wait()) == (False, 0)
    circuit.failed(4, retry_after=None)
    waits = []
    for _ in range(8):
        assert (circuit.is_open, circuit.width) == (True, 1)
        waits.append(circuit.wait())
        await trio.sleep(circuit.wait())
        circuit.failed(1, retry_after=None)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]
    circuit.succeeded()
    assert (circuit.is_open, circuit.width, circuit.wait()) == (False, 8, 0)


async def test_one_lane_alone_never_opens_the_circuit(autojump_clock: MockClock) -> None:
    """Its own schedule is slower than any cooldown."""
    circuit = Circuit(8)
    for _ in range(20):
        circuit.failed(1, retry_after=None)
    assert not circuit.is_open


async def test_an_overloaded_endpoint_is_slowed_down_and_recovers(autojump_clock: MockClock) -> None:
    """Each 429, 502 or 504 halves the POSTs at once; successes bring them back."""
    circuit = Circuit(16)
    widths = []
    for _ in range(5):
        circuit.slow_down()
        widths.append(circuit.width)
    assert widths == [8, 4, 2, 1, 1]
    for _ in range(20):
        circuit.succeeded()
    assert circuit.width == 16


async def test_retry_after_holds_back_all_lanes(autojump_clock: MockClock) -> None:
    """The receiver asked to be left alone, not one account."""
    world = World(webhooks={"connections": 1})
    busy = Answer(outcome=Outcome.FAILED, detail="429", retry_after=30.0, slow_down=True)
    world.poster.answer = lambda _endpoint, _event: busy if len(world.poster.posted) == 1 else FINE
    async with world.running():
        await with_events(world, 1, 1, 1)
        await until(lambda: len(world.poster.delivered) == 3, within=60)
        times = [time for time, _, _ in world.poster.posted]
        assert times[1] - times[0] >= 30


# ---- what else may become of a delivery --------------------------------------------------------


async def test_what_the_format_cannot_say_is_skipped_and_counted(autojump_clock: MockClock) -> None:
    """It holds up nothing, is no dead letter and no delivery, and the endpoint is not to blame."""
    world = World()
    skipped = Answer(outcome=Outcome.SKIPPED, detail="no phone number")
    world.poster.answer = lambda _endpoint, event: skipped if event.account_seq == 2 else FINE
    async with world.running():
        await with_events(world, 3)
        await until(lambda: world.poster.delivered == ["evt_1_1", "evt_1_3"])
        await until(lambda: not lane(world, 1).events)
        assert lane(world, 1).dead == []
        pulse = world.runtime.pulse
        assert (pulse.delivered, pulse.skipped_deliveries, pulse.failed_deliveries) == (2, 1, 0)
        assert not pulse.failing_endpoints
        assert ("skipped", "no phone number") in {(row.outcome, row.detail) for row in world.memory.attempts}


async def test_what_is_too_early_is_put_off_without_a_failure(autojump_clock: MockClock) -> None:
    """It goes out in its time, in order."""
    world = World()
    begun = trio.current_time()

    def answer(_endpoint: int, event: PendingEvent) -> Answer:
        early = event.account_seq == 2 and trio.current_time() < begun + 3
        return Answer(outcome=Outcome.LATER, detail="early", retry_after=2.0) if early else FINE

    world.poster.answer = answer
    async with world.running():
        await with_events(world, 3)
        await until(lambda: len(world.poster.delivered) == 3)
        assert world.poster.delivered == ["evt_1_1", "evt_1_2", "evt_1_3"]
        assert world.runtime.pulse.failed_deliveries == 0


async def test_days_of_nothing_but_failures_disable_an_endpoint(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five, here of a minute each: its row says since when, and a restart does not forget it."""
    assert actor_module._DEAD_AFTER == 5 * 24 * 3600
    monkeypatch.setattr(actor_module, "_DEAD_AFTER", 300)
    world = World()
    world.poster.answer = lambda _endpoint, _event: FAILED
    async with world.running():
        await with_events(world, *[1] * 40)
        await until(lambda: world.memory.hooks[1].failing_since, within=60)
        await trio.sleep(120)
        before = world.memory.hooks[1]
    async with world.running():
        await trio.sleep(250)
        after = world.memory.hooks[1]
    assert (before.enabled, after.enabled) == (True, False)
    assert "5 days" in (after.disabled_reason or "")


async def test_a_success_forgets_that_an_endpoint_was_failing(autojump_clock: MockClock) -> None:
    """In its row too."""
    world = World()
    world.poster.answer = lambda _endpoint, _event: FAILED
    async with world.running():
        await with_events(world, 1)
        await until(lambda: world.memory.hooks[1].failing_since, within=60)
        world.poster.answer = lambda _endpoint, _event: FINE
        await until(lambda: world.poster.delivered, within=400)
        await until(lambda: world.memory.hooks[1].failing_since is None, within=60)


async def test_attempts_are_logged_all_failures_and_a_sample_of_the_rest(autojump_clock: MockClock) -> None:
    """Five successes a second are enough for people to look at."""
    world = World()
    world.poster.answer = lambda _endpoint, event: FAILED if event.account_seq == 1 else FINE
    async with world.running():
        await with_events(world, 1)
        world.memory.outbox.add(1, 2, 1)
        lane(world, 2).events = [msgspec.structs.replace(lane(world, 2).events[0], account_seq=n) for n in range(2, 60)]
        await until(lambda: not lane(world, 2).events)
        rows = world.memory.attempts
        assert [(row.outcome, row.attempt) for row in rows if row.account_id == 1] == [("failed", 1)]
        assert 1 <= sum(row.outcome == "delivered" for row in rows) <= 10


async def test_a_paused_endpoint_has_no_actor(autojump_clock: MockClock) -> None:
    """Until it is resumed; that it has been failing is no change."""
    world = World()
    async with world.running():
        await with_events(world)
        await until(lambda: world.registry.whereis(delivery_name(1)))
        actor = world.actor(delivery_name(1))
        world.memory.hooks[1] = msgspec.structs.replace(world.memory.hooks[1], failing_since=5)
        await trio.sleep(20)
        assert world.actor(delivery_name(1)) is actor
        world.memory.hooks[1] = msgspec.structs.replace(world.memory.hooks[1], paused=True)
        await until(lambda: world.registry.whereis(delivery_name(1)) is None)


async def test_what_is_too_old_is_pruned_chunk_by_chunk(autojump_clock: MockClock) -> None:
    """As many days back as the settings say; while a chunk is full, another follows."""
    world = World(webhooks={"event_days": 2, "attempt_days": 1, "prune_interval": 60.0})
    async with world.running():
        world.memory.away = True
        await trio.sleep(70)
        assert world.memory.pruned == []
        world.memory.away = False
        await until(lambda: world.memory.pruned, within=70)
        await trio.sleep(1)
        now, day = world.clock.now_ms(), 24 * 3600 * 1000
        days = [(name, round((now - before) / day)) for name, before in world.memory.pruned if before]
        assert days == [("attempts", 1), ("dead_letters", 30), ("events", 2), ("events", 2)]


async def test_media_that_are_too_old_are_pruned_once_an_hour(autojump_clock: MockClock) -> None:
    """Their files, and what says that they are kept; the next time an hour later."""

    class Files:
        def __init__(self) -> None:
            self.left = [(1, "a"), (2, "b"), (1, "c")]
            self.asked: list[float] = []

        async def prune(self, before: int, *, limit: int) -> list[tuple[int, str]]:
            self.asked.append(round((world.clock.now_ms() - before) / (24 * 3600 * 1000)))
            gone, self.left = self.left[:limit], self.left[limit:]
            return gone

    world = World(media={"days": 7}, webhooks={"prune_interval": 60.0})
    store = Files()
    world.runtime.media = store  # type: ignore[assignment]  # all that is asked of it here
    async with world.running():
        await until(lambda: not store.left, within=70)
        await trio.sleep(1800)
        assert store.asked == [7]
        assert sorted(world.memory.media_gone) == [(1, "a"), (1, "c"), (2, "b")]
        await trio.sleep(3600)
        assert store.asked == [7, 7]
