"""The write side of the pipeline: what is stored of what providers hand over, and how it is asked for again."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, TypeAlias

import msgspec

from wasup.ports.accounts import Fence, Transition
from wasup.ports.events import LoggedEvent
from wasup.ports.messages import Item, Message

__all__ = [
    "CommitResult",
    "IncomingBatch",
    "QrOffer",
    "StatusChange",
    "StoreItem",
    "SyncPhase",
    "SyncStep",
    "SyncStore",
    "Watermark",
]


class StatusChange(msgspec.Struct, frozen=True, kw_only=True, tag_field="item", tag="status"):
    """A transition to store: the account's row, the history row and an `account.status` event.

    Storing it clears the QR code unless the new status is `qr_scanning`, and sets `last_connected_at` on
    `connected`. Statuses go through the same pipeline as messages, so that thousands of accounts that start
    together cost a few transactions.
    """

    transition: Transition
    suspended_until: int | None = None


class QrOffer(msgspec.Struct, frozen=True, kw_only=True, tag_field="item", tag="qr"):
    """The QR code on offer: the account's row and an `account.qr` event."""

    code: str
    attempt: int
    expires_at: int


class Watermark(msgspec.Struct, frozen=True, kw_only=True, tag_field="item", tag="watermark"):
    """Everything of a chat up to this message has been handed over before this item, and so is stored with it.

    Of providers that refetch. It only ever moves forward; what follows it is asked for at the next connection.

    Attributes:
        chat: either identity of the person, or the group.
        message_id: the last message; None when only the time is known (the chat was empty up to then).
        timestamp: of that message, UTC epoch milliseconds.
    """

    chat: str
    message_id: str | None
    timestamp: int


class SyncPhase(StrEnum):
    """Steps of the first synchronisation of a login, in their order."""

    DEVICE = "device"  # the provider itself is loading
    CONTACTS = "contacts"
    GROUPS = "groups"
    CHATS = "chats"
    HISTORY = "history"
    DONE = "done"  # stored: the account's `synchronised_at`


class SyncStep(msgspec.Struct, frozen=True, kw_only=True, tag_field="item", tag="sync"):
    """Progress of the first synchronisation: everything that it tells of stands before it. Makes an event."""

    phase: SyncPhase
    done: int
    total: int


StoreItem: TypeAlias = Item | StatusChange | QrOffer | Watermark | SyncStep


class IncomingBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Items of one account in the order in which they happened."""

    fence: Fence
    workspace_id: int
    provider_type: str
    items: tuple[StoreItem, ...]


class CommitResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a commit did.

    Attributes:
        refused: accounts whose fence did not hold; nothing of theirs was written.
        endpoints: webhook endpoints that have something new to deliver.
        new_messages: messages that were not stored before.
        duplicates: messages that were.
        rejected: items that were put away instead of being stored.
        events: what was written to the events log, each account's in order.
    """

    refused: frozenset[int] = frozenset()
    endpoints: frozenset[int] = frozenset()
    new_messages: int = 0
    duplicates: int = 0
    rejected: int = 0
    events: tuple[LoggedEvent, ...] = ()

    def __add__(self, other: "CommitResult") -> "CommitResult":
        """What two commits did together."""
        return CommitResult(
            refused=self.refused | other.refused,
            endpoints=self.endpoints | other.endpoints,
            new_messages=self.new_messages + other.new_messages,
            duplicates=self.duplicates + other.duplicates,
            rejected=self.rejected + other.rejected,
            events=self.events + other.events,
        )


class SyncStore(Protocol):
    """The write side of the pipeline, and what it needs to know."""

    async def commit(self, batches: Sequence[IncomingBatch]) -> CommitResult:
        """Write everything, with its events and outbox rows, in one transaction.

        Idempotent: what is stored already makes no second row and no second event; a status never moves
        backwards and an older message never replaces a newer one as a chat's last. A message that was stored
        without telling anybody (`Message.history`) is told when it is handed over as news after all.

        Raises:
            DatabaseUnavailable: try again with the same batches. What became of them may not be known: if they were
                stored after all, the repeat notices.
            DataRefused: the database does not take something in the batches, and nothing was stored.
        """
        ...

    async def reject(self, batch: IncomingBatch, reason: str) -> CommitResult:
        """Put items that cannot be stored into the table `rejected_items`, as they are; a repeat does nothing.

        Raises:
            DatabaseUnavailable: try again.
        """
        ...

    async def watermarks(self, account_id: int) -> dict[str, Watermark]:
        """The account's watermarks by chat; a person's stands under both identities."""
        ...

    async def missing(self, account_id: int, messages: Sequence[Message]) -> list[Message]:
        """Those of these messages that are neither stored nor rejected."""
        ...

    async def prune_pending(self, before: int, *, limit: int) -> int:
        """Forget receipts, edits and revokes older than this (UTC epoch milliseconds) whose message never came.

        Returns how many there were, `limit` at most.
        """
        ...
