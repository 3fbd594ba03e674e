"""Keys that are made and revoked, limits, the audit log, settings, compression, and secrets that stay out of logs."""

import gzip
from typing import Any

import pytest
import trio.testing
from werkzeug.datastructures import Headers

from tests.http.conftest import Client
from tests.http.fakes import NOW, World
from wasup.http.headers import SECURITY_HEADERS, secure
from wasup.http.limits import RateLimit, client_address


def test_an_answers_own_headers_are_kept_and_the_others_come_once() -> None:
    """Whatever the case of their names."""
    headers = Headers({"cache-control": "private, no-cache"})
    secure(headers)
    secure(headers)
    assert headers.getlist("Cache-Control") == ["private, no-cache"]
    assert sorted(name.lower() for name, _ in headers) == sorted(name.lower() for name in SECURITY_HEADERS)


async def test_a_key_is_made_shown_once_and_revoked_at_once(client: Client, world: World) -> None:
    """The list has its prefix and never the key; after the revocation the very next request is refused."""
    made = await client.post("/api/keys", {"name": "Till", "scopes": ["read", "read"]})
    assert made.status == 201
    key, record = made.json()["key"], made.json()["record"]
    assert made.headers["Location"] == f"/api/keys/{record['id']}"
    assert (record["scopes"], record["workspace_id"], record["prefix"]) == (["read"], 1, key[:12])
    assert (await client.get("/api/accounts", key=key)).status == 200
    assert key.encode() not in (await client.get("/api/keys")).body
    (await client.get(f"/api/keys/{record['id']}", key=world.other)).problem(404)
    (await client.send("DELETE", f"/api/keys/{record['id']}", key=world.other)).problem(404)
    assert (await client.send("DELETE", f"/api/keys/{record['id']}")).status == 204
    (await client.get("/api/accounts", key=key)).problem(401)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x", "scopes": ["admin"]}, 403),
        ({"name": "x", "scopes": ["read"], "legacy": True}, 403),
        ({"name": "x", "scopes": ["read"], "workspace_id": 2}, 404),
        ({"name": "x", "scopes": ["read"], "expires_at": NOW}, 422),
        ({"name": "x", "scopes": []}, 422),
        ({"name": "x", "scopes": ["root"]}, 422),
    ],
)
async def test_nobody_makes_a_key_that_can_do_more_than_his_own(client: Client, body: Any, status: int) -> None:
    """Neither wider, nor elsewhere, nor one that is over already."""
    (await client.post("/api/keys", body)).problem(status)


async def test_a_key_that_is_used_too_often_waits(world: World) -> None:
    """Twice the rate at once, then a 429 that says when; other keys are not concerned."""
    client = Client(World(rate_per_key=2.0))
    statuses = [(await client.get("/api/accounts")).status for _ in range(6)]
    assert statuses.count(200) >= 4
    assert statuses[-1] == 429
    refused = await client.get("/api/accounts")
    refused.problem(429)
    assert int(refused.headers["Retry-After"]) >= 1
    assert (await client.get("/api/accounts", key=client.world.other)).status == 200


async def test_an_address_that_guesses_keys_is_not_answered_any_more() -> None:
    """After some wrong keys only keys that were good a moment ago get through from there."""
    client = Client(World(wrong_keys_per_minute=3.0))
    assert (await client.get("/api/accounts")).status == 200
    wrong = "wsp_" + "0" * 27
    statuses = [(await client.get("/api/accounts", key=wrong)).status for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    lookups = client.world.rows.lookups
    answer = await client.get("/api/accounts", key="wsp_" + "1" * 27)
    answer.problem(429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 20
    assert client.world.rows.lookups == lookups
    assert (await client.get("/api/accounts")).status == 200
    elsewhere = await client.get("/api/accounts", key=wrong, headers={"X-Forwarded-For": "203.0.113.9"})
    elsewhere.problem(429)  # the test client's address is no trusted proxy: what it forwards is not believed


async def test_a_bucket_fills_again(autojump_clock: trio.testing.MockClock) -> None:
    """At its rate, and up to its size."""
    limit = RateLimit(2.0, 4.0)
    assert [limit.wait("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    await trio.sleep(0.5)
    assert limit.empty("a") == 0
    assert limit.wait("a") == 0
    assert limit.wait("a") == pytest.approx(0.5)
    await trio.sleep(60)
    assert [limit.wait("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.7", None, "198.51.100.7"),
        ("198.51.100.7", "203.0.113.1", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("127.0.0.1", "10.6.6.6, 203.0.113.1", "203.0.113.1"),
        ("127.0.0.1", "203.0.113.1, 127.0.0.1", "203.0.113.1"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("::ffff:127.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::"),
        (None, None, "unknown"),
    ],
)
def test_an_address_is_believed_as_far_as_our_proxies_vouch_for_it(
    peer: str | None, forwarded: str | None, address: str
) -> None:
    """Nobody can choose his own by sending the header himself."""
    headers = Headers() if forwarded is None else Headers([("X-Forwarded-For", forwarded)])
    assert client_address(peer, headers, ("127.0.0.1/32", "::1/128")) == address


async def test_changes_are_in_the_audit_log(client: Client, world: World) -> None:
    """Who, what, when and from where; what failed and what only looks is not there."""
    account_id = await client.account()
    await client.post("/api/accounts", {"provider_type": "pigeon"})
    await client.post(f"/api/accounts/{account_id}/connect", headers={"X-Request-Id": "mine"})
    await client.post("/api/accounts", {}, key=world.other)
    rows = (await client.get("/api/audit")).json()["data"]
    assert [(row["action"], row["status"]) for row in rows] == [("connect", 202), ("create_account", 201)]
    assert (rows[0]["path"], rows[0]["request_id"]) == (f"/api/accounts/{account_id}/connect", "mine")
    assert rows[0]["workspace_id"] == 1
    assert len((await client.get("/api/audit", key=world.admin)).json()["data"]) == 3


async def test_an_admin_changes_settings_and_they_hold_at_once(client: Client, world: World) -> None:
    """Null goes back; a value that does not fit changes nothing."""
    (await client.get("/api/settings")).problem(403)
    before = (await client.get("/api/settings", key=world.admin)).json()
    changes = {"default_region": "BR", "rate_per_key": 1000}
    changed = await client.send("PATCH", "/api/settings", json=changes, key=world.admin)
    assert changed.json() == before | changes
    account_id = await client.account()
    phone = {"phone": "(11) 99999-8888"}
    await client.post(f"/api/accounts/{account_id}/pairing-code", phone)
    assert world.directory.asked[-1][1].phone == "5511999998888"
    for wrong in ({"default_region": "Brazil"}, {"rate_per_key": 0}, {"log_level": "DEBUG"}):
        (await client.send("PATCH", "/api/settings", json=wrong, key=world.admin)).problem(422)
    back = await client.send("PATCH", "/api/settings", json={"default_region": None}, key=world.admin)
    assert back.json() == before | {"rate_per_key": 1000}
    assert world.rows.stored_settings == {"rate_per_key": "1000.0"}


async def test_a_setting_changed_elsewhere_holds_within_five_seconds(
    world: World, autojump_clock: trio.testing.MockClock
) -> None:
    """The database is asked now and then, and one that is away changes nothing."""
    client = Client(world)
    path = "/api/sessions?api_key=x"
    (await client.get(path)).problem(404)
    world.rows.stored_settings["legacy_enabled"] = "true"
    (await client.get(path)).problem(404)
    await trio.sleep(5)
    assert (await client.get(path, key=None)).json() == {"error": "Invalid API key"}
    await trio.sleep(5)
    world.rows.away = True
    assert (await client.get("/api/sessions", key=None)).json() == {"error": "Invalid API key"}


async def test_large_answers_are_compressed_for_those_who_take_it(client: Client, world: World) -> None:
    """gzip, never for small ones, and never when it was refused."""
    for _ in range(20):
        await client.account()
    plain = await client.get("/api/accounts")
    assert plain.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in plain.headers
    small = await client.get("/api/accounts", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.body) == plain.body
    assert len(small.body) < len(plain.body) / 2
    for accepted, path in (("gzip;q=0", "/api/accounts"), ("gzip", "/api/accounts?limit=1")):
        assert "Content-Encoding" not in (await client.get(path, headers={"Accept-Encoding": accepted})).headers
    tag = small.headers["ETag"]
    assert tag == f"W/{plain.headers['ETag']}"
    for given in (tag, plain.headers["ETag"], f'"x", {tag}'):
        same = await client.get("/api/accounts", headers={"If-None-Match": given})
        assert (same.status, same.body) == (304, b"")
    await client.account()
    assert (await client.get("/api/accounts", headers={"If-None-Match": tag})).status == 200


async def test_no_secret_reaches_a_log(
    client: Client, world: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Canaries in keys, bodies, headers and query strings, through good requests, bad ones and a crash."""
    caplog.set_level("DEBUG")
    account_id = await client.account()
    canary = "wsp_CANARY" + "0" * 21
    body = {"account_id": account_id, "to": "+5511988887777", "type": "text", "text": {"body": "CANARY of a text"}}
    world.directory.planned = {}
    await client.post("/api/messages", body)  # the fake's answer is none: a crash, with its traceback
    await client.post("/api/messages", body | {"colour": "CANARY"})
    await client.get("/api/accounts?api_key=CANARY", key=canary)
    await client.get("/api/accounts", headers={"Authorization": "Bearer CANARY", "X-Request-Id": "CANARY <x>"})
    await client.post(f"/api/accounts/{account_id}/pairing-code", {"phone": "CANARY"})
    made = (await client.post("/api/keys", {"name": "x", "scopes": ["read"]})).json()["key"]
    printed = caplog.text + "".join(capsys.readouterr())
    assert "request failed" in printed
    assert "CANARY" not in printed
    assert made not in printed
    assert world.key not in printed
