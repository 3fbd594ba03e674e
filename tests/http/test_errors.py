"""Every error is problem details, says what is wrong, and tells nothing of wasup's inside."""

from typing import Any

import pytest
import trio

from tests.http.conftest import Client
from tests.http.fakes import World
from wasup.actors.messages import Connect, Refusal, Refused
from wasup.http.problems import REFUSALS
from wasup.ports.accounts import AccountStatus
from wasup.ports.store import Conflict, NotOwner

TEXT = {"account_id": 1, "to": "+55 11 98888-7777", "type": "text", "text": {"body": "hello"}}

BODIES = [
    (b"", 400, None),
    (b"{", 400, None),
    (b'{"account_id": 1, "to"', 400, None),
    (b'{"unknown": 1, "to', 400, None),
    (b'{"account_id": 1} trailing', 400, None),
    (b"\xff\xfe", 400, None),
    (b'{"to": "\\ud800"}', 400, None),
    (b"[" * 100_000, 400, None),
    (b'{"a":' * 100_000, 400, None),
    (b"null", 422, "#"),
    (b"[]", 422, "#"),
    (b'"text"', 422, "#"),
    (b"{}", 422, "#/type"),
]
FIELDS = [
    ({"account_id": "1"}, "#/account_id"),
    ({"account_id": 0}, "#/account_id"),
    ({"account_id": 2**63}, "#/account_id"),
    ({"account_id": 1.5}, "#/account_id"),
    ({"to": None}, "#/to"),
    ({"to": "12345"}, "#/to"),
    ({"to": "status@broadcast"}, "#/to"),
    ({"to": ""}, "#/to"),
    ({"text": "hello"}, "#/text"),
    ({"text": {}}, "#/text/body"),
    ({"text": {"body": ""}}, "#/text/body"),
    ({"text": {"body": "x" * 65_537}}, "#/text/body"),
    ({"text": {"body": "x", "bold": True}}, "#/text/bold"),
    ({"type": "hologram"}, "#/type"),
    ({"colour": "red"}, "#/colour"),
    ({"a/b~c": 1}, "#/a~1b~0c"),
]
QUERIES = [
    ("limit=0", "limit"),
    ("limit=201", "limit"),
    ("limit=many", "limit"),
    ("limit=", "limit"),
    ("limit=1&limit=2", "limit"),
    ("account_id=-1", "account_id"),
    ("cursor=!!!", "cursor"),
    ("cursor=WzEsMl0", "cursor"),
    ("cursor=%C3%A9", "cursor"),
    ("api_key=wsp_000000000000000000000000000", "api_key"),
]


@pytest.mark.parametrize(("body", "status", "pointer"), BODIES)
async def test_a_body_that_is_no_such_json_is_refused(
    client: Client, body: bytes, status: int, pointer: str | None
) -> None:
    """What cannot be read is a 400, what can be read and is something else a 422."""
    answer = await client.send("POST", "/api/messages", data=body, headers={"Content-Type": "application/json"})
    problem = answer.problem(status)
    if pointer is not None:
        assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(("change", "pointer"), FIELDS)
async def test_a_mistake_in_a_field_is_pointed_to(client: Client, change: dict[str, Any], pointer: str) -> None:
    """Unknown fields, wrong types and values out of bounds name their place."""
    await client.account()
    problem = (await client.post("/api/messages", TEXT | change)).problem(422)
    assert problem["errors"][0]["pointer"] == pointer
    assert not client.world.directory.asked


@pytest.mark.parametrize(("query", "parameter"), QUERIES)
async def test_a_mistake_in_the_query_is_named(client: Client, query: str, parameter: str) -> None:
    """Unknown, repeated and senseless parameters are mistakes, not ignored."""
    problem = (await client.get(f"/api/messages?{query}")).problem(422)
    assert problem["errors"][0]["parameter"] == parameter


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
async def test_a_body_must_claim_to_be_json(client: Client, media: str) -> None:
    """Anything but JSON is a 415, so that a form of another site cannot send anything."""
    answer = await client.send("POST", "/api/messages", data=b"{}", headers={"Content-Type": media})
    answer.problem(415)
    (await client.send("POST", "/api/messages", data=b"{}")).problem(415)


async def test_a_body_over_the_limit_is_refused(client: Client) -> None:
    """One byte over 1 MB is too much, whether its length was told or not."""
    answer = await client.send(
        "POST", "/api/accounts", data=b" " * 1_000_001, headers={"Content-Type": "application/json"}
    )
    answer.problem(413)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api", 404),
        ("GET", "/api/accounts/", 404),
        ("GET", "/api/accounts/0", 404),
        ("GET", "/api/accounts/-1", 404),
        ("GET", "/api/accounts/abc", 404),
        ("GET", "/api/accounts/1e3", 404),
        ("GET", f"/api/accounts/{2**63}", 404),
        ("GET", f"/api/accounts/{2**63 - 1}", 404),
        ("GET", "/api/messages/5", 404),
        ("GET", "/api/chats/5", 404),
        ("GET", "/api/chats/5/messages", 404),
        ("GET", "/api/accounts/5/chats", 404),
        ("GET", "/api/events?account_id=5", 404),
        ("DELETE", "/api/accounts/5", 404),
        ("POST", "/api/accounts/5/connect", 404),
        ("GET", "/docs/../app.py", 404),
        ("GET", "/docs/swagger-ui.js", 404),
        ("DELETE", "/api/accounts", 405),
        ("OPTIONS", "/api/accounts", 405),
        ("GET", "/api/accounts/1/connect", 405),
        ("TRACE", "/health", 405),
    ],
)
async def test_unknown_addresses_and_methods(client: Client, method: str, path: str, status: int) -> None:
    """What is not there is a 404, what cannot be done there a 405 that says what can."""
    answer = await client.send(method, path)
    answer.problem(status)
    assert status == 404 or answer.headers["Allow"]


@pytest.mark.parametrize("refusal", list(Refusal))
async def test_each_refusal_of_an_actor_has_its_status(client: Client, refusal: Refusal) -> None:
    """The one table says which; states and waits are passed on."""
    account_id = await client.account()
    client.world.directory.planned[Connect] = Refused(
        refusal=refusal, detail="max_sessions_per_instance is 300", status=AccountStatus.CONNECTED, retry_after=2.4
    )
    answer = await client.post(f"/api/accounts/{account_id}/connect")
    status, _ = REFUSALS[refusal]
    problem = answer.problem(status)
    if status == 404:
        assert problem == (await client.get("/api/accounts/999")).json() | {"request_id": problem["request_id"]}
    else:
        assert problem["state"] == "connected"
        assert answer.headers["Retry-After"] == "3"
    # What a 503 says comes from exceptions, and is not for clients.
    assert ("max_sessions_per_instance" in problem["detail"]) == (status not in {404, 503})


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (trio.TooSlowError(), 503),
        (NotOwner("epoch 7"), 503),
        (Conflict("the key was used for something else"), 422),
        (ValueError("secret inside"), 500),
        (ExceptionGroup("secret inside", [KeyError("secret inside")]), 500),
    ],
)
async def test_what_an_actor_raises_is_answered_and_not_shown(
    client: Client, caplog: pytest.LogCaptureFixture, error: Exception, status: int
) -> None:
    """A late answer is a 503; a defect is a 500 that shows nothing, and the log has it."""
    account_id = await client.account()
    client.world.directory.planned[Connect] = error
    answer = await client.post(f"/api/accounts/{account_id}/connect")
    answer.problem(status)
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    assert ("secret inside" in caplog.text) == (status == 500)


async def test_a_database_that_is_away_is_a_503(client: Client) -> None:
    """With a wait, and without the database's own words."""
    await client.get("/api/accounts")  # the key is in the cache from here on
    client.world.rows.away = True
    for path in ("/api/accounts", "/api/accounts/1", "/api/messages", "/api/chats/1", "/api/webhook-endpoints"):
        answer = await client.get(path)
        answer.problem(503)
        assert answer.headers["Retry-After"] == "1"
        assert b"10.0.0.7" not in answer.body


async def test_every_answer_carries_its_id_and_the_security_headers(client: Client, world: World) -> None:
    """The client's own id is taken over when it is harmless."""
    for path, key in (("/health", None), ("/nope", None), ("/api/accounts", None), ("/api/accounts", world.key)):
        answer = await client.get(path, key=key, headers={"X-Request-Id": "my-id.7"})
        assert answer.headers["X-Request-Id"] == "my-id.7"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == ("private, no-cache" if answer.status == 200 and key else "no-store")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in answer.headers
    bad = await client.get("/health", headers={"X-Request-Id": 'x" onload=alert(1)'})
    assert len(bad.headers["X-Request-Id"]) == 32
