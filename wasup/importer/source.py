"""The back end's database, seen through one read-only transaction with a consistent snapshot."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncmy
import trio
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from wasup.bridge import Bridge
from wasup.ports.store import DatabaseUnavailable, StoreError

__all__ = ["ImportRefused", "Source", "open_source"]

_CONNECT: Final = 10  # seconds
_ANSWER: Final = 600.0  # seconds for one statement; counting a large table takes a while
_ERRORS: Final = (asyncmy.errors.MySQLError, OSError, EOFError, TimeoutError)


class ImportRefused(StoreError):  # noqa: N818
    """The source or the target is not fit for an import; nothing was changed. The message says what to do."""


class Source:
    """One connection in one transaction: whatever is read belongs to the same moment."""

    def __init__(self, connection: Any, bridge: Bridge, name: str) -> None:
        self._connection = connection
        self._bridge = bridge
        self.name = name
        """`host:port/database`, without user and password."""

    async def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a statement; `%s` marks its values.

        Raises:
            DatabaseUnavailable: the connection is lost, and the snapshot with it.
            StoreError: the server refused the statement.
        """
        return await self._bridge.run(self._rows, sql, values)

    async def _rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        try:
            async with asyncio.timeout(_ANSWER), self._connection.cursor() as cursor:
                await cursor.execute(sql, tuple(values) or None)
                return list(await cursor.fetchall()) if cursor.description else []
        except _ERRORS as error:
            raise _translated(error) from error


@asynccontextmanager
async def open_source(url: str, bridge: Bridge, *, time_zone: str | None = None) -> AsyncIterator[Source]:
    """Connect to `mysql://user:password@host:port/database` and begin the one transaction.

    Args:
        url: address of the back end's database; a user who may only SELECT is enough.
        bridge: to the asyncio side.
        time_zone: zone of the session (`+07:00`). The back end sets none, so that its UTC times stand in the
            database as if they were the server's local ones: None does as it does, and gets UTC back.

    Raises:
        ImportRefused: it is no address of a MySQL or MariaDB database, or the server will not let us in.
        DatabaseUnavailable: there is no answer.
    """
    address = _address(url)
    connection = await bridge.run(_connect, address)
    try:
        source = Source(connection, bridge, f"{address.host}:{address.port or 3306}/{address.database}")
        if time_zone is not None:
            await source.rows("SET SESSION time_zone=%s", (time_zone,))
        # The session could not write even if this program tried to.
        await source.rows("SET SESSION TRANSACTION READ ONLY")
        await source.rows("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await source.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        yield source
    finally:
        with trio.CancelScope(shield=True):
            if bridge.alive:
                await bridge.run(_close, connection)


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        address = None
    if address is None or address.get_backend_name() not in {"mysql", "mariadb"} or not address.database:
        raise ImportRefused("the back end's database is given as mysql://user:password@host:port/database")
    return address.set(host=address.host or "127.0.0.1")


async def _connect(address: URL) -> Any:
    try:
        return await asyncmy.connect(
            host=address.host,
            port=address.port or 3306,
            user=address.username or "",
            password=address.password or "",
            database=address.database,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=_CONNECT,
        )
    except _ERRORS as error:
        raise _translated(error) from error


async def _close(connection: Any) -> None:
    connection.close()
    await asyncio.sleep(0)


def _translated(error: Exception) -> StoreError:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else None
    words = f"the back end's database: {error.args[-1] if error.args else type(error).__name__}"
    if code in {1044, 1045, 1049, 1142, 1298}:  # access denied, no such database, no such time zone
        return ImportRefused(words)
    if code in {2002, 2003, 2006, 2013, 1040, 1053, 1927} or not isinstance(error, asyncmy.errors.MySQLError):
        return DatabaseUnavailable(words)
    return StoreError(words)
