"""What has passed through this instance since it was started: counted where it happens, read by whoever draws it.

Counters only ever grow; who wants a rate looks twice and subtracts.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Final

__all__ = ["Counts", "Durations", "Traffic", "quantile"]

_BOUNDS: Final = tuple(0.0005 * 1.2**step for step in range(90))  # seconds: from half a millisecond to two hours


@dataclass(slots=True)
class Counts:
    """How often each of these has happened."""

    messages_in: int = 0
    messages_out: int = 0
    events: int = 0
    deliveries: int = 0
    restarts: int = 0

    def copy(self) -> "Counts":
        """As they are now."""
        return replace(self)


class Durations:
    """How many took how long, by powers of 1.2: a quantile is at most a fifth too long, whatever their number."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)

    def add(self, seconds: float, count: int = 1) -> None:
        """So many took so long."""
        self._counts[bisect_left(_BOUNDS, seconds)] += count

    def counts(self) -> list[int]:
        """A copy, for `quantile`."""
        return self._counts.copy()


def quantile(now: Sequence[int], before: Sequence[int], share: float) -> float | None:
    """The time in seconds within which this share was done between two copies; None when nothing was."""
    sums = list(accumulate(new - old for new, old in zip(now, before, strict=True)))
    if not sums[-1]:
        return None
    place = bisect_left(sums, max(1, share * sums[-1]))
    return _BOUNDS[min(place, len(_BOUNDS) - 1)]


@dataclass(slots=True)
class Traffic:
    """The counters of one instance.

    Attributes:
        total: everything.
        by_workspace: the same, of each workspace that anything has happened in.
        commits: how long batches took to be stored, once for each message in them.
        deliveries: how old events were when an endpoint accepted them.
    """

    total: Counts = field(default_factory=Counts)
    by_workspace: defaultdict[int, Counts] = field(default_factory=lambda: defaultdict(Counts))
    commits: Durations = field(default_factory=Durations)
    deliveries: Durations = field(default_factory=Durations)

    def told(self, workspace_id: int, kind: str, count: int = 1) -> None:
        """Events of this type were committed."""
        for counts in (self.total, self.by_workspace[workspace_id]):
            counts.events += count
            if kind == "message.received":
                counts.messages_in += count
            elif kind == "message.sent":
                counts.messages_out += count

    def delivered(self, workspace_id: int, ages: Sequence[float]) -> None:
        """An endpoint accepted events, which it had not had before, that were so many seconds old."""
        self.total.deliveries += len(ages)
        self.by_workspace[workspace_id].deliveries += len(ages)
        for age in ages:
            self.deliveries.add(age)

    def restarted(self, workspace_id: int | None) -> None:
        """A supervisor started something again: an actor of an account in this workspace, or of nobody's."""
        self.total.restarts += 1
        if workspace_id is not None:
            self.by_workspace[workspace_id].restarts += 1
