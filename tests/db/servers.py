"""Private database servers for tests: own directory, own port, free to be killed.

`async with mariadb_server() as server: server.url("name")`. The server is started by us and ended by its id.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncmy
import trio

__all__ = ["QUICK", "SERVER_KINDS", "DatabaseServer", "find_mariadbd", "free_port", "mariadb_server", "mysql_server"]

SERVER_KINDS = ("mariadb", *(("mysql",) if os.environ.get("WASUP_TEST_MYSQLD") else ()))
"""What the database tests run on, besides SQLite."""

QUICK = ("--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync")
"""Options for tests: what was written survives the server's death, not the machine's, and nothing waits for a disk."""

_START = 60.0
_OPTIONS = (
    "--innodb-buffer-pool-size=256M",
    "--innodb-flush-log-at-trx-commit=1",
    "--performance-schema=OFF",
    "--max-connections=100",
    "--character-set-server=utf8mb4",
)


def find_mariadbd() -> str | None:
    """The MariaDB server's program, if there is one."""
    return shutil.which("mariadbd") or next((path for path in ("/usr/sbin/mariadbd",) if Path(path).exists()), None)


def free_port() -> int:
    """A TCP port of loopback that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class DatabaseServer:
    """A running server; `kill` and `start` may be called in turns, its data and port stay."""

    def __init__(self, binary: str, folder: Path, *, mysql: bool, extra: tuple[str, ...] = ()) -> None:
        self.binary = binary
        self.folder = folder
        self.port = free_port()
        self.mysql = mysql
        self.extra = extra
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """The address of one of its databases, as `Database.open` takes it."""
        return f"mysql://wasup:wasup@127.0.0.1:{self.port}/{database}"

    async def create_database(self, name: str) -> None:
        """Make an empty database. Runs on the asyncio side: `await bridge.run(server.create_database, name)`."""
        await self.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")

    async def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as the administrator would; the rows of the last one. On the asyncio side, as above."""
        connection = await asyncmy.connect(
            host="127.0.0.1", port=self.port, user="wasup", password="wasup", autocommit=True
        )
        try:
            async with connection.cursor() as cursor:
                for statement in statements:
                    await cursor.execute(statement)
                return list(await cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def _arguments(self) -> list[str]:
        # A starting server deletes whatever temporary tables it finds in its tmpdir: another's, if they share one.
        (self.folder / "tmp").mkdir(exist_ok=True)
        common = [
            f"--datadir={self.folder / 'data'}",
            f"--tmpdir={self.folder / 'tmp'}",
            f"--socket={self.folder / 's'}",
            f"--port={self.port}",
        ]
        if self.mysql:
            own = ["--skip-log-bin", "--innodb-redo-log-capacity=256M"]
            return [self.binary, *common, *own, *_OPTIONS, *self.extra]
        own = ["--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-log-file-size=128M"]
        own += [f"--user={os.environ.get('USER', 'root')}", f"--pid-file={self.folder / 'pid'}"]
        return [self.binary, "--no-defaults", *common, *own, *_OPTIONS, *self.extra]

    async def initialise(self) -> None:
        """Make the data directory with the users `wasup`, who may do anything, and `plain`, who may not."""
        setup = (
            "CREATE USER IF NOT EXISTS 'wasup'@'127.0.0.1' IDENTIFIED BY 'wasup';"
            "CREATE USER IF NOT EXISTS 'wasup'@'localhost' IDENTIFIED BY 'wasup';"
            "GRANT ALL ON *.* TO 'wasup'@'127.0.0.1'; GRANT ALL ON *.* TO 'wasup'@'localhost';"
            "CREATE USER IF NOT EXISTS 'plain'@'127.0.0.1' IDENTIFIED BY 'plain';"
            "GRANT SELECT, INSERT, UPDATE, DELETE ON *.* TO 'plain'@'127.0.0.1';"
        )
        (self.folder / "init.sql").write_text(setup.replace(";", ";\n"))
        data = self.folder / "data"
        if self.mysql:
            command = [self.binary, "--initialize-insecure", f"--datadir={data}"]
        else:
            tool = shutil.which("mariadb-install-db") or "mariadb-install-db"
            command = [
                tool, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
                "--skip-test-db", f"--user={os.environ.get('USER', 'root')}",
            ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            await trio.run_process(command, stdout=log, stderr=log)
        await self.start(f"--init-file={self.folder / 'init.sql'}")

    async def start(self, *more: str) -> None:
        """Start, and return when it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220 - it outlives the nursery; starting takes a moment
                [*self._arguments(), *more], stdout=log, stderr=log, cwd=self.folder
            )
        with trio.fail_after(_START):
            while not await self._answers():
                if self.process.poll() is not None:
                    raise RuntimeError(f"the server ended: {(self.folder / 'log').read_text()[-2000:]}")
                await trio.sleep(0.05)

    async def _answers(self) -> bool:
        try:
            stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        except OSError:
            return False
        async with stream:
            with trio.move_on_after(1):
                return len(await stream.receive_some(64)) > 0
        return False

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    async def stop(self) -> None:
        """End it in an orderly way."""
        if self.process is not None:
            self.process.terminate()
            await trio.to_thread.run_sync(self.process.wait)
            self.process = None


@asynccontextmanager
async def _served(binary: str, *, mysql: bool, extra: tuple[str, ...] = ()) -> AsyncIterator[DatabaseServer]:
    folder = Path(tempfile.mkdtemp(prefix="wasup-db-"))
    server = DatabaseServer(binary, folder, mysql=mysql, extra=extra)
    try:
        await server.initialise()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def mariadb_server(*extra: str) -> AsyncIterator[DatabaseServer]:
    """A private MariaDB server."""
    binary = find_mariadbd()
    if binary is None:
        raise RuntimeError("no mariadbd: install the package mariadb-server")
    async with _served(binary, mysql=False, extra=extra) as server:
        yield server


@asynccontextmanager
async def mysql_server(binary: str, *extra: str) -> AsyncIterator[DatabaseServer]:
    """A private MySQL server from a program that behaves as `mysqld`."""
    async with _served(binary, mysql=True, extra=extra) as server:
        yield server
