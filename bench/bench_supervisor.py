"""Costs of wasup.supervisor beside the same operations in plain Trio, in one run.

    python bench/bench_supervisor.py [row ...]          rows: spawn ask tell burst restart size

Trust the ratios, not the absolute figures.  Each pair is measured in turns; the medians are compared.
"""

import gc
import statistics
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import trio

from wasup.supervisor import (
    INFINITY,
    Actor,
    MailboxSpec,
    Request,
    Strategy,
    SupervisorSpec,
    actor_child,
    open_supervisor,
)

ROUNDS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo(Request[int]):
    """Asks for its number back."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """Crashes the actor."""


class Echoer(Actor[Echo | Crash | int]):
    """Answers with the number it was sent, and tells ``STARTED`` when it is up again."""

    def __init__(self, _number: int) -> None:
        pass

    async def on_start(self) -> None:
        """Tell."""
        STARTED.append(time.perf_counter())

    async def handle(self, message: Echo | Crash | int) -> object:
        """Answer, or crash."""
        if isinstance(message, Crash):
            raise RuntimeError("asked to")  # noqa: TRY004  not a mistake
        return message.number if isinstance(message, Echo) else None


STARTED: deque[float] = deque(maxlen=1)
POOL = SupervisorSpec(
    strategy=Strategy.SIMPLE_ONE_FOR_ONE,
    intensity=INFINITY,
    template=actor_child("echo", Echoer),
    instance_id=str,
)


async def processor_time(operation: Callable[[], Awaitable[object]]) -> float:
    """Return the processor seconds of one run."""
    gc.collect()
    begun = time.process_time()
    await operation()
    return time.process_time() - begun


async def compare(
    label: str,
    count: int,
    ours: Callable[[], Awaitable[object]],
    plain: Callable[[], Awaitable[object]],
    target: float,
) -> None:
    """Print operations per second of both, and their ratio."""
    times = [(await processor_time(ours), await processor_time(plain)) for _ in range(ROUNDS)]
    mine = statistics.median(one for one, _ in times)
    other = statistics.median(one for _, one in times)
    verdict = "ok" if other / mine >= target else "MISSED"
    print(
        f"{label:38s} ours {count / mine:9.0f}/s  plain {count / other:9.0f}/s"
        f"  ratio {other / mine:5.2f}  target {target:4.2f} {verdict}",
        flush=True,
    )


async def bench_spawn() -> None:
    """Start acknowledged actors one by one, beside nursery.start of tasks that wait on a channel."""
    count = 2000

    async def plain_task(task_status: trio.TaskStatus[object]) -> None:
        send, receive = trio.open_memory_channel[int](100)
        task_status.started(send)
        await receive.receive()

    async with open_supervisor(POOL) as root, trio.open_nursery() as nursery:
        started = 0

        async def ours() -> None:
            nonlocal started
            for _ in range(count):
                started += 1
                await root.start_child(started)

        async def plain() -> None:
            for _ in range(count):
                await nursery.start(plain_task)

        await compare("spawn, acknowledged", count, ours, plain, 0.6)
        nursery.cancel_scope.cancel()


class Cell:
    """The least a reply can be in plain Trio: a parked task and a value."""

    __slots__ = ("task", "value")

    def __init__(self) -> None:
        self.task: trio.lowlevel.Task | None = None
        self.value: int | None = None

    def put(self, value: int) -> None:
        """Give the value and wake the task."""
        self.value = value
        if self.task is not None:
            trio.lowlevel.reschedule(self.task)

    async def get(self) -> int | None:
        """Wait for the value."""
        self.task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.SUCCEEDED)
        return self.value


async def bench_ask() -> None:
    """Ask under a deadline, beside a channel with a reply channel, and with a bare cell, under fail_after."""
    count = 5000

    async def answer(receive: trio.MemoryReceiveChannel[tuple[Echo, trio.MemorySendChannel[int]]]) -> None:
        async for message, reply in receive:
            reply.send_nowait(message.number)

    async def answer_cells(receive: trio.MemoryReceiveChannel[tuple[Echo, Cell]]) -> None:
        async for message, cell in receive:
            cell.put(message.number)

    async with open_supervisor(POOL) as root, trio.open_nursery() as nursery:
        ref = await root.start_child(1)
        send, receive = trio.open_memory_channel[tuple[Echo, trio.MemorySendChannel[int]]](100)
        send_cell, receive_cell = trio.open_memory_channel[tuple[Echo, Cell]](100)
        nursery.start_soon(answer, receive)
        nursery.start_soon(answer_cells, receive_cell)

        async def ours() -> None:
            for number in range(count):
                await ref.ask(Echo(number=number), timeout=5)

        async def plain() -> None:
            for number in range(count):
                with trio.fail_after(5):
                    reply, answered = trio.open_memory_channel[int](1)
                    await send.send((Echo(number=number), reply))
                    await answered.receive()

        async def bare() -> None:
            for number in range(count):
                with trio.fail_after(5):
                    cell = Cell()
                    send_cell.send_nowait((Echo(number=number), cell))
                    await cell.get()

        await compare("ask, beside channel + reply channel", count, ours, plain, 0.8)
        await compare("ask, beside channel + bare cell", count, ours, bare, 0.8)
        nursery.cancel_scope.cancel()


async def bench_tell() -> None:
    """Tell one by one, beside a memory channel's awaited send."""
    count = 10_000

    async def swallow(receive: trio.MemoryReceiveChannel[int]) -> None:
        async for _ in receive:
            pass

    async with open_supervisor(POOL) as root, trio.open_nursery() as nursery:
        ref = await root.start_child(1)
        send, receive = trio.open_memory_channel[int](1000)
        nursery.start_soon(swallow, receive)

        async def ours() -> None:
            for number in range(count):
                await ref.tell(number)

        async def plain() -> None:
            for number in range(count):
                await send.send(number)

        await compare("tell, one by one", count, ours, plain, 0.8)
        nursery.cancel_scope.cancel()


class Batcher(Actor[int]):
    """Counts messages in batches."""

    received = 0

    async def run(self) -> None:
        """Receive for ever."""
        while True:
            Batcher.received += len(await self.receive_many(1000))


async def bench_burst() -> None:
    """Tell in bursts of 100 to an actor that receives in batches."""
    count = 300_000
    spec = SupervisorSpec(children=(actor_child("b", Batcher, mailbox=MailboxSpec(capacity=INFINITY)),))
    async with open_supervisor(spec) as root:
        tell = root.child("b").tell_nowait

        async def ours() -> None:
            until = Batcher.received + count
            for _ in range(count // 100):
                for number in range(100):
                    tell(number)
                await trio.lowlevel.checkpoint()
            while Batcher.received < until:
                await trio.lowlevel.checkpoint()

        best = min([await processor_time(ours) for _ in range(ROUNDS)])
        verdict = "ok" if count / best >= 1e6 else "MISSED"
        print(f"{'tell, bursts + receive_many':38s} ours {count / best:9.0f}/s  target 1000000/s {verdict}", flush=True)


async def bench_restart() -> None:
    """Crash to started again, among 1,000 and 10,000 children, beside a loop that catches and starts again."""

    async def one_plain(restarts: list[float], crash: trio.MemoryReceiveChannel[float]) -> None:
        async def task(task_status: trio.TaskStatus[None]) -> None:
            task_status.started()
            begun.append(await crash.receive())
            raise RuntimeError("asked to")

        begun: deque[float] = deque(maxlen=1)
        while True:
            try:
                async with trio.open_nursery() as nursery:
                    await nursery.start(task)
                    if begun:
                        restarts.append(time.perf_counter() - begun[0])
            except* RuntimeError:
                pass

    async def plain(children: int, crashes: int) -> list[float]:
        restarts: list[float] = []
        async with trio.open_nursery() as nursery:
            send, receive = trio.open_memory_channel[float](1)
            for _ in range(children - 1):
                nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(one_plain, restarts, receive)
            await trio.sleep(0.1)
            for _ in range(crashes):
                await send.send(time.perf_counter())
                await trio.sleep(0.001)
            nursery.cancel_scope.cancel()
        return restarts

    async def ours(children: int, crashes: int) -> list[float]:
        restarts = []
        async with open_supervisor(POOL) as root:
            for number in range(children):
                await root.start_child(number)
            for number in range(crashes):
                ref = root.child(str(number * 7 % children))
                begun = time.perf_counter()
                ref.tell_nowait(Crash())
                await trio.sleep(0.001)
                restarts.append(STARTED[0] - begun)
        return restarts

    for children in (1000, 10_000):
        mine, other = await ours(children, 500), await plain(children, 500)
        p50, p99 = (statistics.quantiles(mine, n=100)[place] * 1e6 for place in (49, 98))
        plain50, plain99 = (statistics.quantiles(other, n=100)[place] * 1e6 for place in (49, 98))
        print(
            f"crash to restarted among {children:6d}        ours p50 {p50:5.0f} p99 {p99:5.0f} us"
            f"  plain p50 {plain50:5.0f} p99 {plain99:5.0f} us  p50 ratio {p50 / plain50:4.2f}",
            flush=True,
        )


def resident_kilobytes() -> float:
    """Return the resident memory of this process (Linux)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4.0


async def bench_size() -> None:
    """Start 10,000 actors; their memory; a snapshot of them, whole and in slices."""
    count = 10_000
    gc.collect()
    before = resident_kilobytes()
    begun = time.perf_counter()
    async with open_supervisor(POOL) as root:
        for number in range(count):
            await root.start_child(number)
        print(f"{'10,000 children start':38s} {time.perf_counter() - begun:5.2f} s  target 2 s", flush=True)
        gc.collect()
        each = (resident_kilobytes() - before) / count
        print(f"{'idle supervised actor':38s} {each:5.2f} KB  target 6 KB", flush=True)
        begun = time.perf_counter()
        root.snapshot()
        whole = time.perf_counter() - begun
        print(f"{'snapshot of 10,000':38s} {whole * 1e3:5.1f} ms  target 100 ms", flush=True)
        longest = 0.0

        async def watch() -> None:
            nonlocal longest
            while True:
                begun = time.perf_counter()
                await trio.lowlevel.checkpoint()
                longest = max(longest, time.perf_counter() - begun)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            await trio.sleep(0.01)
            longest = 0.0
            await root.snapshot_in_slices()
            nursery.cancel_scope.cancel()
        print(f"{'longest pause, snapshot in slices':38s} {longest * 1e3:5.1f} ms  target 10 ms", flush=True)


ROWS = {
    "size": bench_size,
    "spawn": bench_spawn,
    "ask": bench_ask,
    "tell": bench_tell,
    "burst": bench_burst,
    "restart": bench_restart,
}

if __name__ == "__main__":
    for row in sys.argv[1:] or ROWS:
        trio.run(ROWS[row])
