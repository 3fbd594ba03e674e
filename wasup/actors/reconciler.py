"""The reconciler: compares what should run with what runs, and mends the difference.

Children added at run time do not come back with a restarted supervisor (as in OTP): at boot, after a restart of any
part of the tree, and every few seconds, this actor starts the trees of accounts whose desired state is `connected`,
most recently active first, ends those that are wanted no more, and keeps one delivery actor for each endpoint.
"""

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias, assert_never

import msgspec
import structlog
import trio

from wasup.actors.account import AccountMessage, SessionGaveUp
from wasup.actors.delivery import DeliveryActor
from wasup.actors.forgetting import forget_at_provider
from wasup.actors.messages import AccountState, Disconnect, GetState, Refusal, Refused
from wasup.actors.names import (
    ACCOUNTS,
    DELIVERIES,
    RECONCILER,
    SESSION,
    account_name,
    account_of_path,
    actor_called,
    delivery_name,
)
from wasup.actors.runtime import Runtime
from wasup.actors.status import StatusKeeper
from wasup.ports.accounts import TRANSITIONAL, Account, AccountStatus, Desired, StatusReason
from wasup.ports.store import DatabaseUnavailable, Endpoint, NotOwner
from wasup.supervisor import (
    Actor,
    ActorRef,
    AlreadyPresent,
    AlreadyStarted,
    Backoff,
    ChildGaveUp,
    ChildNotFound,
    ChildSpec,
    Event,
    GaveUp,
    MailboxFull,
    Request,
    Restart,
    StartFailed,
    Supervisor,
    SupervisorError,
    actor_child,
)

__all__ = ["AccountGaveUp", "Reconciler", "RestAccount", "StartAccount", "Sweep"]

_CHUNK = 200
_PAGE = 1000
_LOOKS_ALIVE = TRANSITIONAL | {AccountStatus.CONNECTED, AccountStatus.RECONNECTING}
_ASKED_TO_END = "end of tree asked for"

log = structlog.get_logger("wasup.reconciler")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAccount(Request["ActorRef[AccountMessage] | Refused"]):
    """Have this account's tree running now; answered with its account actor."""

    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestAccount(Request["ActorRef[AccountMessage] | AccountState | Refused"]):
    """Have an account that has no tree disconnected, without starting one; answered with its actor if it has one.

    Attributes:
        logout: forget its login as well.
    """

    account_id: int
    logout: bool


@dataclass(frozen=True, slots=True)
class Sweep(Request[None]):
    """Compare and mend; answered when done."""


@dataclass(frozen=True, slots=True)
class AccountGaveUp:
    """An account's whole tree has spent its restart budget and is gone: `Runtime.given_up` tells which and why."""


ReconcilerMessage: TypeAlias = StartAccount | RestAccount | Sweep | AccountGaveUp


class Reconciler(Actor[ReconcilerMessage]):
    """Starts and ends accounts' trees and delivery actors."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__()
        self._runtime = runtime
        self._endpoints: dict[int, Endpoint] = {}
        self._asked_for: set[int] = set()  # started by request since the last sweep, their command is on its way
        self._untold: dict[int, str] = {}  # whose session gave up and who could not be told, and why
        self._capacity_told = False
        self._looked_around = False

    # ---- life --------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Be found, watch for what gives up, and sweep from now on."""
        self.registry.register(RECONCILER, self.ref)
        stop_listening = self.events.subscribe(self._on_event)
        self.ref.on_end(lambda _reason: stop_listening())  # also when it is killed
        self.nursery.start_soon(self._tick)

    def _on_event(self, event: Event) -> None:
        if not isinstance(event, ChildGaveUp | GaveUp):
            return
        account_id = account_of_path(event.path)
        if account_id is None:
            return
        if event.path.endswith(f"/{SESSION}"):
            self._tell_session_gave_up(account_id, str(event.reason))
        elif not isinstance(event, GaveUp) or event.why != _ASKED_TO_END:  # that is a lost fence or a deleted account
            why = event.why if isinstance(event, GaveUp) else "too many restarts"
            self._runtime.given_up[account_id] = f"{why}: {event.reason}"
            with suppress(MailboxFull):  # the next sweep does it
                self.ref.tell_nowait(AccountGaveUp())

    def _tell_session_gave_up(self, account_id: int, why: str) -> None:
        self._untold.pop(account_id, None)
        account = actor_called(self.registry, account_name(account_id))
        if account is not None:
            try:
                account.tell_nowait(SessionGaveUp(why=why))
            except MailboxFull:  # the next sweep does it
                self._untold[account_id] = why

    async def _tick(self) -> None:
        while True:
            await self.ref.ask(Sweep(), timeout=math.inf)
            await trio.sleep(self._runtime.settings.reconcile_interval)

    async def handle(self, message: ReconcilerMessage) -> object:
        """Sweep, or start one account now."""
        match message:
            case Sweep():
                await self._if_possible(self._sweep)
            case StartAccount(account_id=account_id):
                return await self._start_account(account_id)
            case RestAccount(account_id=account_id, logout=logout):
                return await self._rest_account(account_id, logout=logout)
            case AccountGaveUp():
                await self._if_possible(self._record_given_up)
            case _:
                assert_never(message)
        return None

    async def _if_possible(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do it now, or else at the next sweep."""
        try:
            await act()
        except DatabaseUnavailable as error:
            log.warning("reconciler.database_away", error=str(error))
        except NotOwner as error:  # the ground of the tree finds that out as well, and ends the instance
            log.warning("reconciler.not_owner", error=str(error))

    async def _sweep(self) -> None:
        await self._sweep_endpoints()  # first: to start thousands of accounts takes a while, and a backlog may wait
        await self._record_given_up()
        await self._sweep_accounts()
        for account_id, why in list(self._untold.items()):
            self._tell_session_gave_up(account_id, why)

    # ---- accounts ----------------------------------------------------------------------------

    @property
    def _accounts(self) -> Supervisor:
        accounts = self.supervisor.child(ACCOUNTS)
        assert isinstance(accounts, Supervisor)
        return accounts

    async def _present(self) -> set[int]:
        """The accounts that have a tree, be it one that is being restarted."""
        return {int(child.id) for child in await self._accounts.which_children()}

    async def _sweep_accounts(self) -> None:
        spared, self._asked_for = self._asked_for, set()
        wanted = dict.fromkeys(await self._runtime.stores.accounts.desired_ids())  # a set with an order
        running = await self._present()
        for account_id in running - wanted.keys():
            self._runtime.tenants.pop(account_id, None)  # it may be deleted: whoever asks for it looks at its row
        async with trio.open_nursery() as nursery:
            for account_id in running - wanted.keys() - spared:
                nursery.start_soon(self._end_if_idle, account_id)
        given_up = self._runtime.given_up
        missing = [account_id for account_id in wanted if account_id not in running and account_id not in given_up]
        room = self._runtime.settings.max_sessions_per_instance - len(running)
        if len(missing) > room and not self._capacity_told:
            log.error("reconciler.at_capacity", waiting=len(missing) - room, limit=len(running) + room)
        self._capacity_told = len(missing) > room
        starting = missing[: max(0, room)]
        for start in range(0, len(starting), _CHUNK):
            chunk = starting[start : start + _CHUNK]
            await self._start(await self._runtime.stores.accounts.desired_accounts(chunk))
        await self._forget_logins()
        if not self._looked_around:
            await self._look_around()
            self._looked_around = True

    async def _forget_logins(self) -> None:
        """Of deleted accounts, and wherever it could not be done at once; never while a session may be running."""
        owed = await self._runtime.stores.accounts.logins_to_forget()
        present = await self._present() if owed else set()
        for account_id, provider_type in owed:
            if account_id not in present:
                await forget_at_provider(self._runtime, account_id, provider_type)

    async def _look_around(self) -> None:
        """Once in this actor's life: find what happened while nobody listened."""
        present = await self._present()
        if self.ref.incarnation > 1:
            for account_id in present:
                tree = self._accounts.child(str(account_id))
                if isinstance(tree, Supervisor) and tree.child(SESSION) is None:
                    for child in tree.snapshot().children:
                        if child.id == SESSION and child.state == "down" and child.last_exits:
                            self._tell_session_gave_up(account_id, child.last_exits[-1].reason)
        for status in sorted(_LOOKS_ALIVE):
            await self._settle_stale(status, present)

    async def _settle_stale(self, status: AccountStatus, present: set[int]) -> None:
        """An account without a tree that was left in this status is disconnected, and its row is to say so."""
        stores = self._runtime.stores
        after_id = 0
        while page := await stores.accounts.accounts(workspace_id=None, status=status, after_id=after_id, limit=_PAGE):
            after_id = page[-1].id
            stale = [account for account in page if account.id not in present | self._runtime.given_up.keys()]
            await self._disconnected(stale, StatusReason.BOOT)

    async def _disconnected(self, accounts: list[Account], reason: StatusReason) -> None:
        """Say in their rows that these accounts, which have no tree, are disconnected."""
        ids = [account.id for account in accounts]
        fences = await self._runtime.stores.ownership.claim(ids) if ids else {}
        for account in accounts:
            fence = fences.get(account.id)
            if fence is not None:
                detail = "" if account.desired is Desired.DISCONNECTED else "waits for room on this instance"
                keeper = StatusKeeper(self._runtime, self.registry, account, fence)
                await keeper.become(AccountStatus.DISCONNECTED, reason, detail)

    async def _start(self, accounts: list[Account]) -> None:
        """Own these accounts and start their trees."""
        stores = self._runtime.stores
        ids = [account.id for account in accounts]
        fences = await stores.ownership.claim(ids)
        secrets = await stores.accounts.login_secrets(ids)
        for account in accounts:
            if account.provider_type not in self._runtime.providers:
                log.error("reconciler.no_provider", account_id=account.id, provider=account.provider_type)
                self._runtime.given_up[account.id] = f"this instance has no provider of type {account.provider_type}"
                continue
            fence = fences.get(account.id)
            if fence is None:  # deleted a moment ago
                continue
            try:
                await self._accounts.start_child(account, fence, secrets.get(account.id))
            except StartFailed as error:
                self._runtime.given_up[account.id] = str(error.reason)
            except (AlreadyStarted, AlreadyPresent):
                log.info("reconciler.runs_already", account_id=account.id)
        await self._record_given_up()

    async def _start_account(self, account_id: int) -> ActorRef[AccountMessage] | Refused:
        running = actor_called(self.registry, account_name(account_id))
        if running is not None:
            return running
        try:
            account = await self._runtime.stores.accounts.account(account_id)
            if account is None:
                return Refused(refusal=Refusal.UNKNOWN, detail="no such account")
            if account.provider_type not in self._runtime.providers:
                detail = f"this instance has no provider of type {account.provider_type}"
                return Refused(refusal=Refusal.UNAVAILABLE, detail=detail)
            present = await self._present()
            if account_id in present:  # to claim it again would void the fence of what runs
                return _being_restarted()
            limit = self._runtime.settings.max_sessions_per_instance
            if len(present) >= limit:
                detail = f"this instance runs {limit} sessions, as many as max_sessions_per_instance allows"
                return Refused(refusal=Refusal.AT_CAPACITY, detail=detail)
            self._runtime.given_up.pop(account_id, None)
            self._asked_for.add(account_id)
            await self._start([account])
        except (DatabaseUnavailable, NotOwner) as error:
            return Refused(refusal=Refusal.UNAVAILABLE, detail=str(error))
        started = actor_called(self.registry, account_name(account_id))
        if started is None:
            return Refused(refusal=Refusal.UNAVAILABLE, detail="the account's actor does not start")
        return started

    async def _rest_account(
        self, account_id: int, *, logout: bool
    ) -> ActorRef[AccountMessage] | AccountState | Refused:
        running = actor_called(self.registry, account_name(account_id))
        if running is not None:
            return running
        if account_id in await self._present():
            return _being_restarted()
        stores = self._runtime.stores
        try:
            account = await stores.accounts.account(account_id)
            fence = (await stores.ownership.claim([account_id])).get(account_id)
            if account is None or fence is None:
                return Refused(refusal=Refusal.UNKNOWN, detail="no such account")
            await stores.accounts.set_desired(account_id, Desired.DISCONNECTED)
            if logout:
                await stores.accounts.forget_login(fence)
                await forget_at_provider(self._runtime, account_id, account.provider_type)
        except (DatabaseUnavailable, NotOwner) as error:
            return Refused(refusal=Refusal.UNAVAILABLE, detail=str(error))
        self._runtime.given_up.pop(account_id, None)
        keeper = StatusKeeper(self._runtime, self.registry, account, fence)
        keeper.desired = Desired.DISCONNECTED
        if account.status is not AccountStatus.DISCONNECTED:
            await keeper.become(AccountStatus.DISCONNECTED, StatusReason.REQUESTED)
        return keeper.state()

    async def _end_if_idle(self, account_id: int) -> None:
        """End the tree of an account that is wanted no more; one that still holds a session is disconnected first."""
        actor = actor_called(self.registry, account_name(account_id))
        try:
            if actor is not None:
                state = await actor.ask(GetState(), timeout=5.0)
                if state.desired is Desired.CONNECTED:  # asked for since the sweep began, or deleted in the database
                    account = await self._runtime.stores.accounts.account(account_id)
                    if account is not None and account.desired is Desired.CONNECTED:
                        return
                if state.status is not AccountStatus.DISCONNECTED:
                    await actor.ask(Disconnect(), timeout=15.0)
            with suppress(ChildNotFound):
                await self._accounts.terminate_child(str(account_id))
            if actor is None:  # it was being restarted, and could not say what became of it
                account = await self._runtime.stores.accounts.account(account_id)
                if account is not None and account.status in _LOOKS_ALIVE:
                    await self._disconnected([account], StatusReason.REQUESTED)
        except (SupervisorError, DatabaseUnavailable, NotOwner) as error:
            log.warning("reconciler.not_idle", account_id=account_id, error=str(error))

    async def _record_given_up(self) -> None:
        """Say in the rows of accounts whose trees are gone that they are, and why.

        They are started again at boot or on request.
        """
        stores = self._runtime.stores
        for account_id, why in list(self._runtime.given_up.items()):
            if not why:
                continue
            account = await stores.accounts.account(account_id)
            if account is not None and account.status is not AccountStatus.FAILED:
                fence = (await stores.ownership.claim([account_id])).get(account_id)
                if fence is not None:
                    keeper = StatusKeeper(self._runtime, self.registry, account, fence)
                    await keeper.become(AccountStatus.FAILED, StatusReason.BUDGET_SPENT, why[:500])
            log.error("account.gave_up", account_id=account_id, why=why)
            self._runtime.given_up[account_id] = ""

    # ---- webhook endpoints -------------------------------------------------------------------

    async def _sweep_endpoints(self) -> None:
        """One delivery actor for each endpoint that is enabled and not paused; a changed endpoint gets a new one."""
        deliveries = self.supervisor.child(DELIVERIES)
        assert isinstance(deliveries, Supervisor)
        legacy = self._runtime.settings.legacy
        if not self._looked_around and legacy.enabled and legacy.backend_url and legacy.hmac_secret:
            await self._runtime.stores.outbox.give_legacy_endpoints(
                url=legacy.backend_url, secret=legacy.hmac_secret.get_secret_value()
            )
        found = await self._runtime.stores.outbox.endpoints()
        wanted = {e.id: e for e in found if e.enabled and not e.paused}
        children = await deliveries.which_children()
        present = {child.id for child in children}
        up = {child.id for child in children if child.state != "down"}
        for endpoint_id, endpoint in list(self._endpoints.items()):
            present_one = wanted.get(endpoint_id)
            if present_one is None or _changed(present_one, endpoint) or delivery_name(endpoint_id) not in up:
                del self._endpoints[endpoint_id]
        kept = {delivery_name(endpoint_id) for endpoint_id in self._endpoints}
        async with trio.open_nursery() as nursery:  # each may wait for an exchange to end
            for child_id in present - kept:
                nursery.start_soon(_remove, deliveries, child_id)
        for endpoint_id, endpoint in wanted.items():
            if endpoint_id not in self._endpoints:
                try:
                    await deliveries.start_child(_delivery_child(self._runtime, endpoint))
                except StartFailed as error:
                    log.warning("reconciler.delivery_not_started", endpoint_id=endpoint_id, why=str(error.reason))
                else:
                    self._endpoints[endpoint_id] = endpoint


async def _remove(deliveries: Supervisor, child_id: str) -> None:
    await deliveries.terminate_child(child_id)
    await deliveries.delete_child(child_id)


def _changed(one: Endpoint, other: Endpoint) -> bool:
    """Whether there is more between them than how deliveries went."""
    return msgspec.structs.replace(one, failing_since=None) != msgspec.structs.replace(other, failing_since=None)


def _being_restarted() -> Refused:
    return Refused(refusal=Refusal.UNAVAILABLE, detail="the account's actor is being restarted", retry_after=1.0)


def _delivery_child(runtime: Runtime, endpoint: Endpoint) -> ChildSpec:
    return actor_child(
        delivery_name(endpoint.id),
        lambda: DeliveryActor(runtime, endpoint),
        restart=Restart.TRANSIENT,
        backoff=Backoff(initial=0.5, maximum=30.0),
    )
