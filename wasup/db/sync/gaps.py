"""What the pipeline has to know to find what it has missed, and what it may forget."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.db.sync.rows import fit_id
from wasup.ports.messages import Message
from wasup.ports.sync import Watermark

__all__ = ["missing", "prune_pending", "watermarks"]

_MARKS: Final = (
    "SELECT jid, lid, watermark_id, watermark_at FROM chats WHERE whatsapp_account_id=? AND watermark_at IS NOT NULL"
)
_STORED: Final = "SELECT message_id, from_me FROM messages WHERE (message_id, whatsapp_account_id) IN "
_REJECTED: Final = "SELECT message_id FROM rejected_items WHERE (message_id, whatsapp_account_id) IN "
_OLD: Final = (
    "SELECT message_id, whatsapp_account_id, change_kind FROM pending_changes WHERE timestamp<?"
    " ORDER BY timestamp LIMIT "
)
_FORGET: Final = "DELETE FROM pending_changes WHERE message_id=? AND whatsapp_account_id=? AND change_kind=?"


def watermarks(connection: Connection, driver: Driver, account_id: int) -> dict[str, Watermark]:
    """By either identity of the chat."""
    marks: dict[str, Watermark] = {}
    for jid, lid, message_id, at in driver.query(connection, _MARKS, (account_id,)):
        for chat in {jid, lid} - {None}:
            marks[chat] = Watermark(chat=jid, message_id=message_id, timestamp=driver.ms(at) or 0)
    return marks


def missing(connection: Connection, driver: Driver, account_id: int, messages: Sequence[Message]) -> list[Message]:
    """Those that are neither stored nor rejected."""
    keys = sorted({(fit_id(message.id), account_id) for message in messages})
    stored = {(row[0], bool(row[1])) for row in driver.select_in(connection, _STORED, keys)}
    rejected = {row[0] for row in driver.select_in(connection, _REJECTED, keys)}
    return [
        message
        for message in messages
        if (fit_id(message.id), message.from_me) not in stored and fit_id(message.id) not in rejected
    ]


def prune_pending(connection: Connection, driver: Driver, before: int, *, limit: int) -> int:
    """Delete the oldest, a bounded number at a time, so that nobody waits long for their locks."""
    rows = driver.query(connection, f"{_OLD}{limit:d}", (driver.time(before),))
    for key in sorted(tuple(row) for row in rows):
        driver.execute(connection, _FORGET, key)
    return len(rows)
