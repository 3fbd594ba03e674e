"""`wasup import`: a progress bar, the report as a table and as a file, and an exit status that tells."""

import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

import msgspec
import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from wasup.bridge import Bridge
from wasup.db import migrate
from wasup.importer import ImportReport, check_import, run_import
from wasup.ports.clock import SystemClock
from wasup.ports.store import StoreError
from wasup.settings import Settings

__all__ = ["import_backend"]


def import_backend(
    settings: Settings,
    source_url: str,
    *,
    workspace_id: int | None,
    orphans_to: Collection[int],
    time_zone: str | None,
    dry_run: bool,
    report_file: Path | None,
) -> bool:
    """Import and show the report; False if its figures do not add up. A refusal ends the program with status 1."""
    console = Console()
    try:
        report = trio.run(_import, settings, source_url, workspace_id, orphans_to, time_zone, dry_run, console)
    except StoreError as error:
        print(f"wasup: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    if report_file is not None:
        report_file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    _show(report, console)
    return not report.mismatches


async def _import(
    settings: Settings,
    source_url: str,
    workspace_id: int | None,
    orphans_to: Collection[int],
    time_zone: str | None,
    dry_run: bool,
    console: Console,
) -> ImportReport:
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    tasks = {}

    def tell(table: str, done: int, total: int) -> None:
        if table not in tasks:
            tasks[table] = bar.add_task(table, total=total)
        bar.update(tasks[table], completed=done, total=total)

    clock = SystemClock()
    # A dry run is a real one, into a database that is thrown away: no second way of counting could go astray.
    with bar, tempfile.TemporaryDirectory(prefix="wasup-import-") as folder:
        async with Bridge() as bridge:
            target = settings.database_url
            if dry_run:
                await check_import(source_url, target, bridge, clock=clock)
                target = f"sqlite:///{folder}/dry-run.db"
                await migrate(target, bridge)
            return await run_import(
                source_url,
                target,
                bridge,
                clock=clock,
                workspace_id=workspace_id,
                orphans_to=orphans_to,
                time_zone=time_zone,
                dry_run=dry_run,
                progress=tell,
            )


def _show(report: ImportReport, console: Console) -> None:
    what = "Dry run, nothing was kept" if report.dry_run else "Resumed import" if report.resumed else "Import"
    only = "" if report.workspace_id is None else f", workspace {report.workspace_id} alone"
    console.print(
        f"{what}: {report.source}{only} (point {report.point} of its history, made by {report.variant}),"
        f" {report.seconds:.1f} s",
        soft_wrap=True,
    )
    table = Table("table")
    for name in ("rows", "copied", "updated", "already there", "merged", "skipped"):
        table.add_column(name, justify="right")
    for name, tally in report.tables.items():
        figures = (
            tally.source, tally.copied, tally.updated, tally.already_there, tally.merged, tally.skipped_rows,
        )  # fmt: skip
        table.add_row(name, *(f"{figure:,}" for figure in figures))
    console.print(table)
    for name, tally in report.tables.items():
        for title, reasons in (("skipped", tally.skipped), ("note", tally.notes)):
            for reason, examples in reasons.items():
                ids = ", ".join(map(str, examples.ids)) + (", …" if examples.count > len(examples.ids) else "")
                console.print(f"{name}: {title} {reason}: {examples.count:,} (id {ids})", soft_wrap=True)
    left = ", ".join(f"{name} {count:,}" for name, count in report.left_behind.items() if count)
    if left:
        console.print(f"Stays with the back end: {left}.", soft_wrap=True)
    for words in report.advice:
        console.print(words, soft_wrap=True)
    if report.mismatches:
        console.print("[bold red]The figures do not add up:[/]")
        for words in report.mismatches:
            console.print(f"[red]{words}[/]", soft_wrap=True)
    else:
        console.print("Every row is accounted for.")
