"""Crashes by the hundred thousand: what they leave behind."""

import gc
import time
from typing import NamedTuple

import trio

from bench.supervision.common import resident_bytes
from wasup.supervisor import (
    INFINITY,
    Actor,
    ActorRef,
    ChildRef,
    ExitReason,
    MailboxSpec,
    Strategy,
    Supervisor,
    SupervisorSpec,
    actor_child,
    open_supervisor,
)

WORKERS = 100


class Watched(Actor[str]):
    """Is monitored by all."""

    async def handle(self, _message: str) -> None:
        """Nothing is sent."""


class Crasher(Actor[str]):
    """Has a name, a background task, a monitor, and mail that survives; crashes when told."""

    def __init__(self, number: int, watched: ChildRef) -> None:
        self.number = number
        self.watched = watched

    async def on_start(self) -> None:
        """Take them."""
        self.registry.register(f"crasher:{self.number}", self.ref)
        self.nursery.start_soon(trio.sleep_forever)
        self.monitor(self.watched)

    async def handle(self, message: str) -> None:
        """Crash."""
        raise RuntimeError(message)

    async def on_stop(self, _reason: ExitReason) -> None:
        """Take a moment."""
        await trio.lowlevel.checkpoint()


class Reading(NamedTuple):
    """What must stay flat."""

    crashes: int
    megabytes: float
    objects: int
    tasks: int
    names: int
    monitors: int


def run(crashes: int) -> int:
    """Soak, and tell; returns the exit status."""
    return trio.run(_run, crashes)


async def _run(crashes: int) -> int:
    pool = SupervisorSpec(
        strategy=Strategy.SIMPLE_ONE_FOR_ONE,
        intensity=INFINITY,
        template=actor_child("crasher", Crasher, mailbox=MailboxSpec(survives_restart=True)),
        instance_id=lambda number, _watched: str(number),
    )
    async with open_supervisor(SupervisorSpec(children=(actor_child("watched", Watched),))) as other:
        watched = other.child("watched")
        async with open_supervisor(pool) as root:
            for number in range(WORKERS):
                await root.start_child(number, watched)
            return await _soak(root, watched, crashes)


async def _soak(root: Supervisor, watched: ActorRef[str], crashes: int) -> int:
    begun = time.perf_counter()
    done = 0
    print(f"{'crashes':>10s} {'MB':>8s} {'objects':>9s} {'tasks':>6s} {'names':>6s} {'monitors':>9s} {'seconds':>8s}")

    async def crash_until(count: int) -> Reading:
        nonlocal done
        while done < count:
            for number in range(WORKERS):
                root.child(str(number)).tell_nowait("asked to")
            done += WORKERS
            while root.events.counters["ChildRestarted"] < done:
                await trio.lowlevel.checkpoint()
        gc.collect()
        reading = Reading(
            done,
            resident_bytes() / 1e6,
            sum(type(one) is not tuple for one in gc.get_objects()),  # the collector sees some tuples and some not
            trio.lowlevel.current_statistics().tasks_living,
            len(root.registry),
            len(watched._context._at_end or ()),  # noqa: SLF001
        )
        crashed, megabytes, *counts = reading
        print(f"{crashed:10d} {megabytes:8.1f}", *(f"{one:9d}" for one in counts), end="")
        print(f" {time.perf_counter() - begun:8.1f}", flush=True)
        return reading

    await crash_until(0)
    early = await crash_until(max(crashes // 10, 30 * WORKERS))  # by then the histories are full
    late = await crash_until(crashes)
    flat = (
        late[3:] == early[3:]
        and abs(late.objects - early.objects) < 2000  # Trio keeps up to 1,000 deadlines that are no longer wanted
        and late.megabytes - early.megabytes < 0.1 * early.megabytes
        and {node.restarts for node in root.snapshot().children} == {late.crashes // WORKERS}
    )
    print("flat" if flat else "NOT FLAT")
    return 0 if flat else 1
