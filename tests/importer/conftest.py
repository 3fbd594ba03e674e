"""Servers that play the back end's database, and ways to look at what an import has made."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trio

from tests.db.servers import DatabaseServer, find_mariadbd
from wasup.bridge import Bridge
from wasup.db import migrate

_KINDS = ["mariadb", *(["mysql"] if os.environ.get("WASUP_TEST_MYSQLD") else [])]


@pytest.fixture(scope="session", params=_KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """A running server of each kind that the back end may have; its databases stay until the end."""
    mysql = request.param == "mysql"
    binary = os.environ["WASUP_TEST_MYSQLD"] if mysql else find_mariadbd()
    assert binary is not None
    with tempfile.TemporaryDirectory(prefix="wasup-import-", ignore_cleanup_errors=True) as folder:
        server = DatabaseServer(binary, Path(folder), mysql=mysql)
        try:
            trio.run(server.initialise)
            yield server
        finally:
            server.kill()


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    """The bridge to asyncio."""
    async with Bridge() as bridge:
        yield bridge


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database without rows, to be copied."""
    path = tmp_path_factory.mktemp("template") / "wasup.db"
    trio.run(migrate, f"sqlite:///{path}")
    return path


@pytest.fixture
def target(template: Path, tmp_path: Path) -> str:
    """The address of an empty, migrated database."""
    (tmp_path / "wasup.db").write_bytes(template.read_bytes())
    return f"sqlite:///{tmp_path / 'wasup.db'}"
