"""Webhook endpoints."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from wasup.db.driver import Driver
from wasup.db.engine import Engine, execute
from wasup.db.journal import Journal
from wasup.db.tables import PREVIEW, whatsapp_accounts as accounts, workspaces
from wasup.db.tables_outbox import READY, outbox_lanes, webhook_endpoints as table
from wasup.ports.clock import Clock
from wasup.ports.events import EndpointDisabled
from wasup.ports.outbox import Endpoint, EndpointFormat, NewEndpoint

__all__ = ["EndpointWriter"]


def _to_endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        id=row.id,
        workspace_id=row.workspace_id,
        url=row.url,
        secret=row.secret,
        events=tuple(row.events.split()),
        format=EndpointFormat(row.format),
        headers=msgspec.json.decode(row.headers or "{}", type=dict[str, str]),
        batch_events=row.batch_events,
        batch_wait=row.batch_wait_ms / 1000,
        enabled=bool(row.enabled),
        disabled_reason=row.disabled_reason,
        paused=bool(row.paused),
        previous_secret=row.previous_secret,
        previous_until=row.previous_until,
        failing_since=row.failing_since,
    )


def _columns(values: Mapping[str, object]) -> dict[str, Any]:
    """Attributes of an endpoint, as they are stored."""
    stored: dict[str, Any] = {}
    for name, value in values.items():
        match name, value:
            case "events", tuple():
                stored["events"] = " ".join(value)
            case "headers", dict():
                stored["headers"] = msgspec.json.encode(value).decode() if value else None
            case "batch_wait", int() | float():
                stored["batch_wait_ms"] = round(value * 1000)
            case "format", str():
                stored["format"] = str(value)
            case _:
                stored[name] = value
    return stored


class EndpointWriter:
    """The part of the outbox store that keeps endpoints. Implements `wasup.ports.outbox.EndpointStore`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def endpoints(self, *, workspace_id: int | None = None) -> list[Endpoint]:
        """See the port."""
        query = select(table).order_by(table.c.id)
        if workspace_id is not None:
            query = query.where(table.c.workspace_id == workspace_id)
        return await self._engine.run(
            lambda connection: [_to_endpoint(row) for row in connection.execute(query)], mode="read"
        )

    async def endpoint(self, endpoint_id: int, *, workspace_id: int | None = None) -> Endpoint | None:
        """See the port."""
        found = await self._engine.run(lambda connection: _find(connection, endpoint_id), mode="read")
        return found if found is not None and workspace_id in {None, found.workspace_id} else None

    async def create_endpoint(self, workspace_id: int, new: NewEndpoint) -> Endpoint:
        """See the port."""
        return await self._engine.run(lambda connection: self._insert(connection, workspace_id, new))

    def _insert(self, connection: Connection, workspace_id: int, new: NewEndpoint) -> Endpoint:
        now = self._clock.now_ms()
        values = _columns({name: getattr(new, name) for name in NewEndpoint.__struct_fields__})
        made = connection.execute(
            insert(table).values(workspace_id=workspace_id, enabled=True, created_at=now, updated_at=now, **values)
        )
        (endpoint_id,) = made.inserted_primary_key or (0,)
        found = _find(connection, endpoint_id)
        assert found is not None
        return found

    async def change_endpoint(self, endpoint_id: int, changes: Mapping[str, object]) -> Endpoint | None:
        """See the port."""
        return await self._engine.run(lambda connection: self._change(connection, endpoint_id, changes))

    def _change(self, connection: Connection, endpoint_id: int, changes: Mapping[str, object]) -> Endpoint | None:
        values = {**_columns(changes), "updated_at": self._clock.now_ms()}
        execute(connection, update(table).where(table.c.id == endpoint_id).values(**values))
        return _find(connection, endpoint_id)

    async def save_endpoint(self, workspace_id: int, *, url: str, secret: str, events: Sequence[str] = ()) -> Endpoint:
        """See the port."""
        new = NewEndpoint(url=url, secret=secret, events=tuple(events))
        changes = {"url": url, "secret": secret, "events": new.events, "enabled": True, "disabled_reason": None}

        def work(connection: Connection) -> Endpoint:
            mine = select(table.c.id).where(table.c.workspace_id == workspace_id).order_by(table.c.id).limit(1)
            present = connection.execute(mine.with_for_update()).scalar()
            changed = None if present is None else self._change(connection, present, changes)
            return changed or self._insert(connection, workspace_id, new)

        return await self._engine.run(work)

    async def give_legacy_endpoints(self, *, url: str, secret: str) -> int:
        """See the port."""
        new = NewEndpoint(url=url, secret=secret, format=EndpointFormat.LEGACY)
        has_one = select(table.c.id).where(
            table.c.workspace_id == workspaces.c.id, table.c.format == EndpointFormat.LEGACY
        )
        named = select(accounts.c.id).where(
            accounts.c.workspace_id == workspaces.c.id,
            accounts.c.session_pinned.is_(True),
            accounts.c.deleted_at.is_(None),
        )
        without = select(workspaces.c.id).where(named.exists(), ~has_one.exists()).order_by(workspaces.c.id)

        def work(connection: Connection) -> int:
            found = [row[0] for row in connection.execute(without)]
            if found:  # somebody else may be at it: whoever has the lock makes them
                connection.execute(select(workspaces.c.id).where(workspaces.c.id.in_(found)).with_for_update()).all()
                found = [row[0] for row in connection.execute(without.where(workspaces.c.id.in_(found)))]
            for workspace_id in found:
                self._insert(connection, workspace_id, new)
            return len(found)

        return await self._engine.run(work)

    async def disable_endpoint(self, endpoint_id: int, reason: str) -> None:
        """See the port."""

        def work(connection: Connection) -> None:
            found = _find(connection, endpoint_id)
            if found is not None and found.enabled:
                self._change(connection, endpoint_id, {"enabled": False, "disabled_reason": reason[:PREVIEW]})
                _tell_disabled(connection, self._engine.driver, found, reason, self._clock)

        await self._engine.run(work)

    async def enable_endpoint(self, endpoint_id: int) -> Endpoint | None:
        """See the port."""
        afresh = {"enabled": True, "paused": False, "disabled_reason": None, "failing_since": None}
        due_now = (
            update(outbox_lanes)
            .where(outbox_lanes.c.endpoint_id == endpoint_id, outbox_lanes.c.state == READY)
            .values(due_at=self._clock.now_ms(), attempt=0)
        )

        def work(connection: Connection) -> Endpoint | None:
            execute(connection, due_now)
            return self._change(connection, endpoint_id, afresh)

        return await self._engine.run(work)

    async def note_failing(self, endpoint_id: int, since: int | None) -> None:
        """See the port."""
        statement = update(table).where(table.c.id == endpoint_id).values(failing_since=since)
        await self._engine.run(lambda connection: execute(connection, statement))

    async def delete_endpoint(self, endpoint_id: int) -> bool:
        """See the port. Its lanes and the rest are pruned as orphans."""
        statement = delete(table).where(table.c.id == endpoint_id)
        return await self._engine.run(lambda connection: connection.execute(statement).rowcount > 0)


def _find(connection: Connection, endpoint_id: int) -> Endpoint | None:
    row = connection.execute(select(table).where(table.c.id == endpoint_id)).one_or_none()
    return None if row is None else _to_endpoint(row)


def _tell_disabled(connection: Connection, driver: Driver, endpoint: Endpoint, reason: str, clock: Clock) -> None:
    """Write the event, for the workspace's primary account; a workspace without accounts has nobody to be told."""
    found = driver.query(
        connection,
        "SELECT o.whatsapp_account_id, o.event_seq, a.provider_type FROM whatsapp_accounts a JOIN account_owner o"
        " ON o.whatsapp_account_id=a.id WHERE a.workspace_id=? AND a.deleted_at IS NULL"
        f" ORDER BY a.is_primary DESC, a.id LIMIT 1{driver.lock}",
        (endpoint.workspace_id,),
    )
    now = clock.now_ms()
    for account_id, seq, provider_type in found:
        journal = Journal(driver, {account_id: seq}, now=now)
        journal.add(
            account_id,
            endpoint.workspace_id,
            lambda number, account_id=account_id, provider_type=provider_type: EndpointDisabled(  # type: ignore[misc]
                workspace_id=endpoint.workspace_id,
                whatsapp_account_id=account_id,
                provider_type=provider_type,
                account_seq=number,
                endpoint_id=endpoint.id,
                url=endpoint.url,
                reason=reason[:PREVIEW],
                timestamp=now,
            ),
        )
        journal.write(connection)
