"""What a campaign does to a running system. Each fault ends by itself and leaves its target as it was."""

import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from tests.chaos.proxy import FaultProxy, Mode
from tests.chaos.stage import Stage

__all__ = ["FAULTS", "LONG_OUTAGE", "Fault"]

Deed = Callable[[Stage, float], Awaitable[bool]]
"""Does something to a stage for so many seconds; tells whether there was anything that felt it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that may happen.

    Attributes:
        target: two faults never have the same target at the same time.
        seconds: the shortest and the longest time that it lasts.
        weight: how often, beside the others.
    """

    name: str
    target: str
    deed: Deed
    seconds: tuple[float, float] = (0.0, 0.0)
    weight: int = 1

    def duration(self, chance: random.Random, most: float) -> float:
        """How long this time; never longer than `most`."""
        return min(chance.uniform(*self.seconds), most)


async def _kill_wasup(stage: Stage, seconds: float) -> bool:
    del seconds
    ran = stage.wasup.alive()
    stage.wasup.kill()
    await trio.lowlevel.checkpoint()
    return ran


async def _stop_wasup(stage: Stage, seconds: float) -> bool:
    ran = stage.wasup.alive()
    stage.signal_wasup(signal.SIGSTOP)
    try:
        await trio.sleep(seconds)
    finally:
        stage.signal_wasup(signal.SIGCONT)
    return ran


async def _kill_database(stage: Stage, seconds: float) -> bool:
    stage.server.kill()
    try:
        await trio.sleep(seconds)
    finally:
        with trio.CancelScope(shield=True):
            await stage.server.start()
    return True


async def _stop_database(stage: Stage, seconds: float) -> bool:
    assert stage.server.process is not None
    stage.server.process.send_signal(signal.SIGSTOP)
    try:
        await trio.sleep(seconds)
    finally:
        stage.server.process.send_signal(signal.SIGCONT)
    return True


async def _kill_redis(stage: Stage, seconds: float) -> bool:
    in_use = await stage.redis.keys() > 0
    stage.redis.kill()
    try:
        await trio.sleep(seconds)
    finally:
        stage.redis.start()
    return in_use


def _link(which: Callable[[Stage], FaultProxy], mode: Mode) -> Deed:
    async def deed(stage: Stage, seconds: float) -> bool:
        proxy = which(stage)
        before = proxy.felt[mode]
        proxy.become(mode)
        try:
            await trio.sleep(seconds)
        finally:
            proxy.become(Mode.PASS)
        return proxy.felt[mode] > before

    return deed


def _cut(which: Callable[[Stage], FaultProxy]) -> Deed:
    async def deed(stage: Stage, seconds: float) -> bool:
        del seconds
        await trio.lowlevel.checkpoint()
        return which(stage).cut() > 0

    return deed


def _receiver(**fail: object) -> Deed:
    async def deed(stage: Stage, seconds: float) -> bool:
        before = (await stage.emulator.backend(fail=fail))["failed"]
        try:
            await trio.sleep(seconds)
        finally:
            with trio.CancelScope(shield=True):
                after = (await stage.emulator.backend(fail=None))["failed"]
        return bool(after > before)

    return deed


def _database_link(stage: Stage) -> FaultProxy:
    return stage.database_link


def _network_link(stage: Stage) -> FaultProxy:
    return stage.network_link


def _receiver_link(stage: Stage) -> FaultProxy:
    return stage.receiver_link


LONG_OUTAGE = Fault(name="MariaDB: away for long", target="database", deed=_kill_database)

FAULTS = (
    Fault(name="wasup: kill -9", target="wasup", deed=_kill_wasup, weight=4),
    Fault(name="wasup: stopped", target="wasup", deed=_stop_wasup, seconds=(1, 20)),
    Fault(name="MariaDB: kill -9", target="database", deed=_kill_database, seconds=(0, 20), weight=2),
    Fault(name="MariaDB: stopped", target="database", deed=_stop_database, seconds=(1, 20)),
    Fault(name="Redis: kill -9", target="redis", deed=_kill_redis, seconds=(0.5, 10)),
    Fault(name="database link: cut", target="database link", deed=_cut(_database_link), weight=2),
    Fault(name="database link: delay", target="database link", deed=_link(_database_link, Mode.DELAY), seconds=(1, 5)),
    Fault(
        name="database link: black hole",
        target="database link",
        deed=_link(_database_link, Mode.BLACK_HOLE),
        seconds=(1, 20),
    ),
    Fault(
        name="database link: answers to COMMIT lost",
        target="database link",
        deed=_link(_database_link, Mode.LOSE_COMMIT),
        seconds=(0.3, 2),
        weight=3,
    ),
    Fault(name="network link: cut", target="network link", deed=_cut(_network_link), weight=2),
    Fault(name="network link: delay", target="network link", deed=_link(_network_link, Mode.DELAY), seconds=(1, 5)),
    Fault(
        name="network link: black hole",
        target="network link",
        deed=_link(_network_link, Mode.BLACK_HOLE),
        seconds=(1, 15),
    ),
    Fault(name="network link: refused", target="network link", deed=_link(_network_link, Mode.REFUSE), seconds=(1, 10)),
    Fault(name="receiver: 500", target="receiver", deed=_receiver(mode="status", status=500), seconds=(0.5, 5)),
    Fault(name="receiver: hangs", target="receiver", deed=_receiver(mode="hang"), seconds=(1, 8)),
    Fault(name="receiver: resets", target="receiver", deed=_receiver(mode="reset"), seconds=(0.5, 5)),
    Fault(name="receiver: slow bytes", target="receiver", deed=_link(_receiver_link, Mode.TRICKLE), seconds=(1, 8)),
)
"""Everything that happens in a campaign."""
