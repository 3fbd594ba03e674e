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
        if context.was_up or context.resisting:
            self._exited(context)
        self._bell.ring()

    # ---- start -------------------------------------------------------------------------------

    async def start(self, slot: Slot) -> ExitReason | None:
        """Start a child and wait until it is up, has chosen to have no process, or has failed.

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
        self._alive.add(context)
        self.nursery.start_soon(context.run, name=context.path)
        await self._wait_up(context)
        slot.starting = None  # if the supervisor is killed meanwhile it stays visible until it has ended
        if context.was_up:
            slot.process = context
            if context.reason is None:
                slot.last_reason = SHUTDOWN  # that of the life before would keep its frames, and all they hold
            return None
        if context.resisting:
            slot.process = context
            return slot.last_reason if context.reason else _timed_out(slot)
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
        if self.call_off:
            await self.stop(context)
        else:
            context.end_with(_timed_out(context.slot))
            await self._wait_cancelled([context])

    async def _wait_not_starting(self, context: ChildContext) -> None:
        while context.phase is Phase.STARTING and not self.call_off:
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
            context.kill()
        await self._wait_cancelled(alive)
        return all(context.reason is not None for context in todo)

    async def _wait_cancelled(self, contexts: list[ChildContext]) -> None:
        """Wait for cancelled children to end, and report those that do not."""
        with trio.move_on_after(self._kill_grace):
            await self._wait_ended(contexts)
        for context in contexts:
            if context.reason is None:
                context.resisting = True
                self.shared.events.emit(StopTimedOut, context.path, context.incarnation, waited=self._kill_grace)

    async def _wait_ended(self, contexts: Iterable[ChildContext]) -> None:
        self._awaited = {context for context in contexts if context.reason is None}
        while self._awaited:
            await self._bell.wait()

    def kill_all(self) -> None:
        """Cancel every living child, also those being started."""
        for context in self._alive:
            context.kill()


def _timed_out(slot: Slot) -> ExitReason:
    error = StartTimedOut(f"{slot.path}: not up within {slot.spec.start_timeout} s")
    return ExitReason(ExitKind.CRASH, None, error)
