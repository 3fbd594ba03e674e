"""Actors: children with a mailbox."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import trio
from trio import current_time
from trio.lowlevel import wait_task_rescheduled

from wasup.supervisor._actor_life import NO_MESSAGE, STOP, ActorLife
from wasup.supervisor._errors import LinkedActorEnded
from wasup.supervisor._events import EventStream
from wasup.supervisor._exits import ExitKind, ExitReason, Shutdown
from wasup.supervisor._mailbox import Envelope
from wasup.supervisor._park import Reply
from wasup.supervisor._refs import ChildRef
from wasup.supervisor._registry import Registry
from wasup.supervisor._supervisor import Supervisor

M = TypeVar("M")
_TURNS_BEFORE_YIELDING = 64
"""Messages handled one after the other before others get a turn."""


class StopRequested(Shutdown):
    """Raised by `Actor.receive` and `Actor.receive_many` when the actor is asked to stop; let it pass."""


class _Down:
    """A monitored ref has ended."""

    __slots__ = ("reason", "ref")

    def __init__(self, ref: ChildRef, reason: ExitReason) -> None:
        self.ref = ref
        self.reason = reason


class Actor(ActorLife[M]):
    """A child with a mailbox.  Subclass it, and make it a child with `actor_child`.

    One incarnation is one object: state lives in attributes and is gone after a restart.  Messages are handled one
    at a time.  An exception from any method but `on_stop` ends the actor with it (let it crash); a typed exit
    (`Shutdown`, `RestartQuietly`, `RestartLater`, `NeverRestart`, `EndTree`) ends it in good order.

    Attributes:
        ref: the actor's own ref.
        nursery: for background tasks of the actor.  They are cancelled when it ends; a crash in one of them
            crashes the actor with that exception.
    """

    _busy_since: float | None = None
    """When `receive` or `receive_many` last returned messages, while they are being handled."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._has_on_stop = cls.on_stop is not Actor.on_stop

    # ---- to be written by subclasses ---------------------------------------------------------

    async def on_start(self) -> None:
        """Get ready.  The actor is up when this returns; what it raises is a failed start."""

    async def handle(self, message: M) -> object:
        """Handle one message.  What is returned answers an ``ask``, unless `defer_reply` took the reply."""
        raise NotImplementedError(f"{type(self).__name__}.handle({message!r})")

    async def on_down(self, ref: ChildRef, reason: ExitReason) -> None:
        """A monitored ref has ended.  Told once for each `monitor`, between messages, before waiting mail."""

    async def on_stop(self, reason: ExitReason) -> None:
        """Clean up.  Called once after `on_start` had succeeded, whatever the end, except a kill.

        It is shielded from cancellation, a kill apart, until the time of the child's ``shutdown`` is over, counted
        from the request to stop, or from now after a crash.  In an orderly end background tasks are still running.
        After a crash whoever waited for an answer has got `ActorEnded` by now, and what was told is there for `drain`.
        What it raises becomes the exit reason of an orderly end; after a crash it is logged.
        """

    def figures(self) -> Mapping[str, float] | None:
        """What a snapshot shows of this actor besides its mailbox, by name; None for nothing.

        It is called at any moment while the actor is up, between messages and in the middle of one: only look at what
        is there, change nothing.  What it raises is logged.
        """
        return None

    async def run(self) -> None:
        """Receive messages one by one and `handle` them.

        Override it to receive in batches; to return is a normal end.
        """
        mailbox = self._mailbox  # few variables: an idle actor keeps this frame
        turns = 0
        while True:
            if not (mailbox.queue or mailbox.system):
                turns = 0
                mailbox.listen()
                await wait_task_rescheduled(mailbox.stop_listening)
                continue
            turns += 1
            if turns > _TURNS_BEFORE_YIELDING:
                turns = 0
                await trio.lowlevel.checkpoint()
                continue
            if mailbox.system:
                await self._handle_system()
                continue
            envelope = mailbox.take()
            self._reply = reply = envelope.reply
            begun = current_time()
            value = await self.handle(envelope.message)
            mailbox.handler_seconds += current_time() - begun
            if self._reply is reply:
                self._reply = NO_MESSAGE
                if reply is not None:
                    reply.send(value)

    # ---- for subclasses ----------------------------------------------------------------------

    @property
    def path(self) -> str:
        """Where the actor stands, as ``root/accounts/42``."""
        return self._context.path

    @property
    def incarnation(self) -> int:
        """Which life of the actor this is, from 1."""
        return self._context.incarnation

    @property
    def supervisor(self) -> Supervisor:
        """The handle of the actor's own supervisor.  Requests to it wait until this actor is up: not for `on_start`."""
        return cast("Supervisor", self._context.parent)

    def ignore(self) -> None:
        """In `on_start`: choose to have no process, as `ChildContext.ignore`; return right after it.

        The start, and with it the supervisor, waits until `on_start` has returned.
        """
        self._context.ignore()

    @property
    def registry(self) -> Registry:
        """The tree's registry of names."""
        return self._context.registry

    @property
    def events(self) -> EventStream:
        """The tree's event stream."""
        return self._context.events

    def defer_reply(self) -> Reply[Any]:
        """Take over the reply to the message in hand, to answer it later, exactly once.

        While the actor lives unanswered replies stay owed; when it ends or crashes their callers get `ActorEnded`.
        For a message that was told, the answer goes nowhere.  Of what `receive` returned, take the envelope's reply.

        Raises:
            RuntimeError: `handle` has no message in hand, or its reply was taken already.
        """
        reply, self._reply = self._reply, NO_MESSAGE
        if reply is NO_MESSAGE:
            raise RuntimeError(f"{self.path}: there is no message in hand whose reply could be taken")
        if reply is None:
            return Reply[Any]()
        self._owe(reply)
        return reply

    def monitor(self, ref: ChildRef) -> Callable[[], None]:
        """Have `on_down` called once when ``ref`` ends, soon if it has ended already; returns how to take it back."""
        watches = self._watches
        if watches is None:
            watches = self._watches = set()

        def down(reason: ExitReason) -> None:
            watches.discard(stop_watching)
            self._mailbox.put_system(_Down(ref, reason))

        forget: Callable[[], None] | None = None

        def stop_watching() -> None:
            watches.discard(stop_watching)
            if forget is not None:
                forget()

        forget = ref.on_end(down)
        if ref.alive:
            watches.add(stop_watching)
        return stop_watching

    def link(self, ref: ChildRef) -> None:
        """Tie this actor's life to that of ``ref``, both ways.

        When one ends by a crash or a kill the other crashes with `LinkedActorEnded`; when one ends with shutdown so
        does the other, whatever a typed exit asks of its own supervisor; a normal end means nothing.  Handlers in
        progress are cancelled and `on_stop` is not called.
        """
        forget_theirs = ref.on_end(lambda reason: _pass_on(reason, ref, self.ref))
        forget_ours = self.ref.on_end(lambda reason: _pass_on(reason, self.ref, ref))
        if ref.alive and self.ref.alive:
            ref.on_end(lambda _reason: forget_ours())
            self.ref.on_end(lambda _reason: forget_theirs())

    async def receive(self) -> Envelope[M]:
        """Wait for the next message; for an overridden `run`.  Others get a turn from time to time.

        The time until the next call counts as spent in the handler.

        Raises:
            StopRequested: the actor is asked to stop; what is queued can be had with `drain`.
            trio.BusyResourceError: another task of the actor is waiting for mail.
        """
        self._note_handled()
        mailbox = self._mailbox
        turns = mailbox.handled
        while True:
            turns += 1
            if turns % _TURNS_BEFORE_YIELDING == 0:
                await trio.lowlevel.checkpoint()
            if mailbox.system:
                await self._handle_system()
            elif mailbox.queue:
                envelope = mailbox.take()
                if envelope.reply is not None:
                    self._owe(envelope.reply)
                self._busy_since = trio.current_time()
                return envelope
            else:
                await mailbox.wait()

    async def receive_many(self, max_items: int, linger: float = 0.0) -> list[Envelope[M]]:
        """Wait for messages and return up to ``max_items`` of them, at least one; for an overridden `run`.

        The time until the next call counts as spent in the handler.

        Args:
            max_items: the most to return, at least 1.
            linger: seconds to wait for more after the first, when there are fewer.  0 = take what is there.

        Raises:
            StopRequested: the actor is asked to stop; what is queued can be had with `drain`.
            ValueError: ``max_items`` is less than 1.
            trio.BusyResourceError: another task of the actor is waiting for mail.
        """
        if max_items < 1:
            raise ValueError(f"{self.path}: receive_many takes at least 1 message, not {max_items!r}")
        self._note_handled()
        mailbox = self._mailbox
        await trio.lowlevel.checkpoint()
        while mailbox.system or not mailbox.queue:
            if mailbox.system:
                await self._handle_system()
                await trio.lowlevel.checkpoint()
            else:
                await mailbox.wait()
        if linger > 0 and len(mailbox.queue) < max_items:
            with trio.move_on_after(linger):
                while len(mailbox.queue) < max_items and not mailbox.system:
                    await mailbox.wait()
        self._busy_since = trio.current_time()
        return self.drain(max_items)

    def drain(self, max_items: int | None = None) -> list[Envelope[M]]:
        """Take queued messages without waiting; for `on_stop` of an actor that finishes what it was sent."""
        batch = self._mailbox.take_many(len(self._mailbox.queue) if max_items is None else max_items)
        for envelope in batch:
            if envelope.reply is not None:
                self._owe(envelope.reply)
        return batch

    def _note_handled(self) -> None:
        """Count the time since messages were last received."""
        if self._busy_since is not None:
            self._mailbox.handler_seconds += trio.current_time() - self._busy_since
            self._busy_since = None

    async def _handle_system(self) -> None:
        message = self._mailbox.take_system()
        if message is STOP:
            raise StopRequested
        if isinstance(message, _Down):
            await self.on_down(message.ref, message.reason)


def _pass_on(reason: ExitReason, ended: ChildRef, other: ChildRef) -> None:
    """Send an exit signal from a ref that has ended to one linked to it."""
    if reason.kind is ExitKind.NORMAL:
        return
    signal = ExitReason(ExitKind.SHUTDOWN, reason.info)  # what a typed exit asks for concerns its own supervisor alone
    if not reason.is_normal:
        error = LinkedActorEnded(ended.path, reason)
        error.__cause__ = reason.exception
        signal = ExitReason(ExitKind.CRASH, None, error)
    other._context.end_with(signal)  # noqa: SLF001
