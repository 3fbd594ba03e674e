"""A whole wasup with three accounts in browsers, and what may be done to it and asked of it.

Two of the accounts share a Playwright driver, the third has another one.
"""

import sqlite3
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import trio

from tests.e2e.system import WasupProcess
from tests.emulator.process import emulator_at
from wasup.browsers.guard import marked
from wasup.browsers.processes import find_browser, folder_mark
from wasup.cli.bootstrap import bootstrap
from wasup.cli.demo.api import Api
from wasup.db import migrate
from wasup.emulator.client import EmulatorClient

__all__ = ["FRIEND", "NOTICED_WITHIN", "PATIENCE", "POLL", "Live", "System", "live", "three_accounts"]

PATIENCE = 60.0
NOTICED_WITHIN = 15.0
POLL = 0.05
_DISK = 128 << 20
FRIEND = "15550001111"
_SETTINGS = {
    "browser__accounts_per_driver": 2,
    "browser__max_sessions": 3,
    "browser__measure_interval": 1,
    "browser__recycle_after": 0,
    "browser__disk_reserve": 0,
    "backoff_initial": 0.2,
    "backoff_maximum": 1,
    "restart_budget": 50,
    "probe_interval": 2,
    "probe_timeout": 3,
}


@dataclass
class System:
    """What all tests of the module use: two processes, and what was said.

    Attributes:
        phones: by account id.
        written: ids of what friends wrote to each account.
        sent: ids of what each account sent.
        has_small_disk: the profiles have a disk of their own, which can be filled.
    """

    wasup: WasupProcess
    emulator_url: str
    has_small_disk: bool = False
    phones: dict[int, str] = field(default_factory=dict)
    written: dict[int, list[str]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    @property
    def profiles(self) -> Path:
        """Where the browsers have their profiles."""
        return self.wasup.folder / "profiles"

    def browser(self, account_id: int) -> int:
        """The browser process of an account."""
        pid = find_browser(self.profiles, f"account-{account_id}")
        assert pid is not None
        return pid

    def driver(self, account_id: int) -> int:
        """The process of Playwright's driver that runs the account's browser."""
        return psutil.Process(self.browser(account_id)).ppid()

    def processes(self) -> list[int]:
        """All processes of browsers and drivers on these profiles."""
        return list(marked(folder_mark(self.profiles)))

    def ends(self, reason: str) -> Counter[int]:
        """How often the session of each account has ended for this reason."""
        with sqlite3.connect(self.wasup.folder / "wasup.db") as database:
            query = "SELECT whatsapp_account_id FROM account_transitions WHERE reason = ?"
            return Counter(account_id for (account_id,) in database.execute(query, (reason,)))


@dataclass
class Live:
    """The system, with connections to it."""

    system: System
    api: Api
    admin: Api
    emulator: EmulatorClient

    async def pair(self, account_id: int, phone: str) -> None:
        """Connect an account, and scan its code."""
        await self.api.connect(account_id)
        while (code := await self.api.qr(account_id)) is None:
            await trio.sleep(POLL)
        await self.emulator.scan(code, phone)

    async def status(self, account_id: int) -> str:
        """The account's status."""
        status: str = (await self.api.account(account_id))["status"]
        return status

    async def becomes(self, account_id: int, *statuses: str, within: float = PATIENCE) -> None:
        """Wait until the account has one of these statuses."""
        with trio.fail_after(within):
            while await self.status(account_id) not in statuses:
                await trio.sleep(POLL)

    async def says(self, account_id: int, reason: str, within: float = NOTICED_WITHIN) -> str:
        """Wait until this is the reason of the account's status; returns what it tells people."""
        with trio.fail_after(within):
            while (account := await self.api.account(account_id))["status_reason"] != reason:
                await trio.sleep(POLL)
        detail: str = account["status_detail"]
        return detail

    async def all_connected(self) -> None:
        """Wait until all accounts are connected."""
        for account_id in self.system.phones:
            await self.becomes(account_id, "connected")

    async def sessions(self) -> dict[int, int]:
        """Which incarnation of its session each account has."""
        tree = await self.admin.call("GET", "/api/actors")
        [accounts] = [child for child in tree["children"] if child["id"] == "accounts"]
        return {
            int(account["id"]): child["incarnation"]
            for account in accounts["children"]
            for child in account["children"]
            if child["id"] == "session"
        }

    async def talk(self) -> None:
        """Friends write to everybody, and everybody writes to a friend."""
        for account_id, phone in self.system.phones.items():
            ids = await self.emulator.incoming(f"{FRIEND}@c.us", "hello {n}", phone=phone, count=2)
            self.system.written.setdefault(account_id, []).extend(ids)
            key = f"{account_id}-{len(self.system.sent)}"
            self.system.sent.append(await self.api.send(account_id, f"+{FRIEND}", f"says {key}", key))

    async def reckon(self) -> None:
        """Everything that was written is stored once, and everything that was sent has arrived once."""
        with trio.fail_after(PATIENCE):
            while not await self._all_there():
                await trio.sleep(POLL)
        for account_id, written in self.system.written.items():
            stored = Counter([row["message_id"] for row in await self.api.messages(account_id)])
            assert [stored[id_] for id_ in written] == [1] * len(written)
        arrived = Counter([row["id"] for row in await self.emulator.log(kind="send")])
        assert {id_: arrived[id_] for id_ in self.system.sent} == dict.fromkeys(self.system.sent, 1)

    async def _all_there(self) -> bool:
        rows = [row for id_ in self.system.phones for row in await self.api.messages(id_)]
        done = {row["message_id"] for row in rows if not row["from_me"] or row["status"] not in {"queued", "sending"}}
        return done >= {id_ for ids in self.system.written.values() for id_ in ids} | set(self.system.sent)


@asynccontextmanager
async def live(system: System) -> AsyncIterator[Live]:
    """Connections for one test."""
    async with (
        system.wasup.api() as api,
        system.wasup.admin() as admin,
        EmulatorClient(system.emulator_url) as emulator,
    ):
        yield Live(system, api, admin, emulator)


async def _set_up(system: System, database_url: str) -> None:
    folder = system.wasup.folder
    await migrate(database_url)
    await bootstrap(database_url, folder, webhook_url=f"{system.emulator_url}/backend/webhooks")
    await system.wasup.start()
    async with live(system) as it:
        for number in range(1, 4):  # one after another, so that it is known who shares a driver
            account_id = await it.api.create_account(f"Browser {number}", "webjs")
            system.phones[account_id] = f"5511970000{number:03}"
            await it.pair(account_id, system.phones[account_id])
        await it.all_connected()
        with trio.fail_after(PATIENCE):  # none of them has ever been closed
            while not await trio.Path(system.profiles / "account-1.good").exists():
                await trio.sleep(POLL)


@contextmanager
def _disk(folder: Path, size: int) -> Iterator[bool]:
    """A small disk in a new folder, if this is allowed; whether it is."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)]
    try:
        mounted = not subprocess.run(command, capture_output=True, check=False).returncode
    except FileNotFoundError:
        mounted = False
    yield mounted
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def three_accounts(folder: Path) -> Iterator[System]:
    """Three accounts, connected in browsers. In the end a graceful stop leaves no process."""
    database_url = f"sqlite:///{folder / 'wasup.db'}"
    with emulator_at() as url, _disk(folder / "profiles", _DISK) as is_small:
        wasup = WasupProcess(database_url, folder, url, browser__url=f"{url}/web/", **_SETTINGS)
        made = System(wasup, url, is_small)
        try:
            trio.run(_set_up, made, database_url)
            yield made
            assert wasup.terminate() == 0
            assert made.processes() == []
        finally:
            wasup.kill()
