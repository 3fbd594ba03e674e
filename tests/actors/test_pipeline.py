"""From what a provider hands over to committed rows: nothing acknowledged too early, nothing lost, nothing doubled."""

import trio
from trio.testing import MockClock

from tests.actors.world import World, until
from wasup.actors.names import writer_name
from wasup.health import check_health
from wasup.ports.accounts import AccountStatus
from wasup.ports.disconnects import DisconnectReason
from wasup.ports.messages import Message
from wasup.ports.session import Usage
from wasup.supervisor import ChildEnded, Event

S = AccountStatus


async def test_nothing_is_acknowledged_before_it_is_committed(autojump_clock: MockClock) -> None:
    """A slow commit holds the acknowledgement back; then everything is acknowledged once."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        session = world.session(account)
        world.memory.latency = 5.0
        tokens = world.provider.deliver(account, "m1", "m2", "m3")
        await trio.sleep(4.9)
        assert session.acknowledged == []
        await until(lambda: session.acknowledged)
        assert world.memory.stored[account]
        await until(lambda: sorted(session.acknowledged) == tokens, within=11)
        assert world.memory.stored[account] == ["m1", "m2", "m3"]


async def test_a_database_that_is_away_harms_no_account(autojump_clock: MockClock) -> None:
    """For an hour nothing is acknowledged and nobody fails; then everything is stored, once, in order."""
    world = World(sync={"window": 8})
    accounts = [world.add() for _ in range(5)]
    async with world.running():
        await world.connected(*accounts)
        world.memory.away = True
        ids = [f"m{n}" for n in range(100)]
        for account in accounts:
            world.provider.deliver(account, *ids)
        await trio.sleep(3600)
        assert isinstance(world.runtime.pulse.database_away_since, float)
        assert all(session.acknowledged == [] for session in world.provider.sessions)
        assert len(world.provider.sessions) == len(accounts), "they stay connected"
        world.memory.away = False
        await until(lambda: not any(world.provider.pending.values()))
        assert not world.runtime.pulse.database_away_since
        for account in accounts:
            assert world.memory.stored[account] == ids
            assert world.memory.steps(account) == ["starting", "connected"]
        assert world.memory.duplicates == 0


async def test_the_window_bounds_what_is_in_memory(autojump_clock: MockClock) -> None:
    """While nothing can be committed a session takes no more than its window; the rest waits at the provider."""
    world = World(sync={"window": 4})
    account = world.add()
    async with world.running():
        await world.connected(account)
        world.memory.away = True
        world.provider.deliver(account, *(f"m{n}" for n in range(50)))
        await trio.sleep(60)
        session = world.session(account)
        # Received: the window, and the one that waits for room in it.
        assert session._receive.statistics().current_buffer_used == 50 - 5
        world.memory.away = False
        await until(lambda: len(session.acknowledged) == 50)


async def test_a_full_writer_holds_accounts_back_and_fails_none(autojump_clock: MockClock) -> None:
    """With room for three changes in the writer and no database, twenty sessions end and come back; nobody fails."""
    world = World(sync={"mailbox": 3, "batch": 1}, restart_budget=2, restart_period=600.0)
    accounts = [world.add() for _ in range(20)]
    async with world.running():
        await world.connected(*accounts)
        world.memory.away = True
        await trio.sleep(1)
        for account in accounts:
            world.session(account).end(DisconnectReason.CONNECTION_LOST)
        await trio.sleep(900)
        world.memory.away = False
        await trio.sleep(75)
        for account in accounts:
            await world.becomes(account, S.CONNECTED, within=75)
            assert "failed" not in world.memory.steps(account)


async def test_a_commit_whose_answer_is_lost_is_repeated_without_doubling(autojump_clock: MockClock) -> None:
    """The commit happened and the connection broke: the same batch again makes no second row."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        world.memory.answers_lost = 2
        world.provider.deliver(account, "m1", "m2")
        await until(lambda: len(world.session(account).acknowledged) == 2)
        assert world.memory.stored[account] == ["m1", "m2"]


async def test_when_the_writer_is_killed_sessions_get_everything_again(autojump_clock: MockClock) -> None:
    """Its sessions end with PIPELINE_LOST and are handed everything again; no row is doubled, none is missing."""
    world = World()
    accounts = [world.add() for _ in range(3)]
    async with world.running():
        await world.connected(*accounts)
        world.memory.latency = 5.0
        for account in accounts:
            world.provider.deliver(account, "m1", "m2", "m3")
        await trio.sleep(1)
        world.actor(writer_name(0)).kill()
        world.memory.latency = 0.0
        for account in accounts:
            step = await world.step(account, S.RECONNECTING)
            assert step.reason is DisconnectReason.PIPELINE_LOST
            await world.connected(account)
        await until(lambda: not any(world.provider.pending.values()))
        for account in accounts:
            assert world.memory.stored[account] == ["m1", "m2", "m3"]
            assert len(world.provider.opened(account)) == 2


async def test_a_status_that_a_killed_writer_had_in_hand_is_written_all_the_same(autojump_clock: MockClock) -> None:
    """A banned account has no session that would tell it again: its row must not say `connected` for ever.

    One status is in hand, the other waits in the mailbox.
    """
    world = World()
    accounts = [world.add(), world.add()]
    async with world.running():
        await world.connected(*accounts)
        world.memory.away = True
        for account in accounts:
            world.session(account).end(DisconnectReason.BANNED)
            await trio.sleep(1)
        world.actor(writer_name(0)).kill()
        world.memory.away = False
        for account in accounts:
            await world.becomes(account, S.BANNED)


async def test_a_graceful_stop_writes_what_is_left(autojump_clock: MockClock) -> None:
    """Statuses that were reached in the last moment are in the rows: the one in hand and the one behind it."""
    world = World()
    accounts = [world.add(), world.add()]
    async with world.running():
        await world.connected(*accounts)
        world.memory.latency = 1.0
        for account in accounts:
            world.session(account).end(DisconnectReason.BANNED)
            await trio.sleep(0.2)
    assert [world.row(account).status for account in accounts] == [S.BANNED] * 2


async def test_what_the_database_refuses_is_put_away_and_the_stream_goes_on(autojump_clock: MockClock) -> None:
    """Of a full batch of two accounts exactly the bad messages are missing; all are acknowledged, nobody reconnects."""
    world = World(sync={"linger": 0.02})
    bad, good = world.add(), world.add()
    async with world.running():
        await world.connected(bad, good)
        world.memory.poisoned |= {"b3", "b7"}
        world.memory.latency = 0.5
        world.provider.deliver(bad, *(f"b{count}" for count in range(10)))
        world.provider.deliver(good, *(f"g{count}" for count in range(10)))
        await until(lambda: not any(world.provider.pending.values()), within=60)
        assert world.memory.stored[good] == [f"g{count}" for count in range(10)]
        assert world.memory.stored[bad] == [f"b{count}" for count in range(10) if count not in {3, 7}]
        assert [item.id for item in world.memory.rejected[bad] if isinstance(item, Message)] == ["b3", "b7"]
        assert world.runtime.pulse.rejected == 2
        assert len(world.provider.sessions) == 2
        world.provider.deliver(bad, "b10")
        await until(lambda: world.memory.stored[bad][-1] == "b10")


async def test_a_single_item_is_tried_twice_before_it_is_put_away(autojump_clock: MockClock) -> None:
    """What went wrong once may have been anything."""
    world = World()
    account = world.add(synchronised_at=1)
    async with world.running():
        await world.connected(account)
        world.memory.refusals = 1
        world.provider.deliver(account, "m1")
        await until(lambda: world.memory.stored[account] == ["m1"])
        assert not world.memory.rejected[account]


async def test_a_fault_of_our_own_puts_nothing_away_and_stops_no_other_writer(autojump_clock: MockClock) -> None:
    """It is waited out for an hour, health tells of it, and nobody reconnects; once mended all is stored, in order."""
    world = World()
    world.runtime.writers = 2
    hit, other = world.add(synchronised_at=1), world.add(synchronised_at=1)
    async with world.running():
        await world.connected(hit, other)
        world.memory.faulty.add("m2")
        world.provider.deliver(hit, "m1")
        await until(lambda: world.memory.stored[hit] == ["m1"])
        world.provider.deliver(hit, "m2", "m3")
        await trio.sleep(3600)
        world.provider.deliver(other, "o1")
        await until(lambda: world.memory.stored[other] == ["o1"])
        assert world.memory.stored[hit] == ["m1"]
        assert world.session(hit).acknowledged == [1]
        assert not world.memory.rejected[hit]
        health = await check_health(world.runtime, world.root.registry)
        assert (health.status, health.parts["sync"].status) == ("down", "down")
        assert "a fault of ours" in health.parts["sync"].detail
        world.memory.faulty.clear()
        await until(lambda: world.memory.stored[hit] == ["m1", "m2", "m3"], within=31)
        await until(lambda: not any(world.provider.pending.values()))
        assert (await check_health(world.runtime, world.root.registry)).status == "ok"
        assert len(world.provider.sessions) == 2


async def test_health_says_away_until_every_writer_is_through_again(autojump_clock: MockClock) -> None:
    """One writer that reaches the database says nothing for the other."""
    world = World()
    pulse = world.runtime.pulse
    assert pulse.lost_database("writer-0")
    await trio.sleep(1)
    assert pulse.lost_database("writer-1")
    assert not pulse.lost_database("writer-1"), "it is no news"
    assert pulse.found_database("writer-0") == 1.0
    assert pulse.database_away_since == trio.current_time()
    assert pulse.found_database("owner") is None
    assert pulse.found_database("writer-1") == 0.0
    assert pulse.database_away_since is None


async def test_acknowledgements_are_collected(autojump_clock: MockClock) -> None:
    """Messages that trickle in are acknowledged together, a burst at once; nothing is left at a graceful end."""
    world = World(sync={"window": 8, "ack_linger": 2.0})
    account = world.add(synchronised_at=1)
    async with world.running():
        await world.connected(account)
        session = world.session(account)
        world.provider.deliver(account, "m1")
        await trio.sleep(0.5)
        world.provider.deliver(account, "m2")
        await trio.sleep(1)
        assert session.acknowledged == []
        await until(lambda: session.frames == [2], within=1)
        world.provider.deliver(account, *(f"n{count}" for count in range(4)))
        await until(lambda: len(session.acknowledged) == 6, within=0.5)
        world.provider.deliver(account, "last")
        await trio.sleep(0.1)
    assert not world.provider.pending[account], "acknowledged on the way out"


async def test_usage_is_shown_in_the_tree_while_the_session_lives(autojump_clock: MockClock) -> None:
    """A session's processes are figures of its actor, and the pulse has them for metrics."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        world.session(account).tell(Usage(memory=300_000_000, cpu_seconds=12.5, processes=7))
        await trio.sleep(0.1)
        tree = world.tree_of(account)
        assert tree is not None
        shown = {child.id: child.figures for child in tree.snapshot().children}
        assert shown["session"] == {"memory": 300_000_000, "cpu_seconds": 12.5, "processes": 7}
        assert shown["actor"] is None
        assert world.runtime.pulse.usage[account][0] == "fake"
        world.session(account).end(DisconnectReason.BANNED)
        await world.becomes(account, S.BANNED)
        assert not world.runtime.pulse.usage


async def test_an_account_actor_that_is_killed_takes_its_session_along_and_both_come_back(
    autojump_clock: MockClock,
) -> None:
    """The state is taken up from the database, and the deliveries in hand come again."""
    world = World()
    account, other = world.add(), world.add()
    async with world.running():
        await world.connected(account, other)
        world.memory.latency = 2.0
        world.provider.deliver(account, "m1")
        await trio.sleep(0.5)
        ended: list[str] = []

        def note(event: Event) -> None:
            if isinstance(event, ChildEnded):
                ended.append(event.path)

        world.root.events.subscribe(note)
        world.account_actor(account).kill()
        await until(lambda: len(world.provider.opened(account)) == 2, within=30)
        world.memory.latency = 0.0
        await until(lambda: not world.provider.pending[account], within=30)
        await world.connected(account)
        assert world.memory.stored[account] == ["m1"]
        assert len(world.provider.opened(other)) == 1
        assert {path.removeprefix("root/accounts/") for path in ended} == {"1/actor", "1/session"}


async def test_an_account_actor_that_dies_while_the_database_is_away_waits_for_it(autojump_clock: MockClock) -> None:
    """An outage of any length is no crash of the account."""
    world = World(restart_budget=1)
    account = world.add()
    async with world.running():
        await world.connected(account)
        world.memory.away = True
        world.account_actor(account).kill()
        await trio.sleep(600)
        world.memory.away = False
        await until(lambda: len(world.provider.sessions) == 2)
        await world.connected(account)
        assert "failed" not in world.memory.steps(account)


async def test_an_account_supervisor_that_is_killed_takes_up_the_present_state(autojump_clock: MockClock) -> None:
    """Not that of the day on which it was first started: the login that it got since is used."""
    world = World()
    account = world.add(linked=False, desired=False)
    async with world.running():
        await world.connect(account)
        await world.becomes(account, S.QR_SCANNING)
        world.session(account).scan()
        await world.connected(account)
        tree = world.tree_of(account)
        assert tree is not None
        tree.ref.kill()
        await until(lambda: len(world.provider.sessions) == 2)
        await world.connected(account)
        assert world.session(account).login.secret == b"login-1-1"
