"""`/api/events/stream` and `/api/events/ws`, as they stand in the document."""

from typing import Final

from wasup.http.auth import Scope
from wasup.http.operations import Call, Reply, Routes, Streamed
from wasup.http.problems import Problem
from wasup.http.streaming.queries import StreamQuery
from wasup.http.streaming.socket import PATH
from wasup.http.streaming.sse import SSE_TYPE, SseBody

__all__ = ["ROUTES"]

ROUTES: Final = Routes("streams", "What happens, told as it happens.")


@ROUTES.add(
    "GET",
    "/api/events/stream",
    scope=Scope.READ,
    answers={200: ("A stream of server-sent events, which goes on until one side ends it.", None)},
    errors=(404,),
    media=(SSE_TYPE,),
    headers={"Last-Event-ID": "Resume after this event: the `id` that came with it."},
    streamed=True,
)
async def stream_events(call: Call[StreamQuery, None]) -> Reply:
    """Follow events as server-sent events.

    `data` is an event as `GET /api/events` shows it, or, with `types=supervision` (scope `manage`), a happening as `GET
    /api/supervision/events` does. `gap` tells that something was missed that cannot be told any more, `bye` why the
    stream ends and where to resume. A stream of named accounts resumes exactly where it was; one of a whole workspace
    repeats what was told in the last seconds: drop what you have by its `id`.
    """
    reader = await call.desk.open(call.caller, call.query, call.headers)
    return Reply(Streamed(SseBody(reader), SSE_TYPE), headers={"X-Accel-Buffering": "no"})


@ROUTES.add(
    "GET",
    PATH,
    scope=Scope.READ,
    answers={101: ("A WebSocket that tells the same: one object with `event`, `id` and `data` a message.", None)},
    errors=(404, 426),
    streamed=True,
)
async def open_event_socket(call: Call[StreamQuery, None]) -> Reply:
    """Follow events over a WebSocket.

    The same stream as `GET /api/events/stream`: each message is `{"event", "id", "data"}`. The client sends nothing: a
    message of its own ends the stream with 1008. With the dashboard's cookie a matching `Origin` is needed.
    """
    del call
    raise Problem(426, "Here is a WebSocket: ask for an upgrade.", headers={"Upgrade": "websocket"})
