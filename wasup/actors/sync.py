"""The sync writers: many accounts' changes, one transaction a batch.

Accounts are sharded over the writers by id, so that the changes of one account stay in order. A writer takes what
waits in its mailbox, lingers a moment when that is little, commits, and only then tells the sessions, which
acknowledge to their providers. While the database is away it holds its batch and tries again; its bounded mailbox
then fills, the sessions wait, and the back-pressure reaches the sockets.

Sessions get everything again when a writer dies, but a status that an account has reached is told once. So what a
writer had in hand or in its mailbox outlives it and is written by its next life (a commit may be repeated), and a
graceful stop writes what is left.
"""

from contextlib import suppress
from dataclasses import dataclass

import structlog
import trio

from wasup.actors.names import account_name, actor_called
from wasup.actors.runtime import Runtime
from wasup.ports.accounts import Fence
from wasup.ports.store import CommitResult, DatabaseUnavailable, IncomingBatch, StoreItem
from wasup.supervisor import Actor, ActorRef, ExitReason, MailboxFull

__all__ = ["Committed", "FenceLost", "Store", "StoreFailed", "SyncWriter"]

_RETRY_FIRST, _RETRY_MOST = 0.1, 2.0

log = structlog.get_logger("wasup.sync")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Write these items of one account.

    Attributes:
        source: told `Committed` or `StoreFailed` afterwards; None when nobody needs to know.
        token: given back with that.
    """

    fence: Fence
    workspace_id: int
    provider_type: str
    items: tuple[StoreItem, ...]
    source: "ActorRef[Committed | StoreFailed] | None" = None
    token: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """These deliveries are stored for good."""

    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFailed:
    """The database refuses what this session delivered; nothing of it was written."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceLost:
    """This fence holds no more: another instance owns the account, and everything that ran under it must stop."""

    fence: Fence


class SyncWriter(Actor[Store]):
    """Writes the changes of its shard of accounts.

    Args:
        runtime: what the actors share.
        name: its registered name.
        unwritten: what was received and is not written yet; it outlives the actor.
    """

    def __init__(self, runtime: Runtime, name: str, unwritten: list[Store]) -> None:
        super().__init__()
        self._runtime = runtime
        self._name = name
        self._unwritten = unwritten

    async def on_start(self) -> None:
        """Be found by the sessions."""
        self.registry.register(self._name, self.ref)

    async def run(self) -> None:
        """Receive, commit, tell, for ever."""
        sync = self._runtime.settings.sync
        while True:
            await self._write_all()
            envelopes = await self.receive_many(sync.batch, sync.linger)
            self._unwritten.extend(envelope.message for envelope in envelopes)

    async def on_stop(self, reason: ExitReason) -> None:
        """Write what is left, as far as there is time."""
        del reason
        while True:
            self._unwritten.extend(envelope.message for envelope in self.drain())
            if not self._unwritten:
                return
            await self._write_all()

    async def _write_all(self) -> None:
        while self._unwritten:
            first = _first(self._unwritten, self._runtime.settings.sync.batch)
            await self._write(first)
            del self._unwritten[: len(first)]

    async def _write(self, stores: list[Store]) -> None:
        try:
            result = await self._commit(_by_account(stores))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one account's data is not the others' business
            if len(_by_account(stores)) > 1:
                log.warning("sync.batch_refused", error=repr(error), accounts=len(stores))
                for account_id in sorted({store.fence.account_id for store in stores}):
                    await self._write([store for store in stores if store.fence.account_id == account_id])
                return
            log.error("sync.account_refused", account_id=stores[0].fence.account_id, error=repr(error))
            self._tell_failed(stores, str(error) or repr(error))
            return
        self._tell(stores, result)

    async def _commit(self, batches: list[IncomingBatch]) -> CommitResult:
        """Commit, waiting for the database as long as it takes."""
        pulse = self._runtime.pulse
        wait = _RETRY_FIRST
        while True:
            try:
                result = await self._runtime.stores.sync.commit(batches)
            except DatabaseUnavailable as error:
                if pulse.database_away_since is None:
                    pulse.database_away_since = trio.current_time()
                    log.warning("sync.database_away", error=str(error))
                await trio.sleep(wait)
                wait = min(wait * 2, _RETRY_MOST)
            else:
                if pulse.database_away_since is not None:
                    away = trio.current_time() - pulse.database_away_since
                    pulse.database_away_since = None
                    log.info("sync.database_back", seconds=round(away, 2))
                pulse.batches += 1
                pulse.committed += result.new_messages
                pulse.duplicates += result.duplicates
                return result

    def _tell(self, stores: list[Store], result: CommitResult) -> None:
        tokens: dict[ActorRef[Committed | StoreFailed], list[int]] = {}
        for store in stores:
            if store.fence.account_id in result.refused:
                _tell_lost(actor_called(self.registry, account_name(store.fence.account_id)), store.fence)
            elif store.source is not None:
                tokens.setdefault(store.source, []).append(store.token)
        for source, given in tokens.items():
            if source.alive:
                source.tell_nowait(Committed(tokens=tuple(given)))
        for endpoint_id in result.endpoints:
            self._runtime.doorbell(endpoint_id).ring()

    def _tell_failed(self, stores: list[Store], error: str) -> None:
        for source in {store.source for store in stores if store.source is not None}:
            if source.alive:
                source.tell_nowait(StoreFailed(error=error))


def _first(waiting: list[Store], limit: int) -> list[Store]:
    """From the front what makes up to `limit` items, and one at least."""
    count = size = 0
    for store in waiting:
        size += len(store.items)
        if count and size > limit:
            break
        count += 1
    return waiting[:count]


def _by_account(stores: list[Store]) -> list[IncomingBatch]:
    """One batch an account, its items in the order in which they came; what an older fence left behind is void."""
    of: dict[int, list[Store]] = {}
    for store in stores:
        given = of.setdefault(store.fence.account_id, [])
        if given and given[-1].fence != store.fence:
            given.clear()
        given.append(store)
    return [
        IncomingBatch(
            fence=given[-1].fence,
            workspace_id=given[-1].workspace_id,
            provider_type=given[-1].provider_type,
            items=tuple(item for store in given for item in store.items),
        )
        for _, given in sorted(of.items())
    ]


def _tell_lost(account: ActorRef[FenceLost] | None, fence: Fence) -> None:
    if account is not None:
        with suppress(MailboxFull):  # it is told again with its next change
            account.tell_nowait(FenceLost(fence=fence))
