"""The rows that a commit works on in memory, between reading and writing them.

`id` None means that the row is new; `dirty` that a stored one has changed.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from wasup.db.tables import MESSAGE_ID
from wasup.ports.messages import Content, Edit, MessageStatus, Reaction, Revoke

__all__ = [
    "QUIET",
    "ChatRow",
    "ContactRow",
    "GroupRow",
    "MessageRow",
    "PendingRow",
    "Person",
    "advance",
    "fit_id",
    "preview",
    "type_of",
]

QUIET: Final = (Reaction, Edit, Revoke)
"""What changes another message: no news of its own in a list of chats."""

_RANK: Final = {
    MessageStatus.QUEUED: 0,
    MessageStatus.SENDING: 1,
    MessageStatus.SENT: 2,
    MessageStatus.DELIVERED: 3,
    MessageStatus.READ: 4,
}
_TYPES: dict[type[Content], str] = {}  # asking a Struct for its tag is slow
_WAITING: Final = frozenset({MessageStatus.QUEUED, MessageStatus.SENDING})


@dataclass(slots=True, frozen=True)
class Person:
    """The identities of one person (or group): `jid` is the main one, a phone number's where it is known."""

    jid: str
    lid: str | None

    @staticmethod
    def of(jid: str, alt: str | None = None) -> "Person":
        """From an id and, where the provider told it, the other one. Nothing is derived by text."""
        lid = jid if jid.endswith("@lid") else alt if alt is not None and alt.endswith("@lid") else None
        if lid is jid and alt is not None and alt.endswith("@c.us"):
            jid = alt
        return Person(jid, lid)


@dataclass(slots=True, eq=False)
class GroupRow:
    """A row of `whatsapp_groups`."""

    id: int | None
    account_id: int
    workspace_id: int
    jid: str
    name: str | None = None
    owner: str | None = None
    participants: str | None = None
    participants_count: int | None = None
    created_at: int | None = None
    dirty: bool = False


@dataclass(slots=True, eq=False)
class ContactRow:
    """A row of `contacts`; `merged` is the one that took its place when both turned out to be one person's."""

    id: int | None
    account_id: int
    workspace_id: int
    jid: str
    lid: str | None = None
    phone: str | None = None
    name: str | None = None
    push_name: str | None = None
    dirty: bool = False
    merged: "ContactRow | None" = None

    def final(self) -> "ContactRow":
        """The row that stands for this contact in the end."""
        row = self
        while row.merged is not None:
            row = row.merged
        return row


@dataclass(slots=True, eq=False)
class ChatRow:
    """A row of `chats`.

    `news`: only its last message or unread count has changed. `marked`: its watermark has moved. `merged` is the row
    that took its place when two turned out to be one person's.
    """

    id: int | None
    account_id: int
    workspace_id: int
    jid: str
    lid: str | None
    chat_type: str
    provider_type: str
    group_id: int | None = None
    contact_id: int | None = None
    contact_phone: str | None = None
    contact_name: str | None = None
    last_message: str | None = None
    last_message_id: str | None = None
    last_message_at: int | None = None
    unread_count: int = 0
    message_status: str | None = None
    last_outgoing_id: str | None = None
    last_outgoing_at: int | None = None
    archived: bool = False
    watermark_id: str | None = None
    watermark_at: int | None = None
    dirty: bool = False
    news: bool = False
    marked: bool = False
    group: GroupRow | None = None
    contact: ContactRow | None = None
    merged: "ChatRow | None" = None

    def final(self) -> "ChatRow":
        """The row that stands for this chat in the end."""
        row = self
        while row.merged is not None:
            row = row.merged
        return row


@dataclass(slots=True, eq=False)
class MessageRow:
    """A row of `messages`; `content` of a stored one is read only when it is needed."""

    id: int | None
    account_id: int
    workspace_id: int
    message_id: str
    from_me: bool
    chat: ChatRow
    type: str
    status: MessageStatus
    timestamp: int
    content: Content | None = None
    sender: str | None = None
    sender_lid: str | None = None
    quoted_id: str | None = None
    error: str | None = None
    sent_at: int | None = None
    delivered_at: int | None = None
    read_at: int | None = None
    edited_at: int | None = None
    revoked_at: int | None = None
    history: bool = False
    dirty: bool = False
    rewritten: bool = False

    @property
    def waiting(self) -> bool:
        """Whether it is still to be sent."""
        return self.status in _WAITING


@dataclass(slots=True, eq=False)
class PendingRow:
    """A receipt, edit or revoke whose message is not stored yet."""

    message_id: str
    account_id: int
    change: str
    content: str | None
    timestamp: int
    stored: bool
    applied: bool = False
    changed: bool = False


def advance(row: MessageRow, status: MessageStatus, at: int, error: str | None = None) -> bool:
    """Move a message's status on; never back, and to `failed` only while it is not sent.

    A time that arrives late is filled in all the same. Returns whether the status has changed.
    """
    if status is MessageStatus.FAILED:
        if not row.waiting:
            return False
        row.status, row.error, row.dirty = status, error, True
        return True
    if status not in _RANK or row.status not in _RANK:
        return False
    if status is MessageStatus.SENT and row.sent_at is None:
        row.sent_at, row.dirty = at, True
    elif status is MessageStatus.DELIVERED and row.delivered_at is None:
        row.delivered_at, row.dirty = at, True
    elif status is MessageStatus.READ and row.read_at is None:
        row.read_at, row.dirty = at, True
    if _RANK[status] <= _RANK[row.status]:
        return False
    row.status, row.dirty = status, True
    return True


def fit_id(message_id: str) -> str:
    """The id as it is stored: one that is too long for its column is cut and told apart by its hash."""
    if len(message_id) <= MESSAGE_ID:
        return message_id
    return f"{message_id[:120]}#{hashlib.sha256(message_id.encode()).hexdigest()}"


def type_of(content: Content) -> str:
    """The name of a content's type, as it is stored: `text` or `image` for example."""
    return _TYPES.get(content.__class__) or _TYPES.setdefault(content.__class__, str(content.__struct_config__.tag))


def preview(content: Content) -> str:
    """What a list of chats shows of a message."""
    words = getattr(content, "body", "") or getattr(content, "caption", "") or getattr(content, "name", "")
    return str(words) or f"[{type_of(content)}]"
