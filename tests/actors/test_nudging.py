"""What an account tells its session of what there is to send."""

from types import SimpleNamespace
from typing import Any, cast

import trio
from trio.testing import MockClock

from wasup.actors.nudging import Nudger
from wasup.actors.outgoing import Nudges, OutgoingQueue
from wasup.actors.session_messages import Nudge, OutgoingIdle
from wasup.ports.accounts import Fence
from wasup.ports.messages import MessageStatus, Text
from wasup.ports.session import Sent
from wasup.ports.store import StoredMessage
from wasup.supervisor import ActorRef, MailboxFull


def stored(number: int) -> StoredMessage:
    """A message in the queue."""
    return StoredMessage(
        id=number, workspace_id=1, whatsapp_account_id=1, chat_id=1, chat="5511777776666@c.us", message_id=f"M{number}",
        from_me=True, sender=None, type="text", content=Text(body="hello"), quoted_id=None,
        status=MessageStatus.QUEUED, error=None, attempts=1, timestamp=0, sent_at=None, delivered_at=None, read_at=None,
        edited_at=None, revoked_at=None, created_at=0,
    )  # fmt: skip


class Mailbox:
    """A session's mailbox, with room or without."""

    def __init__(self) -> None:
        self.alive = True
        self.room = trio.Event()
        self.got: list[Nudge] = []

    def tell_nowait(self, nudge: Nudge) -> None:
        """Put it in, or refuse."""
        if not self.room.is_set():
            raise MailboxFull(self, 1)
        self.got.append(nudge)

    async def tell(self, nudge: Nudge) -> None:
        """Wait for room."""
        await self.room.wait()
        self.got.append(nudge)


def nudger() -> tuple[Nudger, Mailbox]:
    """A nudger, and what it tells."""
    mailbox = Mailbox()
    session: ActorRef[object] = mailbox  # type: ignore[assignment]
    return Nudger(session), mailbox


async def test_only_a_session_that_has_all_behind_it_is_handed_a_message() -> None:
    """Not before it has looked into the queue, and not while it knows of less than it was told."""
    tell, mailbox = nudger()
    mailbox.room.set()
    async with trio.open_nursery() as nursery:
        found = [tell.hands_over]
        tell.note(OutgoingIdle(nudges=0))
        found.append(tell.hands_over)
        tell.nudge(nursery, stored(1))
        tell.nudge(nursery, None)
        tell.note(OutgoingIdle(nudges=1))
        found.append(tell.hands_over)
        tell.note(OutgoingIdle(nudges=2))
        found.append(tell.hands_over)
        mailbox.alive = False
        found.append(tell.hands_over)
        assert found == [False, True, False, True, False]
        tell.nudge(nursery, None)
    assert [(nudge.number, nudge.message and nudge.message.id) for nudge in mailbox.got] == [(1, 1), (2, None)]


async def test_a_message_for_which_a_session_has_no_room_is_found_in_the_queue() -> None:
    """The session is told to look as soon as it has room."""
    tell, mailbox = nudger()
    tell.note(OutgoingIdle(nudges=0))
    async with trio.open_nursery() as nursery:
        tell.nudge(nursery, stored(1))
        assert not tell.hands_over
        assert mailbox.got == []
        mailbox.room.set()
    assert mailbox.got == [Nudge(number=1)]


async def test_nudges_come_in_their_order_and_the_queue_is_looked_into_once(autojump_clock: MockClock) -> None:
    """What was handed over is before what is queued; many rings are one look."""
    nudges = Nudges()
    nudges.add(Nudge(number=1, message=stored(1)))
    nudges.add(Nudge(number=2))
    nudges.add(Nudge(number=3))
    first = await nudges.take()
    assert first is not None
    assert first.id == 1
    looks = [nudges.pending, await nudges.take(), nudges.pending]
    assert (looks, nudges.number) == ([True, None, False], 3)
    with trio.move_on_after(3000) as asleep:
        await nudges.take()
    assert asleep.cancelled_caught
    assert await nudges.take() is None  # it looks by itself, once an hour
    assert trio.current_time() > 3600


class Stage:
    """A queue with all that it needs, in memory: whatever is claimed is given, whatever is sent is noted."""

    def __init__(self, *waiting: StoredMessage) -> None:
        self.waiting = list(waiting)
        self.claims = 0
        self.sent: list[str] = []
        self.told: list[object] = []
        runtime = SimpleNamespace(
            stores=SimpleNamespace(messages=self),
            clock=SimpleNamespace(now_ms=lambda: 0),
            settings=SimpleNamespace(send_timeout=30.0, send_attempts=1),
        )
        mine: Any = self
        self.queue = OutgoingQueue(cast("Any", runtime), Fence(account_id=1, incarnation=1, epoch=1), mine, self.store)

    async def claim_outgoing(self, _fence: Fence, *, limit: int, **_more: object) -> list[StoredMessage]:
        """As many as may be."""
        await trio.lowlevel.checkpoint()
        self.claims += 1
        return self.waiting[:limit]

    async def send(self, _chat: str, _content: object, *, message_id: str, **_more: object) -> Sent:
        """Note it."""
        await trio.lowlevel.checkpoint()
        self.sent.append(message_id)
        return Sent(id=message_id, timestamp=0)

    async def store(self, _items: object) -> None:
        """The writer is late: nothing is stored."""
        await trio.lowlevel.checkpoint()

    async def tell(self, notice: object) -> None:
        """The account's mailbox."""
        await trio.lowlevel.checkpoint()
        self.told.append(notice)


async def test_a_queue_of_what_is_sent_already_is_not_asked_without_pause(autojump_clock: MockClock) -> None:
    """A writer that is late leaves them there; each is sent once, and the database is asked ten times a second."""
    stage = Stage(*(stored(number) for number in range(60)))
    account: Any = stage
    with trio.move_on_after(1.05):
        await stage.queue.run(Nudges(), account)
    assert stage.sent == [f"M{number}" for number in range(50)]
    assert 10 <= stage.claims <= 12


async def test_what_was_claimed_and_is_handed_over_as_well_is_sent_once(autojump_clock: MockClock) -> None:
    """A look into the queue by the session itself may find what the account is about to hand over."""
    stage = Stage(stored(1))
    account: Any = stage
    nudges = Nudges()
    nudges.add(Nudge(number=1, message=stored(1)))
    with trio.move_on_after(5):
        await stage.queue.run(nudges, account)
    assert stage.sent == ["M1"]
    assert stage.told == [OutgoingIdle(nudges=1)]
