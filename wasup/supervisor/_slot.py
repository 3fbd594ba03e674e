"""A child's place in its supervisor: what outlives its incarnations."""

import traceback
from collections import deque
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wasup.supervisor._exits import SHUTDOWN, ExitReason, leaves_of, safe_text
from wasup.supervisor._policy import RestartWindow
from wasup.supervisor._spec import ChildSpec

if TYPE_CHECKING:
    from wasup.supervisor._context import ChildContext

HISTORY_LENGTH = 20
_MOST_CRASHES = 10
Frames = tuple[tuple[str, int, str], ...]


class ExitRecord(NamedTuple):
    """One exit in a child's history.  It keeps no frames alive.

    Attributes:
        incarnation: which life ended.
        kind: "normal", "shutdown", "crash" or "killed".
        reason: one line.
        frames: (file, line, function) from the outermost on; empty when nothing was raised.
        uptime: seconds it was up; 0 for a failed start.
        monotonic: when, on Trio's clock.
        wall: when, in seconds since 1970.
        crashes: of several crashes together, each one's line and frames, at most 10; otherwise empty.
    """

    incarnation: int
    kind: str
    reason: str
    frames: Frames
    uptime: float
    monotonic: float
    wall: float
    crashes: tuple[tuple[str, Frames], ...] = ()

    @property
    def traceback(self) -> str:
        """The traceback as Python prints it, those of several crashes together one below the other.

        Source lines are looked up now.
        """
        return "\n".join(_printed(line, frames) for line, frames in ((self.reason, self.frames), *self.crashes))


class Stoppable(Protocol):
    """A mailbox, as far as a slot knows it."""

    def abandon(self, reason: ExitReason) -> None:
        """Give up what is queued: nobody will handle it."""


class Slot:
    """One child of a supervisor, running or not.

    ``process`` is its incarnation as the supervisor believes: it stays until the supervisor has handled the
    exit.  ``restarting`` is set between attempts to restart, ``backoff_until`` while one of them waits.
    ``waits_with`` is the child whose backoff it waits for, stopped with that one's group.
    ``retired`` is set by NeverRestart and an exhausted budget: group restarts leave the child alone.
    """

    __slots__ = (
        "args",
        "backoff_until",
        "budget",
        "discard",
        "history",
        "id",
        "in_row",
        "incarnations",
        "last_reason",
        "last_up",
        "paid",
        "path",
        "process",
        "restarting",
        "restarts",
        "retired",
        "spec",
        "starting",
        "surviving",
        "waits_with",
    )

    def __init__(self, spec: ChildSpec, parent_path: str, child_id: str, args: tuple[object, ...] = ()) -> None:
        self.spec = spec
        self.id = child_id
        self.path = f"{parent_path}/{child_id}" if parent_path else child_id
        self.args = args
        self.process: ChildContext | None = None
        self.starting: ChildContext | None = None
        self.restarting = False
        self.backoff_until: float | None = None
        self.paid = False
        self.retired = False
        self.discard = False
        self.incarnations = 0
        self.last_up = 0
        self.restarts = 0
        self.in_row = 0
        self.last_reason = SHUTDOWN
        self.history: deque[ExitRecord] | None = None
        self.surviving: Stoppable | None = None
        self.waits_with: Slot | None = None
        budget = spec.budget
        self.budget = RestartWindow(limit=budget.restarts, period=budget.period) if budget else None

    @property
    def has_process(self) -> bool:
        """Whether there is a process, as the supervisor believes."""
        return self.process is not None

    @property
    def present_and_down(self) -> bool:
        """Whether there is a specification and nothing else: no process, no attempt to restart."""
        return self.process is None and not self.restarting and self.waiting_until is None

    @property
    def waiting_until(self) -> float | None:
        """When its own backoff ends, or that of the child with whose group it waits; None when it does not wait."""
        return self.backoff_until if self.waits_with is None else self.waits_with.backoff_until

    def go_down(self) -> None:
        """Leave the specification without process, and give up mail that waited for the next incarnation."""
        self.process = None
        self.restarting = False
        self.backoff_until = None
        self.waits_with = None
        surviving = self.surviving
        if surviving is not None:
            self.surviving = None
            surviving.abandon(self.last_reason)

    def next_delay(self, random: Random) -> float:
        """Return how long the next restart waits (seconds), and count it as one more in the row."""
        backoff = self.spec.backoff
        if backoff is None:
            return 0.0
        delay = backoff.delay(self.in_row, random)
        self.in_row += 1
        return delay

    def note_exit(self, context: "ChildContext", *, uptime: float, monotonic: float, wall: float) -> None:
        """Put an exit into the history."""
        reason = context.end_reason()
        self.last_reason = reason
        backoff = self.spec.backoff
        if backoff is not None and uptime >= backoff.reset_after and context.was_up:
            self.in_row = 0
        if self.history is None:
            self.history = deque(maxlen=HISTORY_LENGTH)
        exception = reason.exception
        frames = _frames(exception.__traceback__) if exception is not None else ()
        self.history.append(
            ExitRecord(
                context.incarnation,
                reason.kind.value,
                str(reason),
                frames,
                uptime,
                monotonic,
                wall,
                _crashes(exception) if isinstance(exception, BaseExceptionGroup) else (),
            ),
        )


def _crashes(group: BaseExceptionGroup[BaseException]) -> tuple[tuple[str, Frames], ...]:
    return tuple((safe_text(leaf), _frames(leaf.__traceback__)) for leaf in leaves_of(group)[:_MOST_CRASHES])


def _printed(line: str, frames: Frames) -> str:
    summary = traceback.StackSummary.from_list(
        [traceback.FrameSummary(file, number, name, lookup_line=False) for file, number, name in frames]
    )
    return "".join(summary.format()) + f"{line}\n"


def _frames(trace: TracebackType | None) -> Frames:
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append((code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    return tuple(found)
