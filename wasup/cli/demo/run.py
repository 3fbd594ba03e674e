"""The demo's course: a system to play against, the scenes, the report."""

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio
from rich.console import Console

from wasup.cli.bootstrap import ADMIN_KEY, API_KEY
from wasup.cli.demo.api import Api, ApiError
from wasup.cli.demo.play import Play
from wasup.cli.demo.report import print_report
from wasup.cli.local import LocalSystem, read_key, read_system
from wasup.cli.quickstart import missing_for_browsers
from wasup.emulator.client import EmulatorClient
from wasup.settings import Settings

__all__ = ["Size", "own_system", "run_demo"]

_START_WITHIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is played."""

    accounts: int
    messages: int
    sends: int


async def run_demo(settings: Settings, size: Size, browser: bool) -> bool:
    """Play against the running system of the data folder, or against one of our own; True when nothing is missing.

    Args:
        settings: all settings.
        size: of the demo.
        browser: each account lives in a Chromium of its own.
    """
    if browser and (missing := missing_for_browsers(settings)):
        raise SystemExit(f"wasup: {missing}")
    console = Console()
    system = read_system(settings.data_dir)
    if system is not None:
        console.print(f"Playing against the system at {system.url}")
        return await _play(console, system, settings, settings.data_dir, size, browser=browser)
    console.print("No system is running: starting one for the demo ...")
    with tempfile.TemporaryDirectory(prefix="wasup-demo-") as folder:
        async with own_system(Path(folder)) as own:
            return await _play(console, own, settings, Path(folder), size, browser=browser)


async def _play(
    console: Console, system: LocalSystem, settings: Settings, folder: Path, size: Size, *, browser: bool
) -> bool:
    key, admin_key = read_key(folder, API_KEY), read_key(folder, ADMIN_KEY)
    if key is None or admin_key is None:
        raise SystemExit(f"wasup: {folder} holds no API keys")
    async with (
        Api(system.url, key) as api,
        Api(system.url, admin_key) as admin,
        EmulatorClient(system.emulator_url) as emulator,
    ):
        play = Play(
            console,
            api,
            admin,
            emulator,
            accounts=size.accounts,
            messages=size.messages,
            sends=size.sends,
            profiles=settings.browser.profiles or folder / "profiles" if browser else None,
        )
        try:
            await play.run()
        except ApiError as error:
            console.print(f"[red]The demo cannot go on:[/red] {error}")
            return False
        return print_report(console, await play.check())


@asynccontextmanager
async def own_system(folder: Path) -> AsyncIterator[LocalSystem]:
    """A quickstart in a process of its own, on free ports, with a database in `folder`."""
    command = [
        sys.executable, "-m", "wasup", "quickstart", "--data-dir", str(folder), "--port", "0", "--emulator-port", "0",
    ]  # fmt: skip
    environment_url = f"sqlite:///{folder / 'wasup.db'}"
    process = await trio.lowlevel.open_process(
        command, stdout=subprocess.DEVNULL, env={**os.environ, "WASUP_DATABASE_URL": environment_url}
    )
    try:
        with trio.move_on_after(_START_WITHIN):
            while process.poll() is None and read_system(folder) is None:
                await trio.sleep(0.1)
        system = read_system(folder)
        if system is None:
            raise SystemExit("wasup: the demo's own system does not start; `wasup quickstart` tells why")
        yield system
    finally:
        with trio.CancelScope(shield=True):
            process.terminate()
            with trio.move_on_after(30):
                await process.wait()
            if process.poll() is None:
                process.kill()
                await process.wait()
