"""A child's place in its supervisor: what outlives its incarnations."""

import traceback
from collections import deque
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wasup.supervisor._exits import SHUTDOWN, ExitReason
from wasup.supervisor._policy import RestartWindow
from wasup.supervisor._spec import ChildSpec

if TYPE_CHECKING:
    from wasup.supervisor._context import ChildContext

HISTORY_LENGTH = 20


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
    """

    incarnation: int
    kind: str
    reason: str
    frames: tuple[tuple[str, int, str], ...]
    uptime: float
    monotonic: float
    wall: float

    @property
    def traceback(self) -> str:
        """The traceback as Python prints it; source lines are looked up now."""
        summary = traceback.StackSummary.from_list(
            [traceback.FrameSummary(file, line, name, lookup_line=False) for file, line, name in self.frames]
        )
        return "".join(summary.format()) + f"{self.reason}\n"


class Stoppable(Protocol):
    """A mailbox, as far as a slot knows it."""

    def abandon(self, reason: ExitReason) -> None:
        """Give up what is queued: nobody will handle it."""


class Slot:
    """One child of a supervisor, running or not.

    ``process`` is its incarnation as the supervisor believes: it stays until the supervisor has handled the
    exit.  ``restarting`` is set between attempts to restart, ``backoff_until`` while one of them waits.
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
        budget = spec.budget
        self.budget = RestartWindow(limit=budget.restarts, period=budget.period) if budget else None

    @property
    def present_and_down(self) -> bool:
        """Whether there is a specification and nothing else: no process, no attempt to restart."""
        return self.process is None and not self.restarting

    def go_down(self) -> None:
        """Leave the specification without process, and give up mail that waited for the next incarnation."""
        self.process = None
        self.restarting = False
        self.backoff_until = None
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
            ExitRecord(context.incarnation, reason.kind.value, str(reason), frames, uptime, monotonic, wall),
        )


def _frames(trace: TracebackType | None) -> tuple[tuple[str, int, str], ...]:
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append((code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    return tuple(found)
