"""A campaign: known traffic, random faults from a seed, and a verdict when all is at rest again."""

import random
import time
from dataclasses import dataclass, field

import httpx
import trio
from rich.console import Console

from tests.chaos.faults import FAULTS, LONG_OUTAGE, Fault
from tests.chaos.stage import Stage, open_stage
from tests.chaos.verdict import Outage, Verdict, judge
from wasup.cli.demo.api import ApiError

__all__ = ["Campaign", "run_campaign"]

_AT_ONCE = 2
_CONNECTED_WITHIN = 120.0
_SETTLED_WITHIN = 180.0
_POLL = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What is to happen.

    Attributes:
        seconds: of traffic and faults; settling comes on top.
        rate: messages a second, over all accounts.
        pause: seconds between two faults, at most.
        longest: no fault lasts longer, seconds.
        outage: seconds that the database is away besides, once, in the middle of it all; 0 for no such thing.
    """

    seed: int
    seconds: float = 600.0
    accounts: int = 200
    rate: float = 200.0
    pause: float = 5.0
    longest: float = 20.0
    outage: float = 0.0


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
        """Faults of different targets, up to two at a time, until the time is up."""
        end = self.begun + self.campaign.seconds
        limit = trio.CapacityLimiter(_AT_ONCE)
        async with trio.open_nursery() as nursery:
            if self.campaign.outage:
                nursery.start_soon(self._long_outage, limit)
            while (left := end - time.monotonic()) > 0:
                free = [fault for fault in FAULTS if fault.target not in self._busy]
                [fault] = self.chance.choices(free, [fault.weight for fault in free])
                seconds = fault.duration(self.chance, min(self.campaign.longest, left))
                token = object()
                await limit.acquire_on_behalf_of(token)
                self._busy.add(fault.target)
                nursery.start_soon(self._do, fault, seconds, limit, token)
                await trio.sleep(min(self.chance.uniform(0, self.campaign.pause), left))

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
        await fault.deed(self.stage, seconds)
        self.outages.append(Outage(name=fault.name, begun=begun, ended=time.monotonic()))
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

    async def settle(self) -> None:
        """Wait until nothing waits anywhere.

        Raises:
            trio.TooSlowError: something still does.
        """
        with trio.fail_after(_SETTLED_WITHIN):
            while not await self._settled():
                await trio.sleep(_POLL)

    async def _settled(self) -> bool:
        state = await self.stage.emulator.state()
        if (await self.stage.emulator.load())["running"] or state["waiting"] or state["in_hand"]:
            return False
        [[outbox, queued]] = await self.stage.rows(
            "SELECT (SELECT COUNT(*) FROM outbox),"
            " (SELECT COUNT(*) FROM messages WHERE from_me=1 AND status IN ('queued', 'sending', 'sent'))"
        )
        return not outbox and not queued


async def run_campaign(campaign: Campaign, console: Console) -> Verdict:
    """Run it; if the system does not come to rest afterwards, what still waited is printed."""
    async with open_stage(campaign.accounts) as stage, trio.open_nursery() as nursery:
        nursery.start_soon(stage.keep_running)
        nursery.start_soon(stage.watch_memory)
        with trio.fail_after(_CONNECTED_WITHIN):
            while (await stage.emulator.state())["ready"] < campaign.accounts:
                await trio.sleep(_POLL)
        player = _Player(stage, campaign, console, random.Random(campaign.seed))
        await stage.emulator.start_load(rate=campaign.rate, seconds=campaign.seconds, chats_per_account=5)
        async with trio.open_nursery() as senders:
            senders.start_soon(player.send)
            await player.break_things()
            senders.cancel_scope.cancel()
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
        nursery.cancel_scope.cancel()
    return verdict
