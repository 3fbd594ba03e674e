"""Random trees, random faults at random moments, and what must hold all the same."""

from random import Random

import trio
from hypothesis import given, strategies as st
from trio.testing import MockClock

from tests.fuzzing import examples
from tests.supervisor.helpers import Crew, Recorder
from tests.supervisor.model import World
from tests.supervisor.model_checks import Checker, stop_order
from wasup.supervisor import (
    ChildEnded,
    ChildRestarted,
    StartFailed,
    Strategy,
    SupervisorGaveUp,
    SupervisorSpec,
    open_supervisor,
)

LONG = 60.0
"""Seconds after which a tree in which nothing goes wrong any more is at rest."""


@examples(150)
@given(st.integers(min_value=0, max_value=2**32), st.sampled_from([5.0, 20.0]), st.integers(0, 4), st.booleans())
def test_random_trees_under_random_faults(seed: int, duration: float, cancel: int, requests: bool) -> None:
    """No orphan, one life at a time, asks settled, pacing kept, events equal to what happened, stopped in order."""
    world = World(random=Random(seed), recorder=Recorder(), makes_requests=requests)
    expected: list[str] | None = None
    before = 0

    async def main() -> None:
        nonlocal expected, before
        spec = world.supervisor(2, "root")
        tasks = trio.lowlevel.current_statistics().tasks_living
        with trio.move_on_after(duration / 2 if cancel == 0 else duration * 1000):
            try:
                async with open_supervisor(spec, events=world.recorder.stream, random=world.random) as root:
                    await world.act(root, duration)
                    world.calm = True
                    await trio.sleep(LONG)
                    checker = Checker(world)
                    checker.read()
                    checker.check_calm(root.snapshot())
                    expected, before = stop_order(root.snapshot()), len(world.recorder.events)
            except (SupervisorGaveUp, StartFailed):
                pass
        assert trio.lowlevel.current_statistics().tasks_living == tasks

    trio.run(main, clock=MockClock(autojump_threshold=0))
    checker = Checker(world)
    checker.read()
    assert checker.alive == {}
    world.check_questions()
    if expected is not None:
        last = world.recorder.events[before:]
        assert [event.path for event in last if isinstance(event, ChildEnded)] == expected


@examples(30)
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


@examples(30)
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
