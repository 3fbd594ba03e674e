"""The read side of the outbox: lanes are claimed, delivered in order, and settled (`designs/outbox.md`)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.db.endpoints import EndpointWriter
from wasup.db.tables import PREVIEW
from wasup.db.tables_outbox import CLAIMED, IDLE, READY
from wasup.ports.store import ClaimedLane, LaneOutcome, PendingEvent

__all__ = ["SqlOutboxStore"]

_LANES_A_STATEMENT: Final = 50


class SqlOutboxStore(EndpointWriter):
    """Implements `wasup.ports.store.OutboxStore`."""

    async def claim_lanes(self, endpoint_id: int, *, incarnation: int, lanes: int, per_lane: int) -> list[ClaimedLane]:
        """See the port."""
        now = self._clock.now_ms()
        driver = self._engine.driver

        def work(connection: Connection) -> list[ClaimedLane]:
            due = driver.query(
                connection,
                "SELECT whatsapp_account_id, attempt FROM outbox_lanes"
                f" WHERE endpoint_id=? AND state={READY} AND due_at<=?"
                f" ORDER BY due_at, whatsapp_account_id LIMIT ?{driver.skip_locked}",
                (endpoint_id, driver.time(now), lanes),
            )
            if not due:
                return []
            driver.update(
                connection,
                "outbox_lanes",
                keys=("whatsapp_account_id", "endpoint_id"),
                sets={"state": ":", "claimed_by": ":"},
                rows=[(CLAIMED, incarnation, account_id, endpoint_id) for account_id, _ in sorted(due)],
            )
            events = _read(connection, driver, endpoint_id, [account_id for account_id, _ in due], per_lane)
            return [
                ClaimedLane(
                    endpoint_id=endpoint_id, account_id=account_id, attempt=attempt, events=tuple(events[account_id])
                )
                for account_id, attempt in due
            ]

        return await self._engine.run(work)

    async def settle(self, outcomes: Sequence[LaneOutcome], *, incarnation: int) -> None:
        """See the port."""
        if not outcomes:
            return
        now = self._clock.now_ms()
        driver = self._engine.driver

        def work(connection: Connection) -> None:
            rows = driver.select_in(
                connection,
                "SELECT whatsapp_account_id, endpoint_id, attempt, state, claimed_by FROM outbox_lanes"
                " WHERE (whatsapp_account_id, endpoint_id) IN ",
                sorted(_lane(outcome) for outcome in outcomes),
                f" ORDER BY whatsapp_account_id, endpoint_id{driver.lock}",
            )
            attempts = {
                (account_id, endpoint_id): attempt
                for account_id, endpoint_id, attempt, state, owner in rows
                if state == CLAIMED and owner == incarnation
            }
            mine = sorted((outcome for outcome in outcomes if _lane(outcome) in attempts), key=_lane)
            _delete_delivered(connection, mine)
            for outcome in mine:
                if outcome.dead and outcome.failed is not None:
                    _bury(connection, driver, outcome, attempts[_lane(outcome)] + 1, driver.time(now))
            left = _with_rows(connection, driver, [_lane(outcome) for outcome in mine])
            driver.update(
                connection,
                "outbox_lanes",
                keys=("whatsapp_account_id", "endpoint_id"),
                sets=dict.fromkeys(("state", "claimed_by", "attempt", "due_at", "last_error"), ":"),
                rows=[_lane_row(driver, outcome, attempts, left, now) for outcome in mine],
            )

        await self._engine.run(work)

    async def release_claims(self, *, endpoint_id: int) -> int:
        """See the port. Whoever asks delivers to this endpoint alone and has nothing in hand."""
        driver = self._engine.driver
        sql = f"UPDATE outbox_lanes SET state={READY}, claimed_by=NULL WHERE endpoint_id=? AND state={CLAIMED}"
        return await self._engine.run(lambda connection: driver.execute(connection, sql, (endpoint_id,)))

    async def next_due(self, endpoint_id: int) -> float | None:
        """See the port."""
        now = self._clock.now_ms()
        driver = self._engine.driver
        sql = f"SELECT MIN(due_at) FROM outbox_lanes WHERE endpoint_id=? AND state={READY}"

        def work(connection: Connection) -> float | None:
            due = driver.ms(driver.query(connection, sql, (endpoint_id,))[0][0])
            return None if due is None else max(0.0, (due - now) / 1000)

        return await self._engine.run(work, mode="read")


def _lane(outcome: LaneOutcome) -> tuple[int, int]:
    return (outcome.account_id, outcome.endpoint_id)


def _read(
    connection: Connection, driver: Driver, endpoint_id: int, accounts: Sequence[int], per_lane: int
) -> dict[int, list[PendingEvent]]:
    """The next events of each lane: one short range per lane, however long its backlog is."""
    found: dict[int, list[PendingEvent]] = defaultdict(list)
    for start in range(0, len(accounts), _LANES_A_STATEMENT):
        ranges = [
            f"SELECT * FROM (SELECT whatsapp_account_id, account_seq, previous_seq FROM outbox"
            f" WHERE endpoint_id={int(endpoint_id)} AND whatsapp_account_id={int(account_id)}"
            f" ORDER BY account_seq LIMIT {int(per_lane)}) l{account_id}"
            for account_id in accounts[start : start + _LANES_A_STATEMENT]
        ]
        sql = (
            "SELECT o.whatsapp_account_id, o.account_seq, o.previous_seq, e.event_id, e.type, e.body, e.created_at"
            f" FROM ({' UNION ALL '.join(ranges)}) o JOIN events e"
            " ON e.whatsapp_account_id=o.whatsapp_account_id AND e.account_seq=o.account_seq"
        )
        rows = connection.exec_driver_sql(sql, execution_options={"no_parameters": True}).fetchall()
        for account_id, seq, previous, event_id, kind, body, created_at in sorted(rows, key=lambda row: row[:2]):
            event = PendingEvent(
                id=event_id,
                account_seq=seq,
                previous_seq=previous,
                type=kind,
                body=body.encode(),
                created_at=driver.ms(created_at) or 0,
            )
            found[account_id].append(event)
    return found


def _delete_delivered(connection: Connection, outcomes: Sequence[LaneOutcome]) -> None:
    ranges = [
        f"(endpoint_id={int(outcome.endpoint_id)} AND whatsapp_account_id={int(outcome.account_id)}"
        f" AND account_seq<={int(outcome.delivered_seq)})"
        for outcome in outcomes
        if outcome.delivered_seq
    ]
    for start in range(0, len(ranges), _LANES_A_STATEMENT):
        sql = f"DELETE FROM outbox WHERE {' OR '.join(ranges[start : start + _LANES_A_STATEMENT])}"
        connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


def _bury(connection: Connection, driver: Driver, outcome: LaneOutcome, attempts: int, now: Any) -> None:
    """Move the first event that is left in a lane to the dead letters."""
    lane = _lane(outcome)
    sql = (
        "SELECT o.account_seq, o.previous_seq, e.event_id FROM outbox o JOIN events e"
        " ON e.whatsapp_account_id=o.whatsapp_account_id AND e.account_seq=o.account_seq"
        " WHERE o.whatsapp_account_id=? AND o.endpoint_id=? ORDER BY o.account_seq LIMIT 1"
    )
    for seq, previous, event_id in driver.query(connection, sql, lane):
        driver.insert(
            connection,
            "dead_letters",
            ("whatsapp_account_id", "endpoint_id", "account_seq", "previous_seq", "event_id", "reason", "attempts",
             "created_at"),
            [(*lane, seq, previous, event_id, (outcome.failed or "")[:PREVIEW], attempts, now)],
        )  # fmt: skip
        where = "whatsapp_account_id=? AND endpoint_id=? AND account_seq=?"
        driver.execute(connection, f"DELETE FROM outbox WHERE {where}", (*lane, seq))


def _with_rows(connection: Connection, driver: Driver, lanes: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of the lanes that have something left to deliver."""
    rows = driver.select_in(
        connection,
        "SELECT l.whatsapp_account_id, l.endpoint_id FROM outbox_lanes l WHERE EXISTS (SELECT 1 FROM outbox o"
        " WHERE o.endpoint_id=l.endpoint_id AND o.whatsapp_account_id=l.whatsapp_account_id)"
        " AND (l.whatsapp_account_id, l.endpoint_id) IN ",
        sorted(lanes),
    )
    return {(account_id, endpoint_id) for account_id, endpoint_id in rows}


def _lane_row(
    driver: Driver,
    outcome: LaneOutcome,
    attempts: dict[tuple[int, int], int],
    left: set[tuple[int, int]],
    now: int,
) -> tuple[Any, ...]:
    lane = _lane(outcome)
    state = READY if lane in left else IDLE
    if outcome.failed is not None and not outcome.dead:
        # What was delivered before the failure makes the next event's first failure its first.
        attempt = 1 if outcome.delivered_seq else attempts[lane] + 1
        due = driver.time(now + round(outcome.retry_in * 1000))
        return (state, None, attempt, due, outcome.failed[:PREVIEW], *lane)
    error = outcome.failed[:PREVIEW] if outcome.failed is not None else None
    return (state, None, 0, driver.time(now), error, *lane)
