"""The account's side of what is sent: telling its session of it, and handing over what nothing waits before."""

from dataclasses import dataclass

import trio

from wasup.actors.session_messages import Nudge, OutgoingIdle, SessionMessage
from wasup.ports.store import StoredMessage
from wasup.supervisor import ActorRef, MailboxFull

__all__ = ["Nudger"]


@dataclass(slots=True, eq=False)
class Nudger:
    """Tells one session what there is to send.

    Attributes:
        session: whom.
        told: how many nudges it was given.
        idle: how many of these it knew when it last had nothing to send; None before it has looked at the queue.
    """

    session: ActorRef[SessionMessage]
    told: int = 0
    idle: int | None = None

    @property
    def hands_over(self) -> bool:
        """Whether a message that is stored now may be handed over: the session lives, and nothing is before it."""
        return self.session.alive and self.idle == self.told

    def note(self, notice: OutgoingIdle) -> None:
        """The session has nothing to send, as far as it knows."""
        self.idle = notice.nudges

    def nudge(self, nursery: trio.Nursery, message: StoredMessage | None) -> None:
        """Tell the session, now or when it has room; a message that cannot be handed over now is left in the queue."""
        if not self.session.alive:
            return
        self.told += 1
        try:
            self.session.tell_nowait(Nudge(number=self.told, message=message))
        except MailboxFull:
            nursery.start_soon(self.session.tell, Nudge(number=self.told))
