"""The hub: who is told what, and what happens to what it was not told of."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest
import trio
import trio.testing

from tests.eventlog import MemoryLog
from wasup.actors.event_hub import EventHub
from wasup.actors.followers import SUPERVISION, Follower, Interest
from wasup.actors.history import SupervisionHistory
from wasup.ports.store import DatabaseUnavailable
from wasup.supervisor import ChildStarted, EventStream

RECEIVED = frozenset({"message.received"})
WORKSPACES = {1: 1, 2: 1, 3: 2}


@asynccontextmanager
async def running(**limits: int) -> AsyncIterator[tuple[EventHub, MemoryLog]]:
    """A hub that is awake, over a log of three accounts in two workspaces."""
    hub, log = EventHub(**limits), MemoryLog(dict(WORKSPACES))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.run, log, SupervisionHistory())
        await trio.testing.wait_all_tasks_blocked()
        await hub.wake()
        yield hub, log
        nursery.cancel_scope.cancel()


def taken(follower: Follower) -> list[tuple[int, int]]:
    """Account and number of what waits."""
    return [(told.account_id, told.number) for told in follower.take(1000)]


async def test_everybody_is_told_what_they_asked_for(autojump_clock: trio.testing.MockClock) -> None:
    """By account, by workspace or of all; and of the types that they named only."""
    async with running() as (hub, log):
        interests = {
            "account": Interest(kinds=RECEIVED, accounts=frozenset({2})),
            "workspace": Interest(kinds=RECEIVED, workspace_id=1),
            "all": Interest(kinds=RECEIVED),
            "another type": Interest(kinds=frozenset({"message.sent"})),
        }
        with ExitStack() as stack:
            followers = {name: stack.enter_context(hub.following(one)) for name, one in interests.items()}
            for follower in followers.values():
                hub.begin(follower)
            for account_id in (1, 2, 3, 2):
                hub.publish(log.commit(account_id))
            hub.publish(log.commit(2, kind="chat.synced"))
            found = {name: taken(follower) for name, follower in followers.items()}
        assert found == {
            "account": [(2, 1), (2, 2)],
            "workspace": [(1, 1), (2, 1), (2, 2)],
            "all": [(1, 1), (2, 1), (3, 1), (2, 2)],
            "another type": [],
        }
        assert hub.followers == 0
        assert log.reads == 0


async def test_what_was_not_heard_of_is_read_before_what_comes_after_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A number is missing: the log has it; the account's order holds, and others do not wait."""
    async with running() as (hub, log):
        with hub.following(Interest(kinds=RECEIVED)) as follower:
            hub.begin(follower)
            lost = log.commit(1, 3)
            hub.publish(log.commit(1))
            hub.publish(log.commit(2))
            assert taken(follower) == [(2, 1)]
            await trio.sleep(0.5)
            assert taken(follower) == [(1, 1), (1, 2), (1, 3), (1, 4)]
            hub.publish(lost)  # told late
            assert taken(follower) == []


async def test_what_nobody_tells_of_is_found_at_the_next_look(autojump_clock: trio.testing.MockClock) -> None:
    """As with another instance's commits; also when the database was away for a while."""
    async with running() as (hub, log):
        with hub.following(Interest(kinds=RECEIVED, accounts=frozenset({3}))) as follower:
            hub.begin(follower)
            log.commit(3, 2)
            log.away = True
            await trio.sleep(10)
            assert taken(follower) == []
            log.away = False
            await follower.wait(3)
            assert taken(follower) == [(3, 1), (3, 2)]
            log.commit(3)
            hub.look()  # without waiting for the next look
            await follower.wait(0.5)
            assert taken(follower) == [(3, 3)]


async def test_without_followers_it_sleeps_and_keeps_nothing(autojump_clock: trio.testing.MockClock) -> None:
    """And begins anew where the log is when somebody comes; not while the log cannot be read."""
    async with running() as (hub, log):
        await trio.sleep(60)
        for _ in range(3):
            hub.publish(log.commit(1))
        assert hub.heads(Interest(kinds=RECEIVED))[1] == 0
        log.away = True
        with pytest.raises(DatabaseUnavailable):
            await hub.wake()
        log.away = False
        await hub.wake()
        assert hub.heads(Interest(kinds=RECEIVED))[1] == 3
    with pytest.raises(DatabaseUnavailable):
        await hub.wake()


async def test_events_that_were_removed_meanwhile_hold_up_nothing(autojump_clock: trio.testing.MockClock) -> None:
    """There is nothing to be read of them: it goes on with the next."""
    async with running() as (hub, log):
        with hub.following(Interest(kinds=RECEIVED)) as follower:
            hub.begin(follower)
            log.commit(1, 2)
            log.events[1].clear()
            await trio.sleep(3)
            hub.publish(log.commit(1))
            assert taken(follower) == [(1, 3)]


@pytest.mark.parametrize("limits", [{"most": 10}, {"most_bytes": 2000}])
async def test_who_does_not_take_is_dropped_alone(
    autojump_clock: trio.testing.MockClock, limits: dict[str, int]
) -> None:
    """By number or by size; nothing is kept for it any more, and the others are told as before."""
    async with running(**limits) as (hub, log):
        with hub.following(Interest(kinds=RECEIVED)) as slow, hub.following(Interest(kinds=RECEIVED)) as quick:
            hub.begin(slow)
            hub.begin(quick)
            for _ in range(30):
                hub.publish(log.commit(1, size=100))
                assert len(taken(quick)) == 1
            assert slow.ended == "slow_reader"
            assert taken(slow) == []
            assert quick.ended is None
        assert hub.slow == 1


async def test_the_tree_is_told_to_those_whose_accounts_it_is_about(autojump_clock: trio.testing.MockClock) -> None:
    """Whoever sees everything sees the whole tree; a workspace what stands below its accounts, new ones too."""
    hub, log, history, tree = EventHub(), MemoryLog({1: 1, 3: 2}), SupervisionHistory(), EventStream()
    history.listen(tree)
    kinds = frozenset({SUPERVISION})

    def start(path: str) -> None:
        tree.emit(ChildStarted, path, 1)

    start("root/accounts/3/actor")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.run, log, history)
        await trio.testing.wait_all_tasks_blocked()
        await hub.wake()
        own = Interest(kinds=kinds, workspace_id=2)
        with (
            hub.following(Interest(kinds=kinds)) as everything,
            hub.following(own) as workspace,
            hub.following(Interest(kinds=kinds, accounts=frozenset({1}))) as account,
        ):
            for follower in (everything, workspace, account):
                hub.begin(follower)
            log.workspaces[4], log.last[4] = 2, 0  # an account that was made a moment ago
            for path in ("root/sync", "root/accounts/1/session", "root/accounts/3/session", "root/accounts/4/session"):
                start(path)
            await trio.sleep(0.1)
            assert [number for _, number in taken(everything)] == [2, 3, 4, 5]
            assert [number for _, number in taken(workspace)] == [4, 5]
            assert [number for _, number in taken(account)] == [3]
        assert [told.number for told in hub.happened(own, 0, 5)] == [1, 4, 5]
        assert [told.number for told in hub.happened(own, 1, 4)] == [4]
        nursery.cancel_scope.cancel()


async def test_a_closed_hub_ends_whoever_comes(autojump_clock: trio.testing.MockClock) -> None:
    """Until it is opened again."""
    async with running() as (hub, _):
        with hub.following(Interest(kinds=RECEIVED)) as before:
            hub.close("shutting_down")
            with hub.following(Interest(kinds=RECEIVED)) as after:
                assert (before.ended, after.ended) == ("shutting_down", "shutting_down")
        hub.open()
        with hub.following(Interest(kinds=RECEIVED)) as later:
            assert later.ended is None
