"""The figures of the dashboard's first page: counted where things happen, kept for an hour, each to its workspace."""

from typing import Any

import pytest
import trio.testing

from tests.http.conftest import Client
from tests.http.fakes import NOW, World, node
from wasup.actors.history import Happening
from wasup.actors.traffic import Durations, quantile
from wasup.http.overview import STEP
from wasup.ports.store import Waiting
from wasup.supervisor import MailboxView, TreeNode


class Moments:
    """Lets steps pass in no time: the test says how long they took."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.now = 0.0
        monkeypatch.setattr("wasup.http.overview.time.monotonic", lambda: self.now)
        monkeypatch.setattr(world.overview, "_looked_at", 0.0)

    async def step(self) -> None:
        """Five seconds later."""
        self.now += STEP
        self.world.clock.now += int(STEP * 1000)
        rows: Any = self.world.rows
        await self.world.overview.look(self.world.tree, rows, rows)


@pytest.fixture
def moments(world: World, monkeypatch: pytest.MonkeyPatch) -> Moments:
    """Of a world."""
    return Moments(world, monkeypatch)


def happened(world: World, kind: Any, path: str) -> None:
    """Supervision tells of something."""
    number = world.history.newest + 1
    world.history._events.append(Happening(number=number, at=NOW, path=path, incarnation=1, kind=kind))


async def overview(client: Client, key: str = "", query: str = "") -> Any:
    """What a key is shown."""
    answer = await client.get(f"/api/overview{query}", key=key)
    assert answer.status == 200, answer.body
    return answer.json()


async def test_before_anything_has_happened_there_are_zeros(client: Client, world: World) -> None:
    """And nothing to draw."""
    shown = await overview(client)
    assert shown["accounts"] == {"total": 0, "by_status": {}}
    assert shown["rates"] == {"messages_in": 0.0, "messages_out": 0.0, "events": 0.0, "deliveries": 0.0}
    assert set(shown["latency_ms"].values()) == {None}
    assert shown["series"] == {"step_seconds": 5.0, "points": []}
    assert shown["memory_mb"] > 10
    assert (shown["provider_types"], shown["emulator_url"]) == (["emulated", "webjs"], None)


async def test_what_passes_is_counted_for_its_workspace_and_for_all(
    client: Client, world: World, moments: Moments
) -> None:
    """Events a second, by kind; a workspace's key sees its own, an admin all or one."""
    await client.account()
    await client.account(world.other)
    for _ in range(10):
        for kind in ("message.received", "message.received", "message.sent", "message.status"):
            world.traffic.told(1, kind)
        world.traffic.told(2, "message.received")
        world.traffic.delivered(2, [0.2, 0.4])
    world.rows.planned_waiting = {1: Waiting(outbox=7), 2: Waiting(outbox=5, dead_letters=2)}
    await moments.step()
    own = await overview(client)
    assert own["accounts"] == {"total": 1, "by_status": {"disconnected": 1}}
    assert own["rates"] == {"messages_in": 4.0, "messages_out": 2.0, "events": 8.0, "deliveries": 0.0}
    assert (own["queues"]["outbox"], own["queues"]["dead_letters"]) == (7, 0)
    every = await overview(client, world.admin)
    assert every["accounts"]["total"] == 2
    assert every["rates"] == {"messages_in": 6.0, "messages_out": 2.0, "events": 10.0, "deliveries": 4.0}
    assert (every["queues"]["outbox"], every["queues"]["dead_letters"]) == (12, 2)
    theirs = await overview(client, world.other)
    assert theirs["rates"]["deliveries"] == 4.0
    assert await overview(client, world.admin, "?workspace_id=2") == theirs
    for path in ("/api/overview?workspace_id=2", "/api/overview?workspace_id=99"):
        (await client.get(path)).problem(404)
    (await client.get("/api/overview?workspace_id=99", key=world.admin)).problem(404)
    await moments.step()
    later = await overview(client)
    assert later["rates"]["messages_in"] == 0.0
    assert [point["messages_in"] for point in later["series"]["points"]] == [4.0, 0.0]
    assert later["series"]["points"][1]["at"] - later["series"]["points"][0]["at"] == 5000


async def test_the_series_is_an_hour_and_no_more(client: Client, world: World, moments: Moments) -> None:
    """Also for a workspace whose first message came late; fewer points for whoever asks for fewer."""
    for number in range(730):
        world.traffic.told(1, "message.received", number)
        if number == 700:
            world.traffic.told(2, "message.sent", 5)
        await moments.step()
    points = (await overview(client))["series"]["points"]
    assert [point["messages_in"] for point in points] == [round(number / 5, 3) for number in range(10, 730)]
    sent = [point["messages_out"] for point in (await overview(client, world.other))["series"]["points"]]
    assert len(sent) == 720
    assert sent.index(1.0) == 690
    assert sum(sent) == 1.0
    few = (await overview(client, query="?points=2"))["series"]["points"]
    assert few == points[-2:]
    assert (await overview(client, query="?points=0"))["series"]["points"] == []


async def test_memory_is_bounded_whatever_the_number_of_workspaces(world: World, moments: Moments) -> None:
    """The rows of a thousand lately busy ones are kept, and those of all together always."""
    for number in range(1, 1101):
        world.traffic.told(number, "message.received")
    await moments.step()
    world.traffic.told(1, "message.received")
    await moments.step()
    overview = world.overview
    assert len(overview._rings) == 1001
    assert overview.newest(None).messages_in == 0.2
    assert [overview.newest(number).messages_in for number in (1, 2, 1100)] == [0.2, 0.0, 0.0]


async def test_restarts_are_told_to_those_whose_accounts_they_were(
    client: Client, world: World, moments: Moments
) -> None:
    """Taken from what supervision tells, once each."""
    await client.account()
    await client.account(world.other)
    for path in ("root/accounts/1/session", "root/accounts/1/session", "root/accounts/2", "root/web"):
        happened(world, "restarted", path)
    happened(world, "ended", "root/accounts/1/session")
    await moments.step()
    happened(world, "restarted", "root/accounts/1/actor")
    await moments.step()
    assert (await overview(client))["restarts"] == {"last_hour": 3, "total": 3}
    assert (await overview(client, world.other))["restarts"] == {"last_hour": 1, "total": 1}
    shown = await overview(client, world.admin)
    assert shown["restarts"] == {"last_hour": 5, "total": 5}
    assert [point["restarts"] for point in shown["series"]["points"]] == [4, 1]


async def test_latencies_are_of_the_last_minute(client: Client, world: World, moments: Moments) -> None:
    """A step's own in the series; old ones no longer count."""
    world.traffic.commits.add(9.0)
    await moments.step()
    for _ in range(12):
        await moments.step()
    world.traffic.commits.add(0.010, 98)
    world.traffic.commits.add(0.5, 2)
    world.traffic.deliveries.add(0.1)
    await moments.step()
    shown = await overview(client)
    assert 10 <= shown["latency_ms"]["commit_p50"] <= 12
    assert 500 <= shown["latency_ms"]["commit_p99"] <= 600
    assert 100 <= shown["latency_ms"]["webhook_p50"] <= 120
    points = shown["series"]["points"]
    assert points[0]["commit_p99"] >= 9000
    assert points[5]["commit_p99"] is None
    assert points[-1]["commit_p99"] == shown["latency_ms"]["commit_p99"]


async def test_what_the_writers_have_in_hand_is_shown(client: Client, world: World, moments: Moments) -> None:
    """In their mailboxes, and taken out of them."""

    def writer(name: str, depth: int, unwritten: float) -> TreeNode:
        mailbox = MailboxView(depth, depth, 4000, 0, 0, 0.0)
        return node(f"root/sync/{name}")._replace(mailbox=mailbox, figures={"unwritten": unwritten})

    world.tree.root = lambda: node("root", node("root/sync", writer("writer-0", 3, 40), writer("writer-1", 4, 2)))
    await moments.step()
    queues = (await overview(client))["queues"]
    assert (queues["writer_mailbox"], queues["unacknowledged"]) == (7, 42)


async def test_while_the_database_is_away_the_series_goes_on(client: Client, world: World, moments: Moments) -> None:
    """What only it can count stays as it was."""
    world.rows.planned_waiting = {1: Waiting(outbox=7)}
    await moments.step()
    world.rows.away = True
    world.overview._count_at = 0.0
    world.traffic.told(1, "message.received", 10)
    await moments.step()
    world.rows.away = False
    shown = await overview(client)
    assert shown["rates"]["messages_in"] == 2.0
    assert [point["outbox"] for point in shown["series"]["points"]] == [7, 7]


async def test_a_long_count_is_repeated_rarely(world: World, autojump_clock: trio.testing.MockClock) -> None:
    """It may take a fiftieth of the database's time."""
    counted: list[float] = []

    class Slow:
        async def waiting(self) -> dict[int, Waiting]:
            counted.append(trio.current_time())
            await trio.sleep(0.4)
            return {}

    rows: Any = world.rows
    with trio.move_on_after(101):
        await world.overview.run(world.tree, Slow(), rows)
    assert counted == pytest.approx([5.0, 25.4, 45.8, 66.2, 86.6])


def test_a_quantile_is_a_fifth_too_long_at_most() -> None:
    """From half a millisecond to hours, weighted, and nothing when there was nothing."""
    durations = Durations()
    before = durations.counts()
    assert quantile(before, before, 0.5) is None
    for milliseconds in range(1, 1001):
        durations.add(milliseconds / 1000)
    now = durations.counts()
    for share in (0.01, 0.5, 0.9, 0.99, 1.0):
        found = quantile(now, before, share)
        assert found is not None
        assert share <= found <= share * 1.2001
    durations.add(1e9, 5)
    assert quantile(durations.counts(), now, 0.5) == pytest.approx(0.0005 * 1.2**89)
