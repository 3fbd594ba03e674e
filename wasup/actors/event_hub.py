"""Hands committed events on to whoever follows them, each account's in order and without gaps.

The sync writers tell the hub what they have committed. That is the short way, and no more than a hint: the events log
is the truth. When a number is missing (a commit whose answer was lost, an event that somebody else wrote) the hub
reads it from the log before it goes on with that account, and every few seconds it asks the log how far each account
is. So what other instances commit reaches the followers as well, only later.

What the supervision tree goes through is handed on in the same way, from its history in memory.

While nobody follows, the hub sleeps: what it is told costs one look at a flag.
"""

import math
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Protocol

import trio

from wasup.actors.followers import SLOW, SUPERVISION, Audience, Follower, Interest, Told, told_event, told_happening
from wasup.actors.history import Happening, SupervisionHistory
from wasup.actors.names import account_of_path
from wasup.ports.events import LoggedEvent
from wasup.ports.outbox import LogHeads
from wasup.ports.store import DatabaseUnavailable

__all__ = ["EventHub", "Log"]

_PAGE: Final = 500
_SOON: Final = 0.25  # seconds in which a writer has told what it has committed
_IDLE: Final = 30.0  # seconds without followers until the hub sleeps


class Log(Protocol):
    """What the hub needs of the events log; see `wasup.ports.outbox.EventLog`."""

    async def heads(self) -> LogHeads:
        """How far it goes."""
        ...

    async def logged(self, account_id: int, after_seq: int, *, limit: int) -> list[LoggedEvent]:
        """Events of an account."""
        ...


class EventHub:
    """The hub of one instance.

    Args:
        look_every: seconds between two looks at the log.
        most: things that may wait for a follower.
        most_bytes: their size.

    Attributes:
        boot: a number of this hub's own, for what is not remembered over a restart.
        settled: every event that was stamped before this time (UTC ms) has been told.
        tree_number: number of the tree's last happening that was told.
        told: how much was told, each follower counted.
        slow: how many followers were dropped because they were slow.
    """

    def __init__(self, *, look_every: float = 2.0, most: int = 1000, most_bytes: int = 4_000_000) -> None:
        self.boot = secrets.randbits(32)
        self.settled = 0
        self.tree_number = 0
        self.told = 0
        self.slow = 0
        self._look_every = look_every
        self._most = most
        self._most_bytes = most_bytes
        self._log: Log | None = None
        self._history = SupervisionHistory(capacity=1)
        self._awake = False
        self._closed: str | None = None
        self._used_at = 0.0
        self._waking = trio.Lock()
        self._bell = trio.Event()
        self._look_at_once = False
        self._heads: dict[int, int] = {}  # account -> sequence of the last event that was told
        self._behind: dict[int, int] = {}  # accounts whose next event is not known here, and how far the log goes
        self._workspaces: dict[int, int] = {}
        self._open: set[Follower] = set()
        self._audience = Audience()

    @property
    def followers(self) -> int:
        """How many follow."""
        return len(self._open)

    def publish(self, events: Sequence[LoggedEvent]) -> None:
        """These events were just committed."""
        if self._awake:
            for event in events:
                head = self._heads.get(event.account_id, 0)
                if event.account_seq == head + 1:
                    self._pass_on(event)
                elif event.account_seq > head:
                    self._behind[event.account_id] = max(event.account_seq, self._behind.get(event.account_id, 0))
                    self._bell.set()

    def look(self) -> None:
        """Something was committed of which the hub is not told what."""
        if self._awake:
            self._look_at_once = True
            self._bell.set()

    async def wake(self) -> None:
        """Be there for somebody who is about to follow.

        Raises:
            DatabaseUnavailable: the log cannot be read.
        """
        self._used_at = trio.current_time()
        async with self._waking:
            if self._log is None:
                raise DatabaseUnavailable("the events log is not followed yet")
            if not self._awake:
                heads = await self._log.heads()
                self._heads, self._workspaces = dict(heads.sequences), dict(heads.workspaces)
                self._behind.clear()
                self.settled, self._awake = heads.settled, True
                self.look()  # what was committed meanwhile was not heard

    @contextmanager
    def following(self, interest: Interest) -> Iterator[Follower]:
        """A follower, which is told nothing before `begin`. The hub was woken a moment ago."""
        follower = Follower(interest, most=self._most, most_bytes=self._most_bytes)
        if self._closed is not None:
            follower.end(self._closed)
        self._open.add(follower)
        try:
            yield follower
        finally:
            self._used_at = trio.current_time()
            self._open.discard(follower)
            self._audience.remove(follower)
            self.slow += follower.ended == SLOW

    def begin(self, follower: Follower) -> dict[int, int]:
        """Tell this follower everything from now on; returns after which sequences that is."""
        self._audience.add(follower)
        return self.heads(follower.interest)

    def heads(self, interest: Interest) -> dict[int, int]:
        """The last sequence that was told of each account that somebody is interested in."""
        if interest.accounts is not None:
            return {account_id: self._heads.get(account_id, 0) for account_id in sorted(interest.accounts)}
        return {
            account_id: head
            for account_id, head in sorted(self._heads.items())
            if interest.workspace_id in {None, self._workspaces.get(account_id)}
        }

    def happened(self, interest: Interest, after: int, until: int) -> list[Told]:
        """What happened in the tree after a number and up to another, as far as it is kept and of interest."""
        found: list[Told] = []
        for happening in self._history.after(after, limit=max(1, until - after)):
            account_id = account_of_path(happening.path)
            workspace_id = None if account_id is None else self._workspaces.get(account_id)
            if happening.number <= until and interest.covers(SUPERVISION, account_id, workspace_id):
                found.append(told_happening(happening))
        return found

    @property
    def oldest_happening(self) -> int:
        """Number of the oldest happening of the tree that is kept; 0 for none."""
        return self._history.oldest

    def open(self) -> None:
        """Take followers."""
        self._closed = None

    def close(self, why: str) -> None:
        """End all followers, also those that come before the hub is opened again."""
        self._closed = why
        for follower in self._open:
            follower.end(why)

    async def run(self, log: Log, history: SupervisionHistory) -> None:
        """Follow a log and a tree until cancelled."""
        self._log, self._history, self.tree_number = log, history, history.newest
        self.open()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._look_now_and_then, log)
                nursery.start_soon(self._watch_tree, log, history)
        finally:
            self._log, self._awake = None, False
            self.close("shutting_down")

    async def _look_now_and_then(self, log: Log) -> None:
        next_look = -math.inf
        while True:
            with trio.move_on_at(next_look if self._awake else math.inf):
                await self._bell.wait()
            self._bell = trio.Event()
            now = trio.current_time()
            if not self._open and now - self._used_at > _IDLE:
                self._awake = False
                continue
            try:
                if now >= next_look or self._look_at_once:
                    self._look_at_once = False
                    next_look = now + self._look_every
                    await self._look(log)
                else:
                    await self._fill(log)
            except DatabaseUnavailable:
                continue  # at the next look

    async def _look(self, log: Log) -> None:
        """Ask how far the log goes, and tell what was not heard of."""
        heads = await log.heads()
        self._workspaces.update(heads.workspaces)
        await trio.sleep(_SOON)  # what is on its way need not be read
        for account_id, seq in heads.sequences.items():
            if seq > self._heads.get(account_id, 0):
                self._behind[account_id] = max(seq, self._behind.get(account_id, 0))
        await self._fill(log)
        self.settled = heads.settled

    async def _fill(self, log: Log) -> None:
        """Tell from the log what was missed."""
        for account_id in list(self._behind):
            while (head := self._heads.get(account_id, 0)) < self._behind[account_id]:
                events = await log.logged(account_id, head, limit=_PAGE)
                for event in events:
                    if event.account_seq > self._heads.get(account_id, 0):
                        self._pass_on(event)
                if not events:  # they have been removed since
                    self._heads[account_id] = self._behind[account_id]
            del self._behind[account_id]

    def _pass_on(self, event: LoggedEvent) -> None:
        self._heads[event.account_id] = event.account_seq
        self._workspaces[event.account_id] = event.workspace_id
        followers = self._audience.of(event.type, event.account_id, event.workspace_id)
        if followers:
            self._tell(told_event(event, self.settled), followers)

    async def _watch_tree(self, log: Log, history: SupervisionHistory) -> None:
        while True:
            await history.wait_after(self.tree_number)
            for happening in history.after(self.tree_number, limit=_PAGE):
                await self._tell_happening(log, happening)
            await trio.lowlevel.checkpoint()

    async def _tell_happening(self, log: Log, happening: Happening) -> None:
        account_id = account_of_path(happening.path)
        if self._awake and account_id is not None and account_id not in self._workspaces:
            with suppress(DatabaseUnavailable):  # then it is told to those alone who may see everything
                self._workspaces.update((await log.heads()).workspaces)
        workspace_id = None if account_id is None else self._workspaces.get(account_id)
        self.tree_number = happening.number
        followers = self._audience.of(SUPERVISION, account_id, workspace_id)
        if followers:
            self._tell(told_happening(happening), followers)

    def _tell(self, told: Told, followers: Sequence[Follower]) -> None:
        self.told += len(followers)
        for follower in followers:
            follower.offer(told)
