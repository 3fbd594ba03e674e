"""An events log in memory, for those who follow it: whoever commits says when the hub hears of it."""

from collections.abc import Sequence

import msgspec
import trio

from wasup.ports.events import LoggedEvent
from wasup.ports.outbox import LogHeads
from wasup.ports.store import DatabaseUnavailable

EPOCH = 1_760_000_000_000


class MemoryLog:
    """The log of some accounts; a read takes a moment, in which others go on.

    Attributes:
        away: every read fails.
        reads: how often events were read.
        delay: seconds that a read takes.
    """

    def __init__(self, workspaces: dict[int, int]) -> None:
        self.workspaces = workspaces
        self.events: dict[int, list[LoggedEvent]] = {account_id: [] for account_id in workspaces}
        self.last = dict.fromkeys(workspaces, 0)
        self.away = False
        self.reads = 0
        self.delay = 0.001

    def now(self) -> int:
        """UTC epoch milliseconds, by Trio's clock."""
        return EPOCH + round(trio.current_time() * 1000)

    def commit(
        self, account_id: int, count: int = 1, kind: str = "message.received", size: int = 0
    ) -> list[LoggedEvent]:
        """Write events; the hub is told by the caller, or not."""
        made = []
        for _ in range(count):
            self.last[account_id] += 1
            seq = self.last[account_id]
            body = msgspec.json.encode({"account_seq": seq, "padding": "x" * size}).decode()
            event = LoggedEvent(
                id=f"evt_{account_id}_{seq}",
                workspace_id=self.workspaces[account_id],
                account_id=account_id,
                account_seq=seq,
                type=kind,
                body=body,
                created_at=self.now(),
            )
            self.events[account_id].append(event)
            made.append(event)
        return made

    async def _reach(self) -> None:
        await trio.sleep(self.delay)
        if self.away:
            raise DatabaseUnavailable("away")

    async def heads(self) -> LogHeads:
        """How far it goes."""
        found = LogHeads(sequences=dict(self.last), workspaces=dict(self.workspaces), settled=self.now())
        await self._reach()
        return found

    async def logged(self, account_id: int, after_seq: int, *, limit: int) -> list[LoggedEvent]:
        """Events of an account."""
        self.reads += 1
        found = [event for event in self.events[account_id] if event.account_seq > after_seq][:limit]
        await self._reach()
        return found

    async def first_since(self, workspace_id: int | None, at: int) -> dict[int, int]:
        """The lowest sequences since a time."""
        found = {
            account_id: min(event.account_seq for event in events if event.created_at >= at)
            for account_id, events in self.events.items()
            if workspace_id in {None, self.workspaces[account_id]} and any(event.created_at >= at for event in events)
        }
        await self._reach()
        return found


def sequences(events: Sequence[LoggedEvent]) -> list[int]:
    """Their numbers."""
    return [event.account_seq for event in events]
