"""`python -m bench [section ...]`: run the benches and print their tables."""

import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import trio
import typer
from rich.console import Console

from bench.accounts import bench_accounts, bench_pairing
from bench.http import bench_http
from bench.measure import Findings, describe_machine
from bench.messages import bench_messages
from bench.options import Options
from bench.pipeline import bench_pipeline
from bench.restart import bench_restart
from bench.soak import bench_soak
from bench.webhooks import bench_webhooks
from bench.webjs import bench_webjs

_WIDTH = 170  # of tables that go to a file


class Section(StrEnum):
    """Names of the sections."""

    ACCOUNTS = "accounts"
    PAIRING = "pairing"
    HTTP = "http"
    MESSAGES = "messages"
    PIPELINE = "pipeline"
    RESTART = "restart"
    WEBHOOKS = "webhooks"
    WEBJS = "webjs"
    SOAK = "soak"


class Kind(StrEnum):
    """Kinds of databases."""

    MARIADB = "mariadb"
    MYSQL = "mysql"
    SQLITE = "sqlite"


_RUN: dict[Section, Callable[[Console, Options, Findings], Awaitable[None]]] = {
    Section.ACCOUNTS: bench_accounts,
    Section.PAIRING: bench_pairing,
    Section.HTTP: bench_http,
    Section.MESSAGES: bench_messages,
    Section.PIPELINE: bench_pipeline,
    Section.RESTART: bench_restart,
    Section.WEBHOOKS: bench_webhooks,
    Section.WEBJS: bench_webjs,
    Section.SOAK: bench_soak,
}

_HELP = """Benches of whole systems: wasup, the WhatsApp emulator and the database, each a process of its own.

Without a section all run but soak. Exits with 1 if something that must hold does not.

\b
accounts  100, 1,000 and 3,000 accounts with stored logins: boot to all connected, memory per idle account
pairing   300 accounts created, connected and scanned by QR code through the API
http      the API while messages flow through 3,000 accounts: reads, sends, ten times too many of them,
          the tree of actors, and 500 readers of events
messages  from the emulator's sockets to committed rows over 1,000 accounts, at rising rates, and on to webhooks
pipeline  from the provider port to committed rows, events and outbox rows; beside a commit for each row;
          and with millions of stored messages
restart   sessions and actors killed among 1,000 accounts: time until connected again
webhooks  deliveries alone: single and batched backlogs, and five endpoints of which one hangs
webjs     accounts in real browsers: start, memory beside whatsapp-web.js, idle processor time, messages
soak      traffic, drops, kills and reconnects for ten minutes; memory, actors and files must stay flat

Parts alone: `python -m bench.bench_supervisor` (beside plain Trio), `python -m bench.bench_commit` (the write path)."""


def run(
    sections: Annotated[list[Section] | None, typer.Argument(help="What to run", show_default=False)] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small and short: does everything work?")] = False,  # noqa: FBT002
    database: Annotated[Kind | None, typer.Option(help="Only on this database")] = None,
    accounts: Annotated[int | None, typer.Option(min=1, max=20_000, help="Instead of a section's own number")] = None,
    rate: Annotated[
        list[int] | None, typer.Option(min=1, help="messages, pipeline, webjs: per second; may be repeated")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="messages, pipeline, http, webjs: of each load")] = None,
    minutes: Annotated[float | None, typer.Option(min=1, help="soak: how long")] = None,
    stored: Annotated[
        int | None,
        typer.Option(min=1000, help="pipeline: stored messages instead of a million, then four times as many"),
    ] = None,
    stages: Annotated[bool, typer.Option("--stages", help="pipeline: where a message's time goes")] = False,  # noqa: FBT002
) -> None:
    """Run sections."""
    options = Options(
        quick=quick,
        accounts=accounts,
        rates=tuple(rate or ()),
        seconds=seconds,
        minutes=minutes,
        database=database,
        stored=stored,
        stages=stages,
    )
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    chosen = sections or [section for section in Section if section is not Section.SOAK]
    passed = trio.run(_run_all, console, chosen, options)
    raise typer.Exit(0 if passed else 1)


async def _run_all(console: Console, sections: list[Section], options: Options) -> bool:
    """Run sections until they have ended, or SIGINT or SIGTERM comes; whether all was well."""
    findings = Findings()
    done = False
    describe_machine(console, Path(tempfile.gettempdir()))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_on_signal, nursery)
        for section in sections:
            console.rule(section)
            await _RUN[section](console, options, findings)
        done = True
        nursery.cancel_scope.cancel()
    if not done:
        console.print("[red]Interrupted.[/red]")
    return findings.print(console) and done


async def _cancel_on_signal(nursery: trio.Nursery) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            nursery.cancel_scope.cancel()
            return


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(help=_HELP)(run)
    app(prog_name="python -m bench")
