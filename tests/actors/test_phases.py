"""Every transitional phase has a deadline, and a connection that only looks alive is found out."""

import pytest
import trio
from trio.testing import MockClock

from tests.actors.fakes import FakeSession, me_of, ordinary, plan
from tests.actors.memory import Memory
from tests.actors.world import World, until
from wasup.actors.messages import Disconnect
from wasup.ports.accounts import TRANSITIONAL, AccountStatus
from wasup.ports.disconnects import DisconnectReason
from wasup.ports.session import Delivery, Ready, SyncProgress, Typing, Usage

S = AccountStatus


async def hang(session: FakeSession) -> None:
    """Never come up."""
    await trio.sleep_forever()


async def say_nothing(session: FakeSession) -> None:
    """Come up, and never say a word."""


@pytest.mark.parametrize("stuck", [hang, say_nothing])
async def test_an_opening_that_goes_nowhere_is_ended_and_tried_again(stuck: object, autojump_clock: MockClock) -> None:
    """After `connect_timeout` the account is reconnecting with TIMED_OUT, and the next try may succeed."""
    world = World(connect_timeout=45.0)
    account = world.add()
    world.provider.plans[account] = plan(stuck, ordinary)
    async with world.running():
        await world.becomes(account, S.STARTING)
        row = await world.becomes(account, S.RECONNECTING, within=46)
        assert row.status_reason == "timed_out"
        assert 44 < trio.current_time() < 47
        await world.connected(account)


async def test_qr_codes_that_never_end_are_ended(autojump_clock: MockClock) -> None:
    """A provider that offers codes for ever is cut off, however often it offers one."""
    world = World()
    account = world.add(linked=False)

    async def for_ever(session: FakeSession) -> None:
        session.offer_qr(1)
        session.offer_qr(2)

    world.provider.plans[account] = plan(for_ever)
    async with world.running():
        await world.becomes(account, S.QR_SCANNING)
        session = world.session(account)

        async def go_on() -> None:
            for attempt in range(3, 100):
                await trio.sleep(20)
                if not session.open:
                    return
                session.offer_qr(attempt)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(go_on)
            row = await world.becomes(account, S.RECONNECTING, within=310)
        assert row.status_reason == "timed_out"
        assert row.qr_code is None


async def test_a_pairing_that_never_gets_ready_is_ended(autojump_clock: MockClock) -> None:
    """Authenticated is a phase with a deadline, too; the login that it gave is kept for the next try."""
    world = World(sync_timeout=120.0)
    account = world.add(linked=False)
    async with world.running():
        await world.becomes(account, S.QR_SCANNING)
        world.session(account).scan(ready=False)
        await world.becomes(account, S.AUTHENTICATED)
        row = await world.becomes(account, S.RECONNECTING, within=121)
        assert row.status_reason == "timed_out"
        await world.connected(account)
        assert world.session(account).login.secret is not None


async def test_progress_earns_more_time_and_standing_still_does_not(autojump_clock: MockClock) -> None:
    """A long first synchronisation is not cut off while it moves on; the same number again and again is no progress."""
    world = World(sync_timeout=100.0)
    account = world.add(linked=False)
    async with world.running():
        await world.becomes(account, S.QR_SCANNING)
        session = world.session(account)
        session.scan(ready=False)
        for done in range(1, 6):
            await trio.sleep(90)
            session.tell(SyncProgress(done=done, total=10))
        await trio.sleep(90)
        assert world.is_stored(account, S.AUTHENTICATED)
        for _ in range(5):
            session.tell(SyncProgress(done=5, total=10))
            await trio.sleep(5)
        assert not session.open


async def test_a_ready_session_has_no_deadline_whatever_it_tells(autojump_clock: MockClock) -> None:
    """Late progress, a second ready and typing leave a connected account alone."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        session = world.session(account)
        session.tell(
            SyncProgress(done=1, total=2),
            Ready(me=me_of(account)),
            Typing(chat="5511777776666@c.us", participant=None, active=True),
        )
        await trio.sleep(7200)
        assert world.session(account) is session
        assert world.memory.steps(account) == ["starting", "connected"]


async def test_ready_without_a_login_is_a_protocol_error(autojump_clock: MockClock) -> None:
    """A far side that skips the pairing ends its session, not the account's actor."""
    world = World()
    account = world.add(linked=False)
    async with world.running():
        await world.becomes(account, S.QR_SCANNING)
        actor = world.account_actor(account)
        world.session(account).tell(Ready(me=me_of(account)))
        step = await world.step(account, S.RECONNECTING)
        assert step.reason is DisconnectReason.PROTOCOL_ERROR
        assert world.account_actor(account) is actor


async def test_a_deaf_session_is_found_by_the_probe(autojump_clock: MockClock) -> None:
    """A silent session is asked; without an answer it is DEAF, and replaced."""
    world = World(probe_interval=60.0, probe_timeout=20.0)
    account = world.add()
    async with world.running():
        await world.connected(account)
        session = world.session(account)
        session.answers_probes = False
        row = await world.becomes(account, S.RECONNECTING, within=81)
        assert row.status_reason == "deaf"
        assert 79 < trio.current_time() < 82
        await world.connected(account)
        assert not session.open


async def test_figures_of_our_own_are_no_sign_of_life(autojump_clock: MockClock) -> None:
    """What its processes use is told on our side, and keeps no deaf session alive."""
    world = World(probe_interval=60.0, probe_timeout=20.0)
    account = world.add()
    async with world.running():
        await world.connected(account)
        session = world.session(account)
        session.answers_probes = False
        begun = trio.current_time()
        async with trio.open_nursery() as nursery:

            async def measure() -> None:
                while True:
                    session.tell(Usage(memory=1, cpu_seconds=0.0, processes=1))
                    await trio.sleep(30)

            nursery.start_soon(measure)
            row = await world.becomes(account, S.RECONNECTING, within=81)
            nursery.cancel_scope.cancel()
        assert row.status_reason == "deaf"
        assert trio.current_time() - begun < 82


async def test_a_silent_session_that_answers_is_left_alone(autojump_clock: MockClock) -> None:
    """Nobody has to write to an account to keep it connected."""
    world = World(probe_interval=60.0)
    account = world.add()
    async with world.running():
        await world.connected(account)
        await trio.sleep(3600)
        assert 55 < world.session(account).probes <= 60
        assert len(world.provider.sessions) == 1


async def test_a_session_that_does_not_take_acknowledgements_is_deaf(autojump_clock: MockClock) -> None:
    """Otherwise what is committed would be handed over again for ever."""
    world = World(send_timeout=30.0)
    account = world.add()
    async with world.running():
        await world.connected(account)
        session = world.session(account)

        async def never(_tokens: object) -> None:
            await trio.sleep_forever()

        session.acknowledge = never  # type: ignore[method-assign, assignment]
        world.provider.deliver(account, "m1")
        row = await world.becomes(account, S.RECONNECTING, within=31)
        assert row.status_reason == "deaf"
        await world.connected(account)
        await until(lambda: not world.provider.pending[account])
        assert world.memory.stored[account] == ["m1"]


async def test_a_session_that_resists_its_end_does_not_take_its_account_along(autojump_clock: MockClock) -> None:
    """Disconnecting has a deadline; the account ends disconnected, and connects again when the old session is gone."""
    world = World()
    account = world.add()

    async def resist(session: FakeSession) -> None:
        await ordinary(session)

        async def hold_on(_tokens: object) -> None:
            with trio.CancelScope(shield=True):
                await trio.sleep(20)

        session.acknowledge = hold_on  # type: ignore[method-assign, assignment]
        session.tell(Delivery(token=99, items=()))

    world.provider.plans[account] = plan(resist, ordinary)
    async with world.running():
        await world.connected(account)
        await until(lambda: any(world.memory.commits))
        await trio.sleep(0.5)
        actor = world.account_actor(account)
        answer = await world.ask(account, Disconnect())
        assert getattr(answer, "status", None) is S.DISCONNECTED
        assert trio.current_time() < 10
        assert not actor.alive or world.account_actor(account) is actor
        await world.connect(account)
        await world.becomes(account, S.CONNECTED, within=30)
        assert len(world.provider.sessions) == 2


@pytest.mark.parametrize("status", sorted(TRANSITIONAL))
async def test_no_status_is_for_ever_when_the_account_actor_dies_in_it(
    status: AccountStatus, autojump_clock: MockClock
) -> None:
    """A new life of the actor takes up, or brings to an end, what the old one had begun."""
    world = World()
    account = world.add(linked=status is not S.STARTING and status is not S.QR_SCANNING)
    slow = {S.STARTING: hang, S.QR_SCANNING: ordinary}.get(status, say_nothing)
    world.provider.plans[account] = plan(slow, ordinary)
    async with world.running():
        await until(lambda: len(world.provider.sessions) == 1)
        world.memory.change(account, status=status)
        if status is S.DISCONNECTING:
            await world.memory.accounts.set_desired(account, world.row(account).desired.DISCONNECTED)
        world.account_actor(account).kill()
        await trio.sleep(1)
        expected = {S.STARTING: S.QR_SCANNING, S.QR_SCANNING: S.QR_SCANNING, S.DISCONNECTING: S.DISCONNECTED}
        await world.becomes(account, expected.get(status, S.CONNECTED), within=60)


async def test_a_disconnect_in_the_middle_of_a_login_beats_the_ready_that_comes_after_it(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ready and disconnect at the same moment: the account ends disconnected and its actor lives."""
    world = World()
    account = world.add()
    world.provider.plans[account] = plan(say_nothing)
    async with world.running():
        await until(lambda: len(world.provider.sessions) == 1)
        actor = world.account_actor(account)

        async def slowly(memory: Memory) -> None:
            await trio.sleep(0.5)

        monkeypatch.setattr(Memory, "reach", slowly)  # the actor is busy while the session goes on
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.ask, account, Disconnect())
            await trio.sleep(0.1)
            world.session(account).become_ready()
        await world.becomes(account, S.DISCONNECTED)
        assert actor.alive
