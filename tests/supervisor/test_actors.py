"""Actors: messages, replies, life and death."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.supervisor.helpers import Ask, AskLater, AskNap, Message, Nap, Note, Parrot, Raise, Recorder, tree
from wasup.supervisor import (
    BRUTAL_KILL,
    Actor,
    ActorEnded,
    AlreadyReplied,
    AskTimeout,
    Backoff,
    ChildRef,
    DeadLetter,
    ExitKind,
    ExitReason,
    InBackoff,
    LinkedActorEnded,
    MailboxSpec,
    NeverRestart,
    Reply,
    Restart,
    Shutdown,
    StartFailed,
    StopRequested,
    actor_child,
)


async def test_ask_returns_what_the_handler_returned(autojump_clock: MockClock) -> None:
    """The plain case."""
    async with tree(actor_child("a", Parrot)) as root:
        assert await root.child("a").ask(Ask(text="hello"), timeout=1) == "hello"


async def test_messages_of_one_sender_are_handled_in_order(autojump_clock: MockClock) -> None:
    """Mail is a queue."""
    log: list[Any] = []
    async with tree(actor_child("a", lambda: Parrot(log))) as root:
        ref = root.child("a")
        for number in range(200):
            await ref.tell(Note(text=str(number)))
        await ref.ask(Ask(), timeout=1)
    assert log[:-1] == [str(number) for number in range(200)]


async def test_ask_times_out_and_the_late_answer_goes_nowhere(autojump_clock: MockClock) -> None:
    """A slow actor does not hold its caller, nor does its answer harm it."""
    async with tree(actor_child("a", Parrot)) as root:
        ref = root.child("a")
        began = trio.current_time()
        with pytest.raises(AskTimeout):
            await ref.ask(AskNap(seconds=10), timeout=2)
        assert trio.current_time() - began == pytest.approx(2)
        await trio.sleep(20)
        assert await ref.ask(Ask(text="well"), timeout=1) == "well"
        assert ref.incarnation == 1


async def test_ask_fails_at_once_when_the_actor_dies_of_it(autojump_clock: MockClock) -> None:
    """Callers in hand, in the queue and deferred learn the reason, without waiting for their deadlines."""
    failures: list[ExitReason] = []

    async def ask(ref: Any, message: Any) -> None:
        with pytest.raises(ActorEnded) as info:
            await ref.ask(message, timeout=1000)
        failures.append(info.value.reason)

    async with tree(actor_child("a", Parrot)) as root:
        ref = root.child("a")
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, ref, AskLater())
            await wait_all_tasks_blocked()
            ref.tell_nowait(Nap(seconds=1))
            ref.tell_nowait(Raise())
            nursery.start_soon(ask, ref, Ask())
        assert trio.current_time() - began == pytest.approx(1)
    assert [str(reason) for reason in failures] == ["crash: ValueError('asked to')"] * 2


async def test_caller_of_a_crashing_handler_gets_its_reason(autojump_clock: MockClock) -> None:
    """The message in hand is lost and its caller is told."""

    class Bad(Actor[Ask]):
        async def handle(self, message: Ask) -> object:
            raise KeyError(message.text)

    async with tree(actor_child("a", Bad)) as root:
        with pytest.raises(ActorEnded) as info:
            await root.child("a").ask(Ask(text="x"), timeout=5)
        assert isinstance(info.value.reason.exception, KeyError)


async def test_a_deferred_reply_answers_later_and_once(autojump_clock: MockClock) -> None:
    """`defer_reply` frees the actor for other messages."""
    actors: list[Parrot] = []

    def make() -> Parrot:
        actors.append(Parrot())
        return actors[-1]

    answers: list[str] = []
    async with tree(actor_child("a", make)) as root:
        ref = root.child("a")

        async def ask() -> None:
            answers.append(await ref.ask(AskLater(), timeout=10))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            assert await ref.ask(Ask(text="meanwhile"), timeout=1) == "meanwhile"
            (reply,) = actors[0].deferred
            reply.send("later")
            with pytest.raises(AlreadyReplied):
                reply.fail(ValueError())
    assert answers == ["later"]


async def test_a_failed_reply_raises_at_the_caller_and_not_in_the_actor(autojump_clock: MockClock) -> None:
    """`Reply.fail` is how an actor refuses without dying."""

    class Refuser(Actor[Ask]):
        async def handle(self, message: Ask) -> object:
            self.defer_reply().fail(LookupError("no"))
            return None

    async with tree(actor_child("a", Refuser)) as root:
        ref = root.child("a")
        with pytest.raises(LookupError, match="no"):
            await ref.ask(Ask(), timeout=1)
        assert ref.alive


async def test_a_stale_ref_reaches_nobody(autojump_clock: MockClock) -> None:
    """After a restart the old ref is ended, and what it is sent is a dead letter."""
    recorder = Recorder()
    async with tree(actor_child("a", Parrot), recorder=recorder) as root:
        old = root.child("a")
        old.tell_nowait(Raise())
        await old.wait_ended()
        await wait_all_tasks_blocked()
        new = root.child("a")
        assert (old.alive, new.alive, new.incarnation) == (False, True, 2)
        await old.tell(Note(text="lost"))
        old.tell_nowait(Note(text="lost too"))
        with pytest.raises(ActorEnded):
            await old.ask(Ask(), timeout=1)
        letters = recorder.of(DeadLetter)
        assert [letter.message.text for letter in letters] == ["lost", "lost too"]
        assert recorder.stream.counters["DeadLetter"] == 2


async def test_asking_in_backoff_tells_what_it_waits_for(autojump_clock: MockClock) -> None:
    """`InBackoff` carries the time and the reason."""
    spec = actor_child("a", Parrot, backoff=Backoff(initial=10, jitter=0))
    async with tree(spec) as root:
        ref = root.child("a")
        ref.tell_nowait(Raise())
        await ref.wait_ended()
        await wait_all_tasks_blocked()
        with pytest.raises(InBackoff) as info:
            await ref.ask(Ask(), timeout=1)
        assert info.value.until == pytest.approx(trio.current_time() + 10)
        assert isinstance(info.value.reason.exception, ValueError)


async def test_stop_outranks_mail_and_runs_on_stop(autojump_clock: MockClock) -> None:
    """An actor that is asked to stop finishes the message in hand, not the queue."""
    log: list[Any] = []
    recorder = Recorder()
    async with tree(actor_child("a", lambda: Parrot(log)), recorder=recorder) as root:
        ref = root.child("a")
        ref.tell_nowait(Nap(seconds=1))
        await wait_all_tasks_blocked()
        ref.tell_nowait(Note(text="queued"))
        await root.terminate_child("a")
        assert log == [("stop", ExitKind.SHUTDOWN)]
        assert ref.reason is not None
        assert ref.reason.kind is ExitKind.SHUTDOWN
        assert len(recorder.of(DeadLetter)) == 1


async def test_a_handler_that_overruns_the_deadline_is_killed_without_on_stop(autojump_clock: MockClock) -> None:
    """Kill is cancel."""
    log: list[Any] = []
    async with tree(actor_child("a", lambda: Parrot(log), shutdown=2)) as root:
        ref = root.child("a")
        ref.tell_nowait(Nap(seconds=100))
        await wait_all_tasks_blocked()
        began = trio.current_time()
        await root.terminate_child("a")
        assert trio.current_time() - began == pytest.approx(2)
        assert ref.reason is not None
        assert ref.reason.kind is ExitKind.KILLED
    assert log == []


async def test_on_stop_has_the_rest_of_the_deadline_and_is_then_killed(autojump_clock: MockClock) -> None:
    """Cleaning up is shielded, but not for ever."""
    log: list[str] = []

    class Slow(Actor[Message]):
        async def on_stop(self, reason: ExitReason) -> None:
            log.append("begun")
            await trio.sleep(100)
            log.append("never")

    async with tree(actor_child("a", Slow, shutdown=3)) as root:
        ref: ChildRef = root.child("a")
        began = trio.current_time()
        await root.terminate_child("a")
        assert trio.current_time() - began == pytest.approx(3)
        assert ref.reason is not None
        assert ref.reason.kind is ExitKind.KILLED
    assert log == ["begun"]


async def test_on_stop_runs_after_a_crash_with_its_reason_and_not_after_a_kill(autojump_clock: MockClock) -> None:
    """A crash cleans up; a kill does not."""
    log: list[Any] = []
    spec = actor_child("a", lambda: Parrot(log), restart=Restart.TEMPORARY)
    async with tree(spec) as root:
        root.child("a").tell_nowait(Raise())
        await wait_all_tasks_blocked()
        assert log == [("stop", ExitKind.CRASH)]
        await root.start_child(spec)
        root.child("a").kill()
        await wait_all_tasks_blocked()
        killed = actor_child("b", lambda: Parrot(log), shutdown=BRUTAL_KILL)
        await root.start_child(killed)
        await root.terminate_child("b")
    assert log == [("stop", ExitKind.CRASH)]


async def test_an_end_of_its_own_keeps_its_reason_when_on_stop_overruns(autojump_clock: MockClock) -> None:
    """A session that is logged out is not restarted because its cleanup hangs."""

    class Hanging(Parrot):
        async def on_stop(self, reason: ExitReason) -> None:
            await trio.sleep_forever()

    async with tree(actor_child("a", Hanging, shutdown=3)) as root:
        ref = root.child("a")
        ref.tell_nowait(Raise(error=NeverRestart("logged out")))
        reason = await ref.wait_ended()
        assert (reason.info, trio.current_time()) == ("logged out", 3)
        await wait_all_tasks_blocked()
        assert root.child("a") is None


async def test_a_killed_actor_that_raises_on_its_way_out_does_not_clean_up(autojump_clock: MockClock) -> None:
    """After a kill there is no `on_stop`."""
    log: list[Any] = []

    class Raising(Parrot):
        async def handle(self, message: Message) -> object:
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("on the way out")

    async with tree(actor_child("a", lambda: Raising(log), restart=Restart.TEMPORARY)) as root:
        ref = root.child("a")
        ref.tell_nowait(Note(text=""))
        await wait_all_tasks_blocked()
        ref.kill()
        assert (await ref.wait_ended()).kind is ExitKind.CRASH
    assert log == []


async def test_a_crash_in_a_background_task_crashes_the_actor_with_that_exception(
    autojump_clock: MockClock,
) -> None:
    """No ExceptionGroup is left around it."""
    log: list[Any] = []

    class Worker(Parrot):
        async def on_start(self) -> None:
            self.nursery.start_soon(self.background)

        async def background(self) -> None:
            await trio.sleep(1)
            raise OSError("line dropped")

    async with tree(actor_child("a", lambda: Worker(log), restart=Restart.TEMPORARY)) as root:
        ref = root.child("a")
        reason = await ref.wait_ended()
        assert isinstance(reason.exception, OSError)
        assert reason.exception.__traceback__ is not None
    assert log == [("stop", ExitKind.CRASH)]


async def test_a_background_task_may_end_the_actor_with_a_typed_exit(autojump_clock: MockClock) -> None:
    """A session's reader says "logged out"."""

    class Session(Parrot):
        async def on_start(self) -> None:
            self.nursery.start_soon(self.reader)

        async def reader(self) -> None:
            await trio.sleep(1)
            raise NeverRestart("logged out")

    async with tree(actor_child("a", Session)) as root:
        reason = await root.child("a").wait_ended()
        assert (reason.kind, reason.info) == (ExitKind.SHUTDOWN, "logged out")
        await wait_all_tasks_blocked()
        (child,) = await root.which_children()
        assert child.state == "down"


async def test_background_tasks_end_with_the_actor(autojump_clock: MockClock) -> None:
    """They are cancelled in every kind of end, and still run while `on_stop` does in an orderly one."""
    log: list[str] = []

    class Busy(Actor[Message]):
        async def on_start(self) -> None:
            self.nursery.start_soon(self.background)

        async def background(self) -> None:
            try:
                await trio.sleep_forever()
            finally:
                log.append("background ended")

        async def on_stop(self, reason: ExitReason) -> None:
            await trio.sleep(0.1)
            log.append("stopped")

    async with tree(actor_child("a", Busy)):
        pass
    assert log == ["stopped", "background ended"]


async def test_failed_on_start_is_a_failed_start(autojump_clock: MockClock) -> None:
    """The actor was never up, so `on_stop` is not called."""
    log: list[Any] = []

    class Stillborn(Parrot):
        async def on_start(self) -> None:
            raise ConnectionError("refused")

    with pytest.raises(StartFailed) as info:
        async with tree(actor_child("a", lambda: Stillborn(log))):
            raise AssertionError("not reached")
    assert isinstance(info.value.reason.exception, ConnectionError)
    assert log == []


async def test_receive_many_lingers_for_a_fuller_batch(autojump_clock: MockClock) -> None:
    """A batch is given out when it is full or when the time is over, and replies come with it."""
    batches: list[list[object]] = []

    class Writer(Actor[Note | Ask]):
        async def run(self) -> None:
            while True:
                batch = await self.receive_many(3, linger=1.0)
                batches.append([envelope.message for envelope in batch])
                for envelope in batch:
                    if envelope.reply is not None:
                        envelope.reply.send("written")

    async with tree(actor_child("a", Writer)) as root:
        ref = root.child("a")
        began = trio.current_time()
        assert await ref.ask(Ask(), timeout=5) == "written"
        assert trio.current_time() - began == pytest.approx(1)
        for number in range(7):
            ref.tell_nowait(Note(text=str(number)))
        await trio.sleep(0.5)
        assert [len(batch) for batch in batches] == [1, 3, 3]
        await trio.sleep(1)
        assert [len(batch) for batch in batches] == [1, 3, 3, 1]


async def test_a_batch_actor_can_finish_its_queue_on_stop(autojump_clock: MockClock) -> None:
    """`receive_many` raises StopRequested; `drain` gives what is left."""
    written: list[str] = []

    class Writer(Actor[Note]):
        async def run(self) -> None:
            while True:
                await self.write([envelope.message for envelope in await self.receive_many(2)])

        async def write(self, notes: list[Note]) -> None:
            await trio.sleep(1)
            written.extend(note.text for note in notes)

        async def on_stop(self, reason: ExitReason) -> None:
            await self.write([envelope.message for envelope in self.drain()])

    async with tree(actor_child("a", Writer)) as root:
        for number in range(6):
            root.child("a").tell_nowait(Note(text=str(number)))
        await trio.sleep(0.5)
    assert written == list("012345")


async def test_unanswered_replies_of_a_batch_fail_with_the_actor(autojump_clock: MockClock) -> None:
    """A reply given out by `receive_many` is owed until it is used."""

    class Taker(Actor[Ask]):
        async def run(self) -> None:
            await self.receive_many(10)
            raise RuntimeError("lost the batch")

    async with tree(actor_child("a", Taker, restart=Restart.TEMPORARY)) as root:
        with pytest.raises(ActorEnded):
            await root.child("a").ask(Ask(), timeout=1000)


async def test_mail_survives_a_restart_if_declared(autojump_clock: MockClock) -> None:
    """Queued mail and queued asks are handled by the next incarnation; the message in hand is lost."""
    log: list[Any] = []
    spec = actor_child("a", lambda: Parrot(log), mailbox=MailboxSpec(survives_restart=True))
    answers: list[str] = []
    async with tree(spec) as root:
        ref = root.child("a")

        async def ask() -> None:
            answers.append(await ref.ask(Ask(text="still here"), timeout=10))

        ref.tell_nowait(Nap(seconds=1))
        ref.tell_nowait(Raise())
        ref.tell_nowait(Note(text="kept"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
        assert root.child("a").incarnation == 2
    assert answers == ["still here"]
    assert [entry for entry in log if isinstance(entry, str)] == ["kept"]


async def test_surviving_mail_is_given_up_when_the_actor_stays_down(autojump_clock: MockClock) -> None:
    """Then it is lost as any other mail."""
    recorder = Recorder()
    spec = actor_child("a", Parrot, restart=Restart.TRANSIENT, mailbox=MailboxSpec(survives_restart=True))
    async with tree(spec, recorder=recorder) as root:
        ref = root.child("a")
        ref.tell_nowait(Raise(error=Shutdown("enough")))
        ref.tell_nowait(Note(text="lost"))
        with pytest.raises(ActorEnded) as info:
            await ref.ask(Ask(), timeout=1000)
        assert info.value.reason.info == "enough"
    assert len(recorder.of(DeadLetter)) == 2


@pytest.mark.parametrize("ended_before", [False, True])
async def test_a_monitor_is_told_once(autojump_clock: MockClock, ended_before: bool) -> None:
    """Also when the ref had ended before; and not after it was taken back."""
    log: list[Any] = []

    class Watcher(Parrot):
        watch: Callable[[], None]

        async def handle(self, message: Message) -> object:
            if isinstance(message, Note):
                self.watch = self.monitor(watched)
            elif isinstance(message, Nap):
                self.watch()
            return None

    async with tree(
        actor_child("a", Parrot, restart=Restart.TEMPORARY), actor_child("w", lambda: Watcher(log))
    ) as root:
        watched: ChildRef = root.child("a")
        watcher = root.child("w")
        if ended_before:
            watched.kill()
            await watched.wait_ended()
        watcher.tell_nowait(Note(text="watch"))
        await wait_all_tasks_blocked()
        watched.kill()
        await wait_all_tasks_blocked()
        assert log == [("down", "root/a", ExitKind.KILLED)]
        watcher.tell_nowait(Nap(seconds=0))
        await wait_all_tasks_blocked()
        assert log == [("down", "root/a", ExitKind.KILLED)]


async def test_monitors_leave_nothing_behind(autojump_clock: MockClock) -> None:
    """When the watcher ends, the watched one forgets it."""

    class Watcher(Parrot):
        async def on_start(self) -> None:
            self.monitor(watched)

    async with tree(actor_child("a", Parrot)) as root:
        watched: ChildRef = root.child("a")
        watched.on_end(lambda _reason: None)
        at_end = watched._context._at_end
        assert at_end is not None
        before = len(at_end)
        await root.start_child(actor_child("w", Watcher))
        assert len(at_end) == before + 1
        await root.terminate_child("w")
        assert len(at_end) == before


@pytest.mark.parametrize(
    ("how", "other_ends"),
    [
        ("crash", ExitKind.CRASH),
        ("kill", ExitKind.CRASH),
        ("shutdown", ExitKind.SHUTDOWN),
        ("return", None),
    ],
)
async def test_linked_actors_end_together(autojump_clock: MockClock, how: str, other_ends: ExitKind | None) -> None:
    """Both ways; a normal end means nothing to the other."""

    class Returning(Parrot):
        async def run(self) -> None:
            await self.receive()

    class Linker(Parrot):
        async def on_start(self) -> None:
            self.link(first)

    for victim in ("a", "b"):
        make = Returning if how == "return" else Parrot
        linker = type("L", (Linker, make), {})
        async with tree(actor_child("a", make, restart=Restart.TEMPORARY)) as root:
            first: ChildRef = root.child("a")
            await root.start_child(actor_child("b", linker, restart=Restart.TEMPORARY))
            refs = {"a": first, "b": root.child("b")}
            dying = refs.pop(victim)
            (other,) = refs.values()
            match how:
                case "kill":
                    dying.kill()
                case "return":
                    dying.tell_nowait(Note(text=""))
                case _:
                    dying.tell_nowait(Raise(error=Shutdown() if how == "shutdown" else ValueError()))
            await dying.wait_ended()
            await wait_all_tasks_blocked()
            if other_ends is None:
                assert other.alive
            else:
                assert other.reason is not None
                assert other.reason.kind is other_ends
                assert isinstance(other.reason.exception, LinkedActorEnded) is (other_ends is ExitKind.CRASH)


async def test_an_actor_may_stop_itself_by_ref(autojump_clock: MockClock) -> None:
    """`ref.stop()` is an exit with shutdown: a permanent actor comes back, a transient does not."""
    async with tree(actor_child("p", Parrot), actor_child("t", Parrot, restart=Restart.TRANSIENT)) as root:
        root.child("p").stop()
        root.child("t").stop()
        await trio.sleep(1)
        assert root.child("p").incarnation == 2
        assert root.child("t") is None


async def test_a_busy_actor_lets_others_run(autojump_clock: MockClock) -> None:
    """A full queue and handlers that never wait do not hold the program, and a kill gets through."""

    class Endless(Actor[Note]):
        async def handle(self, message: Note) -> object:
            self.ref.tell_nowait(message)
            return None

    async with tree(actor_child("a", Endless)) as root:
        ref = root.child("a")
        ref.tell_nowait(Note(text="round and round"))
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        await root.terminate_child("a")
        assert not ref.alive


async def test_stop_requested_passes_through_run_to_on_stop(autojump_clock: MockClock) -> None:
    """An overridden `run` may see the request, and must let it pass."""
    log: list[object] = []

    class Seeing(Parrot):
        async def run(self) -> None:
            try:
                await self.receive()
            except StopRequested:
                self.log.append("seen")
                raise

    async with tree(actor_child("a", lambda: Seeing(log))):
        pass
    assert log == ["seen", ("stop", ExitKind.SHUTDOWN)]


async def test_a_reply_to_a_told_message_goes_nowhere(autojump_clock: MockClock) -> None:
    """Handlers need not care whether they were asked or told."""
    replies: list[Reply[Any]] = []

    class Deferring(Actor[Ask]):
        async def handle(self, message: Ask) -> object:
            replies.append(self.defer_reply())
            replies[-1].send("nobody listens")
            return None

    async with tree(actor_child("a", Deferring)) as root:
        await root.child("a").tell(Ask())
        await wait_all_tasks_blocked()
    assert replies[0].answered
