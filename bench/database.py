"""The database servers of the benches, set up as docs/database.md recommends: every commit is flushed."""

import os
from contextlib import AbstractAsyncContextManager
from typing import Final

from tests.db.servers import DatabaseServer, mariadb_server, mysql_server

__all__ = ["MYSQL", "WORDS", "database_server"]

MYSQL: Final = "WASUP_TEST_MYSQLD"
"""Environment variable that names a MySQL server's program, for there is seldom one."""

WORDS: Final = "every commit is flushed, buffer pool 1 GB, log 1 GB"
_BOTH: Final = (
    "--innodb-buffer-pool-size=1G",
    "--innodb-flush-neighbors=0",
    "--innodb-io-capacity=2000",
    "--innodb-io-capacity-max=4000",
)
_LOG: Final = {"mariadb": "--innodb-log-file-size=1G", "mysql": "--innodb-redo-log-capacity=1G"}


def database_server(kind: str) -> AbstractAsyncContextManager[DatabaseServer]:
    """A private server, `mariadb` or `mysql`; everything of it is gone afterwards."""
    options = (*_BOTH, _LOG[kind])
    return mariadb_server(*options) if kind == "mariadb" else mysql_server(os.environ[MYSQL], *options)
