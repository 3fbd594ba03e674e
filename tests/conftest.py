"""What all tests share: database servers that are started once in each process, and long files first."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
import trio

from tests.db.servers import QUICK, DatabaseServer, find_mariadbd

ServerOf = Callable[[str], DatabaseServer]

_HERE = Path(__file__).parent
_LONG = (
    "providers/test_webjs.py",
    "chaos/test_campaign.py",
    "e2e/test_browsers.py",
    "importer/test_large.py",
    "db/test_outages.py",
    "e2e/test_main_job.py",
    "emulator/web/test_life.py",
    "browsers/test_faults.py",
    "db/test_faults.py",
    "cli/test_commands.py",
)
"""Files that take longer than others, longest first: begun first, so that the processes end together."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first; goes with `--no-loadscope-reorder`."""
    places = {_HERE / file: place for place, file in enumerate(_LONG)}
    missing = [str(path) for path in places if not path.exists()]
    if missing:
        raise pytest.UsageError(f"tests/conftest.py names files that are not there: {', '.join(missing)}")
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def server_of() -> Iterator[ServerOf]:
    """The running server of a kind, `mariadb` or `mysql`; started when it is first asked for, for all tests."""
    with ExitStack() as stack:

        @cache
        def server_of(kind: str) -> DatabaseServer:
            binary = os.environ["WASUP_TEST_MYSQLD"] if kind == "mysql" else find_mariadbd()
            assert binary is not None, "no mariadbd: install the package mariadb-server"
            folder = tempfile.TemporaryDirectory(prefix="wasup-db-", ignore_cleanup_errors=True)
            server = DatabaseServer(binary, Path(stack.enter_context(folder)), mysql=kind == "mysql", extra=QUICK)
            stack.callback(server.kill)
            trio.run(server.initialise)
            return server

        yield server_of
