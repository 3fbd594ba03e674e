"""A small campaign of faults with a fixed seed; `make chaos` runs a long one with a seed of its own."""

import pytest
from rich.console import Console

from tests.chaos.campaign import Campaign, run_campaign

# httpx leaves the generator of a request's body unfinished when the connection breaks under it.
pytestmark = pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning")


async def test_whatever_dies_nothing_is_lost_doubled_or_out_of_order() -> None:
    """A minute of traffic over 60 accounts while processes are killed and stopped and connections broken."""
    campaign = Campaign(seed=20261122, seconds=60, accounts=60, rate=60, pause=2, longest=4)
    console = Console(width=120)
    verdict = await run_campaign(campaign, console)
    for table in verdict.tables():
        console.print(table)
    assert verdict.right
    assert verdict.unfelt == set()
    assert verdict.restarts > 0
    assert verdict.lost_commits > 0
    assert verdict.sends > 0
