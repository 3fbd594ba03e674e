"""The one stream of what happens in a tree."""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import trio

from wasup.supervisor._exits import ExitReason

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events tell.

    Attributes:
        path: whom it is about, as ``root/accounts/42``.
        incarnation: which life of it, from 1.  Of a `DeadLetter`, the last the mailbox had served.
        number: counts the events of the tree from 1; gaps are events that happened while nobody listened.
        monotonic: Trio's clock, seconds.
        wall: seconds since 1970, UTC; for people.
    """

    path: str
    incarnation: int
    number: int
    monotonic: float
    wall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStarted(Event):
    """A child is up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStartFailed(Event):
    """A child ended before it was up.  No `ChildEnded` follows."""

    reason: ExitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildIgnored(Event):
    """A start function chose to have no process.  Neither `ChildStarted` nor `ChildEnded` follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildEnded(Event):
    """A child that was up has ended, by itself or because it was stopped.  ``uptime`` in seconds."""

    reason: ExitReason
    uptime: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRestarted(Event):
    """An automatic restart succeeded; follows the `ChildStarted`.  ``restarts``: how many so far."""

    restarts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffStarted(Event):
    """A restart waits: ``delay`` seconds, until ``until`` on Trio's clock, after ``attempt`` restarts in a row."""

    reason: ExitReason
    delay: float
    until: float
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildGaveUp(Event):
    """A child is over its own budget and stays down."""

    reason: ExitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp(Event):
    """A supervisor ends by itself; ``why`` as in `SupervisorGaveUp`, ``child`` the path whose exit led to it."""

    why: str
    child: str
    reason: ExitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalated(Event):
    """A supervisor (``path``) that gave up has reached its own supervisor, which now applies its policy."""

    reason: ExitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTimedOut(Event):
    """A child was cancelled ``waited`` seconds ago, by whomever, and has not ended.

    Its `ChildEnded` follows when it does, or its `ChildStartFailed`.
    """

    waited: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxFullEvent(Event):
    """A mailbox has no room.  Told once until it is half empty.  ``dropped``: messages dropped so far."""

    capacity: float
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter(Event):
    """A message was not handled, because its actor had ended or ended before its turn."""

    message: object
    reason: ExitReason


class EventStream:
    """Publishes the events of a tree to subscribers, and counts them by type.

    Attributes:
        counters: how many events of each type (by class name) there were, also while nobody listened.
    """

    __slots__ = ("_channels", "_queue", "_subscribers", "_trees", "counters", "number")

    def __init__(self) -> None:
        self._subscribers: tuple[Callable[[Event], None], ...] = ()
        self._queue: deque[Event] = deque()
        """Being published, the first of them now."""
        self._channels: set[EventChannel] = set()
        self._trees = 0
        self.counters: Counter[str] = Counter()
        self.number = 0

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``callback`` with every event, at once and in order; it must not block and should be quick.

        What it raises is logged and dropped.  An event that it causes is published when all have had this one.

        Returns:
            a function that ends the subscription.
        """
        self._subscribers = (*self._subscribers, callback)
        subscribed = True

        def unsubscribe() -> None:
            nonlocal subscribed
            if subscribed:
                subscribed = False
                left = list(self._subscribers)
                left.remove(callback)
                self._subscribers = tuple(left)

        return unsubscribe

    @contextmanager
    def channel(self, capacity: int) -> Iterator["EventChannel"]:
        """Receive events through a channel of ``capacity``; when it is full, later events are dropped and counted.

        It comes to its end when the tree has ended (the last one, if several publish here).
        """
        send, receive = trio.open_memory_channel[Event](capacity)
        subscription = EventChannel(send, receive)
        unsubscribe = self.subscribe(subscription._offer)  # noqa: SLF001
        self._channels.add(subscription)
        try:
            yield subscription
        finally:
            self._channels.discard(subscription)
            unsubscribe()
            send.close()
            receive.close()

    def emit(self, kind: type[Event], path: str, incarnation: int, **details: Any) -> None:
        """Publish an event of type ``kind``."""
        self.counters[kind.__name__] += 1
        self.number += 1
        if not self._subscribers:
            return
        event = kind(
            path=path,
            incarnation=incarnation,
            number=self.number,
            monotonic=trio.current_time(),
            wall=time.time(),
            **details,
        )
        self._queue.append(event)
        if len(self._queue) == 1:
            self._publish()

    def _publish(self) -> None:
        """Hand out what is queued, also what the subscribers cause by that."""
        queue = self._queue
        try:
            while queue:
                event = queue[0]
                for callback in self._subscribers:
                    try:
                        callback(event)
                    except Exception:  # noqa: BLE001  a listener must not harm the tree
                        _log.exception("a subscriber failed on %s of %s", type(event).__name__, event.path)
                queue.popleft()
        finally:
            queue.clear()

    # ---- for `open_supervisor` ---------------------------------------------------------------

    @contextmanager
    def tree(self) -> Iterator[None]:
        """A tree publishes here inside the block; at the end of the last one the open channels come to theirs."""
        self._trees += 1
        try:
            yield
        finally:
            self._trees -= 1
            if not self._trees:
                for channel in self._channels:
                    channel._end()  # noqa: SLF001


class EventChannel:
    """A bounded subscription: iterate over it, or `receive`.

    Attributes:
        dropped: events that found the channel full.
    """

    __slots__ = ("_receive", "_send", "dropped")

    def __init__(self, send: trio.MemorySendChannel[Event], receive: trio.MemoryReceiveChannel[Event]) -> None:
        self._send = send
        self._receive = receive
        self.dropped = 0

    def _offer(self, event: Event) -> None:
        try:
            self._send.send_nowait(event)
        except trio.WouldBlock:
            self.dropped += 1
        except trio.ClosedResourceError:  # another tree publishes after the end
            self.dropped += 1

    def _end(self) -> None:
        self._send.close()

    async def receive(self) -> Event:
        """Wait for the next event.

        Raises:
            trio.EndOfChannel: the tree has ended, and all its events were received.
        """
        return await self._receive.receive()

    def __aiter__(self) -> "EventChannel":
        return self

    async def __anext__(self) -> Event:
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None
