"""Events: what wasup tells the outside, by webhook, stream or pull.

An event is written to the `events` log in the transaction of what it tells. Its `id` is stable for ever and
`account_seq` counts an account's events from 1 without gaps. The payloads are versioned by `EVENT_VERSION`
and carry what a back end needs without another call.
"""

from typing import Final, TypeAlias

import msgspec

from wasup.ports.messages import Content

__all__ = [
    "EVENT_TYPES",
    "EVENT_VERSION",
    "AccountQr",
    "AccountStatusChanged",
    "ChatSynced",
    "ContactSynced",
    "EventData",
    "GroupUpdated",
    "MessageReceived",
    "MessageSent",
    "MessageStatusChanged",
    "event_type",
]

EVENT_VERSION: Final = 1


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Base of all payloads. `whatsapp_account_id` is the integer id everywhere; times are UTC epoch ms."""

    workspace_id: int
    whatsapp_account_id: int
    provider_type: str
    account_seq: int
    version: int = EVENT_VERSION


class MessageReceived(_Event, frozen=True, kw_only=True, tag="message.received"):
    """Somebody wrote to the account."""

    message_id: str
    chat: str
    chat_type: str
    chat_phone: str | None
    sender: str
    sender_lid: str | None
    sender_phone: str | None
    sender_name: str | None
    chat_name: str | None
    quoted_id: str | None
    timestamp: int
    content: Content


class MessageSent(_Event, frozen=True, kw_only=True, tag="message.sent"):
    """The account wrote: through wasup (`source` api) or on another of its devices (`source` phone)."""

    message_id: str
    chat: str
    chat_type: str
    chat_phone: str | None
    source: str
    quoted_id: str | None
    timestamp: int
    content: Content


class MessageStatusChanged(_Event, frozen=True, kw_only=True, tag="message.status"):
    """A message of ours went one step on: sent, delivered, read or failed."""

    message_id: str
    chat: str
    status: str
    error: str | None
    timestamp: int


class AccountStatusChanged(_Event, frozen=True, kw_only=True, tag="account.status"):
    """The account's state machine made a step."""

    status: str
    previous: str
    reason: str
    detail: str
    phone_number: str | None
    timestamp: int


class AccountQr(_Event, frozen=True, kw_only=True, tag="account.qr"):
    """A QR code is on offer."""

    qr_code: str
    attempt: int
    expires_at: int


class ChatSynced(_Event, frozen=True, kw_only=True, tag="chat.synced"):
    """Chats were synchronised; `count` of them in this step."""

    count: int
    timestamp: int


class ContactSynced(_Event, frozen=True, kw_only=True, tag="contact.synced"):
    """Contacts were synchronised; `count` of them in this step."""

    count: int
    timestamp: int


class GroupUpdated(_Event, frozen=True, kw_only=True, tag="group.updated"):
    """A group changed."""

    group: str
    subject: str | None
    participants: int | None
    timestamp: int


EventData: TypeAlias = (
    MessageReceived
    | MessageSent
    | MessageStatusChanged
    | AccountStatusChanged
    | AccountQr
    | ChatSynced
    | ContactSynced
    | GroupUpdated
)


def event_type(data: EventData) -> str:
    """The type's name, `message.received` and so on."""
    tag = data.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


EVENT_TYPES: Final[tuple[str, ...]] = (
    "account.qr",
    "account.status",
    "chat.synced",
    "contact.synced",
    "group.updated",
    "message.received",
    "message.sent",
    "message.status",
)
