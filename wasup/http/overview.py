"""Figures over time, for the dashboard's charts: the last hour, a row every few seconds, in memory and bounded."""

import time
from array import array
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, Protocol

import psutil
import structlog
import trio

from wasup.actors.history import SupervisionHistory
from wasup.actors.names import account_of_path
from wasup.actors.traffic import Counts, Traffic, quantile
from wasup.ports.clock import Clock
from wasup.ports.store import AccountStore, StoreError, Waiting
from wasup.supervisor import TreeNode

__all__ = ["STEP", "Backlog", "Latencies", "Moment", "Overview", "Row", "Watched"]

STEP: Final = 5.0  # seconds
_KEPT: Final = 720  # rows: an hour
_WORKSPACES: Final = 1000  # whose rows are kept, the lately busy ones: 17 KB each
_MINUTE: Final = 12  # rows
_COUNTING: Final = 0.02  # share of the time that the database may be busy counting what waits
_PATIENCE: Final = 2.0  # seconds
_HAPPENINGS: Final = 20_000
_WRITERS: Final = "root/sync"

log = structlog.get_logger("wasup.overview")


class Backlog(Protocol):
    """Counts what waits."""

    async def waiting(self) -> Mapping[int, Waiting]:
        """Deliveries that are not made, by workspace."""
        ...


class Watched(Protocol):
    """The live supervision tree."""

    async def look(self, path: str) -> TreeNode | None:
        """One child and what stands below it."""
        ...


class Row(NamedTuple):
    """One step of one workspace, or of all: how many a second, how often it restarted, what waited at its end."""

    messages_in: float = 0.0
    messages_out: float = 0.0
    events: float = 0.0
    deliveries: float = 0.0
    restarts: float = 0.0
    outbox: float = 0.0


class Moment(NamedTuple):
    """What a step has for all workspaces together: its end in UTC epoch ms, and the slowest commits in ms."""

    at: int
    commit_p99: float | None


class Latencies(NamedTuple):
    """Milliseconds, of the last minute; None when there was nothing to measure."""

    commit_p50: float | None
    commit_p99: float | None
    webhook_p50: float | None
    webhook_p99: float | None


class _Ring:
    """The newest rows of one scope; a row of zeros where none was put."""

    _WIDTH: Final = len(Row._fields)

    def __init__(self) -> None:
        self._cells = array("f", bytes(4 * self._WIDTH * _KEPT))

    def put(self, step: int, row: Row) -> None:
        place = step % _KEPT * self._WIDTH
        self._cells[place : place + self._WIDTH] = array("f", row)

    def row(self, step: int) -> Row:
        place = step % _KEPT * self._WIDTH
        return Row(*(round(value, 3) for value in self._cells[place : place + self._WIDTH]))


class Overview:
    """Looks at the counters every few seconds, and keeps what it saw. A scope is a workspace's id, or None for all.

    Args:
        traffic: the counters.
        history: where restarts are told.
        clock: tells the time of day.

    Attributes:
        writer_mailbox: deliveries that wait for the writers.
        unwritten: items that the writers have in hand.
        cpu: share of a processor core that this process used in the last step.
    """

    def __init__(self, traffic: Traffic, history: SupervisionHistory, clock: Clock) -> None:
        self._traffic = traffic
        self._history = history
        self._clock = clock
        self._process = psutil.Process()
        self._began = self._looked_at = time.monotonic()
        self._seen: dict[int | None, Counts] = {}
        self._happening = 0
        self._owners: dict[int, int | None] = {}  # account -> workspace, of accounts that were restarted
        self._waiting: Mapping[int, Waiting] = {}
        self._count_at = -1e9
        self._step = 0  # the number of the next row
        self._rings: OrderedDict[int | None, _Ring] = OrderedDict({None: _Ring()})
        self._moments: deque[Moment] = deque(maxlen=_KEPT)
        nothing = (traffic.commits.counts(), traffic.deliveries.counts())
        self._durations = deque([nothing], maxlen=_MINUTE + 1)
        self.writer_mailbox = 0
        self.unwritten = 0
        self.cpu = 0.0

    async def run(self, tree: Watched, backlog: Backlog, accounts: AccountStore) -> None:
        """Look again and again, until cancelled."""
        self._process.cpu_percent()
        while True:
            await trio.sleep(STEP)
            await self.look(tree, backlog, accounts)

    async def look(self, tree: Watched, backlog: Backlog, accounts: AccountStore) -> None:
        """Keep what has happened since the last look. While the database is away, what it counts stays as it was."""
        try:
            with trio.move_on_after(_PATIENCE):
                await self._attribute_restarts(accounts)
                await self._count_waiting(backlog)
        except StoreError as error:
            log.info("overview.not_counted", error=type(error).__name__)
        writers = await tree.look(_WRITERS)
        if writers is not None:
            self.writer_mailbox, self.unwritten = _in_hand(writers)
        self.cpu = min(1.0, self._process.cpu_percent() / 100)
        self._keep()

    async def _attribute_restarts(self, accounts: AccountStore) -> None:
        """Count restarts, those of an account's actors in its workspace."""
        for happening in self._history.after(self._happening, limit=_HAPPENINGS):
            if happening.kind == "restarted":
                account_id = account_of_path(happening.path)
                if account_id is not None and account_id not in self._owners:
                    account = await accounts.account(account_id)
                    self._owners[account_id] = None if account is None else account.workspace_id
                self._traffic.restarted(None if account_id is None else self._owners[account_id])
            self._happening = happening.number

    async def _count_waiting(self, backlog: Backlog) -> None:
        """Have the database count, and the longer that takes, the less often."""
        began = trio.current_time()
        if began >= self._count_at:
            self._waiting = await backlog.waiting()
            self._count_at = began + (trio.current_time() - began) / _COUNTING

    def _keep(self) -> None:
        now = time.monotonic()
        seconds, self._looked_at = max(now - self._looked_at, 0.001), now
        traffic = self._traffic
        quiet = [(scope, Counts()) for scope in self._waiting if scope not in traffic.by_workspace]
        scopes: list[tuple[int | None, Counts]] = [(None, traffic.total), *traffic.by_workspace.items(), *quiet]
        for scope, counts in scopes:
            row = self._row(scope, counts, seconds)
            if any(row):
                self._rings.setdefault(scope, _Ring())
                self._rings.move_to_end(scope)
            if scope in self._rings:
                self._rings[scope].put(self._step, row)
        self._rings.move_to_end(None)
        while len(self._rings) > _WORKSPACES + 1:
            self._rings.popitem(last=False)
        self._step += 1
        self._durations.append((traffic.commits.counts(), traffic.deliveries.counts()))
        commits = quantile(self._durations[-1][0], self._durations[-2][0], 0.99)
        self._moments.append(Moment(at=self._clock.now_ms(), commit_p99=_ms(commits)))

    def _row(self, scope: int | None, counts: Counts, seconds: float) -> Row:
        before = self._seen.get(scope, Counts())
        self._seen[scope] = counts.copy()
        return Row(
            messages_in=(counts.messages_in - before.messages_in) / seconds,
            messages_out=(counts.messages_out - before.messages_out) / seconds,
            events=(counts.events - before.events) / seconds,
            deliveries=(counts.deliveries - before.deliveries) / seconds,
            restarts=counts.restarts - before.restarts,
            outbox=self.waiting(scope).outbox,
        )

    # ---- what is shown -----------------------------------------------------------------------

    def rows(self, scope: int | None) -> Iterator[tuple[Moment, Row]]:
        """The rows that are kept, oldest first."""
        ring = self._rings.get(scope)
        first = self._step - len(self._moments)
        for step, moment in enumerate(self._moments, first):
            yield moment, Row() if ring is None else ring.row(step)

    def newest(self, scope: int | None) -> Row:
        """The newest row; zeros when there is none yet."""
        ring = self._rings.get(scope)
        return Row() if ring is None or not self._step else ring.row(self._step - 1)

    def restarts(self, scope: int | None) -> int:
        """Since the instance was started."""
        if scope is None:
            return self._traffic.total.restarts
        counts = self._traffic.by_workspace.get(scope)
        return 0 if counts is None else counts.restarts

    def waiting(self, scope: int | None) -> Waiting:
        """Webhook deliveries that are not made, as last counted."""
        if scope is not None:
            return self._waiting.get(scope, Waiting())
        every = self._waiting.values()
        return Waiting(outbox=sum(one.outbox for one in every), dead_letters=sum(one.dead_letters for one in every))

    def latencies(self) -> Latencies:
        """How long commits took, and how old events were when they were delivered."""
        (commits, deliveries), (old_commits, old_deliveries) = self._durations[-1], self._durations[0]
        return Latencies(
            commit_p50=_ms(quantile(commits, old_commits, 0.5)),
            commit_p99=_ms(quantile(commits, old_commits, 0.99)),
            webhook_p50=_ms(quantile(deliveries, old_deliveries, 0.5)),
            webhook_p99=_ms(quantile(deliveries, old_deliveries, 0.99)),
        )

    def memory_mb(self) -> float:
        """Resident memory of this process, without the browsers."""
        return round(self._process.memory_info().rss / 1e6, 1)

    def uptime(self) -> float:
        """Seconds since the instance was started."""
        return round(time.monotonic() - self._began, 1)


def _in_hand(writers: TreeNode) -> tuple[int, int]:
    """What waits in the mailboxes of the writers, and what they have taken out and not stored yet."""
    waiting = sum(writer.mailbox.depth for writer in writers.children if writer.mailbox is not None)
    taken = sum(int((writer.figures or {}).get("unwritten", 0)) for writer in writers.children)
    return waiting, taken


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
