"""Accounts in real browsers under a real wasup: every misfortune touches one account, loses nothing, leaves nothing.

One wasup and one emulator serve the whole module, and each test leaves all accounts connected. Two accounts share a
Playwright driver, the third has another one.
"""

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import psutil
import pytest
import trio

from tests.e2e.system import WasupProcess, prepared
from tests.emulator.process import emulator_at, running_emulator
from wasup.browsers.guard import marked
from wasup.browsers.processes import find_browser, folder_mark
from wasup.cli.bootstrap import bootstrap
from wasup.cli.demo.api import Api, ApiError
from wasup.db import migrate
from wasup.emulator.client import EmulatorClient

# httpx leaves the generator of a request's body unfinished when the connection breaks under it.
pytestmark = pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning")

_PATIENCE = 60.0
_NOTICED_WITHIN = 15.0
_POLL = 0.05
_FRIEND = "15550001111"
_SETTINGS = {
    "browser__accounts_per_driver": 2,
    "browser__max_sessions": 3,
    "browser__measure_interval": 1,
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
    """

    wasup: WasupProcess
    emulator_url: str
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
            await trio.sleep(_POLL)
        await self.emulator.scan(code, phone)

    async def status(self, account_id: int) -> str:
        """The account's status."""
        status: str = (await self.api.account(account_id))["status"]
        return status

    async def becomes(self, account_id: int, *statuses: str, within: float = _PATIENCE) -> None:
        """Wait until the account has one of these statuses."""
        with trio.fail_after(within):
            while await self.status(account_id) not in statuses:
                await trio.sleep(_POLL)

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
            ids = await self.emulator.incoming(f"{_FRIEND}@c.us", "hello {n}", phone=phone, count=2)
            self.system.written.setdefault(account_id, []).extend(ids)
            key = f"{account_id}-{len(self.system.sent)}"
            self.system.sent.append(await self.api.send(account_id, f"+{_FRIEND}", f"says {key}", key))

    async def reckon(self) -> None:
        """Everything that was written is stored once, and everything that was sent has arrived once."""
        with trio.fail_after(_PATIENCE):
            while not await self._all_there():
                await trio.sleep(_POLL)
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


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Three accounts, connected in browsers. In the end a graceful stop leaves no process."""
    folder = tmp_path_factory.mktemp("browsers")
    database_url = f"sqlite:///{folder / 'wasup.db'}"
    with emulator_at() as url:
        wasup = WasupProcess(database_url, folder, url, browser__url=f"{url}/web/", **_SETTINGS)
        made = System(wasup, url)
        try:
            trio.run(_set_up, made, database_url)
            yield made
            assert wasup.terminate() == 0
            assert made.processes() == []
        finally:
            wasup.kill()


# ---- what may happen to one browser ------------------------------------------------------------------------

Fault: TypeAlias = Callable[[Live], Awaitable[object]]


async def _crash_the_page(it: Live) -> None:
    await it.emulator.ctl("break", what="crash", phone=it.system.phones[1])


async def _hang_the_page(it: Live) -> None:
    await it.emulator.ctl("break", what="hang", phone=it.system.phones[1])


async def _kill_the_browser(it: Live) -> None:
    os.kill(it.system.browser(1), signal.SIGKILL)


async def _stop_the_browser(it: Live) -> None:
    os.kill(it.system.browser(1), signal.SIGSTOP)


async def _kill_the_driver(it: Live) -> None:
    os.kill(it.system.driver(1), signal.SIGKILL)


_FAULTS: list[Fault] = [_crash_the_page, _hang_the_page, _kill_the_browser, _stop_the_browser, _kill_the_driver]


@pytest.mark.parametrize("fault", _FAULTS, ids=[fault.__name__.strip("_") for fault in _FAULTS])
async def test_a_fault_ends_the_sessions_it_touches_and_no_message_is_lost(system: System, fault: Fault) -> None:
    """It is noticed within seconds, the session is restarted, and the neighbours keep theirs."""
    async with live(system) as it:
        touched = {1}
        if fault is _kill_the_driver:
            touched = {id_ for id_ in system.phones if system.driver(id_) == system.driver(1)}
            assert len(touched) < len(system.phones)
        before = await it.sessions()
        await it.talk()
        await fault(it)
        for account_id in touched:
            await it.becomes(account_id, "reconnecting", "starting", within=_NOTICED_WITHIN)
        await it.talk()
        await it.all_connected()
        after = await it.sessions()
        assert {account_id for account_id in after if after[account_id] != before[account_id]} == touched
        await it.reckon()


# ---- what may happen to all of them ------------------------------------------------------------------------


async def test_a_crash_of_the_browser_host_touches_no_emulated_account(system: System) -> None:
    """Its sessions end with it and come back on a new host; nothing of the old one is left."""
    async with live(system) as it:
        emulated = await it.api.create_account("Emulated")
        await it.pair(emulated, "551196666666")
        await it.becomes(emulated, "connected")
        before, old = await it.sessions(), system.processes()
        await it.admin.call("POST", "/api/actors/root/hosts/browsers/restart")
        for account_id in system.phones:
            await it.becomes(account_id, "reconnecting", "starting", within=_NOTICED_WITHIN)
        await it.talk()
        await it.all_connected()
        after = await it.sessions()
        assert {account_id for account_id in after if after[account_id] != before[account_id]} == system.phones.keys()
        assert not set(old) & set(system.processes())
        await it.reckon()


async def test_a_connect_beyond_the_limit_is_refused_by_its_name(system: System) -> None:
    """The API answers 507 before anything has begun."""
    async with live(system) as it:
        account_id = await it.api.create_account("One too many", "webjs")
        with pytest.raises(ApiError, match=r"507 .*max_browser_sessions"):
            await it.api.connect(account_id)
        assert await it.status(account_id) == "disconnected"


async def test_memory_and_processor_time_are_shown(system: System) -> None:
    """In the tree beside each session, and as gauges."""
    async with live(system) as it:
        with trio.fail_after(_PATIENCE):
            while len(figures := _figures(await it.admin.call("GET", "/api/actors"))) < len(system.phones):
                await trio.sleep(_POLL)
        assert all(30e6 < one["memory"] < 600e6 and one["cpu_seconds"] > 0 for one in figures)
        gauges = await system.wasup.metrics()
        assert (
            gauges['wasup_host_sessions{provider="webjs"}']
            == gauges['wasup_host_sessions_limit{provider="webjs"}']
            == 3
        )
        assert gauges['wasup_host_memory_bytes{provider="webjs"}'] > 3 * 30e6
        assert gauges['wasup_host_blocked_requests_total{provider="webjs"}'] == 0


def _figures(node: dict[str, Any]) -> list[dict[str, float]]:
    inner = [found for child in node.get("children", ()) for found in _figures(child)]
    return [node["figures"], *inner] if "memory" in (node.get("figures") or {}) else inner


async def test_when_wasup_is_killed_no_browser_is_left_and_every_login_is_restored(system: System) -> None:
    """What is written meanwhile arrives once, and nobody has to scan again."""
    async with live(system) as it:
        paired = len(await it.emulator.log(kind="paired"))
        await it.talk()
        assert system.processes()
        system.wasup.kill()
        with trio.fail_after(_NOTICED_WITHIN):
            while system.processes():
                await trio.sleep(_POLL)
        for account_id, phone in system.phones.items():
            system.written[account_id] += await it.emulator.incoming(f"{_FRIEND}@c.us", "are you there?", phone=phone)
        await system.wasup.start()
        await it.all_connected()
        await it.reckon()
        assert len(await it.emulator.log(kind="paired")) == paired


async def test_a_browser_over_its_budget_is_recycled_at_a_quiet_moment(system: System) -> None:
    """A budget that nobody can keep: each session ends once nothing is going on, and nothing is lost by it.

    It goes on like that until the next test begins with another start of wasup.
    """
    assert system.wasup.terminate() == 0
    system.wasup.configure(browser__memory_soft=1)
    await system.wasup.start()
    async with live(system) as it:
        await it.all_connected()
        await it.talk()
        with trio.fail_after(_PATIENCE):
            while system.ends("recycled").keys() != system.phones.keys():
                await trio.sleep(_POLL)
        await it.talk()
        await it.reckon()
    system.wasup.configure(browser__memory_soft=None)


async def test_a_damaged_profile_is_replaced_by_its_good_copy_or_by_a_new_qr_code(system: System) -> None:
    """Account 1 has a copy, and comes back by itself. Account 2 has none that is sound, and asks to be paired."""
    assert system.wasup.terminate() == 0
    for name in ("account-1", "account-2", "account-2.good"):
        _truncate(system.profiles / name)
    await system.wasup.start()
    async with live(system) as it:
        await it.becomes(2, "needs_pairing")
        assert system.ends("login_lost") == {2: 1}
        await it.pair(2, system.phones[2])
        await it.all_connected()
        await it.talk()
        await it.reckon()
        pairings = Counter([row["phone"] for row in await it.emulator.log(kind="paired")])
        assert {id_: pairings[phone] for id_, phone in system.phones.items()} == {1: 1, 2: 2, 3: 1}


def _truncate(profile: Path) -> None:
    for file in (profile / "Default/Local Storage/leveldb").iterdir():
        os.truncate(file, file.stat().st_size // 2)


async def test_without_chromium_only_accounts_in_browsers_are_affected(tmp_path: Path) -> None:
    """They are suspended, and one line says how to get it; an emulated account is connected."""
    async with (
        running_emulator() as emulator,
        prepared(
            f"sqlite:///{tmp_path / 'wasup.db'}", tmp_path, emulator, browser__executable=tmp_path / "chromium"
        ) as wasup,
        wasup.api() as api,
        wasup.admin() as admin,
    ):
        it = Live(System(wasup, emulator.url), api, admin, emulator)
        in_browser, emulated = await api.create_account("In a browser", "webjs"), await api.create_account("Emulated")
        await api.connect(in_browser)
        await it.becomes(in_browser, "suspended")
        account = await api.account(in_browser)
        assert account["status_reason"] == "no_host"
        assert "apt-get install chromium" in account["status_detail"]
        await it.pair(emulated, "551197777777")
        await it.becomes(emulated, "connected")
