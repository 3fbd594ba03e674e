"""Readers of event streams: from the stamp of an event, which is given before its commit, to each reader.

`watch_streams` reads from an instance that runs already. Alone (`python -m bench.streams`) it brings one: a thousand
emulated accounts on MariaDB, half of them with a reader, and messages to all of them.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import trio
from rich.console import Console

from bench.instance import all_connected, running_wasup
from bench.measure import Cpu, Findings, percentile
from bench.stage import databases, open_stage

__all__ = ["StreamFigures", "watch_streams"]

_ACCOUNTS = 1000
_READERS = 500
_RATE = 4000  # messages a second to all accounts, so that half of them reach a reader
_SECONDS = 10.0
_SETTLE = 3.0
_OPENING = 20  # streams being opened at the same time
_PUT_OFF = 1.0  # seconds, as the answer's Retry-After says


class _Stamped(msgspec.Struct):
    """What is read of an event."""

    account_id: int
    account_seq: int
    created_at: int


_decode = msgspec.json.Decoder(_Stamped).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFigures:
    """What the readers saw; times in milliseconds from an event's stamp to its reader.

    Attributes:
        ended: streams that the server ended.
        broken: events that came twice or out of their account's order.
    """

    readers: int
    frames: int
    seconds: float
    p50: float
    p99: float
    most: float
    ended: int
    broken: int

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds

    def __str__(self) -> str:
        return (
            f"{self.readers} readers, {self.rate:,.0f} frames/s: p50 {self.p50:.0f} ms, p99 {self.p99:.0f} ms,"
            f" most {self.most:.0f} ms; ended by the server: {self.ended}, out of order: {self.broken}"
        )


class _Readers:
    """Streams of one account each."""

    def __init__(self) -> None:
        self.counting = False
        self.times: list[float] = []
        self.ended = 0
        self.broken = 0

    async def read(self, port: int, key: str, account_id: int, ready: trio.Event) -> None:
        """Read one stream until cancelled; one that is put off is asked for again."""
        while not await self._read(port, key, account_id, ready):
            await trio.sleep(_PUT_OFF)

    async def _read(self, port: int, key: str, account_id: int, ready: trio.Event) -> bool:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            head = f"GET /api/events/stream?account_id={account_id}&types=message.received HTTP/1.1\r\nHost: x\r\n"
            await stream.send_all(f"{head}X-Api-Key: {key}\r\n\r\n".encode())
            text = b""
            while b"heartbeat" not in text:
                data = await stream.receive_some(65_536)
                if not data:
                    raise ConnectionError(f"no stream: {text[:500]!r}")
                text += data
                if text.startswith(b"HTTP/1.1 503 "):
                    return False
            ready.set()
            last = 0
            while data := await stream.receive_some(65_536):
                now = time.time() * 1000
                *blocks, text = (text + data).split(b"\n\n")
                for block in blocks:
                    _, found, event = block.partition(b"data: ")
                    if found and b"event: message." in block:
                        last = self._note(_decode(event), now, last)
            self.ended += 1
        return True

    def _note(self, event: _Stamped, now: float, last: int) -> int:
        self.broken += event.account_seq <= last
        if self.counting:
            self.times.append(now - event.created_at)
        return event.account_seq


async def watch_streams(port: int, key: str, accounts: Sequence[int], *, seconds: float) -> StreamFigures:
    """Open a stream of each account at an instance on this machine, and read for so long."""
    readers = _Readers()
    async with trio.open_nursery() as nursery:
        waiting: list[trio.Event] = []
        for account_id in accounts:
            waiting.append(trio.Event())
            nursery.start_soon(readers.read, port, key, account_id, waiting[-1])
            if len(waiting) >= _OPENING:
                await waiting[-_OPENING].wait()
        for event in waiting:
            await event.wait()
        readers.counting = True
        await trio.sleep(seconds)
        readers.counting = False
        nursery.cancel_scope.cancel()
    times = sorted(readers.times) or [0.0]
    return StreamFigures(
        readers=len(accounts),
        frames=len(readers.times),
        seconds=seconds,
        p50=percentile(times, 50),
        p99=percentile(times, 99),
        most=times[-1],
        ended=readers.ended,
        broken=readers.broken,
    )


async def _alone(accounts: int, readers: int, rate: int) -> None:
    console, findings = Console(width=150), Findings()
    async with open_stage(databases()[0], restored=accounts, receipts=False) as stage, running_wasup(stage) as instance:
        if not await all_connected(stage, findings):
            return
        port = int(instance.url.rpartition(":")[2])
        chosen = sorted(stage.phones.values())[:readers]
        for watched in ([], chosen):
            await stage.emulator.start_load(rate=rate, seconds=_SETTLE + _SECONDS)
            await trio.sleep(_SETTLE)
            cpu = Cpu(wasup=instance.pid)
            figures = await watch_streams(port, stage.api_key, watched, seconds=_SECONDS - _SETTLE)
            console.print(
                f"{rate} messages/s to {accounts} accounts, CPU of wasup {cpu.shares()['wasup']:.2f}: {figures}"
            )
            await trio.sleep(2 * _SETTLE)


if __name__ == "__main__":
    sizes = [int(size) for size in sys.argv[1:4]] or [_ACCOUNTS, _READERS, _RATE]
    trio.run(partial(_alone, *sizes))
