"""The two ways in which tasks of this package wait: a bell with one listener, and an answer given once."""

from typing import Generic, TypeVar

import trio
from trio.lowlevel import Abort, RaiseCancelT, Task, current_task, reschedule, wait_task_rescheduled

from wasup.supervisor._errors import AlreadyReplied

R = TypeVar("R")


class Bell:
    """Wakes the one task that waits for it.

    The listener checks what it waits for, waits, and checks again: a ring says "look", not what happened, and
    a ring with nobody listening is lost.
    """

    __slots__ = ("_listener",)

    def __init__(self) -> None:
        self._listener: Task | None = None

    def ring(self) -> None:
        """Wake the listener, if there is one."""
        task = self._listener
        if task is not None:
            self._listener = None
            reschedule(task)

    async def wait(self) -> None:
        """Wait for the next ring.  One task at a time."""
        self._listener = current_task()
        await wait_task_rescheduled(self._abort)

    def _abort(self, _raise_cancel: RaiseCancelT) -> Abort:
        self._listener = None
        return Abort.SUCCEEDED


class Reply(Generic[R]):
    """The caller's end of a question, answered exactly once with `send` or `fail`.

    An answer after the caller has left (its deadline passed, it was cancelled) is dropped.

    Attributes:
        answered: whether `send` or `fail` was called.
        abandoned: whether the caller has left.
    """

    __slots__ = ("_error", "_keeper", "_listener", "_value", "abandoned", "answered")
    _value: R

    def __init__(self) -> None:
        self._listener: Task | None = None
        self._error: BaseException | None = None
        self._keeper: set[Reply[R]] | None = None
        self.abandoned = False
        self.answered = False

    def send(self, value: R) -> None:
        """Answer with ``value``.

        Raises:
            AlreadyReplied: it was answered before.
        """
        if self.answered:
            raise AlreadyReplied("a Reply answers once")
        self._value = value
        self._settle()

    def fail(self, error: BaseException) -> None:
        """Answer by raising ``error``, an exception, at the caller.

        Raises:
            AlreadyReplied: it was answered before.
            TypeError: ``error`` is no exception; nothing was answered.
        """
        if not isinstance(error, BaseException):
            raise TypeError(f"a Reply fails with an exception, not with {error!r}")
        if self.answered:
            raise AlreadyReplied("a Reply answers once")
        self._error = error
        self._settle()

    def _settle(self) -> None:
        self.answered = True
        if self._keeper is not None:
            self._keeper.discard(self)
            self._keeper = None
        task = self._listener
        if task is not None:
            self._listener = None
            reschedule(task)

    def keep_in(self, keeper: "set[Reply[R]]") -> None:
        """Stand in ``keeper`` until answered."""
        if not self.answered:
            keeper.add(self)
            self._keeper = keeper

    async def wait(self) -> R:
        """Wait for the answer and return or raise it.  For the caller, once."""
        if self.answered:
            await trio.lowlevel.checkpoint()
        else:
            self._listener = current_task()
            await wait_task_rescheduled(self._abort)
        if self._error is not None:
            raise self._error
        return self._value

    def _abort(self, _raise_cancel: RaiseCancelT) -> Abort:
        self._listener = None
        self.abandoned = True
        return Abort.SUCCEEDED
