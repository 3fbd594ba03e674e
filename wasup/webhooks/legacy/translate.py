"""Events as calls to the back end. What it has no use for becomes no call at all."""

from datetime import UTC, datetime
from typing import Any, Final

from wasup.ports.events import (
    AccountQr,
    AccountStatusChanged,
    ChatSynced,
    EventData,
    MessageReceived,
    MessageSent,
    MessageStatusChanged,
    SyncedChat,
)
from wasup.webhooks.legacy.calls import CHAT_SYNC, WEBHOOK, Known, LegacyCall, Question
from wasup.webhooks.legacy.ids import UnknownPhone, digits, person_id, serialized_id
from wasup.webhooks.legacy.messages import is_skipped, media_of, received, sent

__all__ = ["needs", "translate"]

_ACKS: Final = {"sent": 2, "delivered": 3, "read": 4}
"""The back end's own scale; a failure has no level on it."""

_CHAT_STATUSES: Final = {
    "queued": "pending", "sending": "pending", "sent": "sent", "delivered": "delivered", "read": "read",
    "failed": "failed",
}  # fmt: skip
_ENDED: Final = frozenset({"reconnecting", "disconnected", "needs_pairing", "suspended", "banned", "failed"})
_LOGGED_OUT: Final = frozenset({"logged_out", "deleted"})
"""Reasons after which the back end must not expect the account to come back by itself; it looks for this word."""

_CHATS: Final = 50  # the back end takes no more at once
_NAME: Final = 255


def needs(event: EventData) -> Question:
    """What must be looked up before this event can be translated."""
    match event:
        case MessageReceived():
            lids = {event.chat if event.chat_phone is None else "", event.sender if event.sender_phone is None else ""}
            return Question(
                lids=_lids(lids), groups=_groups(event), media=None if _quiet(event) else media_of(event.content)
            )
        case MessageSent():
            return Question(lids=_lids({event.chat if event.chat_phone is None else ""}), groups=_groups(event))
        case MessageStatusChanged():
            return Question(lids=_lids({event.chat}))
        case ChatSynced():
            chats = {chat.chat for chat in event.chats}
            groups = {chat.chat for chat in event.chats if chat.chat_type == "group"}
            return Question(lids=_lids(chats), groups=frozenset(groups))
        case AccountQr():
            return Question(qr=event.qr_code)
        case _:
            return Question()


def translate(event: EventData, known: Known) -> list[LegacyCall]:
    """The calls that tell the back end of an event, in order.

    Raises:
        UnknownPhone: only the LID of a person is known.
    """
    session_id = known.facts.sessions.get(event.whatsapp_account_id, "")
    base: dict[str, Any] = {"workspace_id": event.workspace_id, "session_id": session_id}
    match event:
        case MessageReceived():
            return [] if _quiet(event) else [_call("message_received", base | {"message": received(event, known)})]
        case MessageSent():
            return _sent(event, base, known)
        case MessageStatusChanged():
            return _status(event, base, known)
        case AccountStatusChanged():
            return _account_status(event, base, known)
        case AccountQr():
            return _qr(event, base, known)
        case ChatSynced():
            return _chats(event, base, known)
        case _:
            return []


def _call(name: str, data: dict[str, Any]) -> LegacyCall:
    return LegacyCall(WEBHOOK, {"event": name, "data": data})


def _lids(ids: set[str]) -> frozenset[str]:
    return frozenset(id_ for id_ in ids if id_.endswith("@lid"))


def _groups(event: MessageReceived | MessageSent) -> frozenset[str]:
    return frozenset({event.chat} if event.chat_type == "group" else ())


def _quiet(event: MessageReceived | MessageSent) -> bool:
    return is_skipped(event.content) or event.chat.endswith(("@broadcast", "@newsletter"))


def _sent(event: MessageSent, base: dict[str, Any], known: Known) -> list[LegacyCall]:
    """Only what was written on the phone: of what it sent through the API the back end has a row already."""
    if event.source == "api" or _quiet(event):
        return []
    message = sent(event, known)
    activity = {
        "event": "mobile_activity_detected",
        "session_id": base["session_id"],
        "timestamp": datetime.fromtimestamp(event.timestamp / 1000, UTC).isoformat(timespec="milliseconds"),
        "data": {"device_type": "mobile", "message_id": message["id"], "workspace_id": event.workspace_id},
    }
    return [
        _call("message_sent", base | {"message": message, "source": "message_create_event"}),
        LegacyCall(WEBHOOK, activity),
    ]


def _status(event: MessageStatusChanged, base: dict[str, Any], known: Known) -> list[LegacyCall]:
    people = {lid: jid for (account, lid), jid in known.facts.people.items() if account == event.whatsapp_account_id}
    chat = person_id(event.chat, people, event.chat_phone)
    message_id = serialized_id(event.message_id, from_me=True, chat=chat)
    at = event.timestamp // 1000
    update = base | {"message_id": message_id, "status": event.status, "timestamp": at}
    level = _ACKS.get(event.status)
    if level is not None:
        update["ack_level"] = level
    calls = [_call("message_status_updated", update)]
    if event.status in {"delivered", "read"}:
        told = base | {"message_id": message_id, "recipient": chat, "timestamp": at}
        calls.append(_call(f"message_{event.status}", told))
    return calls


def _account_status(event: AccountStatusChanged, base: dict[str, Any], known: Known) -> list[LegacyCall]:
    """`session_error` is never sent: the back end's database has no such status."""
    if event.status == "authenticated":
        return [_call("session_authenticated", base | {"status": "authenticated"})]
    if event.status == "connected":
        phone = digits(known.facts.phones.get(event.whatsapp_account_id) or event.phone_number)
        if not phone:
            raise UnknownPhone("the account's own phone number is not known")
        return [_call("session_ready", base | {"phone_number": phone, "status": "connected"})]
    if event.status in _ENDED:
        reason = "LOGOUT" if event.reason in _LOGGED_OUT else event.reason
        return [_call("session_disconnected", base | {"reason": reason})]
    return []


def _qr(event: AccountQr, base: dict[str, Any], known: Known) -> list[LegacyCall]:
    left = (event.expires_at - known.now_ms) // 1000
    if left <= 0:  # nobody could scan it any more
        return []
    return [
        _call(
            "qr_code_generated",
            base
            | {
                "qr_code": known.qr_image,
                "expires_in": left,
                "qr_count": event.attempt,
                "is_regeneration": event.attempt > 1,
            },
        )
    ]


def _chats(event: ChatSynced, base: dict[str, Any], known: Known) -> list[LegacyCall]:
    account_id = event.whatsapp_account_id
    people = {lid: jid for (account, lid), jid in known.facts.people.items() if account == account_id}
    rows = [row for chat in event.chats if (row := _chat(event, chat, people, known)) is not None]
    return [
        LegacyCall(CHAT_SYNC, base | {"whatsapp_account_id": account_id, "chats": rows[start : start + _CHATS]})
        for start in range(0, len(rows), _CHATS)
    ]


def _chat(event: ChatSynced, chat: SyncedChat, people: dict[str, str], known: Known) -> dict[str, Any] | None:
    try:
        chat_id = person_id(chat.chat, people, chat.chat_phone)
    except UnknownPhone:
        return None  # it comes again when the person's number is known
    group = chat.chat_type == "group"
    seconds = None if chat.last_message_at is None else chat.last_message_at // 1000
    last = None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
    row: dict[str, Any] = {
        "chat_id": chat_id,
        "chat_type": chat.chat_type,
        "provider_type": "meta" if event.provider_type == "meta" else "webjs",
        "whatsapp_account_id": event.whatsapp_account_id,
        "workspace_id": event.workspace_id,
        "contact_name": None if chat.name is None else chat.name[:_NAME],
        "message_body": chat.last_message,
        "timestamp": seconds,
        "message_status": _CHAT_STATUSES.get(chat.message_status or "", "delivered"),
        "sent_at": last,
        "delivered_at": last,
        "read_at": None,
        "unread_count": chat.unread_count,
        "is_group": group,
    }
    if group:
        found = known.facts.members.get((event.whatsapp_account_id, chat_id), ())
        members = [people.get(member, member) for member in found]
        named = chat.name or chat_id.partition("@")[0]
        return row | {
            "group_jid": chat_id,
            "group_name": named,
            "participants": [member for member in members if not member.endswith("@lid")],
        }
    return row | {"contact_phone": chat.chat_phone or "+" + chat_id.partition("@")[0]}
