"""Accounts: their rows, their desired state, what deletes them."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from wasup.db.engine import Engine, execute
from wasup.db.logins import LoginWriter, owe_forgetting
from wasup.db.reading import Reader
from wasup.db.tables import account_logins, account_owner, account_transitions, whatsapp_accounts as accounts
from wasup.identifiers import new_session_id
from wasup.ports.accounts import Account, AccountStatus, Desired, StatusReason, Transition
from wasup.ports.clock import Clock
from wasup.ports.disconnects import DisconnectReason
from wasup.ports.store import NewAccount

__all__ = ["SqlAccountStore", "to_account"]

ACCOUNTS = Reader(Account, accounts)
_COLUMNS = [accounts.c[name] for name in Account.__struct_fields__]
_REASONS = {reason.value: reason for kind in (DisconnectReason, StatusReason) for reason in kind}


def to_account(row: Row[Any]) -> Account:
    """The account of a row of all its columns, in their order."""
    values = dict(zip(Account.__struct_fields__, row, strict=True))  # SQLAlchemy's own mapping costs four times as much
    values["status"] = AccountStatus(values["status"])
    values["desired"] = Desired(values["desired"])
    values["is_primary"] = bool(values["is_primary"])
    return Account(**values)


class SqlAccountStore(LoginWriter):
    """Implements `wasup.ports.store.AccountStore`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        super().__init__(engine, clock)

    async def create_account(self, new: NewAccount) -> Account:
        """See the port."""
        now = self._clock.now_ms()

        def work(connection: Connection) -> Account:
            # Counting under the workspace's lock: two first accounts must not both become primary.
            others = connection.execute(
                select(accounts.c.id)
                .where(accounts.c.workspace_id == new.workspace_id, accounts.c.deleted_at.is_(None))
                .limit(1)
                .with_for_update()
            ).first()
            result = connection.execute(
                insert(accounts).values(
                    uuid=str(uuid.uuid4()),
                    workspace_id=new.workspace_id,
                    provider_type=new.provider_type,
                    name=new.name[:255] if new.name else new.name,
                    session_id="",
                    status=AccountStatus.DISCONNECTED,
                    status_since=now,
                    desired=Desired.DISCONNECTED,
                    is_primary=others is None,
                    created_at=now,
                    updated_at=now,
                )
            )
            (account_id,) = result.inserted_primary_key or (0,)
            session_id = new_session_id(new.provider_type, account_id, now)
            connection.execute(update(accounts).where(accounts.c.id == account_id).values(session_id=session_id))
            connection.execute(insert(account_owner).values(whatsapp_account_id=account_id, epoch=0, event_seq=0))
            return to_account(connection.execute(select(*_COLUMNS).where(accounts.c.id == account_id)).one())

        return await self._engine.run(work)

    async def account(self, account_id: int, *, workspace_id: int | None = None) -> Account | None:
        """See the port."""
        where, values = "WHERE id=? AND deleted_at IS NULL", [account_id]
        if workspace_id is not None:
            where, values = f"{where} AND workspace_id=?", [account_id, workspace_id]
        found = await self._read(where, values)
        return found[0] if found else None

    async def accounts(
        self, *, workspace_id: int | None, status: str | None = None, after_id: int = 0, limit: int = 100
    ) -> list[Account]:
        """See the port."""
        where = "WHERE id>? AND deleted_at IS NULL"
        values: list[Any] = [after_id]
        if workspace_id is not None:
            where, values = f"{where} AND workspace_id=?", [*values, workspace_id]
        if status is not None:
            where, values = f"{where} AND status=?", [*values, str(status)]
        return await self._read(f"{where} ORDER BY id LIMIT ?", [*values, limit])

    async def desired_ids(self) -> list[int]:
        """See the port."""
        driver = self._engine.driver
        sql = (
            "SELECT id FROM whatsapp_accounts WHERE desired=? AND deleted_at IS NULL"
            " ORDER BY COALESCE(last_activity_at, created_at) DESC, id"
        )
        return await self._engine.run(
            lambda connection: [row[0] for row in driver.query(connection, sql, [Desired.CONNECTED.value])],
            mode="read",
        )

    async def desired_accounts(self, ids: Sequence[int]) -> list[Account]:
        """See the port."""
        if not ids:
            return []
        marks = ",".join("?" * len(ids))
        where = f"WHERE id IN ({marks}) AND desired=? AND deleted_at IS NULL"
        found = {account.id: account for account in await self._read(where, [*ids, Desired.CONNECTED.value])}
        return [found[account_id] for account_id in ids if account_id in found]

    async def _read(self, tail: str, values: list[Any]) -> list[Account]:
        driver = self._engine.driver
        return await self._engine.run(lambda connection: ACCOUNTS.query(driver, connection, tail, values), mode="read")

    async def set_desired(self, account_id: int, desired: Desired) -> None:
        """See the port."""
        statement = (
            update(accounts)
            .where(accounts.c.id == account_id, accounts.c.deleted_at.is_(None))
            .values(desired=desired, updated_at=self._clock.now_ms())
        )
        await self._engine.run(lambda connection: execute(connection, statement))

    async def transitions(self, account_id: int, *, before_id: int | None = None, limit: int = 50) -> list[Transition]:
        """See the port."""
        table = account_transitions
        query = select(table).where(table.c.whatsapp_account_id == account_id).order_by(table.c.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(table.c.id < before_id)

        def work(connection: Connection) -> list[Transition]:
            return [
                Transition(
                    id=row.id,
                    account_id=row.whatsapp_account_id,
                    old=AccountStatus(row.old),
                    new=AccountStatus(row.new),
                    reason=_REASONS[row.reason],
                    detail=row.detail,
                    at=row.at,
                )
                for row in connection.execute(query)
            ]

        return await self._engine.run(work, mode="read")

    async def delete_account(self, account_id: int, *, workspace_id: int | None = None) -> bool:
        """See the port."""
        now = self._clock.now_ms()

        def work(connection: Connection) -> bool:
            query = select(accounts.c.workspace_id, accounts.c.is_primary).where(
                accounts.c.id == account_id, accounts.c.deleted_at.is_(None)
            )
            if workspace_id is not None:
                query = query.where(accounts.c.workspace_id == workspace_id)
            row = connection.execute(query.with_for_update()).one_or_none()
            if row is None:
                return False
            connection.execute(
                update(accounts)
                .where(accounts.c.id == account_id)
                .values(
                    deleted_at=now,
                    updated_at=now,
                    desired=Desired.DISCONNECTED,
                    is_primary=False,
                    qr_code=None,
                    qr_expires_at=None,
                )
            )
            connection.execute(delete(account_logins).where(account_logins.c.whatsapp_account_id == account_id))
            owe_forgetting(connection, account_id, now)
            if row.is_primary:
                heir = connection.execute(
                    select(func.min(accounts.c.id)).where(
                        accounts.c.workspace_id == row.workspace_id, accounts.c.deleted_at.is_(None)
                    )
                ).scalar()
                connection.execute(update(accounts).where(accounts.c.id == heir).values(is_primary=True))
            return True

        return await self._engine.run(work)
