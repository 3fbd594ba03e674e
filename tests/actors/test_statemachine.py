"""Whatever happens in whatever order: only steps that the table holds, and nothing is stuck."""

import itertools
from random import Random
from typing import Any

import pytest
import trio
from hypothesis import given, strategies as st
from trio.testing import MockClock

from tests.actors.fakes import FakeSession, ordinary
from tests.actors.world import World
from tests.fuzzing import examples
from wasup.actors.messages import Connect, Disconnect, GetQr, Logout, RequestPairingCode, SendMessage
from wasup.actors.names import SESSION, account_name, writer_name
from wasup.actors.policy import AttemptLimiter
from wasup.ports.accounts import (
    TRANSITIONAL,
    TRANSITIONS,
    AccountStatus,
    Desired,
    IllegalTransition,
    check_transition,
)
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import Text
from wasup.ports.session import SyncProgress
from wasup.supervisor import ChildEnded, Event, ExitKind, Request

S = AccountStatus
COMMANDS: dict[str, Request[Any]] = {
    "connect": Connect(),
    "disconnect": Disconnect(),
    "logout": Logout(),
    "qr": GetQr(),
    "code": RequestPairingCode(phone="5511999998888"),
    "send": SendMessage(chat="5511777776666@c.us", content=Text(body="x")),
}
EVENTS = ["scan", "scan only", "ready", "progress", "qr", "message", "crash", "deaf", "outage"]
EVENTS += ["kill actor", "kill writer"]
PLANS = ["ordinary", "hang", "refuse", "crash", "silent"]
STEP = st.one_of(
    st.sampled_from(sorted(COMMANDS)),
    st.sampled_from(EVENTS),
    st.sampled_from(PLANS).map(lambda name: f"next: {name}"),
    st.sampled_from([f"end: {reason}" for reason in DisconnectReason]),
)
PAUSE = st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.1, 1.0, 30.0, 200.0])
SCRIPT = st.lists(st.tuples(STEP, PAUSE), max_size=25)


@pytest.mark.parametrize("status", AccountStatus)
def test_every_status_can_be_left_and_reached(status: AccountStatus) -> None:
    """The table is complete, starts lead away from everywhere, and every status is the target of some step."""
    assert TRANSITIONS[status]
    assert status is S.STARTING or S.STARTING in TRANSITIONS[status]
    assert any(status in targets for targets in TRANSITIONS.values())
    assert status not in TRANSITIONS[status]


def test_a_step_that_the_table_does_not_hold_raises() -> None:
    """An illegal step is a defect, and loud."""
    for old, new in itertools.product(AccountStatus, AccountStatus):
        if new in TRANSITIONS[old]:
            check_transition(old, new)
        else:
            with pytest.raises(IllegalTransition):
                check_transition(old, new)


@examples(100)
@given(
    limit=st.integers(1, 5),
    period=st.floats(1, 100),
    gaps=st.lists(st.floats(0, 60), max_size=40),
)
def test_the_limiter_allows_no_more_than_its_limit_in_any_period(limit: int, period: float, gaps: list[float]) -> None:
    """Whoever waits as long as told is allowed then, and no window ever holds more attempts than the limit."""
    limiter, now, noted = AttemptLimiter(limit, period), 0.0, []
    for gap in gaps:
        now += gap
        wait = limiter.wait(now)
        assert wait <= period + 1e-6
        if wait <= 0:
            limiter.note(now)
            noted.append(now)
    assert all(late - early >= period - 1e-6 for early, late in zip(noted, noted[limit:], strict=False))


class Script:
    """Plays a script against one account and a neighbour that nothing happens to."""

    def __init__(self, world: World, account: int) -> None:
        self.world = world
        self.account = account
        self.plan = "ordinary"
        self.crashes: list[str] = []
        self._ids = itertools.count()
        world.provider.plans[account] = self._open

    async def _open(self, session: FakeSession) -> None:
        match self.plan:
            case "ordinary":
                await ordinary(session)
            case "hang":
                await trio.sleep_forever()
            case "refuse":
                raise Disconnected(DisconnectReason.CONNECTION_LOST, "refused")
            case "crash":
                raise RuntimeError("scripted")
            case _:
                pass

    def note(self, event: Event) -> None:
        """Write down crashes of whatever is not a session."""
        if isinstance(event, ChildEnded) and event.reason.kind is ExitKind.CRASH and not event.path.endswith(SESSION):
            self.crashes.append(f"{event.path}: {event.reason}")

    def kill(self, name: str) -> None:
        """Kill an actor if it lives."""
        ref = self.world.registry.whereis(name)
        if ref is not None:
            ref.kill()

    async def step(self, step: str, nursery: trio.Nursery) -> None:
        """One step."""
        session = self.world.provider.live(self.account)
        if step in COMMANDS:
            nursery.start_soon(self._ask, step)
        elif step.startswith("next: "):
            self.plan = step.removeprefix("next: ")
        elif step == "outage":
            self.world.memory.away = not self.world.memory.away
        elif step == "kill actor":
            self.kill(account_name(self.account))
        elif step == "kill writer":
            self.kill(writer_name(0))
        elif step == "message":
            if session is None or session._end is None:
                self.world.provider.deliver(self.account, f"m{next(self._ids)}")
        elif session is not None and session._end is None:
            self._tell(step, session)

    def _tell(self, step: str, session: FakeSession) -> None:
        if step.startswith("end: "):
            session.end(DisconnectReason(step.removeprefix("end: ")), until=trio.current_time() + 1.76e9)
            return
        match step:
            case "scan":
                session.scan()
            case "scan only":
                session.scan(ready=False)
            case "ready":
                session.become_ready()
            case "progress":
                session.tell(SyncProgress(done=1, total=2))
            case "qr":
                session.offer_qr()
            case "crash":
                session.tell("scripted")  # type: ignore[arg-type]
            case "deaf":
                session.answers_probes = False
            case _:
                raise AssertionError(step)

    async def _ask(self, step: str) -> None:
        await self.world.ask(self.account, COMMANDS[step], timeout=60.0)


def play(script: list[tuple[str, float]], *, linked: bool) -> None:
    """Play a script, let everything come to rest, and check."""

    async def main() -> None:
        world = World(qr_attempts=1000, restart_budget=5, probe_interval=20.0, probe_timeout=5.0)
        account, neighbour = world.add(linked=linked), world.add()
        player = Script(world, account)
        async with world.running(), trio.open_nursery() as nursery:
            world.root.events.subscribe(player.note)
            for step, pause in script:
                await player.step(step, nursery)
                await trio.sleep(pause)
            world.memory.away = False
            await trio.sleep(700)  # longer than every deadline
            row = world.row(account)
            live = world.provider.live(account)
            assert player.crashes == []
            restless = TRANSITIONAL - ({S.QR_SCANNING, S.AUTHENTICATED, S.STARTING} if live else frozenset())
            assert row.status not in restless, row
            if row.status is S.CONNECTED:
                assert live is not None
            if row.desired is Desired.DISCONNECTED:
                assert live is None
                assert row.status is S.DISCONNECTED, row
            if row.status in {S.DISCONNECTED, S.BANNED, S.NEEDS_PAIRING, S.FAILED}:
                assert live is None
            if row.status is S.STARTING or row.status is S.RECONNECTING:
                assert player.plan in {"hang", "silent", "refuse", "crash"}, row
            assert world.row(neighbour).status is S.CONNECTED
            for change in world.memory.history:
                check_transition(change.old, change.new)
            stored = world.memory.stored[account]
            assert len(stored) == len(set(stored))
            if row.status is S.CONNECTED:
                assert not world.provider.pending.get(account), "everything was acknowledged"

    trio.run(main, clock=MockClock(autojump_threshold=0))


@examples(30)
@given(script=SCRIPT, linked=st.booleans())
def test_no_script_of_events_and_commands_makes_an_illegal_step_or_a_stuck_account(
    script: list[tuple[str, float]], linked: bool
) -> None:
    """Commands, ends, crashes, outages and kills in any order."""
    play(script, linked=linked)


@pytest.mark.parametrize("seed", range(15))
def test_long_scripts_end_well_too(seed: int) -> None:
    """Two hundred steps at random, close upon each other."""
    random = Random(seed)
    steps = [*COMMANDS, *EVENTS, "next: ordinary", *(f"next: {name}" for name in PLANS)]
    steps += [f"end: {reason}" for reason in DisconnectReason]
    script = [(random.choice(steps), random.choice([0.0, 0.0, 0.05, 0.5, 5.0])) for _ in range(200)]
    play([*script, ("next: ordinary", 0.0)], linked=True)
