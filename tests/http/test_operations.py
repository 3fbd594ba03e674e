"""Workspaces, the actor tree, health and metrics, over fakes."""

import gzip
from typing import Any

import msgspec
import pytest
import trio
from quart import Response

from tests.http.conftest import Client
from tests.http.fakes import World, node
from wasup.http import HealthPart, HealthReport
from wasup.http.compression import compress
from wasup.http.nodes import shown_tree
from wasup.supervisor import ExitRecord, TreeNode


async def test_an_admin_key_creates_and_lists_workspaces(client: Client, world: World) -> None:
    """And nobody else."""
    created = await client.post("/api/workspaces", {"name": "Third"}, key=world.admin)
    assert created.status == 201
    listed = (await client.get("/api/workspaces", key=world.admin)).json()["data"]
    assert [row["name"] for row in listed] == ["Acme", "Other", "Third"]


def paths(tree: Any) -> list[str]:
    """The paths of a shown tree."""
    return [tree["path"], *[path for child in tree.get("children", []) for path in paths(child)]]


async def test_an_admin_sees_the_tree_and_a_workspace_its_accounts(client: Client, world: World) -> None:
    """Account 1 belongs to the key's workspace, account 2 to the other one."""
    await client.account()
    await client.account(world.other)
    assert paths((await client.get("/api/actors", key=world.admin)).json()) == [
        "root",
        "root/writer-0",
        "root/accounts",
        "root/accounts/1",
        "root/accounts/1/session",
        "root/accounts/2",
        "root/accounts/2/session",
    ]
    assert paths((await client.get("/api/actors")).json()) == ["root", "root/accounts/1", "root/accounts/1/session"]
    assert (await client.get("/api/actors/root/accounts/1")).status == 200
    for path in ("root", "root/accounts", "root/writer-0", "root/accounts/2", "root/accounts/2/session", "nowhere"):
        problem = (await client.get(f"/api/actors/{path}")).problem(404)
        assert problem["detail"] == "There is no such actor."


async def test_the_tree_is_cut_at_a_depth_and_filtered(client: Client, world: World) -> None:
    """What is hidden is counted; unhealthy ones come with the way to them."""
    tree = (await client.get("/api/actors?depth=1", key=world.admin)).json()
    assert paths(tree) == ["root", "root/writer-0", "root/accounts"]
    assert tree["children"][1]["hidden_children"] == 2
    sick = (await client.get("/api/actors?unhealthy=true", key=world.admin)).json()
    assert paths(sick) == ["root", "root/accounts", "root/accounts/2", "root/accounts/2/session"]
    (await client.get("/api/actors?unhealthy=perhaps", key=world.admin)).problem(422)


@pytest.mark.parametrize(
    ("state", "last", "sick"),
    [
        ("running", "crash", False),
        ("starting", None, False),
        ("down", None, False),
        ("down", "normal", False),
        ("down", "shutdown", False),
        ("down", "crash", True),
        ("down", "killed", True),
        ("backoff", "normal", True),
        ("restarting", "shutdown", True),
        ("stop_timed_out", None, True),
    ],
)
async def test_what_is_at_rest_is_not_unhealthy(
    client: Client, world: World, state: str, last: str | None, sick: bool
) -> None:
    """The session of an account that nobody wants connected is down, and nothing is wrong with it."""
    exits = () if last is None else (ExitRecord(1, last, "", (), 2.0, 5.0, 1.76e9),)
    world.tree.root = lambda: node("root", node("root/one", state=state, exits=exits))
    shown = (await client.get("/api/actors?unhealthy=true", key=world.admin)).json()
    assert paths(shown) == (["root", "root/one"] if sick else ["root"])


async def test_an_actor_is_shown_with_its_history(client: Client, world: World) -> None:
    """Crashes have their traceback there, and only there."""
    shown = (await client.get("/api/actors/root/accounts/2/session", key=world.admin)).json()
    assert shown["state"] == "backoff"
    assert shown["mailbox"]["capacity"] == 64
    assert shown["exits"][0]["reason"] == "ValueError: boom"
    assert "session.py" in shown["exits"][0]["traceback"]
    assert b"traceback" not in (await client.get("/api/actors", key=world.admin)).body


async def test_an_actor_is_restarted_by_hand_by_those_who_see_it(client: Client, world: World) -> None:
    """A workspace restarts its own accounts' actors, an admin any but the root."""
    await client.account()
    await client.account(world.other)
    answer = await client.post("/api/actors/root/accounts/1/session/restart")
    assert (answer.status, answer.json()) == (202, {"path": "root/accounts/1/session"})
    for path in ("root/accounts/2", "root/writer-0", "root/accounts/x", f"root/accounts/{2**70}", "root"):
        (await client.post(f"/api/actors/{path}/restart")).problem(404)
    assert world.tree.killed == ["root/accounts/1/session"]
    assert (await client.post("/api/actors/root/writer-0/restart", key=world.admin)).status == 202
    (await client.post("/api/actors/root/restart", key=world.admin)).problem(409)


async def test_an_actor_that_is_down_cannot_be_restarted(client: Client, world: World) -> None:
    """It is there, so that is a 409 which says what it is doing; what is not there is a 404."""
    problem = (await client.post("/api/actors/root/accounts/2/session/restart", key=world.admin)).problem(409)
    assert problem["state"] == "backoff"
    (await client.post("/api/actors/root/accounts/9/session/restart", key=world.admin)).problem(404)


async def test_a_tree_of_twelve_thousand_actors_is_shown_and_delays_nobody(client: Client, world: World) -> None:
    """Whole, whatever its size; a neighbour that wants to run all the while is never kept waiting for long."""
    accounts = [
        node(f"root/accounts/{one}", *[node(f"root/accounts/{one}/{name}") for name in ("account", "session", "x")])
        for one in range(3000)
    ]
    whole: TreeNode = node("root", node("root/accounts", *accounts))
    turns: list[int] = []

    async def neighbour(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        while True:
            turns.append(1)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        await nursery.start(neighbour)
        shown = await shown_tree(whole, depth=32, unhealthy=False)
        nursery.cancel_scope.cancel()
    assert len(turns) >= 12_000 / 250
    world.tree.root = lambda: whole
    answer = await client.get("/api/actors", key=world.admin)
    assert len(paths(answer.json())) == 12_002 == len(paths(msgspec.json.decode(bytes(shown))))


async def test_compressing_a_large_answer_keeps_nobody_waiting() -> None:
    """Others have their turns all the while; what is small is done on the spot."""
    rows = b",".join(b'{"path":"root/accounts/%d","state":"running"}' % number for number in range(200_000))
    turns = 0

    async def neighbour() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.sleep(0.001)

    response = Response(rows, content_type="application/json")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(neighbour)
        await compress(response, "gzip")
        nursery.cancel_scope.cancel()
    assert turns > 10
    assert gzip.decompress(await response.get_data(as_text=False)) == rows


@pytest.mark.parametrize(("status", "expected"), [("ok", 200), ("degraded", 200), ("down", 503)])
async def test_health_needs_no_key(client: Client, world: World, status: Any, expected: int) -> None:
    """Down is a 503 for load balancers; alive is alive all the same."""
    world.report = HealthReport(status=status, parts={"database": HealthPart(status=status, detail="why")})
    for path in ("/health", "/health/ready"):
        answer = await client.get(path, key=None)
        assert answer.status == expected
        body = answer.json()
        assert body["status"] == status
        assert body["parts"] == {"database": {"status": status, "detail": "why"}}
        assert body["sessions"] == {"total": 0, "connected": 0, "disconnected": 0, "utilization": 0.0}
        assert body["system"]["memory_percent"] > 0
    assert (await client.get("/health/live", key=None)).json() == {"status": "ok"}


async def test_metrics_are_for_admins_and_survive_a_database_that_is_away(client: Client, world: World) -> None:
    """Labels are routes, never ids."""
    (await client.get("/metrics")).problem(403)
    await client.get("/api/accounts/7")
    page = (await client.get("/metrics", key=world.admin)).body.decode()
    assert 'wasup_http_requests_total{method="GET",route="/api/accounts/<id:account_id>",status="404"} 1.0' in page
    assert 'wasup_tree_children{state="backoff",type="worker"} 1.0' in page
    assert 'wasup_messages{direction="out"} 1.0' in page
    public = Client(World(metrics_public=True))
    public.world.rows.away = True
    answer = await public.get("/metrics", key=None)
    assert answer.status == 200
    assert b"wasup_sessions_running 0.0" in answer.body
    assert b"wasup_messages" not in answer.body
