"""The loop of one supervisor: one task that handles exits, retries and requests in the order they arrive."""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from wasup.supervisor._context import ChildContext
from wasup.supervisor._errors import StartFailed, SupervisorEnded, SupervisorError
from wasup.supervisor._exits import Shutdown
from wasup.supervisor._launcher import Launcher
from wasup.supervisor._park import Bell, Reply
from wasup.supervisor._requests import RequestHandler
from wasup.supervisor._restarter import EndSupervisor, Restarter
from wasup.supervisor._slot import Slot
from wasup.supervisor._spec import SupervisorSpec
from wasup.supervisor._table import ChildTable

_log = logging.getLogger(__name__)


class _Request:
    """A request in the inbox."""

    __slots__ = ("carry_out", "reply")

    def __init__(self, carry_out: Callable[[], Awaitable[Any]]) -> None:
        self.carry_out = carry_out
        self.reply = Reply[Any]()


class _StopOrder:
    """A request to end with ``exit`` (an exception to raise, or None)."""

    __slots__ = ("exit",)

    def __init__(self, exit_: Exception | None) -> None:
        self.exit = exit_


class SupervisorCore:
    """One incarnation of a supervisor.

    Args:
        spec: its specification, checked.
        context: the child that it is to its own supervisor.
    """

    def __init__(self, spec: SupervisorSpec, context: ChildContext) -> None:
        self.spec = spec
        self.context = context
        self.table = ChildTable()
        self._bell = Bell()
        self._inbox: deque[ChildContext | Slot | _Request | _StopOrder] = deque()
        self._stop_now: _StopOrder | None = None
        self._ended = False
        self.launcher = Launcher(
            shared=context.shared, bell=self._bell, exited=self._inbox.append, kill_grace=spec.kill_grace
        )
        self.restarter = Restarter(
            spec=spec,
            context=context,
            table=self.table,
            launcher=self.launcher,
            retry_later=self._inbox.append,
        )
        self.requests = RequestHandler(spec, context.path, self.table, self.launcher, self.restarter)

    # ---- for other tasks ---------------------------------------------------------------------

    def slots(self) -> list[Slot]:
        """The children in start order."""
        return list(self.table)

    def child_slot(self, child_id: str) -> Slot | None:
        """The child of this id, or None."""
        return self.table.get(child_id)

    async def request(self, carry_out: Callable[[], Awaitable[Any]]) -> Any:
        """Have the supervisor's task run ``carry_out`` when its turn comes, and return what it returns.

        A caller that is cancelled before its turn withdraws the request; later, it is carried out all the same.
        """
        if self._ended:
            raise SupervisorEnded(f"{self.context.path}: has ended")
        request = _Request(carry_out)
        self._inbox.append(request)
        self._bell.ring()
        return await request.reply.wait()

    def request_stop(self, exit_: Exception | None = None, *, now: bool = False) -> None:
        """Ask the supervisor to stop its children and to end; see ``stop_in_turn`` of its specification.

        Args:
            exit_: what it ends with.
            now: do not wait for the turn, whatever the specification says.
        """
        order = _StopOrder(exit_)
        if self.spec.stop_in_turn and not now:
            self._inbox.append(order)
        else:
            self._stop_now = self._stop_now or order
            self.launcher.call_off = True
            for slot in self.table:
                if slot.starting is not None and isinstance(slot.starting.supervisor, SupervisorCore):
                    slot.starting.supervisor.request_stop(Shutdown(), now=True)
        self._bell.ring()

    # ---- the supervisor's own task -----------------------------------------------------------

    async def run(self, handle: object) -> None:
        """Start the children, report ``handle`` as the start value, serve until the end, stop the children."""
        self.context.supervisor = self
        self.launcher.handle = handle
        self.context.on_stop_request(lambda: self.request_stop(Shutdown()))
        exit_: Exception | None = None
        try:
            async with trio.open_nursery() as nursery:
                self.launcher.nursery = nursery
                try:
                    exit_ = await self._live(handle)
                    self._refuse_requests()
                    await self.restarter.stop_all()
                except BaseException:
                    self._refuse_requests()
                    self.launcher.kill_all()
                    raise
        finally:
            self._close()
        if exit_ is not None:
            raise exit_

    async def _live(self, handle: object) -> Exception | None:
        """Start and serve; returns what to end with."""
        try:
            await self._start_children()
            self.context.started(handle)
            while True:
                await self._serve_one()
        except EndSupervisor as end:
            return end.exit
        except StartFailed as failure:
            return failure

    async def _start_children(self) -> None:
        for spec in self.spec.children:
            slot = Slot(spec, self.context.path, spec.id)
            self.table.add(slot)
            reason = await self.launcher.start(slot)
            if self._stop_now is not None:
                raise EndSupervisor(self._stop_now.exit)
            if reason is not None:
                raise StartFailed(slot.path, reason) from reason.exception
            if slot.process is None:
                self.restarter.drop(slot)

    async def _serve_one(self) -> None:
        """Handle the next message, or wait for one."""
        if self._stop_now is not None:
            raise EndSupervisor(self._stop_now.exit)
        self.restarter.wake_due()
        if self._inbox:
            await self._handle(self._inbox.popleft())
            return
        due = self.restarter.next_due()
        if due is None:
            await self._bell.wait()
        else:
            with trio.CancelScope(deadline=due):
                await self._bell.wait()

    async def _handle(self, message: ChildContext | Slot | _Request | _StopOrder) -> None:
        match message:
            case ChildContext():
                await self.restarter.child_ended(message)
            case Slot():
                await self.restarter.retry(message)
            case _Request():
                if not message.reply.abandoned:
                    await self._carry_out(message)
            case _StopOrder():
                raise EndSupervisor(message.exit)

    async def _carry_out(self, request: _Request) -> None:
        reply = request.reply
        try:
            value = await request.carry_out()
        except SupervisorError as error:
            reply.fail(error)
        except EndSupervisor:
            reply.fail(SupervisorEnded(f"{self.context.path}: ended"))
            raise
        except Exception as error:  # noqa: BLE001  a mistake of this package: it must not cost the children
            _log.exception("%s: a request failed", self.context.path)
            reply.fail(error)
        except BaseException:
            reply.fail(SupervisorEnded(f"{self.context.path}: killed"))
            raise
        else:
            reply.send(value)

    def _refuse_requests(self) -> None:
        """Refuse requests from now on: a child that waits for one could not be stopped."""
        self._ended = True
        for message in self._inbox:
            if isinstance(message, _Request) and not message.reply.answered:
                message.reply.fail(SupervisorEnded(f"{self.context.path}: has ended"))
        self._inbox.clear()

    def _close(self) -> None:
        """Give up what waited for this supervisor."""
        self._refuse_requests()
        for slot in self.table:
            slot.go_down()
