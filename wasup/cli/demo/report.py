"""What the demo found, judged and printed."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

__all__ = ["Findings", "percentile", "print_report"]


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` percent lie; 0 of nothing."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round((len(ordered) - 1) * share / 100))]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The figures; times in seconds, lists hold message ids.

    `acknowledged` says what it means that WhatsApp was told: that a message is committed, or that the page has it.
    """

    accounts: int
    ready: int
    paired_in: float
    given: int
    stored_in: int
    lost_in: list[str]
    doubled_in: int
    asked_out: int
    stored_out: int
    lost_out: list[str]
    doubled_out: int
    webhooks: int
    repeated_webhooks: int
    unhooked: list[str]
    killed: int
    restarts: int
    acknowledged: str
    acknowledged_median: float
    acknowledged_p99: float
    latency_median: float
    latency_p99: float

    @property
    def losses(self) -> int:
        """Messages that are missing somewhere."""
        return len(self.lost_in) + len(self.lost_out) + len(self.unhooked)

    @property
    def duplicates(self) -> int:
        """Messages that are somewhere twice."""
        return self.doubled_in + self.doubled_out

    def failures(self) -> list[str]:
        """What is wrong, a line each; empty when everything is right."""
        checks = (
            (self.ready < self.accounts, f"{self.accounts - self.ready} accounts are not connected"),
            (bool(self.lost_in), f"{len(self.lost_in)} received messages are not stored: {self.lost_in[:3]}"),
            (bool(self.lost_out), f"{len(self.lost_out)} sends did not go out: {self.lost_out[:3]}"),
            (bool(self.unhooked), f"{len(self.unhooked)} messages were told to nobody: {self.unhooked[:3]}"),
            (self.doubled_in > 0, f"{self.doubled_in} received messages are stored twice"),
            (self.doubled_out > 0, f"{self.doubled_out} sends went out twice"),
        )
        return [text for wrong, text in checks if wrong]


def print_report(console: Console, found: Findings) -> bool:
    """Print the figures; True when nothing is wrong."""
    table = Table(title="The emulator's log against the database and the webhook receiver", show_header=False)
    rows = (
        ("accounts ready", f"{found.ready} of {found.accounts} (created and paired in {found.paired_in:.1f} s)"),
        ("messages in", f"{found.given} given, {found.stored_in} rows in the database"),
        ("messages out", f"{found.asked_out} asked for, {found.stored_out} rows in the database"),
        ("webhooks delivered", f"{found.webhooks} events ({found.repeated_webhooks} of them delivered again)"),
        ("restarts", f"{found.restarts} ({found.killed} actors or browsers killed, all connections dropped once)"),
        ("losses", str(found.losses)),
        ("duplicates", str(found.duplicates)),
        (
            f"given to {found.acknowledged}",
            f"median {found.acknowledged_median * 1000:.0f} ms, p99 {found.acknowledged_p99 * 1000:.0f} ms",
        ),
        ("given to webhook", f"median {found.latency_median * 1000:.0f} ms, p99 {found.latency_p99 * 1000:.0f} ms"),
    )
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)
    failures = found.failures()
    for failure in failures:
        console.print(f"[red]wrong:[/red] {failure}")
    if not failures:
        console.print("[green]Nothing lost, nothing doubled.[/green]")
    return not failures
