"""Events, history, snapshots and names."""

import traceback
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.supervisor.helpers import Ask, Crew, Nap, Note, Parrot, Raise, Recorder, tree
from wasup.supervisor import (
    ActorEnded,
    Backoff,
    BackoffStarted,
    ChildEnded,
    ChildRestarted,
    ChildStarted,
    DeadLetter,
    Event,
    EventStream,
    ExitKind,
    ExitReason,
    GaveUp,
    MailboxFullEvent,
    MailboxSpec,
    NameTaken,
    NameUnknown,
    Overflow,
    Restart,
    Shutdown,
    Strategy,
    SupervisorSpec,
    actor_child,
    supervisor_child,
)


async def test_events_tell_what_happened_in_order(autojump_clock: MockClock) -> None:
    """Path, incarnation, number, both clocks."""
    crew, recorder = Crew(), Recorder()
    spec = crew.spec("a", backoff=Backoff(initial=2, jitter=0))
    async with tree(spec, recorder=recorder):
        await trio.sleep(3)
        crew.end("a", ValueError("x"))
        await trio.sleep(3)
    assert recorder.names("root/a") == [
        "ChildStarted",
        "ChildEnded",
        "BackoffStarted",
        "ChildStarted",
        "ChildRestarted",
        "ChildEnded",
    ]
    assert recorder.names("root") == ["ChildStarted", "ChildEnded"]
    assert [event.number for event in recorder.events] == list(range(1, 9))
    assert [event.incarnation for event in recorder.of(ChildStarted)] == [1, 1, 2]
    ended, *_ = recorder.of(ChildEnded)
    assert (ended.uptime, ended.monotonic, ended.reason.kind) == (3, 3, ExitKind.CRASH)
    assert ended.wall > 1.7e9
    (backoff,) = recorder.of(BackoffStarted)
    assert (backoff.delay, backoff.until, backoff.attempt) == (2, 5, 1)
    assert [event.restarts for event in recorder.of(ChildRestarted)] == [1]
    assert recorder.stream.counters["ChildStarted"] == 3


async def test_a_failing_subscriber_harms_nobody(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; others are still told; a subscription can be ended."""
    crew = Crew()
    seen: list[Event] = []
    recorder = Recorder()

    def bad(event: Event) -> None:
        raise RuntimeError("listener")

    end_bad = recorder.stream.subscribe(bad)
    recorder.stream.subscribe(seen.append)
    async with tree(crew.spec("a"), recorder=recorder):
        assert len(seen) == 2
        end_bad()
        caplog.clear()
    assert caplog.records == []
    assert len(seen) == 4


async def test_a_channel_subscription_is_bounded(autojump_clock: MockClock) -> None:
    """What does not fit is dropped and counted; the tree never waits for a listener."""
    crew, stream = Crew(), EventStream()
    recorder = Recorder()
    recorder.stream = stream
    with stream.channel(3) as channel:
        async with tree(*(crew.spec(name) for name in "abcde"), recorder=recorder):
            pass
        received = [await channel.receive() for _ in range(3)]
        assert [event.path for event in received] == ["root/a", "root/b", "root/c"]
        assert channel.dropped == 9
    with stream.channel(10) as channel:
        async with tree(crew.spec("a"), recorder=recorder):
            async for event in channel:
                assert event.path == "root/a"
                break


async def test_the_history_is_bounded(autojump_clock: MockClock) -> None:
    """The last 20 exits, oldest first."""
    crew = Crew()
    async with tree(crew.spec("a")) as root:
        for number in range(25):
            crew.end("a", ValueError(number))
            await wait_all_tasks_blocked()
        (node,) = root.snapshot().children
        assert [record.incarnation for record in node.last_exits] == list(range(6, 26))
        assert (node.restarts, node.incarnation) == (25, 26)


async def test_a_snapshot_shows_every_state(autojump_clock: MockClock) -> None:
    """Running, backoff, down, stopping, starting; mailbox figures of actors."""
    crew = Crew()

    async def never(context: object) -> None:
        await trio.sleep_forever()

    slow = crew.spec("slow")
    inner = SupervisorSpec(children=(actor_child("actor", Parrot), crew.spec("w", backoff=Backoff())))
    async with tree(supervisor_child("s", inner), slow) as root, trio.open_nursery() as nursery:
        crew.end("w", ValueError())
        ref = root.child("s").child("actor")
        await ref.ask(Ask(), timeout=1)
        ref.tell_nowait(Nap(seconds=2))
        await trio.sleep(0.5)
        ref.tell_nowait(Note(text="1"))
        ref.tell_nowait(Note(text="2"))
        await root.terminate_child("slow")
        nursery.start_soon(root.start_child, crew.spec("late").__class__(id="late", start=never))
        await wait_all_tasks_blocked()
        node = root.snapshot()
        assert node == await root.snapshot_in_slices(slice_size=1)
        inner_node, slow_node, late_node = node.children
        assert (node.state, slow_node.state, late_node.state) == ("running", "down", "starting")
        actor_node, worker_node = inner_node.children
        assert worker_node.state == "backoff"
        assert actor_node.mailbox is not None
        assert actor_node.mailbox[:5] == (2, 2, 1000, 0, 2)
        await trio.sleep(2)
        (actor_node, _) = root.snapshot().children[0].children
        assert actor_node.mailbox is not None
        assert actor_node.mailbox.handler_seconds == pytest.approx(2)
        assert actor_node.up_since == 0
        nursery.cancel_scope.cancel()
        root._core.request_stop(now=True)


async def test_names_go_with_their_refs(autojump_clock: MockClock) -> None:
    """Registered in on_start, gone before the supervisor acts, registered again by the next incarnation."""

    class Named(Parrot):
        async def on_start(self) -> None:
            self.registry.register("it", self.ref)
            self.registry.register("it", self.ref)
            self.registry.register("alias", self.ref)

    async with tree(actor_child("a", Named, backoff=Backoff(initial=5, jitter=0))) as root:
        registry = root.registry
        first = registry.lookup("it")
        assert set(registry) == {"it", "alias"}
        first.tell_nowait(Raise())
        await first.wait_ended()
        assert registry.whereis("it") is None
        with pytest.raises(NameUnknown):
            registry.lookup("it")
        with pytest.raises(ActorEnded):
            registry.register("it", first)
        await trio.sleep(6)
        assert registry.whereis("it") is root.child("a")
        other = await root.start_child(actor_child("b", Parrot))
        with pytest.raises(NameTaken):
            registry.register("it", other)
        registry.unregister("it", other)
        assert registry.whereis("it") is not None
        registry.unregister("it", root.child("a"))
        registry.register("it", other)
    assert len(registry) == 0


async def test_children_find_their_registry_and_events(autojump_clock: MockClock) -> None:
    """One of each in a tree."""
    crew, recorder = Crew(), Recorder()
    async with tree(crew.spec("a"), recorder=recorder) as root:
        context = crew.contexts["a"]
        assert context.events is root.events is recorder.stream
        assert context.registry is root.registry
        assert context.ref is root.child("a")
        assert repr(context.ref) == "<ChildRef root/a #1 alive>"


async def test_a_snapshot_of_a_template_supervisor_lists_instances(autojump_clock: MockClock) -> None:
    """In start order."""
    spec: dict[str, Any] = {"strategy": Strategy.SIMPLE_ONE_FOR_ONE, "template": actor_child("t", lambda _n: Parrot())}
    async with tree(**spec, instance_id=str) as root:
        for number in range(3):
            await root.start_child(number)
        assert [node.id for node in root.snapshot().children] == ["0", "1", "2"]


async def test_every_event_names_the_life_it_is_about(autojump_clock: MockClock) -> None:
    """Also those of mailboxes and of supervisors that give up."""
    recorder = Recorder()
    child = actor_child("a", Parrot, mailbox=MailboxSpec(capacity=1, overflow=Overflow.DROP_OLDEST))
    inner = SupervisorSpec(children=(child,), intensity=1, period=1)
    async with tree(supervisor_child("s", inner), recorder=recorder) as root:
        for _ in range(3):
            ref = root.child("s").child("a")
            ref.tell_nowait(Note(text="lost"))
            ref.tell_nowait(Raise())
            await wait_all_tasks_blocked()
            ref.tell_nowait(Note(text="late"))
    lives = [(event.path, event.incarnation) for event in recorder.of(GaveUp)]
    assert lives == [("root/s", 1)]
    assert [event.incarnation for event in recorder.of(MailboxFullEvent)] == [1, 2, 1]
    assert [event.incarnation for event in recorder.of(DeadLetter)] == [1, 2, 1]


async def test_a_failing_clean_up_does_not_hide_the_crash(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged; of an orderly end it is the reason."""

    class Untidy(Parrot):
        async def on_stop(self, reason: ExitReason) -> None:
            raise KeyError("untidy")

    recorder = Recorder()
    async with tree(actor_child("a", Untidy), recorder=recorder) as root:
        root.child("a").tell_nowait(Raise(error=ValueError("first")))
        await wait_all_tasks_blocked()
        assert "root/a: on_stop failed after crash: ValueError('first')" in caplog.text
        root.child("a").tell_nowait(Raise(error=Shutdown()))
        await wait_all_tasks_blocked()
        crash, untidy = recorder.of(ChildEnded)
        assert str(crash.reason) == "crash: ValueError('first')"
        assert str(untidy.reason) == "crash: KeyError('untidy')"


async def test_a_crash_beside_that_of_a_background_task(autojump_clock: MockClock) -> None:
    """Both are kept: the background task fails while it is cancelled because of the first."""

    class Double(Parrot):
        async def on_start(self) -> None:
            self.nursery.start_soon(self.fail)

        async def fail(self) -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("second")

    recorder = Recorder()
    async with tree(actor_child("a", Double), recorder=recorder) as root:
        root.child("a").tell_nowait(Raise(error=ValueError("first")))
        await wait_all_tasks_blocked()
        (ended,) = recorder.of(ChildEnded)
        assert ended.reason.kind is ExitKind.CRASH
        text = "".join(traceback.format_exception(ended.reason.exception))
        assert "ValueError: first" in text
        assert "KeyError: 'second'" in text


async def test_crashes_together_have_their_own_tracebacks(autojump_clock: MockClock) -> None:
    """Not only that of the nursery which collected them."""

    class Busy(Parrot):
        async def on_start(self) -> None:
            self.nursery.start_soon(self.work, "one")
            self.nursery.start_soon(self.work, "two")

        async def work(self, name: str) -> None:
            try:
                await trio.sleep(1)
            finally:
                raise ValueError(name)

    async with tree(actor_child("a", Busy, restart=Restart.TRANSIENT, backoff=Backoff(initial=10))) as root:
        await trio.sleep(2)
        (record,) = root.snapshot().children[0].last_exits
        assert sorted(line for line, _ in record.crashes) == ["ValueError('one')", "ValueError('two')"]
        assert record.traceback.count(", in work") == 2


def test_a_callback_subscribed_twice_is_called_until_both_have_ended() -> None:
    """Ending one subscription, even twice, leaves the other."""
    stream, seen = EventStream(), list[Event]()
    callback = seen.append
    first, second = (stream.subscribe(callback) for _ in range(2))
    for unsubscribe, expected in ((first, 1), (first, 1), (second, 0)):
        unsubscribe()
        seen.clear()
        trio.run(emit, stream)
        assert len(seen) == expected


async def emit(stream: EventStream) -> None:
    """Publish an event."""
    stream.emit(ChildStarted, "a", 1)


async def test_subscribers_have_events_in_order_also_those_they_cause(autojump_clock: MockClock) -> None:
    """What one of them causes comes after what all have."""
    recorder = Recorder()
    numbers: list[int] = []
    async with tree(actor_child("a", Parrot), recorder=recorder) as root:
        ref = root.child("a")

        def tell_again(event: Event) -> None:
            if isinstance(event, DeadLetter) and len(recorder.of(DeadLetter)) < 4:
                ref.tell_nowait(Note(text="again"))

        root.events.subscribe(tell_again)
        root.events.subscribe(lambda event: numbers.append(event.number))
        ref.tell_nowait(Raise())
        await trio.sleep(1)
        ref.tell_nowait(Note(text="first"))
    assert len(recorder.of(DeadLetter)) == 4
    assert numbers == sorted(numbers)


async def test_a_name_is_gone_when_the_first_hears_of_the_end(autojump_clock: MockClock) -> None:
    """Also before its turn to be released has come; another may take it at once."""
    seen: list[object] = []
    async with tree(actor_child("a", Parrot), actor_child("b", Parrot)) as root:
        ref, other = root.child("a"), root.child("b")
        root.registry.register("name", ref)

        def look(_reason: ExitReason) -> None:
            seen.append(root.registry.whereis("name"))
            root.registry.register("name", other)

        ref.on_end(look)
        ref.tell_nowait(Raise())
        await trio.sleep(1)
        assert seen == [None]
        assert root.registry.lookup("name") is other
