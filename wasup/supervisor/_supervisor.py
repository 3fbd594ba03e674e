"""The handle of a running supervisor, and supervisors as children."""

from functools import partial
from typing import Any

from wasup.supervisor._context import ChildContext
from wasup.supervisor._core import SupervisorCore
from wasup.supervisor._errors import BadSpec
from wasup.supervisor._events import EventStream
from wasup.supervisor._exits import ExitReason
from wasup.supervisor._policy import INFINITY, Backoff, BrutalKill, Budget, Restart
from wasup.supervisor._refs import ChildRef
from wasup.supervisor._registry import Registry
from wasup.supervisor._requests import ChildCounts, ChildInfo
from wasup.supervisor._snapshot import TreeNode, find_slot, take_snapshot, take_snapshot_in_slices
from wasup.supervisor._spec import ID_ALLOWED, ChildSpec, SupervisorSpec, check_supervisor_spec, is_id


class Supervisor:
    """A running supervisor.

    Requests are carried out one at a time, in the order in which they arrive, and between exits; a request
    waits while a child starts or stops.  Called from one of its own children while that child starts they would wait
    for each other: a child asks its own supervisor only when it is up.  All of them raise `SupervisorEnded` when
    the supervisor ends first.
    """

    __slots__ = ("_core",)

    def __init__(self, core: SupervisorCore) -> None:
        self._core = core

    # ---- requests ----------------------------------------------------------------------------

    async def start_child(self, *spec_or_args: Any) -> Any:
        """Add a child and start it: ``start_child(spec)``; under SIMPLE_ONE_FOR_ONE ``start_child(*args)``.

        The child goes to the end of the start order.  It is not part of the supervisor's own specification: when the
        supervisor itself is restarted the child does not come back.

        Returns:
            what the child gave to ``started`` (an `ActorRef`, a `Supervisor` ...), by default its `ChildRef`;
            None when it chose to have no process.

        Raises:
            BadSpec: the specification is wrong, or what ``instance_id`` made of the arguments is no id.
            AlreadyStarted: the id belongs to a running child.
            AlreadyPresent: the id belongs to a child that is down or restarting.
            TooManyChildren: there are ``max_children`` already.
            StartFailed: it did not come up; its specification is forgotten, siblings are untouched.
        """
        core = self._core
        template = core.spec.template
        if template is not None:
            child_id = self._instance_id(spec_or_args)
            return await core.request(partial(core.requests.start_instance, template, child_id, spec_or_args))
        if len(spec_or_args) != 1:
            raise BadSpec(child=self.path, field="spec", value=spec_or_args, allowed="one ChildSpec")
        return await core.request(partial(core.requests.start_child, spec_or_args[0]))

    def _instance_id(self, args: tuple[object, ...]) -> str | None:
        """Return what the specification's ``instance_id`` calls a new instance; None when there is no such function."""
        name = self._core.spec.instance_id
        if name is None:
            return None
        child_id: object = name(*args)
        if not isinstance(child_id, str) or not is_id(child_id):
            raise BadSpec(child=self.path, field="instance_id", value=child_id, allowed=f"to return {ID_ALLOWED}")
        return child_id

    async def terminate_child(self, child: "str | ChildRef | Supervisor") -> None:
        """Stop a child; its specification stays, without a process.

        A temporary child and an instance are forgotten.  No strategy, no restart, no intensity, no auto-shutdown.
        It is no error when the child is down already; an attempt to restart it is called off.  Siblings which a
        group restart had stopped stay stopped.

        Args:
            child: its id, its ref or, for a supervisor, its handle.  A ref that has ended is no error.

        Raises:
            BadSpec: ``child`` is none of these.
            ChildNotFound: no such child here.
            NoIdsHere: an id was given for an instance of a template without ``instance_id``.
            ChildStopTimedOut: it was cancelled and goes on; it stays visible until it ends.
        """
        target = child.ref if isinstance(child, Supervisor) else child
        if not isinstance(target, str | ChildRef):
            raise BadSpec(child=self.path, field="child", value=child, allowed="an id, a ref or a Supervisor")
        await self._core.request(partial(self._core.requests.terminate_child, target))

    async def restart_child(self, child_id: str) -> Any:
        """Start a child that is down; returns as `start_child` does.

        Raises:
            BadSpec: ``child_id`` is no string.
            ChildRunning: it has a process.
            InBackoff: it waits for its restart, or for that of its group; to start it now, terminate_child first.
            ChildRestarting: it is between two attempts to restart it.
            ChildNotFound: no such child.
            NoIdsHere: instances of a template are not restarted by request.
            StartFailed: it did not come up; the specification stays, nothing is tried again.
        """
        self._check_id(child_id)
        return await self._core.request(partial(self._core.requests.restart_child, child_id))

    async def delete_child(self, child_id: str) -> None:
        """Forget a child that is down.  Raises as `restart_child` does."""
        self._check_id(child_id)
        await self._core.request(partial(self._core.requests.delete_child, child_id))

    def _check_id(self, child_id: object) -> None:
        if not isinstance(child_id, str):
            raise BadSpec(child=self.path, field="child_id", value=child_id, allowed="the id of a child")

    async def which_children(self) -> list[ChildInfo]:
        """Return the children in start order (OTP: newest first)."""
        listed: list[ChildInfo] = await self._core.request(self._core.requests.which_children)
        return listed

    async def count_children(self) -> ChildCounts:
        """Return how many children there are, and how many live processes."""
        counts: ChildCounts = await self._core.request(self._core.requests.count_children)
        return counts

    async def stop(self, exit_with: Exception | None = None) -> ExitReason:
        """Stop the children in order, then end; its own supervisor applies its policy to the exit.

        Args:
            exit_with: raised as the end of this supervisor; a typed exit, or any exception for a crash.  None =
                end normally.

        Returns:
            the reason it ended with.

        Raises:
            BadSpec: ``exit_with`` is neither.
        """
        if exit_with is not None and not isinstance(exit_with, Exception):
            raise BadSpec(child=self.path, field="exit_with", value=exit_with, allowed="None or an exception")
        self._core.request_stop(exit_with)
        return await self.ref.wait_ended()

    # ---- looks, without waiting --------------------------------------------------------------

    def child(self, child_id: str) -> Any:
        """Return the start value of the living child of this id, or None when there is none."""
        slot = self._core.table.get(child_id)
        if slot is None or slot.process is None or slot.process.reason is not None:
            return None
        return slot.process.value

    def snapshot(self) -> TreeNode:
        """Return the state of this supervisor and everything below it, at this instant.

        It takes no locks and sends no messages.  It takes some 5 microseconds per child during which nothing else
        runs; `snapshot_in_slices` lets others run in between.  A snapshot makes two objects per child that Python's
        garbage collector counts, so that once in a while it looks at everything there is, which among 10,000 actors
        is a pause of more than 100 ms.  A program that minds calls ``gc.freeze()`` and ``gc.set_threshold`` once it
        is up.
        """
        return take_snapshot(self._core.context.slot)

    async def snapshot_in_slices(self, *, slice_size: int = 500) -> TreeNode:
        """As `snapshot`, with a checkpoint after every ``slice_size`` children: the parts are of different instants."""
        return await take_snapshot_in_slices(self._core.context.slot, slice_size)

    async def look(self, path: str, *, slice_size: int = 500) -> TreeNode | None:
        """As `snapshot_in_slices`, of the child at ``path`` below this supervisor alone; None if there is none."""
        slot = find_slot(self._core.context.slot, path)
        return None if slot is None else await take_snapshot_in_slices(slot, slice_size)

    def kill(self, path: str) -> bool:
        """Cancel the child at ``path`` below this supervisor, which is a crash to its own; False if none is up."""
        slot = find_slot(self._core.context.slot, path)
        process = slot.process if slot is not None else None
        if process is None or process.reason is not None:
            return False
        process.kill()
        return True

    @property
    def events(self) -> EventStream:
        """The event stream of the whole tree."""
        return self._core.context.events

    @property
    def registry(self) -> Registry:
        """The registry of the whole tree."""
        return self._core.context.registry

    @property
    def path(self) -> str:
        """Where it stands, as ``root/accounts``."""
        return self._core.context.path

    @property
    def incarnation(self) -> int:
        """Which life of this supervisor, from 1."""
        return self._core.context.incarnation

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._core.context.reason is None

    @property
    def ref(self) -> ChildRef:
        """Its ref: to wait for its end, to monitor it, to kill it (which cancels everything below at once)."""
        return self._core.context.ref

    def __repr__(self) -> str:
        return f"<Supervisor {self.path} #{self.incarnation} {'alive' if self.alive else 'ended'}>"


def supervisor_child(
    id: str,  # noqa: A002  OTP's word, as in ChildSpec
    spec: SupervisorSpec,
    *,
    restart: Restart = Restart.PERMANENT,
    shutdown: float | BrutalKill = INFINITY,
    significant: bool = False,
    start_timeout: float | None = None,
    backoff: Backoff | None = None,
    budget: Budget | None = None,
) -> ChildSpec:
    """Return the specification of a supervisor as a child.  Its start value is a `Supervisor`.

    A restarted supervisor starts its specified children afresh, with an empty restart history.  One that gives up
    ends with reason shutdown: as PERMANENT it is restarted, as TRANSIENT or TEMPORARY it is not.

    Args:
        id: as in `ChildSpec`.
        spec: checked here, so that a mistake is found before anything starts.
        shutdown: `INFINITY` by default: its children have their own deadlines.  When a number is over, everything
            below is cancelled at once.
        restart: as in `ChildSpec`.
        significant: as in `ChildSpec`.
        start_timeout: as in `ChildSpec`: for all its children together.  When it is over everything below is
            cancelled at once, also what is up already: no ``on_stop`` is called.
        backoff: as in `ChildSpec`.
        budget: as in `ChildSpec`.

    Raises:
        BadSpec: ``spec`` is wrong.
    """
    check_supervisor_spec(spec, id)
    return ChildSpec(
        id=id,
        start=supervisor_start(spec),
        restart=restart,
        shutdown=shutdown,
        significant=significant,
        type="supervisor",
        start_timeout=start_timeout,
        backoff=backoff,
        budget=budget,
    )


def supervisor_start(spec: SupervisorSpec) -> Any:
    """Return the start function of a supervisor."""

    async def start(context: ChildContext, *_args: object) -> None:
        core = SupervisorCore(spec, context)
        await core.run(Supervisor(core))

    return start
