"""Starts and stops the processes of one supervisor, and waits for them."""

from collections.abc import Callable, Iterable

import trio

from wasup.supervisor._context import ChildContext, Phase, Shared
from wasup.supervisor._errors import StartTimedOut
from wasup.supervisor._events import StopTimedOut
from wasup.supervisor._exits import NORMAL, SHUTDOWN, ExitKind, ExitReason
from wasup.supervisor._park import Bell
from wasup.supervisor._policy import INFINITY, BrutalKill
from wasup.supervisor._slot import Slot


class Launcher:
    """The processes of one supervisor.

    Its methods run in the supervisor's task, one at a time; `on_up` and `on_ended` are called from the children's.

    Args:
        shared: what the tree shares.
        bell: rung when something happened that the supervisor may be waiting for.
        exited: told of every process that was up, or lingered, when it has ended.
        kill_grace: seconds a cancelled child may take to end.
    """

    nursery: trio.Nursery

    def __init__(
        self,
        *,
        shared: Shared,
        bell: Bell,
        exited: Callable[[ChildContext], None],
        kill_grace: float,
    ) -> None:
        self.shared = shared
        self.handle: object = None
        """The supervisor's handle, for its children."""
        self.call_off = False
        """Set when the supervisor is to stop now: a start in progress is stopped."""
        self._bell = bell
        self._exited = exited
        self._kill_grace = kill_grace
        self._alive: set[ChildContext] = set()
        self._awaited: set[ChildContext] = set()

    # ---- told by the children ----------------------------------------------------------------

    def on_up(self) -> None:
        """A child is up."""
        self._bell.ring()

    def on_ended(self, context: ChildContext) -> None:
        """A child has ended."""
        self._alive.discard(context)
        self._awaited.discard(context)
        if context.was_up or context.dismissed:
            self._exited(context)
        self._bell.ring()

    def on_asked(self, context: ChildContext) -> None:
        """A child was asked to stop through its ref: kill it when its time is over."""
        shutdown = context.slot.spec.shutdown
        if shutdown != INFINITY:
            limit = self._kill_grace if isinstance(shutdown, BrutalKill) else shutdown
            self.nursery.start_soon(self._kill_late, context, limit)

    def on_killed(self, context: ChildContext) -> None:
        """A child was cancelled through its ref, or by itself: report it when it resists."""
        self.nursery.start_soon(self._report_late, [context])

    async def _kill_late(self, context: ChildContext, limit: float) -> None:
        if not await _ended_within(limit, [context]):
            context.kill()

    async def _report_late(self, contexts: list[ChildContext]) -> None:
        if not await _ended_within(self._kill_grace, contexts):
            self._report(contexts)
            self._bell.ring()

    # ---- start -------------------------------------------------------------------------------

    async def start(self, slot: Slot) -> ExitReason | None:
        """Start a child and wait until it is up, has chosen to have no process, has failed, or was killed and resists.

        Returns:
            None when it is up or has no process by its own choice, else why it failed.  ``slot.process`` is the
            new process, or None; after a failure it is one that was cancelled and resists, or None.
        """
        if self.call_off:
            return SHUTDOWN
        context = ChildContext(slot, self)
        slot.starting = context
        slot.process = None
        slot.restarting = False
        slot.retired = False
        slot.backoff_until = None
        slot.waits_with = None
        self._alive.add(context)
        self.nursery.start_soon(context.run, name=context.path)
        await self._wait_up(context)
        slot.starting = None  # if the supervisor is killed meanwhile it stays visible until it has ended
        if context.was_up:
            slot.process = context
            if context.reason is None:
                slot.last_reason = SHUTDOWN  # that of the life before would keep its frames, and all they hold
            return None
        if context.dismissed:
            slot.process = context
            return context.likely_reason()
        reason = context.end_reason()
        return None if context.ignored and reason is NORMAL else reason

    async def _wait_up(self, context: ChildContext) -> None:
        limit = context.slot.spec.start_timeout
        if limit is None:
            await self._wait_not_starting(context)
        else:
            with trio.move_on_after(limit):
                await self._wait_not_starting(context)
        if context.phase is not Phase.STARTING:
            return
        if context.resisting:
            context.dismissed = True  # somebody killed it, and it goes on
        elif self.call_off:
            await self.stop(context)
        else:
            context.end_with(_timed_out(context.slot))
            await self._wait_cancelled([context])
            context.dismissed = context.reason is None

    async def _wait_not_starting(self, context: ChildContext) -> None:
        while context.phase is Phase.STARTING and not self.call_off and not context.resisting:
            await self._bell.wait()

    # ---- stop --------------------------------------------------------------------------------

    async def stop(self, context: ChildContext) -> bool:
        """Stop a child as its ``shutdown`` says.

        Returns:
            whether it has ended; False = it was cancelled and resists.
        """
        return await self.stop_together([context], context.slot.spec.shutdown)

    async def stop_together(self, contexts: Iterable[ChildContext], shutdown: float | BrutalKill) -> bool:
        """Stop children at the same time, within one common time; returns whether all have ended."""
        todo = [context for context in contexts if context.reason is None]
        alive = [context for context in todo if not context.resisting]
        if not isinstance(shutdown, BrutalKill):
            for context in alive:
                context.ask_to_stop()
            with trio.move_on_after(shutdown) if shutdown != INFINITY else trio.CancelScope():
                await self._wait_ended(alive)
        for context in alive:
            context.cancel()
        await self._wait_cancelled(alive)
        for context in todo:
            context.dismissed = context.reason is None
        return not any(context.dismissed for context in todo)

    async def _wait_cancelled(self, contexts: list[ChildContext]) -> None:
        """Wait for cancelled children to end, and report those that do not."""
        with trio.move_on_after(self._kill_grace):
            await self._wait_ended(contexts)
        self._report(contexts)

    def _report(self, contexts: list[ChildContext]) -> None:
        """Report those that have not ended, each once."""
        for context in contexts:
            if context.reason is None and not context.resisting:
                context.resisting = True
                self.shared.events.emit(StopTimedOut, context.path, context.incarnation, waited=self._kill_grace)

    async def _wait_ended(self, contexts: Iterable[ChildContext]) -> None:
        self._awaited = {context for context in contexts if context.reason is None}
        while self._awaited:
            await self._bell.wait()

    def kill_all(self) -> None:
        """Cancel every living child, also those being started, and report later who resists."""
        for context in self._alive:
            context.cancel()
        self.nursery.start_soon(self._report_late, list(self._alive))


async def _ended_within(seconds: float, contexts: list[ChildContext]) -> bool:
    """Wait for children to end, also while the supervisor itself is being cancelled; returns whether all have."""
    with trio.CancelScope(shield=True, deadline=trio.current_time() + seconds):
        for context in contexts:
            await context.ref.wait_ended()
    return all(context.reason is not None for context in contexts)


def _timed_out(slot: Slot) -> ExitReason:
    error = StartTimedOut(f"{slot.path}: not up within {slot.spec.start_timeout} s")
    return ExitReason(ExitKind.CRASH, None, error)
