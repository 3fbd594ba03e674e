"""Every type of message, media in its three ways, and what goes with chats, over fakes."""

import base64
from typing import Any

import msgspec
import pytest

from tests.http.conftest import Client
from tests.http.fakes import NOW, World, stored_chat, stored_message
from tests.media.samples import MP3, MP4, OGG, PDF, PNG, WEBP
from wasup.actors.messages import (
    DownloadMedia,
    ErrandDone,
    MarkRead,
    MediaBytes,
    Queued,
    Refusal,
    Refused,
    SendMessage,
    SetTyping,
)
from wasup.media import Fetched
from wasup.ports.messages import ContactCards, Edit, Image, Location, MediaRef, Reaction, Revoke
from wasup.ports.resources import Contact

TO = {"account_id": 1, "to": "+5511988887777"}
PLAIN: list[tuple[dict[str, Any], Any]] = [
    (
        {"type": "location", "location": {"latitude": -23.5, "longitude": -46.6, "name": "Here"}},
        Location(latitude=-23.5, longitude=-46.6, name="Here"),
    ),
    ({"type": "contacts", "contacts": {"vcards": ["BEGIN:VCARD"]}}, ContactCards(vcards=("BEGIN:VCARD",))),
    ({"type": "reaction", "reaction": {"target_id": "3EB0", "emoji": "👍"}}, Reaction(target_id="3EB0", emoji="👍")),
    ({"type": "edit", "edit": {"target_id": "3EB0", "body": "new"}}, Edit(target_id="3EB0", body="new")),
    ({"type": "revoke", "revoke": {"target_id": "3EB0"}}, Revoke(target_id="3EB0")),
]
MEDIA = [
    ("image", PNG, "image/png"),
    ("video", MP4, "video/mp4"),
    ("audio", MP3, "audio/mpeg"),
    ("voice", OGG, "audio/ogg"),
    ("document", PDF, "application/pdf"),
    ("sticker", WEBP, "image/webp"),
]


async def sent(client: Client, body: dict[str, Any]) -> Any:
    """The content that a request became."""
    await client.account()
    client.world.directory.planned[SendMessage] = Queued(message=stored_message(7), new=True)
    answer = await client.post("/api/messages", TO | body)
    assert answer.status == 202, answer.body
    return client.world.directory.asked[-1][1].content


@pytest.mark.parametrize(("body", "content"), PLAIN)
async def test_each_type_without_media(client: Client, body: dict[str, Any], content: object) -> None:
    """As the request says it."""
    assert await sent(client, body) == content


@pytest.mark.parametrize("way", ["id", "data", "url"])
@pytest.mark.parametrize(("kind", "data", "mime"), MEDIA)
async def test_each_type_of_media_in_each_way(client: Client, kind: str, data: bytes, mime: str, way: str) -> None:
    """The bytes are stored first, and the message refers to them."""
    source: str = base64.b64encode(data).decode()
    if way == "id":
        uploaded = await client.send("POST", "/api/media", data=data, headers={"Content-Type": "text/plain"})
        assert uploaded.status == 201
        source = uploaded.json()["id"]
        assert uploaded.headers["Location"] == f"/api/media/{source}"
    if way == "url":
        source = "https://files.example/x"
        client.world.fetcher.planned[source] = Fetched(data=data, mime="text/html", filename="x")
    content = await sent(client, {"type": kind, kind: {way: source, "filename": "f"}})
    assert content.__struct_config__.tag == kind
    media: MediaRef = content.media
    assert (media.mime, media.size, media.filename) == (mime, len(data), "f")
    assert client.world.rows.files[1, str(media.sha256)] == data


@pytest.mark.parametrize(
    ("source", "pointer"),
    [
        ({}, "#/image"),
        ({"id": "0" * 64, "url": "https://files.example/x"}, "#/image"),
        ({"id": "0" * 64}, "#/image/id"),
        ({"data": "no base64!"}, "#/image/data"),
        ({"data": base64.b64encode(PDF).decode()}, "#/image"),
        ({"url": "https://nobody.example/"}, "#/image/url"),
        ({"data": "AA==", "size": 1}, "#/image/size"),
    ],
)
async def test_media_that_is_none_is_pointed_to(client: Client, source: dict[str, Any], pointer: str) -> None:
    """And nothing is stored or sent."""
    await client.account()
    problem = (await client.post("/api/messages", TO | {"type": "image", "image": source})).problem(422)
    assert problem["errors"][0]["pointer"] == pointer
    assert client.world.rows.files == {}
    assert not client.world.directory.asked


async def test_an_upload_is_one_workspaces_and_bounded(world: World) -> None:
    """Another workspace finds nothing under its id; one byte too many is a 413."""
    client = Client(World(max_media=1000))
    uploaded = (await client.send("POST", "/api/media", data=PNG)).json()
    assert uploaded == {"id": uploaded["id"], "size": len(PNG), "mime": "image/png", "kind": "image"}
    shown = await client.get(f"/api/media/{uploaded['id']}")
    assert (shown.body, shown.headers["Content-Type"]) == (PNG, "image/png")
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    (await client.get(f"/api/media/{uploaded['id']}", key=client.world.other)).problem(404)
    (await client.send("POST", "/api/media", data=bytes(1001))).problem(413)
    (await client.send("POST", "/api/media", data=b"")).problem(422)
    (await client.send("POST", "/api/media", data=PNG, key=client.world.admin)).problem(422)
    assert (await client.send("POST", "/api/media?workspace_id=2", data=PNG, key=client.world.admin)).status == 201


async def test_received_media_is_asked_of_the_session_once(client: Client, world: World) -> None:
    """Then it is kept; what WhatsApp has no more is a 410, and an account that is away a 409."""
    await client.account()
    content = Image(media=MediaRef(ref="provider-1", mime="image/jpeg", filename="über.png"))
    world.rows.stored[5] = msgspec.structs.replace(stored_message(5), content=content, from_me=False)
    planned = world.directory.planned
    planned[DownloadMedia] = Refused(refusal=Refusal.GONE, detail="gone")
    (await client.get("/api/messages/5/media")).problem(410)
    planned[DownloadMedia] = Refused(refusal=Refusal.WRONG_STATE, detail="it is disconnected")
    (await client.get("/api/messages/5/media")).problem(409)
    planned[DownloadMedia] = MediaBytes(data=PNG)
    for _ in range(2):
        shown = await client.get("/api/messages/5/media")
        assert (shown.body, shown.headers["Content-Type"]) == (PNG, "image/png")
        assert shown.headers["Content-Disposition"] == "inline; filename*=UTF-8''%C3%BCber.png"
    assert len(world.directory.asked) == 3
    (await client.get("/api/messages/5/media", key=world.other)).problem(404)
    world.rows.stored[6] = stored_message(6)
    (await client.get("/api/messages/6/media")).problem(404)


async def test_typing_and_read_marks_go_to_the_session(client: Client, world: World) -> None:
    """Without ids, the newest unread messages are meant."""
    await client.account()
    world.rows.chats_by_id[1] = msgspec.structs.replace(stored_chat(1), unread_count=2)
    for number in range(1, 6):
        world.rows.stored[number] = msgspec.structs.replace(stored_message(number), from_me=number == 4)
    world.directory.planned |= {SetTyping: ErrandDone(), MarkRead: ErrandDone()}
    assert (await client.post("/api/chats/1/typing", {"active": True})).status == 204
    assert (await client.post("/api/chats/1/read", {})).status == 204
    assert (await client.post("/api/chats/1/read", {"message_ids": ["3EB0AA"]})).status == 204
    chat = "5511988887777@c.us"
    ids = (world.rows.stored[5].message_id, world.rows.stored[3].message_id)
    assert [request for _, request in world.directory.asked] == [
        SetTyping(chat=chat, active=True),
        MarkRead(chat=chat, message_ids=ids),
        MarkRead(chat=chat, message_ids=("3EB0AA",)),
    ]
    (await client.post("/api/chats/1/read", {}, key=world.other)).problem(404)


async def test_without_an_account_the_workspaces_own_sends(client: Client, world: World) -> None:
    """An admin key, which has no workspace, must name one."""
    body = {"to": "+5511988887777", "type": "text", "text": {"body": "hi"}}
    (await client.post("/api/messages", body)).problem(409)
    account_id = await client.account()
    world.directory.planned[SendMessage] = Queued(message=stored_message(7), new=True)
    assert (await client.post("/api/messages", body)).headers["Location"] == "/api/messages/7"
    assert world.directory.asked[-1][0] == account_id
    (await client.post("/api/messages", body, key=world.admin)).problem(422)


async def test_accounts_are_renamed_made_primary_and_looked_into(client: Client, world: World) -> None:
    """Each only by its own workspace."""
    account_id = await client.account()
    address = f"/api/accounts/{account_id}"
    assert (await client.send("PATCH", address, json={"name": "Sales"})).json()["name"] == "Sales"
    for end in ("restore", "primary"):
        assert (await client.post(f"{address}/{end}")).status == 200
        (await client.post(f"{address}/{end}", key=world.other)).problem(404)
    assert [row["name"] for row in (await client.get("/api/accounts?search=Sal")).json()["data"]] == ["Sales"]
    assert (await client.get("/api/accounts?deleted=true")).json()["data"] == []
    health = (await client.get(f"{address}/health")).json()
    assert health["healthy"] is True
    assert [actor["path"] for actor in health["actors"]] == ["root/accounts/1", "root/accounts/1/session"]
    assert (await client.get(f"{address}/supervision")).json() == {"data": [], "next_cursor": None}
    (await client.get(f"{address}/supervision", key=world.other)).problem(404)


async def test_contacts_are_listed_and_shown(client: Client, world: World) -> None:
    """By pages, and never another workspace's."""
    account_id = await client.account()
    for number in range(1, 4):
        world.rows.contacts_by_id[number] = Contact(
            id=number, workspace_id=1, whatsapp_account_id=account_id, jid=f"{number}@c.us", lid=None, phone=None,
            name=f"Ana {number}", push_name=None, created_at=NOW, updated_at=NOW,
        )  # fmt: skip
    page = (await client.get(f"/api/accounts/{account_id}/contacts?limit=2")).json()
    rest = (await client.get(f"/api/accounts/{account_id}/contacts?limit=2&cursor={page['next_cursor']}")).json()
    assert [row["id"] for row in page["data"] + rest["data"]] == [1, 2, 3]
    assert (await client.get("/api/contacts/2")).json()["name"] == "Ana 2"
    (await client.get("/api/contacts/2", key=world.other)).problem(404)
    (await client.get("/api/groups/2")).problem(404)
