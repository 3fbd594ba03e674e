"""What should run, runs; what should not, ends; what has failed is left alone until somebody asks."""

from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from tests.actors.fakes import FakeProvider, FakeSession, ordinary, plan
from tests.actors.memory import Owners
from tests.actors.world import World, until
from wasup.actors.account import AccountActor, SessionGaveUp
from wasup.actors.messages import AccountState, Disconnect, GetState
from wasup.actors.names import RECONCILER, delivery_name, writer_name
from wasup.ports.accounts import AccountStatus, Desired, Fence
from wasup.ports.store import DatabaseUnavailable
from wasup.supervisor import ActorRef, MailboxFull

S = AccountStatus


# ---- boot ------------------------------------------------------------------------------------


async def test_at_boot_what_should_run_runs_again_most_recently_active_first(autojump_clock: MockClock) -> None:
    """Whatever status was left behind, and in the order of their last activity."""
    world = World(connect_concurrency=1)
    stale = [S.CONNECTED, S.STARTING, S.RECONNECTING, S.AUTHENTICATED, S.FAILED, S.DISCONNECTING, S.DISCONNECTED]
    accounts = [world.add(status=status, last_activity_at=1000 + place) for place, status in enumerate(stale)]
    async with world.running():
        await world.connected(*accounts)
        assert [session.account_id for session in world.provider.sessions] == accounts[::-1]


@pytest.mark.parametrize("status", [S.NEEDS_PAIRING, S.BANNED, S.SUSPENDED])
async def test_at_boot_what_rests_is_not_woken(status: AccountStatus, autojump_clock: MockClock) -> None:
    """A banned account is never hammered, a logged-out one not paired by itself; their state can be asked for."""
    world = World()
    account = world.add(status=status)
    async with world.running():
        await trio.sleep(3600)
        assert world.provider.sessions == []
        state = await world.ask(account, GetState())
        assert isinstance(state, AccountState)
        assert state.status is status
        assert world.memory.steps(account) == []


@pytest.mark.parametrize("status", [S.CONNECTED, S.STARTING, S.QR_SCANNING, S.DISCONNECTING, S.RECONNECTING])
async def test_at_boot_a_stale_status_of_an_account_at_rest_is_corrected(
    status: AccountStatus, autojump_clock: MockClock
) -> None:
    """Wasup was killed in the middle of a disconnect: the row does not say `connected` for ever."""
    world = World()
    account = world.add(status=status, desired=False)
    async with world.running():
        await world.becomes(account, S.DISCONNECTED)
        assert world.provider.sessions == []
        assert world.tree_of(account) is None


async def test_opening_is_bounded_and_everything_gets_its_turn(autojump_clock: MockClock) -> None:
    """Never more than `connect_concurrency` sessions are being opened at once, also when some of them hang."""
    world = World(connect_concurrency=3, connect_timeout=30.0)
    opening = most = 0

    async def slow(session: FakeSession) -> None:
        nonlocal opening, most
        opening += 1
        most = max(most, opening)
        try:
            await trio.sleep(1 if session.account_id > 3 else 1000)
        finally:
            opening -= 1
        await ordinary(session)

    accounts = [world.add(last_activity_at=100 - place) for place in range(30)]
    for account in accounts:
        world.provider.plans[account] = plan(slow)
    async with world.running():
        await until(lambda: all(world.is_stored(id_, S.CONNECTED) for id_ in accounts[3:]), within=120)
        assert most == 3
        assert all(world.memory.steps(account)[-1] in {"starting", "reconnecting"} for account in accounts[:3])


async def test_what_takes_much_to_open_waits_for_its_turn_before_its_time_begins(autojump_clock: MockClock) -> None:
    """A provider tells how many sessions it opens at once: none is too late because it had to wait for others."""
    provider = FakeProvider()
    provider.capabilities = msgspec.structs.replace(provider.capabilities, opens_at_once=2)
    world = World(provider=provider, connect_timeout=30.0)
    opening = most = 0

    async def slow(session: FakeSession) -> None:
        nonlocal opening, most
        opening += 1
        most = max(most, opening)
        await trio.sleep(29)
        opening -= 1
        await ordinary(session)

    accounts = [world.add() for _ in range(6)]
    for account in accounts:
        provider.plans[account] = slow
    async with world.running():
        await until(lambda: all(world.is_stored(account, S.CONNECTED) for account in accounts), within=100)
    assert most == 2
    assert len(provider.sessions) == len(accounts)


async def test_an_instance_that_is_full_says_of_the_rest_that_they_wait(autojump_clock: MockClock) -> None:
    """Those most recently active run; the others are disconnected, and start when there is room."""
    world = World(max_sessions_per_instance=2)
    accounts = [world.add(status=S.CONNECTED, last_activity_at=100 - place) for place in range(3)]
    async with world.running():
        row = await world.becomes(accounts[2], S.DISCONNECTED)
        assert "room" in (row.status_detail or "")
        await world.connected(*accounts[:2])
        await world.ask(accounts[0], Disconnect())
        await world.becomes(accounts[2], S.CONNECTED, within=20)


# ---- what is wanted no more ------------------------------------------------------------------


async def test_a_deleted_account_ends(autojump_clock: MockClock) -> None:
    """Its session is closed and its tree is gone soon after the row says deleted."""
    world = World(reconcile_interval=5.0)
    account, other = world.add(), world.add()
    async with world.running():
        await world.connected(account, other)
        session = world.session(account)
        await world.memory.accounts.delete_account(account)
        await until(lambda: world.tree_of(account) is None)
        assert not session.open
        assert world.session(other).open


async def test_an_account_that_is_wanted_no_more_ends(autojump_clock: MockClock) -> None:
    """Somebody changed the row: the account is disconnected, and its room is free."""
    world = World(max_sessions_per_instance=1)
    account = world.add()
    async with world.running():
        await world.connected(account)
        await world.memory.accounts.set_desired(account, Desired.DISCONNECTED)
        await until(lambda: world.tree_of(account) is None)
        assert world.is_stored(account, S.DISCONNECTED)
        assert world.provider.live(account) is None


async def test_an_account_that_is_wanted_from_now_on_starts(autojump_clock: MockClock) -> None:
    """Somebody changed the row the other way."""
    world = World()
    account = world.add(desired=False)
    async with world.running():
        await trio.sleep(20)
        await world.memory.accounts.set_desired(account, Desired.CONNECTED)
        await world.connected(account)


async def test_one_that_hangs_at_its_end_delays_no_other_end(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten accounts that do not answer are not waited for one after the other."""
    world = World()
    stuck, fine = [world.add() for _ in range(10)], world.add()
    async with world.running():
        await world.connected(*stuck, fine)

        async def never(self: AccountActor, *, logout: bool) -> None:
            await trio.sleep_forever()

        monkeypatch.setattr(AccountActor, "_disconnect", never)
        for account in stuck:
            await world.memory.accounts.set_desired(account, Desired.DISCONNECTED)
        await trio.sleep(5)
        new = world.add()
        await world.becomes(new, S.CONNECTED, within=30)


# ---- what fails ------------------------------------------------------------------------------


async def test_an_account_actor_that_crashes_at_every_start_fails_alone(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row says so and why; sweeps and a new reconciler leave it alone; a request tries again."""
    world = World()
    bad, good = world.add(), world.add()
    starts: list[int] = []
    start = AccountActor.on_start

    async def crash(self: AccountActor) -> None:
        if self._info.id == bad:
            starts.append(bad)
            raise ValueError("cannot be")
        await start(self)

    monkeypatch.setattr(AccountActor, "on_start", crash)
    async with world.running():
        await world.connected(good)
        row = await world.becomes(bad, S.FAILED)
        assert row.status_reason == "budget_spent"
        assert "cannot be" in (row.status_detail or "")
        await trio.sleep(60)
        world.actor(RECONCILER).kill()
        await trio.sleep(600)
        assert starts == [bad]
        assert world.memory.steps(good) == ["starting", "connected"]
        assert isinstance(await world.ask(bad, GetState()), AccountState)
        monkeypatch.undo()
        await world.connect(bad)
        await world.connected(bad)


async def test_an_account_that_cannot_start_can_be_disconnected(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has a broken account need not have it tried for ever at every boot."""
    world = World()
    account = world.add()

    async def crash(self: AccountActor) -> None:
        raise ValueError("cannot be")

    monkeypatch.setattr(AccountActor, "on_start", crash)
    async with world.running():
        await world.becomes(account, S.FAILED)
        answer = await world.ask(account, Disconnect())
        assert isinstance(answer, AccountState)
        await world.becomes(account, S.DISCONNECTED)
        assert world.row(account).desired is Desired.DISCONNECTED


async def test_an_account_actor_that_crashes_again_and_again_is_given_up(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash after each start: the tree spends its budget, the row says FAILED, and nothing of it is left running."""
    world = World()
    bad, good = world.add(), world.add()
    start = AccountActor.on_start

    async def crash_later(self: AccountActor) -> None:
        await start(self)

        async def crash() -> None:
            await trio.sleep(0.5)
            raise ValueError("later")

        if self._info.id == bad:
            self.nursery.start_soon(crash)

    monkeypatch.setattr(AccountActor, "on_start", crash_later)
    async with world.running():
        row = await world.becomes(bad, S.FAILED, within=120)
        assert "later" in (row.status_detail or "")
        count = len(world.provider.opened(bad))
        await trio.sleep(600)
        assert len(world.provider.opened(bad)) == count
        assert world.provider.live(bad) is None
        assert world.tree_of(bad) is None
        assert world.is_stored(bad, S.FAILED)
        assert world.memory.steps(good) == ["starting", "connected"]


async def test_giving_up_is_written_down_even_if_the_database_is_away_just_then(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reconciler survives, and the row says FAILED as soon as it can."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        reconciler = world.actor(RECONCILER)

        async def crash(self: AccountActor) -> None:
            world.memory.away = True
            raise ValueError("cannot be")

        monkeypatch.setattr(AccountActor, "on_start", crash)
        world.account_actor(account).kill()
        await trio.sleep(120)
        assert world.row(account).status is not S.FAILED
        world.memory.away = False
        await world.becomes(account, S.FAILED)
        assert reconciler.alive


async def test_a_session_that_gives_up_while_nobody_listens_is_found_by_the_next_reconciler(
    autojump_clock: MockClock,
) -> None:
    """The account is not left reconnecting for ever because the reconciler was down at that moment."""
    world = World(restart_budget=1)
    account = world.add()
    world.provider.plans[account] = plan(ordinary, ordinary)
    async with world.running():
        await world.connected(account)
        world.session(account).tell("nonsense")  # type: ignore[arg-type]
        await until(lambda: len(world.provider.sessions) == 2)
        await world.connected(account)
        world.actor(RECONCILER).kill()
        await until(lambda: world.registry.whereis(RECONCILER) is None)
        world.session(account).tell("nonsense")  # type: ignore[arg-type]
        await world.step(account, S.RECONNECTING)
        await world.becomes(account, S.FAILED, within=10)


@pytest.mark.parametrize("name", [RECONCILER, writer_name(0)])
async def test_a_killed_part_of_the_tree_comes_back_and_accounts_go_on(name: str, autojump_clock: MockClock) -> None:
    """Killed ten times within a quarter of an hour: everything still works, under one root."""
    world = World()
    accounts = [world.add() for _ in range(3)]
    async with world.running():
        for _ in range(10):
            await until(lambda: world.registry.whereis(name))
            world.actor(name).kill()
            await trio.sleep(90)
        for account in accounts:
            await world.becomes(account, S.CONNECTED, within=75)
        new = world.add()
        await world.connected(new)
        assert world.root.alive


async def test_a_session_that_starts_while_the_writer_is_restarted_waits_for_it(autojump_clock: MockClock) -> None:
    """An account that is connected in that tenth of a second does not fail for it."""
    world = World()
    account = world.add(desired=False)
    async with world.running():
        world.actor(writer_name(0)).kill()
        await until(lambda: world.registry.whereis(writer_name(0)) is None)
        await world.connect(account)
        await world.connected(account)
        assert "failed" not in world.memory.steps(account)


async def test_the_ground_going_away_restarts_what_stands_on_it(autojump_clock: MockClock) -> None:
    """A new incarnation owns the accounts, which come back with what was not acknowledged."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        world.memory.latency = 1.0
        world.provider.deliver(account, "m1")
        ground = next(child for child in await world.root.which_children() if child.id == "ground")
        assert ground.ref is not None
        ground.ref.kill()
        await until(lambda: world.memory.incarnation == 2)
        world.memory.latency = 0.0
        await until(lambda: not world.provider.pending[account])
        await world.connected(account)
        assert world.memory.stored[account] == ["m1"]
        assert world.memory.owners[account].incarnation == 2


# ---- fences ----------------------------------------------------------------------------------


async def test_a_lost_fence_stops_the_account_session_and_all(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another instance owns it: nothing of it is written, its session is closed, and it is not claimed back."""
    world = World()
    account, other = world.add(), world.add()
    async with world.running():
        await world.connected(account, other)
        session = world.session(account)

        async def not_ours(self: Owners, account_ids: list[int]) -> dict[int, Fence]:
            return {}

        monkeypatch.setattr(Owners, "claim", not_ours)
        world.memory.owners[account] = Fence(account_id=account, incarnation=99, epoch=99)
        history = list(world.memory.history)
        world.provider.deliver(account, "m1")
        await until(lambda: not session.open)
        await until(lambda: world.tree_of(account) is None)
        await trio.sleep(60)
        assert session.acknowledged == []
        assert world.memory.stored[account] == []
        assert [step for step in world.memory.history if step not in history] == []
        assert world.memory.owners[account].incarnation == 99
        assert len(world.provider.opened(account)) == 1
        assert world.session(other).open


async def test_a_fence_that_was_lost_only_for_a_moment_is_claimed_again(autojump_clock: MockClock) -> None:
    """While this instance owns the database, the reconciler brings the account back under a new fence."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        world.memory.owners[account] = msgspec.structs.replace(world.memory.owners[account], epoch=10**9)
        world.provider.deliver(account, "m1")
        await until(lambda: len(world.provider.sessions) == 2, within=15)
        await world.connected(account)
        await until(lambda: world.memory.stored[account] == ["m1"])


async def test_an_account_that_could_not_be_told_is_told_by_the_next_sweep(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mailbox is full when its session gives up: the reconciler lives, and the account says so a little later."""
    world = World(restart_budget=0)
    account = world.add()
    world.provider.plans[account] = plan(ValueError("no such thing"))
    real = ActorRef.tell_nowait
    refused: list[object] = []

    def full(self: ActorRef[Any], message: object) -> None:
        if isinstance(message, SessionGaveUp) and not refused:
            refused.append(message)
            raise MailboxFull(self, 1)
        real(self, message)

    monkeypatch.setattr(ActorRef, "tell_nowait", full)
    async with world.running():
        reconciler = world.actor(RECONCILER)
        await world.becomes(account, S.FAILED)
        assert len(refused) == 1
        assert world.actor(RECONCILER) is reconciler


# ---- webhook endpoints -----------------------------------------------------------------------


async def test_a_backlog_does_not_wait_for_accounts_to_start(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At boot deliveries begin, however long it takes to own and start the accounts."""
    world = World()
    account = world.add()
    await world.memory.outbox.save_endpoint(1, url="https://one.example")
    real = Owners.claim

    async def slow(self: Owners, account_ids: list[int]) -> dict[int, Fence]:
        await trio.sleep(60)
        return await real(self, account_ids)

    monkeypatch.setattr(Owners, "claim", slow)
    async with world.running():
        world.memory.outbox.add(1, account, 1)
        await until(lambda: world.poster.delivered, within=5)
        assert world.provider.sessions == []


async def test_endpoints_are_noticed_when_they_come_change_and_go(autojump_clock: MockClock) -> None:
    """One delivery actor for each enabled endpoint, a new one after a change, none after it is disabled."""
    world = World()
    async with world.running():
        outbox, name = world.memory.outbox, delivery_name(1)
        await trio.sleep(1)
        assert world.registry.whereis(name) is None
        await outbox.save_endpoint(1, url="https://one.example")
        await until(lambda: world.registry.whereis(name))
        first = world.actor(name)
        await trio.sleep(20)
        assert world.actor(name) is first
        await outbox.save_endpoint(1, url="https://two.example")
        await until(lambda: not first.alive)
        await until(lambda: world.registry.whereis(name))
        await outbox.disable_endpoint(1, "a test")
        await until(lambda: world.registry.whereis(name) is None)


async def test_an_endpoint_without_a_database_is_no_crash(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes between reading the endpoints and starting one: reconciler and accounts go on."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        reconciler = world.actor(RECONCILER)
        kind = type(world.memory.outbox)

        async def away(self: object, *, endpoint_id: int | None = None, incarnation: int | None = None) -> int:
            raise DatabaseUnavailable("gone")

        monkeypatch.setattr(kind, "release_claims", away)
        await world.memory.outbox.save_endpoint(1, url="https://one.example")
        await trio.sleep(60)
        assert reconciler.alive
        monkeypatch.undo()
        world.memory.outbox.add(1, account, 1)
        await until(lambda: world.poster.delivered)
