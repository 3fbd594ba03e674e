"""The main job on real processes and sockets, with kill -9 in the middle."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from rich.console import Console

from tests.db.servers import mariadb_server
from tests.e2e.system import WasupProcess, prepared
from tests.emulator.process import running_emulator
from wasup.bridge import Bridge
from wasup.cli.demo.play import Play
from wasup.emulator.client import EmulatorClient

# httpx leaves the generator of a request's body unfinished when the connection breaks under it.
pytestmark = pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning")


@asynccontextmanager
async def database_url(kind: str, folder: Path) -> AsyncIterator[str]:
    """A fresh database of this kind."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'wasup.db'}"
        return
    async with mariadb_server() as server:
        async with Bridge() as bridge:
            await bridge.run(server.create_database, "wasup")
        yield server.url("wasup")


@asynccontextmanager
async def a_play(wasup: WasupProcess, emulator: EmulatorClient, *, messages: int) -> AsyncIterator[Play]:
    """A demo that draws nothing."""
    silent = Console(file=io.StringIO())
    async with wasup.api() as api, wasup.admin() as admin:
        yield Play(silent, api, admin, emulator, accounts=10, messages=messages, sends=40)


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
async def test_nothing_is_lost_or_doubled_when_wasup_is_killed_twice_in_the_middle(kind: str, tmp_path: Path) -> None:
    """Emulator log, database and webhook receiver agree message by message, and every account comes back."""
    async with (
        running_emulator(echo=True) as emulator,
        database_url(kind, tmp_path) as url,
        prepared(url, tmp_path, emulator) as wasup,
        a_play(wasup, emulator, messages=600) as play,
    ):

        async def kill_when(acknowledged: int) -> None:
            while play.acknowledged < acknowledged:
                await trio.sleep(0.02)
            wasup.kill()
            await wasup.start()

        async def kill_twice() -> None:
            await kill_when(100)
            await kill_when(350)

        with trio.fail_after(120):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(kill_twice)
                await play.run()
        found = await play.check()
        assert found.failures() == []
        assert found.stored_in == found.given
        assert found.given >= 600
        assert found.duplicates == 0


async def test_a_graceful_stop_keeps_logins_and_delivers_nothing_twice(tmp_path: Path) -> None:
    """SIGTERM ends with status 0 in time, and the next start restores every login without a new QR code."""
    async with (
        running_emulator() as emulator,
        prepared(f"sqlite:///{tmp_path / 'wasup.db'}", tmp_path, emulator) as wasup,
        a_play(wasup, emulator, messages=100) as play,
    ):
        with trio.fail_after(60):
            await play.run()
            assert await trio.to_thread.run_sync(wasup.terminate) == 0
            paired = len(await emulator.log(kind="paired"))
            await wasup.start()
            async with wasup.api() as api:
                while {a["status"] for a in (await api.accounts()).values()} != {"connected"}:
                    await trio.sleep(0.1)
        assert len(await emulator.log(kind="paired")) == paired
        found = await play.check()
        assert found.failures() == []
        assert found.repeated_webhooks == 0
