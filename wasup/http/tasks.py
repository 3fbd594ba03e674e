"""The tasks of one connection: the application, what Hypercorn does beside it, and the watch over its rest."""

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

import h11
import trio
from hypercorn.config import Config
from hypercorn.trio.task_group import TaskGroup, _handle
from hypercorn.typing import AppWrapper, ASGIReceiveEvent, ASGISendEvent, Event, Scope

from wasup.http.places import Place, Places

__all__ = ["AppTasks", "IdleTimer"]

_log = logging.getLogger(__name__)

_ANSWERED: Final = frozenset({"http.response.start", "websocket.accept", "websocket.close"})


class AppTasks(TaskGroup):
    """Runs the application for one connection.

    When the application has answered, its queue of incoming events is closed, so that nobody waits for room in it. What
    Hypercorn does beside the application, which is to send pings, ends when the client has gone: it would go on
    sleeping until the next ping, and keep the connection's place as long.

    Args:
        places: for requests in hand.

    Attributes:
        caller: whose the next request is; see `Places.have_room`.
    """

    def __init__(self, places: Places) -> None:
        super().__init__()
        self.caller = ""
        self._places = places
        self._beside: list[trio.CancelScope] = []

    def spawn(self, func: Callable[..., Awaitable[None]], *args: object) -> None:
        """Run something beside the application."""
        scope = trio.CancelScope()
        self._beside.append(scope)

        async def run() -> None:
            with scope:
                await func(*args)

        assert self._nursery is not None
        self._nursery.start_soon(run)

    def stop_beside(self) -> None:
        """The client has gone."""
        for scope in self._beside:
            scope.cancel()

    async def spawn_app(
        self,
        app: AppWrapper,
        config: Config,
        scope: Scope,
        send: Callable[[ASGISendEvent | None], Awaitable[None]],
    ) -> Callable[[ASGIReceiveEvent], Awaitable[None]]:
        """Run the application for one request; what is returned hands it an event."""
        outer, inner = trio.open_memory_channel[ASGIReceiveEvent](config.max_app_queue_size)
        place = Place(self._places, self.caller)
        if scope["type"] == "websocket":
            place.take()  # its request has no body

        async def answer(event: ASGISendEvent | None) -> None:
            if event is None or event["type"] in _ANSWERED:
                place.give_back()
            await send(event)

        async def unless_broken(scope: Scope, receive: Any, send: Any, sync_spawn: Any, call_soon: Any) -> None:
            try:
                await app(scope, receive, send, sync_spawn, call_soon)
            except BaseExceptionGroup as group:
                _, errors = group.split(trio.Cancelled)
                if errors is None or errors.split(h11.LocalProtocolError)[1] is not None:
                    raise
                # Its client has broken the protocol meanwhile, and is being told so: there is no way to answer.
                _log.info("answer not wanted: %r", errors)

        async def run() -> None:
            try:
                with inner:
                    await _handle(
                        unless_broken,
                        config,
                        scope,
                        inner.receive,
                        answer,
                        trio.to_thread.run_sync,
                        trio.from_thread.run,
                    )
            finally:
                place.give_back()

        async def put(event: ASGIReceiveEvent) -> None:
            if event["type"] == "http.request" and not event["more_body"]:
                place.take()
            try:
                await outer.send(event)
            except trio.BrokenResourceError:
                return  # the application has answered and wants no more

        assert self._nursery is not None
        self._nursery.start_soon(run)
        return put


class IdleTimer:
    """Ends a connection that rests for too long, or when the server stops.

    Hypercorn starts a task whenever a connection comes to rest, and cancels it with the next request. Here there is
    one task, whose deadline moves: tasks are the larger part of what a refusal costs.

    Args:
        seconds: how long it may rest.
        terminated: set when the server stops.
    """

    def __init__(self, seconds: float, terminated: Event) -> None:
        self._seconds = seconds
        self._terminated = terminated
        self._scope = trio.CancelScope()
        self._resting = False
        self._watched = False

    async def restart(self, tasks: "AppTasks", close: Callable[[], Awaitable[None]]) -> None:
        """It rests from now on.

        Args:
            tasks: of the connection.
            close: what ends it.
        """
        self._resting = True
        self._scope.deadline = trio.current_time() + self._seconds
        if not self._watched:
            self._watched = True
            tasks.spawn(self._watch, close)

    async def stop(self) -> None:
        """It has a request."""
        self._resting = False
        self._scope.deadline = math.inf

    async def _watch(self, close: Callable[[], Awaitable[None]]) -> None:
        while True:
            with self._scope:
                await self._terminated.wait()
            if self._resting:
                await close()
                return
            if self._terminated.is_set():
                return  # it ends with the answer to its request
            self._scope = trio.CancelScope()  # the request came in the moment in which its time was over
