"""The real tree over a real database, with a provider that does what a test says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from tests.actors.fakes import FakeProvider
from tests.actors.world import FakePoster
from wasup.actors.runtime import Runtime
from wasup.actors.tree import root_spec
from wasup.health import check_health
from wasup.ports.accounts import Desired
from wasup.ports.clock import SystemClock
from wasup.ports.store import NewAccount
from wasup.settings import Settings, SyncSection
from wasup.supervisor import ChildContext, Supervisor, open_supervisor

__all__ = ["Stage", "until"]


class Stage:
    """Everything around one running tree."""

    def __init__(self, world: Any, provider: FakeProvider, **sync: Any) -> None:
        self.world = world
        self.provider = provider
        poster: Any = FakePoster()  # nothing is delivered here
        self.runtime = Runtime(
            settings=Settings(sync=SyncSection(ack_linger=0.0, **sync), reconcile_interval=0.5),
            clock=SystemClock(),
            providers={provider.type: provider},
            make_poster=lambda _registry: poster,
        )
        self.root: Supervisor

    async def account(self) -> int:
        """A new account with a login that shall be connected, and has been before."""
        db = self.world.db
        new = NewAccount(workspace_id=self.world.workspace_id, provider_type=self.provider.type)
        account_id: int = (await db.accounts.create_account(new)).id
        fence = (await db.ownership.claim([account_id]))[account_id]
        secret = f"login-{account_id}".encode()
        await db.accounts.save_login(fence, secret, phone_number="+5511999990001", lid=None, push_name=None)
        self.provider.linked.add(secret)
        driver = db.engine.driver
        await db.engine.run(
            lambda c: driver.execute(
                c,
                "UPDATE whatsapp_accounts SET synchronised_at=?, paired_at=? WHERE id=?",
                (driver.time(1), driver.time(1), account_id),
            )
        )
        await db.accounts.set_desired(account_id, Desired.CONNECTED)
        return account_id

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Stage"]:
        """Run the tree; may be done again, as a new boot on the same database."""

        async def ground(context: ChildContext) -> None:
            self.runtime.open_ground(self.world.db, self.world.incarnation)
            context.started()
            try:
                await trio.sleep_forever()
            finally:
                self.runtime.close_ground()

        async def web(context: ChildContext) -> None:
            context.started()
            await trio.sleep_forever()

        async with open_supervisor(root_spec(self.runtime, ground=ground, web=web)) as self.root:
            yield self

    async def connected(self, account_id: int) -> None:
        """Wait until its session is there and the account's row says so."""
        with trio.fail_after(10):
            while self.provider.live(account_id) is None:
                await trio.sleep(0.02)
        await until(self.world, "SELECT status FROM whatsapp_accounts WHERE id=?", account_id, value="connected")

    async def is_healthy(self) -> bool:
        """Whether health calls the database reachable."""
        return (await check_health(self.runtime, self.root.registry)).parts["database"].status == "ok"

    async def settled(self, *, within: float) -> None:
        """Wait until everything that was handed over is acknowledged."""
        with trio.fail_after(within):
            while any(self.provider.pending.values()):
                await trio.sleep(0.01)


async def until(world: Any, sql: str, *values: object, value: object, within: float = 10.0) -> None:
    """Wait until the only value of a query is this one."""
    with trio.fail_after(within):
        while await world.value(sql, *values) != value:
            await trio.sleep(0.02)
