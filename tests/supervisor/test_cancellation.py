"""A scenario that starts, restarts and stops, cancelled or killed at each of its steps in turn."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from tests.supervisor.helpers import Ask, Crew, Nap, Parrot, Recorder
from wasup.supervisor import (
    INFINITY,
    Backoff,
    ChildEnded,
    ChildStarted,
    MailboxSpec,
    Strategy,
    Supervisor,
    SupervisorError,
    SupervisorSpec,
    actor_child,
    open_supervisor,
    supervisor_child,
)


class AtStep(trio.abc.Instrument):
    """Calls ``act`` before the given step of any task, counted from when it was armed."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self.left = step
        self.act = act
        self.armed = False

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count, and act once."""
        if self.armed:
            self.left -= 1
            if self.left == 0:
                self.armed = False
                trio.lowlevel.current_trio_token().run_sync_soon(self.act)


async def scenario(crew: Crew, recorder: Recorder, roots: list[Supervisor]) -> None:
    """Start a tree of two levels, crash, back off, restart groups, ask, make requests, stop."""
    inner = SupervisorSpec(
        strategy=Strategy.ONE_FOR_ALL,
        children=(crew.spec("b"), actor_child("actor", Parrot, mailbox=MailboxSpec(capacity=1))),
    )
    outer = SupervisorSpec(
        strategy=Strategy.REST_FOR_ONE,
        intensity=INFINITY,
        children=(
            crew.spec("a"),
            supervisor_child("s", inner),
            crew.spec("c", backoff=Backoff(initial=1, jitter=0)),
        ),
    )
    async with open_supervisor(outer, events=recorder.stream) as root:
        roots.append(root)
        crew.end("b", ValueError())
        await trio.sleep(0.5)
        crew.end("c", ValueError())
        await trio.sleep(2)
        ref = root.child("s").child("actor")
        await ref.tell(Nap(seconds=1))
        await ref.tell(Ask())
        await ref.tell(Ask())
        await ref.ask(Ask(), timeout=5)
        await root.start_child(crew.spec("d"))
        await root.terminate_child("a")
        await root.restart_child("a")
        crew.end("a", ValueError())
        await trio.sleep(0.5)


def check(crew: Crew, recorder: Recorder) -> None:
    """Everything that was up has ended, once."""
    started = [(event.path, event.incarnation) for event in recorder.of(ChildStarted)]
    ended = [(event.path, event.incarnation) for event in recorder.of(ChildEnded)]
    assert sorted(started) == sorted(ended)
    begun = [line.split()[1] for line in crew.log if line.startswith("start")]
    over = [line.split()[1] for line in crew.log if line.startswith("end")]
    assert sorted(begun) == sorted(over)


def run_until(step: int, *, kill: str) -> bool:
    """Run the scenario with a cancel or a kill at ``step``; return whether it came to that."""
    crew, recorder = Crew(), Recorder()
    roots: list[Supervisor] = []
    scope = trio.CancelScope()

    def act() -> None:
        if kill == "outside" or not roots:
            scope.cancel()
            return
        target = roots[0] if kill == "root" else roots[0].child("s")
        if isinstance(target, Supervisor):
            target.ref.kill()

    at_step = AtStep(step, act)

    async def main() -> None:
        tasks = trio.lowlevel.current_statistics().tasks_living
        at_step.armed = True
        with scope:
            try:
                await scenario(crew, recorder, roots)
            except SupervisorError:
                assert kill != "outside"
        at_step.armed = False
        assert trio.lowlevel.current_statistics().tasks_living == tasks

    trio.run(main, clock=MockClock(autojump_threshold=0), instruments=[at_step])
    check(crew, recorder)
    assert trio_is_clean(crew)
    return at_step.left <= 0


def trio_is_clean(crew: Crew) -> bool:
    """Whether each plain child has seen its own end."""
    return all(context.reason is not None for context in crew.contexts.values())


@pytest.mark.parametrize("kill", ["outside", "root", "nested"])
def test_no_step_is_a_bad_moment(kill: str) -> None:
    """Whenever it comes, nothing is left running and every end is told once."""
    step = 1
    while run_until(step, kill=kill):
        step += 1
    assert step > 60
