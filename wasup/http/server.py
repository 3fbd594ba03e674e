"""The web server: Hypercorn's protocol code behind our own front door. Made to run as a supervised child."""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import trio
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework
from hypercorn.utils import wrap_app

from wasup.http.gate import Gate, Overused
from wasup.http.guard import GuardedConnection, raw_problem
from wasup.http.places import Places
from wasup.http.sockets import GuardedStream

__all__ = ["ServerLimits", "serve_http"]

_log = logging.getLogger(__name__)
_FAREWELLS: Final = 100  # who is turned away beyond so many at once gets no answer
# Trio takes one connection from a listener each time round its loop: when that has much to do, the others would
# wait unseen in the kernel for seconds, and could not even be refused.
_ACCEPTORS: Final = 8
_BUSY: Final = "Too many connections; try again soon."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What clients may take; times in seconds.

    Attributes:
        connections: open at once; what comes on top is answered with 503 and closed.
        idle: how long a connection may be silent between requests, and a request's head may take to arrive.
        send_timeout: how long 64 KB of an answer may take to be taken.
        linger: how long a client may go on sending after it was refused.
        grace: how long requests in hand may take to end when the server stops.
        head: bytes of a request's head.
    """

    connections: int = 2000
    idle: float = 15.0
    send_timeout: float = 10.0
    linger: float = 2.0
    grace: float = 5.0
    head: int = 16_384
    backlog: int = 1024


@dataclass(slots=True)
class _Door:
    """Who is connected, and who of them keeps a place without a request.

    When all places are taken, a newcomer gets that of whoever has kept one for longest: first of those who have never
    asked for anything. So a crowd that only connects, or dawdles, keeps nobody out.
    """

    limits: ServerLimits
    open: set[GuardedStream] = field(default_factory=set)
    silent: dict[GuardedStream, None] = field(default_factory=dict)
    resting: dict[GuardedStream, None] = field(default_factory=dict)
    empty: trio.Event | None = None
    dropped: int = 0
    turning_away: int = 0

    def enter(self, stream: GuardedStream) -> bool:
        """Give a connection a place; False when there is none to be had."""
        if len(self.open) >= self.limits.connections and not self._make_room():
            return False
        self.open.add(stream)
        self.silent[stream] = None
        return True

    def _make_room(self) -> bool:
        for idle in (self.silent, self.resting):
            for stream in idle:
                stream.abort()
                self.leave(stream)
                return True
        return False

    def turn(self, stream: GuardedStream, *, busy: bool) -> None:
        """A request has arrived on this connection, or has been answered."""
        self.silent.pop(stream, None)
        self.resting.pop(stream, None)
        if not busy and stream in self.open:
            self.resting[stream] = None

    def leave(self, stream: GuardedStream) -> None:
        """A connection has ended."""
        self.open.discard(stream)
        self.silent.pop(stream, None)
        self.resting.pop(stream, None)
        if self.empty is not None and not self.open:
            self.empty.set()

    def close_silent(self) -> None:
        """Nobody is waited for any more who has not asked for anything."""
        for stream in list(self.silent):
            stream.abort()

    def note(self, error: BaseException) -> None:
        """A connection ended with an error: what its client sent, most likely, so no alarm."""
        self.dropped += 1
        _log.info("connection dropped: %r", error, extra={"dropped": self.dropped})

    async def wait_empty(self) -> None:
        """Wait until nobody is connected; when that takes too long, show everybody out.

        Cancellation does not reach a send, which Hypercorn shields. Closing the sockets does.
        """
        try:
            if self.open:
                self.empty = trio.Event()
                with trio.move_on_after(self.limits.grace):
                    await self.empty.wait()
        finally:
            for stream in list(self.open):
                stream.abort()


async def serve_http(
    app: ASGIFramework,
    *,
    host: str,
    port: int,
    started: Callable[[int], None],
    stop: trio.Event | None = None,
    limits: ServerLimits | None = None,
    places: Places | None = None,
    overused: Overused = lambda _key: 0.0,
) -> None:
    """Serve an application until told to stop, or cancelled.

    No client can make it raise. It is over `limits.grace` seconds after `stop` was set, or at once when cancelled.
    The application's own start-up and shutdown hooks (ASGI lifespan) are not called: the tree starts what it needs.

    Args:
        app: the application.
        host: address to listen on.
        port: 0 for any free one.
        started: called with the port once connections are accepted.
        stop: set it to end: no new connections, requests in hand are finished.
        limits: what clients may take.
        places: for requests in hand; what comes when all are taken is refused.
        overused: knows API keys that are used too often; what comes with one is refused.

    Raises:
        OSError: the address cannot be listened on.
    """
    limits = limits or ServerLimits()
    places = places or Places()
    gate = Gate(places, overused)
    stop = trio.Event() if stop is None else stop
    config = _config(limits)
    context = WorkerContext(None)
    door = _Door(limits)
    wrapped = wrap_app(app, config.wsgi_max_body_size, "asgi")

    async def meet(stream: trio.SocketStream) -> None:
        guarded = GuardedStream(stream, send_timeout=limits.send_timeout, linger=limits.linger)
        if not door.enter(guarded):
            await _turn_away(door, stream)
            return

        def turn(busy: bool) -> None:  # noqa: FBT001 - a callback
            door.turn(guarded, busy=busy)

        try:
            if await guarded.wait_begun(limits.idle):
                await GuardedConnection(wrapped, config, context, guarded, door.note, turn, places, gate).run()
        finally:
            guarded.abort()
            door.leave(guarded)

    listeners = await trio.open_tcp_listeners(port, host=host, backlog=limits.backlog)
    listeners += [trio.SocketListener(one.socket.dup()) for one in listeners for _ in range(_ACCEPTORS - 1)]
    async with trio.open_nursery() as connections:
        connections.start_soon(places.follow_load)
        try:
            async with trio.open_nursery() as accepting:
                accepting.start_soon(
                    functools.partial(trio.serve_listeners, meet, listeners, handler_nursery=connections)
                )
                started(listeners[0].socket.getsockname()[1])
                await stop.wait()
                accepting.cancel_scope.cancel()
            door.close_silent()
            await context.terminated.set()
        finally:
            await door.wait_empty()
            connections.cancel_scope.cancel()


def _config(limits: ServerLimits) -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = _log
    config.include_server_header = False
    config.keep_alive_timeout = limits.idle
    config.h11_max_incomplete_size = limits.head
    config.websocket_max_message_size = 65_536
    config.websocket_ping_interval = 20.0
    return config


async def _turn_away(door: _Door, stream: trio.SocketStream) -> None:
    """Answer before anything was read: with too many clients, each must cost next to nothing."""
    fields, body = raw_problem(503, _BUSY)
    lines = [f"HTTP/1.1 503 {HTTPStatus(503).phrase}", "Retry-After: 1", *map(": ".join, fields.items())]
    head = "\r\n".join(lines) + "\r\n\r\n"
    door.turning_away += 1
    try:
        if door.turning_away <= _FAREWELLS:
            with trio.move_on_after(1.0):
                await stream.send_all(head.encode() + body)
                await stream.send_eof()
                await stream.receive_some(4096)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return
    finally:
        door.turning_away -= 1
        stream.socket.close()
