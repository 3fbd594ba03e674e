"""A socket as a stream whose reads and writes cost little, and of which no half frame is left."""

import contextlib
import os
from typing import Final

import trio

__all__ = ["Stream"]

_RECEIVE_BYTES: Final = 16 * 1024


class Stream(trio.abc.HalfCloseableStream):
    """A socket that closes itself when a write is torn: the stream is useless then, and nothing may follow the stump.

    It reads when there is something to read (Trio's own stream tries first, in vain as a rule) and writes
    without giving up its turn; measured, that takes a tenth off what a message costs.
    """

    def __init__(self, inner: trio.SocketStream) -> None:
        self._inner = inner
        self._number = inner.socket.fileno()
        self._socket = inner.socket

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        rest = memoryview(data)
        total = len(rest)
        try:
            while rest:
                self._still_open()
                try:
                    rest = rest[os.write(self._number, rest) :]
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self._socket)
        except trio.Cancelled:
            if len(rest) != total:
                self._socket.close()
            raise
        except OSError as error:
            raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._inner.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        try:
            while True:
                self._still_open()
                await trio.lowlevel.wait_readable(self._socket)
                self._still_open()
                with contextlib.suppress(BlockingIOError):
                    data = os.read(self._number, max_bytes or _RECEIVE_BYTES)
                    break
        except OSError as error:
            raise trio.BrokenResourceError from error
        return data

    def _still_open(self) -> None:
        """A closed socket's number may belong to another file by now."""
        if self._socket.fileno() != self._number:
            raise trio.ClosedResourceError

    async def aclose(self) -> None:
        await self._inner.aclose()
