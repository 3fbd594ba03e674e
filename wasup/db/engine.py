"""Connections, and transactions that cross the bridge once.

A unit of work is a plain function of a SQLAlchemy connection. `Engine.run` carries it over to asyncio, where
the whole transaction happens; deadlocks are retried there with a new transaction each, and what the drivers
raise comes back in the ports' words.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from sqlalchemy import Connection, Executable, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn

from wasup.bridge import Bridge, BridgeDied
from wasup.db.driver import Driver
from wasup.db.errors import is_disconnect, is_retryable, translate
from wasup.db.steady import SteadyClock
from wasup.ports.clock import Clock, SystemClock
from wasup.ports.store import DatabaseUnavailable

__all__ = ["DEADLINE", "Engine", "Work", "driver_url", "execute", "make_engine"]

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], T]
Mode: TypeAlias = Literal["read", "write"]

DEADLINE: Final = 30.0  # seconds for one unit of work, retries and waiting for a connection included
_TRIES: Final = 8
_AFTERMATH: Final = 10.0  # seconds in which a server may still carry out a COMMIT that nobody waits for any more
_STATEMENTS: Final = 128  # prepared statements kept per connection

# Durability on SQLite: FULL syncs the log at every commit. NORMAL would lose the last commits in a power cut,
# and what is committed has been acknowledged to WhatsApp, which will not hand it over again.
_SQLITE_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA cache_size=-65536",
)
_MYSQL_SESSION: Final = (
    "SET SESSION innodb_lock_wait_timeout=5, time_zone='+00:00',"
    " sql_mode='STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
)


def execute(connection: Connection, *statements: Executable) -> None:
    """Run statements whose results nobody needs."""
    for statement in statements:
        connection.execute(statement)


def driver_url(url: str) -> URL:
    """The SQLAlchemy address of a `mysql://…`, `mariadb://…` or `sqlite:///…` one.

    Raises:
        ValueError: it is neither.
    """
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "mysql" | "mariadb":
            return parsed.set(drivername="mysql+asyncmy").update_query_dict({"charset": "utf8mb4"})
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return parsed.set(drivername="sqlite+aiosqlite")
        case _:
            kind = url.partition("://")[0]  # the rest may hold a password
            raise ValueError(f"a database URL is mysql://user:password@host:port/name or sqlite:///file, not {kind}:…")


def make_engine(url: str, *, pool_size: int, reading: bool = False) -> AsyncEngine:
    """An engine for the asyncio side, with every connection set up as the stores expect it.

    Args:
        url: see `driver_url`.
        pool_size: connections at most.
        reading: make none for transactions. On a server each statement sees what is committed then, as in a transaction
            at READ COMMITTED, but there is nothing to end: that is a third of the round trips of most reads.
    """
    address = driver_url(url)
    if address.get_backend_name() == "sqlite":
        engine = create_async_engine(
            address, pool_size=pool_size, max_overflow=0, connect_args={"isolation_level": None}
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    engine = create_async_engine(
        address,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=DEADLINE,
        pool_use_lifo=True,  # the one used last has its statements prepared
        pool_reset_on_return=None,  # every transaction has ended by then: a ROLLBACK more for each would be in vain
        isolation_level="AUTOCOMMIT" if reading else "READ COMMITTED",
        skip_autocommit_rollback=reading,
        connect_args={"stmt_cache_size": _STATEMENTS, "connect_timeout": 5, "init_command": _MYSQL_SESSION},
    )
    # What `skip_autocommit_rollback` asks; SQLAlchemy's dialect for asyncmy does not know it.
    setattr(engine.dialect, "detect_autocommit_setting", _commits_by_itself)  # noqa: B010 - a method of its class
    return engine


def _commits_by_itself(connection: Any) -> bool:
    return bool(connection.driver_connection.get_autocommit())


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later could not be retried in place: take the write lock at once.
    mode = connection.get_execution_options().get("wasup_mode", "write")
    connection.exec_driver_sql("BEGIN" if mode == "read" else "BEGIN IMMEDIATE")


@dataclass(slots=True, eq=False)
class _Write:
    """A unit of work that writes.

    Attributes:
        since: when it began, UTC epoch milliseconds.
        unanswered: whether it was given up between COMMIT and its answer.
        until: monotonic time from which on it is taken for ended.
    """

    since: int
    unanswered: bool = False
    until: float = math.inf


class _Attempt(Generic[T]):
    """One try of a unit of work; remembers whether COMMIT was on its way when something went wrong."""

    def __init__(self, work: Work[T]) -> None:
        self.work = work
        self.committing = False

    def read(self, connection: Connection) -> T:
        """Without a transaction."""
        return self.work(connection)

    def __call__(self, connection: Connection) -> T:
        """In a transaction."""
        with connection.begin() as transaction:
            result = self.work(connection)
            self.committing = True
            transaction.commit()
            return result


class Engine:
    """Runs units of work on two pools of connections: one for transactions, on a server another for reads.

    Args:
        url: see `driver_url`.
        bridge: to asyncio.
        pool_size: connections of each pool at most.
        clock: the machine's; None for the real one.

    Attributes:
        clock: what the stores tell the time by; it never goes back.
        losses: connections that were found dead.
    """

    def __init__(self, url: str, bridge: Bridge, *, pool_size: int, clock: Clock | None = None) -> None:
        self.clock = SteadyClock(clock or SystemClock())
        self.url = driver_url(url)
        self.bridge = bridge
        self._sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = make_engine(url, pool_size=pool_size)
        self._reader = self._engine if self._sqlite else make_engine(url, pool_size=pool_size, reading=True)
        self._writing = asyncio.Lock()
        self._writes: set[_Write] = set()
        self.driver = Driver("sqlite" if self._sqlite else "mysql")
        self.losses = 0

    async def open(self) -> None:
        """Find out which server it is, and how much it takes at a time."""
        await self.run(self._recognise, mode="read")

    def _recognise(self, connection: Connection) -> None:
        if not self._sqlite:
            # MySQLDialect knows; the base class' type does not.
            maria = bool(getattr(connection.dialect, "is_mariadb", False))
            packet = connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one()
            self.driver = Driver("mariadb" if maria else "mysql", packet)

    async def close(self) -> None:
        """Close all connections."""
        await self.bridge.run(self._engine.dispose)
        await self.bridge.run(self._reader.dispose)

    async def run(self, work: Work[T], *, mode: Mode = "write") -> T:
        """Run `work` in one transaction and return what it returns; on a server reads are not in one.

        It may be called several times: it must not change anything outside of its transaction.

        Raises:
            DatabaseUnavailable: the database does not answer or takes no writes.
        """
        mine = _Write(self.clock.now_ms())
        if mode == "write":
            self._writes.add(mine)
        try:
            return await self.bridge.run(self._guarded, work, mode, mine)
        except BridgeDied as error:
            raise DatabaseUnavailable(str(error)) from error
        finally:
            if mine.unanswered:
                mine.until = time.monotonic() + _AFTERMATH
            else:
                self._writes.discard(mine)
            self._forget_old()

    def settled_until(self) -> int:
        """Nothing that this instance is writing, or will write, is stamped with this time by `clock` or an earlier one.

        UTC epoch milliseconds.
        """
        self._forget_old()
        return min((write.since for write in self._writes), default=self.clock.now_ms()) - 1

    def _forget_old(self) -> None:
        now = time.monotonic()
        self._writes -= {write for write in self._writes if write.until <= now}

    # All below runs on the asyncio side.

    async def _guarded(self, work: Work[T], mode: Mode, write: _Write) -> T:
        try:
            if not self._sqlite:
                async with asyncio.timeout(DEADLINE):
                    return await self._retried(work, mode, write)
            return await self._finished(work, mode, write)
        except Exception as error:
            translated = translate(error)
            if translated is error:
                raise
            raise translated from error

    async def _finished(self, work: Work[T], mode: Mode, write: _Write) -> T:
        # A cancelled call of aiosqlite goes on in its thread. Transactions on a local file are short: let it end.
        task = asyncio.ensure_future(self._retried(work, mode, write))
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                if task.cancelled():
                    raise
            except Exception:  # noqa: BLE001, S110 - raised again below
                pass
        return task.result()

    async def _retried(self, work: Work[T], mode: Mode, write: _Write) -> T:
        for attempt in range(1, _TRIES + 1):
            trial = _Attempt(work)
            try:
                return await self._transaction(trial, mode)
            except asyncio.CancelledError:
                write.unanswered = trial.committing
                raise
            except Exception as error:
                lost = is_disconnect(error)
                self.losses += lost
                write.unanswered = lost and trial.committing
                # Before COMMIT was sent a lost connection has changed nothing. Tried again once: what the pool
                # held may all be dead after a restart of the server.
                again = is_retryable(error) or (lost and not trial.committing and attempt == 1)
                if not again or attempt == _TRIES:
                    raise
            await asyncio.sleep(random.uniform(0.0, 0.01) * attempt)  # noqa: S311 - jitter
        raise DatabaseUnavailable("tried too often")

    async def _transaction(self, trial: _Attempt[T], mode: Mode) -> T:
        if self._sqlite and mode == "write":
            async with self._writing:  # one writer at a time: wait here rather than on SQLite's own polling
                return await self._connected(trial, mode)
        return await self._connected(trial, mode)

    async def _connected(self, trial: _Attempt[T], mode: Mode) -> T:
        # What `AsyncConnection.run_sync` does, but one switch for all: it makes three of a short query's five.
        result: T = await greenlet_spawn(self._in_connection, trial, mode)
        return result

    def _in_connection(self, trial: _Attempt[T], mode: Mode) -> T:
        if mode == "read" and not self._sqlite:
            with self._reader.sync_engine.connect() as connection:
                return trial.read(connection)
        with self._engine.sync_engine.connect() as connection:
            return trial(connection.execution_options(wasup_mode=mode) if self._sqlite else connection)
