"""Connections, and transactions that cross the bridge once.

A unit of work is a plain function of a SQLAlchemy connection. `Engine.run` carries it over to asyncio, where
the whole transaction happens; deadlocks are retried there with a new transaction each, and what the drivers
raise comes back in the ports' words.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from sqlalchemy import Connection, Executable, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from wasup.bridge import Bridge, BridgeDied
from wasup.db.driver import Driver
from wasup.db.errors import is_disconnect, is_retryable, translate
from wasup.ports.store import DatabaseUnavailable

__all__ = ["DEADLINE", "Engine", "Work", "driver_url", "execute", "make_engine"]

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], T]
Mode: TypeAlias = Literal["read", "write"]

DEADLINE: Final = 30.0  # seconds for one unit of work, retries and waiting for a connection included
_TRIES: Final = 8
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


def make_engine(url: str, *, pool_size: int) -> AsyncEngine:
    """An engine for the asyncio side, with every connection set up as the stores expect it."""
    address = driver_url(url)
    if address.get_backend_name() == "sqlite":
        engine = create_async_engine(
            address, pool_size=pool_size, max_overflow=0, connect_args={"isolation_level": None}
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        address,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=DEADLINE,
        isolation_level="READ COMMITTED",
        connect_args={"stmt_cache_size": _STATEMENTS, "connect_timeout": 5, "init_command": _MYSQL_SESSION},
    )


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later could not be retried in place: take the write lock at once.
    mode = connection.get_execution_options().get("wasup_mode", "write")
    connection.exec_driver_sql("BEGIN" if mode == "read" else "BEGIN IMMEDIATE")


class _Attempt(Generic[T]):
    """One try of a unit of work; remembers whether COMMIT had been sent when something went wrong."""

    def __init__(self, work: Work[T]) -> None:
        self.work = work
        self.committing = False

    def __call__(self, connection: Connection) -> T:
        with connection.begin() as transaction:
            result = self.work(connection)
            self.committing = True
            transaction.commit()
            return result


class Engine:
    """Runs units of work on a pool of connections."""

    def __init__(self, url: str, bridge: Bridge, *, pool_size: int) -> None:
        self.url = driver_url(url)
        self.bridge = bridge
        self._engine = make_engine(url, pool_size=pool_size)
        self._sqlite = self.url.get_backend_name() == "sqlite"
        self._writing = asyncio.Lock()
        self._writes: dict[object, float] = {}
        self.driver = Driver("sqlite" if self._sqlite else "mysql")
        self.losses = 0  # connections found dead

    async def open(self) -> None:
        """Find out which server it is."""
        await self.run(self._recognise, mode="read")

    def _recognise(self, connection: Connection) -> None:
        if not self._sqlite:
            # MySQLDialect knows; the base class' type does not.
            maria = bool(getattr(connection.dialect, "is_mariadb", False))
            self.driver = Driver("mariadb" if maria else "mysql")

    async def close(self) -> None:
        """Close all connections."""
        await self.bridge.run(self._engine.dispose)

    async def run(self, work: Work[T], *, mode: Mode = "write") -> T:
        """Run `work` in one transaction and return what it returns.

        It may be called several times: it must not change anything outside of its transaction.

        Raises:
            DatabaseUnavailable: the database does not answer or takes no writes.
        """
        mine = object()
        if mode == "write":
            self._writes[mine] = time.monotonic()
        try:
            return await self.bridge.run(self._guarded, work, mode)
        except BridgeDied as error:
            raise DatabaseUnavailable(str(error)) from error
        finally:
            self._writes.pop(mine, None)

    def oldest_write(self) -> float:
        """For how many seconds the oldest write that is under way has been; 0 when there is none."""
        return time.monotonic() - min(self._writes.values()) if self._writes else 0.0

    # All below runs on the asyncio side.

    async def _guarded(self, work: Work[T], mode: Mode) -> T:
        try:
            if not self._sqlite:
                async with asyncio.timeout(DEADLINE):
                    return await self._retried(work, mode)
            return await self._finished(work, mode)
        except Exception as error:
            translated = translate(error)
            if translated is error:
                raise
            raise translated from error

    async def _finished(self, work: Work[T], mode: Mode) -> T:
        # A cancelled call of aiosqlite goes on in its thread. Transactions on a local file are short: let it end.
        task = asyncio.ensure_future(self._retried(work, mode))
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                if task.cancelled():
                    raise
            except Exception:  # noqa: BLE001, S110 - raised again below
                pass
        return task.result()

    async def _retried(self, work: Work[T], mode: Mode) -> T:
        for attempt in range(1, _TRIES + 1):
            trial = _Attempt(work)
            try:
                return await self._transaction(trial, mode)
            except Exception as error:
                lost = is_disconnect(error)
                self.losses += lost
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
        async with self._engine.connect() as connection:
            await connection.execution_options(wasup_mode=mode)
            return await connection.run_sync(trial)
