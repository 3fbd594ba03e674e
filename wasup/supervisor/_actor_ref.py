"""The handle by which messages reach an actor."""

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import trio

from wasup.supervisor._errors import ActorEnded, AskTimeout, InBackoff, MailboxFull
from wasup.supervisor._exits import ExitReason
from wasup.supervisor._mailbox import Envelope, Mailbox
from wasup.supervisor._park import Reply
from wasup.supervisor._refs import ChildRef

if TYPE_CHECKING:
    from wasup.supervisor._context import ChildContext

M_contra = TypeVar("M_contra", contravariant=True)
R = TypeVar("R")


class Request(Generic[R]):
    """Base of messages that are answered: ``class Connect(Request[AccountView]): ...``.

    Make it a dataclass as other messages: ``@dataclass(frozen=True, slots=True, kw_only=True)``.
    """

    __slots__ = ()


class ActorRef(ChildRef, Generic[M_contra]):
    """Names one incarnation of an actor, and takes its mail.

    What is sent to an ended incarnation is not handled: it is counted and published as a `DeadLetter`.
    """

    __slots__ = ("_mailbox",)

    def __init__(self, context: "ChildContext", mailbox: Mailbox[Any]) -> None:
        super().__init__(context)
        self._mailbox = mailbox

    async def tell(self, message: M_contra) -> None:
        """Send a message without waiting for an answer; under BLOCK wait for room.

        A checkpoint.  Cancelled, the message was not sent.  To an ended actor: a dead letter, no error.

        Raises:
            MailboxFull: under REFUSE.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        envelope = Envelope(message, None)
        reason = self._context.refusing
        if reason is not None:
            self._mailbox.refuse(envelope, reason)
        elif not self._mailbox.put(envelope):
            await self._mailbox.wait_for_room(envelope)
            return
        await trio.lowlevel.cancel_shielded_checkpoint()

    def tell_nowait(self, message: M_contra) -> None:
        """Send a message at once.  To an ended actor: a dead letter, no error.

        Raises:
            MailboxFull: there is no room, under BLOCK or REFUSE.
        """
        context = self._context
        if context.refusing is not None:
            self._mailbox.refuse(Envelope(message, None), context.refusing)
        elif not self._mailbox.put(Envelope(message, None)):
            raise MailboxFull(context.path, self._mailbox.capacity)

    async def ask(self, message: Request[R], *, timeout: float) -> R:
        """Send a request and wait for its answer.

        The deadline covers waiting for room as well.  Whatever is raised here, the actor may have done what it
        was asked.

        Args:
            message: the request.
            timeout: seconds.

        Raises:
            AskTimeout: no answer in time.
            ActorEnded: the actor had ended, or ended before it answered; at once in both cases.
            InBackoff: it had ended and waits for its restart, for its own backoff or for that of its group.
            MailboxFull: no room under REFUSE, or dropped under DROP_OLDEST.
            Exception: what the actor failed its reply with.
        """
        reason = self._context.refusing
        if reason is not None:
            raise self._ended_error(reason)
        reply = Reply[R]()
        envelope = Envelope(message, reply)
        with trio.CancelScope(deadline=trio.current_time() + timeout):
            if not self._mailbox.put(envelope):
                await self._mailbox.wait_for_room(envelope)
            return await reply.wait()
        if reply.answered:  # the answer and the deadline came in the same instant
            return await reply.wait()
        raise AskTimeout(self.path, timeout)

    def _ended_error(self, reason: ExitReason) -> ActorEnded | InBackoff:
        context = self._context
        slot = context.slot
        until = slot.waiting_until
        if until is not None:
            return InBackoff(context.path, until=until, reason=slot.last_reason)
        return ActorEnded(context.path, reason)
