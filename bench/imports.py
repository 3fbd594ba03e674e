"""How fast `wasup import` is: `python -m bench.imports [rows]` copies a generated back end on a private MariaDB."""

import sys
import tempfile
import time
from pathlib import Path

import trio

from tests.db.servers import mariadb_server
from tests.importer.backend import Backend
from tests.importer.generated import ROWS, generate
from wasup.bridge import Bridge
from wasup.db import migrate
from wasup.importer import run_import
from wasup.ports.clock import SystemClock


async def bench_imports(rows: int) -> None:
    """Import into SQLite and into MariaDB, once into an empty database and once more; print rows a second."""
    async with mariadb_server() as server, Bridge() as bridge:
        backend = await Backend(server, bridge, "backend", 5, "migrations").create()
        await generate(backend, rows)
        await bridge.run(server.create_database, "target")
        with tempfile.TemporaryDirectory() as folder:
            for kind, url in (("sqlite", f"sqlite:///{Path(folder) / 'wasup.db'}"), ("mariadb", server.url("target"))):
                await migrate(url, bridge)
                for turn in ("first", "again"):
                    wall, cpu = time.perf_counter(), time.process_time()
                    report = await run_import(backend.url, url, bridge, clock=SystemClock())
                    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                    copied = report.tables["chats"].copied
                    print(
                        f"{kind:8} {turn:6} {rows:,} rows, {copied:,} copied: {wall:6.1f} s,"
                        f" {rows / wall:8,.0f} rows/s, {cpu / rows * 1e6:4.0f} µs of CPU a row"
                    )


if __name__ == "__main__":
    trio.run(bench_imports, int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
