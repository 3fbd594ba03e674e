"""The life of an actor's incarnation, as the library leads it."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import trio

from wasup.supervisor._actor_ref import ActorRef
from wasup.supervisor._context import ChildContext
from wasup.supervisor._errors import ActorEnded
from wasup.supervisor._exits import NORMAL, ExitReason, TypedExit
from wasup.supervisor._mailbox import Mailbox
from wasup.supervisor._park import Reply
from wasup.supervisor._policy import BrutalKill
from wasup.supervisor._snapshot import MailboxView

_log = logging.getLogger(__name__)
M = TypeVar("M")
STOP = object()
"""The system message by which an actor is asked to stop."""

NO_MESSAGE = Reply[Any]()
"""Stands for the reply when there is no message in hand; nobody waits for it."""
NO_MESSAGE.send(None)


class ActorLife(Generic[M]):
    """What the library does with an `Actor`; subclasses of that one have no business here."""

    ref: ActorRef[M]
    nursery: trio.Nursery
    _context: ChildContext
    _mailbox: Mailbox[M]
    _reply: Reply[Any] | None = NO_MESSAGE
    """Of the message in hand: None when it was told, `NO_MESSAGE` when there is none or `defer_reply` has taken it."""
    _owed: set[Reply[Any]] | None = None
    """Taken by `defer_reply` and not answered yet."""
    _watches: set[Callable[[], None]] | None = None
    """Take back what `monitor` has set up."""
    _stop_by: float | None = None
    """When the time to stop is over, once the actor was asked to."""
    _cleaned_up = False
    _cleaning: trio.CancelScope | None = None
    """Around `on_stop` while it runs."""
    _has_on_stop = False
    """Whether there is an `on_stop` to be called."""

    async def on_start(self) -> None:
        """See `Actor`."""

    async def run(self) -> None:
        """See `Actor`."""

    async def on_stop(self, reason: ExitReason) -> None:
        """See `Actor`."""

    def figures(self) -> Mapping[str, float] | None:
        """See `Actor`."""
        return None

    async def live(self, context: ChildContext, mailbox: Mailbox[M]) -> None:
        """Live one incarnation, from `on_start` to `on_stop`.

        Raises:
            RuntimeError: the object has lived before.
        """
        if hasattr(self, "_context"):
            raise RuntimeError(f"{context.path}: its factory returned an actor that has lived before; make a new one")
        self._context = context
        self._mailbox = mailbox
        mailbox.incarnation = context.incarnation
        self.ref = ActorRef(context, mailbox)
        context.set_ref(self.ref)
        context.actor = self
        error: BaseException | None = None
        try:
            async with trio.open_nursery() as nursery:
                self.nursery = nursery
                try:
                    await self.on_start()
                    if not context.ignored:
                        context.on_stop_request(self._ask_to_stop)
                        context.started(self.ref)
                        try:
                            await self.run()
                        except TypedExit as exit_:
                            await self._clean_up(exit_)
                            raise
                        await self._clean_up(None)
                except Exception as raised:  # noqa: BLE001  raised again below: to cross a nursery costs exceptions dear
                    error = raised
                if nursery.child_tasks:
                    nursery.cancel_scope.cancel()
        except BaseException as others:  # noqa: BLE001  of background tasks, or Cancelled; raised again below
            error = (
                others if error is None else BaseExceptionGroup("an actor and its background tasks", [error, others])
            )
        if error is None:
            return
        try:
            if isinstance(error, Exception) and context.was_up and not context.killed and self._has_on_stop:
                reason = ExitReason.from_exception(error)
                self._fail_callers(reason)
                try:
                    await self._clean_up(error)
                except Exception:  # noqa: BLE001  it is logged, and does not hide why the actor crashed
                    _log.exception("%s: on_stop failed after %s", context.path, reason)
            raise error
        finally:
            error = None  # or the frame and the exception would keep each other alive

    def _ask_to_stop(self) -> None:
        shutdown = self._context.slot.spec.shutdown
        self._stop_by = trio.current_time() + (0.0 if isinstance(shutdown, BrutalKill) else shutdown)
        self._mailbox.put_system(STOP)

    async def _clean_up(self, error: Exception | None) -> None:
        if self._cleaned_up or not self._has_on_stop or self._context.killed:
            return
        self._cleaned_up = True
        reason = NORMAL if error is None else ExitReason.from_exception(error)
        deadline = self._stop_by
        if deadline is None:
            shutdown = self._context.slot.spec.shutdown
            deadline = trio.current_time() + (0.0 if isinstance(shutdown, BrutalKill) else shutdown)
        with trio.CancelScope(shield=True, deadline=deadline) as self._cleaning:
            await self.on_stop(reason)
        late = self._cleaning.cancelled_caught and (self._stop_by is not None or self._context.killed)
        if late and (error is None or isinstance(error, TypedExit)):
            self._context.kill()  # it was asked to stop and has not in time; a crash keeps its reason
            await trio.lowlevel.checkpoint()

    def cancel_clean_up(self) -> None:
        """End `on_stop` if it is running: the actor is killed."""
        if self._cleaning is not None:
            self._cleaning.cancel()

    def _fail_callers(self, reason: ExitReason) -> None:
        """Fail who waits for an answer of an actor that has crashed, before `on_stop` takes its time.

        What was told stays in the mailbox for `drain`, and all mail does that waits for the next incarnation.
        """
        self._fail_replies(reason)
        if self._context.slot.surviving is not self._mailbox:
            self._context.refusing = reason
            self._mailbox.fail_askers(reason)

    def at_end(self, context: ChildContext) -> None:
        """Settle what others wait for; called when the actor has ended in whatever way."""
        reason = context.end_reason()
        self._fail_replies(reason)
        for stop_watching in list(self._watches or ()):
            stop_watching()
        self._mailbox.end_incarnation()
        if context.slot.surviving is not self._mailbox:
            self._mailbox.abandon(reason)

    def _fail_replies(self, reason: ExitReason) -> None:
        for reply in (self._reply, *(self._owed or ())):
            if reply is not None and not reply.answered:
                reply.fail(ActorEnded(self._context.path, reason))

    def mailbox_view(self) -> MailboxView:
        """Return the state of the mailbox for a snapshot."""
        return self._mailbox.view()

    def _owe(self, reply: Reply[Any]) -> None:
        if self._owed is None:
            self._owed = set()
        reply.keep_in(self._owed)
