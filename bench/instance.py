"""A wasup instance in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import trio
from sqlalchemy import func, select

from bench.measure import Findings
from bench.stage import Stage
from wasup.cli.demo.api import Api
from wasup.db.tables import whatsapp_accounts as accounts

__all__ = ["Instance", "all_connected", "read_line", "running_wasup"]

_START_WITHIN = 60.0
_STOP_WITHIN = 60.0
_ROOT = Path(__file__).parent.parent
LOG = "wasup.log"
_GREETING = "wasup serves "


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A running instance.

    Attributes:
        spawned: monotonic seconds when its process was begun.
        answered: when its API was up.
        api: with the workspace's key.
        admin: with an admin key.
    """

    pid: int
    url: str
    spawned: float
    answered: float
    api: Api
    admin: Api
    admin_key: str
    process: trio.Process

    async def metrics(self) -> str:
        """What `/metrics` tells."""
        async with httpx.AsyncClient(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {self.admin_key}"}
            response = await client.get(f"{self.url}/metrics", headers=headers)
            return response.raise_for_status().text


@asynccontextmanager
async def running_wasup(
    stage: Stage, *, program: Sequence[str] = ("-m", "wasup", "serve"), **settings: object
) -> AsyncIterator[Instance]:
    """`wasup serve`, or another program that greets like it, on this stage, until the block ends.

    More settings as `max_sessions_per_instance=3000`.
    """
    values = {
        "database_url": stage.url,
        "data_dir": stage.folder,
        "emulator_url": stage.emulator.url,
        "http__port": 0,
        "webhooks__allow_private": "true",
        "max_sessions_per_instance": 3000,
        **settings,
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WASUP_")}
    environment |= {f"WASUP_{name.upper()}": str(value) for name, value in values.items()}
    environment["PYTHONPATH"] = str(_ROOT)
    log_path = stage.folder / LOG
    spawned = time.monotonic()
    with log_path.open("ab") as log:
        process = await trio.lowlevel.open_process(
            [sys.executable, *program],
            cwd=stage.folder,  # so that no .env and no wasup.toml is found
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us; it is stopped below
        )
    try:
        line = ""
        with trio.move_on_after(_START_WITHIN):
            line = await read_line(process)
        if not line.startswith(_GREETING):
            raise SystemExit(f"wasup does not start:\n{log_path.read_text()[-2000:]}")
        answered = time.monotonic()
        url = line.removeprefix(_GREETING).split()[0]
        async with Api(url, stage.api_key) as api, Api(url, stage.admin_key) as admin:
            yield Instance(
                pid=process.pid,
                url=url,
                spawned=spawned,
                answered=answered,
                api=api,
                admin=admin,
                admin_key=stage.admin_key,
                process=process,
            )
    finally:
        await _stop(process)


async def all_connected(stage: Stage, findings: Findings, *, within: float = 240.0) -> bool:
    """Wait until all accounts are connected; if they are not in time, that is a finding, with what there is to see."""
    wanted = len(stage.phones)
    if await stage.wait_connected(wanted, within=within):
        return True
    statuses = await stage.rows(select(accounts.c.status, func.count()).group_by(accounts.c.status))
    said = ", ".join(f"{count} {status}" for status, count in statuses)
    findings.must(f"{stage.kind}: {wanted} accounts connected within {within:.0f} s: {said}", holds=False)
    print((stage.folder / LOG).read_text()[-3000:], file=sys.stderr)
    return False


async def read_line(process: trio.Process) -> str:
    """What the program prints next; empty when it has ended."""
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n"):
        more = await process.stdout.receive_some()
        if not more:
            break
        line += more
    return line.decode()


async def _stop(process: trio.Process) -> None:
    with trio.CancelScope(shield=True):
        process.terminate()
        with trio.move_on_after(_STOP_WITHIN):
            await process.wait()
        if process.poll() is None:
            process.kill()
            await process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                await pipe.aclose()
