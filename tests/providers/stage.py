"""A Trio loop that outlives single tests, so that what is dear to make can be shared and prepared in it.

pytest-trio gives each test a loop of its own. A browser with WhatsApp's page takes two seconds to be ready: on a
stage the next one is made while a test runs.
"""

import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial, wraps
from typing import Any, Generic, TypeVar

import trio

__all__ = ["Stage", "on_stage", "staged"]

T = TypeVar("T")
C = TypeVar("C", bound=type)


class Stage(Generic[T]):
    """Runs an async context manager in a thread of its own; a context manager itself.

    Attributes:
        prop: what the context manager gave.
    """

    prop: T

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._make = make
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="stage")

    def __enter__(self) -> "Stage[T]":
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self._token.run_sync_soon(self._leave.set)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def run(self, test: Callable[[], Awaitable[None]]) -> None:
        """Run a test on the stage, from another thread."""
        trio.from_thread.run(test, trio_token=self._token)

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:  # noqa: BLE001 - told to whoever leaves
            self._failure = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._leave = trio.Event()
        async with self._make() as self.prop:
            self._ready.set()
            await self._leave.wait()


def on_stage(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A test that runs on the stage of its `harness`."""

    @wraps(test)
    def run(*arguments: Any, **fixtures: Any) -> None:
        fixtures["harness"].stage.run(partial(test, *arguments, **fixtures))

    return run


def staged(suite: C) -> C:
    """A class whose tests, inherited ones too, all run on the stage."""
    for name, test in inspect.getmembers(suite, inspect.iscoroutinefunction):
        if name.startswith("test_"):
            setattr(suite, name, on_stage(test))
    return suite
