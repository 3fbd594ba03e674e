"""A real wasup, beset by clients of all bad kinds at once, while an account goes on receiving."""

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil
import trio

from tests.e2e.system import WasupProcess, prepared
from tests.emulator.process import running_emulator
from tests.http.crowd import ATTEMPTS
from wasup.cli.bootstrap import API_KEY
from wasup.cli.local import read_key
from wasup.emulator.client import EmulatorClient

PHONE = "551190000001"
FRIEND = "551190000002"
PLACES: Final = 300
CALM: Final = 2.0


@dataclass
class Honest:
    """Somebody with a key who asks for an account ten times a second, on a new connection every other time."""

    url: str
    key: str
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    async def ask(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Ask until cancelled."""
        # A reverse proxy speaks for him: the crowd's requests are counted for its own address.
        headers = {"X-Api-Key": self.key, "X-Forwarded-For": "203.0.113.7"}
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, headers=headers, timeout=5) as kept:
            task_status.started()
            while True:
                began = trio.current_time()
                try:
                    await self._once(kept)
                    async with httpx.AsyncClient(base_url=self.url, trust_env=False, headers=headers) as fresh:
                        await self._once(fresh)
                except httpx.TransportError as error:
                    self.failures.append(repr(error))
                await trio.sleep_until(began + 0.2)

    async def _once(self, client: httpx.AsyncClient) -> None:
        began = trio.current_time()
        answer = await client.get("/api/accounts/1")
        self.seconds.append(trio.current_time() - began)
        if answer.status_code != 200:
            self.failures.append(f"{answer.status_code} {answer.text[:200]}")


@dataclass
class Machine:
    """How long this process itself was kept waiting by others: a busy machine is not wasup's doing."""

    late: float = 0.0

    async def watch(self) -> None:
        """Wake up every 20 ms until cancelled."""
        while True:
            due = trio.current_time() + 0.02
            await trio.sleep_until(due)
            self.late = max(self.late, trio.current_time() - due)


async def test_a_crowd_of_hostile_clients_is_not_noticed_by_anybody_else(tmp_path: Path) -> None:
    """No message is lost or late, honest requests are answered within a second, and memory and files are given back."""
    async with (
        running_emulator() as emulator,
        prepared(
            f"sqlite:///{tmp_path / 'wasup.db'}",
            tmp_path,
            emulator,
            http__max_connections=PLACES,
            http__send_timeout=2,
            http__body_timeout=5,
        ) as wasup,
    ):
        await pair(wasup, emulator)
        key = read_key(wasup.folder, API_KEY)
        assert key is not None
        process, machine = psutil.Process(wasup.pid), Machine()
        honest = Honest(wasup.url, key)
        calm: list[str] = []
        beset: list[str] = []
        async with trio.open_nursery() as nursery:
            await nursery.start(honest.ask)
            nursery.start_soon(machine.watch)
            with trio.move_on_after(CALM):
                await write(emulator, calm)
            memory = process.memory_info().rss
            nursery.start_soon(write, emulator, beset)
            attack = await let_loose(wasup.port, key)
            nursery.cancel_scope.cancel()

        assert attack["attempt"] >= ATTEMPTS * 0.9
        assert min(attack.values()) > 20, attack
        assert honest.failures == []
        assert len(honest.seconds) > 40
        # Nobody waits for five seconds, which would be a failure; the last twentieth is left to a machine that is busy.
        assert statistics.quantiles(honest.seconds, n=20)[-1] < 1.0 + 2 * machine.late
        before, during = await latencies(emulator, calm), await latencies(emulator, beset)
        assert statistics.median(during) < max(10 * statistics.median(before), 0.25)
        assert max(during) < 2.0 + 2 * machine.late
        async with wasup.api() as api:
            stored = {message["message_id"] for message in await api.messages(1)}
        assert set(calm) | set(beset) <= stored
        assert process.memory_info().rss - memory < 100_000_000
        with trio.fail_after(10):
            while len([one for one in process.net_connections("tcp4") if one.laddr.port == wasup.port]) > 3:
                await trio.sleep(0.1)
        assert "Traceback" not in wasup.log()


async def pair(wasup: WasupProcess, emulator: EmulatorClient) -> None:
    """An account that is connected."""
    async with wasup.api() as api:
        account_id = await api.create_account("Support")
        await api.connect(account_id)
        with trio.fail_after(20):
            while (code := await api.qr(account_id)) is None:
                await trio.sleep(0.05)
            await emulator.scan(code, PHONE)
            while (await api.account(account_id))["status"] != "connected":
                await trio.sleep(0.05)


async def write(emulator: EmulatorClient, sent: list[str]) -> None:
    """Somebody writes to the account every 50 ms."""
    while True:
        began = trio.current_time()
        sent += await emulator.incoming(FRIEND, f"Number {len(sent)}", phone=PHONE)
        await trio.sleep_until(began + 0.05)


async def let_loose(port: int, key: str) -> dict[str, int]:
    """The crowd, in a process of its own; how many connections it made, by kind."""
    command = [sys.executable, "-m", "tests.http.crowd", str(port), key]
    with trio.fail_after(60):
        ended = await trio.run_process(command, capture_stdout=True)
    made: dict[str, int] = json.loads(ended.stdout)
    return made


async def latencies(emulator: EmulatorClient, ids: Sequence[str]) -> list[float]:
    """Seconds from each message's hand-over to its acknowledgement; it waits until there is one for all."""
    wanted = set(ids)
    with trio.fail_after(10):
        while True:
            times: dict[str, dict[str, float]] = {"given": {}, "acknowledged": {}}
            for kind, found in times.items():
                found |= {row["id"]: row["t"] for row in await emulator.log(kind=kind) if row.get("id") in wanted}
            if times["acknowledged"].keys() >= wanted:
                return [times["acknowledged"][one] - times["given"][one] for one in wanted]
            await trio.sleep(0.1)
