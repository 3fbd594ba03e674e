"""A wasup process on a prepared database, free to be killed and started again on the same port."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import trio

from tests.db.servers import free_port
from wasup.cli.bootstrap import ADMIN_KEY, API_KEY, bootstrap
from wasup.cli.demo.api import Api
from wasup.cli.local import read_key
from wasup.db import migrate
from wasup.emulator.client import EmulatorClient

__all__ = ["WasupProcess", "prepared"]

_START_WITHIN = 30.0


class WasupProcess:
    """`wasup serve` in a process of its own."""

    def __init__(self, database_url: str, folder: Path, emulator_url: str, **settings: object) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **os.environ,
            "WASUP_DATABASE_URL": database_url,
            "WASUP_DATA_DIR": str(folder),
            "WASUP_EMULATOR_URL": emulator_url,
            "WASUP_WEBHOOKS__ALLOW_PRIVATE": "true",
            "WASUP_HTTP__PORT": str(self.port),
        }
        self.configure(**settings)

    async def start(self) -> None:
        """Start it, and return when its API answers."""
        with (self.folder / "wasup.log").open("ab") as log:
            process = self._process = subprocess.Popen(  # noqa: ASYNC220 - it outlives this call, and is quick
                [sys.executable, "-m", "wasup", "serve"], env=self._environment, stdout=log, stderr=log
            )
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            with trio.fail_after(_START_WITHIN):
                while True:
                    if process.poll() is not None:  # by itself, or killed meanwhile
                        raise RuntimeError(f"wasup ended: {self.log()[-3000:]}")
                    try:
                        if (await client.get("/health/live")).status_code == 200:
                            return
                    except httpx.TransportError:
                        pass
                    await trio.sleep(0.1)

    def configure(self, **settings: object) -> None:
        """Settings for its next start; None takes one away."""
        for name, value in settings.items():
            key = f"WASUP_{name.upper()}"
            if value is None:
                self._environment.pop(key, None)
            else:
                self._environment[key] = str(value)

    def log(self) -> str:
        """What it has printed."""
        return (self.folder / "wasup.log").read_text()

    def alive(self) -> bool:
        """Whether there is a process that runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def metrics(self) -> dict[str, float]:
        """What `/metrics` tells, by name and labels."""
        key = read_key(self.folder, ADMIN_KEY)
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            response = await client.get("/metrics", headers={"Authorization": f"Bearer {key}"})
        samples = (line.rpartition(" ") for line in response.raise_for_status().text.splitlines() if line[0] != "#")
        return {name: float(value) for name, _, value in samples}

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """Ask it to end, wait until it has, and return its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        status = self._process.wait(timeout=40)
        self._process = None
        return status

    def api(self, key: str = API_KEY) -> Api:
        """A client with one of the keys of the data folder (`API_KEY` or `ADMIN_KEY`)."""
        value = read_key(self.folder, key)
        assert value is not None
        return Api(self.url, value)

    def admin(self) -> Api:
        """A client with the admin key."""
        return self.api(ADMIN_KEY)


@asynccontextmanager
async def prepared(
    database_url: str, folder: Path, emulator: EmulatorClient, **settings: object
) -> AsyncIterator[WasupProcess]:
    """A migrated database with workspace, keys and endpoint, and a wasup process on it that runs."""
    await migrate(database_url)
    endpoint = await bootstrap(database_url, folder, webhook_url=f"{emulator.url}/backend/webhooks")
    await emulator.backend(secret=endpoint.secret)
    process = WasupProcess(database_url, folder, emulator.url, **settings)
    try:
        await process.start()
        yield process
    finally:
        process.kill()
