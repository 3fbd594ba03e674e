"""`python -m tests.chaos`: a campaign of faults; exits with 1 if anything was lost, doubled or out of order."""

import secrets
import sys
from typing import Annotated

import trio
import typer
from rich.console import Console

from tests.chaos.campaign import Campaign, run_campaign


def run(
    seed: Annotated[int | None, typer.Option(help="Of the faults; a random one is chosen and printed")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="Of traffic and faults")] = 10.0,
    accounts: Annotated[int, typer.Option(min=1)] = 200,
    rate: Annotated[float, typer.Option(min=1, help="Messages a second")] = 200.0,
    outage: Annotated[float, typer.Option(min=0, help="Minutes that the database is away, once, besides")] = 0.0,
) -> None:
    """Feed known traffic while everything is killed at random; then compare all records."""
    campaign = Campaign(
        seed=secrets.randbelow(10**6) if seed is None else seed,
        seconds=minutes * 60,
        accounts=accounts,
        rate=rate,
        outage=outage * 60,
    )
    console = Console() if sys.stdout.isatty() else Console(width=120)
    console.print(f"seed {campaign.seed}: {minutes:g} minutes, {accounts} accounts, {rate:g} messages/s")
    verdict = trio.run(run_campaign, campaign, console)
    for table in verdict.tables():
        console.print(table)
    console.print(f"seed {campaign.seed}: {'all is well' if verdict.right else 'NOT well'}")
    raise typer.Exit(0 if verdict.right else 1)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(run)
    app(prog_name="python -m tests.chaos")
