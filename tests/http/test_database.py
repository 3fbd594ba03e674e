"""The API over the real stores, on SQLite: what the fakes promise, the database keeps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.http.conftest import Client
from tests.http.fakes import World
from wasup.actors.messages import Queued, SendMessage
from wasup.bridge import Bridge
from wasup.db import Database, migrate
from wasup.http import digest_key, new_key, visible_prefix
from wasup.identifiers import new_message_id
from wasup.ports.clock import SystemClock
from wasup.ports.messages import Text
from wasup.ports.store import OutgoingMessage


@asynccontextmanager
async def stored(folder: Path) -> AsyncIterator[tuple[Client, Database]]:
    """A client of the API over a fresh database; its directory queues messages as the actors do."""
    url = f"sqlite:///{folder / 'wasup.db'}"
    async with Bridge() as bridge:
        await migrate(url, bridge)
        async with Database.open(url, bridge, clock=SystemClock()) as database:
            await database.ownership.acquire()
            world = World()
            first = await database.keys.create_workspace("Acme")
            second = await database.keys.create_workspace("Other")
            world.admin = await saved_key(database, None, "admin")
            world.key = await saved_key(database, first.id)
            world.other = await saved_key(database, second.id)
            world.services = replace(
                world.services,
                accounts=database.accounts,
                messages=database.messages,
                outbox=database.outbox,
                keys=database.keys,
                deliveries=database.deliveries,
                rejected=database.rejected,
                event_log=database.event_log,
                stats=database.stats,
                upkeep=database.upkeep,
                people=database.people,
                keyring=database.keyring,
                browser_sessions=database.browser_sessions,
                audit=database.audit,
                run_settings=database.run_settings,
                message_media=database.message_media,
            )
            yield Client(world), database


async def saved_key(database: Database, workspace_id: int | None, *scopes: str) -> str:
    """A new key, with all of a workspace's scopes unless others are named."""
    key = new_key()
    scopes = scopes or ("read", "send", "manage")
    await database.keys.save_key(
        digest_key(key), prefix=visible_prefix(key), workspace_id=workspace_id, scopes=scopes, name="test"
    )
    return key


async def test_accounts_messages_and_chats_over_a_database(tmp_path: Path) -> None:
    """Created, listed, written to, read page by page, deleted; and hidden from the other workspace."""
    async with stored(tmp_path) as (client, database):
        ids = [await client.account() for _ in range(3)]
        page = (await client.get("/api/accounts?limit=2")).json()
        assert [row["id"] for row in page["data"]] == ids[:2]
        rest = (await client.get(f"/api/accounts?limit=2&cursor={page['next_cursor']}")).json()
        assert [row["id"] for row in rest["data"]] == ids[2:]
        fences = await database.ownership.claim(ids)

        queued: list[Queued] = []

        def plan(number: int) -> None:
            client.world.directory.planned[SendMessage] = queued[number]

        async def queue(chat: str, text: SendMessage) -> None:
            message = OutgoingMessage(
                fence=fences[ids[0]],
                workspace_id=1,
                provider_type="emulated",
                chat=chat,
                message_id=new_message_id(),
                content=text.content,
                idempotency_key=text.idempotency_key,
            )
            row, new = await database.messages.queue_message(message)
            queued.append(Queued(message=row, new=new))

        for number in range(5):
            request = sample(f"text {number}", f"551198888777{number % 2}@c.us", f"key {number}")
            await queue(request.chat, request)
            plan(number)
            body: dict[str, Any] = {
                "account_id": ids[0],
                "to": f"+{request.chat[:13]}",
                "type": "text",
                "text": {"body": "x"},
            }
            assert (await client.post("/api/messages", body)).status == 202
        sent = (await client.get("/api/messages?limit=3")).json()
        assert [row["content"]["body"] for row in sent["data"]] == ["text 4", "text 3", "text 2"]
        older = (await client.get(f"/api/messages?limit=3&cursor={sent['next_cursor']}")).json()
        assert [row["content"]["body"] for row in older["data"]] == ["text 1", "text 0"]
        assert older["next_cursor"] is None

        chats = (await client.get(f"/api/accounts/{ids[0]}/chats?limit=1")).json()
        more = (await client.get(f"/api/accounts/{ids[0]}/chats?limit=1&cursor={chats['next_cursor']}")).json()
        assert {chats["data"][0]["jid"], more["data"][0]["jid"]} == {"5511988887770@c.us", "5511988887771@c.us"}
        chat_id = chats["data"][0]["id"]
        assert (await client.get(f"/api/chats/{chat_id}")).json() == chats["data"][0]
        in_chat = (await client.get(f"/api/chats/{chat_id}/messages")).json()["data"]
        assert {row["chat_id"] for row in in_chat} == {chat_id}
        figures = (await client.get(f"/api/accounts/{ids[0]}/statistics")).json()
        assert (figures["chats"], figures["messages_out"]) == (2, 5)
        assert (await client.get(f"/api/events?account_id={ids[0]}")).json()["data"] == []

        other = client.world.other
        for path in (f"/api/accounts/{ids[0]}", f"/api/chats/{chat_id}", f"/api/messages/{queued[0].message.id}"):
            assert (await client.get(path)).status == 200
            (await client.get(path, key=other)).problem(404)
        assert (await client.send("DELETE", f"/api/accounts/{ids[2]}")).status == 204
        (await client.get(f"/api/accounts/{ids[2]}")).problem(404)


def sample(body: str, chat: str, key: str) -> SendMessage:
    """A request as the handler makes it."""
    return SendMessage(chat=chat, content=Text(body=body), idempotency_key=key)


async def test_extreme_ids_over_a_database(tmp_path: Path) -> None:
    """The largest id that a path can hold is only unknown."""
    async with stored(tmp_path) as (client, _):
        top = 2**63 - 1
        for path in (f"/api/accounts/{top}", f"/api/chats/{top}", f"/api/messages/{top}", f"/api/chats/{top}/messages"):
            (await client.get(path)).problem(404)
        (await client.get(f"/api/accounts/{top + 1}")).problem(404)
        assert (await client.get(f"/api/messages?account_id={top}&chat_id={top}")).json()["data"] == []
        assert (await client.get("/api/accounts", key=new_key())).status == 401
