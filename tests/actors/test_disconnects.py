"""Why a session ends, and what its account does then."""

import itertools
from dataclasses import dataclass

import pytest
import trio
from trio.testing import MockClock

from tests.actors.fakes import FakeSession, ordinary, plan
from tests.actors.world import World, until
from wasup.actors.policy import Verdict, decide
from wasup.ports.accounts import AccountStatus
from wasup.ports.disconnects import RESPONSES, Disconnected, DisconnectReason

S, R = AccountStatus, DisconnectReason


@dataclass(frozen=True)
class Row:
    """What follows one reason, at its first time."""

    status: AccountStatus
    verdict: Verdict
    forgotten: bool = False


TABLE = {
    R.RESTART_REQUIRED: Row(S.RECONNECTING, Verdict.RESTART_NOW),
    R.QR_EXPIRED: Row(S.NEEDS_PAIRING, Verdict.STAY_DOWN),
    R.CONNECTION_LOST: Row(S.RECONNECTING, Verdict.BACK_OFF),
    R.BAD_SESSION: Row(S.RECONNECTING, Verdict.BACK_OFF),
    R.UNAVAILABLE: Row(S.RECONNECTING, Verdict.BACK_OFF),
    R.LOGGED_OUT: Row(S.NEEDS_PAIRING, Verdict.STAY_DOWN, forgotten=True),
    R.TEMPORARILY_BANNED: Row(S.SUSPENDED, Verdict.STAY_DOWN),
    R.LOCKED: Row(S.NEEDS_PAIRING, Verdict.STAY_DOWN),
    R.BANNED: Row(S.BANNED, Verdict.STAY_DOWN),
    R.PROXY_BLOCKED: Row(S.SUSPENDED, Verdict.STAY_DOWN),
    R.CLIENT_OUTDATED: Row(S.SUSPENDED, Verdict.STAY_DOWN),
    R.REPLACED: Row(S.SUSPENDED, Verdict.STAY_DOWN),
    R.DEAF: Row(S.RECONNECTING, Verdict.RESTART),
    R.HOST_CRASHED: Row(S.RECONNECTING, Verdict.RESTART),
    R.RECYCLED: Row(S.RECONNECTING, Verdict.RESTART_NOW),
    R.HOST_EXHAUSTED: Row(S.RECONNECTING, Verdict.BACK_OFF),
    R.STORAGE_FAILED: Row(S.RECONNECTING, Verdict.BACK_OFF),
    R.NO_HOST: Row(S.SUSPENDED, Verdict.STAY_DOWN),
    R.LOGIN_LOST: Row(S.NEEDS_PAIRING, Verdict.STAY_DOWN, forgotten=True),
    R.TIMED_OUT: Row(S.RECONNECTING, Verdict.BACK_OFF),
    R.PIPELINE_LOST: Row(S.RECONNECTING, Verdict.BACK_OFF),
    R.PROTOCOL_ERROR: Row(S.RECONNECTING, Verdict.BACK_OFF),
}


def test_the_table_is_complete() -> None:
    """Every reason has a response, and a row here."""
    assert set(TABLE) == set(RESPONSES) == set(DisconnectReason)


@pytest.mark.parametrize("reason", DisconnectReason)
def test_each_reason_leads_to_one_status_and_one_verdict(reason: DisconnectReason) -> None:
    """The first end for a reason is decided as the table has it."""
    row, decision = TABLE[reason], decide(reason, 1)
    assert (decision.status, decision.verdict, decision.forget_login) == (row.status, row.verdict, row.forgotten)


@pytest.mark.parametrize("reason", DisconnectReason)
async def test_an_account_does_what_the_table_says(reason: DisconnectReason, autojump_clock: MockClock) -> None:
    """A connected account whose session ends for a reason has the table's status, session and login afterwards."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        world.session(account).end(reason, "as the test says")
        step = await world.step(account, TABLE[reason].status)
        assert (step.reason, step.detail) == (reason, "as the test says")
        assert (account not in world.memory.logins) is TABLE[reason].forgotten
        if TABLE[reason].verdict is Verdict.STAY_DOWN:
            await trio.sleep(900)
            assert len(world.provider.sessions) == 1, "it must be left alone"
            assert world.row(account).status is TABLE[reason].status
        else:
            await world.connected(account)
            assert len(world.provider.sessions) == 2


async def test_a_required_restart_is_done_at_once_and_costs_nothing(autojump_clock: MockClock) -> None:
    """Far more restarts than the budget allows, each without a wait, when WhatsApp asks for them after ready."""
    world = World(restart_budget=2)
    account = world.add()
    async with world.running():
        for count in range(1, 11):
            await until(lambda count=count: len(world.provider.sessions) == count)  # type: ignore[misc]
            await world.connected(account)
            before = trio.current_time()
            world.session(account).end(R.RESTART_REQUIRED)
            await until(lambda count=count: len(world.provider.sessions) == count + 1)  # type: ignore[misc]
            assert trio.current_time() - before < 0.1


async def test_a_far_side_that_always_asks_for_a_restart_is_not_hammered(autojump_clock: MockClock) -> None:
    """After a few restarts in a row without getting ready there is a wait, and the account never fails."""
    world = World()
    account = world.add()
    world.provider.plans[account] = plan(R.RESTART_REQUIRED)
    async with world.running():
        await trio.sleep(600)
        assert 5 <= len(world.provider.sessions) < 30
        assert S.FAILED not in world.memory.steps(account)


async def test_a_lost_network_is_waited_out_however_long_it_takes(autojump_clock: MockClock) -> None:
    """Six hours without network: waits grow to a minute, nothing fails, and the account is back soon after."""
    world = World()
    account = world.add()
    world.provider.plans[account] = plan(Disconnected(R.CONNECTION_LOST, "no network"))
    async with world.running():
        await trio.sleep(6 * 3600)
        opened = [session.opened_at for session in world.provider.sessions]
        gaps = [later - earlier for earlier, later in itertools.pairwise(opened)]
        assert 1.0 <= gaps[0] <= 1.3
        assert all(60.0 <= gap <= 72.1 for gap in gaps[8:])
        assert "failed" not in world.memory.steps(account)
        del world.provider.plans[account]
        await world.becomes(account, S.CONNECTED, within=75)


async def test_the_wait_starts_small_again_after_a_healthy_hour(autojump_clock: MockClock) -> None:
    """A connection that held is not punished for what went wrong before it."""
    world = World()
    account = world.add()
    world.provider.plans[account] = plan(*[Disconnected(R.CONNECTION_LOST)] * 6, ordinary)
    async with world.running():
        await world.becomes(account, S.CONNECTED, within=120)
        await trio.sleep(3600)
        lost_at = trio.current_time()
        world.session(account).end(R.CONNECTION_LOST)
        await world.becomes(account, S.RECONNECTING)
        await world.connected(account)
        assert trio.current_time() - lost_at < 1.5


@pytest.mark.parametrize("reason", [R.BAD_SESSION, R.PROTOCOL_ERROR])
async def test_a_damaged_session_is_tried_three_times_and_then_paired_anew(
    reason: DisconnectReason, autojump_clock: MockClock
) -> None:
    """After the third end in a row a new pairing is needed, and asking for one offers a QR code, not the old login."""
    world = World()
    account = world.add()
    world.provider.plans[account] = plan(reason, reason, reason, ordinary)
    async with world.running():
        await world.becomes(account, S.NEEDS_PAIRING, within=30)
        await trio.sleep(600)
        assert len(world.provider.sessions) == 3
        await world.connect(account)
        await world.becomes(account, S.QR_SCANNING)
        assert world.session(account).login.secret is None
        assert account not in world.memory.logins


async def test_a_locked_phone_leads_to_a_new_qr_code_on_request(autojump_clock: MockClock) -> None:
    """403: the account stops, and whoever connects it gets a QR code."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        world.session(account).end(R.LOCKED)
        await world.becomes(account, S.NEEDS_PAIRING)
        await world.connect(account)
        await world.becomes(account, S.QR_SCANNING)


async def test_getting_ready_starts_the_count_of_bad_ends_anew(autojump_clock: MockClock) -> None:
    """Bad sessions with a good one in between never add up."""
    world = World()
    account = world.add()
    async with world.running():
        for _ in range(6):
            await world.connected(account)
            world.session(account).end(R.BAD_SESSION)
            await world.becomes(account, S.RECONNECTING)
            await world.becomes(account, S.CONNECTED, within=75)


async def test_connecting_by_hand_starts_the_count_of_bad_ends_anew(autojump_clock: MockClock) -> None:
    """Two bad ends, then somebody connects: there are three tries again."""
    world = World()
    account = world.add()
    world.provider.plans[account] = plan(R.BAD_SESSION)
    async with world.running():
        await until(lambda: len(world.provider.sessions) == 2)
        await world.becomes(account, S.RECONNECTING)
        await world.connect(account)
        await world.becomes(account, S.NEEDS_PAIRING, within=60)
        assert len(world.provider.sessions) == 5


async def test_a_temporary_ban_ends_by_itself(autojump_clock: MockClock) -> None:
    """The account stays suspended until the moment that WhatsApp named, and is back soon after it."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        until_ms = world.clock.now_ms() + 3_600_000
        world.session(account).end(R.TEMPORARILY_BANNED, until=until_ms / 1000)
        row = await world.becomes(account, S.SUSPENDED)
        assert row.suspended_until == until_ms
        await trio.sleep(3590)
        assert len(world.provider.sessions) == 1
        await world.becomes(account, S.CONNECTED, within=15)


async def test_a_temporary_ban_outlives_a_restart_of_wasup(autojump_clock: MockClock) -> None:
    """At the next boot the rest of the ban is waited for."""
    world = World()
    account = world.add(status=S.SUSPENDED, suspended_until=World().clock.now_ms() + 600_000)
    async with world.running():
        await trio.sleep(590)
        assert world.provider.sessions == []
        await world.becomes(account, S.CONNECTED, within=15)
        assert len(world.provider.sessions) == 1


async def test_an_old_ban_does_not_end_a_newer_one(autojump_clock: MockClock) -> None:
    """The end of a first suspension says nothing about a second that lasts longer."""
    world = World()
    account = world.add()
    async with world.running():
        for minutes in (10, 60):
            await world.connect(account)
            await world.connected(account)
            world.session(account).end(R.TEMPORARILY_BANNED, until=world.clock.now_ms() / 1000 + minutes * 60)
            await world.becomes(account, S.SUSPENDED)
        await trio.sleep(30 * 60)
        assert world.is_stored(account, S.SUSPENDED)
        assert len(world.provider.sessions) == 2
        await trio.sleep(29 * 60)
        await world.becomes(account, S.CONNECTED, within=61)


# ---- crashes ---------------------------------------------------------------------------------


async def test_a_session_that_crashes_at_every_start_fails_alone(autojump_clock: MockClock) -> None:
    """After its budget the account is FAILED with the reason in its row; its neighbour has not noticed a thing."""
    world = World(restart_budget=5)
    bad, good = world.add(), world.add()
    world.provider.plans[bad] = plan(ValueError("no such thing"))
    async with world.running():
        await world.connected(good)
        row = await world.becomes(bad, S.FAILED, within=120)
        assert row.status_reason == "budget_spent"
        assert "no such thing" in (row.status_detail or "")
        assert len(world.provider.opened(bad)) == 6
        await trio.sleep(3600)
        assert len(world.provider.opened(bad)) == 6, "it stays down"
        assert world.is_stored(bad, S.FAILED)
        assert world.memory.steps(good) == ["starting", "connected"]
        assert len(world.provider.opened(good)) == 1


async def test_connecting_a_failed_account_gives_it_a_fresh_chance(autojump_clock: MockClock) -> None:
    """Somebody mended the cause and connects again."""
    world = World()
    account = world.add()
    world.provider.plans[account] = plan(*[ValueError("broken")] * 6, ordinary)
    async with world.running():
        await world.becomes(account, S.FAILED, within=120)
        await world.connect(account)
        await world.connected(account)


async def test_a_failed_account_that_is_connected_again_and_still_broken_fails_again(
    autojump_clock: MockClock,
) -> None:
    """The new attempt has a budget: it does not crash for ever, nor is it given up at the first crash."""
    world = World(restart_budget=3, restart_period=60.0)
    account = world.add()
    world.provider.plans[account] = plan(ValueError("broken"))
    async with world.running():
        await world.becomes(account, S.FAILED, within=120)
        before = len(world.provider.sessions)
        await world.connect(account)
        await until(lambda: len(world.provider.sessions) == before + 4, within=60)
        await world.becomes(account, S.FAILED)
        await trio.sleep(600)
        assert len(world.provider.sessions) == before + 4


async def test_a_crash_right_after_ready_is_a_crash_of_the_session_alone(autojump_clock: MockClock) -> None:
    """What a dead session said last does not confuse its account."""
    world = World()
    account = world.add()

    async def ready_and_crash(session: FakeSession) -> None:
        await ordinary(session)

        async def crash(_id: str) -> None:
            raise RuntimeError("boom")

        session.acknowledge = crash  # type: ignore[method-assign, assignment]
        world.provider.deliver(account, "m1")
        session.become_ready()

    world.provider.plans[account] = plan(ready_and_crash, ordinary)
    async with world.running():
        actor = None
        await world.connected(account)
        actor = world.account_actor(account)
        await until(lambda: len(world.provider.sessions) == 2)
        await world.connected(account)
        assert world.account_actor(account) is actor
        assert world.memory.stored[account] == ["m1"]
