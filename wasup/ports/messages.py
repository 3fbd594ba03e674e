"""Messages, receipts, chats, contacts and groups as providers and actors exchange them.

Ids are WhatsApp ids in the normal form of `wasup.identifiers` (`5511999998888@c.us`, `123@lid`,
`1203…@g.us`). A person has up to two of them, phone number and LID; `…_alt` carries the other identity of
the same person where the provider told it, and nothing is ever derived from one to the other by text.
Times are UTC epoch milliseconds.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec

__all__ = [
    "Audio",
    "ChatChanged",
    "ContactCards",
    "ContactChanged",
    "Content",
    "Document",
    "Edit",
    "GroupChanged",
    "Image",
    "Item",
    "Location",
    "MediaRef",
    "Message",
    "MessageStatus",
    "Participant",
    "Reaction",
    "Receipt",
    "Revoke",
    "SendOutcome",
    "Sticker",
    "Text",
    "Unsupported",
    "Video",
    "Voice",
    "deletion_id",
]


class MessageStatus(StrEnum):
    """Life cycle of a message; a status never moves backwards, and `failed` only follows the first two."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    RECEIVED = "received"  # an incoming message: it has no life cycle of its own


class MediaRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the bytes of a media message are: fetched on demand with `Session.download`.

    Attributes:
        ref: opaque to everybody but the provider that made it.
        mime: media type as the sender stated it.
        size: bytes, if known.
        sha256: hex digest of the bytes, if known.
        filename: as the sender named it.
    """

    ref: str
    mime: str
    size: int | None = None
    sha256: str | None = None
    filename: str | None = None


class _Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of what a message can carry; `type` in JSON tells which."""


class Text(_Content, frozen=True, kw_only=True, tag="text"):
    """Plain text; up to 65,536 characters, as WhatsApp allows."""

    body: str


class Image(_Content, frozen=True, kw_only=True, tag="image"):
    """A picture."""

    media: MediaRef
    caption: str = ""


class Video(_Content, frozen=True, kw_only=True, tag="video"):
    """A film."""

    media: MediaRef
    caption: str = ""


class Audio(_Content, frozen=True, kw_only=True, tag="audio"):
    """An audio file."""

    media: MediaRef
    seconds: int | None = None


class Voice(_Content, frozen=True, kw_only=True, tag="voice"):
    """A voice message, recorded in place (push to talk)."""

    media: MediaRef
    seconds: int | None = None


class Document(_Content, frozen=True, kw_only=True, tag="document"):
    """A file of any type."""

    media: MediaRef
    caption: str = ""


class Sticker(_Content, frozen=True, kw_only=True, tag="sticker"):
    """A sticker (WebP)."""

    media: MediaRef


class Location(_Content, frozen=True, kw_only=True, tag="location"):
    """A place; degrees, WGS 84."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


class ContactCards(_Content, frozen=True, kw_only=True, tag="contacts"):
    """One or more contact cards, each a vCard text."""

    vcards: tuple[str, ...]


class Reaction(_Content, frozen=True, kw_only=True, tag="reaction"):
    """An emoji on another message of the chat; empty when it was taken back."""

    target_id: str
    emoji: str


class Edit(_Content, frozen=True, kw_only=True, tag="edit"):
    """New text for an earlier message of the chat."""

    target_id: str
    body: str


class Revoke(_Content, frozen=True, kw_only=True, tag="revoke"):
    """An earlier message of the chat, deleted for everyone."""

    target_id: str


def deletion_id(target_id: str) -> str:
    """Id of a `Revoke` that was only found by what it has done: WhatsApp's own id of it is not known."""
    return f"deletion-of-{target_id}"


class Unsupported(_Content, frozen=True, kw_only=True, tag="unsupported"):
    """A type that wasup does not know: kept raw and passed on, never dropped."""

    name: str
    raw: str


Content: TypeAlias = (
    Text
    | Image
    | Video
    | Audio
    | Voice
    | Document
    | Sticker
    | Location
    | ContactCards
    | Reaction
    | Edit
    | Revoke
    | Unsupported
)


class _Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="item"):
    """Base of what a provider hands over for storage."""


class Message(_Item, frozen=True, kw_only=True, tag="message"):
    """A message of a chat, in either direction (one's own phone writes too).

    Attributes:
        id: the provider's id; unique within (account, direction).
        chat: id of the private chat's person or of the group.
        chat_alt: the person's other identity (private chats only).
        sender: who wrote it; the account itself when `from_me`.
        sender_alt: the sender's other identity.
        from_me: written by this account, on whatever device.
        timestamp: when it was written, by WhatsApp's clock.
        push_name: how the sender calls themself.
        chat_name: subject of the group, or saved name of the person, when the provider told it.
        quoted_id: id of the message this one answers.
        history: part of a synchronisation of old messages; stored, but nobody is told of it.
    """

    id: str
    chat: str
    sender: str
    from_me: bool
    timestamp: int
    content: Content
    chat_alt: str | None = None
    sender_alt: str | None = None
    push_name: str | None = None
    chat_name: str | None = None
    quoted_id: str | None = None
    history: bool = False


class Receipt(_Item, frozen=True, kw_only=True, tag="receipt"):
    """Delivered or read: what the far side says of messages that this account sent.

    Correlate on (chat, message id): in groups the key carries the receipt's sender.
    """

    chat: str
    message_ids: tuple[str, ...]
    status: MessageStatus
    timestamp: int
    participant: str | None = None


class SendOutcome(_Item, frozen=True, kw_only=True, tag="outcome"):
    """What becomes of a send: `sending` while it is in a session's hands, `sent`, or `failed` with the reason."""

    message_id: str
    status: MessageStatus
    timestamp: int
    error: str | None = None


class ChatChanged(_Item, frozen=True, kw_only=True, tag="chat"):
    """A chat as the provider sees it now; None leaves the stored value alone."""

    id: str
    alt: str | None = None
    name: str | None = None
    unread_count: int | None = None
    last_message_at: int | None = None
    archived: bool | None = None


class ContactChanged(_Item, frozen=True, kw_only=True, tag="contact"):
    """A person; None leaves the stored value alone."""

    id: str
    alt: str | None = None
    name: str | None = None
    push_name: str | None = None


class Participant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A member of a group."""

    id: str
    alt: str | None = None
    admin: bool = False


class GroupChanged(_Item, frozen=True, kw_only=True, tag="group"):
    """A group as the provider sees it now; participants None leaves the stored list alone."""

    id: str
    subject: str | None = None
    owner: str | None = None
    created_at: int | None = None
    participants: tuple[Participant, ...] | None = None


Item: TypeAlias = Message | Receipt | SendOutcome | ChatChanged | ContactChanged | GroupChanged
