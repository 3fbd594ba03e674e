"""Message objects of the back end's webhooks."""

from typing import Any, Final

from wasup.ports.events import MessageReceived, MessageSent
from wasup.ports.messages import (
    Audio,
    ContactCards,
    Content,
    Document,
    Edit,
    Image,
    Location,
    MediaRef,
    Reaction,
    Revoke,
    Sticker,
    Text,
    Unsupported,
    Video,
    Voice,
)
from wasup.webhooks.legacy.calls import Known
from wasup.webhooks.legacy.ids import UnknownPhone, digits, person_id, serialized_id

__all__ = ["is_skipped", "media_of", "received", "sent"]

_SKIPPED: Final = (Reaction, Edit, Revoke, Unsupported)
"""What the Node service left out: changes of other messages, and types that are no messages of a person's."""

_TYPES: Final[dict[type[Content], str]] = {
    Text: "chat",
    Image: "image",
    Video: "video",
    Audio: "audio",
    Voice: "ptt",
    Document: "document",
    Sticker: "sticker",
    Location: "location",
    ContactCards: "vcard",
}


def is_skipped(content: Content) -> bool:
    """Whether the back end hears nothing of this kind of message."""
    return isinstance(content, _SKIPPED)


def media_of(content: Content) -> MediaRef | None:
    """The media that a message carries."""
    match content:
        case Image() | Video() | Audio() | Voice() | Document() | Sticker():
            return content.media
        case _:
            return None


def received(event: MessageReceived, known: Known) -> dict[str, Any]:
    """`message` of `message_received`. In a group `from` is the group."""
    people = {lid: jid for (account, lid), jid in known.facts.people.items() if account == event.whatsapp_account_id}
    chat = person_id(event.chat, people, event.chat_phone)
    group = event.chat_type == "group"
    sender = _sender(event, people) if group else chat
    message: dict[str, Any] = {
        "id": serialized_id(event.message_id, from_me=False, chat=chat, participant=sender),
        "from": chat,
        "to": _own_id(event.whatsapp_account_id, known),
        **_content(event.content, known),
        "timestamp": event.timestamp // 1000,
        "from_me": False,
        "chat_type": event.chat_type,
    }
    if group:
        message |= _group(event.whatsapp_account_id, chat, event.chat_name, people, known)
        phone = None if sender is None else sender.partition("@")[0]
        message |= {"sender_phone": phone, "sender_name": event.sender_name}
    else:
        message["notifyName"] = event.sender_name or event.chat_name
    return message


def _sender(event: MessageReceived, people: dict[str, str]) -> str | None:
    """Who wrote it in a group. The back end files the message under the group, also when nobody knows."""
    try:
        return person_id(event.sender, people, event.sender_phone)
    except UnknownPhone:
        return None


def sent(event: MessageSent, known: Known) -> dict[str, Any]:
    """`message` of `message_sent`: written on the account's phone. `from` is the chat, as the Node service had it."""
    people = {lid: jid for (account, lid), jid in known.facts.people.items() if account == event.whatsapp_account_id}
    chat = person_id(event.chat, people, event.chat_phone)
    message: dict[str, Any] = {
        "id": serialized_id(event.message_id, from_me=True, chat=chat),
        "from": chat,
        "to": chat,
        **_content(event.content, known),
        "timestamp": event.timestamp // 1000,
        "status": "pending",
        "from_me": True,
        "chat_type": event.chat_type,
    }
    message.pop("media", None)  # the back end takes none from it
    if event.chat_type == "group":
        message |= _group(event.whatsapp_account_id, chat, event.chat_name, people, known)
    return message


def _own_id(account_id: int, known: Known) -> str | None:
    phone = digits(known.facts.phones.get(account_id))
    return None if phone is None else f"{phone}@c.us"


def _group(account_id: int, group: str, name: str | None, people: dict[str, str], known: Known) -> dict[str, Any]:
    found = known.facts.members.get((account_id, group), ())
    members = [people.get(member, member) for member in found]
    return {
        "group_id": group,
        "group_name": name,
        "participants": [member for member in members if not member.endswith("@lid")],
    }


def _content(content: Content, known: Known) -> dict[str, Any]:
    media = media_of(content)
    fields: dict[str, Any] = {
        "body": _body(content),
        "type": _TYPES.get(type(content), "unknown"),
        "has_media": media is not None,
    }
    if media is not None and known.media is not None:
        fields["media"] = {"data": known.media, "mimetype": media.mime, "filename": media.filename}
    return fields


def _body(content: Content) -> str:
    match content:
        case Text():
            return content.body
        case Image() | Video() | Document():
            return content.caption
        case Location():
            return content.name or content.address or f"{content.latitude}, {content.longitude}"
        case ContactCards():
            return "\n".join(content.vcards)
        case _:
            return ""
