"""What a supervisor does when it is asked something.  Everything runs in the supervisor's task."""

from dataclasses import dataclass
from typing import Any

from wasup.supervisor._context import ChildContext
from wasup.supervisor._errors import (
    AlreadyPresent,
    AlreadyStarted,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    ChildStopTimedOut,
    InBackoff,
    NoIdsHere,
    StartFailed,
    TooManyChildren,
)
from wasup.supervisor._launcher import Launcher
from wasup.supervisor._policy import Restart, Strategy
from wasup.supervisor._refs import ChildRef
from wasup.supervisor._restarter import Restarter
from wasup.supervisor._slot import Slot
from wasup.supervisor._spec import ChildSpec, SupervisorSpec, check_child_spec
from wasup.supervisor._table import ChildTable


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One line of ``which_children``, as the supervisor believes.

    A child whose exit has not been handled yet is still running here.

    Attributes:
        id: its id.
        state: "running", "restarting" or "down".
        value: its start value; None when it is not running.
        ref: its ref; None when it is not running.
        type: "worker" or "supervisor".
    """

    id: str
    state: str
    value: Any
    ref: ChildRef | None
    type: str


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """The answer of ``count_children``.

    Attributes:
        specs: specifications: children, running or not; under SIMPLE_ONE_FOR_ONE the one template.
        active: processes alive at this instant.
        supervisors: children of type supervisor, running or not.
        workers: children of type worker, running or not.
    """

    specs: int
    active: int
    supervisors: int
    workers: int


class RequestHandler:
    """Carries out the requests to one supervisor.  What each does and raises is told by `Supervisor`."""

    def __init__(
        self,
        spec: SupervisorSpec,
        path: str,
        table: ChildTable,
        launcher: Launcher,
        restarter: Restarter,
    ) -> None:
        self._spec = spec
        self._path = path
        self._table = table
        self._launcher = launcher
        self._restarter = restarter
        self._instances = 0

    @property
    def _simple(self) -> bool:
        return self._spec.strategy is Strategy.SIMPLE_ONE_FOR_ONE

    async def start_child(self, spec: ChildSpec) -> Any:
        """Add a child and start it."""
        check_child_spec(spec, self._spec.auto_shutdown, self._path)
        return await self._add(Slot(spec, self._path, spec.id))

    async def start_instance(self, template: ChildSpec, child_id: str | None, args: tuple[object, ...]) -> Any:
        """Start an instance of the template; without an id it is numbered."""
        self._instances += 1
        name = f"{template.id}:{self._instances}" if child_id is None else child_id
        return await self._add(Slot(template, self._path, name, args))

    async def _add(self, slot: Slot) -> Any:
        present = self._table.get(slot.id)
        if present is not None:
            if present.process is not None:
                raise AlreadyStarted(slot.id, present.process.value)
            raise AlreadyPresent(slot.id)
        if self._spec.max_children is not None and len(self._table) >= self._spec.max_children:
            raise TooManyChildren(f"{self._path}: has {len(self._table)} children, the most allowed")
        self._table.add(slot)
        reason = await self._launcher.start(slot)
        if reason is not None:
            if slot.process is None:
                slot.go_down()
                self._table.remove(slot)
            else:
                slot.discard = True  # forgotten when its cancelled process ends
            raise StartFailed(slot.path, reason) from reason.exception
        if slot.process is None:
            self._restarter.drop(slot)
            return None
        return slot.process.value

    async def terminate_child(self, target: str | ChildRef) -> None:
        """Stop a child."""
        slot = self._find(target)
        if slot is None:
            return
        process = slot.process
        if not await self._restarter.stop_child(slot):
            slot.restarting = False
            slot.discard = slot.discard or self._simple or slot.spec.restart is Restart.TEMPORARY
            raise ChildStopTimedOut(slot.path)
        if process is not None and process.end_reason().forbids_restart:
            self._restarter.settle_stopped(slot, process.end_reason())
        else:
            self._restarter.drop(slot)

    def _find(self, target: str | ChildRef) -> Slot | None:
        """Return the slot of a child to be stopped; None when it is a ref that has ended already."""
        if isinstance(target, str):
            if self._simple and self._spec.instance_id is None:
                raise NoIdsHere(f"{self._path}: name the instance {target!r} by its ref")
            slot = self._table.get(target)
            if slot is None:
                raise ChildNotFound(target)
            return slot
        context: ChildContext = target._context  # noqa: SLF001
        slot = context.slot
        if self._table.holds(slot) and (
            slot.process is context or (slot.restarting and slot.last_up == context.incarnation)
        ):
            return slot
        if context.reason is None:
            raise ChildNotFound(target.path)
        return None

    async def restart_child(self, child_id: str) -> Any:
        """Start a child that is down."""
        slot = self._find_down(child_id)
        retired = slot.retired
        reason = await self._launcher.start(slot)
        if reason is not None:
            slot.retired = retired
            if slot.process is None:
                slot.go_down()
            raise StartFailed(slot.path, reason) from reason.exception
        if slot.process is None:
            self._restarter.drop(slot)
            return None
        return slot.process.value

    async def delete_child(self, child_id: str) -> None:
        """Forget a child that is down."""
        self._table.remove(self._find_down(child_id))

    def _find_down(self, child_id: str) -> Slot:
        if self._simple:
            raise NoIdsHere(f"{self._path}: instances are neither restarted nor deleted by request")
        slot = self._table.get(child_id)
        if slot is None:
            raise ChildNotFound(child_id)
        until = slot.waiting_until
        if until is not None:
            raise InBackoff(child_id, until=until, reason=slot.last_reason)
        if slot.restarting:
            raise ChildRestarting(child_id)
        if slot.process is not None:
            raise ChildRunning(child_id)
        return slot

    async def which_children(self) -> list[ChildInfo]:
        """List the children in start order."""
        return [_info(slot) for slot in self._table]

    async def count_children(self) -> ChildCounts:
        """Count the children."""
        active = supervisors = 0
        for slot in self._table:
            active += slot.process is not None and slot.process.reason is None
            supervisors += slot.spec.type == "supervisor"
        specs = len(self._table)
        if self._simple:
            return ChildCounts(1, active, supervisors, specs - supervisors)
        return ChildCounts(specs, active, supervisors, specs - supervisors)


def _info(slot: Slot) -> ChildInfo:
    process = slot.process
    if slot.restarting or (process is None and slot.waiting_until is not None):
        return ChildInfo(slot.id, "restarting", None, None, slot.spec.type)
    if process is None:
        return ChildInfo(slot.id, "down", None, None, slot.spec.type)
    return ChildInfo(slot.id, "running", process.value, process.ref, slot.spec.type)
