"""Bounded mailboxes: many senders, one receiver, and a policy for when there is no room."""

import enum
from collections import OrderedDict, deque
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

import trio
from trio.lowlevel import Abort, RaiseCancelT, Task, current_task, reschedule, wait_task_rescheduled

from wasup.supervisor._errors import ActorEnded, BadSpec, MailboxFull
from wasup.supervisor._events import DeadLetter, EventStream, MailboxFullEvent
from wasup.supervisor._exits import ExitReason
from wasup.supervisor._park import Reply
from wasup.supervisor._policy import INFINITY
from wasup.supervisor._snapshot import MailboxView

M = TypeVar("M")


class Overflow(enum.Enum):
    """What happens to a message that finds the mailbox full."""

    BLOCK = "block"
    """The sender waits for room; ``tell_nowait`` is refused."""
    REFUSE = "refuse"
    """The sender gets `MailboxFull`."""
    DROP_OLDEST = "drop_oldest"
    """The oldest message makes room; it is counted, and if it was asked its caller gets `MailboxFull`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxSpec:
    """How an actor's mail is kept.

    Attributes:
        capacity: messages there is room for, at least 1; `INFINITY` = no limit.
        overflow: what happens when there is no room.
        survives_restart: whether queued mail waits for the actor's next incarnation.  The message in hand never does.
            When the actor stays down, the mail is lost as without this.
    """

    capacity: float = 1000
    overflow: Overflow = Overflow.BLOCK
    survives_restart: bool = False


def check_mailbox_spec(spec: object, child_id: str) -> None:
    """Raise `BadSpec` when ``spec`` is wrong."""
    if not isinstance(spec, MailboxSpec):
        raise BadSpec(child=child_id, field="mailbox", value=spec, allowed="a MailboxSpec")
    capacity = spec.capacity
    whole = capacity == INFINITY or (isinstance(capacity, int) and not isinstance(capacity, bool))
    if not whole or capacity < 1:
        raise BadSpec(
            child=child_id,
            field="mailbox.capacity",
            value=capacity,
            allowed="a whole number >= 1, or INFINITY",
        )
    if not isinstance(spec.overflow, Overflow):
        raise BadSpec(
            child=child_id,
            field="mailbox.overflow",
            value=spec.overflow,
            allowed="Overflow.{BLOCK, REFUSE, DROP_OLDEST}",
        )
    if not isinstance(spec.survives_restart, bool):
        raise BadSpec(
            child=child_id,
            field="mailbox.survives_restart",
            value=spec.survives_restart,
            allowed="True or False",
        )


class Envelope(NamedTuple, Generic[M]):
    """A message as it lies in a mailbox.

    Attributes:
        message: what was sent.
        reply: where its answer goes; None when it was told and nobody waits.
    """

    message: M
    reply: Reply[Any] | None


class Mailbox(Generic[M]):
    """The mail of one actor.

    Attributes:
        queue: mail, oldest first.
        system: what outranks mail: requests to stop, ends of monitored refs.
        handled: messages taken to be handled.
        handler_seconds: time spent in handlers.
        incarnation: which life of the actor it serves, or served last.
    """

    __slots__ = (
        "_dropped",
        "_events",
        "_high_water",
        "_listener",
        "_path",
        "_senders",
        "_told_full",
        "capacity",
        "handled",
        "handler_seconds",
        "incarnation",
        "overflow",
        "queue",
        "system",
    )

    def __init__(self, spec: MailboxSpec, path: str, events: EventStream) -> None:
        self.incarnation = 0
        self.capacity = spec.capacity
        self.overflow = spec.overflow
        self.queue: deque[Envelope[M]] = deque()
        self.system: deque[Any] | None = None
        self.handled = 0
        self.handler_seconds = 0.0
        self._path = path
        self._events = events
        self._listener: Task | None = None
        self._senders: OrderedDict[Task, Envelope[M]] | None = None
        self._high_water = 0
        self._dropped = 0
        self._told_full = False

    # ---- senders -----------------------------------------------------------------------------

    def put(self, envelope: Envelope[M]) -> bool:
        """Put a message in; False when the sender is to wait for room.

        Raises:
            MailboxFull: under REFUSE.
        """
        queue = self.queue
        if len(queue) >= self.capacity and not self._make_room():
            return False
        queue.append(envelope)
        task = self._listener
        if task is not None:
            self._listener = None
            reschedule(task)
        return True

    def _make_room(self) -> bool:
        if self.overflow is Overflow.DROP_OLDEST:
            self._dropped += 1
            self._tell_full()
            oldest = self.queue.popleft()
            if oldest.reply is not None and not oldest.reply.answered:
                oldest.reply.fail(MailboxFull(self._path, self.capacity))
            return True
        self._tell_full()
        if self.overflow is Overflow.REFUSE:
            raise MailboxFull(self._path, self.capacity)
        return False

    def _tell_full(self) -> None:
        if not self._told_full:
            self._told_full = True
            self._events.emit(
                MailboxFullEvent, self._path, self.incarnation, capacity=self.capacity, dropped=self._dropped
            )

    async def wait_for_room(self, envelope: Envelope[M]) -> None:
        """Wait until there is room and the message is in; or until the actor has ended: then it is a dead letter."""
        task = current_task()
        senders = self._senders
        if senders is None:
            senders = self._senders = OrderedDict()
        senders[task] = envelope

        def abort(_raise_cancel: RaiseCancelT) -> Abort:
            del senders[task]
            return Abort.SUCCEEDED

        await wait_task_rescheduled(abort)

    def put_system(self, message: object) -> None:
        """Put in what outranks mail; there is always room."""
        if self.system is None:
            self.system = deque()
        self.system.append(message)
        self._wake()

    def take_system(self) -> object:
        """Take the oldest system message; None when there is none."""
        return self.system.popleft() if self.system else None

    def _wake(self) -> None:
        task = self._listener
        if task is not None:
            self._listener = None
            reschedule(task)

    # ---- the receiver ------------------------------------------------------------------------

    async def wait(self) -> None:
        """Wait for mail or a system message; spurious wake-ups happen."""
        self.listen()
        await wait_task_rescheduled(self.stop_listening)

    def listen(self) -> None:
        """Have the current task woken by the next message; the first half of `wait`, for who has no frame to spare.

        Raises:
            trio.BusyResourceError: another task waits already.
        """
        if self._listener is not None:
            raise trio.BusyResourceError(f"{self._path}: another task receives from this mailbox")
        self._listener = current_task()

    def stop_listening(self, _raise_cancel: RaiseCancelT) -> Abort:
        """Take `listen` back; the abort function of the second half."""
        self._listener = None
        return Abort.SUCCEEDED

    def take(self) -> Envelope[M]:
        """Take the oldest message; there must be one."""
        queue = self.queue
        self._high_water = max(self._high_water, len(queue))
        envelope = queue.popleft()
        self.handled += 1
        if self._senders:
            self._admit_sender(self._senders)
        if self._told_full and len(queue) * 2 <= self.capacity:
            self._told_full = False
        return envelope

    def take_many(self, max_items: int) -> list[Envelope[M]]:
        """Take up to ``max_items`` messages, oldest first."""
        queue = self.queue
        self._high_water = max(self._high_water, len(queue))
        if len(queue) <= max_items:
            batch = list(queue)
            queue.clear()
        else:
            popleft = queue.popleft
            batch = [popleft() for _ in range(max_items)]
        self.handled += len(batch)
        while self._senders and len(queue) < self.capacity:
            self._admit_sender(self._senders)
        if self._told_full and len(queue) * 2 <= self.capacity:
            self._told_full = False
        return batch

    def _admit_sender(self, senders: OrderedDict[Task, Envelope[M]]) -> None:
        task, envelope = senders.popitem(last=False)
        self.queue.append(envelope)
        reschedule(task)

    # ---- the end -----------------------------------------------------------------------------

    def end_incarnation(self) -> None:
        """Forget what was meant for the incarnation that has ended; mail stays."""
        self.system = None
        self._listener = None

    def abandon(self, reason: ExitReason) -> None:
        """Fail the callers of queued asks; what was told becomes dead letters; waiting senders go on."""
        queue = self.queue
        while queue:
            self.refuse(queue.popleft(), reason)
        self._refuse_senders(reason)

    def fail_askers(self, reason: ExitReason) -> None:
        """As `abandon`, but what was told and is in the queue stays there."""
        waiting = list(self.queue)
        self.queue.clear()
        for envelope in waiting:
            if envelope.reply is None:
                self.queue.append(envelope)
            else:
                self.refuse(envelope, reason)
        self._refuse_senders(reason)

    def _refuse_senders(self, reason: ExitReason) -> None:
        senders, self._senders = self._senders, None
        for task, envelope in (senders or {}).items():
            self.refuse(envelope, reason)
            reschedule(task)

    def refuse(self, envelope: Envelope[M], reason: ExitReason) -> None:
        """Treat a message as one to an actor that has ended."""
        self._events.emit(DeadLetter, self._path, self.incarnation, message=envelope.message, reason=reason)
        if envelope.reply is not None and not envelope.reply.answered:
            envelope.reply.fail(ActorEnded(self._path, reason))

    def view(self) -> MailboxView:
        """Return its state for a snapshot."""
        depth = len(self.queue)
        if not (depth or self.handled or self._high_water):
            return _unused(self.capacity)
        return MailboxView(
            depth,
            max(depth, self._high_water),
            self.capacity,
            self._dropped,
            self.handled,
            self.handler_seconds,
        )


@lru_cache(maxsize=64)
def _unused(capacity: float) -> MailboxView:
    """Return the view of a mailbox that has had no mail; one for all, so that big snapshots are small."""
    return MailboxView(0, 0, capacity, 0, 0, 0.0)
