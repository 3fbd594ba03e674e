"""Locks that end with the process that holds them."""

import asyncio
import fcntl
import hashlib
import os
from typing import Any, Final, Protocol

import asyncmy
import trio
from sqlalchemy.engine import URL

from wasup.bridge import Bridge
from wasup.ports.store import DatabaseUnavailable

__all__ = ["FileLock", "InstanceLock", "NamedLock"]

_ANSWER: Final = 5.0  # seconds for one statement on the lock's own connection
_LONGEST: Final = 64  # characters of a lock's name, MySQL's limit


class InstanceLock(Protocol):
    """Held by one process at a time."""

    name: str
    connection_id: int | None

    async def take(self, *, ours: bool = False) -> bool:
        """Try to get it, at once; False if somebody else has it.

        Args:
            ours: we had it and lost the connection: end what is left of that connection first.
        """
        ...

    async def held(self) -> bool:
        """Whether we still have it."""
        ...

    async def drop(self) -> None:
        """Let go of it."""
        ...


class FileLock:
    """`flock` on a file; the kernel lets go of it when the process ends."""

    connection_id: int | None = None

    def __init__(self, path: str) -> None:
        self.name = path
        self._file: int | None = None

    async def take(self, *, ours: bool = False) -> bool:  # noqa: ARG002 - there is no connection to end
        """See `InstanceLock`."""
        await trio.lowlevel.checkpoint()
        if self._file is not None:
            os.close(self._file)
            self._file = None
        file = os.open(self.name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    async def held(self) -> bool:
        """See `InstanceLock`; a file that somebody removed locks nobody out any more."""
        await trio.lowlevel.checkpoint()
        if self._file is None:
            return False
        try:
            there, ours = os.stat(self.name), os.fstat(self._file)  # noqa: PTH116 - local, no waiting
        except FileNotFoundError:
            return False
        return (there.st_ino, there.st_dev) == (ours.st_ino, ours.st_dev)

    async def drop(self) -> None:
        """See `InstanceLock`. The file stays: removing it would let two processes lock two files."""
        await trio.lowlevel.checkpoint()
        if self._file is not None:
            os.close(self._file)
            self._file = None


class NamedLock:
    """`GET_LOCK` on a connection of its own; the server lets go of it when the connection ends."""

    def __init__(self, url: URL, bridge: Bridge) -> None:
        name = f"wasup:{url.database}"
        if len(name) > _LONGEST:
            name = f"wasup:{hashlib.sha256(name.encode()).hexdigest()[:50]}"
        self.name = name
        self.connection_id: int | None = None
        self._url = url
        self._bridge = bridge
        self._connection: Any = None

    async def take(self, *, ours: bool = False) -> bool:
        """See `InstanceLock`."""
        return await self._bridge.run(self._guarded, self._take(ours=ours))

    async def held(self) -> bool:
        """See `InstanceLock`. A lost connection is a lost lock."""
        return await self._bridge.run(self._held)

    async def drop(self) -> None:
        """See `InstanceLock`."""
        await self._bridge.run(self._drop)

    # All below runs on the asyncio side.

    async def _guarded(self, call: Any) -> Any:
        try:
            async with asyncio.timeout(3 * _ANSWER):
                return await call
        except (asyncmy.errors.MySQLError, OSError, EOFError, TimeoutError) as error:
            await self._drop()
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error

    async def _take(self, *, ours: bool) -> bool:
        before = self.connection_id
        await self._drop()
        self._connection = await asyncmy.connect(
            host=self._url.host or "127.0.0.1",
            port=self._url.port or 3306,
            user=self._url.username or "",
            password=self._url.password or "",
            database=self._url.database or "",
            autocommit=True,
            connect_timeout=int(_ANSWER),
            # It is idle between two beats; one that nobody proves to be alive must not keep the lock for hours.
            init_command="SET SESSION wait_timeout=60",
        )
        for attempt in range(3):
            if await self._ask("SELECT GET_LOCK(%s, 0)") == 1:
                self.connection_id = await self._ask("SELECT CONNECTION_ID()")
                return True
            holder = await self._ask("SELECT IS_USED_LOCK(%s)")
            if ours and holder is not None and holder == before:  # the server has not noticed that it is gone
                await self._ask(f"KILL {int(holder)}")
            # A killed process's connection ends within milliseconds.
            await asyncio.sleep(0.05 * (attempt + 1))
        await self._drop()
        self.connection_id = before
        return False

    async def _held(self) -> bool:
        if self._connection is None:
            return False
        try:
            async with asyncio.timeout(_ANSWER):
                return bool(await self._ask("SELECT IS_USED_LOCK(%s)=CONNECTION_ID()"))
        except (asyncmy.errors.MySQLError, OSError, EOFError, TimeoutError):
            return False

    async def _ask(self, sql: str) -> Any:
        async with self._connection.cursor() as cursor:
            await cursor.execute(sql, (self.name,) if "%s" in sql else None)
            row = await cursor.fetchone() if cursor.description else None
        return None if row is None else row[0]

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            await asyncio.sleep(0)
