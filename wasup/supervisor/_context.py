"""One incarnation of a child: what its start function is given, and what its supervisor holds."""

import enum
import logging
import time
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Protocol

import trio

from wasup.supervisor._events import ChildEnded, ChildIgnored, ChildStarted, ChildStartFailed, EventStream
from wasup.supervisor._exits import KILLED, NORMAL, SHUTDOWN, ExitReason
from wasup.supervisor._refs import ChildRef
from wasup.supervisor._slot import Slot

if TYPE_CHECKING:
    from wasup.supervisor._registry import Registry
    from wasup.supervisor._snapshot import HasChildren, HasMailbox

_log = logging.getLogger(__name__)


class Shared:
    """What all of one tree share."""

    __slots__ = ("events", "random", "registry")

    def __init__(self, events: EventStream, registry: "Registry", random: Random) -> None:
        self.events = events
        self.registry = registry
        self.random = random


class Keeper(Protocol):
    """Who holds a child: its supervisor, or `open_supervisor` for the root."""

    shared: Shared
    handle: object

    def on_up(self) -> None:
        """The child is up."""

    def on_asked(self, context: "ChildContext") -> None:
        """The child was asked to stop by somebody else, who does not wait for its end."""

    def on_killed(self, context: "ChildContext") -> None:
        """The child was cancelled by somebody else, who does not wait for its end."""

    def on_ended(self, context: "ChildContext") -> None:
        """The child has ended; ``context.reason`` tells why."""


class Phase(enum.Enum):
    """The life of an incarnation."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


class ChildContext:
    """What a start function is given: how a child talks to its supervisor.

    A child that is asked to stop has its scope cancelled, unless it registered a callback with `on_stop_request`: then
    the callback is called, and the child should end soon by itself.  When the time of its ``shutdown`` is over it is
    cancelled.  Cancellation from outside the tree reaches a child in the same way: as a request to stop, in order.

    Attributes:
        path: where the child stands, as ``root/accounts/42``.
        incarnation: which life of the child this is, from 1; it begins anew when its supervisor is restarted.
    """

    __slots__ = (
        "_at_end",
        "_forced",
        "_keeper",
        "_on_stop",
        "_ref",
        "_scope",
        "actor",
        "dismissed",
        "ignored",
        "incarnation",
        "killed",
        "path",
        "phase",
        "reason",
        "refusing",
        "resisting",
        "slot",
        "started_at",
        "stop_asked",
        "supervisor",
        "value",
        "was_up",
    )

    def __init__(self, slot: Slot, keeper: Keeper) -> None:
        slot.incarnations += 1
        self.slot = slot
        self.path = slot.path
        self.incarnation = slot.incarnations
        self._keeper = keeper
        self._scope = trio.CancelScope(shield=True)
        self._on_stop: Callable[[], None] | None = None
        self._at_end: dict[object, Callable[[ChildContext], None]] | None = None
        self._forced: ExitReason | None = None
        self._ref: ChildRef | None = None
        self.actor: HasMailbox | None = None
        self.supervisor: HasChildren | None = None
        self.phase = Phase.STARTING
        self.started_at = 0.0
        self.value: object = None
        self.reason: ExitReason | None = None
        self.refusing: ExitReason | None = None
        """Why an actor takes no mail any more: it has ended, or has crashed and is cleaning up."""
        self.was_up = False
        self.ignored = False
        self.stop_asked = False
        self.killed = False
        self.resisting = False
        """It was cancelled, goes on, and was reported as `StopTimedOut`."""
        self.dismissed = False
        """Its supervisor has stopped it, in vain so far: when it ends, that is no exit to apply a policy to."""

    # ---- for the child -----------------------------------------------------------------------

    def started(self, value: object = None) -> None:
        """Report that the child is up.  The start request returns ``value``, or without one the child's `ChildRef`.

        Raises:
            RuntimeError: it was called before, or `ignore` was.
        """
        if self.phase is not Phase.STARTING or self.ignored:
            raise RuntimeError(f"{self.path}: started() is called once, and not after ignore()")
        if self._forced is not None:
            return  # too late: the start has failed already
        self.value = self.ref if value is None else value
        self.phase = Phase.RUNNING
        self.was_up = True
        self.slot.last_up = self.incarnation
        self.started_at = trio.current_time()
        keeper = self._keeper
        keeper.shared.events.emit(ChildStarted, self.path, self.incarnation)
        keeper.on_up()

    def ignore(self) -> None:
        """Choose to have no process: the start succeeds when the start function returns, which it should do now.

        The start, and with it the supervisor, waits until then; ``start_timeout`` bounds that.  The specification is
        kept without process; a temporary child's and an instance's is dropped.

        Raises:
            RuntimeError: `started` was called before.
        """
        if self.phase is not Phase.STARTING:
            raise RuntimeError(f"{self.path}: ignore() comes instead of started()")
        self.ignored = True

    def on_stop_request(self, callback: Callable[[], None] | None) -> None:
        """Have ``callback`` called, once and synchronously, when the child is asked to stop.

        Without one, and with None, its scope is cancelled instead.  A callback that raises is logged, and the
        child cancelled.  When the child has been asked already the callback is called at once.
        """
        self._on_stop = callback
        if self.stop_asked and callback is not None:
            self._request_stop()

    @property
    def ref(self) -> ChildRef:
        """The ref of this incarnation."""
        if self._ref is None:
            self._ref = ChildRef(self)
        return self._ref

    @property
    def shared(self) -> Shared:
        """What the tree shares."""
        return self._keeper.shared

    @property
    def registry(self) -> "Registry":
        """The tree's registry of names."""
        return self._keeper.shared.registry

    @property
    def parent(self) -> object:
        """The handle of the child's own supervisor (a `Supervisor`); None for the root."""
        return self._keeper.handle

    @property
    def events(self) -> EventStream:
        """The tree's event stream."""
        return self._keeper.shared.events

    # ---- for the library ---------------------------------------------------------------------

    def end_reason(self) -> ExitReason:
        """Return why a child ended that is known to have ended."""
        if self.reason is None:
            raise RuntimeError(f"{self.path} has not ended")
        return self.reason

    def set_ref(self, ref: ChildRef) -> None:
        """Make ``ref`` this incarnation's ref."""
        self._ref = ref

    def call_at_end(self, callback: Callable[["ChildContext"], None]) -> Callable[[], None]:
        """Call ``callback`` when the child ends, before its supervisor handles it; returns how to take it back."""
        if self._at_end is None:
            self._at_end = {}
        at_end = self._at_end
        key = object()
        at_end[key] = callback

        def forget() -> None:
            at_end.pop(key, None)

        return forget

    def ask_to_stop(self) -> None:
        """Ask the child to stop: see the class.  Asking again does nothing."""
        if not self.stop_asked and self.reason is None:
            self.stop_asked = True
            self._request_stop()

    def _request_stop(self) -> None:
        if self._on_stop is None:
            self._scope.cancel()
            return
        try:
            self._on_stop()
        except Exception:  # noqa: BLE001  it is logged, and the child stopped the other way
            _log.exception("%s: its on_stop_request callback failed; cancelled instead", self.path)
            self._scope.cancel()

    def cancel(self) -> None:
        """Cancel the child, its cleaning up included: it ends with reason killed, unless it has crashed already."""
        if self.reason is None:
            self.killed = True
            self._scope.cancel()
            if self.actor is not None:
                self.actor.cancel_clean_up()

    def kill(self) -> None:
        """As `cancel`, for others than its supervisor: when it resists, that is reported all the same."""
        if self.reason is None and not self.killed:
            self.cancel()
            self._keeper.on_killed(self)

    def stop(self) -> None:
        """As `ask_to_stop`, for others than its supervisor: it has the time of its ``shutdown`` all the same."""
        if self.reason is None and not self.stop_asked:
            self.ask_to_stop()
            self._keeper.on_asked(self)

    def end_with(self, reason: ExitReason) -> None:
        """Cancel the child and have it end with ``reason``."""
        if self.reason is None and self._forced is None:
            self._forced = reason
            self._scope.cancel()

    def likely_reason(self) -> ExitReason:
        """Return why the child ended, or is to end."""
        return self.reason or self._forced or (KILLED if self.killed and not self.stop_asked else SHUTDOWN)

    async def run(self) -> None:
        """Run the start function to its end and tell the supervisor.  The body of the child's task."""
        scope = self._scope
        try:
            with scope:
                await self.slot.spec.start(self, *self.slot.args)
        except BaseException as error:
            self._finish(self._forced or ExitReason.from_exception(error))
            if not isinstance(error, Exception):
                raise  # KeyboardInterrupt and its like end the whole program
        else:
            if not scope.cancelled_caught:
                self._finish(NORMAL)
            elif self._forced is not None:
                self._finish(self._forced)
            else:
                self._finish(KILLED if self.killed else SHUTDOWN)

    def _finish(self, reason: ExitReason) -> None:
        now = trio.current_time()
        self.reason = self.refusing = reason
        self.phase = Phase.ENDED
        self._on_stop = None
        try:
            self._tell_end(reason, now)
        finally:  # whatever went wrong, the supervisor must learn of the end
            self._keeper.on_ended(self)

    def _tell_end(self, reason: ExitReason, now: float) -> None:
        events = self._keeper.shared.events
        uptime = now - self.started_at if self.was_up else 0.0
        self.slot.note_exit(self, uptime=uptime, monotonic=now, wall=time.time())
        if self.was_up:
            events.emit(ChildEnded, self.path, self.incarnation, reason=reason, uptime=uptime)
        elif self.ignored and reason is NORMAL:
            events.emit(ChildIgnored, self.path, self.incarnation)
        else:
            events.emit(ChildStartFailed, self.path, self.incarnation, reason=reason)
        if self.actor is not None:
            self.actor.at_end(self)
        at_end, self._at_end = self._at_end, None
        while at_end:  # a callback may take others back
            callback = at_end.popitem()[1]
            try:
                callback(self)
            except Exception:  # noqa: BLE001  who watches a child must not harm it, or others who do
                _log.exception("%s: a callback at its end failed", self.path)
