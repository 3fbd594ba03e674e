"""What people ask of an account, and what they are answered."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.actors.fakes import FakeSession, ordinary, plan
from tests.actors.memory import AccountRows
from tests.actors.world import World, until
from wasup.actors.messages import (
    AccountState,
    Connect,
    Disconnect,
    GetQr,
    GetState,
    Logout,
    PairingCode,
    Qr,
    Refusal,
    Refused,
    RequestPairingCode,
    SendMessage,
)
from wasup.actors.names import RECONCILER
from wasup.actors.reconciler import StartAccount, Sweep
from wasup.ports.accounts import AccountStatus, Desired
from wasup.ports.disconnects import DisconnectReason
from wasup.ports.messages import Text
from wasup.ports.session import NotSupported, PairingRefused
from wasup.supervisor import Request

S = AccountStatus
CHAT = "5511777776666@c.us"
ALL: list[Request[Any]] = [
    GetState(),
    Connect(),
    Disconnect(),
    Logout(),
    GetQr(),
    RequestPairingCode(phone="5511999998888"),
    SendMessage(chat=CHAT, content=Text(body="x")),
]


def refused(answer: object) -> Refusal:
    """Why it was refused."""
    assert isinstance(answer, Refused), answer
    return answer.refusal


# ---- connect ---------------------------------------------------------------------------------


async def test_an_account_pairs_by_qr_code_and_is_connected(autojump_clock: MockClock) -> None:
    """Connect offers a code, a scan stores the login, and the code is gone from the row afterwards."""
    world = World()
    account = world.add(linked=False, desired=False)
    async with world.running():
        answer = await world.connect(account)
        assert answer.desired is Desired.CONNECTED
        row = await world.becomes(account, S.QR_SCANNING)
        await until(lambda: world.row(account).qr_code)
        qr = await world.ask(account, GetQr())
        assert isinstance(qr, Qr)
        assert qr.code == world.row(account).qr_code == "2@1-1"
        assert qr.expires_at == world.row(account).qr_expires_at
        world.session(account).offer_qr(2)
        await until(lambda: world.row(account).qr_code == "2@1-2")
        world.session(account).scan()
        await world.connected(account)
        row = world.row(account)
        assert row.qr_code is None
        assert row.phone_number == "+5511900000001"
        assert world.memory.logins[account] == b"login-1-1"
        assert world.memory.steps(account) == ["starting", "qr_scanning", "authenticated", "connected"]
        assert refused(await world.ask(account, GetQr())) is Refusal.WRONG_STATE


async def test_a_restored_login_needs_no_qr_code(autojump_clock: MockClock) -> None:
    """Connect with a stored login is ready without pairing, in the session of that login."""
    world = World()
    account = world.add(desired=False)
    async with world.running():
        await world.connect(account)
        await world.connected(account)
        assert world.session(account).login.session_id == world.row(account).session_id
        assert world.memory.steps(account) == ["starting", "connected"]


async def test_connect_is_idempotent(autojump_clock: MockClock) -> None:
    """Asked again, at any moment of a login or all at once, it opens no second session."""
    world = World()
    account = world.add(linked=False, desired=False)
    async with world.running():
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(world.connect, account)
        await world.becomes(account, S.QR_SCANNING)
        await world.connect(account)
        world.session(account).scan()
        await world.connected(account)
        await world.connect(account)
        await trio.sleep(30)
        assert len(world.provider.sessions) == 1


async def test_connect_calls_a_wait_off(autojump_clock: MockClock) -> None:
    """Somebody who connects while the account backs off does not have to wait."""
    world = World()
    account = world.add()
    world.provider.plans[account] = plan(*[DisconnectReason.CONNECTION_LOST] * 7, ordinary)
    async with world.running():
        await until(lambda: len(world.provider.sessions) == 7, within=120)
        await world.becomes(account, S.RECONNECTING)
        before = trio.current_time()
        await world.connect(account)
        await world.connected(account)
        assert trio.current_time() - before < 1


async def test_the_desired_state_survives_everything(autojump_clock: MockClock) -> None:
    """What was asked is in the row at once, and the end of a session does not change it."""
    world = World()
    account = world.add(desired=False)
    async with world.running():
        await world.connect(account)
        assert world.row(account).desired is Desired.CONNECTED
        await world.connected(account)
        world.session(account).end(DisconnectReason.BANNED)
        await world.becomes(account, S.BANNED)
        assert world.row(account).desired is Desired.CONNECTED
        await world.ask(account, Disconnect())
        assert world.row(account).desired is Desired.DISCONNECTED


async def test_a_connect_is_not_undone_by_a_sweep_that_began_before_it(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reconciler reads who is wanted, then somebody connects, then the reconciler acts: the account stays."""
    world = World()
    account = world.add()
    read = type(world.memory.accounts).desired_ids
    reading = trio.Event()

    async def slow(store: AccountRows) -> list[int]:
        rows = await read(store)
        reading.set()
        await trio.sleep(2)
        return rows

    async with world.running():
        await world.connected(account)
        await world.ask(account, Disconnect())
        monkeypatch.setattr(AccountRows, "desired_ids", slow)
        await reading.wait()
        await world.connect(account)
        await world.connected(account)
        await trio.sleep(30)
        assert world.row(account).desired is Desired.CONNECTED
        assert world.memory.steps(account)[-2:] == ["starting", "connected"]
        assert len(world.provider.sessions) == 2


async def test_an_actor_that_was_asked_for_is_not_swept_away_before_its_command_comes(
    autojump_clock: MockClock,
) -> None:
    """An account that is not wanted yet is started for a request; a sweep right after that leaves it alone."""
    world = World(reconcile_interval=1000.0)
    account = world.add(desired=False)
    async with world.running():
        reconciler = world.actor(RECONCILER)
        await reconciler.ask(StartAccount(account_id=account), timeout=5.0)
        actor = world.account_actor(account)
        await reconciler.ask(Sweep(), timeout=5.0)
        assert actor.alive
        await reconciler.ask(Sweep(), timeout=5.0)
        assert not actor.alive, "nobody came"


# ---- disconnect and logout -------------------------------------------------------------------


async def test_disconnect_keeps_the_login(autojump_clock: MockClock) -> None:
    """Answered when the session has ended; the next connect needs no QR code."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        session = world.session(account)
        answer = await world.ask(account, Disconnect())
        assert isinstance(answer, AccountState)
        assert (answer.status, answer.desired) == (S.DISCONNECTED, Desired.DISCONNECTED)
        assert not session.open
        assert not session.unlinked
        await trio.sleep(60)
        assert len(world.provider.sessions) == 1
        await world.connect(account)
        await world.connected(account)


async def test_logout_unlinks_forgets_and_disconnects(autojump_clock: MockClock) -> None:
    """The phone sees the device go, the login is gone, and the next connect offers a QR code under a new session id."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        session, old_id = world.session(account), world.row(account).session_id
        await trio.sleep(1)
        answer = await world.ask(account, Logout())
        assert isinstance(answer, AccountState)
        assert answer.status is S.DISCONNECTED
        assert session.unlinked
        assert account not in world.memory.logins
        assert world.row(account).session_id != old_id
        await world.connect(account)
        await world.becomes(account, S.QR_SCANNING)


async def test_logout_while_the_far_side_does_not_answer_has_a_deadline(autojump_clock: MockClock) -> None:
    """A hanging unlink is given up after a while; the login is forgotten all the same."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        world.session(account).logout = trio.sleep_forever  # type: ignore[method-assign]
        answer = await world.ask(account, Logout())
        assert isinstance(answer, AccountState)
        assert trio.current_time() < 20
        assert account not in world.memory.logins


async def test_logout_of_an_account_at_rest_starts_nothing(autojump_clock: MockClock) -> None:
    """An account without a tree is logged out in the database, whether or not there is room for a session."""
    world = World(max_sessions_per_instance=1)
    world.add()
    account = world.add(desired=False, status=S.FAILED)
    async with world.running():
        answer = await world.ask(account, Logout())
        assert isinstance(answer, AccountState)
        assert (answer.status, answer.desired) == (S.DISCONNECTED, Desired.DISCONNECTED)
        assert account not in world.memory.logins
        assert world.tree_of(account) is None
        await world.becomes(account, S.DISCONNECTED)
        assert world.provider.opened(account) == []


async def test_a_logout_that_cannot_forget_the_login_says_so(autojump_clock: MockClock) -> None:
    """The database goes away in the middle: the caller is not told that the login is gone while it is not."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)

        async def database_fails() -> None:
            world.memory.away = True
            world.session(account).end(DisconnectReason.LOGGED_OUT)

        world.session(account).logout = database_fails  # type: ignore[method-assign]
        answer = await world.ask(account, Logout())
        assert refused(answer) is Refusal.UNAVAILABLE
        assert account in world.memory.logins
        world.memory.away = False
        assert isinstance(await world.ask(account, Logout()), AccountState)
        assert account not in world.memory.logins


async def test_disconnecting_twice_at_once_answers_both(autojump_clock: MockClock) -> None:
    """A second disconnect waits for the first one's end; connecting meanwhile is refused for a moment."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        world.session(account).logout = trio.sleep_forever  # type: ignore[method-assign]
        answers: list[object] = []

        async def ask(request: Request[Any]) -> None:
            answers.append(await world.ask(account, request))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, Logout())
            await trio.sleep(1)
            nursery.start_soon(ask, Disconnect())
            await trio.sleep(1)
            denied = await world.ask(account, Connect())
            assert refused(denied) is Refusal.WRONG_STATE
            assert isinstance(denied, Refused)
            assert denied.retry_after is not None
        assert [getattr(answer, "status", None) for answer in answers] == [S.DISCONNECTED] * 2


# ---- limits ----------------------------------------------------------------------------------


async def test_qr_logins_are_rate_limited_per_account(autojump_clock: MockClock) -> None:
    """After `qr_attempts` in the period there is a wait, which disconnecting in between does not get round."""
    world = World(qr_attempts=3, qr_period=600.0)
    account = world.add(linked=False, desired=False)
    async with world.running():
        for _ in range(3):
            await world.connect(account)
            await world.becomes(account, S.QR_SCANNING)
            await world.ask(account, Disconnect())
            await trio.sleep(10)  # its tree is swept away meanwhile
        answer = await world.ask(account, Connect())
        assert refused(answer) is Refusal.RATE_LIMITED
        assert isinstance(answer, Refused)
        assert answer.retry_after is not None
        assert 0 < answer.retry_after <= 600
        assert world.row(account).desired is Desired.DISCONNECTED
        await trio.sleep(answer.retry_after)
        await world.connect(account)


async def test_connecting_again_and_again_while_reconnecting_counts_too(autojump_clock: MockClock) -> None:
    """An account without a login whose network fails is no way round the limit."""
    world = World(qr_attempts=3, qr_period=600.0)
    account = world.add(linked=False, desired=False)
    world.provider.plans[account] = plan(DisconnectReason.CONNECTION_LOST)
    async with world.running():
        answers = []
        for _ in range(6):
            answers.append(await world.ask(account, Connect()))
            await world.becomes(account, S.RECONNECTING)
            await trio.sleep(0.3)
        assert [isinstance(answer, Refused) for answer in answers] == [False] * 3 + [True] * 3


async def test_qr_logins_are_rate_limited_per_workspace(autojump_clock: MockClock) -> None:
    """Many accounts of one workspace share a limit; another workspace has its own."""
    world = World(qr_attempts_workspace=2)
    accounts = [world.add(linked=False, desired=False) for _ in range(3)]
    other = world.add(linked=False, desired=False, workspace_id=2)
    async with world.running():
        await world.connect(accounts[0])
        await world.connect(accounts[1])
        assert refused(await world.ask(accounts[2], Connect())) is Refusal.RATE_LIMITED
        await world.connect(other)


async def test_a_stored_login_is_not_rate_limited(autojump_clock: MockClock) -> None:
    """Only QR codes are scarce."""
    world = World(qr_attempts=1)
    account = world.add(desired=False)
    async with world.running():
        for _ in range(5):
            await world.connect(account)
            await world.connected(account)
            await world.ask(account, Disconnect())


async def test_a_full_instance_refuses_and_names_the_limit(autojump_clock: MockClock) -> None:
    """AT_CAPACITY, with nothing changed; there is room again when another account disconnects."""
    world = World(max_sessions_per_instance=2)
    first, second = world.add(), world.add()
    third = world.add(desired=False)
    async with world.running():
        await world.connected(first, second)
        answer = await world.ask(third, Connect())
        assert refused(answer) is Refusal.AT_CAPACITY
        assert isinstance(answer, Refused)
        assert "2" in answer.detail
        assert "max_sessions_per_instance" in answer.detail
        assert world.row(third).desired is Desired.DISCONNECTED
        await world.ask(first, Disconnect())
        await trio.sleep(6)
        await world.connect(third)
        await world.connected(third)


# ---- pairing codes ---------------------------------------------------------------------------


async def test_a_pairing_code_is_given_while_qr_codes_are_on_offer(autojump_clock: MockClock) -> None:
    """The code for this number; at any other time it is the wrong state."""
    world = World()
    account = world.add(linked=False, desired=False)
    ask = RequestPairingCode(phone="5511999998888")
    async with world.running():
        assert refused(await world.ask(account, ask)) is Refusal.WRONG_STATE
        await world.connect(account)
        await world.becomes(account, S.QR_SCANNING)
        assert await world.ask(account, ask) == PairingCode(code="ABCD1234", phone="5511999998888")
        world.session(account).scan()
        await world.connected(account)
        assert refused(await world.ask(account, ask)) is Refusal.WRONG_STATE


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (PairingRefused("rate-overlimit", retry_after=7200.0), Refusal.RATE_LIMITED),
        (NotSupported("not here"), Refusal.NOT_SUPPORTED),
    ],
)
async def test_a_pairing_code_that_whatsapp_denies_is_refused(
    error: Exception, refusal: Refusal, autojump_clock: MockClock
) -> None:
    """With the wait that it asked for; the QR code stays on offer."""
    world = World()
    account = world.add(linked=False)

    async def deny(_phone: str) -> None:
        raise error

    async with world.running():
        await world.becomes(account, S.QR_SCANNING)
        world.session(account).on_code = deny
        answer = await world.ask(account, RequestPairingCode(phone="5511999998888"))
        assert refused(answer) is refusal
        assert isinstance(answer, Refused)
        assert answer.retry_after == getattr(error, "retry_after", None)
        assert world.is_stored(account, S.QR_SCANNING)


async def test_a_session_that_ends_answers_whoever_waits_for_a_code(autojump_clock: MockClock) -> None:
    """Nobody waits for a code that will never come."""
    world = World()
    account = world.add(linked=False)

    async def never(_phone: str) -> None:
        world.session(account).end(DisconnectReason.QR_EXPIRED)
        await trio.sleep_forever()

    async with world.running():
        await world.becomes(account, S.QR_SCANNING)
        world.session(account).on_code = never
        answer = await world.ask(account, RequestPairingCode(phone="5511999998888"))
        assert refused(answer) is Refusal.UNAVAILABLE
        assert trio.current_time() < 5


async def test_qr_codes_that_nobody_scans_end_in_needs_pairing(autojump_clock: MockClock) -> None:
    """The account rests until somebody asks for a code again; no code is left behind."""
    world = World()
    account = world.add(linked=False)
    async with world.running():
        await world.becomes(account, S.QR_SCANNING)
        world.session(account).end(DisconnectReason.QR_EXPIRED)
        row = await world.becomes(account, S.NEEDS_PAIRING)
        assert row.qr_code is None
        await trio.sleep(3600)
        assert len(world.provider.sessions) == 1
        await world.connect(account)
        await world.becomes(account, S.QR_SCANNING)


# ---- refusals instead of exceptions ----------------------------------------------------------


@pytest.mark.parametrize("request_", ALL, ids=lambda request: type(request).__name__)
async def test_an_unknown_account_is_refused(request_: Request[Any], autojump_clock: MockClock) -> None:
    """No such account: said so for every request."""
    async with World().running() as world:
        assert refused(await world.ask(99, request_)) is Refusal.UNKNOWN


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("request_", ALL, ids=lambda request: type(request).__name__)
async def test_without_a_database_every_request_has_an_answer(
    request_: Request[Any], running: bool, autojump_clock: MockClock
) -> None:
    """A refusal or a state, never an exception, whether or not the account runs."""
    world = World()
    account = world.add(desired=running)
    async with world.running():
        if running:
            await world.connected(account)
        world.memory.away = True
        answer = await world.ask(account, request_)
        assert isinstance(answer, Refused | AccountState)
        if isinstance(answer, Refused):
            assert answer.refusal in {Refusal.UNAVAILABLE, Refusal.WRONG_STATE}
        else:
            assert isinstance(request_, GetState) or running


@pytest.mark.parametrize("request_", ALL, ids=lambda request: type(request).__name__)
async def test_while_its_actor_is_restarted_every_request_has_an_answer(
    request_: Request[Any], autojump_clock: MockClock
) -> None:
    """And the reconciler survives being asked to start what is on its way already."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        reconciler, fence = world.actor(RECONCILER), world.memory.owners[account]
        world.account_actor(account).kill()
        await until(lambda: world.registry.whereis(f"account-{account}") is None)
        answer = await world.ask(account, request_)
        assert isinstance(answer, Refused | AccountState)
        if isinstance(answer, Refused):
            assert answer.refusal is Refusal.UNAVAILABLE
        assert reconciler.alive
        assert world.memory.owners[account] == fence, "a new claim would stop what runs"
        await trio.sleep(3)
        await world.connected(account)


async def test_a_stuck_actor_is_refused_after_the_deadline(autojump_clock: MockClock) -> None:
    """The caller's time is limited; the account's is not."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)

        async def for_ever(_account_id: int, _desired: Desired) -> None:
            await trio.sleep_forever()

        rows = world.memory.accounts
        type(rows).set_desired, kept = for_ever, type(rows).set_desired  # type: ignore[method-assign, assignment]
        try:
            assert refused(await world.ask(account, Connect(), timeout=5.0)) is Refusal.UNAVAILABLE
        finally:
            type(rows).set_desired = kept  # type: ignore[method-assign]


async def test_an_account_whose_provider_is_missing_is_refused(autojump_clock: MockClock) -> None:
    """Desired or not, it runs nowhere here, and its row says why."""
    world = World()
    account = world.add(desired=False, provider_type="elsewhere")
    wanted = world.add(provider_type="elsewhere")
    async with world.running():
        answer = await world.ask(account, Connect())
        assert refused(answer) is Refusal.UNAVAILABLE
        row = await world.becomes(wanted, S.FAILED)
        assert "elsewhere" in (row.status_detail or "")


async def test_an_account_at_rest_tells_its_state_without_being_started(autojump_clock: MockClock) -> None:
    """What is stored is its state, and it takes no room."""
    world = World()
    account = world.add(desired=False)
    async with world.running():
        state = await world.ask(account, GetState())
        assert isinstance(state, AccountState)
        assert (state.status, state.desired) == (S.DISCONNECTED, Desired.DISCONNECTED)
        assert world.directory.running() == 0
        await world.connect(account)
        assert world.directory.running() == 1


def live_sessions(sessions: list[FakeSession]) -> int:
    """How many are open."""
    return sum(session.open for session in sessions)


async def test_a_burst_of_connects_and_disconnects_ends_as_the_last_one_says(autojump_clock: MockClock) -> None:
    """However they overlap, there is never more than one session, and in the end what was asked last."""
    world = World()
    account = world.add(desired=False)
    async with world.running():
        for turn in range(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(world.ask, account, Connect())
                await trio.sleep(0.001 * turn)
                nursery.start_soon(world.ask, account, Disconnect())
            assert live_sessions(world.provider.sessions) <= 1
        await world.ask(account, Disconnect())
        await trio.sleep(6)
        assert live_sessions(world.provider.sessions) == 0
        assert world.is_stored(account, S.DISCONNECTED)
