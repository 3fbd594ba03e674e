"""Identities, contents and statuses, case by case."""

import json
from typing import Any

import pytest

from wasup.importer.content import SourceMedia, decode_metadata, to_content
from wasup.importer.mapping import map_status
from wasup.importer.people import Identity, best_identity, group_jid, identity_of, own_phone, split_id
from wasup.importer.rows import SourceMessage
from wasup.ports.messages import (
    Audio,
    ContactCards,
    Content,
    Document,
    Image,
    Location,
    MediaRef,
    MessageStatus,
    Text,
    Unsupported,
    Video,
    Voice,
)


@pytest.mark.parametrize(
    ("phone", "group", "expected"),
    [
        ("+6281311110001", False, ("6281311110001@c.us", "+6281311110001")),
        ("6281311110001", False, ("6281311110001@c.us", "+6281311110001")),
        ("+62 813-1111-0001", False, ("6281311110001@c.us", "+6281311110001")),
        ("+5215512345678", False, ("525512345678@c.us", "+525512345678")),
        ("+1 555 078 3881", False, ("15550783881@c.us", "+15550783881")),
        ("6281311110001:12@s.whatsapp.net", False, ("6281311110001@c.us", "+6281311110001")),
        ("123456789012345@lid", False, ("123456789012345@lid", None)),
        ("120363000000000001", False, ("120363000000000001@g.us", None)),
        ("+120363000000000001", True, ("120363000000000001@g.us", None)),
        ("6281200000099-1412345678@g.us", False, ("6281200000099-1412345678@g.us", None)),
        ("6281200000099-1412345678", False, ("6281200000099-1412345678@g.us", None)),
        ("0812 345", False, None),
        ("11999998888", False, None),
        ("status@broadcast", False, None),
        ("", False, None),
        (None, False, None),
        ("not a group", True, None),
    ],
)
def test_who_a_contact_is(phone: str | None, group: bool, expected: tuple[str, str | None] | None) -> None:
    """Numbers in every spelling, groups with and without their server, LIDs; what is none of them is nobody."""
    assert identity_of(phone, group=group) == (None if expected is None else Identity(*expected))


def test_the_message_id_tells_what_the_contact_cannot() -> None:
    """That a chat is a group's, and how WhatsApp spells a number; otherwise the contact is believed."""
    mexican = Identity("525512345678@c.us", "+525512345678")
    ana = Identity("6281311110001@c.us", "+6281311110001")
    assert best_identity(mexican, "5215512345678@c.us") == Identity("5215512345678@c.us", "+525512345678")
    assert best_identity(ana, "120363000000000001@g.us") == Identity("120363000000000001@g.us")
    assert best_identity(ana, "14155550103@c.us") == ana
    assert best_identity(None, "14155550103@c.us") == Identity("14155550103@c.us", "+14155550103")
    assert best_identity(ana, None) == ana
    assert best_identity(None, None) is None


def test_message_ids_come_apart() -> None:
    """Direction, chat, bare id and participant; an id of the Cloud API is none of that kind."""
    parts = split_id("false_120363000000000001@g.us_3EB0AA_6281311110002@c.us")
    assert parts is not None
    assert (parts.from_me, parts.chat, parts.id, parts.participant) == (
        False, "120363000000000001@g.us", "3EB0AA", "6281311110002@c.us",
    )  # fmt: skip
    assert split_id("wamid.HBgNNjI4MTM_x") is None
    assert split_id("6281311110001@c.us") is None


@pytest.mark.parametrize(
    ("text", "phone"),
    [("6281200000001", "+6281200000001"), ("6281200000001@c.us", "+6281200000001"), ("null", None), (None, None)],
)
def test_an_accounts_own_number(text: str | None, phone: str | None) -> None:
    """Digits, as the old service told them, become E.164."""
    assert own_phone(text) == phone
    assert group_jid("nonsense") is None


FOTO = SourceMedia("foto.jpg", "chats/1/foto.jpg", "local", "image/jpeg", "204800")
REF = MediaRef(ref="backend:local:chats/1/foto.jpg", mime="image/jpeg", size=204800, filename="foto.jpg")
LINK = "https://files.example.com/a.mp3"


@pytest.mark.parametrize(
    ("metadata", "media", "expected"),
    [
        ({"body": "hi", "type": "chat"}, None, Text(body="hi")),
        ({"text": {"body": "hi", "preview_url": False}}, None, Text(body="hi")),
        ({"type": "text", "text": {"body": "hi"}}, None, Text(body="hi")),
        ({"body": "hi", "type": "chat", "lone": "\ud83d"}, None, Text(body="hi")),
        ({"body": "\ud83d!", "type": "chat"}, None, Text(body="?!")),
        ({"body": "caption", "type": "image", "has_media": True}, FOTO, Image(media=REF, caption="caption")),
        ({"image": {"caption": "c", "url": "ignored"}}, FOTO, Image(media=REF, caption="c")),
        ({"body": "", "type": "chat"}, FOTO, Image(media=REF)),
        ({"type": "ptt"}, FOTO, Voice(media=REF)),
        ({"type": "video", "video": {"caption": "v"}}, FOTO, Video(media=REF, caption="v")),
        ({"document": {"filename": "a.pdf", "url": LINK}}, None,
         Document(media=MediaRef(ref=LINK, mime="application/octet-stream", filename="a.pdf"))),
        ({"type": "audio", "audio": {"url": LINK, "mime_type": "audio/mpeg"}}, None,
         Audio(media=MediaRef(ref=LINK, mime="audio/mpeg"))),
        ({"type": "audio"}, SourceMedia("a", "https://s3/a", "amazon", None, "x"),
         Audio(media=MediaRef(ref="https://s3/a", mime="application/octet-stream", filename="a"))),
        ({"type": "location", "location": {"latitude": "-6.2", "longitude": 106.8, "name": "Shop"}}, None,
         Location(latitude=-6.2, longitude=106.8, name="Shop")),
        ({"type": "vcard", "body": "BEGIN:VCARD\nEND:VCARD"}, None, ContactCards(vcards=("BEGIN:VCARD\nEND:VCARD",))),
        ({"type": "interactive", "interactive": {"body": {"text": "Choose"}}}, None, Text(body="Choose")),
    ],
)  # fmt: skip
def test_contents(metadata: dict[str, Any], media: SourceMedia | None, expected: Content) -> None:
    """Every shape of `metadata`, encoded once and twice."""
    once = json.dumps(metadata)
    for raw in (once, json.dumps(once)):
        assert to_content(decode_metadata(raw), raw, media) == expected


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ('{"body":"cut', "unreadable"),
        ("[1]", "unreadable"),
        ('{"type":"image","has_media":true}', "image"),
        ('{"type":"poll_creation","options":["a"]}', "poll_creation"),
        ('{"type":"location","location":{"latitude":"far"}}', "location"),
        ('{"type":"location","location":{"latitude":91,"longitude":0}}', "location"),
    ],
)
def test_what_cannot_be_told_is_kept_raw(raw: str, name: str) -> None:
    """Nothing is dropped: the text of the row stays, under the type's name."""
    content = to_content(decode_metadata(raw), raw, None)
    assert isinstance(content, Unsupported)
    assert content.name == name
    assert content.raw.replace(" ", "") == raw.replace(" ", "")


@pytest.mark.parametrize(
    ("row", "known", "expected"),
    [
        ({"message_status": "pending", "ack_level": 1}, True, "sent"),
        ({"message_status": "pending", "ack_level": 1}, False, "failed"),
        ({"message_status": "pending", "status": "delivered"}, True, "delivered"),
        ({"message_status": "sent", "status": "delivered"}, True, "sent"),
        ({"message_status": "sent", "ack_level": 3}, True, "delivered"),
        ({"message_status": "delivered", "read_at": 1}, True, "read"),
        ({"message_status": "sent", "delivered_at": 1}, True, "delivered"),
        ({"message_status": "failed"}, True, "failed"),
        ({"message_status": "failed", "ack_level": 2}, True, "failed"),
        ({"message_status": "failed", "read_at": 1}, True, "read"),
        ({"status": "sent"}, True, "sent"),
        ({"status": "sent"}, False, "sent"),
        ({"status": "FAILED"}, True, "failed"),
        ({"status": "nonsense"}, True, "sent"),
        ({}, False, "failed"),
    ],
)
def test_statuses(row: dict[str, Any], known: bool, expected: str) -> None:
    """The furthest that anything tells; never a status that would have the message sent again."""
    status, error = map_status(_row(**row), known=known)
    assert status == MessageStatus(expected)
    assert (error is not None) == (status is MessageStatus.FAILED)


def _row(**values: Any) -> SourceMessage:
    plain: dict[str, Any] = dict.fromkeys(SourceMessage.__struct_fields__)
    return SourceMessage(**plain | values)
