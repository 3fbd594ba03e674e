"""The root of a tree inside an ordinary Trio program."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import cast

import trio

from wasup.supervisor._context import ChildContext, Shared
from wasup.supervisor._core import SupervisorCore
from wasup.supervisor._errors import BadSpec, StartFailed, SupervisorEnded, SupervisorGaveUp
from wasup.supervisor._events import EventStream
from wasup.supervisor._exits import Shutdown
from wasup.supervisor._policy import INFINITY
from wasup.supervisor._registry import Registry
from wasup.supervisor._slot import Slot
from wasup.supervisor._spec import ChildSpec, SupervisorSpec, check_child_spec, check_supervisor_spec
from wasup.supervisor._supervisor import Supervisor, supervisor_start


class _RootKeeper:
    """What a supervisor is to its children, for the root."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.handle: object = None
        self.decided = trio.Event()
        """The root is up, or has ended."""
        self.ended = trio.Event()
        self.body = trio.CancelScope()

    def on_up(self) -> None:
        self.decided.set()

    def on_asked(self, _context: ChildContext) -> None:
        """Nothing: the root's children have their own deadlines."""

    def on_killed(self, _context: ChildContext) -> None:
        """Nothing: the root reports which of its children resists."""

    def on_ended(self, _context: ChildContext) -> None:
        self.decided.set()
        self.ended.set()
        self.body.cancel()


@asynccontextmanager
async def open_supervisor(
    spec: SupervisorSpec,
    *,
    name: str = "root",
    events: EventStream | None = None,
    registry: Registry | None = None,
    random: Random | None = None,
) -> AsyncIterator[Supervisor]:
    """Run a supervision tree around the body of an ``async with``.

    The children are started in order before the body runs, and stopped in reverse order when it ends, in
    whatever way: also when it is cancelled from outside the children are asked to stop, one after the other, each
    with its own deadline.  Cancellation then goes on its way.  When the tree ends by itself the body is cancelled.

    Args:
        spec: the root supervisor.
        name: the first part of all paths.
        events: the event stream to publish on; a new one by default.
        registry: the registry of names; a new one by default.
        random: source of backoff's jitter; give a seeded one for repeatable runs.

    Yields:
        the root's handle.

    Raises:
        BadSpec: ``spec`` or another argument is wrong; nothing was started.
        StartFailed: a child did not come up; those before it were stopped again.
        SupervisorEnded: the root was killed through its ref, or stopped before it was up.
        SupervisorGaveUp: the tree ended by itself: too many restarts, automatic shutdown, or `EndTree`.  A body that
            raises at the same time prevails, with this as its context if it has no other.
    """
    check_supervisor_spec(spec, name)
    root = ChildSpec(id=name, start=supervisor_start(spec), shutdown=INFINITY, type="supervisor")
    check_child_spec(root, spec.auto_shutdown, "")
    for field, value, kind in (
        ("events", events, EventStream),
        ("registry", registry, Registry),
        ("random", random, Random),
    ):
        if value is not None and not isinstance(value, kind):
            raise BadSpec(child=name, field=field, value=value, allowed=f"None or a {kind.__name__}")
    shared = Shared(
        EventStream() if events is None else events,
        Registry() if registry is None else registry,
        Random() if random is None else random,  # noqa: S311  it spreads restarts in time, no more
    )
    keeper = _RootKeeper(shared)
    context = ChildContext(Slot(root, "", name), keeper)
    context.slot.process = context
    body_error: Exception | None = None
    with shared.events.tree():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(context.run, name=name)
            try:
                await keeper.decided.wait()
                if context.was_up:
                    with keeper.body:
                        try:
                            yield cast("Supervisor", context.value)
                        except Exception as error:  # noqa: BLE001  raised again below, outside the nursery
                            body_error = error
                await trio.lowlevel.checkpoint_if_cancelled()
            except BaseException:
                _stop_now(context)
                raise
            finally:
                with trio.CancelScope(shield=True):
                    context.ask_to_stop()
                    await keeper.ended.wait()
    _raise_end(context, body_error)


def _stop_now(context: ChildContext) -> None:
    """Stop without waiting for starts in progress: the caller is being cancelled."""
    context.stop_asked = True
    core = context.supervisor
    if isinstance(core, SupervisorCore):
        core.request_stop(Shutdown(), now=True)
    else:
        context.kill()


def _raise_end(context: ChildContext, body_error: Exception | None) -> None:
    """Raise what the body has raised, or what the tree's end means to the caller, if anything."""
    error = _end_error(context)
    if body_error is not None:
        if body_error.__context__ is None and body_error is not error:
            body_error.__context__ = error
        raise body_error
    if error is not None:
        raise error


def _end_error(context: ChildContext) -> BaseException | None:
    reason = context.end_reason()
    error = reason.exception
    if isinstance(error, StartFailed | SupervisorGaveUp):
        return error
    if not reason.is_normal:
        return error or SupervisorEnded(f"{context.path}: killed")
    return None if context.was_up else SupervisorEnded(f"{context.path}: was stopped before it was up")
