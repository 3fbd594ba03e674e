"""What the supervision tree has gone through lately: a bounded ring of its events, as plain values."""

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final, Literal

import msgspec
import trio

from wasup.supervisor import (
    BackoffStarted,
    ChildEnded,
    ChildGaveUp,
    ChildIgnored,
    ChildRestarted,
    ChildStarted,
    ChildStartFailed,
    DeadLetter,
    Escalated,
    Event,
    EventStream,
    ExitReason,
    GaveUp,
    MailboxFullEvent,
    StopTimedOut,
)

__all__ = ["HAPPENINGS", "Happening", "SupervisionHistory"]

_REASON: Final = 500

Kind = Literal[
    "started", "start_failed", "ignored", "ended", "restarted", "backoff", "child_gave_up", "gave_up", "escalated",
    "stop_timed_out", "mailbox_full", "dead_letter",
]  # fmt: skip

HAPPENINGS: Final[dict[type[Event], Kind]] = {
    ChildStarted: "started",
    ChildStartFailed: "start_failed",
    ChildIgnored: "ignored",
    ChildEnded: "ended",
    ChildRestarted: "restarted",
    BackoffStarted: "backoff",
    ChildGaveUp: "child_gave_up",
    GaveUp: "gave_up",
    Escalated: "escalated",
    StopTimedOut: "stop_timed_out",
    MailboxFullEvent: "mailbox_full",
    DeadLetter: "dead_letter",
}
"""What can happen, by the supervision library's event."""


class Happening(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One supervision event.

    Attributes:
        number: counts the events of the tree from 1, without gaps while wasup runs.
        at: UTC epoch milliseconds.
        path: whom it is about.
        incarnation: which life of it.
        exit: how it ended: normal, shutdown, crash or killed.
        reason: why, for people; of a dead letter, the kind of message. No content of messages.
        seconds: how long it was up (ended), or until it is started again (backoff).
        restarts: automatic restarts so far.
    """

    number: int
    at: int
    path: str
    incarnation: int
    kind: Kind
    exit: str | None = None
    reason: str | None = None
    seconds: float | None = None
    restarts: int | None = None


class SupervisionHistory:
    """Keeps the newest events of a tree, and wakes whoever waits for more.

    Args:
        capacity: events that are kept; older ones go.
    """

    def __init__(self, capacity: int = 20_000) -> None:
        self._events: deque[Happening] = deque(maxlen=capacity)
        self._more = trio.Event()
        self._stream: EventStream | None = None

    def listen(self, stream: EventStream) -> None:
        """Keep the events of this tree from now on; a repeat changes nothing."""
        if stream is not self._stream:
            self._stream = stream
            stream.subscribe(self._note)

    def _note(self, event: Event) -> None:
        # Described at once: an event holds exceptions, and these whole stacks of frames.
        self._events.append(_described(event))
        if self._more.statistics().tasks_waiting:
            self._more.set()

    @property
    def newest(self) -> int:
        """Number of the newest event; 0 when there was none."""
        return self._events[-1].number if self._events else 0

    @property
    def oldest(self) -> int:
        """Number of the oldest event that is kept; 0 when there was none."""
        return self._events[0].number if self._events else 0

    async def wait_after(self, number: int) -> None:
        """Wait until there is an event with a higher number than this."""
        while self.newest <= number:
            if self._more.is_set():
                self._more = trio.Event()
            await self._more.wait()

    def after(self, number: int, *, below: Iterable[str] = ("root",), limit: int = 1000) -> list[Happening]:
        """Events after this number, oldest first, about these paths and what stands below them."""
        fresh: list[Happening] = []
        for event in reversed(self._events):  # mostly few are new of many
            if event.number <= number:
                break
            fresh.append(event)
        roots = frozenset(below)
        return list(islice((event for event in reversed(fresh) if _is_below(event.path, roots)), limit))

    def before(self, number: int | None, *, below: Iterable[str] = ("root",), limit: int = 1000) -> list[Happening]:
        """Events before this number (None: the newest), newest first, about these paths and what is below them."""
        roots = frozenset(below)
        found: list[Happening] = []
        for event in reversed(self._events):
            if (number is None or event.number < number) and _is_below(event.path, roots):
                found.append(event)
                if len(found) == limit:
                    break
        return found


def _is_below(path: str, roots: frozenset[str]) -> bool:
    while path not in roots:
        path, slash, _ = path.rpartition("/")
        if not slash:
            return False
    return True


def _described(event: Event) -> Happening:
    ending: ExitReason | None = getattr(event, "reason", None)
    reason = None if ending is None else str(ending)[:_REASON]
    seconds: float | None = None
    restarts: int | None = None
    match event:
        case ChildEnded(uptime=seconds) | StopTimedOut(waited=seconds):
            pass
        case BackoffStarted(delay=seconds, attempt=restarts):
            pass
        case ChildRestarted(restarts=restarts):
            pass
        case DeadLetter(message=message):
            reason = type(message).__name__
        case GaveUp(why=why):
            reason = why[:_REASON]
        case MailboxFullEvent(dropped=dropped):
            reason = f"{dropped} dropped so far"
        case _:
            pass
    return Happening(
        number=event.number,
        at=int(event.wall * 1000),
        path=event.path,
        incarnation=event.incarnation,
        kind=HAPPENINGS[type(event)],
        exit=None if ending is None else str(ending.kind.value),
        reason=reason,
        seconds=None if seconds is None else round(seconds, 3),
        restarts=restarts,
    )
