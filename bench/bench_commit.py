"""Messages per second of `SyncStore.commit`, with events and one endpoint's outbox rows, over 1,000 accounts.

    python -m bench.bench_commit [--seconds 6] [--accounts 1000] [--writers 2] [mariadb|sqlite|mysql ...]

MariaDB (and MySQL, when WASUP_TEST_MYSQLD names a server program) run as private servers of this program.
"""

import argparse
import itertools
import random
import tempfile
import time
from collections import defaultdict
from contextlib import AsyncExitStack

import trio

from bench.database import database_server
from wasup.bridge import Bridge
from wasup.db import Database, migrate
from wasup.ports.accounts import Fence
from wasup.ports.clock import SystemClock
from wasup.ports.messages import Item, Message, Text
from wasup.ports.store import IncomingBatch, NewAccount

_BODY = "Olá! Segue a confirmação do pedido número 12345, qualquer dúvida é só chamar aqui. 👍 "
_serial = itertools.count()


def _message(account: int, chooser: random.Random) -> Message:
    number = next(_serial)
    chat = f"55119{account:05d}{chooser.randrange(20):03d}@c.us"
    return Message(
        id=f"3EB0{number:018X}",
        chat=chat,
        sender=chat,
        from_me=False,
        timestamp=1_790_000_000_000 + number,
        content=Text(body=_BODY[: 40 + number % 45]),
        push_name=f"Customer {chat[7:13]}",
    )


def _batch(fences: list[Fence], size: int, chooser: random.Random) -> list[IncomingBatch]:
    items: dict[Fence, list[Item]] = defaultdict(list)
    for _ in range(size):
        fence = chooser.choice(fences)
        items[fence].append(_message(fence.account_id, chooser))
    return [
        IncomingBatch(fence=fence, workspace_id=1, provider_type="emulated", items=tuple(messages))
        for fence, messages in items.items()
    ]


async def _measure(db: Database, fences: list[Fence], size: int, writers: int, seconds: float) -> str:
    done = [0]
    took: list[float] = []
    shares = [fences[index::writers] for index in range(writers)]  # sync writers are sharded by account

    async def writer(share: list[Fence], seed: int) -> None:
        chooser = random.Random(seed)
        while True:
            batch = _batch(share, size, chooser)
            start = time.perf_counter()
            result = await db.sync.commit(batch)
            took.append(time.perf_counter() - start)
            done[0] += result.new_messages

    async with trio.open_nursery() as nursery:
        for index, share in enumerate(shares):
            nursery.start_soon(writer, share, size * 100 + index)
        await trio.sleep(min(seconds / 3, 2))
        before, start = done[0], time.perf_counter()
        took.clear()
        await trio.sleep(seconds)
        rate = (done[0] - before) / (time.perf_counter() - start)
        nursery.cancel_scope.cancel()
    took.sort()
    middle, late = took[len(took) // 2] * 1000, took[int(len(took) * 0.99)] * 1000
    return f"{rate:8.0f} messages/s   commit p50 {middle:6.1f} ms   p99 {late:6.1f} ms"


async def _run(name: str, url: str, bridge: Bridge, options: argparse.Namespace) -> None:
    await migrate(url, bridge)
    async with Database.open(url, bridge, clock=SystemClock()) as db:
        workspace = await db.keys.create_workspace("bench")
        await db.outbox.save_endpoint(workspace.id, url="https://example.org/hook", secret="whsec_bench")
        new = NewAccount(workspace_id=workspace.id, provider_type="emulated")
        accounts = [(await db.accounts.create_account(new)).id for _ in range(options.accounts)]
        await db.ownership.acquire()
        fences = list((await db.ownership.claim(accounts)).values())
        for writers in options.writers:
            for size in (100, 500, 1000):
                figures = await _measure(db, fences, size, writers, options.seconds)
                print(f"{name:8s} {writers} writer(s)   batch {size:5d}   {figures}", flush=True)


async def main(options: argparse.Namespace) -> None:
    """Measure each database that was asked for."""
    for name in options.databases:
        async with AsyncExitStack() as stack:
            bridge = await stack.enter_async_context(Bridge())
            if name == "sqlite":
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="wasup-bench-"))
                await _run(name, f"sqlite:///{folder}/bench.db", bridge, options)
                continue
            server = await stack.enter_async_context(database_server(name))
            await bridge.run(server.create_database, "bench")
            await _run(name, server.url("bench"), bridge, options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("databases", nargs="*", default=["mariadb", "sqlite"])
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 2])
    trio.run(main, parser.parse_args())
