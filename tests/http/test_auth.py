"""Keys: who gets in, how far, and how fast a revocation works."""

import re
from typing import Any

import pytest
import trio.testing

from tests.http.conftest import Client
from tests.http.fakes import NOW, World
from wasup.http import digest_key, new_key, visible_prefix
from wasup.http.keys import KeyCache

ROUTES_BY_SCOPE = [
    ("GET", "/api/accounts", "read"),
    ("GET", "/api/messages", "read"),
    ("GET", "/api/accounts/1/chats", "read"),
    ("POST", "/api/messages", "send"),
    ("POST", "/api/accounts", "manage"),
    ("DELETE", "/api/accounts/1", "manage"),
    ("POST", "/api/accounts/1/connect", "manage"),
    ("GET", "/api/accounts/1/qr", "manage"),
    ("GET", "/api/actors", "manage"),
    ("GET", "/api/workspaces", "admin"),
    ("POST", "/api/workspaces", "admin"),
    ("GET", "/metrics", "admin"),
]


def test_keys_have_160_bits_and_only_their_digest_is_needed() -> None:
    """A key is recognisable, never repeats, and does not follow from what is stored."""
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(re.fullmatch(r"wsp_[0-9A-Za-z]{27}", key) for key in keys)
    assert 62**27 > 2**160
    key = keys.pop()
    assert len(digest_key(key)) == 32
    assert visible_prefix(key) == key[:12]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wsp_000000000000000000000000000"},
        {"Authorization": "Bearer wsp_short"},
        {"Authorization": "Basic d3NwXzA6"},
        {"X-Api-Key": ""},
        {"X-Api-Key": "wsp_000000000000000000000000000"},
        {"X-Api-Key": "wsp_" + "é" * 27},
    ],
)
async def test_without_a_good_key_nobody_gets_in(client: Client, headers: dict[str, str]) -> None:
    """Missing and wrong keys are a 401 that says how to do it."""
    answer = await client.get("/api/accounts", key=None, headers=headers)
    answer.problem(401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_key_is_taken_from_both_headers_and_never_from_the_address(client: Client, world: World) -> None:
    """A query string ends up in logs."""
    assert (await client.get("/api/accounts", key=None, headers={"X-Api-Key": world.key})).status == 200
    assert (await client.get("/api/accounts", key=None, headers={"Authorization": f"bearer {world.key}"})).status == 200
    for name in ("api_key", "key", "token", "access_token", "X-Api-Key"):
        (await client.get(f"/api/accounts?{name}={world.key}", key=None)).problem(401)


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES_BY_SCOPE)
async def test_a_key_does_what_its_scopes_say(client: Client, world: World, method: str, path: str, scope: str) -> None:
    """All scopes but the right one are a 403, the right one or admin gets through."""
    await client.account()
    others = [one for one in ("read", "send", "manage") if one != scope]
    json: Any = {} if method == "POST" else None
    (await client.send(method, path, json=json, key=world.rows.add_key(1, *others))).problem(403)
    enough = world.rows.add_key(None if scope == "admin" else 1, scope)
    assert (await client.send(method, path, json=json, key=enough)).status not in {401, 403}
    assert (await client.send(method, path, json=json, key=world.admin)).status not in {401, 403}


async def test_a_workspaces_admin_key_does_not_reach_the_instance(client: Client, world: World) -> None:
    """Admin of a workspace means everything in it, and nothing beside it."""
    key = world.rows.add_key(1, "admin")
    assert (await client.post("/api/accounts", {}, key=key)).status == 201
    (await client.get("/api/workspaces", key=key)).problem(403)


async def test_an_expired_key_is_unknown_at_once(client: Client, world: World) -> None:
    """Also when it was in the cache."""
    key = world.rows.add_key(1, "read", expires_at=NOW + 1000)
    assert (await client.get("/api/accounts", key=key)).status == 200
    world.clock.now += 1000
    (await client.get("/api/accounts", key=key)).problem(401)


async def test_a_key_costs_one_query_in_five_seconds_and_a_revocation_works_then(
    world: World, autojump_clock: trio.testing.MockClock
) -> None:
    """Good and bad keys alike."""
    rows = world.rows
    cache = KeyCache(world.services.keys, seconds=5.0)
    wrong = new_key()
    for _ in range(20):
        assert await cache.find(world.key, NOW) is not None
        assert await cache.find(wrong, NOW) is None
        await trio.sleep(0.1)
    assert rows.lookups == 2
    rows.keys.clear()
    await trio.sleep(5)
    assert await cache.find(world.key, NOW) is None


async def test_the_cache_of_keys_stays_small(world: World) -> None:
    """Somebody who tries many keys does not fill the memory."""
    cache = KeyCache(world.services.keys, seconds=5.0, size=10)
    for _ in range(100):
        await cache.find(new_key(), NOW)
    assert len(cache._known) == 10


async def test_another_workspaces_things_look_like_nothing(client: Client, world: World) -> None:
    """Not a byte differs from what an unknown id gets."""
    account_id = await client.account()
    commands = ("connect", "disconnect", "logout", "reconnect")
    tries = [("GET", f"/api/accounts/%d{end}") for end in ("", "/qr", "/chats", "/transitions", "/statistics")]
    tries += [("POST", f"/api/accounts/%d/{name}") for name in commands]
    tries += [("DELETE", "/api/accounts/%d"), ("GET", "/api/events?account_id=%d")]
    for method, path in tries:
        foreign = (await client.send(method, path % account_id, key=world.other)).problem(404)
        unknown = (await client.send(method, path % 999, key=world.other)).problem(404)
        assert foreign | {"request_id": ""} == unknown | {"request_id": ""}
    body = {"to": "+55 11 98888-7777", "type": "text", "text": {"body": "hello"}}
    for one in (account_id, 999):
        problem = (await client.post("/api/messages", body | {"account_id": one}, key=world.other)).problem(404)
        assert problem["detail"] == "There is no such account."
    assert not world.directory.asked
    assert (await client.get("/api/accounts", key=world.other)).json()["data"] == []
    assert (await client.get(f"/api/messages?account_id={account_id}", key=world.other)).json()["data"] == []
