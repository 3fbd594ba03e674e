"""Servers that play the back end's database, and ways to look at what an import has made."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from tests.conftest import ServerOf
from tests.db.servers import SERVER_KINDS, DatabaseServer
from wasup.bridge import Bridge
from wasup.db import migrate


@pytest.fixture(scope="session", params=SERVER_KINDS)
def server(request: pytest.FixtureRequest, server_of: ServerOf) -> DatabaseServer:
    """A running server of each kind that the back end may have; its databases stay until the end."""
    return server_of(request.param)


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
