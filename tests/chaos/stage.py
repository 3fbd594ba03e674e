"""Everything that a campaign needs, each a process of its own, with proxies on the ways between them."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import trio
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text

from tests.chaos.proxy import FaultProxy
from tests.db.servers import DatabaseServer, free_port, mariadb_server
from tests.e2e.system import WasupProcess
from tests.stored import store_accounts
from wasup.bridge import Bridge
from wasup.cli.bootstrap import bootstrap
from wasup.db import Database, migrate
from wasup.emulator.client import EmulatorClient, running_emulator
from wasup.ports.clock import SystemClock

__all__ = ["RedisServer", "Stage", "open_stage"]

_DATABASE = "chaos"
_FIRST_PHONE = "551190000000"
_AGAIN = 0.3
_QUICK_RETRIES = "[1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]"


class RedisServer:
    """A private Redis server, free to be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it.

        Raises:
            RuntimeError: there is none on this machine.
        """
        binary = shutil.which("redis-server")
        if binary is None:
            raise RuntimeError("no redis-server: install the package redis-server")
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def keys(self) -> int:
        """How much is kept in it; 0 while it does not answer."""
        with Redis(port=self.port, socket_timeout=1) as redis:
            try:
                return int(await trio.to_thread.run_sync(redis.dbsize))
            except RedisError:
                return 0

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@dataclass(kw_only=True)
class Stage:
    """What there is to break.

    Attributes:
        database: our own way to the server, past the proxies.
        database_link: proxy between wasup and the database.
        network_link: proxy between wasup and WhatsApp.
        receiver_link: proxy between wasup and the webhook receiver.
        emulator: WhatsApp and the receiver; never killed, for its log is the truth.
    """

    server: DatabaseServer
    database: Database
    redis: RedisServer
    emulator: EmulatorClient
    wasup: WasupProcess
    database_link: FaultProxy
    network_link: FaultProxy
    receiver_link: FaultProxy
    phones: dict[str, int]
    restarts: int = 0
    peak: int = 0
    _wanted: bool = field(default=True)

    async def keep_running(self) -> None:
        """Start wasup again whenever it has ended, as a service manager does."""
        while True:
            if self._wanted and not self.wasup.alive():
                self.restarts += 1
                try:
                    await self.wasup.start()
                except (RuntimeError, trio.TooSlowError):
                    self.wasup.kill()  # its database may be away: once more
            await trio.sleep(_AGAIN)

    async def watch_memory(self) -> None:
        """Remember the most that a wasup process ever held."""
        while True:
            with suppress(psutil.NoSuchProcess, AssertionError):
                self.peak = max(self.peak, psutil.Process(self.wasup.pid).memory_info().rss)
            await trio.sleep(_AGAIN)

    def signal_wasup(self, number: signal.Signals) -> None:
        """Send a signal to the process, if there is one now."""
        if self.wasup.alive():
            os.kill(self.wasup.pid, number)

    async def rows(self, query: str) -> list[Any]:
        """All rows of a query."""
        found = await self.database.engine.run(lambda connection: connection.execute(text(query)).all(), mode="read")
        return list(found)


@asynccontextmanager
async def open_stage(accounts: int) -> AsyncIterator[Stage]:
    """Set everything up, with so many accounts connected; nothing is left afterwards."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wasup-chaos-")))
        server = await stack.enter_async_context(mariadb_server())
        bridge = await stack.enter_async_context(Bridge())
        await bridge.run(server.create_database, _DATABASE)
        await migrate(server.url(_DATABASE), bridge)
        emulator = await stack.enter_async_context(running_emulator(echo=False))
        emulator_port = int(emulator.url.rpartition(":")[2])
        database_link = await stack.enter_async_context(FaultProxy.open(server.port))
        network_link = await stack.enter_async_context(FaultProxy.open(emulator_port))
        receiver_link = await stack.enter_async_context(FaultProxy.open(emulator_port))
        redis = RedisServer(folder)
        redis.start()
        stack.callback(redis.kill)

        webhook = f"http://127.0.0.1:{receiver_link.port}/backend/webhooks"
        endpoint = await bootstrap(server.url(_DATABASE), folder, webhook_url=webhook)
        await emulator.backend(secret=endpoint.secret)
        database = await stack.enter_async_context(
            Database.open(server.url(_DATABASE), bridge, clock=SystemClock(), pool_size=2)
        )
        made = await emulator.make_accounts(accounts, start_phone=_FIRST_PHONE)
        phones = await store_accounts(database, endpoint.workspace_id, made)

        url = server.url(_DATABASE).replace(f":{server.port}/", f":{database_link.port}/")
        wasup = WasupProcess(
            url,
            folder,
            f"http://127.0.0.1:{network_link.port}",
            redis_url=f"redis://127.0.0.1:{redis.port}/0",
            backoff_initial=0.2,
            backoff_maximum=2,
            webhooks__schedule=_QUICK_RETRIES,
        )
        await wasup.start()
        stack.callback(wasup.kill)
        yield Stage(
            server=server,
            database=database,
            redis=redis,
            emulator=emulator,
            wasup=wasup,
            database_link=database_link,
            network_link=network_link,
            receiver_link=receiver_link,
            phones=phones,
        )
