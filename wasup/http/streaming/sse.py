"""Server-sent events: the body of an answer that does not end by itself."""

from types import TracebackType
from typing import Self

from quart.wrappers.response import ResponseBody

from wasup.http.streaming.frames import RETRY, as_sse
from wasup.http.streaming.reader import EventReader

__all__ = ["SSE_TYPE", "SseBody"]

SSE_TYPE = "text/event-stream"


class SseBody(ResponseBody):
    """What the server sends of a stream. The stream opens with the first look for it, and ends with the answer.

    An asynchronous generator would do, but one that is not run to its end is left to the garbage collector.
    """

    def __init__(self, reader: EventReader) -> None:
        self._frames = reader.frames()
        self._head = RETRY

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._frames.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        frames = await anext(self._frames)
        head, self._head = self._head, b""
        return head + b"".join(map(as_sse, frames))
