"""From the page's models to wasup's items, and nothing else: pure functions.

What has no place in wasup (notices of the system, statuses, channels) becomes None.
"""

import base64
import binascii
from typing import Final

from wasup.identifiers import InvalidIdentifier, parse_jid
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
from wasup.providers.webjs import raw

__all__ = ["chat_of", "contact_of", "group_of", "item_of", "me_of", "message_of", "milliseconds", "typing_of"]

_SILENT: Final = frozenset({
    "ciphertext",  # comes again under its own type once it is decrypted
    "notification",
    "notification_template",
    "group_notification",
    "broadcast_notification",
    "e2e_notification",
    "gp2",
    "protocol",
    "reaction",  # comes as an event of its own
    "revoked",  # what is left of a deleted message
})  # fmt: skip
_STATUSES: Final = {
    2: MessageStatus.DELIVERED,
    3: MessageStatus.READ,
    4: MessageStatus.READ,  # played
}
_CHATS: Final = frozenset({"user", "lid", "group"})


def milliseconds(t: float) -> int:
    """WhatsApp's times are seconds, and milliseconds in some places; told apart by their size."""
    return int(t * 1000) if t < 100_000_000_000 else int(t)


def _jid(text: str | None) -> str | None:
    """An id in its normal form; None if it is none."""
    if text is None:
        return None
    try:
        return str(parse_jid(text))
    except InvalidIdentifier:
        return None


def _chat(text: str) -> str | None:
    """The id of a private chat or a group; None for anything else that WhatsApp has (statuses, channels)."""
    jid = _jid(text)
    return jid if jid is not None and parse_jid(jid).kind in _CHATS else None


def _alt(text: str | None, jid: str | None) -> str | None:
    alt = _jid(text)
    return None if alt == jid else alt


def me_of(who: raw.Who) -> Me:
    """The account itself."""
    return Me(
        id=_jid(who.id) or who.id, lid=_jid(who.lid), push_name=who.push_name or None, platform=who.platform or None
    )


def message_of(given: raw.Message, me: Me) -> Message | None:
    """A message as wasup knows it; None if it is none."""
    chat = _chat(given.chat)
    content = _content_of(given)
    if chat is None or content is None:
        return None
    sender = me.id if given.from_me else _jid(given.sender) or chat
    is_group = chat.endswith("@g.us")
    return Message(
        id=given.id,
        chat=chat,
        chat_alt=None if is_group else _alt(given.chat_alt, chat),
        sender=sender,
        sender_alt=me.lid if given.from_me else _alt(given.sender_alt, sender),
        from_me=given.from_me,
        timestamp=milliseconds(given.t),
        content=content,
        push_name=given.push_name or None,
        chat_name=given.chat_name or None,
        quoted_id=given.quoted or None,
    )


def _content_of(given: raw.Message) -> Content | None:
    caption = given.caption or ""
    match given.type:
        case "chat":
            return Text(body=given.body or "")
        case "image":
            return Image(media=_media_of(given), caption=caption)
        case "video" | "gif" | "ptv":
            return Video(media=_media_of(given), caption=caption)
        case "audio":
            return Audio(media=_media_of(given), seconds=_seconds_of(given))
        case "ptt":
            return Voice(media=_media_of(given), seconds=_seconds_of(given))
        case "document":
            media = _media_of(given)
            return Document(media=media, caption="" if caption == media.filename else caption)
        case "sticker":
            return Sticker(media=_media_of(given))
        case "location" if given.place is not None:
            name, _, address = (given.place.loc or "").partition("\n")
            return Location(latitude=given.place.lat, longitude=given.place.lng, name=name, address=address)
        case "vcard":
            return ContactCards(vcards=(given.body or "",))
        case "multi_vcard":
            return ContactCards(vcards=given.vcards)
        case kind if kind in _SILENT:
            return None
        case kind:
            return Unsupported(name=kind, raw=given.raw or "{}")


def _media_of(given: raw.Message) -> MediaRef:
    """The bytes are fetched by the message's key: WhatsApp's page downloads media of messages, not of addresses."""
    media = given.media or raw.Media()
    return MediaRef(
        ref=given.key,
        mime=media.mime or "application/octet-stream",
        size=None if media.size is None else int(media.size),
        sha256=_hex(media.filehash),
        filename=media.filename or None,
    )


def _hex(digest: str | None) -> str | None:
    try:
        plain = base64.b64decode(digest or "", validate=True)
    except binascii.Error:
        return None
    return plain.hex() if len(plain) == 32 else None


def _seconds_of(given: raw.Message) -> int | None:
    return None if given.media is None or given.media.seconds is None else round(given.media.seconds)


def item_of(event: raw.Event, me: Me) -> Item | None:
    """The item that an event tells of; None if there is nothing to store."""
    match event:
        case raw.Happened(message=message):
            return message_of(message, me)
        case raw.Acked():
            return _receipt_of(event)
        case raw.Reacted():
            return _about(event, Reaction(target_id=event.target, emoji=event.emoji), me)
        case raw.Edited():
            return _about(event, Edit(target_id=event.target, body=event.body), me)
        case raw.Revoked():
            return _about(event, Revoke(target_id=event.target), me)
        case raw.ContactEvent(contact=contact):
            return contact_of(contact)
        case raw.GroupEvent(group=group):
            return group_of(group)
        case _:
            return None


def _receipt_of(event: raw.Acked) -> Receipt | None:
    """In groups the message's key carries the receipt's sender: the bare id is what can be correlated."""
    status = _STATUSES.get(event.ack)
    chat = _chat(event.chat)
    if status is None or chat is None or not event.ids:
        return None
    return Receipt(
        chat=chat,
        message_ids=event.ids,
        status=status,
        timestamp=milliseconds(event.t),
        participant=_jid(event.participant) if chat.endswith("@g.us") else None,
    )


def _about(event: raw.Reacted | raw.Edited | raw.Revoked, content: Content, me: Me) -> Message | None:
    chat = _chat(event.chat)
    if chat is None:
        return None
    sender = me.id if event.from_me else _jid(event.sender) or chat
    return Message(
        id=event.id or deletion_id(event.target),  # only of a deletion it may not be known
        chat=chat,
        chat_alt=None if chat.endswith("@g.us") else _alt(event.chat_alt, chat),
        sender=sender,
        sender_alt=me.lid if event.from_me else _alt(event.sender_alt, sender),
        from_me=event.from_me,
        timestamp=milliseconds(event.t),
        content=content,
    )


def chat_of(given: raw.Chat) -> ChatChanged | None:
    """A chat; None for statuses and channels."""
    chat = _chat(given.id)
    if chat is None:
        return None
    return ChatChanged(
        id=chat,
        alt=None if chat.endswith("@g.us") else _alt(given.alt, chat),
        name=given.name or None,
        unread_count=None if given.unread is None else max(given.unread, 0),  # -1: marked as unread by hand
        last_message_at=None if given.t is None else milliseconds(given.t),
        archived=given.archived,
    )


def contact_of(given: raw.Contact) -> ContactChanged | None:
    """A person; None for what is no person."""
    jid = _chat(given.id)
    if jid is None or jid.endswith("@g.us"):
        return None
    return ContactChanged(id=jid, alt=_alt(given.alt, jid), name=given.name or None, push_name=given.push_name or None)


def group_of(given: raw.Group) -> GroupChanged | None:
    """A group with all its members."""
    jid = _chat(given.id)
    if jid is None:
        return None
    people = ((_jid(person.id), person) for person in given.people)
    return GroupChanged(
        id=jid,
        subject=given.subject or None,
        owner=_jid(given.owner),
        created_at=None if given.t is None else milliseconds(given.t),
        participants=tuple(
            Participant(id=jid, alt=_alt(person.alt, jid), admin=person.admin) for jid, person in people if jid
        ),
    )


def typing_of(event: raw.Writing) -> Typing | None:
    """Somebody writes, or has stopped."""
    chat = _chat(event.chat)
    if chat is None:
        return None
    return Typing(chat=chat, participant=_jid(event.participant), active=event.active)
