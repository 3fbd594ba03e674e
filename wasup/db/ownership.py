"""One running instance per database, and the fences of its accounts."""

import os
import secrets
import socket
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from wasup.db.engine import Engine, execute
from wasup.db.locks import FileLock, InstanceLock, NamedLock
from wasup.db.tables import account_owner, node
from wasup.ports.accounts import Fence
from wasup.ports.clock import Clock
from wasup.ports.store import DatabaseOwned, NotOwner

__all__ = ["SqlOwnership"]


class SqlOwnership:
    """Implements `wasup.ports.store.Ownership`.

    The lock (a named lock of the server, or `flock` on a file beside SQLite's) ends with its process, so that a
    killed instance is followed at once. The `node` row tells who it is, and whether somebody came between.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._lock: InstanceLock | None = None
        self._incarnation: int | None = None

    async def acquire(self) -> int:
        """See the port."""
        lock = self._lock or self._make_lock()
        if not await lock.take():
            raise DatabaseOwned(await self._describe_owner(lock))
        self._lock = lock
        incarnation = secrets.randbits(62) + 1
        now = self._clock.now_ms()

        def work(connection: Connection) -> None:
            connection.execute(update(node).where(node.c.state != "dead").values(state="dead"))
            connection.execute(
                insert(node).values(
                    incarnation=incarnation,
                    node_id=socket.gethostname()[:255],
                    pid=os.getpid(),
                    state="live",
                    beat=0,
                    connection_id=lock.connection_id,
                    started_at=now,
                )
            )
            # Nobody's fence holds from here on, not even of a process that was stopped and goes on later.
            connection.execute(
                update(account_owner).where(account_owner.c.incarnation.is_not(None)).values(incarnation=None)
            )

        try:
            await self._engine.run(work)
        except BaseException:
            await self._let_go(lock)
            raise
        self._incarnation = incarnation
        return incarnation

    async def claim(self, account_ids: Sequence[int]) -> dict[int, Fence]:
        """See the port."""
        incarnation = self._incarnation
        if incarnation is None:
            raise NotOwner("acquire() comes first")
        driver = self._engine.driver
        micros = self._clock.now_ms() * 1000
        wanted = sorted(set(account_ids))

        def work(connection: Connection) -> dict[int, Fence]:
            self._check_live(connection, incarnation)
            rows = driver.select_in(
                connection,
                "SELECT whatsapp_account_id, epoch FROM account_owner WHERE whatsapp_account_id IN ",
                wanted,
                f" ORDER BY whatsapp_account_id{driver.lock}",
            )
            epochs = {account_id: max(epoch + 1, micros) for account_id, epoch in rows}
            driver.update(
                connection,
                "account_owner",
                keys=("whatsapp_account_id",),
                sets={"incarnation": ":", "epoch": ":"},
                rows=[(incarnation, epoch, account_id) for account_id, epoch in sorted(epochs.items())],
            )
            return {
                account_id: Fence(account_id=account_id, incarnation=incarnation, epoch=epoch)
                for account_id, epoch in epochs.items()
            }

        return await self._engine.run(work)

    async def hold(self) -> None:
        """See the port."""
        incarnation, lock = self._incarnation, self._lock
        if incarnation is None or lock is None:
            raise NotOwner("acquire() comes first")
        # A connection that was lost, or a server that restarted: ours again unless somebody was faster.
        if not await lock.held() and not await lock.take(ours=True):
            raise NotOwner(await self._describe_owner(lock))

        def work(connection: Connection) -> None:
            beat = (
                update(node)
                .where(node.c.incarnation == incarnation, node.c.state != "dead")
                .values(beat=node.c.beat + 1, connection_id=lock.connection_id)
            )
            if connection.execute(beat).rowcount == 0:
                raise NotOwner("another instance has taken over this database")

        await self._engine.run(work)

    async def release(self) -> None:
        """See the port."""
        incarnation, lock = self._incarnation, self._lock
        self._incarnation = self._lock = None
        if lock is None:
            return
        try:
            if incarnation is not None:
                gone = update(node).where(node.c.incarnation == incarnation).values(state="dead")
                free = update(account_owner).where(account_owner.c.incarnation == incarnation).values(incarnation=None)
                await self._engine.run(lambda connection: execute(connection, gone, free))
        finally:
            await self._let_go(lock)

    async def abandon(self) -> None:
        """Close what the lock holds open, without a word to the database."""
        if self._lock is not None and self._engine.bridge.alive:
            await self._let_go(self._lock)

    def _make_lock(self) -> InstanceLock:
        if self._engine.driver.kind == "sqlite":
            return FileLock(f"{self._engine.url.database}.lock")
        return NamedLock(self._engine.url, self._engine.bridge)

    async def _let_go(self, lock: InstanceLock) -> None:
        self._lock = None
        await lock.drop()

    @staticmethod
    def _check_live(connection: Connection, incarnation: int) -> None:
        state = connection.execute(select(node.c.state).where(node.c.incarnation == incarnation)).scalar()
        if state != "live":
            raise NotOwner("another instance has taken over this database")

    async def _describe_owner(self, lock: InstanceLock) -> str:
        query = select(node).where(node.c.state == "live").order_by(node.c.started_at.desc()).limit(1)
        row = await self._engine.run(lambda connection: connection.execute(query).one_or_none(), mode="read")
        if row is None:
            return f"another wasup is just starting on this database ({lock.name})"
        since = datetime.fromtimestamp(row.started_at / 1000, UTC).isoformat(sep=" ", timespec="seconds")
        return (
            f"another wasup runs on this database: host {row.node_id}, process {row.pid}, since {since}."
            f" Stop it first ({lock.name})"
        )
