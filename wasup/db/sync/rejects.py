"""What the database does not take is put away as it is, so that the stream goes on and nothing is lost."""

import hashlib
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.db.fence import lock_accounts
from wasup.db.sync.rows import fit_id
from wasup.db.tables import PREVIEW
from wasup.ports.messages import Message, SendOutcome
from wasup.ports.sync import CommitResult, IncomingBatch, StoreItem

__all__ = ["reject"]

_LONGEST: Final = 4_000_000  # bytes of an item that are kept: it may be its size that was refused
_COLUMNS: Final = (
    "workspace_id", "whatsapp_account_id", "item_kind", "message_id", "item", "digest", "reason", "created_at",
)  # fmt: skip


def reject(connection: Connection, driver: Driver, batch: IncomingBatch, reason: str, *, now: int) -> CommitResult:
    """Write the items to `rejected_items`, unless they are there already."""
    account_id = batch.fence.account_id
    if account_id not in lock_accounts(connection, driver, [batch.fence]):
        return CommitResult(refused=frozenset({account_id}))
    rows = {row[5]: row for row in (_row(driver, batch, item, reason, now) for item in batch.items)}
    keys = [(digest, account_id) for digest in sorted(rows)]
    sql = "SELECT digest FROM rejected_items WHERE (digest, whatsapp_account_id) IN "
    known = {row[0] for row in driver.select_in(connection, sql, keys)}
    driver.insert(connection, "rejected_items", _COLUMNS, [row for key, row in rows.items() if key not in known])
    return CommitResult(rejected=len(rows) - len(known))


def _row(driver: Driver, batch: IncomingBatch, item: StoreItem, reason: str, now: int) -> tuple[Any, ...]:
    raw = _raw(item)
    message_id = item.id if isinstance(item, Message) else item.message_id if isinstance(item, SendOutcome) else None
    return (
        batch.workspace_id,
        batch.fence.account_id,
        str(item.__struct_config__.tag),
        None if message_id is None else fit_id(_clean(message_id)),
        raw[: min(_LONGEST, driver.longest)],
        hashlib.sha256(raw).hexdigest(),
        _clean(reason)[:PREVIEW],
        driver.time(now),
    )


def _raw(item: StoreItem) -> bytes:
    try:
        return msgspec.json.encode(item)
    except (UnicodeError, OverflowError, ValueError):  # half a character, for example: told as Python writes it
        return repr(item).encode("utf-8", "backslashreplace")


def _clean(text: str) -> str:
    """Without what no database takes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
