"""Accounts' upkeep: found by filters, renamed, restored, made primary, adopted from a back end; and workspaces."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, func, insert, or_, select, update

from wasup.db.accounts import _COLUMNS, ACCOUNTS, to_account
from wasup.db.engine import Engine
from wasup.db.tables import account_owner, whatsapp_accounts as accounts, workspaces
from wasup.ports.accounts import Account, AccountStatus, Desired
from wasup.ports.clock import Clock
from wasup.ports.resources import AccountFilter
from wasup.ports.store import Conflict, Workspace

__all__ = ["SqlAccountKeeper", "containing"]


def containing(text: str) -> str:
    """A LIKE pattern for what holds this text somewhere; its own wildcards mean themselves (escape: `!`)."""
    for sign in "!%_":
        text = text.replace(sign, "!" + sign)
    return f"%{text}%"


class SqlAccountKeeper:
    """Implements `wasup.ports.resources.AccountKeeper`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def find_accounts(self, which: AccountFilter, *, after_id: int = 0, limit: int = 100) -> list[Account]:
        """See the port."""
        where = ["id>?", "deleted_at IS NOT NULL" if which.deleted else "deleted_at IS NULL"]
        values: list[Any] = [after_id]
        for name in ("workspace_id", "status", "provider_type"):
            value = getattr(which, name)
            if value is not None:
                where.append(f"{name}=?")
                values.append(value.value if isinstance(value, AccountStatus) else value)
        if which.search is not None:
            where.append("(name LIKE ? ESCAPE '!' OR phone_number LIKE ? ESCAPE '!')")
            values += [containing(which.search)] * 2
        tail = f"WHERE {' AND '.join(where)} ORDER BY id LIMIT ?"
        driver = self._engine.driver
        return await self._engine.run(
            lambda connection: ACCOUNTS.query(driver, connection, tail, [*values, limit]), mode="read"
        )

    async def rename_account(self, account_id: int, name: str | None, *, workspace_id: int | None) -> Account | None:
        """See the port."""

        def work(connection: Connection) -> Account | None:
            found = _locked(connection, account_id, workspace_id)
            if found is None:
                return None
            self._set(connection, account_id, name=name)
            return _read(connection, account_id)

        return await self._engine.run(work)

    async def restore_account(self, account_id: int, *, workspace_id: int | None) -> Account | None:
        """See the port."""

        def work(connection: Connection) -> Account | None:
            found = _locked(connection, account_id, workspace_id, deleted=True)
            if found is None:
                return None
            if found.deleted_at is not None:
                self._restore(connection, found)
            return _read(connection, account_id)

        return await self._engine.run(work)

    def _restore(self, connection: Connection, row: Any) -> None:
        primary = connection.execute(_primary_of(row.workspace_id)).first()
        self._set(
            connection,
            row.id,
            deleted_at=None,
            desired=Desired.DISCONNECTED,
            status=AccountStatus.DISCONNECTED,
            status_since=self._clock.now_ms(),
            is_primary=primary is None,
        )

    async def make_primary(self, account_id: int, *, workspace_id: int | None) -> Account | None:
        """See the port."""

        def work(connection: Connection) -> Account | None:
            found = _locked(connection, account_id, workspace_id)
            if found is None:
                return None
            # All rows of the workspace are locked in one order: two such changes at once leave one primary.
            connection.execute(
                select(accounts.c.id)
                .where(accounts.c.workspace_id == found.workspace_id)
                .order_by(accounts.c.id)
                .with_for_update()
            ).all()
            connection.execute(
                update(accounts).where(accounts.c.workspace_id == found.workspace_id).values(is_primary=False)
            )
            self._set(connection, account_id, is_primary=True)
            return _read(connection, account_id)

        return await self._engine.run(work)

    async def sending_account(self, workspace_id: int) -> Account | None:
        """See the port."""
        connected = accounts.c.status == AccountStatus.CONNECTED
        query = (
            select(*_COLUMNS)
            .where(accounts.c.workspace_id == workspace_id, accounts.c.deleted_at.is_(None))
            .where(or_(accounts.c.is_primary.is_(True), connected))
            .order_by(connected.desc(), accounts.c.is_primary.desc(), accounts.c.id)
            .limit(1)
        )

        def work(connection: Connection) -> Account | None:
            row = connection.execute(query).one_or_none()
            return None if row is None else to_account(row)

        return await self._engine.run(work, mode="read")

    async def account_of_session(self, session_id: str, *, workspace_id: int | None) -> Account | None:
        """See the port."""
        query = _of_session(session_id).where(accounts.c.deleted_at.is_(None))
        if workspace_id is not None:
            query = query.where(accounts.c.workspace_id == workspace_id)

        def work(connection: Connection) -> Account | None:
            row = connection.execute(query).first()
            return None if row is None else to_account(row)

        return await self._engine.run(work, mode="read")

    async def adopt_account(
        self, session_id: str, *, workspace_id: int, account_id: int | None, provider_type: str
    ) -> Account:
        """See the port."""
        now = self._clock.now_ms()

        def work(connection: Connection) -> Account:
            if connection.execute(select(workspaces.c.id).where(workspaces.c.id == workspace_id)).first() is None:
                connection.execute(
                    insert(workspaces).values(
                        id=workspace_id, uuid=str(uuid.uuid4()), name=f"Workspace {workspace_id}", created_at=now
                    )
                )
            named = connection.execute(_of_session(session_id).with_for_update()).first()
            if named is None and account_id is not None:
                named = connection.execute(
                    select(*_COLUMNS).where(accounts.c.id == account_id).with_for_update()
                ).first()
            if named is None:
                made = self._insert(connection, session_id, workspace_id, account_id, provider_type)
                return to_account(connection.execute(select(*_COLUMNS).where(accounts.c.id == made)).one())
            if named.workspace_id != workspace_id or account_id not in {None, named.id}:
                raise Conflict("the session or account id belongs to another account")
            if named.deleted_at is not None:
                self._restore(connection, named)
            if session_id != named.uuid:
                self._set(connection, named.id, session_id=session_id, session_pinned=True)
            return _read(connection, named.id)

        return await self._engine.run(work)

    def _insert(
        self, connection: Connection, session_id: str, workspace_id: int, account_id: int | None, provider_type: str
    ) -> int:
        now = self._clock.now_ms()
        primary = connection.execute(_primary_of(workspace_id).with_for_update()).first()
        values: dict[str, Any] = {} if account_id is None else {"id": account_id}
        result = connection.execute(
            insert(accounts).values(
                **values,
                uuid=str(uuid.uuid4()),
                workspace_id=workspace_id,
                provider_type=provider_type,
                session_id=session_id,
                session_pinned=True,
                status=AccountStatus.DISCONNECTED,
                status_since=now,
                desired=Desired.DISCONNECTED,
                is_primary=primary is None,
                created_at=now,
                updated_at=now,
            )
        )
        (row_id,) = result.inserted_primary_key or (0,)
        connection.execute(insert(account_owner).values(whatsapp_account_id=row_id, epoch=0, event_seq=0))
        return int(row_id)

    async def count_accounts(self, workspace_id: int | None = None) -> Mapping[str, int]:
        """See the port."""
        query = (
            select(accounts.c.status, func.count()).where(accounts.c.deleted_at.is_(None)).group_by(accounts.c.status)
        )
        if workspace_id is not None:
            query = query.where(accounts.c.workspace_id == workspace_id)
        return await self._engine.run(
            lambda connection: {str(status): int(count) for status, count in connection.execute(query)}, mode="read"
        )

    async def workspace(self, workspace_id: int) -> Workspace | None:
        """See the port."""
        return await self._engine.run(lambda connection: _workspace(connection, workspace_id), mode="read")

    async def rename_workspace(self, workspace_id: int, name: str) -> Workspace | None:
        """See the port."""

        def work(connection: Connection) -> Workspace | None:
            connection.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(name=name[:255]))
            return _workspace(connection, workspace_id)

        return await self._engine.run(work)

    def _set(self, connection: Connection, account_id: int, **values: Any) -> None:
        connection.execute(
            update(accounts).where(accounts.c.id == account_id).values(**values, updated_at=self._clock.now_ms())
        )


def _read(connection: Connection, account_id: int) -> Account:
    return to_account(connection.execute(select(*_COLUMNS).where(accounts.c.id == account_id)).one())


def _locked(connection: Connection, account_id: int, workspace_id: int | None, *, deleted: bool = False) -> Any:
    query = select(*_COLUMNS).where(accounts.c.id == account_id)
    if workspace_id is not None:
        query = query.where(accounts.c.workspace_id == workspace_id)
    if not deleted:
        query = query.where(accounts.c.deleted_at.is_(None))
    return connection.execute(query.with_for_update()).one_or_none()


def _primary_of(workspace_id: int) -> Select[tuple[int]]:
    return select(accounts.c.id).where(
        accounts.c.workspace_id == workspace_id, accounts.c.is_primary.is_(True), accounts.c.deleted_at.is_(None)
    )


def _of_session(session_id: str) -> Select[Any]:
    return (
        select(*_COLUMNS)
        .where(or_(accounts.c.session_id == session_id, accounts.c.uuid == session_id))
        .order_by(accounts.c.deleted_at.is_(None).desc(), accounts.c.id)
        .limit(1)
    )


def _workspace(connection: Connection, workspace_id: int) -> Workspace | None:
    row = connection.execute(select(workspaces).where(workspaces.c.id == workspace_id)).one_or_none()
    return None if row is None else Workspace(id=row.id, uuid=row.uuid, name=row.name)
