"""Hypercorn's connection handling, fenced in: whatever one client sends, only its own connection ends.

Hypercorn 0.18 on Trio lets an error in one connection (a WebSocket upgrade with one trailing byte, its issue 225)
out of `serve()` and so takes every other connection along. Its parts are used here as a library instead: one
`GuardedConnection` per client, whose errors end where they began.
"""

import logging
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

import h11
import msgspec
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event as ConnectionEvent, RawData, Updated
from hypercorn.protocol.events import Event, StreamClosed
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.protocol.ws_stream import WSStream
from hypercorn.trio.tcp_server import MAX_RECV, TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState, LifespanState
from hypercorn.utils import parse_socket_addr

from wasup.http.gate import Gate, caller_of
from wasup.http.headers import SECURITY_HEADERS
from wasup.http.places import Places
from wasup.http.problems import MEDIA_TYPE, Problem
from wasup.http.refusal import HEALTH, Refused, is_whole_soon, refusal
from wasup.http.sockets import GuardedStream
from wasup.http.tasks import AppTasks, IdleTimer

__all__ = ["BAD_REQUEST_DETAILS", "GuardedConnection", "raw_problem"]

_log = logging.getLogger(__name__)

_ALWAYS: Final = frozenset(path.encode() for path in HEALTH)
_RECYCLE: Final = 2.0  # seconds in which a connection is made ready for its next request

BAD_REQUEST_DETAILS: Final = {
    400: "What arrived is no HTTP/1.1 request.",
    431: "The request's head is too large.",
}


def raw_problem(status: int, detail: str) -> tuple[dict[str, str], bytes]:
    """Headers and problem details for a client that has not got as far as the application, and gets no further."""
    request_id = uuid.uuid4().hex
    body = msgspec.json.encode(Problem(status, detail).details(request_id))
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Connection": "close",
        "X-Request-Id": request_id,
    }
    return headers | SECURITY_HEADERS, body


class _Http1(H11Protocol):
    """HTTP/1.1 and WebSocket, with problem details for what is neither, and for what there is no room for.

    HTTP/2 without TLS is not spoken: a reverse proxy speaks HTTP/1.1 to us, and what is not there needs no defence.

    Attributes:
        places: for requests in hand.
        gate: refuses plain requests that would be refused here or by the application.
        tasks: of this connection.
    """

    places: Places
    gate: Gate
    tasks: AppTasks

    async def stream_send(self, event: Event) -> None:
        """Take an event from the application.

        With the end of an answer Hypercorn tells the application that the client has gone, whereupon Quart-Trio
        cancels the very task that runs here. Unshielded, the rest would be left out: the connection would neither
        be closed nor get its idle time-out, and stay for ever.
        """
        if not isinstance(event, StreamClosed):
            await super().stream_send(event)
            return
        with trio.CancelScope(shield=True, deadline=trio.current_time() + _RECYCLE) as scope:
            await super().stream_send(event)
        if scope.cancelled_caught:
            raise trio.BrokenResourceError("the application does not take the end of its request")

    async def handle(self, event: ConnectionEvent) -> None:
        """Take what the client sends.

        Hypercorn answers a message that is too large by closing the WebSocket, and goes on collecting it for as long as
        the client sends.
        """
        await super().handle(event)
        stream = self.stream
        if isinstance(stream, WSStream) and stream.buffer.length > stream.buffer.max_length:
            await self.send(Closed())

    def refuse(self, data: bytes) -> bytes | None:
        """The whole answer to what has arrived, if it is a request that the gate refuses; else None."""
        if not self._rests():
            return None
        return self.gate.refuse(data, partial(self.config.response_headers, "h11"))

    def _rests(self) -> bool:
        """Whether what arrives now begins a request."""
        connection = self.connection
        return (
            isinstance(connection, h11.Connection)
            and connection.their_state is h11.IDLE
            and connection.our_state is h11.IDLE
            and not connection.trailing_data[0]
        )

    async def _create_stream(self, request: h11.Request) -> None:
        caller = caller_of(dict(request.headers))
        if request.target.partition(b"?")[0] not in _ALWAYS and not self.places.have_room(caller):
            await self._refuse(request)
            return
        # Compression would cost each WebSocket some 300 kB, and deflate what is encoded once for all of them.
        headers = [(name, value) for name, value in request.headers if name != b"sec-websocket-extensions"]
        plain = h11.Request(
            method=request.method, target=request.target, headers=headers, http_version=request.http_version
        )
        self.tasks.caller = caller
        await super()._create_stream(plain)

    async def _refuse(self, request: h11.Request) -> None:
        """Answer at once that there is no room. The connection stays, unless much of the request is still to come."""
        self.places.refused += 1
        close = not is_whole_soon(request)
        self.stream = cast("HTTPStream", Refused(self._maybe_recycle))
        events = refusal(request, close=close, more=self.config.response_headers("h11"))
        await self.send(RawData(b"".join(self.connection.send(event) or b"" for event in events)))
        if close:
            await self.send(Closed())
        elif self.connection.their_state is not h11.DONE:
            await self.send(Updated(idle=True))  # what is left has as long to arrive as the next request's head

    async def _check_protocol(self, _event: h11.Request) -> None:
        return

    async def _send_error_response(self, status_code: int) -> None:
        fields, body = raw_problem(status_code, BAD_REQUEST_DETAILS.get(status_code, BAD_REQUEST_DETAILS[400]))
        headers = [
            *((name.lower().encode(), value.encode()) for name, value in fields.items()),
            *self.config.response_headers("h11"),
        ]
        await self._send_h11_event(h11.Response(status_code=status_code, headers=headers))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


class GuardedConnection(TCPServer):
    """One client. `run` returns when the connection has ended, for whatever reason.

    Args:
        on_error: told of errors that ended the connection, for the count.
        on_turn: told whether a request is in hand now (True), or the next one is waited for.
        places: for requests in hand.
        gate: refuses requests before they are parsed.
    """

    def __init__(
        self,
        app: AppWrapper,
        config: Config,
        context: WorkerContext,
        stream: GuardedStream,
        on_error: Callable[[BaseException], None],
        on_turn: Callable[[bool], None],
        places: Places,
        gate: Gate,
    ) -> None:
        super().__init__(app, config, context, LifespanState(), stream)  # type: ignore[arg-type]
        self._guarded = stream
        self._on_error = on_error
        self._on_turn = on_turn
        self._places = places
        self._gate = gate
        self.idle_task: Any = IdleTimer(config.keep_alive_timeout, context.terminated)

    async def run(self) -> None:
        """Talk to the client until one side ends it."""
        try:
            await self._talk()
        except BaseExceptionGroup as group:
            stops, errors = group.split((trio.Cancelled, KeyboardInterrupt, SystemExit))
            if errors is not None:
                self._on_error(errors)
            if stops is not None:
                raise stops from None
        except Exception as error:  # noqa: BLE001 - nothing that a client causes may get out of here
            self._on_error(error)
        finally:
            self._guarded.abort()

    async def protocol_send(self, event: ConnectionEvent) -> None:
        """Take what the protocol has for the client, or tells of itself."""
        if isinstance(event, Updated):
            self._on_turn(not event.idle)
        await super().protocol_send(event)

    async def _idle_timeout(self) -> None:
        with trio.CancelScope(shield=True):
            await self._initiate_server_close()

    async def _read_data(self) -> None:
        """Hypercorn's, but what the gate refuses is answered here, without its lock and its scopes around each send."""
        try:
            while True:
                data = await self._guarded.receive_some(MAX_RECV)
                answer = self.protocol.refuse(data) if data else None
                if answer is None:
                    await self.protocol.handle(RawData(data))
                    if not data:
                        break
                else:
                    rest = self._guarded.send_now(answer)
                    if rest:
                        await self._guarded.send_all(rest)
                    self._on_turn(False)
                    await self.idle_task.restart(self._task_group, self._idle_timeout)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            pass
        await self.protocol.handle(Closed())

    async def _talk(self) -> None:
        try:
            client = parse_socket_addr(self._guarded.socket.family, self._guarded.socket.getpeername())
            server = parse_socket_addr(self._guarded.socket.family, self._guarded.socket.getsockname())
        except OSError:
            return  # gone before it was looked at
        try:
            tasks = AppTasks(self._places)
            async with tasks:
                self._task_group = tasks
                self.protocol: Any = _Http1(
                    self.app,
                    self.config,
                    self.context,
                    tasks,
                    ConnectionState(self.state),
                    False,
                    client,
                    server,
                    self.protocol_send,
                )
                self.protocol.places, self.protocol.gate, self.protocol.tasks = self._places, self._gate, tasks
                await self.protocol.initiate()
                await self.idle_task.restart(tasks, self._idle_timeout)
                await self._read_data()
                tasks.stop_beside()
                await self.idle_task.stop()
        except OSError:
            return
        finally:
            await self._close()

    async def _close(self) -> None:
        connection = getattr(getattr(self, "protocol", None), "connection", None)
        if connection is not None and connection.their_state in {h11.SEND_BODY, h11.ERROR}:
            self._guarded.linger()
        await super()._close()
