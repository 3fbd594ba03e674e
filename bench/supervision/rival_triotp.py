"""triotp: OTP's names on Trio.  It declares Trio < 0.20 and is run on ours; a restart there is not acknowledged."""

from typing import Any

import logbook
import trio
from triotp import dynamic_supervisor, gen_server, mailbox, supervisor

from bench.supervision.common import BURST, PAUSE, STRIDE, Growth, clock, processor_time


class _Server:
    """The callbacks of one gen_server; triotp asks for a module, and takes what looks like one."""

    __name__ = "echoer"

    def __init__(self, up: trio.MemorySendChannel[int]) -> None:
        self.up = up
        self.restarted_at = 0.0
        self.handled = 0

    async def init(self, number: int) -> int:
        """Acknowledge."""
        self.restarted_at = clock()
        self.up.send_nowait(number)
        return number

    async def handle_call(self, message: object, _caller: object, state: int) -> tuple[Any, int]:
        """Answer."""
        return gen_server.Reply(payload=message), state

    async def handle_cast(self, message: object, state: int) -> tuple[Any, int]:
        """Count, or crash."""
        if message == "crash":
            raise RuntimeError("asked to")
        self.handled += 1
        return gen_server.NoReply(), state

    async def terminate(self, _reason: object, _state: int) -> None:
        """Say nothing."""


class _Stage:
    """A dynamic supervisor and its children."""

    def __init__(self, pool: str, server: _Server, up: trio.MemoryReceiveChannel[int]) -> None:
        self.server = server
        self._pool = pool
        self._up = up

    async def start(self, number: int) -> None:
        """Start a child and wait until it is up."""
        spec = supervisor.child_spec(id=str(number), task=gen_server.start, args=[self.server, number, str(number)])
        await dynamic_supervisor.start_child(self._pool, spec)
        await self._up.receive()


async def _on_stage(act: Any) -> Any:
    mailbox._init()  # noqa: SLF001  as triotp.node.run does
    send, receive = trio.open_memory_channel[int](100_000)
    with logbook.NullHandler().contextbound():
        async with trio.open_nursery() as nursery:
            options = supervisor.options(max_restarts=1_000_000, max_seconds=1)
            pool = await nursery.start(dynamic_supervisor.start, options)
            result = await act(_Stage(pool, _Server(send), receive))
            nursery.cancel_scope.cancel()
    return result


def _run(act: Any) -> Any:
    return trio.run(_on_stage, act)


def spawn(count: int) -> float:
    """start_child of gen_servers."""

    async def act(stage: _Stage) -> float:
        async def operation() -> None:
            for number in range(count):
                await stage.start(number)

        return await processor_time(operation)

    seconds: float = _run(act)
    return seconds


def ask(count: int) -> float:
    """Call with a timeout."""

    async def act(stage: _Stage) -> float:
        await stage.start(0)

        async def operation() -> None:
            for number in range(count):
                await gen_server.call("0", number, timeout=5)

        return await processor_time(operation)

    seconds: float = _run(act)
    return seconds


def tell(count: int) -> float:
    """Cast; a mailbox is a channel without buffer."""

    async def act(stage: _Stage) -> float:
        await stage.start(0)

        async def operation() -> None:
            for number in range(count):
                await gen_server.cast("0", number)

        return await processor_time(operation)

    seconds: float = _run(act)
    return seconds


def post(count: int) -> float:
    """Cast in bursts, which waits for each message all the same."""

    async def act(stage: _Stage) -> float:
        await stage.start(0)

        async def operation() -> None:
            for _ in range(count // BURST):
                for number in range(BURST):
                    await gen_server.cast("0", number)
            while stage.server.handled < count // BURST * BURST:
                await trio.lowlevel.checkpoint()

        return await processor_time(operation)

    seconds: float = _run(act)
    return seconds


def idle(count: int) -> tuple[float, float]:
    """gen_servers under a dynamic supervisor."""

    async def act(stage: _Stage) -> tuple[float, float]:
        growth = Growth()
        for number in range(count):
            await stage.start(number)
        return growth.since(count)

    grown: tuple[float, float] = _run(act)
    return grown


def restart(children: int, count: int) -> list[float]:
    """From the cast to the next `init`."""

    async def act(stage: _Stage) -> list[float]:
        for number in range(children):
            await stage.start(number)
        seconds = []
        for number in range(count):
            stage.server.restarted_at = 0.0
            begun = clock()
            await gen_server.cast(str(number * STRIDE % children), "crash")
            while not stage.server.restarted_at:
                await trio.sleep(PAUSE)
            seconds.append(stage.server.restarted_at - begun)
        return seconds

    found: list[float] = _run(act)
    return found
