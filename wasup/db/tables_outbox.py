"""The tables of the events log and of webhook delivery; part of the same metadata as `tables`."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, SmallInteger, String, Text

from wasup.db.tables import _ZERO, PREVIEW, _account, _created, _id, _table, _workspace
from wasup.db.types import BIG, ID, LONG_TEXT, Millis, code

__all__ = [
    "CLAIMED",
    "IDLE",
    "READY",
    "REFILLED",
    "dead_letters",
    "delivery_attempts",
    "events",
    "outbox",
    "outbox_lanes",
    "webhook_endpoints",
]

IDLE, READY, CLAIMED, REFILLED = 0, 1, 2, 3
"""States of a lane: nothing to deliver; something to deliver (from `due_at` on); in a worker's hands; likewise, and a
replay has put events back since."""

events = _table(  # the one log that webhooks, streams, pulls and replays read
    "events",
    _account(primary_key=True, autoincrement=False),
    Column("account_seq", BIG, primary_key=True, autoincrement=False),
    # Carries account and sequence (`evt_42_7_1f3a9c21`), so that it is found without an index of its own;
    # the random part tells events apart if a restored backup ever counts a sequence a second time.
    Column("event_id", code(64), nullable=False),
    _workspace(),
    Column("type", code(40), nullable=False),
    Column("body", LONG_TEXT, nullable=False),
    _created(),
    # Pulls and replays of a workspace go by time; so does what is too old, one workspace after the other.
    Index("idx_event_workspace", "workspace_id", "created_at", "whatsapp_account_id", "account_seq"),
)

webhook_endpoints = _table(
    "webhook_endpoints",
    _id(),
    Column("workspace_id", ID, ForeignKey("workspaces.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("secret", String(255), nullable=False),
    Column("events", Text, nullable=False),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("disabled_reason", String(PREVIEW)),
    _created(),
    Column("updated_at", Millis, nullable=False),
    Column("format", code(20), nullable=False, server_default="native"),
    Column("headers", Text),
    Column("batch_events", Integer, nullable=False, server_default="1"),
    Column("batch_wait_ms", Integer, nullable=False, server_default=_ZERO),
    Column("paused", Boolean(create_constraint=False), nullable=False, server_default=_ZERO),
    Column("previous_secret", String(255)),
    Column("previous_until", Millis),
    Column("failing_since", Millis),
    Index("idx_endpoint_workspace", "workspace_id"),
)

outbox_lanes = _table(  # one account's ordered stream to one endpoint; order, retries and claims are per lane
    "outbox_lanes",
    # The account first: a batch asks for the lanes of its accounts, with a plain IN over one column.
    _account(primary_key=True, autoincrement=False),
    Column("endpoint_id", ID, primary_key=True, autoincrement=False),
    Column("last_seq", BIG, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("due_at", Millis, nullable=False),
    Column("claimed_by", BIG),
    Column("attempt", Integer, nullable=False),
    Column("last_error", String(PREVIEW)),
    Column("claim", BIG),  # which claim it is: the same instance may claim a lane twice
    Index("idx_lane_due", "endpoint_id", "state", "due_at", "whatsapp_account_id"),
    Index("idx_lane_claimed", "state", "claimed_by"),
)

outbox = _table(  # what is not delivered yet; rows go when they are, so the table stays small
    "outbox",
    _account(primary_key=True, autoincrement=False),
    Column("endpoint_id", ID, primary_key=True, autoincrement=False),
    Column("account_seq", BIG, primary_key=True, autoincrement=False),
    Column("previous_seq", BIG, nullable=False),
    Column("replay", Boolean(create_constraint=False), nullable=False, server_default=_ZERO),
)

dead_letters = _table(
    "dead_letters",
    _id(),
    Column("endpoint_id", ID, nullable=False),
    _account(),
    Column("account_seq", BIG, nullable=False),
    Column("previous_seq", BIG, nullable=False),
    Column("event_id", code(64), nullable=False),
    Column("reason", String(PREVIEW), nullable=False),
    Column("attempts", Integer, nullable=False),
    _created(),
    Index("idx_dead_letters", "endpoint_id", "whatsapp_account_id", "account_seq"),
    Index("idx_dead_event", "whatsapp_account_id", "account_seq"),
    Index("idx_dead_created", "created_at"),
)

delivery_attempts = _table(  # what people look at: all that failed, and a sample of what did not
    "delivery_attempts",
    _id(),
    Column("endpoint_id", ID, nullable=False),
    _account(),
    Column("event_id", code(64), nullable=False),
    Column("events", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("outcome", code(20), nullable=False),
    Column("detail", String(PREVIEW), nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("replay", Boolean(create_constraint=False), nullable=False),
    _created(),
    Index("idx_attempt_endpoint", "endpoint_id", "id"),
    Index("idx_attempt_created", "created_at"),
)
