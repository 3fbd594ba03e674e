"""Who waits for an actor hears of its end, whatever becomes of it."""

from dataclasses import dataclass
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.supervisor.helpers import Ask, AskLater, Note, Parrot, Raise, Recorder, tree
from wasup.supervisor import (
    INFINITY,
    Actor,
    ActorEnded,
    ActorRef,
    ChildRef,
    ChildStopTimedOut,
    DeadLetter,
    EndTree,
    Escalated,
    ExitKind,
    ExitReason,
    MailboxSpec,
    NeverRestart,
    Restart,
    StartFailed,
    Supervisor,
    SupervisorSpec,
    actor_child,
    supervisor_child,
)

SURVIVING = MailboxSpec(capacity=1, survives_restart=True)


class Slow(Parrot):
    """Takes long to fail its start from its second life on, and tells its ref before."""

    refs: list[ActorRef[Any]]

    async def on_start(self) -> None:
        """Fail."""
        self.refs.append(self.ref)
        await trio.sleep(5)
        raise ValueError("no")


@pytest.mark.parametrize("how", ["start_child", "restart_child"])
async def test_mail_of_a_failed_start_is_given_up(autojump_clock: MockClock, how: str) -> None:
    """There is no next incarnation for it to wait for: senders go on, callers are told."""
    refs: list[ActorRef[Any]] = []

    class Late(Slow):
        async def on_start(self) -> None:
            if how == "start_child" or self.incarnation > 1:
                self.refs = refs
                await super().on_start()

    async with tree() as root:
        if how == "restart_child":
            await root.start_child(actor_child("a", Late, mailbox=SURVIVING))
            await root.terminate_child("a")

        async def request() -> None:
            spec = actor_child("a", Late, mailbox=SURVIVING)
            with pytest.raises(StartFailed):
                await (root.start_child(spec) if how == "start_child" else root.restart_child("a"))

        with trio.fail_after(6):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(request)
                await trio.sleep(1)
                await refs[0].tell(Note(text="waits for the start"))
                nursery.start_soon(refs[0].tell, Note(text="waits for room"))
                await trio.sleep(1)
                with pytest.raises(ActorEnded):
                    await refs[0].ask(Ask(), timeout=50)


async def test_mail_of_a_child_that_resists_is_given_up_when_it_ends(autojump_clock: MockClock) -> None:
    """It was stopped for good."""

    class Resisting(Parrot):
        async def handle(self, message: Any) -> object:
            with trio.CancelScope(shield=True):
                await trio.sleep(20)
            return None

    async with tree(actor_child("a", Resisting, shutdown=1, mailbox=SURVIVING)) as root:
        ref = root.child("a")
        with trio.fail_after(21):
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(ref.tell, Note(text="x"))
                    await trio.sleep(0.1)
                with pytest.raises(ChildStopTimedOut):
                    await root.terminate_child("a")


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseLater:
    """Crashes the actor after half a second."""


class Cleaner(Parrot):
    """Takes four seconds to clean up, and finishes its queue."""

    async def handle(self, message: Any) -> object:
        """Obey."""
        if isinstance(message, RaiseLater):
            await trio.sleep(0.5)
            raise ValueError("asked to")  # noqa: TRY004  not a mistake
        return await super().handle(message)

    async def on_stop(self, reason: ExitReason) -> None:
        """Do so."""
        await trio.sleep(4)
        self.log.extend(envelope.message for envelope in self.drain())


async def test_callers_of_a_crashed_actor_do_not_wait_for_its_cleaning_up(autojump_clock: MockClock) -> None:
    """The one in hand, a deferred one, those in the queue, and those who come later."""
    log: list[Any] = []
    failed: list[float] = []
    recorder = Recorder()
    async with tree(actor_child("a", lambda: Cleaner(log)), recorder=recorder) as root:
        ref = root.child("a")
        crashed_at = trio.current_time() + 1

        async def ask(after: float, message: Any) -> None:
            await trio.sleep(after)
            with pytest.raises(ActorEnded, match="asked to"):
                await ref.ask(message, timeout=20)
            failed.append(trio.current_time() - crashed_at)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, 0, AskLater())
            await trio.sleep(0.5)
            ref.tell_nowait(RaiseLater())
            for after in (0.1, 2):
                nursery.start_soon(ask, after, Ask())
            await trio.sleep(0.2)
            ref.tell_nowait(Note(text="told before"))
            await trio.sleep(1)
            ref.tell_nowait(Note(text="told after"))
        assert failed == pytest.approx([0, 0, 1.5])
        await trio.sleep(5)
    assert Note(text="told before") in log
    assert [event.message for event in recorder.of(DeadLetter)] == [Ask(), Note(text="told after")]


async def test_mail_that_survives_is_taken_while_a_crashed_actor_cleans_up(autojump_clock: MockClock) -> None:
    """The next incarnation has it."""

    class Keeper(Parrot):
        async def on_stop(self, reason: ExitReason) -> None:
            await trio.sleep(4)

    async with tree(actor_child("a", Keeper, mailbox=MailboxSpec(survives_restart=True))) as root:
        ref = root.child("a")
        ref.tell_nowait(Raise())
        await trio.sleep(1)
        assert await ref.ask(Ask(text="of the next"), timeout=10) == "of the next"
    assert ref.reason is not None
    assert ref.reason.kind is ExitKind.CRASH


async def test_a_reply_is_taken_once(autojump_clock: MockClock) -> None:
    """Taking it again, or when there is no message in hand, is an error that says so."""
    found: list[str] = []

    class Taker(Actor[Any]):
        async def on_start(self) -> None:
            self.take()

        async def handle(self, message: Any) -> None:
            reply = self.defer_reply()
            self.take()
            reply.send("first")
            self.take()

        def take(self) -> None:
            with pytest.raises(RuntimeError, match="no message in hand") as info:
                self.defer_reply()
            found.append(str(info.value))

    async with tree(actor_child("a", Taker)) as root:
        assert await root.child("a").ask(Ask(), timeout=1) == "first"
        root.child("a").tell_nowait(Note(text="told"))
        await trio.sleep(1)
        assert root.child("a").incarnation == 1
    assert len(found) == 5


# ---- receivers -------------------------------------------------------------------------------


async def test_an_actor_that_receives_without_end_lets_others_run(autojump_clock: MockClock) -> None:
    """With `receive`, with `receive_many`, and with `on_down` that monitors again."""

    class Busy(Actor[int]):
        turns = 0

        async def run(self) -> None:
            while True:
                await self.next()
                self.turns += 1
                self.ref.tell_nowait(1)

        async def next(self) -> object:
            return await self.receive()

    class Batches(Busy):
        async def next(self) -> object:
            return await self.receive_many(10)

    class Watcher(Parrot):
        turns = 0

        async def on_down(self, ref: ChildRef, reason: ExitReason) -> None:
            self.turns += 1
            self.monitor(ref)

    async with tree(actor_child("dead", Parrot, restart=Restart.TEMPORARY)) as root:
        dead = root.child("dead")
        await root.terminate_child("dead")
        for kind in (Busy, Batches, Watcher):
            made: list[Any] = []

            def make(kind: Any = kind, made: list[Any] = made) -> Any:
                made.append(kind())
                return made[0]

            ref = await root.start_child(actor_child("a", make, restart=Restart.TEMPORARY))
            if kind is Watcher:
                made[0].monitor(dead)
            else:
                ref.tell_nowait(1)
            for _ in range(5):
                await trio.lowlevel.checkpoint()
            assert 0 < made[0].turns < 1000
            await root.terminate_child("a")


async def test_two_tasks_do_not_receive_from_one_mailbox(autojump_clock: MockClock) -> None:
    """The second is refused, instead of taking the first one's wake-up."""
    refused: list[trio.BusyResourceError] = []

    class Two(Actor[int]):
        async def run(self) -> None:
            self.nursery.start_soon(self.receive)
            await trio.sleep(1)
            for receive in (self.receive(), self.receive_many(1)):
                try:
                    await receive
                except trio.BusyResourceError as error:
                    refused.append(error)
            await trio.sleep_forever()

    async with tree(actor_child("a", Two)):
        await trio.sleep(2)
    assert len(refused) == 2


async def test_receive_many_takes_at_least_one(autojump_clock: MockClock) -> None:
    """To ask for none would return at once, for ever."""
    errors: list[str] = []

    class Hasty(Actor[int]):
        async def run(self) -> None:
            for wrong in (0, -3):
                with pytest.raises(ValueError, match="at least 1") as info:
                    await self.receive_many(wrong)
                errors.append(str(info.value))
            await trio.sleep_forever()

    async with tree(actor_child("a", Hasty)):
        await trio.sleep(1)
    assert errors == [f"root/a: receive_many takes at least 1 message, not {wrong}" for wrong in (0, -3)]


async def test_time_in_the_handler_of_who_receives_itself(autojump_clock: MockClock) -> None:
    """From what was received to the next time it receives."""

    class Worker(Actor[int]):
        async def run(self) -> None:
            await self.receive()
            await trio.sleep(2)
            await self.receive_many(10)
            await trio.sleep(3)
            await self.receive()

    async with tree(actor_child("a", Worker)) as root:
        await trio.sleep(7)
        for _ in range(2):
            root.child("a").tell_nowait(1)
            await trio.sleep(4)
        mailbox = root.snapshot().children[0].mailbox
        assert mailbox is not None
        assert mailbox.handler_seconds == 5


# ---- links -----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [EndTree("x"), NeverRestart("y")])
async def test_what_a_typed_exit_asks_for_stops_at_its_own_supervisor(
    autojump_clock: MockClock, error: Exception
) -> None:
    """A linked actor elsewhere ends with shutdown, and is restarted by its own restart type."""

    def pool(name: str) -> Any:
        spec = SupervisorSpec(children=(actor_child(name, Parrot), actor_child("other", Parrot)), intensity=3)
        return supervisor_child(f"s-{name}", spec, restart=Restart.TRANSIENT)

    async with tree(pool("a"), pool("b")) as root:
        first, second = root.child("s-a").child("a"), root.child("s-b").child("b")
        second._context.actor.link(first)
        first.tell_nowait(Raise(error=error))
        reason = await second.wait_ended()
        await trio.sleep(1)
        assert (reason.kind, reason.info) == (ExitKind.SHUTDOWN, error.args[0])
        supervisor: Supervisor = root.child("s-b")
        assert supervisor.child("b").incarnation == 2
        assert supervisor.child("other").incarnation == 1


async def test_a_link_to_a_supervisor_that_gives_up_is_no_escalation(autojump_clock: MockClock) -> None:
    """Only the supervisor itself escalates."""
    recorder = Recorder()
    inner = SupervisorSpec(children=(actor_child("a", Parrot),), intensity=0)
    children = (supervisor_child("s", inner, restart=Restart.TEMPORARY), actor_child("w", Parrot))
    async with tree(*children, recorder=recorder, intensity=INFINITY) as root:
        root.child("w")._context.actor.link(root.child("s").ref)
        root.child("s").child("a").tell_nowait(Raise())
        await trio.sleep(1)
        assert root.child("w").incarnation == 2
    assert [event.path for event in recorder.of(Escalated)] == ["root/s"]
