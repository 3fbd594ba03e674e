"""Plain Trio: the least that does the same."""

import trio

from bench.supervision.common import BURST, PAUSE, STRIDE, Growth, clock, processor_time


async def _idle(task_status: trio.TaskStatus[trio.MemorySendChannel[int]]) -> None:
    send, receive = trio.open_memory_channel[int](100)
    task_status.started(send)
    await receive.receive()


def spawn(count: int) -> float:
    """nursery.start of tasks that wait on a channel."""
    return trio.run(_spawn, count)


async def _spawn(count: int) -> float:
    async with trio.open_nursery() as nursery:

        async def operation() -> None:
            for _ in range(count):
                await nursery.start(_idle)

        seconds = await processor_time(operation)
        nursery.cancel_scope.cancel()
    return seconds


class Cell:
    """The least a reply can be: a parked task and a value."""

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


def ask(count: int) -> float:
    """A channel there, a bare cell back, under fail_after."""
    return trio.run(_ask, count)


async def _ask(count: int) -> float:
    async def answer(receive: trio.MemoryReceiveChannel[tuple[int, Cell]]) -> None:
        async for number, cell in receive:
            cell.put(number)

    async with trio.open_nursery() as nursery:
        send, receive = trio.open_memory_channel[tuple[int, Cell]](100)
        nursery.start_soon(answer, receive)

        async def operation() -> None:
            for number in range(count):
                with trio.fail_after(5):
                    cell = Cell()
                    send.send_nowait((number, cell))
                    await cell.get()

        seconds = await processor_time(operation)
        nursery.cancel_scope.cancel()
    return seconds


async def _swallow(receive: trio.MemoryReceiveChannel[int]) -> None:
    async for _ in receive:
        pass


def tell(count: int) -> float:
    """A memory channel's awaited send."""
    return trio.run(_tell, count)


async def _tell(count: int) -> float:
    async with trio.open_nursery() as nursery:
        send, receive = trio.open_memory_channel[int](1000)
        nursery.start_soon(_swallow, receive)

        async def operation() -> None:
            for number in range(count):
                await send.send(number)

        seconds = await processor_time(operation)
        nursery.cancel_scope.cancel()
    return seconds


def post(count: int) -> float:
    """A memory channel's send_nowait."""
    return trio.run(_post, count)


async def _post(count: int) -> float:
    async with trio.open_nursery() as nursery:
        send, receive = trio.open_memory_channel[int](count)
        nursery.start_soon(_swallow, receive)

        async def operation() -> None:
            for _ in range(count // BURST):
                for number in range(BURST):
                    send.send_nowait(number)
                await trio.lowlevel.checkpoint()
            while send.statistics().current_buffer_used:
                await trio.lowlevel.checkpoint()

        seconds = await processor_time(operation)
        nursery.cancel_scope.cancel()
    return seconds


def idle(count: int) -> tuple[float, float]:
    """Tasks that wait on a channel."""
    return trio.run(_idle_many, count)


async def _idle_many(count: int) -> tuple[float, float]:
    growth = Growth()
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            await nursery.start(_idle)
        grown = growth.since(count)
        nursery.cancel_scope.cancel()
    return grown


def restart(children: int, count: int) -> list[float]:
    """One task awaits crashes and starts what has crashed again; each child catches its own crash and reports it."""
    return trio.run(_restart, children, count)


async def _restart(children: int, count: int) -> list[float]:
    inboxes: dict[int, trio.MemorySendChannel[str]] = {}
    crashes: list[Exception] = []
    restarted_at = 0.0
    report, reports = trio.open_memory_channel[tuple[int, Exception]](children)

    async def child(number: int, task_status: trio.TaskStatus[None]) -> None:
        try:
            send, receive = trio.open_memory_channel[str](100)
            inboxes[number] = send
            task_status.started()
            async for message in receive:
                raise RuntimeError(message)
        except RuntimeError as error:
            report.send_nowait((number, error))

    async def supervise() -> None:
        nonlocal restarted_at
        async for number, error in reports:
            crashes.append(error)
            del crashes[:-20]
            await nursery.start(child, number)
            restarted_at = clock()

    seconds = []
    async with trio.open_nursery() as nursery:
        for number in range(children):
            await nursery.start(child, number)
        nursery.start_soon(supervise)
        for number in range(count):
            restarted_at = 0.0
            begun = clock()
            inboxes[number * STRIDE % children].send_nowait("asked to")
            while not restarted_at:
                await trio.sleep(PAUSE)
            seconds.append(restarted_at - begun)
        nursery.cancel_scope.cancel()
    return seconds
