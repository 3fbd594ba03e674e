"""The recent chats of accounts, as they are asked for again and again, kept for some minutes.

Whoever finds nothing kept gets a lease, loads, and keeps what was loaded only if the lease still holds. A change of the
account takes the lease away together with what is kept: a reader that was slower than the change keeps nothing stale.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol, TypeAlias

import trio

from wasup.ports.store import Chat

__all__ = ["KEPT_CHATS", "KEPT_SECONDS", "Load", "MemoryRecentChats", "RecentChats"]

KEPT_CHATS: Final = 21  # a page of 20, and whether there are more
KEPT_SECONDS: Final = 300
_ACCOUNTS: Final = 2_000  # some 20 MB

Load: TypeAlias = Callable[[], Awaitable[list[Chat]]]


class RecentChats(Protocol):
    """A cache of each account's `KEPT_CHATS` most recent chats.

    Attributes:
        hits: how often they were found kept.
        misses: how often they had to be loaded.
    """

    hits: int
    misses: int

    async def get(self, account_id: int, load: Load) -> list[Chat]:
        """The account's recent chats; `load` asks the database for them."""
        ...

    async def changed(self, account_ids: Iterable[int]) -> None:
        """The chats of these accounts may be others from now on. Never raises."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class MemoryRecentChats:
    """Kept in this process, for the accounts that were asked for last."""

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self._kept: OrderedDict[int, tuple[float, list[Chat]]] = OrderedDict()
        self._leases: dict[int, object] = {}

    async def get(self, account_id: int, load: Load) -> list[Chat]:
        """See `RecentChats`."""
        until, chats = self._kept.get(account_id, (0.0, []))
        if trio.current_time() < until:
            self.hits += 1
            self._kept.move_to_end(account_id)
            await trio.lowlevel.checkpoint()
            return chats
        self.misses += 1
        lease = self._leases[account_id] = object()
        try:
            chats = await load()
            if self._leases.get(account_id) is lease:
                self._kept[account_id] = (trio.current_time() + KEPT_SECONDS, chats)
                self._kept.move_to_end(account_id)
                if len(self._kept) > _ACCOUNTS:
                    self._kept.popitem(last=False)
        finally:
            if self._leases.get(account_id) is lease:
                del self._leases[account_id]
        return chats

    async def changed(self, account_ids: Iterable[int]) -> None:
        """See `RecentChats`."""
        for account_id in account_ids:
            self._kept.pop(account_id, None)
            self._leases.pop(account_id, None)

    async def close(self) -> None:
        """See `RecentChats`."""
