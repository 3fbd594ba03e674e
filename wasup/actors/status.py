"""An account's status: one step at a time by the table of transitions, each step stored with its reason."""

import trio

from wasup.actors.messages import AccountState
from wasup.actors.names import actor_called
from wasup.actors.runtime import Runtime
from wasup.actors.sync import Store
from wasup.ports.accounts import Account, AccountStatus, Fence, StatusReason, Transition, check_transition
from wasup.ports.disconnects import DisconnectReason
from wasup.ports.store import QrOffer, StatusChange, StoreItem
from wasup.supervisor import Registry

__all__ = ["StatusKeeper"]

_WRITER_PATIENCE = 10.0


class StatusKeeper:
    """Holds desired and actual state, and has every change written through the account's sync writer.

    Attributes:
        desired: what the user asked for.
        status: what is so now.
    """

    def __init__(self, runtime: Runtime, registry: Registry, account: Account, fence: Fence) -> None:
        self._runtime = runtime
        self._registry = registry
        self._account = account
        self._fence = fence
        self.desired = account.desired
        self.status = account.status
        self._reason = account.status_reason or ""
        self._detail = account.status_detail or ""
        self._since = account.status_since

    def state(self) -> AccountState:
        """The state, for people and programs."""
        return AccountState(
            account_id=self._account.id,
            desired=self.desired,
            status=self.status,
            reason=self._reason,
            detail=self._detail,
            since=self._since,
        )

    async def become(
        self,
        new: AccountStatus,
        reason: DisconnectReason | StatusReason,
        detail: str = "",
        *,
        suspended_until: int | None = None,
    ) -> None:
        """Make one step and have it stored.

        Raises:
            IllegalTransition: there is no such step.
        """
        check_transition(self.status, new)
        now = self._runtime.clock.now_ms()
        step = Transition(account_id=self._account.id, old=self.status, new=new, reason=reason, detail=detail, at=now)
        self.status, self._reason, self._detail, self._since = new, str(reason), detail, now
        await self._store(StatusChange(transition=step, suspended_until=suspended_until))

    async def offer_qr(self, code: str, *, attempt: int, expires_at: int) -> None:
        """Have the QR code on offer stored."""
        await self._store(QrOffer(code=code, attempt=attempt, expires_at=expires_at))

    async def _store(self, item: StoreItem) -> None:
        """Hand a change to the writer; one that is being restarted is waited for."""
        store = Store(
            fence=self._fence,
            workspace_id=self._account.workspace_id,
            provider_type=self._account.provider_type,
            items=(item,),
        )
        name = self._runtime.writer_of(self._account.id)
        with trio.fail_after(_WRITER_PATIENCE) as patience:
            while True:
                writer = actor_called(self._registry, name)
                if writer is not None:
                    patience.deadline = float("inf")  # it lives: its back-pressure is waited out
                    await writer.tell(store)
                    return
                await trio.sleep(0.05)
