"""What happens when a mailbox is full."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.supervisor.helpers import Ask, Nap, Note, Parrot, Raise, Recorder, tree
from wasup.supervisor import (
    INFINITY,
    ActorEnded,
    AskTimeout,
    BadSpec,
    DeadLetter,
    MailboxFull,
    MailboxFullEvent,
    MailboxSpec,
    Overflow,
    Restart,
    actor_child,
)


def busy(overflow: Overflow, log: list[Any] | None = None, **fields: Any) -> Any:
    """Return an actor with room for two messages."""
    return actor_child("a", lambda: Parrot(log), mailbox=MailboxSpec(capacity=2, overflow=overflow), **fields)


async def test_block_makes_the_sender_wait_and_keeps_the_order(autojump_clock: MockClock) -> None:
    """Nothing is lost and nobody overtakes."""
    log: list[Any] = []
    async with tree(busy(Overflow.BLOCK, log)) as root:
        ref = root.child("a")
        ref.tell_nowait(Nap(seconds=5))
        await wait_all_tasks_blocked()
        began = trio.current_time()
        for number in range(6):
            await ref.tell(Note(text=str(number)))
        assert trio.current_time() - began == pytest.approx(5)
        await ref.ask(Ask(), timeout=1)
        assert log == list("012345")


async def test_block_refuses_tell_nowait(autojump_clock: MockClock) -> None:
    """What may not wait is refused."""
    async with tree(busy(Overflow.BLOCK)) as root:
        ref = root.child("a")
        ref.tell_nowait(Nap(seconds=5))
        await wait_all_tasks_blocked()
        ref.tell_nowait(Note(text="1"))
        ref.tell_nowait(Note(text="2"))
        with pytest.raises(MailboxFull):
            ref.tell_nowait(Note(text="3"))


async def test_a_blocked_sender_that_is_cancelled_has_not_sent(autojump_clock: MockClock) -> None:
    """Cancelled means not sent."""
    log: list[Any] = []
    async with tree(busy(Overflow.BLOCK, log)) as root:
        ref = root.child("a")
        ref.tell_nowait(Nap(seconds=5))
        await wait_all_tasks_blocked()
        await ref.tell(Note(text="1"))
        await ref.tell(Note(text="2"))
        with trio.move_on_after(1) as scope:
            await ref.tell(Note(text="3"))
        assert scope.cancelled_caught
        await trio.sleep(10)
        assert log == ["1", "2"]


async def test_an_ask_waits_for_room_within_its_deadline(autojump_clock: MockClock) -> None:
    """Under BLOCK the deadline covers both waits."""
    async with tree(busy(Overflow.BLOCK)) as root:
        ref = root.child("a")
        ref.tell_nowait(Nap(seconds=5))
        await wait_all_tasks_blocked()
        ref.tell_nowait(Note(text="1"))
        ref.tell_nowait(Note(text="2"))
        with pytest.raises(AskTimeout):
            await ref.ask(Ask(), timeout=4)
        assert await ref.ask(Ask(text="ok"), timeout=4) == "ok"


async def test_blocked_senders_are_released_when_the_actor_dies(autojump_clock: MockClock) -> None:
    """A told message becomes a dead letter, an asker gets the reason; nobody hangs."""
    recorder = Recorder()
    async with tree(busy(Overflow.BLOCK, restart=Restart.TEMPORARY), recorder=recorder) as root:
        ref = root.child("a")
        ref.tell_nowait(Nap(seconds=5))
        await wait_all_tasks_blocked()
        ref.tell_nowait(Raise())
        ref.tell_nowait(Raise())

        async def ask() -> None:
            with pytest.raises(ActorEnded):
                await ref.ask(Ask(), timeout=1000)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            nursery.start_soon(ask)
            nursery.start_soon(ref.tell, Note(text="late"))
            nursery.start_soon(ref.tell, Note(text="later"))
            await wait_all_tasks_blocked()
            ref.kill()
        assert trio.current_time() < 6
    assert {type(letter.message).__name__ for letter in recorder.of(DeadLetter)} == {"Raise", "Ask", "Note"}


async def test_refuse_raises_at_tell_and_ask(autojump_clock: MockClock) -> None:
    """The sender decides what to do about it."""
    async with tree(busy(Overflow.REFUSE)) as root:
        ref = root.child("a")
        ref.tell_nowait(Nap(seconds=5))
        await wait_all_tasks_blocked()
        await ref.tell(Note(text="1"))
        await ref.tell(Note(text="2"))
        with pytest.raises(MailboxFull):
            await ref.tell(Note(text="3"))
        with pytest.raises(MailboxFull):
            ref.tell_nowait(Note(text="3"))
        with pytest.raises(MailboxFull):
            await ref.ask(Ask(), timeout=1)


async def test_drop_oldest_keeps_the_newest_and_counts(autojump_clock: MockClock) -> None:
    """A dropped ask fails at once with MailboxFull."""
    log: list[Any] = []
    async with tree(busy(Overflow.DROP_OLDEST, log)) as root:
        ref = root.child("a")
        ref.tell_nowait(Nap(seconds=5))
        await wait_all_tasks_blocked()

        async def ask() -> None:
            with pytest.raises(MailboxFull):
                await ref.ask(Ask(), timeout=100)
            assert trio.current_time() < 5

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            for number in range(5):
                ref.tell_nowait(Note(text=str(number)))
        await trio.sleep(10)
        assert log == ["3", "4"]
        (node,) = root.snapshot().children
        assert node.mailbox is not None
        assert (node.mailbox.dropped, node.mailbox.high_water) == (4, 2)


async def test_full_is_told_once_until_half_empty(autojump_clock: MockClock) -> None:
    """The event does not flood."""
    recorder = Recorder()
    async with tree(busy(Overflow.DROP_OLDEST), recorder=recorder) as root:
        ref = root.child("a")
        for _ in range(2):
            ref.tell_nowait(Nap(seconds=5))
            await wait_all_tasks_blocked()
            for number in range(50):
                ref.tell_nowait(Note(text=str(number)))
            await trio.sleep(10)
    assert len(recorder.of(MailboxFullEvent)) == 2


@pytest.mark.parametrize("capacity", [0, -1, 1.5, True, "many"])
def test_a_wrong_capacity_is_refused(capacity: Any) -> None:
    """Whole numbers from 1, or INFINITY."""
    with pytest.raises(BadSpec) as info:
        actor_child("a", Parrot, mailbox=MailboxSpec(capacity=capacity))
    assert (info.value.child, info.value.field, info.value.value) == ("a", "mailbox.capacity", capacity)


def test_other_wrong_mailbox_fields_are_refused() -> None:
    """Each is named."""
    wrong: list[tuple[str, Any]] = [("overflow", "block"), ("survives_restart", 1)]
    for field, value in wrong:
        with pytest.raises(BadSpec) as info:
            actor_child("a", Parrot, mailbox=MailboxSpec(**{field: value}))
        assert info.value.field == f"mailbox.{field}"
    actor_child("a", Parrot, mailbox=MailboxSpec(capacity=INFINITY))
