"""Webhook endpoints, workspaces, the actor tree, health and metrics, over fakes."""

import base64
from typing import Any

import pytest

from tests.http.conftest import Client
from tests.http.fakes import World, node
from wasup.http import HealthPart, HealthReport
from wasup.supervisor import TreeNode

ENDPOINT = {"url": "https://backend.example/hooks", "events": ["message.received"]}


async def test_a_webhook_secret_is_shown_once(client: Client, world: World) -> None:
    """In the answer that made it; changing the address keeps it, rotating makes another."""
    created = await client.send("PUT", "/api/webhook-endpoints", json=ENDPOINT)
    assert created.status == 201
    secret = created.json()["secret"]
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret[6:])) == 32
    changed = await client.send("PUT", "/api/webhook-endpoints", json=ENDPOINT | {"url": "http://127.0.0.1:9000/"})
    assert changed.status == 200
    assert "secret" not in changed.json()
    assert world.rows.endpoints_by_workspace[1].secret == secret
    listed = (await client.get("/api/webhook-endpoints")).json()["data"]
    assert listed == [changed.json()]
    rotated = await client.send("PUT", "/api/webhook-endpoints", json=ENDPOINT | {"rotate_secret": True})
    assert rotated.json()["secret"] not in {secret, None}
    assert (await client.get("/api/webhook-endpoints", key=world.other)).json()["data"] == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://backend.example/",
        "//backend.example/",
        "https:///hooks",
        "https://user:pass@backend.example/",
        "https://user@backend.example/",
        "https://backend.example/#part",
        "https://backend.example:99999/",
        "https://back end.example/",
        "https://[::1/",
        "javascript:alert(1)",
    ],
)
async def test_a_webhook_address_must_be_plain_http(client: Client, url: str) -> None:
    """No credentials, no fragments, nothing that is no address."""
    problem = (await client.send("PUT", "/api/webhook-endpoints", json={"url": url})).problem(422)
    assert problem["errors"][0]["pointer"] == "#/url"


async def test_a_webhook_filter_names_events_that_exist(client: Client) -> None:
    """The place in the list is told."""
    json = {"url": "https://x.example/", "events": ["message.received", "message.sung"]}
    problem = (await client.send("PUT", "/api/webhook-endpoints", json=json)).problem(422)
    assert problem["errors"][0]["pointer"] == "#/events/1"


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
    assert world.restarted == ["root/accounts/1/session"]
    assert (await client.post("/api/actors/root/writer-0/restart", key=world.admin)).status == 202
    (await client.post("/api/actors/root/restart", key=world.admin)).problem(404)


async def test_a_tree_of_twelve_thousand_actors_is_shown(client: Client, world: World) -> None:
    """Whole, whatever its size."""
    accounts = [
        node(f"root/accounts/{one}", *[node(f"root/accounts/{one}/{name}") for name in ("account", "session", "x")])
        for one in range(3000)
    ]
    whole: TreeNode = node("root", node("root/accounts", *accounts))
    world.tree = lambda: whole
    assert len(paths((await client.get("/api/actors", key=world.admin)).json())) == 12_002


@pytest.mark.parametrize(("status", "expected"), [("ok", 200), ("degraded", 200), ("down", 503)])
async def test_health_needs_no_key(client: Client, world: World, status: Any, expected: int) -> None:
    """Down is a 503 for load balancers; alive is alive all the same."""
    world.report = HealthReport(status=status, parts={"database": HealthPart(status=status, detail="why")})
    for path in ("/health", "/health/ready"):
        answer = await client.get(path, key=None)
        assert answer.status == expected
        assert answer.json() == {"status": status, "parts": {"database": {"status": status, "detail": "why"}}}
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
