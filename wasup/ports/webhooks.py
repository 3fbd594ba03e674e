"""The port through which events leave: one attempt at one delivery, with one named outcome."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from wasup.ports.outbox import Endpoint, PendingEvent

__all__ = ["BATCH_LIMIT", "EVENT_LIMIT", "Answer", "MediaAway", "Outcome", "Poster"]

EVENT_LIMIT: Final = 256_000
"""Bytes of one event's payload; longer ones are cut."""

BATCH_LIMIT: Final = 1_000_000
"""Bytes of one POST with several events."""


class Outcome(StrEnum):
    """What became of an attempt."""

    DELIVERED = "delivered"  # any 2xx in time
    SKIPPED = "skipped"  # it is not to be sent: the endpoint's format cannot say this event, or its back end hear it
    GONE = "gone"  # 410: the endpoint wants nothing more
    FAILED = "failed"  # anything else: the events are tried again
    REFUSED = "refused"  # by us: the address is not one that we may call
    LATER = "later"  # nothing was sent yet, and that is no failure


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one attempt.

    Attributes:
        outcome: what became of it.
        detail: status code or error, for people.
        status: the HTTP status; None when no answer came.
        retry_after: seconds that the receiver asked us to wait; of `LATER`, how long to wait.
        slow_down: the receiver has too much to do (429, 502, 504).
    """

    outcome: Outcome
    detail: str
    status: int | None = None
    retry_after: float | None = None
    slow_down: bool = False


class MediaAway(Exception):  # noqa: N818
    """Media that are to go along are not to be had now, and may be a little later."""


class Poster(Protocol):
    """Makes one attempt."""

    async def post(self, endpoint: Endpoint, events: Sequence[PendingEvent]) -> Answer:
        """Sign and POST some events: one, or a batch where the endpoint takes batches.

        Never raises for what the far side does; bounded in time and size.
        """
        ...

    async def test(self, endpoint: Endpoint) -> Answer:
        """Sign and POST an event of the type `webhook.test`, which is in no log."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
