"""Accounts and commands to them, over fakes."""

from typing import NoReturn

import pytest

from tests.http.conftest import Client
from tests.http.fakes import NOW, World, state_of
from wasup.actors.messages import (
    Connect,
    Disconnect,
    GetQr,
    Logout,
    PairingCode,
    Qr,
    Refusal,
    Refused,
    RequestPairingCode,
)
from wasup.ports.accounts import Account, AccountStatus
from wasup.ports.store import DatabaseUnavailable


async def test_an_account_is_created_in_the_keys_workspace(client: Client, world: World) -> None:
    """With the instance's first provider; its QR code is never part of it."""
    created = await client.post("/api/accounts", {"name": "Support"})
    assert created.status == 201
    assert created.headers["Location"] == "/api/accounts/1"
    account = created.json()
    assert account["workspace_id"] == 1
    assert account["provider_type"] == "emulated"
    assert account["status"] == "disconnected"
    assert "qr_code" not in account
    assert (await client.get("/api/accounts/1")).json() == account
    assert (await client.get("/api/accounts/1", key=world.admin)).json() == account


async def test_only_an_admin_key_names_the_workspace(client: Client, world: World) -> None:
    """It must, and the workspace must be there; another key may name its own at most."""
    (await client.post("/api/accounts", {}, key=world.admin)).problem(422)
    (await client.post("/api/accounts", {"workspace_id": 9}, key=world.admin)).problem(404)
    created = await client.post("/api/accounts", {"workspace_id": 2}, key=world.admin)
    assert created.json()["workspace_id"] == 2
    assert (await client.post("/api/accounts", {"workspace_id": 1})).status == 201
    (await client.post("/api/accounts", {"workspace_id": 2})).problem(404)


async def test_an_unknown_provider_is_a_mistake(client: Client) -> None:
    """The answer names those there are."""
    problem = (await client.post("/api/accounts", {"provider_type": "pigeon"})).problem(422)
    assert problem["errors"][0]["pointer"] == "#/provider_type"
    assert "webjs" in problem["detail"]


async def test_accounts_are_listed_page_by_page(client: Client) -> None:
    """Every account comes once, and the last page has no cursor."""
    ids = [await client.account() for _ in range(5)]
    seen: list[int] = []
    address = "/api/accounts?limit=2"
    for _ in range(3):
        page = (await client.get(address)).json()
        seen += [row["id"] for row in page["data"]]
        address = f"/api/accounts?limit=2&cursor={page['next_cursor']}"
    assert seen == ids
    assert page["next_cursor"] is None
    assert (await client.get("/api/accounts?limit=5")).json()["next_cursor"] is None
    assert (await client.get("/api/accounts?status=connected")).json()["data"] == []
    (await client.get("/api/accounts?status=happy")).problem(422)


async def test_deleting_ends_the_session_and_hides_the_account(client: Client, world: World) -> None:
    """Also when the actor does not answer."""
    account_id = await client.account()
    world.directory.planned[Disconnect] = Refused(refusal=Refusal.UNAVAILABLE, detail="")
    assert (await client.send("DELETE", f"/api/accounts/{account_id}")).status == 204
    assert world.directory.asked == [(account_id, Disconnect())]
    (await client.get(f"/api/accounts/{account_id}")).problem(404)
    (await client.send("DELETE", f"/api/accounts/{account_id}")).problem(404)


async def test_an_account_that_runs_here_is_known_without_the_database(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To its own workspace; others ask in vain, and nobody finds it once its deletion was begun, however that ends."""
    account_id = await client.account()
    world.directory.tenants[account_id] = 1
    looked: list[int] = []
    look, delete = world.rows.account, world.rows.delete_account

    async def noted(account_id: int, *, workspace_id: int | None = None) -> Account | None:
        looked.append(account_id)
        return await look(account_id, workspace_id=workspace_id)

    async def lost(account_id: int, *, workspace_id: int | None = None) -> NoReturn:
        await delete(account_id, workspace_id=workspace_id)
        raise DatabaseUnavailable("the connection broke")

    monkeypatch.setattr(world.rows, "account", noted)
    monkeypatch.setattr(world.rows, "delete_account", lost)
    chats = f"/api/accounts/{account_id}/chats"
    assert (await client.get(chats)).status == 200
    assert looked == []
    (await client.get(chats, key=world.other)).problem(404)
    (await client.send("DELETE", f"/api/accounts/{account_id}")).problem(503)
    (await client.get(chats)).problem(404)


@pytest.mark.parametrize(
    ("name", "requests"),
    [
        ("connect", [Connect()]),
        ("disconnect", [Disconnect()]),
        ("logout", [Logout()]),
        ("reconnect", [Disconnect(), Connect()]),
    ],
)
async def test_commands_go_to_the_accounts_actor(
    client: Client, world: World, name: str, requests: list[object]
) -> None:
    """The answer is the state; connecting is accepted, until it is so already."""
    account_id = await client.account()
    answer = await client.post(f"/api/accounts/{account_id}/{name}")
    assert answer.status == (202 if "reconnect" in name or name == "connect" else 200)
    assert answer.json()["status"] == "starting"
    assert world.directory.asked == [(account_id, request) for request in requests]
    world.directory.planned[Connect] = state_of(account_id, AccountStatus.CONNECTED)
    assert (await client.post(f"/api/accounts/{account_id}/connect")).status == 200


@pytest.mark.parametrize(
    ("query", "accept", "media", "beginning"),
    [
        ("", None, "application/json", b'{"code":"2@abc"'),
        ("", "*/*", "application/json", b"{"),
        ("", "text/plain", "text/plain; charset=utf-8", b"2@abc"),
        ("", "image/png", "image/png", b"\x89PNG"),
        ("", "image/*;q=0.8", "image/png", b"\x89PNG"),
        ("", "text/html, image/svg+xml", "image/svg+xml", b"<?xml"),
        ("?format=png", "application/json", "image/png", b"\x89PNG"),
        ("?format=svg", None, "image/svg+xml", b"<?xml"),
        ("?format=text", None, "text/plain; charset=utf-8", b"2@abc"),
        ("?format=json", "image/png", "application/json", b"{"),
    ],
)
async def test_a_qr_code_comes_in_the_format_asked_for(
    client: Client, world: World, query: str, accept: str | None, media: str, beginning: bytes
) -> None:
    """`format` goes before the Accept header."""
    account_id = await client.account()
    world.directory.planned[GetQr] = Qr(code="2@abc", attempt=1, expires_at=NOW)
    headers = {"Accept": accept} if accept is not None else {}
    answer = await client.get(f"/api/accounts/{account_id}/qr{query}", headers=headers)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == media
    assert answer.body.startswith(beginning)


async def test_no_qr_code_on_offer_is_a_conflict_with_the_state(client: Client, world: World) -> None:
    """So that the client knows what to do: connect first, or nothing at all."""
    account_id = await client.account()
    world.directory.planned[GetQr] = Refused(
        refusal=Refusal.WRONG_STATE, detail="no QR code is on offer", status=AccountStatus.DISCONNECTED
    )
    for query in ("", "?format=png"):
        assert (await client.get(f"/api/accounts/{account_id}/qr{query}")).problem(409)["state"] == "disconnected"
    (await client.get(f"/api/accounts/{account_id}/qr", headers={"Accept": "text/html"})).problem(406)
    (await client.get(f"/api/accounts/{account_id}/qr?format=gif")).problem(422)


async def test_a_pairing_code_is_for_a_phone_number_with_its_country(client: Client, world: World) -> None:
    """The actor gets its digits."""
    account_id = await client.account()
    world.directory.planned[RequestPairingCode] = PairingCode(code="ABCD1234", phone="5511999998888")
    answer = await client.post(f"/api/accounts/{account_id}/pairing-code", {"phone": "+55 (11) 99999-8888"})
    assert answer.json() == {"code": "ABCD1234", "phone": "5511999998888"}
    assert world.directory.asked == [(account_id, RequestPairingCode(phone="5511999998888"))]
    problem = (await client.post(f"/api/accounts/{account_id}/pairing-code", {"phone": "11999998888"})).problem(422)
    assert "country" in problem["detail"]


async def test_history_and_figures_of_an_account(client: Client) -> None:
    """Both are there, and empty is not an error."""
    account_id = await client.account()
    steps = (await client.get(f"/api/accounts/{account_id}/transitions")).json()
    assert [step["id"] for step in steps["data"]] == [3, 2, 1]
    assert (steps["data"][0]["new"], steps["data"][0]["reason"]) == ("starting", "requested")
    assert steps["next_cursor"] is None
    first = (await client.get(f"/api/accounts/{account_id}/transitions?limit=2")).json()
    rest = await client.get(f"/api/accounts/{account_id}/transitions?limit=2&cursor={first['next_cursor']}")
    assert [step["id"] for step in rest.json()["data"]] == [1]
    figures = (await client.get(f"/api/accounts/{account_id}/statistics")).json()
    assert figures == {"account_id": account_id, "chats": 0, "messages_in": 0, "messages_out": 0, "unread": 0}
