"""Cursors: opaque texts that say where the next page begins."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import msgspec

from wasup.http.problems import invalid_field

__all__ = ["MAX_ID", "Id", "Limit", "Page", "cursor_of", "page_of", "read_cursor"]

T = TypeVar("T")
V = TypeVar("V")

MAX_ID = 2**63 - 1
Id = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=200, description="At most so many.")]


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A page of a list. `next_cursor` asks for the next one; null on the last."""

    data: tuple[T, ...]
    next_cursor: str | None = None


def cursor_of(*place: int) -> str:
    """A cursor for what comes after this place."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def read_cursor(cursor: str | None, length: int) -> tuple[int, ...] | None:
    """The place that a cursor stands for; None for the beginning.

    Raises:
        Problem: 422, when it is none of ours.
    """
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = msgspec.json.decode(raw, type=tuple[int, ...])
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        place = ()
    if len(place) != length or not all(0 <= part <= MAX_ID for part in place):
        raise invalid_field("is not a cursor that this list gave", parameter="cursor")
    return place


def page_of(rows: Sequence[T], limit: int, *, place: Callable[[T], tuple[int, ...]], view: Callable[[T], V]) -> Page[V]:
    """A page from `limit` rows and one more, which tells whether there is a next page."""
    shown = rows[:limit]
    more = cursor_of(*place(shown[-1])) if len(rows) > limit else None
    return Page(data=tuple(view(row) for row in shown), next_cursor=more)
