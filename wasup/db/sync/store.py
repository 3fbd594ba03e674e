"""`SyncStore.commit`: one transaction for the batches of many accounts."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from wasup.db.engine import Engine
from wasup.db.fence import lock_accounts
from wasup.db.journal import Journal
from wasup.db.recent import RecentChats
from wasup.db.sync.apply import Applier
from wasup.db.sync.gaps import missing, prune_pending, watermarks
from wasup.db.sync.load import KnownPeople, load
from wasup.db.sync.rejects import reject
from wasup.db.sync.statuses import StatusWriter
from wasup.db.sync.unsure import Attempts, Unsure, left_to_write
from wasup.db.sync.write import write
from wasup.ports.clock import Clock
from wasup.ports.messages import Message
from wasup.ports.store import DataRefused
from wasup.ports.sync import CommitResult, IncomingBatch, QrOffer, StatusChange, SyncStep, Watermark

__all__ = ["SqlSyncStore"]

_KNOWN_PEOPLE: Final = 200_000
_ACTIVITY: Final = 5_000  # ms; `last_activity_at` has an index and need not move with every batch


class SqlSyncStore:
    """Implements `wasup.ports.store.SyncStore`.

    It remembers three things between commits, all only ever as a reason to write less: whose contact is stored
    with which names, when an account's activity was written (both taken over after a commit only), and which
    commits may have happened although their answer was lost.
    """

    def __init__(self, engine: Engine, clock: Clock, recent: RecentChats) -> None:
        self._engine = engine
        self._clock = clock
        self._recent = recent
        self._known: KnownPeople = {}
        self._active: dict[int, int] = {}
        self._unsure = Unsure()

    async def commit(self, batches: Sequence[IncomingBatch]) -> CommitResult:
        """See the port."""
        now = self._clock.now_ms()
        marks, before = self._unsure.begin(batches)
        try:
            try:
                result, people, active = await self._engine.run(
                    lambda connection: self._work(connection, batches, now, marks, before)
                )
            finally:  # also when it is not known what became of it
                await self._recent.changed({batch.fence.account_id for batch in batches if _concerns_chats(batch)})
        except DataRefused:
            raise  # nothing of it is stored
        except BaseException:  # also when it happened, and whoever waits for it was cancelled right after
            self._unsure.lost(batches, marks)
            raise
        self._unsure.settled(batches)
        if len(self._known) > _KNOWN_PEOPLE:
            self._known.clear()
        self._known.update(people)
        self._active.update(dict.fromkeys(active, now))
        return result

    def write(self, connection: Connection, batches: Sequence[IncomingBatch]) -> CommitResult:
        """Write in a transaction of the caller's, who tells the cache of recent chats."""
        return self._work(connection, batches, self._clock.now_ms(), None, {})[0]

    async def reject(self, batch: IncomingBatch, reason: str) -> CommitResult:
        """See the port."""
        now = self._clock.now_ms()
        return await self._engine.run(lambda c: reject(c, self._engine.driver, batch, reason, now=now))

    async def watermarks(self, account_id: int) -> dict[str, Watermark]:
        """See the port."""
        return await self._engine.run(lambda c: watermarks(c, self._engine.driver, account_id), mode="read")

    async def missing(self, account_id: int, messages: Sequence[Message]) -> list[Message]:
        """See the port."""
        return await self._engine.run(lambda c: missing(c, self._engine.driver, account_id, messages), mode="read")

    async def prune_pending(self, before: int, *, limit: int) -> int:
        """See the port."""
        return await self._engine.run(lambda c: prune_pending(c, self._engine.driver, before, limit=limit))

    def _work(
        self,
        connection: Connection,
        batches: Sequence[IncomingBatch],
        now: int,
        marks: Mapping[int, int] | None,
        before: Mapping[int, Attempts],
    ) -> tuple[CommitResult, KnownPeople, list[int]]:
        driver = self._engine.driver
        held = lock_accounts(connection, driver, [batch.fence for batch in batches])
        mine = [batch for batch in batches if batch.fence.account_id in held]
        mine = left_to_write(connection, driver, mine, before)
        refused = frozenset(batch.fence.account_id for batch in batches if batch.fence.account_id not in held)
        world = load(connection, driver, mine, self._known)
        journal = Journal(driver, held, now=self._clock.now_ms(), marks=marks)
        statuses = StatusWriter(connection, driver, mine, now=now)
        new_messages = duplicates = 0
        people: KnownPeople = {}
        for batch in mine:
            applier = Applier(world, journal, statuses, batch, now=now)
            applier.apply()
            new_messages += applier.new_messages
            duplicates += applier.duplicates
            people.update(applier.seen)
        world.settle_names()
        write(connection, driver, world, now=now)
        statuses.write(connection)
        active = sorted(account_id for account_id in held if abs(now - self._active.get(account_id, 0)) >= _ACTIVITY)
        driver.update(
            connection,
            "whatsapp_accounts",
            keys=("id",),
            sets={"last_activity_at": ":"},
            rows=[(driver.time(now), account_id) for account_id in active],
        )
        endpoints = journal.write(connection)
        result = CommitResult(
            refused=refused,
            endpoints=endpoints,
            new_messages=new_messages,
            duplicates=duplicates,
            events=tuple(journal.events),
        )
        return result, people, active


def _concerns_chats(batch: IncomingBatch) -> bool:
    return not all(isinstance(item, (StatusChange, QrOffer, SyncStep, Watermark)) for item in batch.items)
