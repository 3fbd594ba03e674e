"""otpylib: OTP's names on asyncio."""

import asyncio
import gc
import time
from typing import Any

from otpylib import gen_server, process, supervisor
from otpylib.module import GEN_SERVER, SUPERVISOR, OTPModule
from otpylib.runtime import set_runtime
from otpylib.runtime.backends.asyncio_backend.backend import AsyncIOBackend

from bench.supervision.common import BURST, PAUSE, STRIDE, Growth, clock


class _Seen:
    """What the servers did."""

    restarted_at = 0.0
    handled = 0


class _EchoerCallbacks:
    """Answers with the number it was sent."""

    async def init(self, number: int) -> int:
        """Be up."""
        _Seen.restarted_at = clock()
        return number

    async def handle_call(self, message: object, _caller: object, state: int) -> tuple[Any, int]:
        """Answer."""
        return gen_server.Reply(payload=message), state

    async def handle_cast(self, message: object, state: int) -> tuple[Any, int]:
        """Count, or crash."""
        if message == "crash":
            raise RuntimeError("asked to")
        _Seen.handled += 1
        return gen_server.NoReply(), state

    async def handle_info(self, _message: object, state: int) -> tuple[Any, int]:
        """Ignore it."""
        return gen_server.NoReply(), state

    async def terminate(self, _reason: object, _state: int) -> None:
        """Say nothing."""


class _PoolCallbacks:
    """A static supervisor of so many servers."""

    async def init(self, children: int) -> tuple[Any, Any]:
        """Name the children."""
        specs = [
            supervisor.child_spec(id=str(number), module=Echoer, args=number, name=str(number))
            for number in range(children)
        ]
        return specs, supervisor.options(max_restarts=1_000_000, max_seconds=1)

    async def terminate(self, _reason: object, _state: object) -> None:
        """Say nothing."""


def _module(name: str, callbacks: type, behavior: Any) -> Any:
    """Return an otpylib module with these callbacks."""
    functions = {key: value for key, value in vars(callbacks).items() if callable(value)}
    return OTPModule(name, (), {**functions, "__module__": __name__}, behavior=behavior, version="1.0.0")


Echoer = _module("Echoer", _EchoerCallbacks, GEN_SERVER)
Pool = _module("Pool", _PoolCallbacks, SUPERVISOR)


async def _in_process(act: Any) -> Any:
    runtime = AsyncIOBackend()
    await runtime.initialize()
    set_runtime(runtime)
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def body() -> None:
        try:
            done.set_result(await act())
        except Exception as error:  # noqa: BLE001  passed on
            done.set_exception(error)

    await process.spawn(body, mailbox=True)
    return await done


def _run(act: Any) -> Any:
    async def main() -> Any:
        return await _in_process(act)

    return asyncio.run(main())


async def _processor_time(operation: Any) -> float:
    gc.collect()
    begun = time.process_time()
    await operation()
    return time.process_time() - begun


def spawn(count: int) -> float:
    """start_link of gen_servers; it waits for their init."""

    async def operation() -> None:
        for number in range(count):
            await gen_server.start_link(Echoer, number)

    async def act() -> float:
        return await _processor_time(operation)

    seconds: float = _run(act)
    return seconds


def ask(count: int) -> float:
    """Call with a timeout."""

    async def act() -> float:
        await gen_server.start_link(Echoer, 0, "echoer")

        async def operation() -> None:
            for number in range(count):
                await gen_server.call("echoer", number, timeout=5)

        return await _processor_time(operation)

    seconds: float = _run(act)
    return seconds


def post(count: int) -> float:
    """Cast in bursts; its mailboxes have no bound."""

    async def act() -> float:
        pid = await gen_server.start_link(Echoer, 0)

        async def operation() -> None:
            for _ in range(count // BURST):
                for number in range(BURST):
                    await gen_server.cast(pid, number)
                await asyncio.sleep(0)
            while _Seen.handled < count // BURST * BURST:
                await asyncio.sleep(0)

        return await _processor_time(operation)

    seconds: float = _run(act)
    return seconds


def idle(count: int) -> tuple[float, float]:
    """gen_servers, linked to one process."""

    async def act() -> tuple[float, float]:
        growth = Growth()
        for number in range(count):
            await gen_server.start_link(Echoer, number)
        return growth.since(count)

    grown: tuple[float, float] = _run(act)
    return grown


def restart(children: int, count: int) -> list[float]:
    """From the cast to the next `init`, under a static supervisor."""

    async def act() -> list[float]:
        await supervisor.start_link(Pool, children)
        seconds = []
        for number in range(count):
            _Seen.restarted_at = 0.0
            begun = clock()
            await gen_server.cast(str(number * STRIDE % children), "crash")
            while not _Seen.restarted_at:
                await asyncio.sleep(PAUSE)
            seconds.append(_Seen.restarted_at - begun)
        return seconds

    found: list[float] = _run(act)
    return found
