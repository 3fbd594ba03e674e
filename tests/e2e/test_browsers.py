"""Accounts in real browsers under a real wasup: every misfortune touches one account, loses nothing, leaves nothing.

One wasup and one emulator serve the whole module, and each test leaves all accounts connected.
"""

import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import trio

from tests.e2e.in_browsers import FRIEND, NOTICED_WITHIN, PATIENCE, POLL, Live, System, live, three_accounts
from tests.e2e.system import prepared
from tests.emulator.process import running_emulator
from wasup.cli.demo.api import ApiError

# httpx leaves the generator of a request's body unfinished when the connection breaks under it.
pytestmark = pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning")

_LEAVES_AFTER = 5.0


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """What all tests of this module share."""
    with three_accounts(tmp_path_factory.mktemp("browsers")) as made:
        yield made


# ---- what may happen to one browser ------------------------------------------------------------------------

Fault: TypeAlias = Callable[[Live, int], Awaitable[object]]


async def _crash_the_page(it: Live, account_id: int) -> None:
    await it.emulator.ctl("break", what="crash", phone=it.system.phones[account_id])


async def _hang_the_page(it: Live, account_id: int) -> None:
    await it.emulator.ctl("break", what="hang", phone=it.system.phones[account_id])


async def _kill_the_browser(it: Live, account_id: int) -> None:
    os.kill(it.system.browser(account_id), signal.SIGKILL)


async def _stop_the_browser(it: Live, account_id: int) -> None:
    os.kill(it.system.browser(account_id), signal.SIGSTOP)


async def _kill_the_driver(it: Live, account_id: int) -> None:
    os.kill(it.system.driver(account_id), signal.SIGKILL)


async def _lead_the_page_away(it: Live, account_id: int) -> None:
    """The page that loads next will go elsewhere when it has long been ready."""
    before = (await it.sessions())[account_id]
    await it.emulator.ctl("break", what="leave", seconds=_LEAVES_AFTER)
    await it.admin.call("POST", f"/api/actors/root/accounts/{account_id}/session/restart")
    while (await it.sessions())[account_id] == before:
        await trio.sleep(POLL)
    await it.becomes(account_id, "connected")
    await it.emulator.ctl("mend")


_FAULTS: list[dict[int, Fault]] = [
    {1: _lead_the_page_away, 2: _hang_the_page},
    {1: _crash_the_page, 3: _stop_the_browser},
    {1: _kill_the_driver},
]


@pytest.mark.parametrize("faults", _FAULTS, ids=lambda faults: "-and".join(f.__name__ for f in faults.values()))
async def test_a_fault_ends_the_sessions_it_touches_and_no_message_is_lost(
    system: System, faults: dict[int, Fault]
) -> None:
    """It is noticed within seconds, the session is restarted, and the neighbours keep theirs."""
    async with live(system) as it:
        touched = set(faults)
        if _kill_the_driver in faults.values():
            touched = {id_ for id_ in system.phones if system.driver(id_) == system.driver(1)}
        assert touched < system.phones.keys()
        before = await it.sessions()
        await it.talk()
        for account_id, fault in faults.items():
            await fault(it, account_id)
        async with trio.open_nursery() as nursery:
            for account_id in touched:
                nursery.start_soon(partial(it.becomes, account_id, "reconnecting", "starting", within=NOTICED_WITHIN))
        await it.talk()
        await it.all_connected()
        after = await it.sessions()
        assert {account_id for account_id in after if after[account_id] != before[account_id]} == touched
        await it.reckon()


async def test_a_disk_that_is_full_or_fails_holds_up_who_has_to_start_and_nobody_else(system: System) -> None:
    """The account says what it is, and comes back by itself, with its login, when that is over."""
    async with live(system) as it:
        before, paired = await it.sessions(), len(await it.emulator.log(kind="paired"))
        current = system.profiles / "account-1/Default/Local Storage/leveldb/CURRENT"
        content = current.read_bytes()
        _make_unreadable(current)
        async with _full_disk(system):
            os.kill(system.browser(1), signal.SIGKILL)
            if system.has_small_disk:  # without the right to mount one, a full disk is tried on profiles alone
                assert "no space left for browser profiles" in await it.says(1, "host_exhausted")
            await it.talk()
        assert "Too many levels of symbolic links" in await it.says(1, "storage_failed")
        current.unlink()
        current.write_bytes(content)
        await it.all_connected()
        after = await it.sessions()
        assert {account_id for account_id in after if after[account_id] != before[account_id]} == {1}
        await it.reckon()
        assert len(await it.emulator.log(kind="paired")) == paired


def _make_unreadable(file: Path) -> None:
    """As a disk that fails, also for root: a link to itself."""
    file.unlink()
    file.symlink_to(file)


@asynccontextmanager
async def _full_disk(system: System) -> AsyncIterator[None]:
    """The disk of the profiles, if they have one of their own, is full, and whatever comes free is taken at once."""
    filler = trio.Path(system.profiles / "filler")
    async with trio.open_nursery() as nursery:
        if system.has_small_disk:
            await nursery.start(_fill, filler)
        yield
        nursery.cancel_scope.cancel()
    await filler.unlink(missing_ok=True)


async def _fill(filler: trio.Path, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    async with await filler.open("wb", buffering=0) as file:
        while True:
            for piece in (1 << 20, 16 << 10):
                with suppress(OSError):
                    while True:
                        await file.write(bytes(piece))
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            await trio.sleep(POLL / 10)


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
            await it.becomes(account_id, "reconnecting", "starting", within=NOTICED_WITHIN)
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
        with trio.fail_after(PATIENCE):
            while len(figures := _figures(await it.admin.call("GET", "/api/actors"))) < len(system.phones):
                await trio.sleep(POLL)
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
        with trio.fail_after(NOTICED_WITHIN):
            while system.processes():
                await trio.sleep(POLL)
        for account_id, phone in system.phones.items():
            system.written[account_id] += await it.emulator.incoming(f"{FRIEND}@c.us", "are you there?", phone=phone)
        system.wasup.configure(browser__memory_soft=1)  # for the next test
        await system.wasup.start()
        await it.all_connected()
        await it.reckon()
        assert len(await it.emulator.log(kind="paired")) == paired


async def test_a_browser_over_its_budget_is_recycled_at_a_quiet_moment(system: System) -> None:
    """A budget that nobody can keep: each session ends once nothing is going on, and nothing is lost by it.

    It goes on like that until the next test begins with another start of wasup.
    """
    async with live(system) as it:
        await it.talk()
        with trio.fail_after(PATIENCE):
            while system.ends("recycled").keys() != system.phones.keys():
                await trio.sleep(POLL)
        await it.talk()
        await it.reckon()
    system.wasup.configure(browser__memory_soft=None)


async def test_a_damaged_profile_is_replaced_by_its_good_copy_or_by_a_new_qr_code(system: System) -> None:
    """Account 1 has a copy, and comes back by itself. Account 2 has none that is sound, and asks to be paired.

    So does account 3, whose phone has unlinked it; and then nothing of its keys is left on the disk.
    """
    assert system.wasup.terminate() == 0
    for name in ("account-1", "account-2", "account-2.good"):
        _truncate(system.profiles / name)
    await system.wasup.start()
    async with live(system) as it:
        await it.becomes(3, "connected")
        await it.emulator.ctl("unlink", phone=system.phones[3])
        for account_id, reason in ((2, "login_lost"), (3, "logged_out")):
            await it.becomes(account_id, "needs_pairing")
            assert system.ends(reason) == {account_id: 1}
            with trio.fail_after(PATIENCE):
                while [*system.profiles.glob(f"account-{account_id}*")]:
                    await trio.sleep(POLL)
            await it.pair(account_id, system.phones[account_id])
        await it.all_connected()
        await it.talk()
        await it.reckon()
        pairings = Counter([row["phone"] for row in await it.emulator.log(kind="paired")])
        assert {id_: pairings[phone] for id_, phone in system.phones.items()} == {1: 1, 2: 2, 3: 2}


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
