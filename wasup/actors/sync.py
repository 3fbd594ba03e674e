"""The sync writers: many accounts' changes, one transaction a batch.

Accounts are sharded over the writers by id, so that the changes of one account stay in order. A writer takes what
waits in its mailbox when its transaction begins, commits, and only then tells the sessions, which acknowledge to their
providers. While the database is away it holds its batch and tries again; its bounded mailbox
then fills, the sessions wait, and the back-pressure reaches the sockets.

Sessions get everything again when a writer dies, but a status that an account has reached is told once. So what a
writer had in hand or in its mailbox outlives it and is written by its next life (a commit may be repeated), and a
graceful stop writes what is left.

What the database refuses is found by halving the batch until a single item is left. That one is put away with its
reason, counts as stored, and the stream goes on. Only what the database says about data is taken for that. A fault of
our own is waited out like a database that is away, and health tells of it: nothing is put away that is not to blame.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import structlog
import trio
from msgspec.structs import replace

from wasup.actors.names import account_name, actor_called
from wasup.actors.runtime import Runtime
from wasup.actors.window import Window
from wasup.ports.accounts import Fence
from wasup.ports.store import DatabaseUnavailable, DataRefused
from wasup.ports.sync import CommitResult, IncomingBatch, StoreItem
from wasup.supervisor import Actor, ActorRef, ExitReason, MailboxFull

__all__ = ["FenceLost", "Store", "SyncWriter"]

_RETRY_FIRST, _RETRY_MOST = 0.1, 2.0
_FAULT_RETRY_MOST = 30.0

log = structlog.get_logger("wasup.sync")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Write these items of one account.

    Attributes:
        window: where it has taken a place, and gives it back when they are stored; None if it has taken none.
        token: given back with that; None for what no provider waits for.
    """

    fence: Fence
    workspace_id: int
    provider_type: str
    items: tuple[StoreItem, ...]
    window: Window | None = None
    token: int | None = None


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

    def figures(self) -> Mapping[str, float]:
        """What it has taken from its mailbox and not stored yet."""
        return {"unwritten": sum(len(store.items) for store in self._unwritten)}

    async def on_start(self) -> None:
        """Be found by the sessions."""
        self.registry.register(self._name, self.ref)

    async def run(self) -> None:
        """Receive, commit, tell, for ever."""
        sync = self._runtime.settings.sync
        while True:
            await self._write_all()
            envelopes = await self.receive_many(sync.batch)
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
            stores, result = await self._write_some()
            self._tell(stores, result)
            del self._unwritten[: len(stores)]

    async def _write_some(self) -> tuple[list[Store], CommitResult]:
        """Commit what there is when the transaction begins, up to a batch."""
        batch = self._runtime.settings.sync.batch
        group = self._runtime.together
        stores: list[Store] = []

        def take() -> list[IncomingBatch]:
            nonlocal stores
            room = batch - len(self._unwritten)
            if room > 0:
                self._unwritten.extend(envelope.message for envelope in self.drain(room))
            first = _first(self._unwritten, batch)
            batches = _by_account(first)
            stores = first
            return batches

        size = sum(len(store.items) for store in self._unwritten)
        try:
            result = await self._commit(lambda: group.commit(take, size))
        except DataRefused as error:
            result = await self._settle_halves(_by_account(stores), error)
        return stores, result

    async def _settle(self, batches: list[IncomingBatch]) -> CommitResult:
        """Commit alone: what is to blame shall be refused without what other writers have."""
        try:
            return await self._commit(lambda: self._runtime.stores.sync.commit(batches))
        except DataRefused as error:
            return await self._settle_halves(batches, error)

    async def _settle_halves(self, batches: list[IncomingBatch], error: DataRefused) -> CommitResult:
        """What was refused as a whole is settled half by half, down to the item that is to blame."""
        halves = _halves(batches)
        if halves is None:
            return await self._settle_one(batches[0])
        log.info("sync.batch_refused", error=repr(error)[:500], accounts=len(batches))
        return await self._settle(halves[0]) + await self._settle(halves[1])

    async def _settle_one(self, batch: IncomingBatch) -> CommitResult:
        """Try a single item once more, since what went wrong may have passed, and put it away if it has not."""
        try:
            return await self._commit(lambda: self._runtime.stores.sync.commit([batch]))
        except DataRefused as error:
            reason = str(error)
        result = await self._insist(lambda: self._runtime.stores.sync.reject(batch, reason))
        self._runtime.pulse.rejected += result.rejected
        kinds = [item.__struct_config__.tag for item in batch.items]
        log.error("sync.item_rejected", account_id=batch.fence.account_id, items=kinds, reason=reason[:500])
        return result

    async def _commit(self, write: Callable[[], Awaitable[CommitResult]]) -> CommitResult:
        begun = trio.current_time()
        result = await self._insist(write)
        pulse = self._runtime.pulse
        pulse.traffic.commits.add(trio.current_time() - begun, result.new_messages)
        self._runtime.hub.publish(result.events)
        for event in result.events:
            pulse.traffic.told(event.workspace_id, event.type)
        pulse.batches += 1
        pulse.committed += result.new_messages
        pulse.duplicates += result.duplicates
        return result

    async def _insist(self, write: Callable[[], Awaitable[CommitResult]]) -> CommitResult:
        """Write, waiting for the database, or for a fault of ours to be mended, as long as it takes."""
        pulse = self._runtime.pulse
        wait = _RETRY_FIRST
        while True:
            try:
                result = await write()
            except DatabaseUnavailable as error:
                if pulse.lost_database(self._name):
                    log.warning("sync.database_away", writer=self._name, error=str(error))
                await trio.sleep(wait)
                wait = min(wait * 2, _RETRY_MOST)
            except DataRefused:
                pulse.found_database(self._name)
                raise
            except Exception as error:  # whatever it is, what is in hand must not be lost
                words = repr(error)[:200]
                log.error("sync.fault", writer=self._name, error=words, exc_info=pulse.faults.get(self._name) != words)
                pulse.faults[self._name] = words
                await trio.sleep(wait)
                wait = min(wait * 2, _FAULT_RETRY_MOST)
            else:
                pulse.faults.pop(self._name, None)
                away = pulse.found_database(self._name)
                if away is not None:
                    log.info("sync.database_back", writer=self._name, seconds=round(away, 2))
                return result

    def _tell(self, stores: list[Store], result: CommitResult) -> None:
        newest = {store.fence.account_id: store.fence for store in stores}  # what an older one brought is void
        for store in stores:
            if store.fence.account_id in result.refused or store.fence != newest[store.fence.account_id]:
                _tell_lost(actor_called(self.registry, account_name(store.fence.account_id)), store.fence)
            elif store.window is not None:
                store.window.committed(store.token)
        for endpoint_id in result.endpoints:
            self._runtime.doorbell(endpoint_id).ring()


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


def _halves(batches: list[IncomingBatch]) -> tuple[list[IncomingBatch], list[IncomingBatch]] | None:
    """Two parts, the items of each account in their order; None for a single item."""
    if len(batches) > 1:
        middle = len(batches) // 2
        return batches[:middle], batches[middle:]
    (batch,) = batches
    middle = len(batch.items) // 2
    if middle == 0:
        return None
    first, second = batch.items[:middle], batch.items[middle:]
    return [replace(batch, items=first)], [replace(batch, items=second)]


def _tell_lost(account: ActorRef[FenceLost] | None, fence: Fence) -> None:
    if account is not None:
        with suppress(MailboxFull):  # it is told again with its next change
            account.tell_nowait(FenceLost(fence=fence))
