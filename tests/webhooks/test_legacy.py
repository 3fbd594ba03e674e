"""The back end's contract: the calls that the service before wasup made, event by event."""

import base64
import hashlib
import hmac
from typing import Any

import msgspec
import pytest
import segno

from wasup.ports.events import (
    AccountQr,
    AccountStatusChanged,
    ChatSynced,
    ContactSynced,
    EventData,
    MessageReceived,
    MessageSent,
    MessageStatusChanged,
    SyncedChat,
)
from wasup.ports.messages import Document, Edit, Image, Location, MediaRef, Reaction, Text, Voice
from wasup.ports.outbox import LegacyFacts
from wasup.webhooks.legacy import (
    CHAT_SYNC,
    WEBHOOK,
    UnknownPhone,
    legacy_headers,
    legacy_url,
    needs,
    qr_image,
    serialized_id,
    translate,
)
from wasup.webhooks.legacy.calls import Known

SESSION = "webjs_1_1732240000_AbCdEf12"
AT = 1_732_240_001_000
BASE: dict[str, Any] = {"workspace_id": 1, "whatsapp_account_id": 7, "provider_type": "webjs", "account_seq": 3}
PERSON, GROUP, LID = "6281234567890@c.us", "120363025246125016@g.us", "998877@lid"
FACTS = LegacyFacts(
    sessions={7: SESSION},
    phones={7: "+628999"},
    people={(7, LID): PERSON, (8, "1@lid"): "62811@c.us"},
    members={(7, GROUP): (PERSON, "555@lid", LID)},
)
KNOWN = Known(facts=FACTS, now_ms=AT)


def received(content: Any = None, **more: Any) -> MessageReceived:
    """Somebody wrote."""
    given: dict[str, Any] = {
        "message_id": "3EB0AA",
        "chat": PERSON,
        "chat_type": "private",
        "chat_phone": "+6281234567890",
        "sender": PERSON,
        "sender_lid": None,
        "sender_phone": "+6281234567890",
        "sender_name": "Budi",
        "chat_name": "Budi",
        "quoted_id": None,
        "timestamp": AT,
        "content": content or Text(body="hi"),
    }
    return MessageReceived(**(BASE | given | more))


def sent(**more: Any) -> MessageSent:
    """The account wrote."""
    given: dict[str, Any] = {
        "message_id": "3EB0BB",
        "chat": PERSON,
        "chat_type": "private",
        "chat_phone": "+6281234567890",
        "source": "phone",
        "quoted_id": None,
        "timestamp": AT,
        "content": Text(body="yes"),
    }
    return MessageSent(**(BASE | given | more))


def status(word: str, **more: Any) -> MessageStatusChanged:
    """A message went on."""
    given = {"message_id": "3EB0BB", "chat": PERSON, "status": word, "error": None, "timestamp": AT}
    return MessageStatusChanged(**(BASE | given | more))


def account(word: str, reason: str = "progress", phone: str | None = None) -> AccountStatusChanged:
    """The account's status."""
    return AccountStatusChanged(
        **BASE, status=word, previous="starting", reason=reason, detail="", phone_number=phone, timestamp=AT
    )


def told(event: EventData, known: Known = KNOWN) -> list[tuple[str, dict[str, Any]]]:
    """Names and data of the webhooks; every call goes to the one path."""
    calls = translate(event, known)
    assert all(call.path == WEBHOOK for call in calls)
    return [(call.body["event"], call.body["data"]) for call in calls]


# ---- signatures ------------------------------------------------------------------------------


def middleware(headers: dict[str, str], body: bytes, *, secret: str, now: int) -> tuple[int, str]:
    """The back end's HMAC check, as its contract describes it."""
    timestamp, signature = headers.get("X-Timestamp"), headers.get("X-HMAC-Signature")
    if not timestamp or not signature:
        return 401, "Missing required security headers"
    if abs(now - int(timestamp)) > 300:
        return 401, "Request timestamp expired"
    expected = hmac.new(secret.encode(), (timestamp + body.decode()).encode(), hashlib.sha256).hexdigest()
    return (200, "") if hmac.compare_digest(expected, signature) else (401, "Invalid signature")


def test_the_back_end_accepts_our_signature() -> None:
    """Over the timestamp's digits and the exact bytes; not another body, another secret, another time."""
    body = msgspec.json.encode({"event": "message_received", "data": {"body": "olá 👋"}})
    headers = dict(legacy_headers("s3cret", body, seconds=1_732_240_000, instance_url="http://10.0.0.5:3001/"))
    assert middleware(headers, body, secret="s3cret", now=1_732_240_299) == (200, "")
    assert middleware(headers, body + b" ", secret="s3cret", now=1_732_240_000)[1] == "Invalid signature"
    assert middleware(headers, body, secret="other", now=1_732_240_000)[1] == "Invalid signature"
    assert middleware(headers, body, secret="s3cret", now=1_732_240_301)[1] == "Request timestamp expired"
    assert headers["X-Instance-Url"] == "http://10.0.0.5:3001"
    assert headers["User-Agent"] == "WhatsApp-WebJS-Service/1.0"
    assert (headers["Content-Type"], headers["Connection"]) == ("application/json", "close")


@pytest.mark.parametrize("base", ["https://b.example", "https://b.example/", f"https://b.example{WEBHOOK}"])
def test_paths_are_added_to_the_back_ends_address(base: str) -> None:
    """Whether it ends in a slash, or in one of the paths."""
    assert legacy_url(base, CHAT_SYNC) == "https://b.example/api/whatsapp/chats/sync"


# ---- messages --------------------------------------------------------------------------------


def test_a_received_message_is_the_contracts_example() -> None:
    """Field by field."""
    (call,) = translate(received(), KNOWN)
    assert call.path == "/api/whatsapp/webhooks/webjs"
    assert call.body == {
        "event": "message_received",
        "data": {
            "workspace_id": 1,
            "session_id": SESSION,
            "message": {
                "id": "false_6281234567890@c.us_3EB0AA",
                "from": "6281234567890@c.us",
                "to": "628999@c.us",
                "body": "hi",
                "timestamp": 1_732_240_001,
                "from_me": False,
                "type": "chat",
                "has_media": False,
                "chat_type": "private",
                "notifyName": "Budi",
            },
        },
    }


def test_in_a_group_the_message_is_from_the_group() -> None:
    """With its name, its members as far as their numbers are known, and the sender's number and name."""
    event = received(
        chat=GROUP, chat_type="group", chat_phone=None, chat_name="Neighbours", sender=LID, sender_phone=None
    )
    ((_, data),) = told(event)
    message = data["message"]
    assert (message["from"], message["group_id"], message["group_name"]) == (GROUP, GROUP, "Neighbours")
    assert message["participants"] == [PERSON, PERSON]
    assert (message["sender_phone"], message["sender_name"]) == ("6281234567890", "Budi")
    assert message["id"] == f"false_{GROUP}_3EB0AA_{PERSON}"
    assert needs(event).lids == {LID}
    assert needs(event).groups == {GROUP}


@pytest.mark.parametrize(
    ("content", "kind", "body", "media"),
    [
        (Image(media=MediaRef(ref="r", mime="image/png", filename="a.png"), caption="look"), "image", "look", True),
        (Voice(media=MediaRef(ref="r", mime="audio/ogg")), "ptt", "", True),
        (Document(media=MediaRef(ref="r", mime="application/pdf")), "document", "", True),
        (Location(latitude=1.5, longitude=-2.0, name="Home"), "location", "Home", False),
    ],
)
def test_types_and_media(content: Any, kind: str, body: str, media: bool) -> None:
    """Media goes along in base64 where it is to be had, and its absence is no obstacle."""
    data = base64.b64encode(b"bytes").decode()
    ((_, with_bytes),) = told(received(content), Known(facts=FACTS, media=data))
    message = with_bytes["message"]
    assert (message["type"], message["body"], message["has_media"]) == (kind, body, media)
    assert needs(received(content)).media == (content.media if media else None)
    if media:
        expected = {"data": data, "mimetype": content.media.mime, "filename": content.media.filename}
        assert message["media"] == expected
        ((_, without),) = told(received(content))
        assert "media" not in without["message"]
        assert without["message"]["has_media"] is True


@pytest.mark.parametrize("content", [Reaction(target_id="x", emoji="👍"), Edit(target_id="x", body="y")])
def test_changes_of_other_messages_are_left_out(content: Any) -> None:
    """As the Node service did."""
    assert translate(received(content), KNOWN) == []
    assert translate(sent(content=content), KNOWN) == []


def test_status_posts_are_left_out() -> None:
    """The back end would drop them."""
    assert translate(received(chat="status@broadcast"), KNOWN) == []


def test_a_message_from_the_phone_is_told_and_one_from_the_api_is_not() -> None:
    """With the genuine activity on the phone, whose session stands at the top."""
    assert translate(sent(source="api"), KNOWN) == []
    first, second = translate(sent(), KNOWN)
    data = first.body["data"]
    assert (first.body["event"], data["source"]) == ("message_sent", "message_create_event")
    message = data["message"]
    assert (message["id"], message["from"], message["status"]) == ("true_6281234567890@c.us_3EB0BB", PERSON, "pending")
    assert (message["from_me"], message["chat_type"]) == (True, "private")
    assert second.body == {
        "event": "mobile_activity_detected",
        "session_id": SESSION,
        "timestamp": "2024-11-22T01:46:41.000+00:00",
        "data": {"device_type": "mobile", "message_id": message["id"], "workspace_id": 1},
    }


def test_no_lid_ever_reaches_the_back_end() -> None:
    """It is exchanged for the phone number; where that is not known the delivery is hopeless."""
    event = received(chat=LID, chat_phone=None, sender=LID, sender_phone=None)
    ((_, data),) = told(event)
    assert data["message"]["from"] == PERSON
    assert b"@lid" not in msgspec.json.encode(data)
    with pytest.raises(UnknownPhone):
        translate(received(chat="1@lid", chat_phone=None, sender="1@lid"), KNOWN)  # another account's acquaintance
    ((_, data),) = told(received(chat=GROUP, chat_type="group", sender="1@lid", sender_phone=None))
    assert (data["message"]["from"], data["message"]["sender_phone"]) == (GROUP, None)
    assert data["message"]["id"].startswith(f"false_{GROUP}_")
    assert b"@lid" not in msgspec.json.encode(data)
    ((_, data),) = told(received(chat="4@lid", chat_phone="+62811", sender="4@lid"))
    assert data["message"]["from"] == "62811@c.us"


def test_ids_that_are_serialized_already_stay() -> None:
    """A provider that is whatsapp-web.js gives them itself."""
    assert serialized_id("true_1@c.us_X", from_me=True, chat="1@c.us") == "true_1@c.us_X"
    assert serialized_id("X", from_me=True, chat=GROUP, participant=PERSON) == f"true_{GROUP}_X"


# ---- acknowledgements ------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "level"), [("sent", 2), ("delivered", 3), ("read", 4)])
def test_acknowledgements_have_the_back_ends_levels(word: str, level: int) -> None:
    """And delivered and read are told once more by events of their own."""
    calls = told(status(word))
    id_ = "true_6281234567890@c.us_3EB0BB"
    assert calls[0] == (
        "message_status_updated",
        {"workspace_id": 1, "session_id": SESSION, "message_id": id_, "status": word, "ack_level": level,
         "timestamp": 1_732_240_001},
    )  # fmt: skip
    if word == "sent":
        assert len(calls) == 1
    else:
        name, data = calls[1]
        assert (name, data["message_id"], data["recipient"]) == (f"message_{word}", id_, PERSON)


def test_a_failure_has_no_level() -> None:
    """The scale has none for it."""
    ((name, data),) = told(status("failed", error="no such number"))
    assert (name, data["status"]) == ("message_status_updated", "failed")
    assert "ack_level" not in data


# ---- sessions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "name", "more"),
    [
        (account("authenticated"), "session_authenticated", {"status": "authenticated"}),
        (account("connected"), "session_ready", {"phone_number": "628999", "status": "connected"}),
        (account("reconnecting", "connection_lost"), "session_disconnected", {"reason": "connection_lost"}),
        (account("needs_pairing", "logged_out"), "session_disconnected", {"reason": "LOGOUT"}),
        (account("failed", "budget_spent"), "session_disconnected", {"reason": "budget_spent"}),
    ],
)
def test_sessions(event: AccountStatusChanged, name: str, more: dict[str, Any]) -> None:
    """Only statuses that the back end's database knows."""
    assert told(event) == [(name, {"workspace_id": 1, "session_id": SESSION} | more)]


def test_what_the_back_end_has_no_word_for_is_not_told() -> None:
    """Steps in between, and what was synchronised without chats."""
    assert translate(account("starting"), KNOWN) == []
    assert translate(account("qr_scanning"), KNOWN) == []
    assert translate(ContactSynced(**BASE, count=1, timestamp=AT), KNOWN) == []


def test_a_ready_session_has_a_number() -> None:
    """From the event if the account's row had none; without any the back end would refuse it."""
    bare = Known(facts=LegacyFacts(sessions={7: SESSION}))
    assert told(account("connected", phone="+62811"), bare)[0][1]["phone_number"] == "62811"
    with pytest.raises(UnknownPhone):
        translate(account("connected"), bare)


def test_a_qr_code_is_a_picture() -> None:
    """As an address that holds it; small enough for its column, and not told when nobody can scan it any more."""
    code = "2@" + "x" * 200
    event = AccountQr(**BASE, qr_code=code, attempt=2, expires_at=AT + 20_000)
    assert needs(event).qr == code
    image = qr_image(code)
    ((name, data),) = told(event, Known(facts=FACTS, qr_image=image, now_ms=AT))
    assert name == "qr_code_generated"
    assert (data["expires_in"], data["qr_count"], data["is_regeneration"]) == (20, 2, True)
    assert data["qr_code"].startswith("data:image/png;base64,")
    png = base64.b64decode(data["qr_code"].partition(",")[2])
    assert png.startswith(b"\x89PNG")
    width = int.from_bytes(png[16:20], "big")
    assert 200 <= width <= 320
    assert width % segno.make_qr(code, error="m").symbol_size(border=2)[0] == 0
    assert len(image) < 65_535
    assert told(event, Known(facts=FACTS, qr_image=image, now_ms=AT + 20_000)) == []


# ---- chats -----------------------------------------------------------------------------------


def chat(**more: Any) -> SyncedChat:
    """A chat."""
    given: dict[str, Any] = {
        "chat": PERSON,
        "chat_type": "private",
        "chat_phone": "+6281234567890",
        "chat_lid": None,
        "name": "B" * 300,
        "unread_count": 2,
        "archived": False,
        "last_message": "hi",
        "last_message_at": AT,
        "message_status": "queued",
    }
    return SyncedChat(**(given | more))


def check_rules(body: dict[str, Any]) -> None:
    """The rules by which the back end validates a chat sync, and its throttle's demand of a session id."""
    assert body["session_id"]
    assert 1 <= len(body["chats"]) <= 50
    for row in body["chats"]:
        assert row["chat_type"] in {"private", "group"}
        assert row["provider_type"] in {"webjs", "meta"}
        assert isinstance(row["whatsapp_account_id"], int)
        assert row["message_status"] in {"pending", "sent", "delivered", "read", "failed"}
        assert row["contact_name"] is None or len(row["contact_name"]) <= 255
        assert row["timestamp"] is None or isinstance(row["timestamp"], int)
        if row["chat_type"] == "private":
            assert row["contact_phone"].startswith("+")
        else:
            assert row["group_jid"].endswith("@g.us")
            assert row["group_name"]


@pytest.mark.parametrize("provider", ["webjs", "emulated", "meta"])
def test_chats_are_synchronised_by_the_back_ends_rules(provider: str) -> None:
    """Private ones and groups; one whose number is unknown waits for a later event."""
    chats = (
        chat(),
        chat(chat=LID, chat_phone=None),
        chat(chat="1@lid", chat_phone=None),
        chat(chat=GROUP, chat_type="group", chat_phone=None, name=None, last_message_at=None),
    )
    event = ChatSynced(**(BASE | {"provider_type": provider}), count=4, chats=chats, timestamp=AT)
    (call,) = translate(event, KNOWN)
    assert call.path == "/api/whatsapp/chats/sync"
    check_rules(call.body)
    assert (call.body["whatsapp_account_id"], call.body["workspace_id"]) == (7, 1)
    private, lid, group = call.body["chats"]
    assert private["message_status"] == "pending"
    assert (private["chat_id"], private["message_body"], private["timestamp"]) == (PERSON, "hi", 1_732_240_001)
    assert (lid["chat_id"], lid["contact_phone"]) == (PERSON, "+6281234567890")
    assert (group["group_jid"], group["participants"]) == (GROUP, [PERSON, PERSON])


def test_many_chats_go_fifty_at_a_time() -> None:
    """The back end takes no more; none is no call."""
    event = ChatSynced(**BASE, count=60, chats=tuple(chat() for _ in range(60)), timestamp=AT)
    assert [len(call.body["chats"]) for call in translate(event, KNOWN)] == [50, 10]
    assert translate(ChatSynced(**BASE, count=3, timestamp=AT), KNOWN) == []
