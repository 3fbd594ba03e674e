"""The one place where Trio meets asyncio.

asyncmy, aiosqlite, redis.asyncio and Playwright speak only asyncio. One asyncio loop runs in a thread of its
own; `Bridge.run` starts a task there and waits for it from Trio. One crossing costs about 100 µs, so cross
once per unit of work (a whole transaction, a page action), never per await.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar, TypeVarTuple

import outcome
import trio

__all__ = ["Bridge", "BridgeDied", "BridgeError"]

Ts = TypeVarTuple("Ts")
T = TypeVar("T")


class BridgeError(Exception):
    """Base of what the bridge itself can say."""


class BridgeDied(BridgeError):  # noqa: N818
    """The asyncio thread is not running (any more); what became of the call is not known."""


class _Call:
    """One call in flight; only the asyncio thread touches `task`."""

    __slots__ = ("abort", "start", "task", "waiter")

    def __init__(self, waiter: trio.lowlevel.Task, start: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self.waiter = waiter
        self.start = start
        self.task: asyncio.Task[Any] | None = None
        self.abort: Callable[[], Any] | None = None


class Bridge:
    """An asyncio loop in a thread, called from Trio. Use it as an async context manager.

    Leaving the context cancels the calls that are still in flight, waits until they have ended, and joins
    the thread.
    """

    def __init__(self) -> None:
        self._inbox: deque[Callable[[], None]] = deque()
        self._outbox: deque[tuple[_Call, outcome.Outcome[Any]]] = deque()
        self._calls: set[_Call] = set()  # Trio's side; what must be failed if the thread dies
        self._tasks: set[asyncio.Task[Any]] = set()  # asyncio's side
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._death: BaseException | None = None
        self._alive = False
        self._died = trio.Event()

    async def __aenter__(self) -> Self:
        self._token = trio.lowlevel.current_trio_token()
        started = threading.Event()
        self._thread = threading.Thread(target=self._main, args=(started,), name="wasup-asyncio", daemon=True)
        self._alive = True
        self._thread.start()
        await trio.to_thread.run_sync(started.wait)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with trio.CancelScope(shield=True):
            if self._alive:
                self._submit(self._stop)
            assert self._thread is not None
            await trio.to_thread.run_sync(self._thread.join)
            # The thread's last words are on their way through run_sync_soon; calls must not outlive us.
            await self._died.wait()

    @property
    def alive(self) -> bool:
        """Whether calls can be made."""
        return self._alive

    def processor_time(self) -> float:
        """Seconds of a processor that the asyncio thread has used; 0 when it has ended."""
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return 0.0

    async def wait_died(self) -> None:
        """Return when the asyncio thread has ended, for whatever reason."""
        await self._died.wait()

    async def run(self, fn: Callable[[*Ts], Coroutine[Any, Any, T]], *args: *Ts) -> T:
        """Run `fn(*args)` as a task of the asyncio loop and return its result.

        Cancelling cancels the asyncio task and then *waits until it has really ended*: when this returns or
        raises, nothing of the call is running any more. A task that completes all the same although it was
        cancelled gives its result.

        Raises:
            BridgeDied: the asyncio thread has ended before the call did.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self._alive:
            raise BridgeDied(f"the asyncio thread has ended: {self._death!r}")
        call = _Call(trio.lowlevel.current_task(), lambda: fn(*args))
        self._calls.add(call)

        def abort(raise_cancel: Callable[[], Any]) -> trio.lowlevel.Abort:
            call.abort = raise_cancel
            if self._alive:
                self._submit(lambda: self._cancel(call))
            return trio.lowlevel.Abort.FAILED  # the task's end reschedules us

        self._submit(lambda: self._start(call))
        result: T = await trio.lowlevel.wait_task_rescheduled(abort)
        return result

    # Trio's thread.

    def _submit(self, action: Callable[[], None]) -> None:
        # One wake-up per burst: whoever finds the inbox empty rings the bell.
        first = not self._inbox
        self._inbox.append(action)
        if first and self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._drain_inbox)
            except RuntimeError:  # the loop has just been closed: _bury is on its way and fails the call
                self._inbox.clear()

    def _drain_outbox(self) -> None:
        while self._outbox:
            call, result = self._outbox.popleft()
            if call in self._calls:
                self._calls.remove(call)
                trio.lowlevel.reschedule(call.waiter, result)

    def _bury(self) -> None:
        self._drain_outbox()
        self._alive = False
        self._died.set()
        while self._calls:
            call = self._calls.pop()
            gone = outcome.Error(BridgeDied(f"the asyncio thread ended during the call: {self._death!r}"))
            trio.lowlevel.reschedule(call.waiter, outcome.capture(call.abort) if call.abort else gone)

    # The asyncio thread.

    def _drain_inbox(self) -> None:
        while self._inbox:
            self._inbox.popleft()()

    def _start(self, call: _Call) -> None:
        assert self._loop is not None
        try:
            task = call.task = self._loop.create_task(call.start())
        except Exception as error:  # noqa: BLE001 - the caller's own mistake goes back to the caller
            self._answer(call, outcome.Error(error))
            return
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._done(call, task))

    def _cancel(self, call: _Call) -> None:
        if call.task is not None:
            call.task.cancel()

    def _done(self, call: _Call, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            fallback = outcome.Error(BridgeDied("the asyncio side cancelled the call"))
            self._answer(call, outcome.capture(call.abort) if call.abort else fallback)
        elif (error := task.exception()) is not None:
            if not isinstance(error, Exception):  # SystemExit and the like end the loop; they must not end Trio too
                error = BridgeDied(f"the call ended the asyncio thread: {error!r}")
            self._answer(call, outcome.Error(error))
        else:
            self._answer(call, outcome.Value(task.result()))

    def _answer(self, call: _Call, result: outcome.Outcome[Any]) -> None:
        self._outbox.append((call, result))
        self._wake(self._drain_outbox)

    def _wake(self, action: Callable[[], None]) -> None:
        with suppress(trio.RunFinishedError):  # Trio is gone; nobody waits
            self._token.run_sync_soon(action, idempotent=True)

    def _stop(self) -> None:
        assert self._loop is not None
        self._loop.stop()

    def _main(self, started: threading.Event) -> None:
        self._clock = time.pthread_getcpuclockid(threading.get_ident())
        try:
            with asyncio.Runner() as runner:  # on leaving it cancels every task left and waits for it
                loop = self._loop = runner.get_loop()
                loop.call_soon(started.set)
                loop.run_forever()
                for task in self._tasks:
                    task.cancel()
                while self._tasks:
                    runner.run(_settle(self._tasks))
        except BaseException as error:  # noqa: BLE001 - whatever it is, callers have to be told
            self._death = error
        finally:
            started.set()
            self._wake(self._bury)


async def _settle(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.wait(set(tasks))
