"""One import from its beginning to its report, resumable at every batch."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final

import trio

from wasup.bridge import Bridge
from wasup.db import Database
from wasup.importer.layout import detect
from wasup.importer.owners import check_target
from wasup.importer.reader import Reader
from wasup.importer.report import ImportReport
from wasup.importer.source import open_source
from wasup.importer.steps import Progress, Steps
from wasup.ports.clock import Clock
from wasup.ports.store import Ownership

__all__ = ["check_import", "run_import"]

_BEAT: Final = 10.0  # seconds between two signs of life


def _silent(table: str, done: int, total: int) -> None:
    """Tell nobody."""


async def run_import(
    source_url: str,
    target_url: str,
    bridge: Bridge,
    *,
    clock: Clock,
    workspace_id: int | None = None,
    orphans_to: Collection[int] = (),
    time_zone: str | None = None,
    dry_run: bool = False,
    progress: Progress = _silent,
) -> ImportReport:
    """Copy the back end's workspaces, accounts, groups, contacts and messages into wasup's database.

    What is there from an earlier import stays as it is, except that statuses move forward; an import that was
    interrupted goes on where it was. The back end's database is only read.

    Args:
        source_url: the back end's database, `mysql://user:password@host:port/database`.
        target_url: wasup's database, migrated; with `dry_run` one that may be thrown away.
        bridge: to the asyncio side.
        clock: wall clock.
        workspace_id: the only workspace to copy; None for all.
        orphans_to: accounts that take those messages of their workspaces that name no account and do not tell.
        time_zone: see `open_source`.
        dry_run: what the report says of itself.
        progress: is told how far it is.

    Raises:
        ImportRefused: source or target is not fit; nothing was changed.
        DatabaseOwned: an instance of wasup runs on the target.
        SchemaOutdated: the target is not migrated.
        DatabaseUnavailable: one of the two went away; run it again.
    """
    started = clock.now_ms()
    async with (
        open_source(source_url, bridge, time_zone=time_zone) as source,
        Database.open(target_url, bridge, clock=clock, pool_size=2) as target,
        _owned(target.ownership),
    ):
        steps = Steps(
            Reader(source, await detect(source), workspace_id=workspace_id),
            target.engine,
            clock,
            progress,
            orphans_to=orphans_to,
        )
        report = await steps.all(dry_run=dry_run)
    report.seconds = (clock.now_ms() - started) / 1000
    return report


@asynccontextmanager
async def _owned(ownership: Ownership) -> AsyncIterator[None]:
    """Be the only one who writes to the target."""
    await ownership.acquire()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_hold, ownership)
            yield
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:  # what went wrong is one thing, unless the lock was lost at that moment too
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise
    finally:
        with trio.move_on_after(5) as scope:
            scope.shield = True
            await ownership.release()


async def _hold(ownership: Ownership) -> None:
    while True:
        await trio.sleep(_BEAT)
        await ownership.hold()


async def check_import(source_url: str, target_url: str, bridge: Bridge, *, clock: Clock) -> None:
    """Find out whether an import would be refused, without writing anything.

    Raises:
        ImportRefused: it would be.
        SchemaOutdated: the target is not migrated.
        DatabaseUnavailable: one of the two does not answer.
    """
    async with (
        open_source(source_url, bridge) as source,
        Database.open(target_url, bridge, clock=clock, pool_size=1) as target,
    ):
        reader = Reader(source, await detect(source))
        workspaces, accounts = await reader.workspaces(), await reader.accounts()
        await target.engine.run(lambda connection: check_target(connection, workspaces, accounts), mode="read")
