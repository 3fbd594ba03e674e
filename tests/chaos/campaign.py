"""A campaign: known traffic, random faults from a seed, and a verdict when all is at rest again."""

import math
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import trio
from rich.console import Console

from tests.chaos.faults import FAULTS, LONG_OUTAGE, Fault
from tests.chaos.stage import Stage, open_stage
from tests.chaos.verdict import Outage, Verdict, judge, recent_chats
from wasup.cli.demo.api import ApiError

__all__ = ["Campaign", "run_campaign"]

LONG_ENOUGH = 60.0  # seconds in which every fault can happen
_AT_ONCE = 2
_CONNECTED_WITHIN = 120.0
_LESS_WITHIN = 120.0
_POLL = 0.25
_NEW = 8  # times as likely is a fault that has not been felt yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What is to happen.

    Attributes:
        seconds: of traffic and faults, or twice as long at most, until every fault has been felt; settling comes
            on top.
        rate: messages a second, over all accounts.
        pause: seconds between two faults, at most.
        longest: no fault lasts longer, seconds.
        outage: seconds that the database is away besides, once, in the middle of it all; 0 for no such thing.
        memory: what a wasup process may hold at most, bytes.
    """

    seed: int
    seconds: float = 600.0
    accounts: int = 200
    rate: float = 200.0
    pause: float = 5.0
    longest: float = 20.0
    outage: float = 0.0
    memory: float = 400e6

    @property
    def faults(self) -> set[str]:
        """The names of all that has to happen."""
        return {fault.name for fault in (*FAULTS, *([LONG_OUTAGE] if self.outage else []))}


@dataclass
class _Player:
    stage: Stage
    campaign: Campaign
    console: Console
    chance: random.Random
    begun: float = field(default_factory=time.monotonic)
    outages: list[Outage] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    _busy: set[str] = field(default_factory=set)

    async def break_things(self) -> None:
        """Faults of different targets, up to two at a time, until the time is up and all have been felt.

        When the time is up, only those that have not been felt follow: the rest must not keep them from it.
        """
        end = self.begun + self.campaign.seconds
        limit = trio.CapacityLimiter(_AT_ONCE)
        async with trio.open_nursery() as nursery:
            if self.campaign.outage:
                nursery.start_soon(self._long_outage, limit)
            while (left := self._left(end)) > 0:
                token = object()
                await limit.acquire_on_behalf_of(token)
                fault = self._choose(late=time.monotonic() > end)
                if fault is None:  # what is missing is under way
                    limit.release_on_behalf_of(token)
                    await trio.sleep(_POLL)
                    continue
                seconds = fault.duration(self.chance, min(self.campaign.longest, left))
                self._busy.add(fault.target)
                nursery.start_soon(self._do, fault, seconds, limit, token)
                await trio.sleep(min(self.chance.uniform(0, self.campaign.pause), left))

    def _left(self, end: float) -> float:
        more = self.campaign.seconds if self.unfelt() else 0.0
        return end + more - time.monotonic()

    def _choose(self, *, late: bool) -> Fault | None:
        unfelt = self.unfelt()
        free = [fault for fault in FAULTS if fault.target not in self._busy and (fault.name in unfelt or not late)]
        weights = [fault.weight * (_NEW if fault.name in unfelt else 1) for fault in free]
        return self.chance.choices(free, weights)[0] if free else None

    def unfelt(self) -> set[str]:
        """Names of faults that nothing has felt so far."""
        return self.campaign.faults - {outage.name for outage in self.outages if outage.felt}

    async def _long_outage(self, limit: trio.CapacityLimiter) -> None:
        await trio.sleep(max(0.0, (self.campaign.seconds - self.campaign.outage) / 2))
        token = object()
        await limit.acquire_on_behalf_of(token)
        while LONG_OUTAGE.target in self._busy:
            await trio.sleep(_POLL)
        self._busy.add(LONG_OUTAGE.target)
        await self._do(LONG_OUTAGE, self.campaign.outage, limit, token)

    async def _do(self, fault: Fault, seconds: float, limit: trio.CapacityLimiter, token: object) -> None:
        begun = time.monotonic()
        self.console.print(f"{begun - self.begun:6.1f} s  {fault.name}" + (f" for {seconds:.1f} s" if seconds else ""))
        felt = await fault.deed(self.stage, seconds)
        self.outages.append(Outage(name=fault.name, begun=begun, ended=time.monotonic(), felt=felt))
        self._busy.discard(fault.target)
        limit.release_on_behalf_of(token)

    async def send(self) -> None:
        """Send through the API as a careful client does: once more with the same key until it is accepted."""
        phones = list(self.stage.phones)
        async with self.stage.wasup.api() as api:
            for number in range(10**9):
                phone = self.chance.choice(phones)
                while True:
                    try:
                        account = self.stage.phones[phone]
                        message = await api.send(account, f"+4930{number % 10:07d}", f"{number}", f"chaos-{number}")
                    except (ApiError, httpx.HTTPError):
                        await trio.sleep(_POLL)
                    else:
                        self.sent.append((phone, message))
                        break
                await trio.sleep(0.2)

    async def read(self) -> None:
        """Look at recent chats again and again, as people with a list of chats before them do."""
        accounts = list(self.stage.phones.values())
        async with self.stage.wasup.api() as api:
            while True:
                with suppress(ApiError, httpx.HTTPError):
                    await recent_chats(api, self.chance.choice(accounts))
                await trio.sleep(0.2)

    async def settle(self) -> None:
        """Wait until nothing waits anywhere.

        Raises:
            trio.TooSlowError: something still does, and has not become less for long.
        """
        least = (math.inf, math.inf)
        with trio.fail_after(_LESS_WITHIN) as scope:
            while any(waiting := await self._waiting()):
                if waiting < least:
                    least, scope.deadline = waiting, trio.current_time() + _LESS_WITHIN
                await trio.sleep(_POLL)

    async def _waiting(self) -> tuple[int, int]:
        """How much is not stored yet, and how much of what is stored has not gone out yet."""
        state = await self.stage.emulator.state()
        [[outbox, queued]] = await self.stage.rows(
            "SELECT (SELECT COUNT(*) FROM outbox),"
            " (SELECT COUNT(*) FROM messages WHERE from_me=1 AND status IN ('queued', 'sending', 'sent'))"
        )
        return state["waiting"] + state["in_hand"], outbox + queued


async def run_campaign(campaign: Campaign, console: Console) -> Verdict:
    """Run it; if the system does not come to rest afterwards, what still waited is printed."""
    async with open_stage(campaign.accounts) as stage, trio.open_nursery() as nursery:
        nursery.start_soon(stage.keep_running)
        nursery.start_soon(stage.watch_memory)
        with trio.fail_after(_CONNECTED_WITHIN):
            while (await stage.emulator.state())["ready"] < campaign.accounts:
                await trio.sleep(_POLL)
        player = _Player(stage, campaign, console, random.Random(campaign.seed))
        await stage.emulator.start_load(rate=campaign.rate, seconds=2 * campaign.seconds, chats_per_account=5)
        async with trio.open_nursery() as users:
            users.start_soon(player.send)
            users.start_soon(player.read)
            await player.break_things()
            users.cancel_scope.cancel()
        await stage.emulator.ctl("load/stop")
        console.print(f"{time.monotonic() - player.begun:6.1f} s  all faults have ended; settling")
        settled = True
        try:
            await player.settle()
        except trio.TooSlowError:
            settled = False
            console.print("It did not come to rest:", await stage.emulator.state(), await stage.emulator.backend())
            console.print(stage.wasup.log()[-3000:])
        verdict = await judge(stage, player.outages, player.sent)
        verdict.settled = settled
        verdict.most = campaign.memory
        if campaign.seconds >= LONG_ENOUGH:
            verdict.unfelt = player.unfelt()
        nursery.cancel_scope.cancel()
    return verdict
