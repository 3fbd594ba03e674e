"""Frames of a stream, and how the two carriers write them."""

from typing import Final, NamedTuple

__all__ = ["BYE", "GAP", "HEARTBEAT", "RETRY", "Frame", "as_message", "as_sse"]

HEARTBEAT: Final = "heartbeat"
GAP: Final = "gap"
BYE: Final = "bye"

RETRY: Final = b"retry: 2000\n"
"""What a stream of server-sent events begins with: after how many milliseconds a browser connects again."""


class Frame(NamedTuple):
    """One thing that is told.

    Attributes:
        event: type of an event, `supervision`, `gap`, `bye` or `heartbeat`.
        cursor: where to resume after it.
        data: JSON; empty for a heartbeat.
    """

    event: str
    cursor: str
    data: bytes = b""


def as_sse(frame: Frame) -> bytes:
    """A server-sent event. JSON as we write it has no line breaks.

    A heartbeat is an event as well: browsers keep comments to themselves, so that a page could not miss them.
    """
    return b"event: %b\nid: %b\ndata: %b\n\n" % (frame.event.encode(), frame.cursor.encode(), frame.data or b"{}")


def as_message(frame: Frame) -> str:
    """A message of a WebSocket. Neither types nor cursors have anything in them that JSON would escape."""
    if frame.event == HEARTBEAT:
        return f'{{"event":"{HEARTBEAT}","id":"{frame.cursor}"}}'
    return f'{{"event":"{frame.event}","id":"{frame.cursor}","data":{frame.data.decode()}}}'
