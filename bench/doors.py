"""The webhook receiver (`bench.receiver`) as a process, and what it tells."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec
import trio

__all__ = ["SECRET", "Door", "running_receiver", "take_figures"]

SECRET = "whsec_MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
"""Endpoints of benches sign with it; nobody checks."""


class Door(msgspec.Struct):
    """What came through one path.

    Attributes:
        seconds: from the first POST to the last.
        p50_ms: and p99: from the creation of an event to its arrival.
        message_p50_ms: and p99: from the writing of its message to its arrival.
    """

    posts: int = 0
    events: int = 0
    seconds: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    message_p50_ms: float = 0.0
    message_p99_ms: float = 0.0

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / max(self.seconds, 0.001)


@asynccontextmanager
async def running_receiver() -> AsyncIterator[str]:
    """A receiver until the block ends: its address, to which a path is added."""
    process = await trio.lowlevel.open_process([sys.executable, "-m", "bench.receiver"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = int(await process.stdout.receive_some())
        yield f"http://127.0.0.1:{port}"
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            await process.stdout.aclose()


async def take_figures(receiver: str) -> dict[str, Door]:
    """What came through each path since the last call."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return msgspec.json.decode((await client.get(f"{receiver}/")).content, type=dict[str, Door])
