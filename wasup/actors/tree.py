"""The supervision tree of one instance.

root (rest_for_one)
├─ ground                       bridge, database, ownership; if it goes, what stands on it is restarted
├─ hosts (one_for_one)
│    └─ browsers                runs Chromium for accounts that live in one; its crash restarts it alone, and those
│                               accounts' sessions end with it
├─ sync (one_for_one)           the writers, sharded by account
├─ accounts (dynamic)
│    └─ 42 (rest_for_one, own restart budget and backoff)
│         ├─ actor              state machine, desired and actual state; survives its session
│         └─ session            one connection; ends with a typed reason
├─ deliveries (one_for_one)     one for each webhook endpoint
├─ pruner                       removes events and deliveries that are too old
├─ reconciler                   compares what should run with what runs
├─ comparer                     has accounts compared with their providers
├─ web                          the HTTP server, fenced: its crash restarts it alone
├─ overview                     keeps figures of the last hour
└─ events                       tells what happens to those who follow
"""

from collections.abc import Mapping
from types import MappingProxyType

from wasup.actors.account import AccountActor
from wasup.actors.comparer import Comparer
from wasup.actors.housekeeping import Pruner
from wasup.actors.names import ACCOUNTS, DELIVERIES, RECONCILER, SESSION, writer_name
from wasup.actors.reconciler import Reconciler
from wasup.actors.runtime import Runtime
from wasup.actors.session import SessionActor
from wasup.actors.sync import Store, SyncWriter
from wasup.ports.accounts import Account, Fence
from wasup.supervisor import (
    INFINITY,
    Backoff,
    Budget,
    ChildContext,
    ChildSpec,
    MailboxSpec,
    Restart,
    StartFunction,
    Strategy,
    SupervisorSpec,
    actor_child,
    supervisor_child,
    supervisor_start,
)

__all__ = ["root_spec"]

_QUICK = Backoff(initial=0.1, maximum=5.0)
_UNTIRING = Budget(restarts=100, period=60.0)
_HOST_STOP = 30.0
_CONNECTS = 4


def root_spec(
    runtime: Runtime,
    *,
    ground: StartFunction,
    web: StartFunction,
    hosts: Mapping[str, StartFunction] = MappingProxyType({}),
    watchers: Mapping[str, StartFunction] = MappingProxyType({}),
) -> SupervisorSpec:
    """The whole tree.

    Args:
        runtime: what the actors share.
        ground: opens the database and owns it, for as long as it runs; see `Runtime.open_ground`.
        web: serves HTTP for as long as it runs.
        hosts: by name, what runs processes for the accounts of one provider.
        watchers: by name, what merely looks on, and nothing depends on.
    """
    return SupervisorSpec(
        strategy=Strategy.REST_FOR_ONE,
        intensity=5,
        period=60.0,
        children=(
            ChildSpec(id="ground", start=ground, backoff=_QUICK, shutdown=10.0),
            supervisor_child("hosts", _hosts_spec(hosts)),
            supervisor_child("sync", _sync_spec(runtime)),
            supervisor_child(ACCOUNTS, _accounts_spec(runtime), shutdown=runtime.settings.stop_timeout),
            supervisor_child(DELIVERIES, SupervisorSpec(intensity=20, period=60.0)),
            actor_child("pruner", lambda: Pruner(runtime), backoff=_QUICK),
            actor_child(RECONCILER, lambda: Reconciler(runtime), backoff=_QUICK),
            actor_child("comparer", lambda: Comparer(runtime), backoff=_QUICK),
            ChildSpec(
                id="web",
                start=web,
                backoff=_QUICK,
                budget=_UNTIRING,
                shutdown=10.0,
            ),
            *(ChildSpec(id=name, start=start, backoff=_QUICK, budget=_UNTIRING) for name, start in watchers.items()),
        ),
    )


def _hosts_spec(hosts: Mapping[str, StartFunction]) -> SupervisorSpec:
    """Below the accounts, so that it stops after them; under a supervisor, so that it restarts without them."""
    return SupervisorSpec(
        intensity=INFINITY,  # whatever happens to a host is the business of its own accounts
        children=tuple(
            ChildSpec(id=name, start=start, backoff=_QUICK, budget=_UNTIRING, shutdown=_HOST_STOP)
            for name, start in hosts.items()
        ),
    )


def _sync_spec(runtime: Runtime) -> SupervisorSpec:
    mailbox = MailboxSpec(capacity=runtime.settings.sync.mailbox, survives_restart=True)

    def writer(shard: int) -> ChildSpec:
        name = writer_name(shard)
        unwritten: list[Store] = []
        return actor_child(name, lambda: SyncWriter(runtime, name, unwritten), mailbox=mailbox, backoff=_QUICK)

    return SupervisorSpec(intensity=20, period=60.0, children=tuple(writer(n) for n in range(runtime.writers)))


def _accounts_spec(runtime: Runtime) -> SupervisorSpec:
    """Instances of one template, started with (account, fence, secret): they also stop side by side."""
    settings = runtime.settings

    async def start(context: ChildContext, account: Account, fence: Fence, secret: bytes | None) -> None:
        stale = context.incarnation > 1  # restarted as a whole: the arguments are those of its first start
        await supervisor_start(_account_spec(runtime, account, fence, secret, stale=stale))(context)

    return SupervisorSpec(
        strategy=Strategy.SIMPLE_ONE_FOR_ONE,
        intensity=INFINITY,  # an account's restarts are its own business
        template=ChildSpec(
            id="account",
            start=start,
            restart=Restart.TRANSIENT,
            shutdown=INFINITY,
            type="supervisor",
            backoff=_QUICK,
            budget=Budget(restarts=settings.restart_budget, period=settings.restart_period),
        ),
        instance_id=lambda account, *_: str(account.id),
    )


def _account_spec(
    runtime: Runtime, account: Account, fence: Fence, secret: bytes | None, *, stale: bool
) -> SupervisorSpec:
    settings = runtime.settings
    budget = Budget(restarts=settings.restart_budget, period=settings.restart_period)
    backoff = Backoff(initial=settings.backoff_initial, maximum=settings.backoff_maximum)
    # A session over its budget stays down, and the account actor holds the state `failed`.
    session = actor_child(
        SESSION,
        lambda: SessionActor(runtime, account, fence),
        restart=Restart.TRANSIENT,
        backoff=backoff,
        budget=budget,
    )
    return SupervisorSpec(
        strategy=Strategy.REST_FOR_ONE,
        # The session's restarts count here as well, and it has a new budget whenever somebody connects again.
        intensity=_CONNECTS * settings.restart_budget,
        period=settings.restart_period,
        children=(
            actor_child(
                "actor", lambda: AccountActor(runtime, account, fence, secret, session, stale=stale), backoff=_QUICK
            ),
            session,
        ),
    )
