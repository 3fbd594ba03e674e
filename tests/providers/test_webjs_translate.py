"""What the page tells, in wasup's words: on samples as the driver sends them."""

import json
from typing import Any

import msgspec
import pytest

from wasup.ports.messages import (
    Audio,
    ChatChanged,
    ContactCards,
    ContactChanged,
    Content,
    Document,
    Edit,
    GroupChanged,
    Image,
    Item,
    Location,
    MediaRef,
    Message,
    MessageStatus,
    Participant,
    Reaction,
    Receipt,
    Revoke,
    Sticker,
    Text,
    Unsupported,
    Video,
    Voice,
    deletion_id,
)
from wasup.ports.session import Me, Typing
from wasup.providers.webjs import raw, reading, translate

ME = Me(id="5511999998888@c.us", lid="111@lid", push_name="Me", platform="android")
ADA = "15550001111@c.us"
GROUP = "120363012345678901@g.us"
KEY = f"false_{ADA}_3A01"
_MEDIA: dict[str, Any] = {"mime": "image/png", "size": 3, "filehash": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}
_REF = MediaRef(
    ref=KEY, mime="image/png", size=3, sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
)


def message(**fields: Any) -> Message | None:
    """A sample message of Ada's with these fields, translated."""
    sample = {"id": "3A01", "key": KEY, "from_me": False, "chat": ADA, "t": 1_700_000_000, "type": "chat", "body": "hi"}
    return translate.message_of(msgspec.convert(sample | fields, raw.Message), ME)


def event(kind: str, **fields: Any) -> Item | None:
    """A sample event, translated."""
    [decoded] = reading.decode_events(msgspec.json.encode([{"kind": kind, **fields}]).decode())
    return translate.item_of(decoded, ME)


def test_a_text_says_who_wrote_it_where_and_when() -> None:
    """Seconds become milliseconds; both identities and the names come along."""
    told = message(
        chat_alt="222@lid", sender=ADA, sender_alt="222@lid", push_name="ada", chat_name="Ada", quoted="3A00"
    )
    assert told == Message(
        id="3A01",
        chat=ADA,
        chat_alt="222@lid",
        sender=ADA,
        sender_alt="222@lid",
        from_me=False,
        timestamp=1_700_000_000_000,
        content=Text(body="hi"),
        push_name="ada",
        chat_name="Ada",
        quoted_id="3A00",
    )


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({"type": "image", "caption": "sea", "media": _MEDIA}, Image(media=_REF, caption="sea")),
        ({"type": "video", "media": _MEDIA}, Video(media=_REF)),
        ({"type": "gif", "media": _MEDIA}, Video(media=_REF)),
        ({"type": "ptv", "media": _MEDIA}, Video(media=_REF)),
        ({"type": "audio", "media": _MEDIA | {"seconds": 3}}, Audio(media=_REF, seconds=3)),
        ({"type": "ptt", "media": _MEDIA | {"seconds": 7.4}}, Voice(media=_REF, seconds=7)),
        ({"type": "sticker", "media": _MEDIA}, Sticker(media=_REF)),
        (
            {"type": "document", "caption": "a.pdf", "media": _MEDIA | {"filename": "a.pdf"}},
            Document(media=msgspec.structs.replace(_REF, filename="a.pdf"), caption=""),
        ),
        (
            {"type": "document", "caption": "read this", "media": {"filehash": "not base64", "filename": "a.pdf"}},
            Document(media=MediaRef(ref=KEY, mime="application/octet-stream", filename="a.pdf"), caption="read this"),
        ),
        ({"type": "image"}, Image(media=MediaRef(ref=KEY, mime="application/octet-stream"))),
        (
            {"type": "location", "place": {"lat": -23.5, "lng": -46.6, "loc": "Sé\nPraça da Sé"}},
            Location(latitude=-23.5, longitude=-46.6, name="Sé", address="Praça da Sé"),
        ),
        ({"type": "location", "place": {"lat": 1, "lng": 2}}, Location(latitude=1, longitude=2)),
        ({"type": "vcard", "body": "BEGIN:VCARD"}, ContactCards(vcards=("BEGIN:VCARD",))),
        ({"type": "multi_vcard", "vcards": ["A", "B"]}, ContactCards(vcards=("A", "B"))),
        (
            {"type": "poll_creation", "raw": '{"pollName":"?"}'},
            Unsupported(name="poll_creation", raw='{"pollName":"?"}'),
        ),
        ({"type": "location", "raw": "{}"}, Unsupported(name="location", raw="{}")),
    ],
)
def test_every_type_has_its_content(fields: dict[str, Any], content: Content) -> None:
    """What WhatsApp calls a type, and what wasup calls it."""
    told = message(**fields)
    assert told is not None
    assert told.content == content


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "ciphertext"},
        {"type": "e2e_notification"},
        {"type": "gp2"},
        {"type": "protocol", "subtype": "revoke"},
        {"type": "revoked"},
        {"chat": "status@broadcast"},
        {"chat": "120363012345678901@newsletter"},
        {"chat": "0@c.us"},
        {"chat": "nonsense"},
    ],
)
def test_notices_statuses_and_channels_are_no_messages(fields: dict[str, Any]) -> None:
    """Only what somebody wrote into a private chat or a group is one."""
    assert message(**fields) is None


def test_own_messages_are_from_this_account() -> None:
    """Whatever identity the key carries, the sender is the account's number, with its LID beside it."""
    told = message(from_me=True, sender="111:3@lid")
    assert told is not None
    assert (told.sender, told.sender_alt, told.from_me) == (ME.id, ME.lid, True)


def test_group_messages_name_their_writer() -> None:
    """A group has no other identity; the writer's device is dropped."""
    told = message(chat=GROUP, chat_alt="x", sender="222:7@lid", sender_alt=ADA)
    assert told is not None
    assert (told.chat, told.chat_alt, told.sender, told.sender_alt) == (GROUP, None, "222@lid", ADA)


@pytest.mark.parametrize(
    ("ack", "status"), [(2, MessageStatus.DELIVERED), (3, MessageStatus.READ), (4, MessageStatus.READ)]
)
def test_receipts_of_a_group_are_correlated_by_the_bare_id(ack: int, status: MessageStatus) -> None:
    """The participant is who the receipt is from, not who wrote the message."""
    told = event("receipt", ack=ack, chat=GROUP, ids=["3EB0"], participant="222:1@lid", t=1_700_000_000)
    assert told == Receipt(
        chat=GROUP, message_ids=("3EB0",), status=status, timestamp=1_700_000_000_000, participant="222@lid"
    )


@pytest.mark.parametrize("fields", [{"ack": 1}, {"ack": -1}, {"ids": []}, {"chat": "status@broadcast"}])
def test_other_acknowledgements_are_no_receipts(fields: dict[str, Any]) -> None:
    """The server's own is the answer to the send already."""
    assert event("receipt", **({"ack": 2, "chat": ADA, "ids": ["3EB0"], "t": 1} | fields)) is None


@pytest.mark.parametrize(
    ("kind", "more", "content"),
    [
        ("reaction", {"emoji": "🎉"}, Reaction(target_id="3A00", emoji="🎉")),
        ("reaction", {"emoji": ""}, Reaction(target_id="3A00", emoji="")),
        ("edit", {"body": "better"}, Edit(target_id="3A00", body="better")),
        ("revoke", {}, Revoke(target_id="3A00")),
    ],
)
def test_what_is_done_to_a_message_is_a_message(kind: str, more: dict[str, Any], content: Content) -> None:
    """WhatsApp gives these times in milliseconds."""
    about = {"id": "3A02", "from_me": False, "chat": ADA, "target": "3A00", "t": 1_700_000_000_123, "sender": ADA}
    told = event(kind, **about, **more)
    assert told == Message(id="3A02", chat=ADA, sender=ADA, from_me=False, timestamp=1_700_000_000_123, content=content)
    assert event(kind, **(about | {"chat": "status@broadcast"}), **more) is None


def test_chats_contacts_and_groups() -> None:
    """What is empty is not known; a chat that was marked as unread by hand has no number of unread messages."""
    chat = raw.Chat(id=ADA, alt="222@lid", name="", unread=-1, t=1_700_000_000, archived=False)
    assert translate.chat_of(chat) == ChatChanged(
        id=ADA, alt="222@lid", unread_count=0, last_message_at=1_700_000_000_000, archived=False
    )
    assert translate.chat_of(raw.Chat(id="status@broadcast")) is None
    assert translate.contact_of(raw.Contact(id=ADA, alt=ADA, name="Ada")) == ContactChanged(id=ADA, name="Ada")
    assert translate.contact_of(raw.Contact(id=GROUP, name="A group")) is None
    people = (raw.Person(id="222@lid", alt=ADA, admin=True), raw.Person(id="??"))
    assert translate.group_of(raw.Group(id=GROUP, subject="S", owner=ADA, t=5, people=people)) == GroupChanged(
        id=GROUP,
        subject="S",
        owner=ADA,
        created_at=5000,
        participants=(Participant(id="222@lid", alt=ADA, admin=True),),
    )
    assert event("contact", contact={"id": ADA, "name": "Ada"}) == ContactChanged(id=ADA, name="Ada")
    assert isinstance(event("group", group={"id": GROUP, "people": []}), GroupChanged)


def test_typing() -> None:
    """In groups with the one who writes."""
    told = raw.Writing(chat=GROUP, participant="222@lid", active=True)
    assert translate.typing_of(told) == Typing(chat=GROUP, participant="222@lid", active=True)
    assert translate.typing_of(raw.Writing(chat="status@broadcast", active=True)) is None


def test_what_the_driver_does_not_say_is_an_error() -> None:
    """A driver and a wasup that do not belong together are noticed at once."""
    with pytest.raises(msgspec.ValidationError):
        reading.decode_events('[{"kind":"novelty"}]')


def _message(**fields: object) -> dict[str, object]:
    return {"id": "3A01", "key": "k", "from_me": False, "chat": ADA, "t": 7, "type": "chat", "body": "hi"} | fields


@pytest.mark.parametrize("broken", [{"body": {"no": "text"}}, {"push_name": 3}, {"t": None}])
def test_a_message_that_cannot_be_read_is_kept_raw(broken: dict[str, object]) -> None:
    """Live and in history: one field that is not as it should be."""
    written = json.dumps(_message(**broken))
    [whole, unreadable] = reading.decode_messages([msgspec.Raw(json.dumps(_message())), msgspec.Raw(written)])
    assert translate.message_of(whole, ME) is not None
    told = translate.message_of(unreadable, ME)
    assert told is not None
    assert (told.id, told.chat, told.from_me) == ("3A01", ADA, False)
    assert isinstance(told.content, Unsupported)
    assert json.loads(told.content.raw) == _message(**broken)
    [event] = reading.decode_events(f'[{{"kind":"message","message":{written}}}]')
    assert isinstance(event, raw.Happened)
    assert event.message.raw == unreadable.raw


def test_what_is_worth_less_than_a_session_is_left_out() -> None:
    """A name that cannot be read, a message of nobody: the rest of the batch is told."""
    events = reading.decode_events(
        '[{"kind":"contact","contact":{"id":"1@c.us","name":3}},{"kind":"message","message":{"id":1}},'
        '{"kind":"echo","number":4}]'
    )
    assert [type(event) for event in events] == [raw.Trouble, raw.Trouble, raw.Echo]
    people = [msgspec.Raw(b'{"id":"1@c.us","name":3}'), msgspec.Raw(b'{"id":"2@c.us"}')]
    assert reading.decode_each(people, raw.Contact) == [raw.Contact(id="2@c.us")]
    fate = reading.decode_changes([msgspec.Raw(b'{"kind":"receipt"}')])
    assert [translate.item_of(event, ME) for event in fate] == [None]


def test_a_deletion_of_which_only_the_effect_is_known_is_always_the_same() -> None:
    """It has an id that follows from its target, each time that it is found."""
    found = event("revoke", id="", from_me=False, chat=ADA, target="3A00", t=5)
    assert isinstance(found, Message)
    assert found.id == deletion_id("3A00")
