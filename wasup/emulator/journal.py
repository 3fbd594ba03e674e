"""The emulator's log: what it gave, handed over and was told, with its own clock.

One row a happening, kept in columns: 8,000 messages a second make 24,000 rows a second, so a row costs some
20 bytes and under a microsecond. Rows are numbered from 1 without gaps; clearing the log keeps the numbers.
"""

import time
from array import array
from collections.abc import Iterator
from typing import Final

import msgspec

__all__ = ["ACKNOWLEDGED", "GIVEN", "HANDED", "KINDS", "Item", "Journal"]

KINDS: Final = (
    "given",  # an item was put in a device's queue (or there was no device to put it in: `device` is null)
    "handed_over",  # an item went out on a connection; again after a reconnect if it was not acknowledged
    "acknowledged",  # the client has stored the item
    "connected",
    "disconnected",
    "qr",
    "code",
    "paired",
    "resumed",
    "unlinked",
    "send",
    "repeat",
    "refused",
    "read",
    "typing",
    "fault",
    "group",
    "media",
)
GIVEN: Final = 0
HANDED: Final = 1
ACKNOWLEDGED: Final = 2
_NUMBERS: Final = {name: number for number, name in enumerate(KINDS)}


class Item(msgspec.Struct, gc=False):
    """Something for one device: a message, a receipt, or a change.

    Attributes:
        key: the message's id; `receipt:{id}:{status}:{participant}` and the like for other items.
        kind: `message`, `receipt`, `group`, `chat`, `contact`.
        phone: the account.
        device: short name of the device, not its secret.
        chat: where it belongs.
        raw: the item as JSON, emptied when it was acknowledged.
        given: monotonic seconds, as `handed` (first time) and `acked`; 0.0 is never.
        times: how often it was handed over.
    """

    key: str
    kind: str
    phone: str
    device: str | None
    chat: str
    raw: bytes
    given: float
    handed: float = 0.0
    acked: float = 0.0
    times: int = 0


class Journal:
    """The log."""

    def __init__(self) -> None:
        self.offset = time.time() - time.monotonic()
        self._kinds = array("B")
        self._times = array("d")
        self._things: list[Item | dict[str, object]] = []
        self._first = 1
        self.counts = [0] * len(KINDS)

    @property
    def next(self) -> int:
        """Number of the row that comes next."""
        return self._first + len(self._kinds)

    def item(self, kind: int, moment: float, item: Item) -> None:
        """Note what happened to an item."""
        self._kinds.append(kind)
        self._times.append(moment)
        self._things.append(item)
        self.counts[kind] += 1

    def note(self, kind: str, **details: object) -> None:
        """Note anything else; details are JSON values."""
        number = _NUMBERS[kind]
        self._kinds.append(number)
        self._times.append(time.monotonic())
        self._things.append(details)
        self.counts[number] += 1

    def clear(self) -> None:
        """Forget the rows, keep counting."""
        self._first = self.next
        self._kinds = array("B")
        self._times = array("d")
        self._things = []

    def rows(
        self, *, after: int = 0, kinds: frozenset[str] | None = None, phone: str | None = None
    ) -> Iterator[dict[str, object]]:
        """Rows numbered above `after`, oldest first."""
        wanted = None if kinds is None else {_NUMBERS[kind] for kind in kinds}
        things = self._things
        for place in range(max(0, after + 1 - self._first), len(things)):
            if wanted is not None and self._kinds[place] not in wanted:
                continue
            thing = things[place]
            if isinstance(thing, Item):
                if phone is not None and thing.phone != phone:
                    continue
                details: dict[str, object] = {
                    "item": thing.kind,
                    "id": thing.key,
                    "phone": thing.phone,
                    "device": thing.device,
                    "chat": thing.chat,
                }
            else:
                if phone is not None and thing.get("phone") != phone:
                    continue
                details = thing
            moment = self._times[place]
            yield {
                "seq": self._first + place,
                "kind": KINDS[self._kinds[place]],
                "t": moment,
                "utc_ms": round((moment + self.offset) * 1000),
                **details,
            }
