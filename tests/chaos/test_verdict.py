"""A campaign's verdict: any figure that is not as it must be makes it a bad one."""

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.verdict import Verdict

_GOOD = Verdict(
    given=10, stored=10, lost=0, doubled=0, misplaced=0, untold=0, sends=1, sends_lost=0, sends_doubled=0, events=12,
    delivered=12, webhooks_misplaced=0, again=3, restarts=2, lost_commits=1, stale=0, cached=5, peak=100, most=400.0,
)  # fmt: skip


def test_a_campaign_in_which_all_went_well_is_right() -> None:
    """Duplicates, restarts and lost answers are no fault of the system's."""
    assert _GOOD.right


@pytest.mark.parametrize(
    "change",
    [
        {"given": 0}, {"lost": 1}, {"doubled": 1}, {"misplaced": 1}, {"untold": 1}, {"sends_lost": 1},
        {"sends_doubled": 1}, {"delivered": 11}, {"webhooks_misplaced": 1}, {"stale": 1}, {"cached": 0},
        {"unfelt": {"Redis: kill -9"}}, {"peak": 10**7}, {"settled": False},
    ],
    ids=str,
)  # fmt: skip
def test_one_figure_that_is_wrong_is_enough(change: dict[str, Any]) -> None:
    """Nothing given, something lost, doubled or late, a fault that nothing felt, too much memory, no rest."""
    assert not replace(_GOOD, **change).right
