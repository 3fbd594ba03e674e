"""What became of deliveries, and replays: events of the log are put back into an endpoint's outbox."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from wasup.db.driver import Driver
from wasup.db.engine import Engine
from wasup.db.journal import event_place
from wasup.db.tables_outbox import (
    CLAIMED,
    IDLE,
    READY,
    REFILLED,
    dead_letters,
    delivery_attempts,
    outbox,
    outbox_lanes,
)
from wasup.ports.clock import Clock
from wasup.ports.events import EVENT_TYPES
from wasup.ports.outbox import Attempt, DeadLetter, Endpoint, Replayed, ReplayRange

__all__ = ["SqlDeliveryLog"]

_Place = tuple[int, int]  # account, sequence
_A_STATEMENT: Final = 100  # events whose predecessors are looked up at once


class SqlDeliveryLog:
    """Implements `wasup.ports.outbox.DeliveryLog`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def attempts(
        self, endpoint_id: int, *, failed: bool | None = None, before_id: int | None = None, limit: int = 50
    ) -> list[Attempt]:
        """See the port."""
        table = delivery_attempts.c
        query = select(delivery_attempts).where(table.endpoint_id == endpoint_id).order_by(table.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(table.id < before_id)
        if failed is not None:
            query = query.where(table.outcome != "delivered" if failed else table.outcome == "delivered")
        return await self._engine.run(
            lambda connection: [_to_attempt(row) for row in connection.execute(query)], mode="read"
        )

    async def dead_letters(
        self, endpoint_id: int, *, before_id: int | None = None, limit: int = 50
    ) -> list[DeadLetter]:
        """See the port."""
        table = dead_letters.c
        query = select(dead_letters).where(table.endpoint_id == endpoint_id).order_by(table.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(table.id < before_id)
        return await self._engine.run(
            lambda connection: [_to_letter(row) for row in connection.execute(query)], mode="read"
        )

    async def dead_letter(self, endpoint_id: int, letter_id: int) -> DeadLetter | None:
        """See the port."""
        query = select(dead_letters).where(dead_letters.c.endpoint_id == endpoint_id, dead_letters.c.id == letter_id)
        row = await self._engine.run(lambda connection: connection.execute(query).one_or_none(), mode="read")
        return None if row is None else _to_letter(row)

    async def waiting(self, endpoint_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        """See the port."""
        lane, row, dead = outbox_lanes.c, outbox.c, dead_letters.c
        same = (row.whatsapp_account_id == lane.whatsapp_account_id) & (row.endpoint_id == lane.endpoint_id)
        queued = (
            select(lane.endpoint_id, func.count())
            .select_from(outbox_lanes.join(outbox, same))
            .where(lane.endpoint_id.in_(endpoint_ids))
            .group_by(lane.endpoint_id)
        )
        buried = (
            select(dead.endpoint_id, func.count()).where(dead.endpoint_id.in_(endpoint_ids)).group_by(dead.endpoint_id)
        )

        def work(connection: Connection) -> dict[int, tuple[int, int]]:
            waits = {endpoint_id: count for endpoint_id, count in connection.execute(queued)}  # noqa: C416 - rows
            gone = {endpoint_id: count for endpoint_id, count in connection.execute(buried)}  # noqa: C416 - rows
            return {one: (waits.get(one, 0), gone.get(one, 0)) for one in endpoint_ids}

        return await self._engine.run(work, mode="read")

    async def replay(
        self, endpoint: Endpoint, wanted: ReplayRange, *, after: tuple[int, int] | None = None, limit: int = 1000
    ) -> Replayed:
        """See the port."""
        driver = self._engine.driver
        now = driver.time(self._clock.now_ms())

        def work(connection: Connection) -> Replayed:
            found = _find(connection, driver, endpoint, wanted, after, limit + 1)
            chosen = found[:limit]
            queued = _requeue(connection, driver, endpoint, chosen, now)
            more = chosen[-1] if len(found) > limit else None
            return Replayed(queued=queued, waiting=len(chosen) - queued, next=more)

        return await self._engine.run(work)


def _to_attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        id=row.id,
        endpoint_id=row.endpoint_id,
        account_id=row.whatsapp_account_id,
        event_id=row.event_id,
        events=row.events,
        attempt=row.attempt,
        outcome=row.outcome,
        detail=row.detail,
        seconds=row.milliseconds / 1000,
        replay=bool(row.replay),
        at=row.created_at,
    )


def _to_letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        endpoint_id=row.endpoint_id,
        account_id=row.whatsapp_account_id,
        account_seq=row.account_seq,
        event_id=row.event_id,
        reason=row.reason,
        attempts=row.attempts,
        created_at=row.created_at,
    )


def _find(
    connection: Connection, driver: Driver, endpoint: Endpoint, wanted: ReplayRange, after: _Place | None, limit: int
) -> list[_Place]:
    """The places of the events that are wanted, each account's in order.

    Those of many accounts go from the oldest on, as an index has them: however many are wanted, only so many are read.
    """
    if wanted.event_ids is not None:
        return [
            place for place in _named(connection, driver, endpoint, wanted.event_ids) if after is None or place > after
        ]
    where, values = ["e.workspace_id=?"], [endpoint.workspace_id]
    more: list[tuple[str, Any]] = [
        ("e.whatsapp_account_id=?", wanted.account_id),
        ("e.account_seq>?", wanted.after_seq or None),
        ("e.account_seq<=?", wanted.until_seq),
        ("e.created_at>=?", driver.time(wanted.since)),
        ("e.created_at<?", driver.time(wanted.until)),
    ]
    for condition, value in more:
        if value is not None:
            where.append(condition)
            values.append(value)
    begun = None if after is None else _stamp(connection, driver, after)
    if after is not None and begun is not None:
        where.append(
            "e.created_at>=? AND (e.created_at>? OR e.whatsapp_account_id>?"
            " OR (e.whatsapp_account_id=? AND e.account_seq>?))"
        )
        values += [begun, begun, after[0], *after]
    if endpoint.events and not wanted.dead:  # what was given up is wanted, filter or not
        where.append(f"e.type IN ({','.join('?' * len(endpoint.events))})")
        values += endpoint.events  # type: ignore[arg-type]  # texts among the numbers
    what, tables = "e.whatsapp_account_id, e.account_seq, e.created_at", "events e"
    if wanted.dead:
        same = "e.whatsapp_account_id=d.whatsapp_account_id AND e.account_seq=d.account_seq"
        what, tables = f"DISTINCT {what}", f"dead_letters d JOIN events e ON {same}"
        where.append("d.endpoint_id=?")
        values.append(endpoint.id)
    order = "e.account_seq" if wanted.account_id is not None else "e.created_at, e.whatsapp_account_id, e.account_seq"
    sql = f"SELECT {what} FROM {tables} WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ?"
    return [(row[0], row[1]) for row in driver.query(connection, sql, [*values, limit])]


def _named(connection: Connection, driver: Driver, endpoint: Endpoint, event_ids: Sequence[str]) -> list[_Place]:
    """The places of those of these events that are in the log; what is named is wanted, filter or not."""
    ids = set(event_ids)
    places = sorted({place for id_ in ids if (place := event_place(id_)) is not None})
    sql = (
        "SELECT e.whatsapp_account_id, e.account_seq, e.event_id FROM events e"
        f" WHERE e.workspace_id={endpoint.workspace_id:d} AND (e.whatsapp_account_id, e.account_seq) IN "
    )
    return sorted({(row[0], row[1]) for row in driver.select_in(connection, sql, places) if row[2] in ids})


def _stamp(connection: Connection, driver: Driver, place: _Place) -> Any:
    """When an event was written; None if it has been removed, and what is wanted is looked for from the beginning."""
    sql = "SELECT created_at FROM events WHERE whatsapp_account_id=? AND account_seq=?"
    rows = driver.query(connection, sql, place)
    return rows[0][0] if rows else None


def _requeue(connection: Connection, driver: Driver, endpoint: Endpoint, places: Sequence[_Place], now: Any) -> int:
    """Put events back into the outbox, unless they wait there anyway; returns how many were put back."""
    accounts = sorted({account_id for account_id, _ in places})
    # The accounts' rows serialise this with commits, which add lanes and outbox rows under the same locks.
    driver.select_in(
        connection,
        "SELECT whatsapp_account_id FROM account_owner WHERE whatsapp_account_id IN ",
        accounts,
        f" ORDER BY whatsapp_account_id{driver.lock}",
    )
    keys = [(account_id, endpoint.id, seq) for account_id, seq in places]
    waiting = {
        (row[0], row[1])
        for row in driver.select_in(
            connection,
            "SELECT whatsapp_account_id, account_seq FROM outbox"
            " WHERE (whatsapp_account_id, endpoint_id, account_seq) IN ",
            keys,
        )
    }
    again = [place for place in places if place not in waiting]
    lanes = {
        row[0]: row[1]
        for row in driver.select_in(
            connection,
            "SELECT whatsapp_account_id, state FROM outbox_lanes WHERE (whatsapp_account_id, endpoint_id) IN ",
            [(account_id, endpoint.id) for account_id in accounts],
            f" ORDER BY whatsapp_account_id{driver.lock}",
        )
    }
    touched = sorted({account_id for account_id, _ in again})
    driver.insert(
        connection,
        "outbox_lanes",
        ("whatsapp_account_id", "endpoint_id", "last_seq", "state", "due_at", "attempt"),
        [
            (account_id, endpoint.id, 0, READY, now, 0)  # as with any lane, a replay does not count as its last event
            for account_id in touched
            if account_id not in lanes
        ],
    )
    driver.update(
        connection,
        "outbox_lanes",
        keys=("whatsapp_account_id", "endpoint_id"),
        sets={"state": ":", "due_at": ":", "attempt": ":"},
        rows=[
            (READY, now, 0, account_id, endpoint.id) for account_id in touched if lanes.get(account_id) in {IDLE, READY}
        ],
    )
    driver.update(
        connection,
        "outbox_lanes",
        keys=("whatsapp_account_id", "endpoint_id"),
        sets={"state": ":"},
        rows=[(REFILLED, account_id, endpoint.id) for account_id in touched if lanes.get(account_id) == CLAIMED],
    )
    previous = _previous(connection, endpoint, again)
    driver.insert(
        connection,
        "outbox",
        ("whatsapp_account_id", "endpoint_id", "account_seq", "previous_seq", "replay"),
        [(account_id, endpoint.id, seq, previous[account_id, seq], 1) for account_id, seq in again],
    )
    _unbury(connection, driver, endpoint, places)
    return len(again)


def _unbury(connection: Connection, driver: Driver, endpoint: Endpoint, places: Sequence[_Place]) -> None:
    """What is delivered again is given up no more."""
    buried = driver.select_in(
        connection,
        "SELECT id FROM dead_letters WHERE (endpoint_id, whatsapp_account_id, account_seq) IN ",
        [(endpoint.id, account_id, seq) for account_id, seq in places],
    )
    for letter_id in sorted({row[0] for row in buried}):
        driver.execute(connection, "DELETE FROM dead_letters WHERE id=?", (letter_id,))


def _previous(connection: Connection, endpoint: Endpoint, places: Sequence[_Place]) -> dict[_Place, int]:
    """For each event the sequence of the one that the endpoint's filter lets through before it; 0 for none."""
    if not endpoint.events:
        return {(account_id, seq): seq - 1 for account_id, seq in places}
    types = ",".join(f"'{kind}'" for kind in endpoint.events if kind in EVENT_TYPES) or "NULL"
    found: dict[_Place, int] = {}
    for start in range(0, len(places), _A_STATEMENT):
        asked = [
            f"SELECT {account_id:d}, {seq:d}, (SELECT account_seq FROM events WHERE whatsapp_account_id={account_id:d}"
            f" AND account_seq<{seq:d} AND type IN ({types}) ORDER BY account_seq DESC LIMIT 1)"
            for account_id, seq in places[start : start + _A_STATEMENT]
        ]
        rows = connection.exec_driver_sql(" UNION ALL ".join(asked), execution_options={"no_parameters": True})
        found.update({(account_id, seq): before or 0 for account_id, seq, before in rows})
    return found
