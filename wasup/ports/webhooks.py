"""The port through which events leave: one attempt at one delivery, with one named outcome."""

from enum import StrEnum
from typing import Protocol

import msgspec

from wasup.ports.store import Endpoint, PendingEvent

__all__ = ["Answer", "Outcome", "Poster"]


class Outcome(StrEnum):
    """What became of an attempt."""

    DELIVERED = "delivered"  # any 2xx in time
    GONE = "gone"  # 410: the endpoint wants nothing more
    FAILED = "failed"  # anything else: the event is tried again
    REFUSED = "refused"  # by us: the address is not one that we may call


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one attempt.

    Attributes:
        outcome: what became of it.
        detail: status code or error, for people.
        retry_after: seconds that the receiver asked us to wait.
    """

    outcome: Outcome
    detail: str
    retry_after: float | None = None


class Poster(Protocol):
    """Makes one attempt."""

    async def post(self, endpoint: Endpoint, event: PendingEvent) -> Answer:
        """Sign and POST one event. Never raises for what the far side does; bounded in time and size."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
