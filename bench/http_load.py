"""Requests at a steady rate, from a process of its own: as cheap as can be, and nobody is waited for.

Called with JSON (`Load`); prints JSON (`Heard` by the requests' names). A request is due at its time however long
others take, and what it took counts from then, so that a server that stalls cannot slow its own examination.
"""

import asyncio
import sys
import time
from collections import Counter, defaultdict, deque
from contextlib import suppress
from typing import Final

import msgspec

from bench.measure import percentile

__all__ = ["Ask", "Heard", "Load"]

_TICK: Final = 0.002
_PATIENCE: Final = 10.0
_CONNECTIONS: Final = 500
_BROKEN: Final = 0


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of request; `{account}` in path and body stands for an account's id, `{number}` for a running number."""

    name: str
    path: str
    method: str = "GET"
    body: str = ""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be asked, in turns, and how often.

    Attributes:
        key: the API key.
        accounts: ids that requests are about, in turns.
        rate: requests a second, of all kinds together.
    """

    host: str
    port: int
    key: str
    asks: list[Ask]
    accounts: list[int]
    rate: float
    seconds: float


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the requests of one kind; times in milliseconds from when a request was due.

    Attributes:
        statuses: answers by status; 0 for none.
        refused_p95: of answers 429 and 503.
        p50: and the others: of answers 2xx.
    """

    statuses: dict[int, int]
    p50: float
    p95: float
    p99: float
    longest: float
    refused_p95: float

    @property
    def accepted(self) -> int:
        """Answers 2xx."""
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    @property
    def refused(self) -> int:
        """Answers that put the request off."""
        return self.statuses.get(429, 0) + self.statuses.get(503, 0)

    @property
    def wrong(self) -> int:
        """All others, and requests without an answer."""
        return sum(self.statuses.values()) - self.accepted - self.refused


class _Connection(asyncio.Protocol):
    """One request at a time; knows answers with a Content-Length only."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[int] | None = None
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, data: bytes) -> asyncio.Future[int]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = 0
        for line in head.lower().split(b"\r\n")[1:]:
            if line.startswith(b"content-length:"):
                length = int(line[15:])
            elif line == b"connection: close":
                self.open = False
        if len(rest) >= length:
            self._buffer = b""
            self._settle(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.open = False
        self._settle(_BROKEN)

    def close(self) -> None:
        """Nobody waits for it any more."""
        self._transport.close()

    def _settle(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)


class _Client:
    """Sends requests on idle connections, or on new ones as long as there may be more."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._idle: deque[_Connection] = deque()
        self._room = asyncio.Semaphore(_CONNECTIONS)
        self._times: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)

    async def run(self) -> dict[str, Heard]:
        """Ask everything, and wait for the answers."""
        load = self._load
        total = round(load.rate * load.seconds)
        begun = time.perf_counter()
        tasks: set[asyncio.Task[None]] = set()
        asked = 0
        while asked < total:
            for number in range(asked, min(total, int((time.perf_counter() - begun) * load.rate) + 1)):
                task = asyncio.create_task(self._one(number, begun + number / load.rate))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                asked += 1
            await asyncio.sleep(_TICK)
        if tasks:
            await asyncio.wait(tasks)
        return {name: _heard(times) for name, times in self._times.items()}

    async def _one(self, number: int, due: float) -> None:
        ask = self._load.asks[number % len(self._load.asks)]
        account = self._load.accounts[number // len(self._load.asks) % len(self._load.accounts)]
        status = _BROKEN
        with suppress(OSError, TimeoutError):
            async with self._room, asyncio.timeout(_PATIENCE):
                status = await self._ask(self._request(ask, account, number))
        self._times[ask.name].append((status, time.perf_counter() - due))

    async def _ask(self, data: bytes) -> int:
        connection: _Connection | None = None
        while connection is None and self._idle:
            found = self._idle.pop()
            connection = found if found.open else None
        if connection is None:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(_Connection, self._load.host, self._load.port)
        try:
            status = await connection.ask(data)
        except asyncio.CancelledError:
            connection.open = False
            raise
        finally:
            if connection.open:
                self._idle.append(connection)
            else:
                connection.close()
        return status

    def _request(self, ask: Ask, account: int, number: int) -> bytes:
        def fill(text: str) -> str:
            return text.replace("{account}", str(account)).replace("{number}", f"{number:08d}")

        body = fill(ask.body).encode()
        head = f"{ask.method} {fill(ask.path)} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self._load.key}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


def _heard(times: list[tuple[int, float]]) -> Heard:
    good = [seconds for status, seconds in times if 200 <= status < 300]
    refused = [seconds for status, seconds in times if status in {429, 503}]
    p50, p95, p99, longest = (percentile(good, share) * 1000 for share in (50, 95, 99, 100))
    return Heard(
        statuses=dict(Counter(status for status, _ in times)),
        p50=p50,
        p95=p95,
        p99=p99,
        longest=longest,
        refused_p95=percentile(refused, 95) * 1000,
    )


async def _main(load: Load) -> None:
    heard = await _Client(load).run()
    print(msgspec.json.encode(heard).decode())


if __name__ == "__main__":
    asyncio.run(_main(msgspec.json.decode(sys.argv[1], type=Load)))
