"""A provider that costs next to nothing: messages out of thin air, so that what is measured is wasup alone.

    python -m bench.pump          an instance with it; settings from the environment as for `wasup serve`

Reads orders from standard input, a JSON object a line (`Order`), and answers each with a line (`Told`) when
everything of that load is acknowledged. The first line that it prints is the greeting of `wasup serve`.
"""

import itertools
import random
import resource
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn, cast

import msgspec
import trio

from bench.measure import percentile
from bench.stages import Stages
from wasup.app import Running, run_instance
from wasup.db import Database
from wasup.logs import configure_logs
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import Message, Text
from wasup.ports.session import Capabilities, Delivery, Handover, Login, Me, Ready, SessionEvent
from wasup.settings import load_settings

__all__ = ["Order", "PumpProvider", "Told"]

_TICK = 0.005
_PATIENCE = 60.0
_CHATS = 20
_CHOICES = 7919  # a prime, so that an account's messages go to all of its chats in turns
_BODY = "Olá! Segue a confirmação do pedido número 12345, qualquer dúvida é só chamar aqui. 👍 "
_CONTENTS = [Text(body=_BODY[:size]) for size in range(40, 85)]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """So many messages a second for so long, one message a delivery, over all accounts.

    Attributes:
        stages: also tell how long messages took between the points that they pass.
    """

    rate: int
    seconds: float
    stages: bool = False


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a load.

    Attributes:
        given: handed to sessions.
        acknowledged: of these.
        rate: acknowledged a second, from the first hand-over to the last acknowledgement.
        p50: and the other percentiles: milliseconds from the moment a message was due to its acknowledgement,
            which follows the commit.
        cpu: processors' worth used by the whole process.
        peak_mb: the most memory that was ever resident.
        stages: p50 and p99, in milliseconds, of the way to each point of `Stages` from the one before it.
    """

    given: int
    acknowledged: int
    rate: float
    p50: float
    p90: float
    p99: float
    cpu: float
    peak_mb: float
    stages: dict[str, list[float]] = {}


class _Session:
    """What the port asks of a connection that only ever receives."""

    def __init__(self, pump: "PumpProvider", account_id: int) -> None:
        self._pump = pump
        chats = [f"55119{account_id:05d}{number:03d}@c.us" for number in range(_CHATS)]
        self.people = [(chat, f"Customer {chat[7:13]}") for chat in chats]
        me = Me(id=f"{551190000000 + account_id}@c.us", push_name=f"Bench {account_id}")
        self.waiting: deque[SessionEvent] = deque([Ready(me=me)])
        self.bell = trio.Event()

    def put(self, event: SessionEvent) -> None:
        """Hand something over."""
        self.waiting.append(event)
        self.bell.set()

    async def receive(self) -> SessionEvent:
        """See the port."""
        while not self.waiting:
            self.bell = trio.Event()
            await self.bell.wait()
        event = self.waiting.popleft()
        self._pump.taken(event)
        return event

    async def acknowledge(self, tokens: Sequence[int]) -> None:
        """See the port."""
        await trio.lowlevel.checkpoint()
        self._pump.acknowledged(tokens)

    async def contacts(self) -> tuple[()]:
        """Nothing, like everything else that a first synchronisation asks for."""
        await trio.lowlevel.checkpoint()
        return ()

    groups = chats = contacts

    async def probe(self) -> None:
        """Somebody is always there."""
        await trio.lowlevel.checkpoint()

    def __getattr__(self, name: str) -> NoReturn:
        raise Disconnected(DisconnectReason.PROTOCOL_ERROR, f"a pump cannot {name}")


class PumpProvider:
    """Opens sessions whose messages `run` makes."""

    type = "emulated"
    capabilities = Capabilities(handover=Handover.ACKNOWLEDGES, own_message_ids=True)

    def __init__(self) -> None:
        self._sessions: dict[int, _Session] = {}
        self._due: dict[int, float] = {}
        self._latencies: list[float] = []
        self._tokens = itertools.count(1)
        self._run = f"{time.time_ns():X}"[-8:]
        self.stages = Stages()
        self._watched = False

    async def forget(self, account_id: int) -> None:
        """Nothing is kept."""

    @asynccontextmanager
    async def open(self, login: Login) -> AsyncIterator[_Session]:
        """Every login is good."""
        await trio.lowlevel.checkpoint()
        session = self._sessions[login.account_id] = _Session(self, login.account_id)
        try:
            yield session
        finally:
            del self._sessions[login.account_id]

    def acknowledged(self, tokens: Sequence[int]) -> None:
        """These are committed."""
        now = time.perf_counter()
        for token in tokens:
            self._latencies.append(now - self._due.pop(token))
            if self._watched:
                self.stages.note(self._id(token), now)

    def taken(self, event: SessionEvent) -> None:
        """A session takes this over."""
        if self._watched and isinstance(event, Delivery):
            self.stages.note(self._id(event.token))

    async def run(self, order: Order) -> Told:
        """Carry out an order."""
        chooser = random.Random(order.rate)
        sessions = chooser.choices(list(self._sessions.values()), k=_CHOICES)
        self._latencies.clear()
        self._due.clear()
        self._watched = order.stages
        self.stages.forget()
        processor = time.process_time()
        begun = time.perf_counter()
        total = round(order.rate * order.seconds)
        given = 0
        while given < total:
            now = time.perf_counter()
            for number in range(given, min(total, int((now - begun) * order.rate))):
                session = sessions[number % _CHOICES]
                token = next(self._tokens)
                self._due[token] = begun + number / order.rate
                if self._watched:
                    self.stages.note(self._id(token), self._due[token])
                session.put(Delivery(token=token, items=(self._message(session, token),)))
                given += 1
            await trio.sleep(_TICK)
        with trio.move_on_after(_PATIENCE):
            while self._due:
                await trio.sleep(_TICK)
        passed = time.perf_counter() - begun
        p50, p90, p99 = (percentile(self._latencies, share) * 1000 for share in (50, 90, 99))
        return Told(
            given=given,
            acknowledged=len(self._latencies),
            rate=len(self._latencies) / passed,
            p50=p50,
            p90=p90,
            p99=p99,
            cpu=(time.process_time() - processor) / passed,
            peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
            stages=self.stages.milliseconds(50, 99) if order.stages else {},
        )

    def _id(self, number: int) -> str:
        return f"3EB0{self._run}{number:012X}"

    def _message(self, session: _Session, number: int) -> Message:
        chat, name = session.people[number % _CHATS]
        return Message(
            id=self._id(number),
            chat=chat,
            sender=chat,
            from_me=False,
            timestamp=time.time_ns() // 1_000_000,
            content=_CONTENTS[number % len(_CONTENTS)],
            push_name=name,
        )


async def _serve() -> None:
    pump = PumpProvider()

    async def obey(running: Running) -> None:
        print(f"wasup serves {running.url}", flush=True)
        orders = trio.wrap_file(sys.stdin)
        watching = False
        async for line in orders:
            order = msgspec.json.decode(line, type=Order)
            if order.stages and not watching:
                pump.stages.watch(cast("Database", running.runtime.stores))
                watching = True
            told = await pump.run(order)
            print(msgspec.json.encode(told).decode(), flush=True)

    await run_instance(load_settings(), on_ready=obey, providers=[pump])


if __name__ == "__main__":
    configure_logs()
    trio.run(_serve)
