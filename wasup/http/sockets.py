"""A socket stream that no client can hold on to: bounded sends, a bounded farewell, and an end at once when told."""

import contextlib
import os
from typing import Final

import trio

__all__ = ["GuardedStream"]

_CHUNK: Final = 65_536
_GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError)


class GuardedStream:
    """Wraps a socket stream with what Hypercorn lacks.

    - Hypercorn sends inside a shielded scope without a deadline: a client that stops reading would block a
      shutdown for ever. Here each 64 KB must get out within `send_timeout` seconds.
    - A server that closes while the client still sends makes the kernel reset the connection, and the client
      never reads its 413. After `linger()` the first `aclose` only ends our side; what the client still sends
      is thrown away for a while (as nginx's lingering_close does).
    - A client that connects and says nothing costs no more than a socket: `wait_begun()` before anything is built.
    - `abort()` closes at once and from anywhere; whoever waits in a method here gets an error.
    """

    def __init__(self, stream: trio.SocketStream, *, send_timeout: float, linger: float) -> None:
        self.socket = stream.socket
        self._stream = stream
        self._send_timeout = send_timeout
        self._linger = linger
        self._wants_linger = False
        self._linger_until: float | None = None
        self._ended = False
        self._first = b""

    async def wait_begun(self, timeout: float) -> bool:
        """Wait until the client says something; False when it does not in so many seconds, or goes."""
        with trio.move_on_after(timeout), contextlib.suppress(*_GONE):
            self._first = bytes(await self._stream.receive_some(_CHUNK))
        return bool(self._first)

    def send_now(self, data: bytes) -> bytes:
        """Send what the system takes at once, while nobody else sends; returns the rest.

        Raises:
            trio.BrokenResourceError: the client has gone.
        """
        try:
            return data[os.write(self.socket.fileno(), data) :]
        except BlockingIOError:
            return data
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error

    async def send_all(self, data: bytes) -> None:
        """Send everything.

        Raises:
            trio.BrokenResourceError: the client does not read, or has gone.
        """
        view = memoryview(data)
        for start in range(0, len(view), _CHUNK):
            with trio.move_on_after(self._send_timeout) as scope:
                await self._stream.send_all(view[start : start + _CHUNK])
            if scope.cancelled_caught:
                self.abort()
                raise trio.BrokenResourceError("the client does not read")

    async def receive_some(self, max_bytes: int) -> bytes:
        """Receive what is there; nothing once the farewell has begun."""
        if self._first:
            data, self._first = self._first, b""
            return data
        if self._linger_until is None:
            try:
                data = await self._wait_for_more(max_bytes)
            except trio.ClosedResourceError:
                if self._linger_until is None:
                    self._ended = True
                    raise
            except BaseException:
                self._ended = self._ended or self._linger_until is None
                raise
            else:
                self._ended = not data
                return data
        await self._discard()
        self._ended = True
        return b""

    async def _wait_for_more(self, max_bytes: int) -> bytes:
        """Trio's stream tries first, in vain as a rule where a client waits for its answer, which costs as much again.

        Raises:
            trio.BrokenResourceError: the connection broke.
            trio.ClosedResourceError: it was closed here, or the farewell has begun.
        """
        while True:
            if self.socket.fileno() < 0:  # its number may belong to another file by now
                raise trio.ClosedResourceError
            await trio.lowlevel.wait_readable(self.socket)
            try:
                return os.read(self.socket.fileno(), max_bytes)
            except BlockingIOError:
                pass
            except OSError as error:
                raise trio.BrokenResourceError(str(error)) from error

    async def _discard(self) -> None:
        assert self._linger_until is not None
        with trio.move_on_at(self._linger_until), contextlib.suppress(*_GONE):
            while await self._stream.receive_some(_CHUNK):
                pass

    def linger(self) -> None:
        """Let the next `aclose` say farewell first: the client has not finished sending."""
        self._wants_linger = True

    async def send_eof(self) -> None:
        """Say that nothing more comes from us."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close; or begin the farewell, which the reading task ends."""
        if self._wants_linger and not self._ended and self._linger_until is None:
            self._linger_until = trio.current_time() + self._linger
            with contextlib.suppress(*_GONE):
                await self._stream.send_eof()
            trio.lowlevel.notify_closing(self.socket)  # whoever receives throws away from here on
            return
        if self._linger_until is not None and not self._ended:
            return  # the reading task is at it
        await self._stream.aclose()

    def abort(self) -> None:
        """Close now."""
        self._ended = True
        self.socket.close()
