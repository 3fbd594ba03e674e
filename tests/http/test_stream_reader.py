"""One stream on a virtual clock: nothing lost, nothing doubled, whenever the client goes and comes back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any

import msgspec
import pytest
import trio
import trio.testing
from hypothesis import Phase, given, settings, strategies as st

from tests.eventlog import EPOCH, MemoryLog
from wasup.actors.event_hub import EventHub
from wasup.actors.followers import SUPERVISION, Interest
from wasup.actors.history import SupervisionHistory
from wasup.http.streaming.frames import Frame
from wasup.http.streaming.position import Position, read_position
from wasup.http.streaming.reader import EventReader, Pace
from wasup.ports.events import LoggedEvent
from wasup.supervisor import ChildStarted, EventStream

KINDS = frozenset({"message.received"})
WORKSPACES = {1: 1, 2: 1, 3: 2}


class Stage:
    """A hub over a log, a tree that tells what it is made to, and streams of both."""

    def __init__(self, **limits: int) -> None:
        self.hub = EventHub(**limits)
        self.log = MemoryLog(dict(WORKSPACES))
        self.tree = EventStream()
        self.history = SupervisionHistory(capacity=10)
        self.history.listen(self.tree)
        self.over: str | None = None
        self.full = False

    def open(self, interest: Interest, cursor: str | None = None) -> EventReader:
        """A stream."""

        @contextmanager
        def room() -> Any:
            yield not self.full

        async def why_over() -> str | None:
            return self.over

        return EventReader(
            self.hub,
            self.log,
            interest,
            position=None if cursor is None else read_position(cursor),
            kept_since=EPOCH - 1000,
            room=room,
            why_over=why_over,
            pace=Pace(),
        )

    def restart(self) -> None:
        """Another life of wasup on the same log."""
        self.hub = EventHub()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Stage"]:
        """The hub runs, and is awake."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.hub.run, self.log, self.history)
            await trio.testing.wait_all_tasks_blocked()
            await self.hub.wake()
            yield self
            nursery.cancel_scope.cancel()


async def read(
    reader: EventReader, until: Callable[[list[Frame]], bool], then: Callable[[], Awaitable[None]] | None = None
) -> list[Frame]:
    """Frames until there are enough; `then` happens when the stream is open."""
    frames: list[Frame] = []
    with trio.fail_after(100):
        async with aclosing(reader.frames()) as batches:
            async for batch in batches:
                if not frames and then is not None:
                    await then()
                frames += batch
                if until(frames):
                    return frames
    return frames


def numbers(frames: list[Frame]) -> list[int]:
    """Sequences of the events among the frames."""
    return [int(msgspec.json.decode(frame.data)["account_seq"]) for frame in frames if frame.event in KINDS]


def told(frames: list[Frame], event: str) -> list[dict[str, Any]]:
    """What frames of a kind say."""
    return [msgspec.json.decode(frame.data) for frame in frames if frame.event == event]


def of_account(account_id: int) -> Interest:
    """One account's messages."""
    return Interest(kinds=KINDS, accounts=frozenset({account_id}))


async def test_a_stream_without_news_shows_a_sign_of_life(autojump_clock: trio.testing.MockClock) -> None:
    """Every 15 seconds, with a cursor that moves along with what the stream was not told."""
    async with Stage().running() as stage:
        began = trio.current_time()

        async def others() -> None:
            stage.hub.publish(stage.log.commit(1, kind="chat.synced"))

        frames = await read(stage.open(of_account(1)), lambda frames: len(frames) == 3, others)
        assert [frame.event for frame in frames] == ["heartbeat"] * 3
        assert trio.current_time() - began == pytest.approx(30, abs=0.1)
        assert [read_position(frame.cursor).sequences for frame in frames] == [{1: 0}, {1: 1}, {1: 1}]


async def test_an_account_resumes_exactly_after_a_restart(autojump_clock: trio.testing.MockClock) -> None:
    """With what was committed while nobody ran a hub, and with what comes while it is being read."""
    stage = Stage()
    async with stage.running():

        async def commit() -> None:
            stage.hub.publish(stage.log.commit(1, 5))

        first = await read(stage.open(of_account(1)), lambda frames: len(numbers(frames)) == 5, commit)
        cursor = next(frame.cursor for frame in first if numbers([frame]) == [3])
    stage.log.commit(1, 700)
    stage.restart()
    async with stage.running():

        async def more() -> None:
            stage.hub.publish(stage.log.commit(1, 10))

        second = await read(stage.open(of_account(1), cursor), lambda frames: len(numbers(frames)) >= 712, more)
        assert numbers(second) == list(range(4, 716))
        assert not told(second, "gap")


async def test_what_cannot_be_told_any_more_is_a_gap(autojump_clock: trio.testing.MockClock) -> None:
    """Removed events, a log that is shorter than the cursor says, and a time from before the log begins."""
    stage = Stage()
    stage.log.commit(1, 10)
    async with stage.running():
        cursor = Position(boot=0, number=0, sequences={1: 2}).cursor()
        del stage.log.events[1][2:5], stage.log.events[1][5]
        frames = await read(stage.open(of_account(1), cursor), lambda frames: 10 in numbers(frames))
        assert numbers(frames) == [6, 7, 8, 10]
        gaps = told(frames, "gap")
        assert [gap["of"] for gap in gaps] == ["events", "events"]
        assert "Events 3 to 5 of account 1" in gaps[0]["reason"]

        stage.log.events[1].clear()
        frames = await read(stage.open(of_account(1), cursor), lambda frames: bool(told(frames, "gap")))
        assert "Events 3 to 10" in told(frames, "gap")[0]["reason"]
        assert read_position(frames[-1].cursor).sequences == {1: 10}

        cursor = Position(boot=0, number=0, sequences={1: 99}).cursor()
        frames = await read(stage.open(of_account(1), cursor), lambda frames: bool(told(frames, "gap")))
        assert read_position(told(frames, "gap")[0]["resume"]).sequences == {1: 10}

        cursor = Position(boot=0, number=0, settled=EPOCH - 2000).cursor()
        frames = await read(stage.open(Interest(kinds=KINDS), cursor), lambda frames: len(frames) == 2)
        assert told(frames, "gap")[0]["of"] == "events"


async def test_the_tree_resumes_from_memory_or_says_that_it_cannot(autojump_clock: trio.testing.MockClock) -> None:
    """Ten happenings are kept here; the numbers of another life of wasup mean nothing."""
    stage = Stage()
    interest = Interest(kinds=frozenset({SUPERVISION}))

    def happenings(frames: list[Frame]) -> list[int]:
        return [happening["number"] for happening in told(frames, SUPERVISION)]

    def happen(count: int) -> None:
        for _ in range(count):
            stage.tree.emit(ChildStarted, "root/sync", 1)

    async with stage.running():
        happen(5)
        await trio.testing.wait_all_tasks_blocked()
        here = stage.hub.boot
        cursor = Position(boot=here, number=2).cursor()

        async def more() -> None:
            happen(2)

        frames = await read(stage.open(interest, cursor), lambda frames: 7 in happenings(frames), more)
        assert happenings(frames) == [3, 4, 5, 6, 7]
        assert not told(frames, "gap")

        happen(20)
        await trio.testing.wait_all_tasks_blocked()
        frames = await read(stage.open(interest, cursor), lambda frames: 27 in happenings(frames))
        assert happenings(frames) == list(range(18, 28))
        assert [gap["of"] for gap in told(frames, "gap")] == [SUPERVISION]

        cursor = Position(boot=here ^ 1, number=26).cursor()
        frames = await read(stage.open(interest, cursor), lambda frames: 27 in happenings(frames))
        assert happenings(frames) == list(range(18, 28))
        assert "restarted" in told(frames, "gap")[0]["reason"]


@pytest.mark.parametrize("reason", ["revoked", "expired"])
async def test_a_key_that_is_good_no_more_ends_the_stream(autojump_clock: trio.testing.MockClock, reason: str) -> None:
    """Whether there is news or not."""
    async with Stage().running() as stage, trio.open_nursery() as nursery:

        async def chatter() -> None:
            while True:
                stage.hub.publish(stage.log.commit(1))
                await trio.sleep(0.5)

        nursery.start_soon(chatter)

        async def lose() -> None:
            stage.over = reason

        for account_id in (1, 2):
            stage.over, began = None, trio.current_time()
            frames = await read(stage.open(of_account(account_id)), lambda _: False, lose)
            assert frames[-1].event == "bye"
            assert told(frames, "bye")[0]["reason"] == reason
            assert trio.current_time() - began <= 2.1
            assert told(frames, "bye")[0]["resume"] == frames[-1].cursor
        nursery.cancel_scope.cancel()


async def test_a_slow_reader_is_told_so_and_resumes_where_it_was(autojump_clock: trio.testing.MockClock) -> None:
    """What it had taken is not told again, what it had not is."""
    async with Stage(most=10).running() as stage:

        async def flood() -> None:
            for _ in range(3):
                stage.hub.publish(stage.log.commit(1))

        seen: list[Frame] = []
        async with aclosing(stage.open(of_account(1)).frames()) as batches:
            seen += await anext(batches)
            await flood()
            seen += await anext(batches)
            for _ in range(20):
                await flood()
            async for batch in batches:
                seen += batch
        assert numbers(seen) == [1, 2, 3]
        farewell = told(seen, "bye")[0]
        assert farewell["reason"] == "slow_reader"
        again = await read(stage.open(of_account(1), farewell["resume"]), lambda frames: 63 in numbers(frames))
        assert numbers(again) == list(range(4, 64))


async def test_there_is_no_room_or_the_hub_is_closed(autojump_clock: trio.testing.MockClock) -> None:
    """A stream that opens at such a moment says goodbye at once, and can be resumed."""
    async with Stage().running() as stage:
        stage.full = True
        frames = await read(stage.open(of_account(1)), lambda _: False)
        assert [frame.event for frame in frames] == ["heartbeat", "bye"]
        assert told(frames, "bye")[0]["reason"] == "too_many"
        stage.full = False
        stage.hub.close("shutting_down")
        frames = await read(stage.open(of_account(1)), lambda _: False)
        assert told(frames, "bye")[0]["reason"] == "shutting_down"
        assert stage.hub.followers == 0


async def test_a_database_that_is_away_is_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    """While the client is shown that the stream lives."""
    async with Stage().running() as stage, trio.open_nursery() as nursery:
        stage.hub.publish(stage.log.commit(1, 3))
        stage.log.away = True

        async def come_back() -> None:
            await trio.sleep(5)
            stage.log.away = False

        nursery.start_soon(come_back)
        cursor = Position(boot=0, number=0, sequences={1: 0}).cursor()
        frames = await read(stage.open(of_account(1), cursor), lambda frames: 3 in numbers(frames))
        assert numbers(frames) == [1, 2, 3]
        assert len(frames) > 5


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(1, 2), st.integers(1, 3)),
        st.tuples(st.just("commit late"), st.integers(1, 3), st.integers(1, 4)),
        st.tuples(st.just("lose"), st.integers(1, 3), st.integers(1, 2)),
        st.tuples(st.just("tell"), st.just(0), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.just(0), st.integers(1, 2000)),
        st.tuples(st.just("leave"), st.just(0), st.integers(0, 300)),
    ),
    min_size=20,
    max_size=60,
)


@settings(max_examples=50, deadline=None, database=None, phases=(Phase.explicit, Phase.generate))
@given(steps=STEPS, named=st.booleans(), data=st.randoms(use_true_random=False))
def test_whatever_happens_each_account_is_told_in_order_and_whole(
    steps: list[tuple[str, int, int]], named: bool, data: Any
) -> None:
    """Commits that are told late, in another order or never, and a client that goes and comes back at any moment.

    A stream of named accounts tells each event once; one of a whole workspace may tell some again after it was
    resumed, but never skips one.
    """
    interest = Interest(kinds=KINDS, accounts=frozenset({1, 2})) if named else Interest(kinds=KINDS, workspace_id=1)
    trio.run(play, steps, interest, data, clock=trio.testing.MockClock(autojump_threshold=0))


async def play(steps: list[tuple[str, int, int]], interest: Interest, random: Any) -> None:
    """Play it, and compare what was told with the log."""
    seen: dict[int, list[int]] = {1: [], 2: []}
    place: list[str] = []
    here: list[trio.CancelScope] = []

    async with Stage().running() as stage, trio.open_nursery() as nursery:

        async def client() -> None:
            while True:
                with trio.CancelScope() as scope:
                    here[:] = [scope]
                    await follow()
                await trio.sleep(random.random() * 3)

        async def follow() -> None:
            reached = {account_id: seen[account_id][-1] if seen[account_id] else 0 for account_id in seen}
            async with aclosing(stage.open(interest, place[-1] if place else None).frames()) as batches:
                async for batch in batches:
                    if not place:  # until then it has nothing to come back with
                        place.append(batch[0].cursor)
                    await trio.sleep(random.choice([0, 0, 0.001, 0.1]))  # it takes its time, and may go meanwhile
                    for frame in batch:
                        place.append(frame.cursor)
                        if frame.event in KINDS:
                            note(msgspec.json.decode(frame.data), reached)

        def note(event: dict[str, int], reached: dict[int, int]) -> None:
            account_id, seq = event["account_id"], event["account_seq"]
            known = seen[account_id]
            if interest.accounts is None and seq <= reached[account_id]:
                return  # it was told before the client came back
            assert seq == (known[-1] if known else 0) + 1, (account_id, known, seq)
            known.append(seq)

        stage.log.delay = random.choice([0.001, 0.1, 0.5])  # so that much happens while it is being read
        waiting: list[LoggedEvent] = []
        nursery.start_soon(client)
        await trio.testing.wait_all_tasks_blocked()
        for step, account_id, number in [*steps, ("wait", 0, 20_000)]:
            match step:
                case "commit":
                    stage.hub.publish(stage.log.commit(account_id, number))
                case "commit late":
                    waiting += stage.log.commit(account_id, number)
                case "lose":
                    stage.log.commit(account_id, number)
                case "tell":
                    random.shuffle(waiting)
                    stage.hub.publish(waiting[number:])
                    del waiting[number:]
                case "leave":
                    here[0].cancel()
                    await trio.sleep(number / 1000)
                case _:
                    await trio.sleep(number / 1000)
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    assert seen == {account_id: list(range(1, stage.log.last[account_id] + 1)) for account_id in seen}
