"""Starting and ending an account's session through their supervisor, which also restarts it."""

import structlog
import trio

from wasup.actors.names import SESSION
from wasup.actors.session_messages import LogOut, SessionMessage
from wasup.supervisor import (
    ActorRef,
    ChildNotFound,
    ChildSpec,
    ChildStopTimedOut,
    StartFailed,
    Supervisor,
    SupervisorError,
)

__all__ = ["SessionControl"]

_PATIENCE = 60.0
_UNLINK_PATIENCE = 10.0
_RETRY = 0.5

log = structlog.get_logger("wasup.session_control")


class SessionControl:
    """Holds the place of one session below its supervisor.

    Args:
        account_id: whose session it is.
        spec: its specification, to begin again with a new budget.
    """

    def __init__(self, account_id: int, spec: ChildSpec) -> None:
        self._account_id = account_id
        self._spec = spec
        self._opening = 0

    @property
    def is_opening(self) -> bool:
        """A session is being started by request."""
        return self._opening > 0

    def will_open(self) -> None:
        """Count an `open` that is about to begin."""
        self._opening += 1

    async def open(self, supervisor: Supervisor, *, afresh: bool) -> str | None:
        """Start the session now, after `will_open`.

        Args:
            supervisor: of the session.
            afresh: with a new budget.

        Returns:
            Why it did not start, when nobody will try again by himself; None when it has started, or when somebody
            else was faster.
        """
        deadline = trio.current_time() + _PATIENCE
        try:
            while trio.current_time() < deadline:
                try:
                    await self._start(supervisor, afresh=afresh)
                except ChildStopTimedOut:
                    await trio.sleep(_RETRY)
                else:
                    return None
        except StartFailed as error:
            return str(error.reason)
        except SupervisorError as error:  # another request was faster, or the tree is ending
            log.info("account.session_not_opened", account_id=self._account_id, why=str(error))
            return None
        finally:
            self._opening -= 1
        return "the session before it does not end"

    async def _start(self, supervisor: Supervisor, *, afresh: bool) -> None:
        try:
            await supervisor.terminate_child(SESSION)  # calls a backoff off
            if afresh:
                await supervisor.delete_child(SESSION)
        except ChildNotFound:
            afresh = True
        if afresh:
            await supervisor.start_child(self._spec)
        else:
            await supervisor.restart_child(SESSION)

    async def close(self, supervisor: Supervisor, unlink: ActorRef[SessionMessage] | None) -> bool:
        """End the session; False when the whole tree is ending anyway.

        Args:
            supervisor: of the session.
            unlink: the session, to be unlinked on WhatsApp's side first.
        """
        if unlink is not None:
            with trio.move_on_after(_UNLINK_PATIENCE):
                try:
                    await unlink.ask(LogOut(), timeout=_UNLINK_PATIENCE)
                except SupervisorError as error:
                    log.warning("account.unlink_failed", account_id=self._account_id, error=str(error))
        try:
            await supervisor.terminate_child(SESSION)
        except ChildStopTimedOut as error:  # it is cancelled, and nothing that it still tells is heeded
            log.error("account.session_resists", account_id=self._account_id, error=str(error))
        except SupervisorError:
            return False
        return True
