"""Sending, and reading messages, chats and events, over fakes."""

from typing import Any

import pytest

from tests.http.conftest import Client
from tests.http.fakes import NOW, World, stored_chat, stored_message
from wasup.actors.messages import Queued, SendMessage
from wasup.ports.messages import Text

TEXT = {"account_id": 1, "to": "+55 11 98888-7777", "type": "text", "text": {"body": "hello"}}


async def test_a_message_is_answered_when_it_is_stored(client: Client, world: World) -> None:
    """202 with the row, and 200 with the same row for a known key."""
    await client.account()
    world.directory.planned[SendMessage] = Queued(message=stored_message(7), new=True)
    sent = await client.post("/api/messages", TEXT | {"quoted_id": "3EB0AB"}, headers={"Idempotency-Key": "order 17"})
    assert sent.status == 202
    assert sent.headers["Location"] == "/api/messages/7"
    assert sent.json()["status"] == "queued"
    assert sent.json()["content"] == {"type": "text", "body": "hello"}
    request = SendMessage(
        chat="5511988887777@c.us", content=Text(body="hello"), quoted_id="3EB0AB", idempotency_key="order 17"
    )
    assert world.directory.asked == [(1, request)]
    world.directory.planned[SendMessage] = Queued(message=stored_message(7), new=False)
    again = await client.post("/api/messages", TEXT, headers={"Idempotency-Key": "order 17"})
    assert (again.status, again.json()) == (200, sent.json())


@pytest.mark.parametrize("key", ["", " ", "x" * 191, "tab\there", "ü"])
async def test_an_idempotency_key_must_be_printable_and_short(client: Client, key: str) -> None:
    """What a database column cannot keep exactly is refused before anything is sent."""
    await client.account()
    problem = (await client.post("/api/messages", TEXT, headers={"Idempotency-Key": key})).problem(422)
    assert problem["errors"][0]["parameter"] == "Idempotency-Key"
    assert not client.world.directory.asked


async def pages(client: Client, address: str) -> list[Any]:
    """All rows of a list, by its cursors."""
    rows: list[Any] = []
    cursor = ""
    while True:
        page = (await client.get(f"{address}limit=2{cursor}")).json()
        rows += page["data"]
        if page["next_cursor"] is None:
            return rows
        cursor = f"&cursor={page['next_cursor']}"


async def test_messages_are_listed_newest_first(client: Client, world: World) -> None:
    """All of them, of an account, or of a chat; never another workspace's."""
    for message_id in range(1, 6):
        world.rows.stored[message_id] = stored_message(message_id, chat_id=1 + message_id % 2)
    world.rows.stored[6] = stored_message(6, workspace_id=2, account_id=2)
    world.rows.chats_by_id[1] = stored_chat(1)
    assert [row["id"] for row in await pages(client, "/api/messages?")] == [5, 4, 3, 2, 1]
    assert [row["id"] for row in await pages(client, "/api/messages?account_id=1&chat_id=2&")] == [5, 3, 1]
    assert [row["id"] for row in await pages(client, "/api/chats/1/messages?")] == [4, 2]
    assert (await client.get("/api/messages/3")).json()["id"] == 3
    (await client.get("/api/messages/6")).problem(404)


async def test_chats_are_listed_most_recent_first(client: Client, world: World) -> None:
    """Also those that have the same time, or none."""
    account_id = await client.account()
    for chat_id, at in ((1, NOW + 9), (2, NOW + 5), (3, NOW + 5), (4, None), (5, NOW - 1)):
        world.rows.chats_by_id[chat_id] = stored_chat(chat_id, at=at)
    world.rows.chats_by_id[6] = stored_chat(6, workspace_id=2)
    listed = await pages(client, f"/api/accounts/{account_id}/chats?")
    assert [row["id"] for row in listed] == [1, 3, 2, 5, 4]
    assert (await client.get("/api/chats/2")).json()["contact_name"] == "Ana"
    (await client.get("/api/chats/6")).problem(404)
    (await client.get("/api/chats/6/messages")).problem(404)
