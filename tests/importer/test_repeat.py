"""Imports that follow one another, and those that are refused."""

from pathlib import Path

import asyncmy
import pytest
import trio
from sqlalchemy import text
from typer.testing import CliRunner

from tests.db.servers import DatabaseServer
from tests.importer.backend import Backend
from tests.importer.content import read_content
from tests.importer.samples import fill
from wasup.bridge import Bridge
from wasup.cli import app
from wasup.db import Database, SchemaOutdated, migrate
from wasup.db.engine import Engine, execute
from wasup.importer import ImportRefused, ImportReport, Tally, run_import
from wasup.ports.clock import SystemClock
from wasup.ports.store import DatabaseOwned, NewAccount


@pytest.fixture
async def backend(server: DatabaseServer, bridge: Bridge) -> Backend:
    """A filled database of today's back end, new for each test."""
    if await bridge.run(server.execute, "SHOW DATABASES LIKE 'repeated'"):
        await bridge.run(server.execute, "DROP DATABASE repeated")
    backend = await Backend(server, bridge, "repeated", 5, "migrations").create()
    await fill(backend)
    return backend


async def change(url: str, bridge: Bridge, *statements: str) -> None:
    """Change wasup's database by hand."""
    engine = Engine(url, bridge, pool_size=1)
    try:
        await engine.open()
        await engine.run(lambda connection: execute(connection, *map(text, statements)))
    finally:
        await engine.close()


async def value(url: str, bridge: Bridge, sql: str) -> object:
    """The only value of a query on wasup's database."""
    engine = Engine(url, bridge, pool_size=1)
    try:
        await engine.open()
        return await engine.run(lambda connection: connection.execute(text(sql)).scalar_one(), mode="read")
    finally:
        await engine.close()


async def as_root(server: DatabaseServer) -> None:
    """Make a user who may only read; on the asyncio side."""
    connection = await asyncmy.connect(unix_socket=str(server.folder / "s"), user="root", autocommit=True)
    try:
        async with connection.cursor() as cursor:
            await cursor.execute("CREATE USER IF NOT EXISTS 'reader'@'127.0.0.1' IDENTIFIED BY 'reader'")
            await cursor.execute("GRANT SELECT ON repeated.* TO 'reader'@'127.0.0.1'")
    finally:
        connection.close()


async def test_a_second_import_brings_what_is_new_and_moves_statuses_forward_alone(
    backend: Backend, bridge: Bridge, target: str
) -> None:
    """New rows are copied, a receipt that came since is taken over, and nothing goes back."""
    await run_import(backend.url, target, bridge, clock=SystemClock())
    await backend.run(
        "UPDATE chats SET message_status = 'read', read_at = '2025-11-10 09:00:00' WHERE wam_id LIKE '%%DEL23'"
    )
    await backend.run("UPDATE chats SET message_status = 'sent', ack_level = 2, read_at = NULL WHERE id = 2")
    backend.insert("chats", id=500, workspace_id=1, account=1, contact_id=2, type="outbound",
                   metadata='{"body":"New"}', wam_id="true_14155550103@c.us_NEW", message_status="delivered",
                   created_at="2025-11-12 08:00:00")  # fmt: skip
    await backend.write()
    report = await run_import(backend.url, target, bridge, clock=SystemClock())
    tally = report.tables["chats"]
    assert (tally.copied, tally.updated, tally.merged, report.mismatches) == (1, 1, 0, [])
    status = "SELECT status FROM messages WHERE message_id = '{}'"
    assert await value(target, bridge, status.format("DEL23")) == "read"
    assert await value(target, bridge, status.format("OUT2")) == "read"
    assert await value(target, bridge, status.format("NEW")) == "delivered"
    assert await value(target, bridge, "SELECT last_message FROM chats WHERE jid = '14155550103@c.us'") == "New"


async def test_rows_that_vanish_between_two_attempts_do_not_upset_the_figures(
    backend: Backend, bridge: Bridge, target: str
) -> None:
    """An interrupted step whose counted rows are gone is counted anew."""
    await run_import(backend.url, target, bridge, clock=SystemClock())
    await change(target, bridge, "UPDATE import_progress SET done = 0 WHERE step = 'messages'")
    await backend.run("DELETE FROM chats WHERE id = 5")
    report = await run_import(backend.url, target, bridge, clock=SystemClock())
    assert report.resumed
    assert report.mismatches == []
    assert report.tables["chats"].accounted == report.tables["chats"].source


async def test_messages_that_name_no_account_go_where_the_operator_says(
    backend: Backend, bridge: Bridge, target: str
) -> None:
    """Without a word they are skipped; with `orphans_to` they are copied, and the report notes it."""
    before = await run_import(backend.url, target, bridge, clock=SystemClock())
    assert before.tables["chats"].skipped["no_account"].ids == [13]
    after = await run_import(backend.url, target, bridge, clock=SystemClock(), orphans_to=[2])
    assert (after.tables["chats"].copied, "no_account" in after.tables["chats"].skipped) == (1, False)
    assert after.tables["chats"].notes["account_guessed"].ids == [13]
    assert await value(
        target, bridge, "SELECT whatsapp_account_id FROM messages WHERE message_id = 'wamid.NOBODY='"
    ) == 2  # fmt: skip
    with pytest.raises(ImportRefused, match="no account 77"):
        await run_import(backend.url, target, bridge, clock=SystemClock(), orphans_to=[77])


async def test_a_target_that_is_somebody_elses_is_refused(backend: Backend, bridge: Bridge, target: str) -> None:
    """Other workspaces or accounts under the same ids, a running instance, no schema: said, and nothing is written."""
    clock = SystemClock()
    empty = await read_content(target, bridge)
    async with Database.open(target, bridge, clock=clock) as other:
        await other.ownership.acquire()
        with pytest.raises(DatabaseOwned, match="another wasup runs"):
            await run_import(backend.url, target, bridge, clock=clock)
        await other.ownership.release()
        assert await read_content(target, bridge) == empty
        workspace = await other.keys.create_workspace("Ours")
        with pytest.raises(ImportRefused, match=r"workspace 1 \(Ours\).*new database"):
            await run_import(backend.url, target, bridge, clock=clock)
        await change(target, bridge, "UPDATE workspaces SET id = 900")
        await other.accounts.create_account(NewAccount(workspace_id=900, provider_type="emulated"))
        with pytest.raises(ImportRefused, match=r"account 1 of the target did not come from this back end"):
            await run_import(backend.url, target, bridge, clock=clock)
    assert workspace.id == 1
    with pytest.raises(SchemaOutdated, match="wasup migrate"):
        await run_import(backend.url, target.replace("wasup.db", "none.db"), bridge, clock=clock)


async def test_a_source_that_is_no_back_end_is_refused(
    backend: Backend, server: DatabaseServer, bridge: Bridge, target: str
) -> None:
    """An address of another kind, a wrong password, an empty database, wasup's own."""
    clock = SystemClock()
    own = server.url("own")
    await bridge.run(server.execute, "DROP DATABASE IF EXISTS own")
    await bridge.run(server.create_database, "own")
    for url, words in (
        (target, "mysql://user:password@host"),
        ("mysql://wasup:wrong@" + backend.url.partition("@")[2], "Access denied"),
        (backend.url.replace("/repeated", "/missing"), "missing"),
        (own, "no WhatsApp accounts"),
    ):
        with pytest.raises(ImportRefused, match=words) as refused:
            await run_import(url, target, bridge, clock=clock)
        assert "wrong" not in str(refused.value), "the password is in the message"
    await bridge.run(server.execute, "CREATE TABLE own.account_owner (whatsapp_account_id BIGINT)")
    with pytest.raises(ImportRefused, match="wasup itself"):
        await run_import(own, target, bridge, clock=clock)
    await backend.run("ALTER TABLE chats RENAME COLUMN metadata TO data")
    with pytest.raises(ImportRefused, match="chats has no metadata"):
        await run_import(backend.url, target, bridge, clock=clock)


async def test_a_reader_without_any_right_to_write_is_enough(backend: Backend, bridge: Bridge, target: str) -> None:
    """SELECT on the back end's database is all that the import needs."""
    await bridge.run(as_root, backend.server)
    url = backend.url.replace("wasup:wasup", "reader:reader")
    report = await run_import(url, target, bridge, clock=SystemClock())
    assert report.mismatches == []


async def test_times_are_read_as_the_back_end_reads_them(backend: Backend, bridge: Bridge, target: str) -> None:
    """The server's zone is undone by reading as its clients do; another one can be named."""
    sql = "SELECT created_at FROM messages WHERE message_id = 'OUT2'"
    written = 1762761660000  # 2025-11-10 08:01:00, which the back end meant as UTC
    await bridge.run(backend.server.execute, "SET GLOBAL time_zone = '+07:00'")
    try:
        await backend.run("UPDATE chats SET created_at = '2025-11-10 08:01:00' WHERE id = 2")
        await run_import(backend.url, target, bridge, clock=SystemClock())
    finally:
        await bridge.run(backend.server.execute, "SET GLOBAL time_zone = 'SYSTEM'")
    moment = await value(target, bridge, sql)
    assert moment == written
    other = target.replace("wasup.db", "other.db")
    await migrate(other, bridge)
    await run_import(backend.url, other, bridge, clock=SystemClock(), time_zone="+07:00")
    assert await value(other, bridge, sql) == written


async def test_a_dry_run_keeps_nothing(backend: Backend, bridge: Bridge, target: str, tmp_path: Path) -> None:
    """It reports what an import would, and leaves the target as it was; refusals are one line and status 1."""
    empty = await read_content(target, bridge)
    file = tmp_path / "report.json"
    command = ["import", backend.url, "--database-url", target, "--dry-run", "--report", str(file)]
    shown = await trio.to_thread.run_sync(lambda: CliRunner().invoke(app, command, env={"COLUMNS": "200"}))
    assert shown.exit_code == 0, shown.output
    assert "Dry run, nothing was kept" in shown.output
    assert '"dry_run": true' in await trio.Path(file).read_text()
    assert await read_content(target, bridge) == empty
    command[1] = "mysql://nobody:secret@127.0.0.1:1/shop"
    refused = await trio.to_thread.run_sync(lambda: CliRunner().invoke(app, command))
    assert refused.exit_code == 1
    assert refused.stderr.startswith("wasup: the back end's database: ")
    assert "secret" not in refused.output


def test_figures_that_do_not_add_up_are_said() -> None:
    """A row that nobody accounts for, or that two places account for, is a mismatch."""
    for copied in (2, 4):
        report = ImportReport(
            source="x", point=5, variant="dump", workspace_id=None, dry_run=False,
            tables={"chats": Tally(source=3, copied=copied)},
        )  # fmt: skip
        report.check()
        assert report.mismatches == [f"chats: 3 rows, but {copied} accounted for"]
