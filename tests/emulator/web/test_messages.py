"""Messages through the real wa-js on the played page: every type, both ways, and what becomes of them."""

import base64
from typing import Any

import pytest

from tests.emulator.web.browsing import Phones, Tab

ME = "15557654321"
ADA = "15550001111"
GRACE = "15550002222"
QUIET = {"linkPreview": False, "createChat": True}
SEND = "([chat, body, options]) => WPP.chat.sendTextMessage(chat, body, options)"


def new_chat(last: int) -> str:
    """A chat that no other test uses; its person is met on the way."""
    return f"1555100{last:04d}@c.us"


def bare(key: str) -> str:
    """The message's own id in a key's text."""
    return key.split("_")[2]


def test_a_text_goes_out_and_is_acknowledged_three_times(settled: Tab) -> None:
    """Server, device, read: levels 1, 2, 3."""
    sent = settled.run(SEND, [new_chat(1), "hi there", QUIET])
    assert sent["sendMsgResult"]["messageSendResult"] == "OK"
    assert sent["ack"] == 1
    for level in (1, 2, 3):
        settled.told("chat.msg_ack_change", f"value.ack === {level} && value.ids[0] === argument", sent["id"])
    row = settled.phones.sent(ME)[-1]
    assert (row["id"], row["chat"], row["content"]) == (
        bare(sent["id"]),
        new_chat(1),
        {"type": "text", "body": "hi there"},
    )


def test_a_text_comes_in_once(settled: Tab) -> None:
    """With its sender's name, and counted as unread."""
    key = f"false_{ADA}@c.us_{settled.phones.incoming(ME, ADA, 'hello', name='ada l')}"
    told = settled.told("chat.new_message", "value.id === argument", key)
    assert (told["body"], told["type"], told["from"], told["notifyName"]) == ("hello", "chat", f"{ADA}@c.us", "ada l")
    assert settled.run("(key) => window.told.filter(({value}) => value?.id === key).length", key) == 1
    assert settled.run("(chat) => WPP.chat.get(chat).unreadCount > 0", f"{ADA}@c.us")
    settled.run("(chat) => WPP.chat.markIsRead(chat)", f"{ADA}@c.us")
    read = settled.phones.get("/ctl/log", kind="read", phone=ME)[-1]
    assert bare(key) in read["ids"]


def test_what_the_own_phone_writes_arrives_as_own(settled: Tab) -> None:
    """Under a key of ours, and not as unread."""
    message_id = settled.phones.incoming(ME, new_chat(2), "from my phone", from_me=True)
    settled.told("chat.new_message", "value.id === argument", f"true_{new_chat(2)}_{message_id}")
    assert settled.run("(chat) => WPP.chat.get(chat).unreadCount", new_chat(2)) == 0


def test_a_chat_by_lid_is_one_chat_with_its_number(settled: Tab) -> None:
    """Whichever identity is asked for: the LID's chat, and the mapping both ways."""
    entry = settled.run("(id) => WPP.contact.getPnLidEntry(id)", f"{GRACE}@c.us")
    lid = entry["lid"]["_serialized"]
    back = settled.run("(id) => WPP.contact.getPnLidEntry(id)", lid)
    assert back["phoneNumber"]["_serialized"] == f"{GRACE}@c.us"
    sent = settled.run(SEND, [f"{GRACE}@c.us", "by number", QUIET])
    assert sent["id"].startswith(f"true_{lid}_")
    assert sent["from"].endswith("@lid")
    message_id = settled.phones.incoming(ME, GRACE, "by lid")
    settled.told("chat.new_message", "value.id === argument", f"false_{lid}_{message_id}")


def test_group_receipts_name_the_participant(settled: Tab) -> None:
    """Each member for itself, in the key also; a message names its author."""
    group = settled.run("WPP.group.getAllGroups().then((all) => String(all[0].id))")
    sent = settled.run(SEND, [group, "hi all", QUIET])
    told = settled.told("chat.msg_ack_change", "value.ack === 3 && value.ids[0].includes(argument)", bare(sent["id"]))
    assert told["ids"][0].endswith(f"_{told['sender']}")
    message_id = settled.phones.incoming(ME, group, "in the group", sender=ADA)
    told = settled.told("chat.new_message", "value.id.includes(argument)", message_id)
    assert told["id"] == f"false_{group}_{message_id}_{ADA}@c.us"
    assert told["author"] == f"{ADA}@c.us"


def test_nobody_is_there(settled: Tab) -> None:
    """A number that is not on WhatsApp cannot be written to."""
    error = settled.run(
        "(chat) => WPP.chat.sendTextMessage(chat, 'x').catch((error) => error.message)", "0001234567@c.us"
    )
    assert "not on WhatsApp" in error
    assert settled.run("(id) => WPP.contact.queryExists(id)", "0001234568@c.us") is None
    assert settled.run("(id) => WPP.contact.queryExists(id).then((found) => Boolean(found))", "15551239999@c.us")


@pytest.mark.parametrize(
    ("kind", "mime", "options"),
    [
        ("image", "image/png", {"type": "image", "caption": "look"}),
        ("video", "video/mp4", {"type": "video"}),
        ("audio", "audio/mpeg", {"type": "audio"}),
        ("voice", "audio/ogg", {"type": "audio", "isPtt": True}),
        ("document", "text/plain", {"type": "document", "filename": "notes.txt", "caption": "read"}),
        ("sticker", "image/webp", {"type": "sticker"}),
    ],
)
def test_files_go_out(settled: Tab, kind: str, mime: str, options: dict[str, Any]) -> None:
    """Their bytes are in the media store, their kind, type, name and caption in the message."""
    data = f"bytes of the {kind}".encode()
    url = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    script = "([chat, url, options]) => WPP.chat.sendFileMessage(chat, url, options)"
    sent = settled.run(script, [new_chat(3), url, {**options, "createChat": True}])
    content = settled.phones.sent(ME)[-1]["content"]
    assert sent["sendMsgResult"]["messageSendResult"] == "OK"
    assert content["type"] == kind
    assert (content["media"]["mime"], content["media"]["size"]) == (mime, len(data))
    assert settled.phones.download(content["media"]["ref"]) == data
    assert content.get("caption") == options.get("caption")
    if "filename" in options:
        assert content["media"]["filename"] == options["filename"]


def test_a_place_and_contact_cards_go_out(settled: Tab) -> None:
    """A location with name and address, one card, several cards."""
    settled.run(
        "([chat, place]) => WPP.chat.sendLocationMessage(chat, place)",
        [new_chat(4), {"lat": 1.5, "lng": -2.5, "name": "Here", "address": "Street 1", "createChat": True}],
    )
    place = settled.phones.sent(ME)[-1]["content"]
    assert place == {"type": "location", "latitude": 1.5, "longitude": -2.5, "name": "Here", "address": "Street 1"}
    card = "([chat, who]) => WPP.chat.sendVCardContactMessage(chat, who)"
    settled.run(card, [new_chat(4), f"{ADA}@c.us"])
    (vcard,) = settled.phones.sent(ME)[-1]["content"]["vcards"]
    assert f"waid={ADA}:+{ADA}" in vcard
    settled.run(card, [new_chat(4), [f"{ADA}@c.us", {"id": f"{GRACE}@c.us", "name": "G"}]])
    assert len(settled.phones.sent(ME)[-1]["content"]["vcards"]) == 2


@pytest.mark.parametrize(
    ("content", "kind"),
    [("image", "image"), ("video", "video"), ("audio", "audio"), ("voice", "ptt"), ("document", "document"),
     ("sticker", "sticker")],
)  # fmt: skip
def test_files_come_in_and_are_downloaded_on_demand(settled: Tab, content: str, kind: str) -> None:
    """Nothing is fetched before somebody asks; then the bytes are the sender's."""
    data = f"bytes of the {kind}".encode() * 100
    media = settled.phones.upload(data, "application/x-test", "name.bin")
    message_id = settled.phones.incoming(ME, new_chat(5), content={"type": content, "media": media})
    key = f"false_{new_chat(5)}_{message_id}"
    assert settled.told("chat.new_message", "value.id === argument", key)["type"] == kind
    path = f"{settled.phones.url}/media/{media['ref']}"
    assert path not in settled.requested
    script = "(key) => WPP.chat.downloadMedia(key).then(async (blob) => [blob.type, await blob.text()])"
    assert settled.run(script, key) == ["application/x-test", data.decode()]
    assert path in settled.requested


def test_a_file_that_is_gone_says_so(settled: Tab) -> None:
    """As wa-js tells it."""
    media = settled.phones.upload(b"x", "image/png", "x.png")
    message_id = settled.phones.incoming(ME, new_chat(5), content={"type": "image", "media": media})
    settled.told("chat.new_message", "value.id.includes(argument)", message_id)
    settled.phones.ctl("forget_media", ref=media["ref"])
    script = "(key) => WPP.chat.downloadMedia(key).catch((error) => error.code)"
    assert settled.run(script, f"false_{new_chat(5)}_{message_id}") == "media_not_found"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"type": "location", "latitude": 1.0, "longitude": 2.0, "name": "N", "address": "A"},
         {"type": "location", "lat": 1, "lng": 2, "loc": "N\nA"}),
        ({"type": "contacts", "vcards": ["BEGIN:VCARD\nFN:X\nEND:VCARD"]},
         {"type": "vcard", "body": "BEGIN:VCARD\nFN:X\nEND:VCARD", "vcardFormattedName": "X"}),
        ({"type": "contacts", "vcards": ["FN:X", "FN:Y"]},
         {"type": "multi_vcard",
          "vcardList": [{"vcard": "FN:X", "displayName": "X"}, {"vcard": "FN:Y", "displayName": "Y"}]}),
        ({"type": "poll_creation", "pollName": "lunch?"}, {"type": "poll_creation", "pollName": "lunch?"}),
    ],
)  # fmt: skip
def test_other_types_come_in(settled: Tab, content: dict[str, Any], expected: dict[str, Any]) -> None:
    """Places, cards, and a type that the emulator does not know."""
    message_id = settled.phones.incoming(ME, new_chat(6), content=content)
    settled.told("chat.new_message", "value.id.includes(argument)", message_id)
    script = "([key, names]) => { const all = WPP.whatsapp.MsgStore.get(key); return names.map((name) => all[name]); }"
    found = settled.run(script, [f"false_{new_chat(6)}_{message_id}", list(expected)])
    assert dict(zip(expected, found, strict=True)) == expected


def test_an_answer_names_what_it_answers(settled: Tab) -> None:
    """Both ways."""
    chat = new_chat(7)
    first = settled.phones.incoming(ME, chat, "a question")
    settled.told("chat.new_message", "value.id.includes(argument)", first)
    key = f"false_{chat}_{first}"
    settled.run(SEND, [chat, "an answer", {**QUIET, "quotedMsg": key}])
    assert settled.phones.sent(ME)[-1]["quoted_id"] == first
    second = settled.phones.incoming(ME, chat, "and back", quoted_id=first)
    assert settled.told("chat.new_message", "value.id.includes(argument)", second)["quotedStanzaID"] == first


def test_reactions_go_both_ways(settled: Tab) -> None:
    """They are told, kept by sender, and taken back."""
    chat = new_chat(8)
    sent = settled.run(SEND, [chat, "like this?", QUIET])["id"]
    settled.run("(key) => WPP.chat.sendReactionToMessage(key, '\U0001f44d')", sent)
    assert settled.phones.sent(ME)[-1]["content"] == {
        "type": "reaction",
        "target_id": bare(sent),
        "emoji": "\U0001f44d",
    }
    theirs = {"type": "reaction", "target_id": bare(sent), "emoji": "❤"}
    settled.phones.incoming(ME, chat, content=theirs)
    told = settled.told("chat.new_reaction", "value.msgId === argument && value.reactionText === '❤'", sent)
    assert told["sender"] == chat
    emojis = "(key) => WPP.chat.getReactions(key).then((all) => all.reactions.map((one) => one.aggregateEmoji))"
    assert settled.run(emojis, sent) == ["\U0001f44d", "❤"]
    settled.phones.incoming(ME, chat, content={**theirs, "emoji": ""})
    settled.told("chat.new_reaction", "value.msgId === argument && value.reactionText === ''", sent)
    assert settled.run(emojis, sent) == ["\U0001f44d"]


def test_edits_go_both_ways(settled: Tab) -> None:
    """The message changes under its own key."""
    chat = new_chat(9)
    sent = settled.run(SEND, [chat, "teh", QUIET])["id"]
    settled.run("(key) => WPP.chat.editMessage(key, 'the')", sent)
    assert settled.phones.sent(ME)[-1]["content"] == {"type": "edit", "target_id": bare(sent), "body": "the"}
    assert settled.run("(key) => WPP.chat.getMessageById(key).then((one) => one.body)", sent) == "the"
    theirs = settled.phones.incoming(ME, chat, "hte")
    settled.phones.incoming(ME, chat, content={"type": "edit", "target_id": theirs, "body": "the"})
    key = f"false_{chat}_{theirs}"
    settled.told("chat.msg_edited", "value.id === argument", key)
    assert settled.run("(key) => WPP.chat.getMessageById(key).then((one) => one.body)", key) == "the"


def test_messages_are_taken_back_both_ways(settled: Tab) -> None:
    """For everyone: what is left is that something was there."""
    chat = new_chat(10)
    sent = settled.run(SEND, [chat, "oops", QUIET])["id"]
    result = settled.run("([chat, key]) => WPP.chat.deleteMessage(chat, key, false, true)", [chat, sent])
    assert result["isRevoked"]
    assert settled.phones.sent(ME)[-1]["content"] == {"type": "revoke", "target_id": bare(sent)}
    theirs = settled.phones.incoming(ME, chat, "oops too")
    settled.phones.incoming(ME, chat, content={"type": "revoke", "target_id": theirs})
    told = settled.told("chat.msg_revoke", "value.refId === argument", f"false_{chat}_{theirs}")
    assert told["from"] == chat
    for key in (sent, f"false_{chat}_{theirs}"):
        assert settled.run("(key) => WPP.whatsapp.MsgStore.get(key).type", key) == "revoked"


def test_typing_goes_both_ways(settled: Tab) -> None:
    """Who writes, and that they stopped."""
    settled.phones.ctl("typing", phone=ME, chat=ADA)
    told = settled.told("chat.presence_change", "value.state === 'composing'")
    assert told["id"] == f"{ADA}@c.us"
    settled.phones.ctl("typing", phone=ME, chat=ADA, active=False)
    settled.told("chat.presence_change", "value.state === 'available'")
    settled.run("(chat) => WPP.chat.markIsComposing(chat)", f"{ADA}@c.us")
    settled.run("(chat) => WPP.chat.markIsPaused(chat)", f"{ADA}@c.us")
    assert [row["active"] for row in settled.phones.get("/ctl/log", kind="typing", phone=ME)] == [True, False]


def test_a_send_that_whatsapp_refuses_fails(settled: Tab) -> None:
    """With WhatsApp's word for why, and level -1."""
    settled.phones.ctl("fail_sends", phone=ME, code="not_acceptable")
    sent = settled.run(SEND, [new_chat(11), "no", QUIET])
    assert sent["sendMsgResult"]["messageSendResult"] == "ERROR_UNKNOWN"
    assert sent["sendMsgResult"]["error"]["code"] == "not_acceptable"
    assert sent["ack"] == -1


def test_members_come_and_go(settled: Tab, phones: Phones) -> None:
    """Added, removed, made admins and not; the page's own list follows."""
    group = phones.ctl("group", phone=ME, subject="Choir", participants=[ADA])["id"]
    settled.wait("(group) => Boolean(WPP.whatsapp.GroupMetadataStore.get(group))", group)
    changes: list[tuple[str, dict[str, Any]]] = [
        ("add", {"add": [GRACE]}),
        ("promote", {"admins": [ME, ADA]}),
        ("demote", {"admins": [ME]}),
        ("remove", {"remove": [ADA]}),
    ]
    for action, change in changes:
        phones.ctl("group", phone=ME, id=group, **change)
        told = settled.told(
            "group.participant_changed", f"value.action === '{action}' && value.groupId === argument", group
        )
        assert len(told["participants"]) == 1
    members = settled.run("(group) => WPP.group.getParticipants(group).then((all) => all.length)", group)
    assert members == 2
    assert settled.run("(group) => WPP.chat.get(group).formattedTitle", group) == "Choir"


def test_people_show_pictures(settled: Tab, phones: Phones) -> None:
    """Saved people have one, strangers none, and the controls change that."""
    script = "(who) => WPP.contact.getProfilePictureUrl(who)"
    address = settled.run(script, f"{ADA}@c.us")
    assert settled.run("(address) => fetch(address).then((answer) => answer.headers.get('content-type'))", address) == (
        "image/svg+xml; charset=utf-8"
    )
    assert settled.run(script, new_chat(12)) is None
    media = phones.upload(b"x", "image/png", "me.png")
    phones.ctl("picture", phone=ME, who=f"{ADA}@c.us", ref=media["ref"])
    assert settled.run(script, f"{ADA}@c.us") == f"{phones.url}/media/{media['ref']}"
    phones.ctl("picture", phone=ME, who=f"{ADA}@c.us")
    assert settled.run(script, f"{ADA}@c.us") is None


def test_older_messages_are_loaded_on_demand(settled: Tab) -> None:
    """After a reload the page holds one message of each chat; the rest is asked for, as it is now."""
    chat = new_chat(13)
    keys = [f"false_{chat}_{settled.phones.incoming(ME, chat, f'number {number}')}" for number in range(30)]
    settled.told("chat.new_message", "value.id === argument", keys[-1])
    settled.phones.incoming(ME, chat, content={"type": "edit", "target_id": bare(keys[3]), "body": "edited"})
    settled.phones.incoming(ME, chat, content={"type": "revoke", "target_id": bare(keys[4])})
    settled.told("chat.msg_revoke", "value.refId === argument", keys[4])
    settled.reload()
    get = """async ([chat, options]) => {
      const all = await WPP.chat.getMessages(chat, options);
      return all.map((one) => [String(one.id), one.type, one.body]);
    }"""
    everything = settled.run(get, [chat, {"count": -1}])
    assert [key for key, _, _ in everything] == keys
    assert everything[3][1:] == ["chat", "edited"]
    assert everything[4][1] == "revoked"
    assert settled.run(get, [chat, {"count": 5}]) == everything[-5:]
    before = settled.run(get, [chat, {"count": 5, "direction": "before", "id": keys[10]}])
    assert [key for key, _, _ in before] == keys[5:10]
    after = settled.run(get, [chat, {"count": 5, "direction": "after", "id": keys[10]}])
    assert [key for key, _, _ in after] == keys[11:16]
    assert settled.run(get, [chat, {"count": 5, "direction": "after", "id": f"false_{chat}_NONE"}]) == []
    assert settled.run("(key) => WPP.chat.getMessageById(key).then((one) => one.body)", keys[0]) == "number 0"


def test_nothing_comes_from_anywhere_else(settled: Tab) -> None:
    """All requests of a page and of wa-js in it go to the emulator."""
    assert settled.requested
    assert all(url.startswith((settled.phones.url, "data:", "blob:")) for url in settled.requested)
