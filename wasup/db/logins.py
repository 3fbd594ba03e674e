"""The fenced writes of an account's login."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Delete, delete, insert, literal, select, update

from wasup.db.engine import Engine, execute
from wasup.db.fence import lock_account
from wasup.db.tables import account_logins, logins_to_forget, whatsapp_accounts as accounts
from wasup.db.tables_outbox import webhook_endpoints
from wasup.db.types import Millis
from wasup.identifiers import new_session_id
from wasup.ports.accounts import Fence
from wasup.ports.clock import Clock
from wasup.ports.outbox import EndpointFormat
from wasup.ports.store import NotOwner

__all__ = ["LoginWriter", "owe_forgetting"]


class LoginWriter:
    """The part of the account store that needs a fence."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def save_login(
        self, fence: Fence, secret: bytes, *, phone_number: str, lid: str | None, push_name: str | None
    ) -> None:
        """See the port."""
        now = self._clock.now_ms()

        def work(connection: Connection) -> None:
            lock_account(connection, self._engine.driver, fence)
            mine = account_logins.c.whatsapp_account_id == fence.account_id
            connection.execute(delete(account_logins).where(mine))
            connection.execute(
                insert(account_logins).values(whatsapp_account_id=fence.account_id, secret=secret, updated_at=now)
            )
            connection.execute(
                update(accounts)
                .where(accounts.c.id == fence.account_id)
                .values(
                    phone_number=phone_number[:50],
                    lid=lid,
                    push_name=push_name[:255] if push_name else push_name,
                    paired_at=now,
                    synchronised_at=None,
                    updated_at=now,
                )
            )
            connection.execute(_nothing_owed(fence.account_id))  # what the provider keeps is this login's from now on

        await self._engine.run(work)

    async def login_secrets(self, account_ids: Sequence[int]) -> dict[int, bytes]:
        """See the port."""
        driver = self._engine.driver
        sql = "SELECT whatsapp_account_id, secret FROM account_logins WHERE whatsapp_account_id IN "

        def work(connection: Connection) -> dict[int, bytes]:
            return {row[0]: bytes(row[1]) for row in driver.select_in(connection, sql, account_ids)}

        return await self._engine.run(work, mode="read")

    async def forget_login(self, fence: Fence) -> str:
        """See the port."""
        now = self._clock.now_ms()

        def work(connection: Connection) -> str:
            lock_account(connection, self._engine.driver, fence)
            row = _who(connection, fence)
            session_id = str(row.session_id)
            if not (row.session_pinned or _told_to_a_back_end(connection, row.workspace_id)):
                session_id = new_session_id(row.provider_type, fence.account_id, now)
            connection.execute(delete(account_logins).where(account_logins.c.whatsapp_account_id == fence.account_id))
            connection.execute(
                update(accounts).where(accounts.c.id == fence.account_id).values(session_id=session_id, updated_at=now)
            )
            owe_forgetting(connection, fence.account_id, now)
            return session_id

        return await self._engine.run(work)

    async def logins_to_forget(self) -> list[tuple[int, str]]:
        """See the port."""
        query = select(logins_to_forget.c.whatsapp_account_id, logins_to_forget.c.provider_type)
        return await self._engine.run(
            lambda connection: [(row[0], row[1]) for row in connection.execute(query)], mode="read"
        )

    async def login_forgotten(self, account_id: int) -> None:
        """See the port."""
        statement = _nothing_owed(account_id)
        await self._engine.run(lambda connection: execute(connection, statement))


def owe_forgetting(connection: Connection, account_id: int, now: int) -> None:
    """The account's provider owes it to forget what it keeps of the login. The account must be locked."""
    known = select(logins_to_forget).where(logins_to_forget.c.whatsapp_account_id == account_id)
    if connection.execute(known).first() is None:
        owed = select(accounts.c.id, accounts.c.provider_type, literal(now, Millis)).where(accounts.c.id == account_id)
        connection.execute(
            insert(logins_to_forget).from_select(["whatsapp_account_id", "provider_type", "since"], owed)
        )


def _nothing_owed(account_id: int) -> Delete:
    return delete(logins_to_forget).where(logins_to_forget.c.whatsapp_account_id == account_id)


def _told_to_a_back_end(connection: Connection, workspace_id: int) -> bool:
    """Whether the workspace has an endpoint whose back end knows its accounts by their session ids."""
    legacy = select(webhook_endpoints.c.id).where(
        webhook_endpoints.c.workspace_id == workspace_id, webhook_endpoints.c.format == EndpointFormat.LEGACY
    )
    return connection.execute(legacy.limit(1)).first() is not None


def _who(connection: Connection, fence: Fence) -> Any:
    row = connection.execute(
        select(
            accounts.c.workspace_id,
            accounts.c.provider_type,
            accounts.c.phone_number,
            accounts.c.session_id,
            accounts.c.session_pinned,
        ).where(accounts.c.id == fence.account_id)
    ).one_or_none()
    if row is None:
        raise NotOwner(f"account {fence.account_id} does not exist")
    return row
