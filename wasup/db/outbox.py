"""The read side of the outbox: lanes are claimed, delivered in order, and settled."""

import math
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.db.endpoints import EndpointWriter
from wasup.db.tables import PREVIEW
from wasup.db.tables_outbox import CLAIMED, IDLE, READY, REFILLED
from wasup.ports.messages import Participant
from wasup.ports.outbox import Attempt, ClaimedLane, LaneOutcome, LegacyFacts, PendingEvent

__all__ = ["SqlOutboxStore"]

_LANES_A_STATEMENT: Final = 50
_RANGES_A_STATEMENT: Final = 100
_ATTEMPT: Final = (
    "endpoint_id", "whatsapp_account_id", "event_id", "events", "attempt", "outcome", "detail", "milliseconds",
    "replay", "created_at",
)  # fmt: skip
_members = msgspec.json.Decoder(tuple[Participant, ...])


class SqlOutboxStore(EndpointWriter):
    """Implements `wasup.ports.outbox.OutboxStore`."""

    async def claim_lanes(self, endpoint_id: int, *, incarnation: int, lanes: int, per_lane: int) -> list[ClaimedLane]:
        """See the port. Events are read after the claim is committed, so that commits never wait for the reading."""
        now = self._clock.now_ms()
        driver = self._engine.driver
        number = secrets.randbits(62)

        def claim(connection: Connection) -> Sequence[tuple[int, int, int]]:
            due = driver.query(
                connection,
                "SELECT whatsapp_account_id, attempt, last_seq FROM outbox_lanes"
                f" WHERE endpoint_id=? AND state={READY} AND due_at<=?"
                f" ORDER BY due_at, whatsapp_account_id LIMIT ?{driver.skip_locked}",
                (endpoint_id, driver.time(now), lanes),
            )
            driver.update(
                connection,
                "outbox_lanes",
                keys=("whatsapp_account_id", "endpoint_id"),
                sets={"state": ":", "claimed_by": ":", "claim": ":"},
                rows=[(CLAIMED, incarnation, number, account_id, endpoint_id) for account_id, _, _ in sorted(due)],
            )
            return due

        due = await self._engine.run(claim)
        if not due:
            return []
        accounts = [account_id for account_id, _, _ in due]
        events = await self._engine.run(
            lambda connection: _read(connection, driver, endpoint_id, accounts, per_lane), mode="read"
        )
        return [
            ClaimedLane(
                endpoint_id=endpoint_id,
                account_id=account_id,
                claim=number,
                attempt=attempt,
                events=tuple(events[account_id]),
                seen=_seen(events[account_id], last, per_lane),
            )
            for account_id, attempt, last in due
        ]

    async def settle(self, outcomes: Sequence[LaneOutcome], *, attempts: Sequence[Attempt] = ()) -> bool:
        """See the port."""
        if not outcomes:
            return False
        now = self._clock.now_ms()
        driver = self._engine.driver

        def work(connection: Connection) -> bool:
            rows = driver.select_in(
                connection,
                "SELECT whatsapp_account_id, endpoint_id, attempt, state, claim, last_seq FROM outbox_lanes"
                " WHERE (whatsapp_account_id, endpoint_id) IN ",
                sorted(_lane(outcome) for outcome in outcomes),
                f" ORDER BY whatsapp_account_id, endpoint_id{driver.lock}",
            )
            claims = {_lane(outcome): outcome.claim for outcome in outcomes}
            tries: dict[tuple[int, int], int] = {}
            tops: dict[tuple[int, int], float] = {}  # the highest sequence that may have rows
            for account_id, endpoint_id, attempt, state, number, last in rows:
                lane = account_id, endpoint_id
                if state in {CLAIMED, REFILLED} and number == claims[lane]:
                    tries[lane] = attempt
                    tops[lane] = last if state == CLAIMED else math.inf
            mine = sorted((outcome for outcome in outcomes if _lane(outcome) in tries), key=_lane)
            _delete_delivered(connection, mine)
            for outcome in mine:
                if outcome.dead:
                    _bury(connection, driver, outcome, tries[_lane(outcome)] + 1, driver.time(now))
            more = {_lane(outcome): _has_more(outcome, tops[_lane(outcome)]) for outcome in mine}
            left = {lane for lane, has in more.items() if has}
            left |= _with_rows(connection, driver, [lane for lane, has in more.items() if has is None])
            driver.update(
                connection,
                "outbox_lanes",
                keys=("whatsapp_account_id", "endpoint_id"),
                sets=dict.fromkeys(("state", "claimed_by", "attempt", "due_at", "last_error"), ":"),
                rows=[_lane_row(driver, outcome, tries[_lane(outcome)], left, now) for outcome in mine],
            )
            driver.insert(connection, "delivery_attempts", _ATTEMPT, [_attempt_row(driver, one) for one in attempts])
            return any(_lane(outcome) in left and not outcome.retry_in for outcome in mine)

        return await self._engine.run(work)

    async def release_claims(self, *, endpoint_id: int | None = None, incarnation: int | None = None) -> int:
        """See the port."""
        sql = (
            f"UPDATE outbox_lanes SET state={READY}, claimed_by=NULL WHERE state=?"
            " AND (claimed_by=? OR claimed_by NOT IN (SELECT incarnation FROM node WHERE state<>'dead'))"
        )
        values = [incarnation or 0]
        if endpoint_id is not None:
            sql, values = f"{sql} AND endpoint_id=?", [*values, endpoint_id]
        driver = self._engine.driver
        return await self._engine.run(
            lambda connection: sum(driver.execute(connection, sql, [state, *values]) for state in (CLAIMED, REFILLED))
        )

    async def next_due(self, endpoint_id: int) -> float | None:
        """See the port."""
        now = self._clock.now_ms()
        driver = self._engine.driver
        sql = f"SELECT MIN(due_at) FROM outbox_lanes WHERE endpoint_id=? AND state={READY}"

        def work(connection: Connection) -> float | None:
            due = driver.ms(driver.query(connection, sql, (endpoint_id,))[0][0])
            return None if due is None else max(0.0, (due - now) / 1000)

        return await self._engine.run(work, mode="read")

    async def legacy_facts(
        self, accounts: Sequence[int], *, lids: Sequence[tuple[int, str]], groups: Sequence[tuple[int, str]]
    ) -> LegacyFacts:
        """See the port."""
        driver = self._engine.driver

        def work(connection: Connection) -> LegacyFacts:
            rows = driver.select_in(
                connection,
                "SELECT id, session_id, phone_number FROM whatsapp_accounts WHERE id IN ",
                sorted(set(accounts)),
            )
            people = driver.select_in(
                connection,
                "SELECT whatsapp_account_id, lid, jid FROM contacts WHERE (lid, whatsapp_account_id) IN ",
                sorted({(lid, account_id) for account_id, lid in lids}),
            )
            found = driver.select_in(
                connection,
                "SELECT whatsapp_account_id, group_jid, participants FROM whatsapp_groups"
                " WHERE (group_jid, whatsapp_account_id) IN ",
                sorted({(group, account_id) for account_id, group in groups}),
            )
            return LegacyFacts(
                sessions={row[0]: row[1] for row in rows},
                phones={row[0]: row[2] for row in rows if row[2] is not None},
                people={(row[0], row[1]): row[2] for row in people if row[1] != row[2]},
                members={(row[0], row[1]): _ids_of(row[2]) for row in found if row[2] is not None},
            )

        return await self._engine.run(work, mode="read")


def _ids_of(participants: str) -> tuple[str, ...]:
    """The members' ids, those of their phone numbers where they are known."""
    return tuple(
        member.alt if member.id.endswith("@lid") and member.alt is not None else member.id
        for member in _members.decode(participants)
    )


def _lane(outcome: LaneOutcome) -> tuple[int, int]:
    return (outcome.account_id, outcome.endpoint_id)


def _read(
    connection: Connection, driver: Driver, endpoint_id: int, accounts: Sequence[int], per_lane: int
) -> dict[int, list[PendingEvent]]:
    """The next events of each lane: one short range per lane, however long its backlog is."""
    found: dict[int, list[PendingEvent]] = defaultdict(list)
    for start in range(0, len(accounts), _LANES_A_STATEMENT):
        ranges = [
            f"SELECT * FROM (SELECT whatsapp_account_id, account_seq, previous_seq, replay FROM outbox"
            f" WHERE endpoint_id={int(endpoint_id)} AND whatsapp_account_id={int(account_id)}"
            f" ORDER BY account_seq LIMIT {int(per_lane)}) l{account_id}"
            for account_id in accounts[start : start + _LANES_A_STATEMENT]
        ]
        sql = (
            "SELECT o.whatsapp_account_id, o.account_seq, o.previous_seq, o.replay, e.event_id, e.type, e.body,"
            f" e.created_at FROM ({' UNION ALL '.join(ranges)}) o JOIN events e"
            " ON e.whatsapp_account_id=o.whatsapp_account_id AND e.account_seq=o.account_seq"
        )
        rows = connection.exec_driver_sql(sql, execution_options={"no_parameters": True}).fetchall()
        for account_id, seq, previous, replay, event_id, kind, body, created_at in sorted(rows, key=lambda r: r[:2]):
            event = PendingEvent(
                id=event_id,
                account_id=account_id,
                account_seq=seq,
                previous_seq=previous,
                type=kind,
                body=body.encode(),
                created_at=driver.ms(created_at) or 0,
                replay=bool(replay),
            )
            found[account_id].append(event)
    return found


def _seen(events: Sequence[PendingEvent], last: int, limit: int) -> int | None:
    """Where the lane's last event stood when all of its rows were read; None if there may have been more of them."""
    if len(events) >= limit:
        return None
    return max(last, events[-1].account_seq) if events else last


def _has_more(outcome: LaneOutcome, top: float) -> bool | None:
    """Whether a lane has something left, which needs no look at its rows if all of them were claimed; else None.

    To look is dear: what was delivered from a lane stays in the way until InnoDB purges it.
    """
    if len(outcome.delivered) + outcome.dead < outcome.claimed:
        return True
    return None if outcome.seen is None else top > outcome.seen


def _delete_delivered(connection: Connection, outcomes: Sequence[LaneOutcome]) -> None:
    """Delete exactly what was delivered: a replay may have put other events of the lane before or between them."""
    ranges = [
        f"(endpoint_id={int(outcome.endpoint_id)} AND whatsapp_account_id={int(outcome.account_id)}"
        f" AND account_seq BETWEEN {first} AND {last})"
        for outcome in outcomes
        for first, last in _runs(outcome.delivered)
    ]
    for start in range(0, len(ranges), _RANGES_A_STATEMENT):
        sql = f"DELETE FROM outbox WHERE {' OR '.join(ranges[start : start + _RANGES_A_STATEMENT])}"
        connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as runs without gaps: (1, 2, 3, 7) as (1, 3), (7, 7)."""
    first = last = None
    for number in numbers:
        if first is None or last is None or number != last + 1:
            if first is not None and last is not None:
                yield int(first), int(last)
            first = number
        last = number
    if first is not None and last is not None:
        yield int(first), int(last)


def _bury(connection: Connection, driver: Driver, outcome: LaneOutcome, attempts: int, now: Any) -> None:
    """Move the event that failed to the dead letters."""
    place = (*_lane(outcome), outcome.failed_seq)
    sql = (
        "SELECT o.previous_seq, e.event_id FROM outbox o JOIN events e"
        " ON e.whatsapp_account_id=o.whatsapp_account_id AND e.account_seq=o.account_seq"
        " WHERE o.whatsapp_account_id=? AND o.endpoint_id=? AND o.account_seq=?"
    )
    for previous, event_id in driver.query(connection, sql, place):
        driver.insert(
            connection,
            "dead_letters",
            ("whatsapp_account_id", "endpoint_id", "account_seq", "previous_seq", "event_id", "reason", "attempts",
             "created_at"),
            [(*place, previous, event_id, (outcome.failed or "")[:PREVIEW], attempts, now)],
        )  # fmt: skip
        where = "whatsapp_account_id=? AND endpoint_id=? AND account_seq=?"
        driver.execute(connection, f"DELETE FROM outbox WHERE {where}", place)


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
    driver: Driver, outcome: LaneOutcome, tries: int, left: set[tuple[int, int]], now: int
) -> tuple[Any, ...]:
    lane = _lane(outcome)
    state = READY if lane in left else IDLE
    due = driver.time(now + round(outcome.retry_in * 1000))
    error = None if outcome.failed is None else outcome.failed[:PREVIEW]
    if outcome.failed is not None and not outcome.dead:
        # What was delivered before the failure makes the next event's first failure its first.
        return (state, None, 1 if outcome.delivered else tries + 1, due, error, *lane)
    untouched = not outcome.delivered and not outcome.dead  # handed back as it was
    return (state, None, tries if untouched else 0, due, error, *lane)


def _attempt_row(driver: Driver, one: Attempt) -> tuple[Any, ...]:
    return (
        one.endpoint_id, one.account_id, one.event_id, one.events, one.attempt, one.outcome, one.detail[:PREVIEW],
        round(one.seconds * 1000), int(one.replay), driver.time(one.at),
    )  # fmt: skip
