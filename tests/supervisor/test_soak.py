"""Many crashes leave nothing behind."""

import gc
import os

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.supervisor.helpers import Parrot, Raise, tree
from wasup.supervisor import ChildRef, Strategy, actor_child

CRASHES = int(os.environ.get("WASUP_SOAK_CRASHES", "20000"))


class Registered(Parrot):
    """Has a name, a background task and a monitor."""

    def __init__(self, number: int, watched: ChildRef) -> None:
        super().__init__()
        self.number = number
        self.watched = watched

    async def on_start(self) -> None:
        """Take them."""
        self.registry.register(f"n{self.number}", self.ref)
        self.nursery.start_soon(trio.sleep_forever)
        self.monitor(self.watched)


async def test_crashes_leave_tasks_names_and_memory_flat(autojump_clock: MockClock) -> None:
    """Actors with names, background tasks and monitors, crashing in turns."""
    workers = 50
    async with tree(actor_child("watched", Parrot)) as other:
        watched = other.child("watched")
        template = actor_child("t", lambda number: Registered(number, watched))
        async with tree(strategy=Strategy.SIMPLE_ONE_FOR_ONE, template=template, instance_id=str) as root:
            for number in range(workers):
                await root.start_child(number)

            async def crash_all(rounds: int) -> tuple[int, int, int, int]:
                for _ in range(rounds):
                    for number in range(workers):
                        root.child(str(number)).tell_nowait(Raise())
                    await wait_all_tasks_blocked()
                gc.collect()
                tasks = trio.lowlevel.current_statistics().tasks_living
                return tasks, len(root.registry), len(watched._context._at_end), len(gc.get_objects())

            before = await crash_all(25)
            after = await crash_all(CRASHES // workers - 25)
            assert after[:3] == before[:3]
            assert after[3] - before[3] < 1000
            assert {node.restarts for node in root.snapshot().children} == {CRASHES // workers}
