"""What a stream that resumes has missed: read from the log until the live events can take over.

First all accounts are read up to where the hub was at the beginning, however long that takes: nothing waits in memory
meanwhile. Then the live events begin to be kept for the stream, and the little that has happened since is read up to
exactly the point where they began. So nothing is lost and nothing is doubled, and each account's events come in order.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
import trio

from wasup.actors.event_hub import EventHub
from wasup.actors.followers import SUPERVISION, Follower, Told, told_event
from wasup.http.streaming.frames import GAP, Frame
from wasup.http.streaming.position import Position
from wasup.ports.events import LoggedEvent

__all__ = ["Backlog", "Log"]

EVENTS: Final = "events"

_PAGE: Final = 200
_WINDOW: Final = 500  # happenings of the tree that are looked at at once


class Log(Protocol):
    """What is read here of the events log; see `wasup.ports.outbox.EventLog`."""

    async def logged(self, account_id: int, after_seq: int, *, limit: int) -> list[LoggedEvent]:
        """Events of an account."""
        ...

    async def first_since(self, workspace_id: int | None, at: int) -> dict[int, int]:
        """Of each account the lowest sequence of its events since a time."""
        ...


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Something was missed that cannot be told any more."""

    reason: str
    of: str
    resume: str


class Backlog:
    """What was missed, page by page.

    Args:
        hub: whose live events take over.
        log: what is read.
        follower: who is to be told.
        position: where to begin; it is moved along.
        kept_since: older events (UTC ms) may have been removed from the log.
    """

    def __init__(self, hub: EventHub, log: Log, follower: Follower, position: Position, *, kept_since: int) -> None:
        self._hub = hub
        self._log = log
        self._follower = follower
        self._interest = follower.interest
        self._position = position
        self._kept_since = kept_since
        self._read: dict[int, int] | None = None  # account -> the last sequence that was read
        self._until: dict[int, int] = {}
        self._behind: list[int] = []  # accounts that are to be read on
        self._live = False
        self._settled = 0
        self._last_number = 0

    async def page(self) -> list[Frame] | None:
        """What comes next, which may be nothing; None when there is no more: from here on the follower has it.

        Raises:
            DatabaseUnavailable: call again.
        """
        if self._read is None:
            return await self._look_back()
        if self._behind:
            return await self._read_on(self._behind[-1], self._read)
        if not self._live:
            self._live = True
            self._settled, self._last_number = self._hub.settled, self._hub.tree_number
            heads = self._hub.begin(self._follower)
            if self._interest.kinds != {SUPERVISION}:
                self._read_until(heads)
            return []
        self._position.settled = max(self._position.settled, self._settled)
        await trio.lowlevel.checkpoint()
        return self._read_tree()

    async def _look_back(self) -> list[Frame]:
        """Find out from where on each account is to be read."""
        position, heads = self._position, self._hub.heads(self._interest)
        if self._interest.kinds == {SUPERVISION}:
            self._read = heads
            return []
        if position.sequences:
            read = {account_id: position.sequences.get(account_id, head) for account_id, head in heads.items()}
            ahead = [account_id for account_id, head in heads.items() if read[account_id] > head]
            read.update({account_id: heads[account_id] for account_id in ahead})
            position.sequences = dict(read)
            told = [f"The log of account {account_id} does not go as far as the cursor." for account_id in ahead]
        else:
            position.settled = min(position.settled, self._hub.settled)
            first = await self._log.first_since(self._interest.workspace_id, position.settled)
            # An account that has no events since then has none that were not told.
            read = heads | {one: min(seq - 1, heads.get(one, seq)) for one, seq in first.items()}
            removed = position.settled < self._kept_since
            told = ["Events of that time have been removed from the log."] if removed else []
        self._read = read
        self._read_until(heads)
        return [self._gap(EVENTS, reason) for reason in told]

    def _read_until(self, heads: dict[int, int]) -> None:
        read = self._read or {}
        self._until = heads
        self._behind = [account_id for account_id, head in heads.items() if read.get(account_id, 0) < head][::-1]

    async def _read_on(self, account_id: int, read: dict[int, int]) -> list[Frame]:
        after, until = read.get(account_id, 0), self._until[account_id]
        logged = await self._log.logged(account_id, after, limit=_PAGE)
        frames: list[Frame] = []
        for event in logged:
            if event.account_seq > until:
                break
            if event.account_seq > after + 1:
                frames.append(self._removed(account_id, after + 1, event.account_seq - 1))
            after = event.account_seq
            frames += self._told([told_event(event, 0)])
        if after < until and (len(logged) < _PAGE or logged[-1].account_seq > until):
            frames.append(self._removed(account_id, after + 1, until))
            after = until
        read[account_id] = after
        if after == until:
            self._behind.pop()
        return frames

    def _read_tree(self) -> list[Frame] | None:
        """What has happened in the tree, from what is kept in memory."""
        position, until, oldest = self._position, self._last_number, self._hub.oldest_happening
        if SUPERVISION not in self._interest.kinds:
            position.boot, position.number = self._hub.boot, until
        if position.boot != self._hub.boot:
            position.boot, position.number = self._hub.boot, max(0, oldest - 1)
            return [self._gap(SUPERVISION, "wasup has been restarted since.")]
        if position.number + 1 < oldest:
            position.number = oldest - 1
            return [self._gap(SUPERVISION, "That is too long ago: only the newest are kept.")]
        if position.number >= until:
            return None
        window = min(position.number + _WINDOW, until)
        frames = self._told(self._hub.happened(self._interest, position.number, window))
        position.number = window
        return frames

    def _told(self, things: Sequence[Told]) -> list[Frame]:
        """Frames of what is of interest; the position moves along with everything."""
        frames = []
        for told in things:
            self._position.advance(told)
            if told.kind in self._interest.kinds:
                frames.append(Frame(told.kind, self._position.cursor(), told.json))
        return frames

    def _removed(self, account_id: int, first: int, last: int) -> Frame:
        if self._position.sequences:
            self._position.sequences[account_id] = last
        return self._gap(EVENTS, f"Events {first} to {last} of account {account_id} are not in the log any more.")

    def _gap(self, of: str, reason: str) -> Frame:
        cursor = self._position.cursor()
        return Frame(GAP, cursor, msgspec.json.encode(Gap(reason=reason, of=of, resume=cursor)))
