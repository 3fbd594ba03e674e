"""What a supervisor does when a child has ended: restart it, with its siblings, at once or later, or end."""

import heapq
from collections.abc import Callable, Iterable

import trio

from wasup.supervisor._context import ChildContext
from wasup.supervisor._errors import SupervisorGaveUp
from wasup.supervisor._events import BackoffStarted, ChildGaveUp, ChildRestarted, Escalated, GaveUp
from wasup.supervisor._exits import Directive, ExitReason
from wasup.supervisor._launcher import Launcher
from wasup.supervisor._policy import AutoShutdown, Restart, RestartWindow, Strategy, should_restart
from wasup.supervisor._slot import Slot
from wasup.supervisor._spec import SupervisorSpec
from wasup.supervisor._table import ChildTable


class EndSupervisor(Exception):  # noqa: N818  it ends the supervisor's loop and never leaves it
    """The supervisor is to stop its children and to end.

    Attributes:
        exit: what it ends with: an exception to raise, or None to return.
    """

    def __init__(self, exit_: Exception | None) -> None:
        super().__init__(exit_)
        self.exit = exit_


class Restarter:
    """Applies the restart policy of one supervisor.  All methods run in the supervisor's task.

    Args:
        spec: the supervisor's specification.
        context: the child that it is to its own supervisor.
        table: its children.
        launcher: its processes.
        retry_later: puts a retry at the end of the supervisor's inbox; it comes back to `retry`.
    """

    def __init__(
        self,
        *,
        spec: SupervisorSpec,
        context: ChildContext,
        table: ChildTable,
        launcher: Launcher,
        retry_later: Callable[[Slot], None],
    ) -> None:
        self._spec = spec
        self._context = context
        self._table = table
        self._launcher = launcher
        self._events = launcher.shared.events
        self._retry_later = retry_later
        self._window = RestartWindow(limit=spec.intensity, period=spec.period, whole_seconds=spec.whole_seconds)
        self._alone = spec.strategy in {Strategy.ONE_FOR_ONE, Strategy.SIMPLE_ONE_FOR_ONE}
        """Whether a child is restarted without siblings."""
        self._timers: list[tuple[float, int, Slot]] = []
        self._timers_made = 0
        self._blocked: list[Slot] = []
        """Children whose restart waits for a cancelled process that has not ended."""

    # ---- exits -------------------------------------------------------------------------------

    async def child_ended(self, context: ChildContext) -> None:
        """Handle the exit of a process.

        Raises:
            EndSupervisor: the supervisor is to end.
        """
        slot = context.slot
        if slot.process is not context:
            return  # the supervisor stopped it, or met it dead while stopping its siblings
        reason = context.end_reason()
        if context.dismissed:
            self._dismissed_ended(slot, reason)
            return
        if isinstance(reason.exception, SupervisorGaveUp):
            self._events.emit(Escalated, context.path, context.incarnation, reason=reason)
        if should_restart(slot.spec.restart, reason):
            await self._restart(slot, reason)
        else:
            self._settle_without_restart(slot, reason)

    def _settle_without_restart(self, slot: Slot, reason: ExitReason) -> None:
        """A child has ended by itself and stays down."""
        self.settle_stopped(slot, reason)
        self._check_auto_shutdown(slot, reason)

    def settle_stopped(self, slot: Slot, reason: ExitReason) -> None:
        """Leave a child down that has ended, and obey what a typed exit asks for, whoever ended it.

        Raises:
            EndSupervisor: it asked for the end of the tree.
        """
        slot.retired = reason.directive is Directive.NEVER_RESTART
        self.drop(slot)
        if reason.directive is Directive.END_TREE:
            self._give_up("end of tree asked for", slot, reason)

    def _dismissed_ended(self, slot: Slot, reason: ExitReason) -> None:
        """A child that was stopped in vain has ended at last."""
        slot.process = None
        blocked, self._blocked = self._blocked, []
        for waiting in blocked:
            self._retry_later(waiting)
        if reason.forbids_restart:
            self.settle_stopped(slot, reason)
        elif not (slot.restarting or slot.waiting_until is not None or any(map(self._restarts_with(slot), blocked))):
            slot.go_down()
        if slot.discard or (slot.spec.restart is Restart.TEMPORARY):
            slot.go_down()
            self._table.remove(slot)

    def _restarts_with(self, slot: Slot) -> Callable[[Slot], bool]:
        """Return the test for whether a child's restart, if it is still to be, brings this one back too."""
        return lambda cause: cause.restarting and self._table.holds(cause) and slot in self._group_of(cause)

    def drop(self, slot: Slot) -> None:
        """Take the process off a child; temporary children and instances are forgotten."""
        slot.go_down()
        if slot.spec.restart is Restart.TEMPORARY or self._spec.strategy is Strategy.SIMPLE_ONE_FOR_ONE:
            self._table.remove(slot)

    def _check_auto_shutdown(self, slot: Slot, reason: ExitReason) -> None:
        mode = self._spec.auto_shutdown
        if mode is AutoShutdown.NEVER or not slot.spec.significant:
            return
        if mode is AutoShutdown.ALL_SIGNIFICANT and any(
            other.spec.significant and not other.present_and_down for other in self._table
        ):
            return
        self._give_up("automatic shutdown", slot, reason)

    def _give_up(self, why: str, slot: Slot, reason: ExitReason) -> None:
        me = self._context
        self._events.emit(GaveUp, me.path, me.incarnation, why=why, child=slot.path, reason=reason)
        raise EndSupervisor(SupervisorGaveUp(path=me.path, why=why, child=slot.path, reason=reason))

    # ---- restarts ----------------------------------------------------------------------------

    async def retry(self, slot: Slot) -> None:
        """Try again to restart a child, unless that has become void.

        Raises:
            EndSupervisor: the supervisor is to end.
        """
        if not slot.restarting or not self._table.holds(slot):
            return
        if slot in self._blocked:
            return
        if slot.backoff_until is None and not slot.paid:
            await self._restart(slot, slot.last_reason)
        elif slot.backoff_until is None or trio.current_time() >= slot.backoff_until:
            await self._apply_strategy(slot)

    async def _restart(self, slot: Slot, reason: ExitReason) -> None:
        """Count one restart of a child and do it, at once or after its backoff."""
        again = slot.process is None  # an attempt has failed, and may have left siblings stopped
        quiet = reason.directive is Directive.RESTART_QUIETLY and not again
        delay = 0.0
        if reason.directive is Directive.RESTART_LATER and not again:
            delay = slot.next_delay(self._launcher.shared.random)
        elif not quiet:
            now = trio.current_time()
            if slot.budget is not None and not slot.budget.note(now):
                self._events.emit(ChildGaveUp, slot.path, slot.incarnations, reason=reason)
                siblings = self._group_of(slot)
                self.drop(slot)
                slot.retired = True
                self._check_auto_shutdown(slot, reason)
                if again:
                    await self._start_group(siblings)
                return
            if not self._window.note(now):
                self.drop(slot)
                self._give_up("too many restarts", slot, reason)
            delay = slot.next_delay(self._launcher.shared.random)
        slot.process = None
        delay = max(delay, self._rest_of_waits(slot))
        if delay > 0:
            await self._wait_out(slot, reason, delay)
        else:
            await self._apply_strategy(slot)

    def _rest_of_waits(self, slot: Slot) -> float:
        """Return the seconds for which siblings are in backoff who are to be restarted with a child."""
        if self._alone:
            return 0.0
        waits = [member.backoff_until for member in self._group_of(slot) if member.backoff_until is not None]
        return max(waits) - trio.current_time() if waits else 0.0

    async def _wait_out(self, slot: Slot, reason: ExitReason, delay: float) -> None:
        """Stop the child's group and set a timer for its restart."""
        slot.restarting = True
        slot.backoff_until = trio.current_time() + delay
        group = self._group_of(slot)
        await self._stop_group(slot, group)
        slot.restarting = True
        slot.backoff_until = until = trio.current_time() + delay
        for member in group:
            if member is not slot and not member.retired:
                member.waits_with = slot
        self._timers_made += 1
        heapq.heappush(self._timers, (until, self._timers_made, slot))
        self._events.emit(
            BackoffStarted,
            slot.path,
            slot.incarnations,
            reason=reason,
            delay=delay,
            until=until,
            attempt=slot.in_row,
        )

    def next_due(self) -> float | None:
        """Return when the next backoff ends (Trio's clock), or None."""
        return self._timers[0][0] if self._timers else None

    def wake_due(self) -> None:
        """Queue the restarts whose backoff is over."""
        timers = self._timers
        if timers:
            now = trio.current_time()
            while timers and timers[0][0] <= now:
                self._retry_later(heapq.heappop(timers)[2])

    # ---- strategies --------------------------------------------------------------------------

    def _group_of(self, slot: Slot) -> list[Slot]:
        """Who is restarted together with a child, itself included, in start order."""
        match self._spec.strategy:
            case Strategy.ONE_FOR_ONE | Strategy.SIMPLE_ONE_FOR_ONE:
                return [slot]
            case Strategy.ONE_FOR_ALL:
                return list(self._table)
            case Strategy.REST_FOR_ONE:
                return self._table.from_child_on(slot)

    async def _apply_strategy(self, slot: Slot) -> None:
        """Stop the child's group and start it."""
        slot.paid = False
        group = self._group_of(slot)
        if not await self._stop_group(slot, group):
            slot.restarting = slot.paid = True
            self._blocked.append(slot)
            return
        slot.retired = False
        await self._start_group(group)

    async def _start_group(self, group: list[Slot]) -> None:
        """Start those of a group that have no process, up to the first that fails; the retired stay down."""
        for member in group:
            if member.retired or member.has_process or not self._table.holds(member):
                continue
            reason = await self._launcher.start(member)
            if reason is None:
                if member.process is None:
                    self.drop(member)
                else:
                    member.restarts += 1
                    self._events.emit(ChildRestarted, member.path, member.incarnations, restarts=member.restarts)
            elif reason.forbids_restart:
                self._settle_without_restart(member, reason)
            else:
                self._try_again(member)
                break

    def _try_again(self, slot: Slot) -> None:
        slot.restarting = True
        if slot.process is None:
            self._retry_later(slot)
        else:  # its start was cancelled and resists
            self._blocked.append(slot)

    async def _stop_group(self, slot: Slot, group: list[Slot]) -> bool:
        """Stop a group in reverse start order, without its cause; returns whether all have ended.

        Raises:
            EndSupervisor: one of them asked for the end of the tree.
        """
        ended = True
        for member in reversed(group):
            if member is slot:
                ended = ended and slot.process is None
                continue
            if await self.stop_child(member):
                self._forget_process(member)
            else:
                ended = False
        return ended

    def _forget_process(self, member: Slot) -> None:
        """Prepare a stopped sibling for its start; a temporary one is forgotten, one that forbids it stays down."""
        process, member.process = member.process, None
        member.restarting = False
        member.backoff_until = None
        member.waits_with = None
        reason = process.end_reason() if process is not None else None
        if reason is not None and reason.forbids_restart:
            if process is not None and not process.stop_asked:
                self._settle_without_restart(member, reason)  # it ended by itself, and its exit is not handled again
            else:
                self.settle_stopped(member, reason)
        elif member.spec.restart is Restart.TEMPORARY:
            member.go_down()
            self._table.remove(member)

    async def stop_child(self, slot: Slot) -> bool:
        """Stop the process of a child if there is one; returns whether it has none, or an ended one."""
        return slot.process is None or await self._launcher.stop(slot.process)

    # ---- the end -----------------------------------------------------------------------------

    async def stop_all(self) -> None:
        """Stop all children: in reverse start order, or instances of a template at the same time."""
        slots: Iterable[Slot] = self._table.newest_first()
        template = self._spec.template
        if template is not None:
            running = [slot.process for slot in slots if slot.process is not None]
            await self._launcher.stop_together(running, template.shutdown)
        else:
            for slot in slots:
                await self.stop_child(slot)
