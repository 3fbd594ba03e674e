"""The same stream over a WebSocket: one JSON object a message, from us to the client only."""

from contextlib import aclosing
from typing import Final, NamedTuple

import msgspec
import trio
from quart import Response, g, websocket
from quart_trio import QuartTrio
from werkzeug.datastructures import Headers

from wasup.http.auth import Doorkeeper, Scope
from wasup.http.errors import log_defect, problem_of, problem_response
from wasup.http.parsing import read_query
from wasup.http.streaming.desk import Desk
from wasup.http.streaming.frames import BYE, Frame, as_message
from wasup.http.streaming.queries import StreamQuery
from wasup.http.streaming.reader import EventReader

__all__ = ["PATH", "mount_socket"]

PATH: Final = "/api/events/ws"


class _Ending(NamedTuple):
    """How a WebSocket is closed; see RFC 6455 section 7.4.1 and IANA's registry of codes."""

    code: int
    reason: str


_UNEXPECTED: Final = _Ending(1008, "this stream takes no messages")
_CODES: Final = {"shutting_down": 1001, "revoked": 1008, "expired": 1008}
_TRY_LATER: Final = 1013


def mount_socket(app: QuartTrio, door: Doorkeeper, desk: Desk) -> None:
    """Add the WebSocket to the application."""

    async def view() -> Response | None:
        try:
            reader = await _open(door, desk)
        except Exception as error:  # noqa: BLE001 - the client is told, and the log where it is our fault
            problem = problem_of(error)
            if problem.status == 500:
                log_defect(error, PATH)
            return problem_response(problem)
        await websocket.accept()
        await _carry(reader)
        return None

    app.add_websocket(PATH, endpoint="streams.socket", view_func=view)


async def _open(door: Doorkeeper, desk: Desk) -> EventReader:
    headers = websocket.headers
    if "Origin" not in headers:
        # Whoever has a cookie is a browser, and a browser says whose page it shows.
        headers = Headers([(name, value) for name, value in headers if name.lower() != "cookie"])
    caller = await door.authenticate(headers, g.address, "GET")
    caller.require(Scope.READ)
    return await desk.open(caller, read_query(websocket.args, StreamQuery), headers)


async def _carry(reader: EventReader) -> None:
    """Send until the stream ends, or the client says something."""
    ending = _UNEXPECTED
    async with trio.open_nursery() as nursery:

        async def listen() -> None:
            await websocket.receive()
            nursery.cancel_scope.cancel()

        nursery.start_soon(listen)
        async with aclosing(reader.frames()) as batches:
            async for frames in batches:
                for frame in frames:
                    await websocket.send(as_message(frame))
        ending = _ending(frame)
        nursery.cancel_scope.cancel()
    await websocket.close(*ending)


def _ending(last: Frame) -> _Ending:
    assert last.event == BYE
    reason = str(msgspec.json.decode(last.data)["reason"])
    return _Ending(_CODES.get(reason, _TRY_LATER), reason)
