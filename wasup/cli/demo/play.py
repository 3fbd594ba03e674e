"""The scenes of the demo, each shown as it happens."""

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from wasup.browsers.processes import find_browser
from wasup.cli.demo.api import Api, ApiError
from wasup.cli.demo.report import Findings, percentile
from wasup.emulator.client import EmulatorClient

__all__ = ["Play"]

_PATIENCE = 120.0
_RATE = 150.0
_BROWSER_RATE = 5.0  # for each account: browsers are killed and started again meanwhile
_SECOND = 1000
_PEOPLE = ("15550001111", "15550002222", "15550003333")


@dataclass
class Play:
    """One run of the demo against a system.

    Attributes:
        profiles: where the system's browsers have their profiles, for accounts in browsers; None: emulated ones.
    """

    console: Console
    api: Api
    admin: Api
    emulator: EmulatorClient
    accounts: int
    messages: int
    sends: int
    profiles: Path | None = None
    phones: dict[int, str] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    killed: int = 0
    acknowledged: int = 0
    paired_in: float = 0.0

    @property
    def rate(self) -> float:
        """Messages a second."""
        return _RATE if self.profiles is None else _BROWSER_RATE * self.accounts

    async def run(self) -> None:
        """All scenes."""
        self.begun_ms = time.time() * 1000
        self.log_start = int((await self.emulator.state())["log_next"]) - 1
        self.backend_start = len(await self.emulator.backend_log())
        with Progress(
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
        ) as self.progress:
            await self._pair()
            await self._traffic()
            await self._settle()

    async def _pair(self) -> None:
        """Create accounts and scan their QR codes on the emulator's phones."""
        begun = time.monotonic()
        task = self.progress.add_task("Accounts created and scanned", total=self.accounts)
        base = random.randrange(10_000_000, 90_000_000)  # noqa: S311 - new phones at every run

        async def pair(number: int) -> None:
            phone = f"55119{base + number}"
            kind = "emulated" if self.profiles is None else "webjs"
            account_id = await self.api.create_account(f"Demo {number + 1}", kind)
            self.phones[account_id] = phone
            await self.api.connect(account_id)
            while (code := await self.api.qr(account_id)) is None:
                await trio.sleep(0.1)
            await self.emulator.scan(code, phone)
            self.progress.advance(task)

        with trio.fail_after(_PATIENCE):
            async with trio.open_nursery() as nursery:
                for number in range(self.accounts):
                    nursery.start_soon(pair, number)
            await self._all_connected("Accounts connected")
        self.paired_in = time.monotonic() - begun

    async def _all_connected(self, title: str) -> None:
        task = self.progress.add_task(title, total=self.accounts)
        while (connected := await self._connected()) < self.accounts:
            self.progress.update(task, completed=connected)
            await trio.sleep(0.2)
        self.progress.update(task, completed=self.accounts)

    async def _connected(self) -> int:
        accounts = await self.api.accounts()
        return sum(1 for id_ in self.phones if accounts[id_]["status"] == "connected")

    async def _traffic(self) -> None:
        """Messages in and out, while actors are killed and the connections are dropped."""
        incoming = self.progress.add_task("Messages received and committed", total=self.messages)
        outgoing = self.progress.add_task("Messages sent", total=self.sends)
        await self.emulator.start_load(
            rate=self.rate, count=self.messages, phones=list(self.phones.values()), chats_per_account=5, keep=True
        )
        with trio.fail_after(_PATIENCE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_load, incoming)
                nursery.start_soon(self._send_all, outgoing)
                nursery.start_soon(self._break_things)

    async def _watch_load(self, task: Any) -> None:
        while True:
            load = await self.emulator.load()
            self.acknowledged = load["acknowledged"]
            self.progress.update(task, completed=self.acknowledged)
            if load["acknowledged"] >= self.messages:
                return
            await trio.sleep(0.2)

    async def _send_all(self, task: Any) -> None:
        run = random.randrange(1 << 32)  # noqa: S311 - a name
        for number in range(self.sends):
            account_id = list(self.phones)[number % len(self.phones)]
            person = _PEOPLE[number % len(_PEOPLE)]
            message_id = await self.api.send(account_id, f"+{person}", f"Demo message {number}", f"demo-{run}-{number}")
            self.sent[message_id] = account_id
            self.progress.advance(task)
            await trio.sleep(self.messages / self.rate / max(1, self.sends) * 0.8)

    async def _break_things(self) -> None:
        """Kill sessions, then account actors, then a browser if there are any, then drop every connection at once."""
        step = self.messages / self.rate / 5
        each = 3 if self.profiles is None else 1
        victims = random.sample(list(self.phones), k=min(2 * each + 1, len(self.phones)))
        for actor, some in (("session", victims[:each]), ("actor", victims[each : 2 * each])):
            await trio.sleep(step)
            for account_id in some:
                with suppress(ApiError):  # it is down at this moment: wasup itself, say, was killed and starts anew
                    await self.admin.call("POST", f"/api/actors/root/accounts/{account_id}/{actor}/restart")
                    self.killed += 1
            self.progress.console.print(f"[yellow]killed the {actor} of accounts {', '.join(map(str, some))}[/yellow]")
        if self.profiles is not None:
            await trio.sleep(step)
            await self._kill_browser(self.profiles, victims[-1])
        await trio.sleep(step)
        dropped = await self.emulator.ctl("drop")
        self.progress.console.print(f"[yellow]dropped all {dropped['sessions']} connections to WhatsApp[/yellow]")

    async def _kill_browser(self, profiles: Path, account_id: int) -> None:
        while (pid := find_browser(profiles, f"account-{account_id}")) is None:  # its session was killed just now
            await trio.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        self.killed += 1
        self.progress.console.print(f"[yellow]killed the browser of account {account_id} (SIGKILL)[/yellow]")

    async def _settle(self) -> None:
        """Everybody comes back, and every event is delivered."""
        with trio.move_on_after(_PATIENCE):
            await self._all_connected("Accounts connected again")
            task = self.progress.add_task("Webhooks delivered", total=None)
            before = -1
            while True:
                health = await self.admin.call("GET", "/health")
                findings = await self.check()
                self.progress.update(task, completed=findings.webhooks, total=findings.webhooks)
                quiet = findings.given == findings.stored_in == before  # nobody answers any more
                if health["status"] == "ok" and quiet and not findings.failures():
                    return
                before = findings.given
                await trio.sleep(1.0)

    # ---- the reckoning -----------------------------------------------------------------------

    async def check(self) -> Findings:
        """Hold the database and the webhook receiver against the emulator's own log."""
        phones = set(self.phones.values())
        given = {
            row["id"]: row
            for row in await self.emulator.log(after=self.log_start, kind="given")
            if row["item"] == "message" and row["phone"] in phones
        }
        acknowledged = {row["id"]: row for row in await self.emulator.log(after=self.log_start, kind="acknowledged")}
        sends = [row["id"] for row in await self.emulator.log(after=self.log_start, kind="send")]
        every = [row for id_ in self.phones for row in await self.api.messages(id_)]
        rows = [row for row in every if row["timestamp"] > self.begun_ms - _SECOND]  # a new login also brings old ones
        stored_in = [row["message_id"] for row in rows if not row["from_me"]]
        stored_out = {row["message_id"]: row for row in rows if row["from_me"]}
        hooks = (await self.emulator.backend_log())[self.backend_start :]
        hooked = {hook["message_id"]: hook for hook in reversed(hooks) if hook["type"] == "message.received"}
        accounts = await self.api.accounts()
        done = {"sent", "delivered", "read"}
        latency = [(hooked[id_]["utc_ms"] - row["utc_ms"]) / 1000 for id_, row in given.items() if id_ in hooked]
        acknowledged_after = [
            (acknowledged[id_]["utc_ms"] - row["utc_ms"]) / 1000 for id_, row in given.items() if id_ in acknowledged
        ]
        return Findings(
            accounts=self.accounts,
            ready=sum(1 for id_ in self.phones if accounts[id_]["status"] == "connected"),
            paired_in=self.paired_in,
            given=len(given),
            stored_in=len(stored_in),
            lost_in=sorted(given.keys() - set(stored_in)),
            doubled_in=len(stored_in) - len(set(stored_in)),
            asked_out=len(self.sent),
            stored_out=len(stored_out.keys() & self.sent.keys()),
            lost_out=sorted(
                id_ for id_ in self.sent if id_ not in sends or stored_out.get(id_, {}).get("status") not in done
            ),
            doubled_out=sum(sends.count(id_) - 1 for id_ in self.sent if id_ in sends),
            webhooks=len({hook["id"] for hook in hooks}),
            repeated_webhooks=sum(1 for hook in hooks if hook.get("again")),
            unhooked=sorted(given.keys() - hooked.keys()),
            killed=self.killed,
            restarts=await self._restarts(),
            acknowledged="page" if self.profiles is not None else "committed",
            acknowledged_median=percentile(acknowledged_after, 50),
            acknowledged_p99=percentile(acknowledged_after, 99),
            latency_median=percentile(latency, 50),
            latency_p99=percentile(latency, 99),
        )

    async def _restarts(self) -> int:
        """Restarts of the demo's accounts, from the live tree."""
        node = await self.admin.call("GET", "/api/actors")
        accounts = next(child for child in node["children"] if child["id"] == "accounts")
        ours = [child for child in accounts["children"] if int(child["id"]) in self.phones]
        return sum(child["restarts"] + sum(inner["restarts"] for inner in child["children"]) for child in ours)
