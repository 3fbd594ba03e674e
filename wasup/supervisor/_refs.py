"""Handles of children: `ChildRef` is OTP's pid, for one incarnation of a child."""

from typing import TYPE_CHECKING

import trio

from wasup.supervisor._exits import ExitReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasup.supervisor._context import ChildContext


class ChildRef:
    """Names one incarnation of a child.  After a restart the child has another ref; this one stays ended.

    A child that calls ``started()`` without a value has such a ref as its start value.
    """

    __slots__ = ("__weakref__", "_context")

    def __init__(self, context: "ChildContext") -> None:
        self._context = context

    @property
    def path(self) -> str:
        """Where the child stands, as ``root/accounts/42``."""
        return self._context.path

    @property
    def incarnation(self) -> int:
        """Which life of the child, from 1."""
        return self._context.incarnation

    @property
    def alive(self) -> bool:
        """Whether this incarnation has not ended."""
        return self._context.reason is None

    @property
    def reason(self) -> ExitReason | None:
        """Why this incarnation ended; None while it is alive."""
        return self._context.reason

    def stop(self) -> None:
        """Ask it to end with reason shutdown; its supervisor then applies its policy as to any exit.

        It has the time that its ``shutdown`` gives, and is killed when that is over.  `BRUTAL_KILL`, which is about
        the supervisor's stop, gives it the supervisor's ``kill_grace``.  To stop a child for good ask its supervisor:
        ``terminate_child``.  Nothing happens when it has ended.
        """
        self._context.stop()

    def kill(self) -> None:
        """Cancel it, also an ``on_stop`` of it; it ends with reason killed, which is a crash to its supervisor.

        When it has crashed already and is cleaning up, the crash stays the reason.
        """
        self._context.kill()

    async def wait_ended(self) -> ExitReason:
        """Wait until this incarnation has ended and return why; at once when it has."""
        context = self._context
        if context.reason is None:
            ended = trio.Event()
            forget = context.call_at_end(lambda _context: ended.set())
            try:
                await ended.wait()
            finally:
                forget()
        else:
            await trio.lowlevel.checkpoint()
        return context.end_reason()

    def on_end(self, callback: "Callable[[ExitReason], None]") -> "Callable[[], None]":
        """Call ``callback(reason)`` once when it ends, at once if it has; it must not block.

        What it raises at the end is logged.

        Returns:
            a function that takes this back.
        """
        context = self._context
        if context.reason is not None:
            callback(context.reason)
            return lambda: None

        def at_end(context: "ChildContext") -> None:
            callback(context.end_reason())

        return context.call_at_end(at_end)

    def __repr__(self) -> str:
        state = "alive" if self.alive else "ended"
        return f"<{type(self).__name__} {self.path} #{self.incarnation} {state}>"
