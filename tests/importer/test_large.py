"""A hundred thousand rows: added up, repeated, and killed on the way; `wasup import` runs as a process of its own.

MySQL has fewer of them: nothing here depends on their number but the kind of server.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import trio
from sqlalchemy import text

from tests.db.servers import DatabaseServer
from tests.importer.backend import Backend
from tests.importer.content import Content, columns_of, read_content
from tests.importer.generated import IMPORTABLE, ROWS, generate
from wasup.bridge import Bridge
from wasup.db import migrate
from wasup.db.engine import Engine
from wasup.importer import ImportReport

_PATIENCE = 120.0
_FIRST: dict[int, Content] = {}  # what an import that nobody disturbed has made, by the server's port


def rows_on(server: DatabaseServer) -> int:
    """How many messages the back end's database has there."""
    return ROWS // 5 if server.mysql else ROWS


class Importing:
    """`wasup import` from one database to another."""

    def __init__(self, source: str, target: str, folder: Path, *options: str) -> None:
        self.target, self.folder, self.file = target, folder, folder / "report.json"
        self._command = [
            sys.executable, "-m", "wasup", "import", source, "--database-url", target, "--report", str(self.file),
            *options,
        ]  # fmt: skip

    def start(self) -> subprocess.Popen[str]:
        """Start it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WASUP_")}
        return subprocess.Popen(
            self._command, cwd=self.folder, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    async def finish(self) -> ImportReport:
        """Run it to its end."""
        process = self.start()
        with trio.fail_after(_PATIENCE):
            output, _ = await trio.to_thread.run_sync(process.communicate)
        assert process.returncode == 0, output
        assert "Every row is accounted for." in output
        return msgspec.json.decode(self.file.read_bytes(), type=ImportReport)

    async def kill_on_the_way(self, bridge: Bridge, rows: int) -> None:
        """Kill it in the middle of so many messages."""
        enough = rows * 3 // 10
        engine = Engine(self.target, bridge, pool_size=1)
        await engine.open()
        far = text("SELECT COALESCE(MAX(last_id), 0) FROM import_progress WHERE step = 'messages'")
        process = self.start()
        try:
            with trio.fail_after(_PATIENCE):
                while await engine.run(lambda c: c.execute(far).scalar_one(), mode="read") < enough:
                    assert process.poll() is None, process.communicate()
                    await trio.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            await trio.to_thread.run_sync(process.communicate)
            reached = await engine.run(lambda c: c.execute(far).scalar_one(), mode="read")
            assert enough <= reached < rows, "it was not killed in the middle"
        finally:
            process.kill()
            await engine.close()


@pytest.fixture
async def backend(server: DatabaseServer, bridge: Bridge) -> Backend:
    """The generated database, made once for each server."""
    backend = Backend(server, bridge, "large", 5, "migrations")
    if not await bridge.run(server.execute, "SHOW DATABASES LIKE 'large'"):
        await backend.create()
        await generate(backend, rows_on(server))
    return backend


async def undisturbed(backend: Backend, template: Path, folder: Path) -> Content:
    """What an import that nobody disturbs makes, checked against what SQL says of the back end's rows."""
    port = backend.server.port
    if port not in _FIRST:
        target = f"sqlite:///{folder / 'undisturbed.db'}"
        await trio.to_thread.run_sync(shutil.copy, template, folder / "undisturbed.db")
        importing = Importing(backend.url, target, folder)
        report = await importing.finish()
        content = await read_content(target, backend.bridge)
        await check_sums(backend, report, content)
        again = await importing.finish()
        tally = again.tables["chats"]
        assert (tally.copied, tally.updated, tally.merged) == (0, 0, 0)
        assert await read_content(target, backend.bridge) == content, "a second import changed it"
        _FIRST[port] = content
    return _FIRST[port]


async def check_sums(backend: Backend, report: ImportReport, content: Content) -> None:
    """The report, wasup's database and the back end's own count agree."""
    tally, rows = report.tables["chats"], rows_on(backend.server)
    ((distinct, importable),) = await backend.run(
        f"SELECT COUNT(DISTINCT wam_id, whatsapp_account_id), COUNT(*) FROM chats WHERE {IMPORTABLE}"
    )
    ((deleted,),) = await backend.run(
        "SELECT COUNT(*) FROM chats WHERE deleted_at IS NOT NULL AND whatsapp_account_id IS NOT NULL"
    )
    assert tally.source == rows == tally.accounted
    assert (tally.copied, tally.merged) == (distinct, importable - distinct)
    assert {reason: examples.count for reason, examples in tally.skipped.items()} == {
        "no_account": rows // 97,
        "deleted": deleted,
    }
    assert len(content["messages"]) == distinct
    ((unread,),) = await backend.run(
        f"SELECT COUNT(DISTINCT wam_id, whatsapp_account_id) FROM chats WHERE {IMPORTABLE}"
        " AND type = 'inbound' AND is_read = 0"
    )
    chats = await backend.run(
        f"SELECT workspace_id, whatsapp_account_id, COUNT(DISTINCT contact_id) FROM chats WHERE {IMPORTABLE}"
        " GROUP BY workspace_id, whatsapp_account_id"
    )
    found: dict[tuple[int, int], int] = {}
    for row in content["chats"]:
        found[row[0], row[1]] = found.get((row[0], row[1]), 0) + 1
    assert found == {(workspace_id, account_id): count for workspace_id, account_id, count in chats}
    place = columns_of("chats").index("unread_count")
    assert sum(row[place] for row in content["chats"]) == unread
    assert content["events"] == content["outbox"] == []


async def test_killed_and_run_again_it_is_as_if_nothing_had_happened(
    backend: Backend, bridge: Bridge, template: Path, tmp_path: Path
) -> None:
    """On a server: after SIGKILL in the middle, a second run brings what an undisturbed one brings to SQLite."""
    expected = await undisturbed(backend, template, tmp_path)
    await bridge.run(backend.server.create_database, "killed")
    target = backend.server.url("killed")
    await migrate(target, bridge)
    importing = Importing(backend.url, target, tmp_path)
    await importing.kill_on_the_way(bridge, rows_on(backend.server))
    report = await importing.finish()
    assert report.resumed
    assert report.tables["chats"].copied == len(expected["messages"])
    resumed = await read_content(target, bridge)
    for table in expected.keys() | resumed.keys():
        assert resumed[table] == expected[table], table


async def test_one_workspace_alone_killed_on_the_way_to_sqlite(
    backend: Backend, bridge: Bridge, template: Path, tmp_path: Path
) -> None:
    """Nothing of the other workspaces comes along, and what comes is what an import of all brings."""
    everything = await undisturbed(backend, template, tmp_path)
    await trio.to_thread.run_sync(shutil.copy, template, tmp_path / "killed.db")
    target = f"sqlite:///{tmp_path / 'killed.db'}"
    importing = Importing(backend.url, target, tmp_path, "--workspace", "2")
    await importing.kill_on_the_way(bridge, rows_on(backend.server))
    report = await importing.finish()
    assert (report.resumed, report.workspace_id) == (True, 2)
    assert report.tables["chats"].source == report.tables["chats"].accounted == rows_on(backend.server) // 5
    resumed = await read_content(target, bridge)
    for table in ("whatsapp_accounts", "whatsapp_groups", "contacts", "chats", "messages"):
        place = columns_of(table).index("workspace_id")
        assert resumed[table] == [row for row in everything[table] if row[place] == 2], table
