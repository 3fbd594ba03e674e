"""Finds an account's actor by id and carries a request to it."""

from typing import Any, Protocol, TypeVar

from wasup.actors.messages import AccountState, Connect, Disconnect, GetState, Logout, Refusal, Refused
from wasup.actors.names import RECONCILER, account_name, actor_called
from wasup.actors.reconciler import RestAccount, StartAccount
from wasup.actors.runtime import Runtime
from wasup.ports.accounts import AccountStatus, Desired
from wasup.ports.store import StoreError
from wasup.supervisor import MailboxFull, Registry, Request, SupervisorError

__all__ = ["AccountDirectory", "Directory"]

R = TypeVar("R")


class Directory(Protocol):
    """What the HTTP API needs of the actors: requests go in, answers come out."""

    async def ask(self, account_id: int, request: Request[R], *, timeout: float) -> R | Refused:
        """Carry a request to an account's actor; starts the actor for requests that need none to be there."""
        ...

    def running(self) -> int:
        """How many accounts have their tree running."""
        ...

    def workspace_of(self, account_id: int) -> int | None:
        """Whose account this is, if its actor runs here."""
        ...

    def forget(self, account_id: int) -> None:
        """This account was deleted: it belongs to nobody any more, though its actor may still be ending."""
        ...


class AccountDirectory:
    """The directory of one instance.

    Args:
        runtime: the actors' shared things.
        registry: the names of the tree.
    """

    def __init__(self, runtime: Runtime, registry: Registry) -> None:
        self._runtime = runtime
        self._registry = registry

    async def ask(self, account_id: int, request: Request[R], *, timeout: float) -> R | Refused:
        """Carry a request to the account's actor.

        Never raises for what an actor does: one that is restarting, ended, full or slow is a `Refused`.
        """
        try:
            actor = actor_called(self._registry, account_name(account_id))
            if actor is None:
                if not isinstance(request, Connect | Disconnect | Logout):
                    return await self._without_actor(account_id, request)
                reconciler = actor_called(self._registry, RECONCILER)
                if reconciler is None:
                    return Refused(refusal=Refusal.UNAVAILABLE, detail="wasup is starting", retry_after=1.0)
                if isinstance(request, Connect):
                    started = await reconciler.ask(StartAccount(account_id=account_id), timeout=timeout)
                    if isinstance(started, Refused):
                        return started
                    actor = started
                else:  # needs no session and no room: an account that cannot start can be disconnected too
                    rest = RestAccount(account_id=account_id, logout=isinstance(request, Logout))
                    resting = await reconciler.ask(rest, timeout=timeout)
                    if isinstance(resting, Refused | AccountState):
                        done: Any = resting
                        return done  # type: ignore[no-any-return]  # R is AccountState | Refused here
                    actor = resting
            answer: R = await actor.ask(request, timeout=timeout)
        except MailboxFull as error:
            return Refused(refusal=Refusal.RATE_LIMITED, detail=str(error), retry_after=1.0)
        except (SupervisorError, StoreError) as error:
            return Refused(refusal=Refusal.UNAVAILABLE, detail=str(error), retry_after=1.0)
        return answer

    async def _without_actor(self, account_id: int, request: Request[R]) -> R | Refused:
        """Answer from what is stored: an account without an actor does nothing now."""
        account = await self._runtime.stores.accounts.account(account_id)
        if account is None:
            return Refused(refusal=Refusal.UNKNOWN, detail="no such account")
        if isinstance(request, GetState):
            state: object = AccountState(
                account_id=account.id,
                desired=account.desired,
                status=account.status,
                reason=account.status_reason or "",
                detail=account.status_detail or "",
                since=account.status_since,
            )
            return state  # type: ignore[return-value]  # R is AccountState here
        if account.desired is Desired.CONNECTED and account.status is not AccountStatus.FAILED:
            # Its actor is on its way: at boot, or while its supervisor starts it again.
            detail = "the account is being started"
            return Refused(refusal=Refusal.UNAVAILABLE, detail=detail, status=account.status, retry_after=1.0)
        return Refused(
            refusal=Refusal.WRONG_STATE,
            detail=f"the account is not running: it is {account.status}",
            status=account.status,
        )

    def workspace_of(self, account_id: int) -> int | None:
        """Whose account this is, if its actor runs here."""
        if actor_called(self._registry, account_name(account_id)) is None:
            return None
        return self._runtime.tenants.get(account_id)

    def forget(self, account_id: int) -> None:
        """This account was deleted: it belongs to nobody any more, though its actor may still be ending."""
        self._runtime.tenants.pop(account_id, None)

    def running(self) -> int:
        """How many accounts have their actor running."""
        return sum(1 for name in self._registry if name.startswith("account-"))
