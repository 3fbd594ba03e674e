"""When what was not accepted is tried again."""

import random
from collections.abc import Sequence

__all__ = ["retry_delay"]


def retry_delay(schedule: Sequence[float], failures: int, retry_after: float | None) -> float | None:
    """Seconds until the next try after so many failures in a row, with 10 to 20 % jitter; None when there is none.

    A receiver's `Retry-After` may lengthen the wait, never shorten it.
    """
    if failures > len(schedule):
        return None
    planned = schedule[failures - 1] * random.uniform(1.1, 1.2)  # noqa: S311 - jitter
    return max(planned, retry_after or 0.0)
