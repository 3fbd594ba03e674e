"""A stage for wasup: a migrated database, the emulator beside it, and accounts whose logins are stored already."""

import base64
import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio
from sqlalchemy import Connection, func, select

from bench.database import MYSQL, database_server
from tests.db.servers import find_mariadbd
from tests.stored import store_accounts
from wasup.bridge import Bridge
from wasup.cli.quickstart import WEBHOOK_PATH
from wasup.db import Database, migrate
from wasup.db.tables import messages, whatsapp_accounts as accounts
from wasup.db.tables_outbox import outbox
from wasup.emulator.client import EmulatorClient, running_emulator
from wasup.http import digest_key, new_key, visible_prefix
from wasup.ports.accounts import AccountStatus
from wasup.ports.clock import SystemClock

__all__ = ["MYSQL", "Stage", "databases", "open_stage"]

_BASE_PHONE = 551190000000
_POLL = 0.1


def databases(only: str | None = None) -> list[str]:
    """The kinds of databases that there are on this machine, or the one that was asked for."""
    if only is not None:
        return [only]
    return ["mariadb", "sqlite"] if find_mariadbd() else ["sqlite"]


@dataclass(kw_only=True)
class Stage:
    """What stands ready for an instance.

    Attributes:
        database: our own connections to look with; an instance has its own.
        database_pid: of the server, if there is one.
        phones: account ids by phone number.
    """

    kind: str
    url: str
    folder: Path
    database: Database
    database_pid: int | None
    emulator: EmulatorClient
    api_key: str
    admin_key: str
    workspace_id: int
    phones: dict[str, int] = field(default_factory=dict)

    async def count_connected(self) -> int:
        """Accounts whose stored status is `connected`."""
        return await self._number(
            select(func.count()).select_from(accounts).where(accounts.c.status == AccountStatus.CONNECTED)
        )

    async def wait_connected(self, count: int, *, within: float) -> bool:
        """Wait until so many accounts are connected; False if they are not in time."""
        with trio.move_on_after(within):
            while await self.count_connected() < count:
                await trio.sleep(_POLL)
            return True
        return False

    async def count_outbox(self) -> int:
        """Webhook deliveries that wait."""
        return await self._number(select(func.count()).select_from(outbox))

    async def stored(self, *, from_me: bool = False) -> list[tuple[str, str]]:
        """Phone and message id of all stored messages of one direction."""
        query = (
            select(accounts.c.phone_number, messages.c.message_id)
            .join(accounts, accounts.c.id == messages.c.whatsapp_account_id)
            .where(messages.c.from_me == from_me)
        )

        def work(connection: Connection) -> list[tuple[str, str]]:
            return [(str(phone).removeprefix("+"), message_id) for phone, message_id in connection.execute(query)]

        return await self.database.engine.run(work, mode="read")

    async def rows(self, query: Any) -> Sequence[Any]:
        """All rows of a query."""
        return await self.database.engine.run(lambda connection: connection.execute(query).all(), mode="read")

    async def _number(self, query: Any) -> int:
        ((number,),) = await self.rows(query)
        return int(number)


@asynccontextmanager
async def open_stage(kind: str, *, restored: int = 0, webhooks: bool = False, **flags: object) -> AsyncIterator[Stage]:
    """Set up; everything is gone afterwards.

    Args:
        kind: `mariadb`, `mysql` or `sqlite`.
        restored: accounts with stored logins, wanted connected.
        webhooks: the emulator's back end is the workspace's endpoint.
        flags: settings of the emulator.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wasup-bench-")))
        bridge = await stack.enter_async_context(Bridge())
        pid: int | None = None
        if kind != "sqlite":
            server = await stack.enter_async_context(database_server(kind))
            await bridge.run(server.create_database, "bench")
            url = server.url("bench")
            pid = server.process.pid if server.process is not None else None
        else:
            url = f"sqlite:///{folder}/bench.db"
        await migrate(url, bridge)
        database = await stack.enter_async_context(Database.open(url, bridge, clock=SystemClock(), pool_size=3))
        emulator = await stack.enter_async_context(running_emulator(**flags))
        stage = await _furnish(kind, url, folder, database, pid, emulator)
        if webhooks:
            secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
            await database.outbox.save_endpoint(stage.workspace_id, url=emulator.url + WEBHOOK_PATH, secret=secret)
            await emulator.backend(secret=secret)
        if restored:
            made = await emulator.make_accounts(restored, start_phone=str(_BASE_PHONE))
            stage.phones = await store_accounts(database, stage.workspace_id, made)
        yield stage


async def _furnish(
    kind: str, url: str, folder: Path, database: Database, pid: int | None, emulator: EmulatorClient
) -> Stage:
    """A workspace and keys."""
    workspace = await database.keys.create_workspace("bench")
    keys = []
    for workspace_id, scopes in ((workspace.id, ("read", "send", "manage")), (None, ("admin",))):
        key = new_key()
        await database.keys.save_key(
            digest_key(key), prefix=visible_prefix(key), workspace_id=workspace_id, scopes=scopes, name="bench"
        )
        keys.append(key)
    return Stage(
        kind=kind,
        url=url,
        folder=folder,
        database=database,
        database_pid=pid,
        emulator=emulator,
        api_key=keys[0],
        admin_key=keys[1],
        workspace_id=workspace.id,
    )
