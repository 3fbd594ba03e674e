"""A small campaign of faults with a fixed seed; `make chaos` runs a long one with a seed of its own."""

from rich.console import Console

from tests.chaos.campaign import Campaign, run_campaign


async def test_whatever_dies_nothing_is_lost_doubled_or_out_of_order() -> None:
    """45 seconds of traffic over 60 accounts while processes are killed and stopped and connections broken."""
    campaign = Campaign(seed=20261122, seconds=45, accounts=60, rate=100, pause=2.5, longest=4)
    console = Console(width=120)
    verdict = await run_campaign(campaign, console)
    for table in verdict.tables():
        console.print(table)
    assert verdict.right
    assert verdict.restarts > 0
    assert verdict.sends > 0
