"""Removing what is old, a chunk at a time, so that no transaction is long and nobody waits for one."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.db.engine import Engine

__all__ = ["SqlRetention"]

_NEEDED: Final = (
    "EXISTS (SELECT 1 FROM webhook_endpoints w JOIN outbox o ON o.endpoint_id=w.id"
    " WHERE w.workspace_id=e.workspace_id AND w.enabled=1"
    " AND o.whatsapp_account_id=e.whatsapp_account_id AND o.account_seq=e.account_seq)"
    " OR EXISTS (SELECT 1 FROM dead_letters d"
    " WHERE d.whatsapp_account_id=e.whatsapp_account_id AND d.account_seq=e.account_seq)"
)


class SqlRetention:
    """Implements `wasup.ports.outbox.Retention`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def prune_events(self, before: int, *, limit: int) -> int:
        """See the port. Deliveries that wait for a disabled endpoint go with their events."""
        driver = self._engine.driver

        def work(connection: Connection) -> int:
            removed = 0
            for (workspace_id,) in driver.query(connection, "SELECT id FROM workspaces ORDER BY id"):
                if removed < limit:
                    removed += _prune_events(connection, driver, workspace_id, before, limit - removed)
            return removed

        return await self._engine.run(work)

    async def prune_attempts(self, before: int, *, limit: int) -> int:
        """See the port."""
        return await self._prune("delivery_attempts", before, limit)

    async def prune_dead_letters(self, before: int, *, limit: int) -> int:
        """See the port."""
        return await self._prune("dead_letters", before, limit)

    async def _prune(self, table: str, before: int, limit: int) -> int:
        driver = self._engine.driver

        def work(connection: Connection) -> int:
            sql = f"SELECT id FROM {table} WHERE created_at<? ORDER BY created_at LIMIT ?"
            ids = driver.query(connection, sql, (driver.time(before), limit))
            return _delete(connection, driver, table, ("id",), ids)

        return await self._engine.run(work)

    async def media_gone(self, workspace_id: int, digests: Sequence[str]) -> int:
        """See the port."""
        driver = self._engine.driver
        sql = _MEDIA.format(workspace_id=workspace_id)

        def work(connection: Connection) -> int:
            rows = driver.select_in(connection, sql, sorted(set(digests)))
            return _delete(connection, driver, "message_media", ("message_row_id",), sorted(tuple(row) for row in rows))

        return await self._engine.run(work)

    async def prune_orphans(self, *, limit: int) -> int:
        """See the port."""
        driver = self._engine.driver

        def work(connection: Connection) -> int:
            tables = ("outbox_lanes", "dead_letters", "delivery_attempts")
            found = {
                table: [row[0] for row in driver.query(connection, f"SELECT DISTINCT endpoint_id FROM {table}")]
                for table in tables
            }
            # Afterwards, so that an endpoint that is being created is not taken for one that is gone.
            known = {row[0] for row in driver.query(connection, "SELECT id FROM webhook_endpoints")}
            removed = 0
            for table, endpoints in found.items():
                for endpoint_id in endpoints:
                    if endpoint_id not in known and removed < limit:
                        removed += _forget(connection, driver, table, endpoint_id, limit - removed)
            return removed

        return await self._engine.run(work)


_MEDIA: Final = (
    "SELECT k.message_row_id FROM message_media k JOIN messages m ON m.id=k.message_row_id"
    " WHERE m.workspace_id={workspace_id:d} AND k.digest IN "
)


def _prune_events(connection: Connection, driver: Driver, workspace_id: int, before: int, limit: int) -> int:
    columns = "SELECT e.whatsapp_account_id, e.account_seq FROM events e WHERE"
    old = driver.query(
        connection,
        f"{columns} e.workspace_id=? AND e.created_at<? AND NOT ({_NEEDED}) ORDER BY e.created_at LIMIT ?",
        (workspace_id, driver.time(before), limit),
    )
    if not old:
        return 0
    # A replay, which holds these locks, may have asked for some of them meanwhile.
    driver.select_in(
        connection,
        "SELECT whatsapp_account_id FROM account_owner WHERE whatsapp_account_id IN ",
        sorted({account_id for account_id, _ in old}),
        f" ORDER BY whatsapp_account_id{driver.lock}",
    )
    needed = driver.select_in(
        connection,
        f"{columns} ({_NEEDED}) AND (e.whatsapp_account_id, e.account_seq) IN ",
        [tuple(row) for row in old],
    )
    places = sorted({(row[0], row[1]) for row in old} - {(row[0], row[1]) for row in needed})
    waiting = driver.select_in(
        connection,
        "SELECT o.whatsapp_account_id, w.id, o.account_seq FROM events e JOIN webhook_endpoints w"
        " ON w.workspace_id=e.workspace_id JOIN outbox o ON o.endpoint_id=w.id"
        " AND o.whatsapp_account_id=e.whatsapp_account_id AND o.account_seq=e.account_seq"
        " WHERE (e.whatsapp_account_id, e.account_seq) IN ",
        places,
    )
    _delete(connection, driver, "outbox", ("whatsapp_account_id", "endpoint_id", "account_seq"), waiting)
    return _delete(connection, driver, "events", ("whatsapp_account_id", "account_seq"), places)


def _forget(connection: Connection, driver: Driver, table: str, endpoint_id: int, limit: int) -> int:
    """Delete rows of an endpoint that is gone; with a lane go the deliveries in it."""
    if table != "outbox_lanes":
        ids = driver.query(connection, f"SELECT id FROM {table} WHERE endpoint_id=? LIMIT ?", (endpoint_id, limit))
        return _delete(connection, driver, table, ("id",), ids)
    lanes = driver.query(
        connection,
        f"SELECT whatsapp_account_id, endpoint_id FROM outbox_lanes WHERE endpoint_id=? LIMIT ?{driver.lock}",
        (endpoint_id, limit),
    )
    removed = 0
    for lane in lanes:
        where = "WHERE whatsapp_account_id=? AND endpoint_id=?"
        sql = f"SELECT whatsapp_account_id, endpoint_id, account_seq FROM outbox {where} LIMIT ?"
        rows = driver.query(connection, sql, (*lane, limit))
        removed += _delete(connection, driver, "outbox", ("whatsapp_account_id", "endpoint_id", "account_seq"), rows)
        if len(rows) < limit:
            removed += driver.execute(connection, f"DELETE FROM outbox_lanes {where}", tuple(lane))
        if removed >= limit:
            break
    return removed


def _delete(
    connection: Connection, driver: Driver, table: str, keys: Sequence[str], rows: Sequence[Sequence[Any]]
) -> int:
    """Delete rows by their primary keys; returns how many there were."""
    if rows:
        condition = " AND ".join(f"{key}={driver.mark}" for key in keys)
        sql = f"DELETE FROM {table} WHERE {condition}"
        connection.exec_driver_sql(sql, [tuple(row) for row in rows])
    return len(rows)
