"""Several writers, one transaction: who goes with whom, and what becomes of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
import trio
from trio.testing import MockClock

from wasup.actors.group_commit import GroupCommit
from wasup.ports.accounts import Fence
from wasup.ports.messages import Message, Text
from wasup.ports.store import DatabaseUnavailable, DataRefused
from wasup.ports.sync import CommitResult, IncomingBatch


def batch(account_id: int, count: int = 1) -> list[IncomingBatch]:
    """So many messages of an account."""
    chat = "5511987654321@c.us"
    items = tuple(
        Message(id=f"M{n}", chat=chat, sender=chat, from_me=False, timestamp=n, content=Text(body="Olá"))
        for n in range(count)
    )
    fence = Fence(account_id=account_id, incarnation=1, epoch=1)
    return [IncomingBatch(fence=fence, workspace_id=1, provider_type="emulated", items=items)]


@dataclass
class Store:
    """Takes a second for each transaction, and remembers which accounts it was about.

    Attributes:
        poison: an account that the database refuses.
        faulty: an account that something of ours fails at.
        away: how many transactions fail from now on.
    """

    written: list[tuple[int, ...]] = field(default_factory=list)
    begun: list[tuple[int, ...]] = field(default_factory=list)
    poison: int | None = None
    faulty: int | None = None
    away: int = 0
    most: int = 0
    _now: int = 0

    async def commit(self, batches: Sequence[IncomingBatch]) -> CommitResult:
        """One transaction."""
        accounts = tuple(one.fence.account_id for one in batches)
        self.begun.append(accounts)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await trio.sleep(1)
        finally:
            self._now -= 1
        if self.away:
            self.away -= 1
            raise DatabaseUnavailable("gone")
        if self.poison in accounts:
            raise DataRefused("too long")
        if self.faulty in accounts:
            raise KeyError("a fault of ours")
        self.written.append(accounts)
        return CommitResult(new_messages=len(accounts), refused=frozenset(accounts), endpoints=frozenset({7}))


@dataclass
class Writers:
    """Writers that commit at the same time; what each heard, by account."""

    group: GroupCommit
    heard: dict[int, CommitResult | Exception] = field(default_factory=dict)

    async def write(self, account_id: int, count: int = 1) -> None:
        """One commit."""
        try:
            self.heard[account_id] = await self.group.commit(lambda: batch(account_id, count), count)
        except (DatabaseUnavailable, DataRefused, KeyError) as error:
            self.heard[account_id] = error

    def result(self, account_id: int) -> CommitResult:
        """What this one heard."""
        found = self.heard[account_id]
        assert isinstance(found, CommitResult)
        return found


async def test_what_comes_while_one_writes_goes_together(autojump_clock: MockClock) -> None:
    """Each hears of its own accounts, and of what was told only one."""
    store = Store()
    writers = Writers(GroupCommit(store.commit, enough=100))
    async with trio.open_nursery() as nursery:
        for account_id in (4, 3, 2, 1):
            nursery.start_soon(writers.write, account_id)
            await trio.sleep(0.1)
    assert store.written == [(4,), (1, 2, 3)]
    assert store.most == 1
    assert [writers.result(account_id).refused for account_id in (1, 2, 3)] == [{1}, {2}, {3}]
    assert sorted(writers.result(account_id).new_messages for account_id in (1, 2, 3)) == [0, 0, 3]
    assert all(writers.result(account_id).endpoints == {7} for account_id in (1, 2, 3, 4))


async def test_enough_goes_at_once_beside_what_is_on_its_way(autojump_clock: MockClock) -> None:
    """With those who were waiting; the database has work for two processors then."""
    store = Store()
    writers = Writers(GroupCommit(store.commit, enough=10))
    async with trio.open_nursery() as nursery:
        for account_id, count in ((1, 1), (2, 4), (3, 6), (4, 1)):
            nursery.start_soon(writers.write, account_id, count)
            await trio.sleep(0.1)
    assert store.begun == [(1,), (2, 3), (4,)]
    assert store.most == 2


@pytest.mark.parametrize(
    ("store", "error"), [(Store(poison=2), DataRefused), (Store(faulty=2), KeyError)], ids=["refused", "fault"]
)
async def test_only_the_writer_to_blame_hears_of_it(
    autojump_clock: MockClock, store: Store, error: type[Exception]
) -> None:
    """What the database refuses, or fails at through a fault of ours; the others write what they have without it."""
    writers = Writers(GroupCommit(store.commit, enough=100))
    async with trio.open_nursery() as nursery:
        for account_id in (9, 1, 2, 3):
            nursery.start_soon(writers.write, account_id)
            await trio.sleep(0.1)
    assert isinstance(writers.heard[2], error)
    assert sorted(store.written) == [(1,), (3,), (9,)]


async def test_a_writer_whose_things_cannot_be_had_stops_nobody(autojump_clock: MockClock) -> None:
    """It hears what went wrong; the others are written, also where it was to lead."""
    store = Store()
    group = GroupCommit(store.commit, enough=100)
    heard: list[object] = []

    def broken() -> list[IncomingBatch]:
        raise KeyError("a fault of ours")

    async def write(take: Callable[[], list[IncomingBatch]]) -> None:
        try:
            heard.append((await group.commit(take, 1)).new_messages)
        except KeyError:
            heard.append("fault")

    async with trio.open_nursery() as nursery:
        for take in (lambda: batch(1), broken, lambda: batch(2), lambda: batch(3)):
            nursery.start_soon(write, take)
            await trio.sleep(0.1)
    assert store.written == [(1,), (2, 3)]
    assert sorted(map(str, heard)) == ["0", "1", "2", "fault"]


async def test_after_a_small_transaction_the_next_waits_for_more(autojump_clock: MockClock) -> None:
    """For a rest that is the shorter the larger it was; what is enough does not wait, nor what comes long after."""
    store = Store()
    writers = Writers(GroupCommit(store.commit, enough=10, rest=4.0))
    begun: list[float] = []
    commit = store.commit

    async def timed(batches: Sequence[IncomingBatch]) -> CommitResult:
        begun.append(trio.current_time())
        return await commit(batches)

    writers.group._commit = timed
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        for at, account_id, count in ((0, 1, 1), (2, 2, 5), (3, 3, 1), (8, 4, 9), (11, 5, 1), (40, 6, 1)):
            await trio.sleep_until(start + at)
            nursery.start_soon(writers.write, account_id, count)
    assert [round(at - start, 1) for at in begun] == [0, 4.6, 8, 11, 40]
    assert store.begun == [(1,), (2, 3), (4,), (5,), (6,)]


async def test_what_comes_while_a_writer_waits_goes_with_it(autojump_clock: MockClock) -> None:
    """What it has is taken when the transaction begins."""
    store = Store()
    group = GroupCommit(store.commit, enough=100)
    mine = [*batch(2)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(group.commit, lambda: batch(1), 1)
        await trio.sleep(0.1)
        nursery.start_soon(group.commit, lambda: list(mine), 1)
        await trio.sleep(0.1)
        mine += batch(3)
    assert store.written == [(1,), (2, 3)]


async def test_a_database_that_is_away_is_everybodys(autojump_clock: MockClock) -> None:
    """Each hears of it, and may try again."""
    store = Store(away=2)
    writers = Writers(GroupCommit(store.commit, enough=100))
    async with trio.open_nursery() as nursery:
        for account_id in (1, 2, 3):
            nursery.start_soon(writers.write, account_id)
            await trio.sleep(0.1)
    assert all(isinstance(heard, DatabaseUnavailable) for heard in writers.heard.values())
    await writers.write(2)
    assert writers.result(2).new_messages == 1


async def test_the_others_go_again_when_their_leader_is_cancelled(autojump_clock: MockClock) -> None:
    """Nothing that was in its hands is forgotten, and nobody waits for ever."""
    store = Store()
    writers = Writers(GroupCommit(store.commit, enough=100))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writers.write, 1)
        await trio.sleep(0.1)
        with trio.move_on_after(1.5):  # waits for the first, leads two others, and goes in the middle of that
            nursery.start_soon(writers.write, 3)
            nursery.start_soon(writers.write, 4)
            await writers.group.commit(lambda: batch(2), 1)
    assert store.begun[1] == (2, 3, 4)
    assert sorted(store.written) == [(1,), (3,), (4,)]


async def test_who_is_cancelled_before_its_turn_is_not_written_and_calls_the_next(autojump_clock: MockClock) -> None:
    """Its turn goes to whoever waits behind it."""
    store = Store()
    writers = Writers(GroupCommit(store.commit, enough=100))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writers.write, 1)
        await trio.sleep(0.1)
        nursery.start_soon(writers.write, 3)
        with trio.move_on_after(0.5):
            await writers.group.commit(lambda: batch(2), 1)
    assert store.written == [(1,), (3,)]


async def test_who_is_cancelled_while_others_write_for_it_waits_for_their_end(autojump_clock: MockClock) -> None:
    """It would be repeated while it is on its way otherwise; and what was written counts."""
    store = Store()
    writers = Writers(GroupCommit(store.commit, enough=100))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writers.write, 1)
        await trio.sleep(0.1)
        nursery.start_soon(writers.write, 2)
        await trio.sleep(0.1)
        began = trio.current_time()
        with trio.move_on_after(1.0):
            await writers.write(3)
        assert trio.current_time() - began == pytest.approx(1.8)
    assert store.written == [(1,), (2, 3)]
    assert writers.result(3).refused == {3}
