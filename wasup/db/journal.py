"""The events log and the outbox, written in the transaction of what they tell."""

import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from wasup.db.driver import Driver, Row
from wasup.db.tables_outbox import IDLE, READY
from wasup.ports.events import EventData, LoggedEvent, event_type

__all__ = ["Journal", "event_place"]

_encode = msgspec.json.Encoder().encode
_kinds: dict[type[EventData], str] = {}  # asking a Struct for its tag takes as long as encoding it


def event_place(event_id: str) -> tuple[int, int] | None:
    """Account and sequence that an event id names; None if it is none of ours."""
    parts = event_id.split("_")
    if len(parts) != 4 or parts[0] != "evt" or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None
    return int(parts[1]), int(parts[2])


class Journal:
    """Collects the events of one transaction; numbers them in memory and writes all at the end.

    The accounts' `account_owner` rows must be locked: that is what keeps the numbers gapless, and what lets the
    lanes' last sequence be read without a lock of its own (only who holds the account adds to its lanes).

    Args:
        driver: writes.
        sequences: the accounts that are locked, with the sequence of their last event.
        now: asked for after the lock was taken, so that an account's events are stamped in their order.
        marks: what to leave with the accounts that something is told of; see `wasup.db.sync.unsure`.

    Attributes:
        events: what was added.
    """

    def __init__(
        self, driver: Driver, sequences: Mapping[int, int], *, now: int, marks: Mapping[int, int] | None = None
    ) -> None:
        self._driver = driver
        self._sequences = dict(sequences)
        self._now = now
        # One draw for all events: each gives the interpreter's lock away, and getting it back takes milliseconds.
        self._salt = secrets.token_hex(4)
        self._marks = marks
        self.events: list[LoggedEvent] = []
        self._told: dict[int, list[tuple[str, int]]] = defaultdict(list)  # account -> (type, sequence)
        self._workspaces: dict[int, int] = {}

    def add(self, account_id: int, workspace_id: int, make: Callable[[int], EventData]) -> None:
        """Add an event; `make` gets its sequence number."""
        seq = self._sequences[account_id] + 1
        self._sequences[account_id] = seq
        data = make(seq)
        kind = _kinds.get(data.__class__) or _kinds.setdefault(data.__class__, event_type(data))
        event_id = f"evt_{account_id}_{seq}_{self._salt}"
        body = _encode(data).decode()
        self.events.append(
            LoggedEvent(
                id=event_id,
                workspace_id=workspace_id,
                account_id=account_id,
                account_seq=seq,
                type=kind,
                body=body,
                created_at=self._now,
            )
        )
        self._told[account_id].append((kind, seq))
        self._workspaces[account_id] = workspace_id

    def write(self, connection: Connection) -> frozenset[int]:
        """Write events, sequences, lanes and outbox rows; returns the endpoints that have something new."""
        if not self.events:
            return frozenset()
        columns = ("whatsapp_account_id", "account_seq", "event_id", "workspace_id", "type", "body", "created_at")
        now = self._driver.time(self._now)
        rows = [
            (event.account_id, event.account_seq, event.id, event.workspace_id, event.type, event.body, now)
            for event in self.events
        ]
        self._driver.insert(connection, "events", columns, rows, long="body")
        marked = self._marks is not None
        self._driver.update(
            connection,
            "account_owner",
            keys=("whatsapp_account_id",),
            sets=dict.fromkeys(("event_seq", "commit_mark") if marked else ("event_seq",), ":"),
            rows=[self._owner_row(account_id) for account_id in sorted(self._told)],
        )
        return self._enqueue(connection)

    def _owner_row(self, account_id: int) -> Row:
        mark = () if self._marks is None else (self._marks[account_id],)
        return (self._sequences[account_id], *mark, account_id)

    def _enqueue(self, connection: Connection) -> frozenset[int]:
        wanted = self._lanes(connection)
        if not wanted:
            return frozenset()
        rows = self._driver.select_in(
            connection,
            "SELECT whatsapp_account_id, endpoint_id, last_seq FROM outbox_lanes WHERE whatsapp_account_id IN ",
            sorted({account_id for account_id, _ in wanted}),
        )
        last = {(account_id, endpoint_id): seq for account_id, endpoint_id, seq in rows}
        outbox: list[Row] = []
        new: list[Row] = []
        known: list[Row] = []
        due = self._driver.time(self._now)
        for lane in sorted(wanted):
            previous = last.get(lane, 0)
            for seq in wanted[lane]:
                outbox.append((*lane, seq, previous))
                previous = seq
            if lane in last:
                known.append((due, previous, READY, *lane))
            else:
                new.append((*lane, previous, READY, due, 0))
        # Lanes before rows: `settle` locks a lane and then asks whether it has rows left.
        self._driver.insert(
            connection,
            "outbox_lanes",
            ("whatsapp_account_id", "endpoint_id", "last_seq", "state", "due_at", "attempt"),
            new,
        )
        self._driver.update(
            connection,
            "outbox_lanes",
            keys=("whatsapp_account_id", "endpoint_id"),
            sets={
                "due_at": f"CASE WHEN state={IDLE} THEN : ELSE due_at END",
                "last_seq": ":",
                "state": f"CASE WHEN state={IDLE} THEN : ELSE state END",
            },
            rows=known,
        )
        columns = ("whatsapp_account_id", "endpoint_id", "account_seq", "previous_seq")
        self._driver.insert(connection, "outbox", columns, outbox)
        return frozenset(endpoint_id for _, endpoint_id in wanted)

    def _lanes(self, connection: Connection) -> dict[tuple[int, int], Sequence[int]]:
        """Per lane the sequences that its endpoint's filter lets through."""
        filters: dict[int, list[tuple[int, frozenset[str]]]] = defaultdict(list)
        for endpoint_id, workspace_id, types in self._driver.query(
            connection, "SELECT id, workspace_id, events FROM webhook_endpoints WHERE enabled=1"
        ):
            filters[workspace_id].append((endpoint_id, frozenset(types.split())))
        lanes: dict[tuple[int, int], Sequence[int]] = {}
        for account_id, told in self._told.items():
            for endpoint_id, types in filters.get(self._workspaces[account_id], ()):
                seqs = [seq for kind, seq in told if not types or kind in types]
                if seqs:
                    lanes[account_id, endpoint_id] = seqs
        return lanes
