"""Random trees, random faults at random moments, and what must hold all the same."""

from dataclasses import dataclass
from random import Random
from typing import Any

import trio
from hypothesis import HealthCheck, given, settings, strategies as st
from trio.testing import MockClock

from tests.supervisor.helpers import Ask, AskNap, Crew, Nap, Parrot, Raise, Recorder
from wasup.supervisor import (
    BRUTAL_KILL,
    INFINITY,
    ActorRef,
    AutoShutdown,
    Backoff,
    Budget,
    ChildContext,
    ChildEnded,
    ChildRef,
    ChildRestarted,
    ChildSpec,
    ChildStarted,
    EndTree,
    MailboxSpec,
    NeverRestart,
    Overflow,
    Restart,
    RestartLater,
    RestartQuietly,
    Shutdown,
    StartFailed,
    Strategy,
    Supervisor,
    SupervisorError,
    SupervisorGaveUp,
    SupervisorSpec,
    TreeNode,
    actor_child,
    open_supervisor,
    supervisor_child,
)

FAULTS: tuple[Exception | None, ...] = (
    *[ValueError("fault")] * 8,
    *[Shutdown()] * 2,
    *[RestartQuietly()] * 2,
    *[RestartLater()] * 2,
    NeverRestart(),
    EndTree(),
)


@dataclass
class World:
    """One random run, and what its children saw with their own eyes."""

    random: Random
    recorder: Recorder
    seen: list[tuple[str, str, int]]
    asked: int = 0
    settled: int = 0
    names: int = 0
    inflight_overdue: bool = False

    def name(self) -> str:
        """Return a new id."""
        self.names += 1
        return f"n{self.names}"

    # ---- random specifications ---------------------------------------------------------------

    def supervisor(self, depth: int) -> SupervisorSpec:
        """Return a random supervisor."""
        random = self.random
        auto = random.choice([AutoShutdown.NEVER] * 6 + list(AutoShutdown))
        strategy = random.choice([Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
        children = tuple(self.child(depth, auto) for _ in range(random.randint(1, 4)))
        return SupervisorSpec(
            strategy=strategy,
            intensity=random.choice([1, 5, INFINITY, INFINITY]),
            period=random.choice([1.0, 10.0]),
            auto_shutdown=auto,
            children=children,
            stop_in_turn=random.random() < 0.2,
        )

    def child(self, depth: int, auto: AutoShutdown) -> ChildSpec:
        """Return a random child."""
        random = self.random
        restart = random.choice(list(Restart))
        common: dict[str, Any] = {
            "restart": restart,
            "significant": (
                auto is not AutoShutdown.NEVER and restart is not Restart.PERMANENT and random.random() < 0.5
            ),
            "backoff": random.choice([None, Backoff(initial=0.5, maximum=4, reset_after=3)]),
            "budget": random.choice([None, None, Budget(restarts=2, period=5)]),
            "start_timeout": random.choice([None, 2.0]),
        }
        roll = random.random()
        if depth > 0 and roll < 0.35:
            return supervisor_child(self.name(), self.supervisor(depth - 1), **common)
        common["shutdown"] = random.choice([0.3, 5.0, BRUTAL_KILL])
        if roll < 0.7:
            mailbox = MailboxSpec(
                capacity=random.choice([1, 3, 100]),
                overflow=random.choice(list(Overflow)),
                survives_restart=random.random() < 0.5,
            )
            return actor_child(self.name(), Parrot, mailbox=mailbox, **common)
        return ChildSpec(id=self.name(), start=self.worker, **common)

    async def worker(self, context: ChildContext) -> None:
        """Live for a while, or fail to, or end in some way; slow to start and to stop at times."""
        random = self.random
        roll = random.random()
        if context.incarnation > 1:
            if roll < 0.15:
                raise random.choice((ValueError("start"), NeverRestart(), RestartQuietly()))
            if roll < 0.25:
                context.ignore()
                return
        if roll > 0.9:
            await trio.sleep(random.choice([0.1, 3.0]))
        context.started()
        self.seen.append(("up", context.path, context.incarnation))
        try:
            await trio.sleep(random.expovariate(0.2))
            fault = random.choice((*FAULTS, None))
            if fault is not None:
                raise fault
        finally:
            if random.random() < 0.2:
                with trio.CancelScope(shield=True):
                    await trio.sleep(random.choice([0.1, 0.5, 2.0]))
            self.seen.append(("down", context.path, context.incarnation))

    # ---- random acts -------------------------------------------------------------------------

    async def act(self, root: Supervisor, until: float) -> None:
        """Do random things to random members of the tree until the time is over."""
        random = self.random
        async with trio.open_nursery() as nursery:
            while trio.current_time() < until:
                await trio.sleep(random.expovariate(3))
                self.check_snapshot(root.snapshot())
                supervisor, values = pick(random, root)
                refs = [value for value in values if isinstance(value, ChildRef)]
                roll = random.random()
                if roll < 0.6 and refs:
                    ref = random.choice(refs)
                    if isinstance(ref, ActorRef):
                        nursery.start_soon(self.talk, ref)
                    elif random.random() < 0.3:
                        random.choice((ref.kill, ref.stop))()
                else:
                    nursery.start_soon(self.request, supervisor)

    async def talk(self, ref: ActorRef[Any]) -> None:
        """Ask, with a deadline that must be kept, or hurt."""
        random = self.random
        self.asked += 1
        began = trio.current_time()
        timeout = random.choice([0.2, 2.0])
        try:
            roll = random.random()
            if roll < 0.3:
                await ref.ask(AskNap(seconds=random.choice([0.1, 1.0])), timeout=timeout)
            elif roll < 0.6:
                await ref.ask(Ask(), timeout=timeout)
            elif roll < 0.8:
                ref.tell_nowait(Raise(error=random.choice(FAULTS) or ValueError()))
            else:
                ref.tell_nowait(Nap(seconds=0.5))
        except SupervisorError:
            pass
        finally:
            self.settled += 1
            if trio.current_time() > began + timeout + 1e-6:
                self.inflight_overdue = True

    async def request(self, supervisor: Supervisor) -> None:
        """Make a random request; every refusal is an error of ours."""
        random = self.random
        try:
            children = await supervisor.which_children()
            child_id = random.choice(children).id if children else "nobody"
            match random.randrange(4):
                case 0:
                    await supervisor.start_child(self.child(0, AutoShutdown.NEVER))
                case 1:
                    await supervisor.terminate_child(child_id)
                case 2:
                    await supervisor.restart_child(child_id)
                case _:
                    await supervisor.delete_child(child_id)
        except SupervisorError:
            pass

    # ---- what must hold ----------------------------------------------------------------------

    def check_snapshot(self, node: TreeNode) -> None:
        """What a snapshot calls up is what the children saw."""
        alive: dict[str, int] = {}
        for what, path, incarnation in self.seen:
            if what == "up":
                alive[path] = incarnation
            else:
                alive.pop(path, None)
        shown = {}
        pending = [node]
        while pending:
            one = pending.pop()
            pending.extend(one.children)
            if one.state in {"running", "stopping", "stop_timed_out"}:
                shown[one.path] = one.incarnation
        for path, incarnation in alive.items():
            assert shown.get(path) == incarnation

    def check_events(self) -> None:
        """The stream is what happened: one end for each start, one life at a time, none outlives its supervisor."""
        alive: dict[str, int] = {}
        told = []
        for event in self.recorder.events:
            if isinstance(event, ChildStarted):
                assert event.path not in alive
                alive[event.path] = event.incarnation
                told.append(("up", event.path, event.incarnation))
            elif isinstance(event, ChildEnded):
                assert alive.pop(event.path) == event.incarnation
                assert not any(path.startswith(event.path + "/") for path in alive)
                told.append(("down", event.path, event.incarnation))
        assert alive == {}
        paths = {path for _, path, _ in self.seen}
        assert [entry for entry in told if entry[1] in paths] == self.seen
        assert all(event.incarnation > 0 for event in self.recorder.events)
        numbers = [event.number for event in self.recorder.events]
        assert numbers == sorted(set(numbers))


def pick(random: Random, root: Supervisor) -> tuple[Supervisor, list[Any]]:
    """Return a random living supervisor and the start values of its children."""
    supervisor = root
    while True:
        values = [supervisor.child(node.id) for node in supervisor.snapshot().children]
        deeper = [value for value in values if isinstance(value, Supervisor)]
        if not deeper or random.random() < 0.4:
            return supervisor, values
        supervisor = random.choice(deeper)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.integers(min_value=0, max_value=2**32), st.sampled_from([5.0, 20.0]), st.booleans())
def test_random_trees_under_random_faults(seed: int, duration: float, cancel: bool) -> None:
    """No orphan, one life at a time, every ask settled in time, events equal to what happened."""
    world = World(random=Random(seed), recorder=Recorder(), seen=[])

    async def main() -> None:
        spec = world.supervisor(2)
        tasks = trio.lowlevel.current_statistics().tasks_living
        with trio.move_on_after(duration / 2 if cancel else duration * 1000):
            try:
                async with open_supervisor(spec, events=world.recorder.stream, random=world.random) as root:
                    await world.act(root, duration)
            except (SupervisorGaveUp, StartFailed):
                pass
        assert trio.lowlevel.current_statistics().tasks_living == tasks

    trio.run(main, clock=MockClock(autojump_threshold=0))
    world.check_events()
    assert world.asked == world.settled
    assert not world.inflight_overdue


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    st.integers(min_value=0, max_value=5),
    st.sampled_from([1.0, 4.0]),
    st.lists(st.floats(min_value=0.05, max_value=3.0), min_size=1, max_size=30),
)
def test_restarts_stay_within_the_intensity(intensity: int, period: float, gaps: list[float]) -> None:
    """In no window of the period are there more restarts than allowed, and one more ends the tree."""
    recorder, crew = Recorder(), Crew()
    crashes: list[float] = []

    async def main() -> None:
        spec = SupervisorSpec(children=(crew.spec("a"),), intensity=intensity, period=period)
        try:
            async with open_supervisor(spec, events=recorder.stream):
                for gap in gaps:
                    await trio.sleep(gap)
                    crashes.append(trio.current_time())
                    crew.end("a", ValueError())
                await trio.sleep(1)
        except SupervisorGaveUp:
            last = crashes[-1] if trio.current_time() == crashes[-1] else crashes[len(recorder.of(ChildRestarted))]
            assert len([one for one in crashes if last - period <= one <= last]) == intensity + 1
        else:
            for last in crashes:
                assert len([one for one in crashes if last - period <= one <= last]) <= intensity

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert len(recorder.of(ChildRestarted)) <= len(crashes)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.integers(min_value=0, max_value=2**32))
def test_whatever_happened_the_stop_is_in_reverse_order(seed: int) -> None:
    """The children listed before the end are stopped last first."""
    random = Random(seed)
    crew = Crew()

    async def main() -> None:
        children = tuple(crew.spec(f"c{number}") for number in range(random.randint(2, 6)))
        spec = SupervisorSpec(
            children=children,
            intensity=1000,
            strategy=random.choice([Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE]),
        )
        async with open_supervisor(spec) as root:
            for number in range(random.randint(0, 12)):
                listed = await root.which_children()
                running = [child.id for child in listed if child.state == "running"]
                down = [child.id for child in listed if child.state == "down"]
                roll = random.random()
                if roll < 0.5 and running:
                    crew.end(random.choice(running), ValueError())
                    await trio.sleep(0.1)
                elif roll < 0.7 and running:
                    await root.terminate_child(random.choice(running))
                elif roll < 0.85 and down:
                    await root.restart_child(random.choice(down))
                elif down:
                    await root.delete_child(random.choice(down))
                else:
                    await root.start_child(crew.spec(f"d{number}"))
            before = [child.id for child in await root.which_children() if child.state == "running"]
            crew.taken()
        assert crew.taken() == [f"end {name}" for name in reversed(before)]

    trio.run(main, clock=MockClock(autojump_threshold=0))
