"""The port of what the database did not take: put away as it was handed over, to be looked at and tried again."""

from typing import Protocol

import msgspec

from wasup.ports.sync import CommitResult

__all__ = ["NotRetried", "RejectedItem", "RejectedStore"]


class NotRetried(Exception):  # noqa: N818
    """The item was not stored this time either; the message says why. It stays where it is."""


class RejectedItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something of an account that the database did not take.

    Attributes:
        kind: what it is: `message`, `receipt`, `contact`, …
        message_id: of a message.
        reason: what the database said.
        size: bytes of the item.
        item: the item itself as JSON text, as far as it is shown; null in a list.
        created_at: UTC epoch ms.
    """

    id: int
    workspace_id: int
    account_id: int
    kind: str
    message_id: str | None
    reason: str
    size: int
    item: str | None = None
    created_at: int


class RejectedStore(Protocol):
    """Looks at what was rejected, and has it stored after all."""

    async def rejected(
        self, *, account_id: int | None = None, before_id: int | None = None, limit: int = 100
    ) -> list[RejectedItem]:
        """Newest first, without the items themselves."""
        ...

    async def rejected_item(self, item_id: int) -> RejectedItem | None:
        """One of them, with the item itself."""
        ...

    async def retry(self, item_id: int) -> CommitResult | None:
        """Store it as if it were handed over now, in one transaction with its removal from here; None if there is none.

        Raises:
            NotRetried: the database does not take it, it cannot be read back, or nobody owns its account.
            DatabaseUnavailable: it is not known whether it was stored.
        """
        ...

    async def discard(self, item_id: int) -> bool:
        """Forget it; False if there is none.

        A message that its provider still has may then be found missing, and be handed over and rejected again.
        """
        ...
