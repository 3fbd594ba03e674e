"""Commits whose answer was lost: they may have happened, and are repeated all the same.

Messages, receipts, chats and contacts are recognised when they come again. A transition, a QR code or a step of the
synchronisation is not: the same one may well happen twice. So every commit leaves a mark of its own with the accounts
that it tells something of, and a repeat looks whether the mark of the attempt before it is there: then what that
attempt had in hand is stored, and only what came after it is written.

Kept in memory, like what is repeated: neither outlives the process.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from msgspec.structs import replace
from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.ports.sync import IncomingBatch, StoreItem

__all__ = ["Attempts", "Unsure", "left_to_write"]

Attempts: TypeAlias = Sequence[tuple[int, tuple[StoreItem, ...]]]
"""What may be stored of an account: marks, each with the items of its commit."""

_MARKS = "SELECT whatsapp_account_id, commit_mark FROM account_owner WHERE whatsapp_account_id IN "


class Unsure:
    """Remembers what became of the commits of each account, as far as that is not known."""

    def __init__(self) -> None:
        self._attempts: dict[int, list[tuple[int, tuple[StoreItem, ...]]]] = {}

    def begin(self, batches: Sequence[IncomingBatch]) -> tuple[dict[int, int], dict[int, Attempts]]:
        """The marks for a commit of these batches, and what may be stored of their accounts already."""
        fresh = secrets.randbits(62)
        marks: dict[int, int] = {}
        before: dict[int, Attempts] = {}
        for batch in batches:
            account_id = batch.fence.account_id
            attempts = self._attempts.get(account_id)
            if attempts:
                before[account_id] = tuple(attempts)
            again = attempts is not None and attempts[-1][1] == batch.items
            marks[account_id] = attempts[-1][0] if attempts and again else fresh
        return marks, before

    def lost(self, batches: Sequence[IncomingBatch], marks: Mapping[int, int]) -> None:
        """It is not known whether this commit has happened."""
        for batch in batches:
            account_id = batch.fence.account_id
            attempts = self._attempts.setdefault(account_id, [])
            if not attempts or attempts[-1][0] != marks[account_id]:
                attempts.append((marks[account_id], batch.items))

    def settled(self, batches: Sequence[IncomingBatch]) -> None:
        """This commit has happened."""
        if self._attempts:
            for batch in batches:
                self._attempts.pop(batch.fence.account_id, None)


def left_to_write(
    connection: Connection, driver: Driver, batches: Sequence[IncomingBatch], before: Mapping[int, Attempts]
) -> list[IncomingBatch]:
    """The batches without what proves to be stored. The accounts must be locked."""
    if not before:
        return list(batches)
    marks = dict(map(tuple, driver.select_in(connection, _MARKS, sorted(before))))
    return [_without(batch, before.get(batch.fence.account_id, ()), marks) for batch in batches]


def _without(batch: IncomingBatch, attempts: Attempts, marks: Mapping[int, int | None]) -> IncomingBatch:
    for mark, items in attempts:
        if mark == marks.get(batch.fence.account_id) and batch.items[: len(items)] == items:
            return replace(batch, items=batch.items[len(items) :])
    return batch
