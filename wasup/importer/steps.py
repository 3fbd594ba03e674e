"""The steps of an import: each copies one table in batches, and each batch commits with how far it has come."""

from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol, TypeAlias

from sqlalchemy import Connection, text

from wasup.db.engine import Engine
from wasup.importer.directory import write_contacts, write_groups
from wasup.importer.history import write_messages
from wasup.importer.mapping import Accounts, map_message
from wasup.importer.owners import check_target, write_accounts, write_workspaces
from wasup.importer.progress import TableProgress, begin, fresh, save
from wasup.importer.reader import Reader
from wasup.importer.report import ImportReport, Tally
from wasup.importer.rows import SourceAccount, SourceWorkspace
from wasup.importer.source import ImportRefused
from wasup.ports.clock import Clock

__all__ = ["BATCH", "Progress", "Steps"]

BATCH: Final = 1000
"""Rows of the back end in one transaction."""
_SOURCE_NAME: Final = 190


class Progress(Protocol):
    """Is told how far an import has come."""

    def __call__(self, table: str, done: int, total: int) -> None:
        """`done` of `total` rows of one of the back end's tables are dealt with."""
        ...


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some rows of the back end, read and ready to be written."""

    last_id: int
    write: Callable[[Connection, TableProgress], Tally]


_Batches: TypeAlias = Callable[[int], AsyncIterator[_Batch]]
"""Given the last primary key that is dealt with, the batches that follow it."""


class Steps:
    """One import. `run_import` holds the two databases open meanwhile."""

    def __init__(
        self, reader: Reader, engine: Engine, clock: Clock, tell: Progress, *, orphans_to: Collection[int] = ()
    ) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._tell = tell
        self._orphans_to = orphans_to
        scope = "" if reader.workspace_id is None else f" workspace {reader.workspace_id}"
        self._name = f"{reader.source.name}{scope}"[:_SOURCE_NAME]
        self._state: dict[str, TableProgress] = {}
        self._workspaces: list[SourceWorkspace] = []
        self._of_workspaces: list[SourceAccount] = []
        self._accounts = Accounts((), ())

    async def all(self, *, dry_run: bool) -> ImportReport:
        """Take every step, and report."""
        reader, layout = self._reader, self._reader.layout
        await self._prepare()
        self._state, resumed = await self._engine.run(
            lambda connection: begin(connection, self._name, self._clock.now_ms())
        )
        tables = {
            "workspaces": ("workspaces", self._workspace_batches),
            "accounts": (layout.accounts, self._account_batches),
            "groups": ("whatsapp_groups", self._group_batches),
            "contacts": ("contacts", self._contact_batches),
            "messages": ("chats", self._message_batches),
        }
        report = ImportReport(
            source=reader.source.name, point=layout.point, variant=layout.variant,
            workspace_id=reader.workspace_id, dry_run=dry_run, resumed=resumed, tables={},
        )  # fmt: skip
        for step, (table, batches) in tables.items():
            tally = await self._step(step, table, batches)
            if layout.has(table):
                report.tables[table] = tally
        report.left_behind = await reader.left_behind([table for table, _ in tables.values()])
        report.check()
        await self._recount(report)
        self._advise(report)
        return report

    async def _prepare(self) -> None:
        """Read what is small enough to be known throughout, and refuse what does not fit."""
        self._workspaces = await self._reader.workspaces()
        self._of_workspaces = await self._reader.accounts()
        everyone = await self._reader.accounts(everywhere=True)
        if self._reader.workspace_id is not None and not self._workspaces:
            raise ImportRefused(f"the back end has no workspace {self._reader.workspace_id}")
        unknown = sorted(set(self._orphans_to) - {account.id for account in self._of_workspaces})
        if unknown:
            raise ImportRefused(f"the back end has no account {unknown[0]} that could take messages without an account")
        await self._engine.run(lambda connection: check_target(connection, self._workspaces, everyone), mode="read")
        alive = [workspace.id for workspace in self._workspaces if not workspace.deleted]
        self._accounts = Accounts(self._of_workspaces, alive, self._orphans_to)

    async def _step(self, step: str, table: str, batches: _Batches) -> Tally:
        """Copy one table from where it stands to its end."""
        there = self._reader.layout.has(table)
        total = await self._reader.count(table) if there else 0
        state = await self._verified(step, table) if there else self._state[step]
        self._tell(table, state.tally.accounted, total)
        if there:
            async for batch in batches(state.last_id):
                state = await self._commit(batch, state)
                self._tell(table, state.tally.accounted, total)
        tally = state.fresh_tally()
        tally.source = total
        final = replace(state, done=True, tally=tally)
        await self._engine.run(lambda connection: save(connection, self._name, final, self._clock.now_ms()))
        self._state[step] = final
        return tally

    async def _verified(self, step: str, table: str) -> TableProgress:
        """Where a step stands; its beginning, if rows that were counted are not there any more."""
        state = self._state[step]
        if state.last_id and await self._reader.count(table, upto=state.last_id) != state.tally.accounted:
            return await self._engine.run(lambda connection: fresh(connection, step), mode="read")
        return state

    async def _commit(self, batch: _Batch, state: TableProgress) -> TableProgress:
        def work(connection: Connection) -> TableProgress:
            after = replace(state, last_id=batch.last_id, done=False, tally=batch.write(connection, state))
            save(connection, self._name, after, self._clock.now_ms())
            return after

        return await self._engine.run(work)

    async def _workspace_batches(self, after: int) -> AsyncIterator[_Batch]:
        rows = [workspace for workspace in self._workspaces if workspace.id > after]
        if rows:
            yield _Batch(rows[-1].id, partial(write_workspaces, theirs=rows))

    async def _account_batches(self, after: int) -> AsyncIterator[_Batch]:
        rows = [account for account in self._of_workspaces if account.id > after]
        if rows:
            now = self._clock.now_ms()
            yield _Batch(rows[-1].id, partial(write_accounts, theirs=rows, accounts=self._accounts, now=now))

    async def _group_batches(self, after: int) -> AsyncIterator[_Batch]:
        while rows := await self._reader.groups(after, BATCH):
            after = rows[-1].id
            yield _Batch(after, partial(write_groups, driver=self._engine.driver, theirs=rows, accounts=self._accounts))

    async def _contact_batches(self, after: int) -> AsyncIterator[_Batch]:
        while rows := await self._reader.contacts(after, BATCH):
            after = rows[-1].id
            write = partial(
                write_contacts,
                driver=self._engine.driver,
                theirs=rows,
                links=await self._reader.links([contact.id for contact in rows]),
                accounts=self._accounts,
                groups_mark=self._state["groups"].mark,
            )
            yield _Batch(after, write)

    async def _message_batches(self, after: int) -> AsyncIterator[_Batch]:
        while rows := await self._reader.messages(after, BATCH):
            after = rows[-1].id
            mapped = [(row.id, map_message(row, self._accounts)) for row in rows]
            yield _Batch(after, partial(write_messages, driver=self._engine.driver, mapped=mapped))

    async def _recount(self, report: ImportReport) -> None:
        """Count the messages that have arrived in wasup's own table, unless wasup has run meanwhile."""
        state = self._state["messages"]

        def work(connection: Connection) -> tuple[int, int]:
            ran = connection.execute(text("SELECT COUNT(*) FROM account_owner WHERE epoch > 0")).scalar_one()
            found = connection.execute(
                text("SELECT COUNT(*) FROM messages WHERE id > :mark"), {"mark": state.mark}
            ).scalar_one()
            return int(ran), int(found)

        ran, found = await self._engine.run(work, mode="read")
        if not ran and found != state.tally.copied:
            report.mismatches.append(f"messages: {state.tally.copied} copied, but {found} found in wasup's database")

    def _advise(self, report: ImportReport) -> None:
        kept = [account for account in self._of_workspaces if account.deleted_at is None]
        paired = sum(a.provider_type == "webjs" and self._accounts.get(a.id) is not None for a in kept)
        meta = sum(a.provider_type == "meta" and self._accounts.get(a.id) is not None for a in kept)
        if paired:
            report.advice.append(
                f"{paired} accounts of type webjs have to be paired again (QR code or pairing code): the old service's"
                " logins cannot be taken over. Until then they stay disconnected; stop the old service first."
            )
        if meta:
            report.advice.append(f"{meta} accounts of type meta are disconnected until they have credentials here.")
        report.advice.append("The back end keeps its tables; none was written to. Nobody is told of imported messages.")
