"""Costs of wasup.supervisor beside plain Trio, pykka, triotp and otpylib, in one run.

    python -m bench.bench_supervisor [row ...]        rows: spawn ask tell post idle restart snapshot
    python -m bench.bench_supervisor --soak 1000000   so many crashes; fails unless memory, tasks and names stay flat

The others are installed for this alone, outside the environment of wasup; one that is missing is left out:

    pip install --target DIR --no-deps --require-hashes -r requirements/bench.txt -r requirements/bench-nodeps.txt
    PYTHONPATH=DIR python -m bench.bench_supervisor

Every figure is of a process of its own; the contestants take turns, and medians of the rounds are compared.  All times
but that of the start of 10,000 are processor time, for the sake of busy machines.  Trust the ratios, not the absolute
figures.  The exit status is 1 when a target is missed; to be ahead of each of the others that is installed, in every
row that it has, is a target too.
"""

import argparse
import importlib
import multiprocessing
import os
import statistics
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

from bench.supervision import ours, plain, soak

CONTESTANTS: dict[str, ModuleType] = {"ours": ours, "plain Trio": plain}
RIVALS = ("pykka", "triotp", "otpylib")
LIMIT = 90
"""Seconds for one figure."""
_FORK = multiprocessing.get_context("fork")


def _in_child(pipe: Connection, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    pipe.send(function(*arguments))


def measure(function: Callable[..., Any], *arguments: object) -> Any:
    """Return what a function returns in a process of its own; None when it fails, or takes longer than the limit."""
    receive, send = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_in_child, args=(send, function, arguments))
    process.start()
    send.close()
    try:
        return receive.recv() if receive.poll(LIMIT) else None
    except EOFError:
        return None
    finally:
        process.kill()
        process.join()


def medians(operation: str, rounds: int, *arguments: object, long: bool = False) -> dict[str, Any]:
    """Return what each contestant that has the operation returned in each round, taking turns.

    Who failed once is not asked again; in a long operation the others run in the first round only.
    """
    found: dict[str, list[Any]] = {
        name: [] for name, contestant in CONTESTANTS.items() if hasattr(contestant, operation)
    }
    for _ in range(rounds):
        for name in list(found):
            if long and name in RIVALS and found[name]:
                continue
            result = measure(getattr(CONTESTANTS[name], operation), *arguments)
            if result is None:
                print(f"{name}: {operation}{arguments} does not end within {LIMIT} s, or fails", flush=True)
                del found[name]
            else:
                found[name].append(result)
    return found


class Table:
    """Prints rows as they come, and knows whether a target was missed."""

    def __init__(self) -> None:
        self.missed: list[str] = []
        print(f"{'':33s}" + "".join(f"{name:>12s}" for name in CONTESTANTS) + "   to plain", flush=True)

    def row(
        self,
        label: str,
        figures: dict[str, float],
        *,
        form: str = ",.0f",
        ratio: float | None = None,
        target: str = "",
        met: bool = True,
        more_is_better: bool = False,
    ) -> None:
        """Print one row: a figure of each contestant, ours in relation to plain Trio's, and the target."""
        ours = figures["ours"]
        ahead = [
            name
            for name in RIVALS
            if name in figures and (figures[name] >= ours if more_is_better else figures[name] <= ours)
        ]
        cells = "".join(
            f"{format(figures[name], form):>12s}" if name in figures else f"{'-':>12s}" for name in CONTESTANTS
        )
        beside = f"{ratio:11.2f}" if ratio is not None else " " * 11
        verdict = f"   {target} {'ok' if met else 'MISSED'}" if target else ""
        print(f"{label:33s}{cells}{beside}{verdict}", flush=True)
        for name in ahead:
            print(f"  {name} is ahead: MISSED", flush=True)
        if not met or ahead:
            self.missed.append(label)

    def rates(self, label: str, operation: str, count: int, rounds: int, at_least: float | None) -> dict[str, float]:
        """Measure and print operations per processor second; the ratio is to be so much at least."""
        figures = {
            name: count / statistics.median(seconds) for name, seconds in medians(operation, rounds, count).items()
        }
        ratio = figures["ours"] / figures["plain Trio"]
        target = f">= {at_least}" if at_least is not None else ""
        met = at_least is None or ratio >= at_least
        self.row(label, figures, ratio=ratio, target=target, met=met, more_is_better=True)
        return figures


def bench_spawn(table: Table, rounds: int) -> None:
    """Starts, acknowledged."""
    table.rates("spawn, acknowledged /s", "spawn", 2000, rounds, 0.6)


def bench_ask(table: Table, rounds: int) -> None:
    """Questions."""
    table.rates("ask with a deadline /s", "ask", 5000, rounds, 0.8)


def bench_tell(table: Table, rounds: int) -> None:
    """Messages with back-pressure."""
    table.rates("tell, one by one, awaited /s", "tell", 10_000, rounds, 0.8)


def bench_post(table: Table, rounds: int) -> None:
    """Messages without: handled one by one, and in batches."""
    table.rates("tell_nowait in bursts of 100 /s", "post", 20_000, rounds, None)
    count = 300_000
    seconds = statistics.median([measure(ours.post_batches, count) for _ in range(rounds)])
    met = count / seconds >= 1e6
    table.row("  received with receive_many /s", {"ours": count / seconds}, target=">= 1,000,000/s", met=met)


def bench_idle(table: Table, rounds: int) -> None:
    """Start of 10,000, and their memory."""
    found = medians("idle", rounds, 10_000, long=True)
    seconds = {name: statistics.median(one for one, _ in results) for name, results in found.items()}
    size = {name: statistics.median(one for _, one in results) for name, results in found.items()}
    table.row(
        "start of 10,000, s",
        seconds,
        form=".2f",
        ratio=seconds["ours"] / seconds["plain Trio"],
        target="< 2",
        met=seconds["ours"] < 2,
    )
    table.row(
        "idle, bytes each",
        size,
        ratio=size["ours"] / size["plain Trio"],
        target="<= 6,144",
        met=size["ours"] <= 6 * 1024,
    )


def bench_restart(table: Table, rounds: int) -> None:
    """Crash to restarted, among 1,000 and 10,000."""
    for children, allowed in ((1000, (2.0, None)), (10_000, (1.5, 2.5))):
        found = medians("restart", rounds, children, 1000, long=True)
        for place, quantile, most in ((49, "p50", allowed[0]), (98, "p99", allowed[1])):
            figures = {
                name: 1e6 * statistics.median(statistics.quantiles(one, n=100)[place] for one in results)
                for name, results in found.items()
            }
            ratio = figures["ours"] / figures["plain Trio"]
            table.row(
                f"restart among {children:,}, {quantile} us",
                figures,
                ratio=ratio,
                target=f"<= {most}" if most else "",
                met=most is None or ratio <= most,
            )


def bench_snapshot(table: Table, rounds: int) -> None:
    """A snapshot of 10,000, whole and in slices; of the pauses the longest of all rounds."""
    found = [measure(ours.snapshot, 10_000) for _ in range(min(rounds, 3))]
    whole = 1e3 * statistics.median(one for one, _ in found)
    pause = 1e3 * max(one for _, one in found)
    table.row("snapshot of 10,000, ms", {"ours": whole}, form=".1f", target="< 100", met=whole < 100)
    table.row("  longest pause in slices, ms", {"ours": pause}, form=".1f", target="<= 10", met=pause <= 10)


ROWS: dict[str, Callable[[Table, int], None]] = {
    "spawn": bench_spawn,
    "ask": bench_ask,
    "tell": bench_tell,
    "post": bench_post,
    "idle": bench_idle,
    "restart": bench_restart,
    "snapshot": bench_snapshot,
}


def main() -> int:
    """Measure what was asked for; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="which rows; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="how often each figure is taken (default 5)")
    parser.add_argument("--soak", type=int, metavar="CRASHES", help="soak instead")
    options = parser.parse_args()
    if options.soak is not None:
        return soak.run(options.soak)
    for rival in RIVALS:
        try:
            CONTESTANTS[rival] = importlib.import_module(f"bench.supervision.rival_{rival}")
        except ImportError as error:
            print(f"{rival}: left out ({error})")
    table = Table()
    for row in options.rows or ROWS:
        ROWS[row](table, options.rounds)
    if table.missed:
        print("missed:", ", ".join(label.strip() for label in table.missed))
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
