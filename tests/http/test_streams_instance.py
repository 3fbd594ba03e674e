"""Streams of a whole instance: wired together, stopped, and started again on the same database."""

from pathlib import Path

import trio

from tests.http.test_database import saved_key
from tests.http.test_streams import STREAM, SseClient, Told
from wasup.app import Running, run_instance
from wasup.bridge import Bridge
from wasup.db import Database, migrate
from wasup.ports.clock import SystemClock
from wasup.settings import HttpSection, Settings


async def opened(running: Running, key: str, cursor: str | None = None) -> tuple[SseClient, Told]:
    """A stream of everything, and its first frame."""
    stream = await trio.open_tcp_stream("127.0.0.1", int(running.url.rpartition(":")[2]))
    client = SseClient(stream)
    headers = {"X-Api-Key": key} | ({} if cursor is None else {"Last-Event-ID": cursor})
    answer = await client.ask(f"{STREAM}?types=account.status,supervision", headers)
    assert answer.status_code == 200
    first = await client.next()
    assert first is not None
    return client, first


async def until(client: SseClient, event: str) -> Told:
    """The next frame of a kind."""
    with trio.fail_after(20):
        while True:
            told = await client.next()
            assert told is not None
            if told.event == event:
                return told


async def live(settings: Settings, key: str, cursor: str | None) -> Told:
    """One life of an instance with a client in it; its farewell."""
    farewells: list[Told] = []
    async with trio.open_nursery() as nursery:
        scope = trio.CancelScope()

        async def play(running: Running) -> None:
            client, _ = await opened(running, key, cursor)
            if cursor is not None:
                assert (await until(client, "gap")).data["of"] == "supervision"
            assert running.root.kill("root/pruner")
            while (await until(client, "supervision")).data["path"] != "root/pruner":
                pass
            nursery.start_soon(part, client)
            scope.cancel()

        async def part(client: SseClient) -> None:
            farewells.append(await until(client, "bye"))
            assert await client.next() is None
            await client.stream.aclose()

        with scope:
            await run_instance(settings, on_ready=play, signals=False)
    return farewells[0]


async def test_an_instance_says_goodbye_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """What the tree does is told live; a stop ends the stream with its reason; the next life knows the cursor."""
    url = f"sqlite:///{tmp_path / 'wasup.db'}"
    async with Bridge() as bridge:
        await migrate(url, bridge)
        async with Database.open(url, bridge, clock=SystemClock()) as database:
            key = await saved_key(database, None, "admin")
    settings = Settings(database_url=url, data_dir=tmp_path, http=HttpSection(port=0), emulator_url=None)
    cursor: str | None = None
    for _ in range(2):
        farewell = await live(settings, key, cursor)
        assert farewell.data["reason"] == "shutting_down"
        cursor = farewell.cursor
