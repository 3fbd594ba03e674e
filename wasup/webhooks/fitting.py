"""Payloads that are too large for a delivery are cut: what people wrote first, then long lists; never an id.

Contact cards are left out whole: half a card is none.

Each step measures what it cuts once, so that the work grows with the payload and no faster.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Final, TypeAlias

import msgspec

from wasup.ports.outbox import PendingEvent
from wasup.ports.webhooks import EVENT_LIMIT

__all__ = ["fit"]

_encode = msgspec.json.Encoder().encode
_WRITTEN: Final = frozenset({"body", "caption", "raw"})
_REFERENCE: Final = "ref"  # of media: without the whole of it they cannot be fetched
_LONG: Final = 1000  # characters; no id is that long
_COUNTS: Final = 200  # bytes for telling how many were left out

_Place: TypeAlias = tuple[Any, Any]  # a container, and the key or index in it


def fit(event: PendingEvent, link: str) -> bytes:
    """The payload, no larger than allowed.

    Of one that is cut `truncated` links to the whole, and `left_out` tells how many members of a list are missing.
    """
    if len(event.body) <= EVENT_LIMIT:
        return event.body
    data = msgspec.json.decode(event.body)
    data["truncated"] = f"{link}/{event.id}"
    for cut in (_cut_written, _shorten_lists, _cut_rest):
        excess = len(_encode(data)) - EVENT_LIMIT
        if excess > 0:
            cut(data, excess)
    return _encode(data)


def _cut_written(data: Any, excess: int) -> None:
    """Cut the longest of what people wrote to one common length, so that shorter ones stay whole."""
    _cut([place for place in _texts(data) if place[1] in _WRITTEN], excess)


def _cut_rest(data: Any, excess: int) -> None:
    """Cut whatever else is long: names, for example."""
    del excess
    for holder, key in list(_texts(data)):
        if key not in {_REFERENCE, "truncated"}:
            holder[key] = holder[key][:_LONG]


def _cut(places: list[_Place], excess: int) -> None:
    sizes = sorted((_size(holder[key]) for holder, key in places), reverse=True)
    level = 0
    for count, total in enumerate(accumulate(sizes), 1):
        level = (total - excess) // count  # these many, cut to this, save enough
        if level >= (sizes[count] if count < len(sizes) else 0):
            break
    for holder, key in places:
        if _size(holder[key]) > level:
            holder[key] = _beginning(holder[key], max(level, 0))


def _beginning(text: str, size: int) -> str:
    """As much of a text as takes so many bytes at most in JSON."""
    return text[: bisect_right(range(1, len(text) + 1), size, key=lambda length: _size(text[:length]))]


def _size(text: str) -> int:
    return len(_encode(text)) - 2  # without the quotes


def _shorten_lists(data: Any, excess: int) -> None:
    """Leave out the ends of the lists that take most, and tell how many that were."""
    excess += _COUNTS
    left_out: dict[str, int] = {}
    for holder, key in sorted(_lists(data), key=lambda place: -len(_encode(place[0][place[1]]))):
        members = holder[key]
        keep, saved = len(members), 0
        while keep and saved < excess:
            keep -= 1
            saved += len(_encode(members[keep])) + 1
        if keep < len(members):
            left_out[key] = len(members) - keep
            del members[keep:]
        excess -= saved
        if excess <= 0:
            break
    if left_out:
        data["left_out"] = left_out


def _texts(value: Any) -> Iterator[_Place]:
    """Where the texts of a JSON value are."""
    for key, inner in _items(value):
        if isinstance(inner, str):
            yield value, key
        else:
            yield from _texts(inner)


def _lists(value: Any) -> Iterator[_Place]:
    """Where the lists of a JSON value are."""
    for key, inner in _items(value):
        if isinstance(inner, list):
            yield value, key
        else:
            yield from _lists(inner)


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    match value:
        case dict():
            yield from list(value.items())
        case list():
            yield from enumerate(value)
        case _:
            pass
