"""wasup.supervisor."""

import gc
from dataclasses import dataclass
from typing import Any

import trio

from bench.supervision.common import BURST, PAUSE, STRIDE, Growth, clock, processor_time
from wasup.supervisor import (
    INFINITY,
    Actor,
    ChildRestarted,
    Event,
    EventStream,
    MailboxSpec,
    Request,
    Strategy,
    SupervisorSpec,
    actor_child,
    open_supervisor,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo(Request[int]):
    """Asks for its number back."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """Crashes the actor."""


class Echoer(Actor[Echo | Crash | int]):
    """Answers with the number it was sent."""

    def __init__(self, _number: int) -> None:
        pass

    async def handle(self, message: Echo | Crash | int) -> object:
        """Answer, or crash."""
        if isinstance(message, Crash):
            raise RuntimeError("asked to")  # noqa: TRY004  not a mistake
        return message.number if isinstance(message, Echo) else None


POOL = SupervisorSpec(
    strategy=Strategy.SIMPLE_ONE_FOR_ONE,
    intensity=INFINITY,
    template=actor_child("echo", Echoer),
    instance_id=str,
)


def spawn(count: int) -> float:
    """start_child of actors."""
    return trio.run(_spawn, count)


async def _spawn(count: int) -> float:
    async with open_supervisor(POOL) as root:

        async def operation() -> None:
            for number in range(count):
                await root.start_child(number)

        return await processor_time(operation)


def ask(count: int) -> float:
    """Ask under a deadline."""
    return trio.run(_ask, count)


async def _ask(count: int) -> float:
    async with open_supervisor(POOL) as root:
        ref = await root.start_child(1)

        async def operation() -> None:
            for number in range(count):
                await ref.ask(Echo(number=number), timeout=5)

        return await processor_time(operation)


def tell(count: int) -> float:
    """An awaited tell."""
    return trio.run(_tell, count)


async def _tell(count: int) -> float:
    async with open_supervisor(POOL) as root:
        ref = await root.start_child(1)

        async def operation() -> None:
            for number in range(count):
                await ref.tell(number)

        return await processor_time(operation)


class Batcher(Actor[int]):
    """Counts messages, in batches."""

    received = 0

    async def run(self) -> None:
        """Receive for ever."""
        while True:
            Batcher.received += len(await self.receive_many(1000))


class Counter(Actor[int]):
    """Counts messages, one by one."""

    async def handle(self, _message: int) -> None:
        """Count."""
        Batcher.received += 1


def post(count: int) -> float:
    """tell_nowait to an actor that handles messages one by one."""
    return trio.run(_post, count, Counter)


def post_batches(count: int) -> float:
    """tell_nowait to an actor with receive_many."""
    return trio.run(_post, count, Batcher)


async def _post(count: int, actor: type[Actor[int]]) -> float:
    spec = SupervisorSpec(children=(actor_child("a", actor, mailbox=MailboxSpec(capacity=INFINITY)),))
    async with open_supervisor(spec) as root:
        tell_nowait = root.child("a").tell_nowait

        async def operation() -> None:
            for _ in range(count // BURST):
                for number in range(BURST):
                    tell_nowait(number)
                await trio.lowlevel.checkpoint()
            while Batcher.received < count:
                await trio.lowlevel.checkpoint()

        return await processor_time(operation)


def idle(count: int) -> tuple[float, float]:
    """Actors under one supervisor."""
    return trio.run(_idle, count)


async def _idle(count: int) -> tuple[float, float]:
    growth = Growth()
    async with open_supervisor(POOL) as root:
        for number in range(count):
            await root.start_child(number)
        return growth.since(count)


def snapshot(count: int) -> tuple[float, float]:
    """Return the seconds of a snapshot of so many actors, and the longest pause while 10 are taken in slices.

    With the collector's settings of wasup: with Python's own it looks at all objects of 10,000 actors now and then.
    """
    return trio.run(_snapshot, count)


async def _snapshot(count: int) -> tuple[float, float]:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            begun = clock()
            await trio.lowlevel.checkpoint()
            longest = max(longest, clock() - begun)

    async with open_supervisor(POOL) as root, trio.open_nursery() as nursery:
        for number in range(count):
            await root.start_child(number)
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 100)
        begun = clock()
        root.snapshot()
        whole = clock() - begun
        nursery.start_soon(watch)
        await trio.sleep(0.01)
        longest = 0.0
        for _ in range(10):
            await root.snapshot_in_slices()
        nursery.cancel_scope.cancel()
    return whole, longest


class Stopwatch(EventStream):
    """Notes when the supervisor has had a restart acknowledged.  Nobody subscribes: events are counted, as ever."""

    restarted_at = 0.0

    def emit(self, kind: type[Event], path: str, incarnation: int, **details: Any) -> None:
        """Note the time."""
        super().emit(kind, path, incarnation, **details)
        if kind is ChildRestarted:
            self.restarted_at = clock()


def restart(children: int, count: int) -> list[float]:
    """Restart by the supervisor."""
    return trio.run(_restart, children, count)


async def _restart(children: int, count: int) -> list[float]:
    events = Stopwatch()
    seconds = []
    async with open_supervisor(POOL, events=events) as root:
        for number in range(children):
            await root.start_child(number)
        for number in range(count):
            ref = root.child(str(number * STRIDE % children))
            events.restarted_at = 0.0
            begun = clock()
            ref.tell_nowait(Crash())
            while not events.restarted_at:
                await trio.sleep(PAUSE)
            seconds.append(events.restarted_at - begun)
    return seconds
