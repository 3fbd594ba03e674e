"""How many examples property tests try: few and always the same in `make test`, many and new ones in `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

__all__ = ["examples"]

_TIMES = int(os.environ.get("FUZZ_TIMES", "1"))


def examples(number: int) -> settings:
    """A decorator: so many examples, times `FUZZ_TIMES`; none is too slow."""
    return settings(
        max_examples=number * _TIMES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=_TIMES == 1,
    )
