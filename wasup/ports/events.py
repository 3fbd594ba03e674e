"""Events: what wasup tells the outside, by webhook, stream or pull.

An event is written to the `events` log in the transaction of what it tells. Its `id` is stable for ever and
`account_seq` counts an account's events from 1 without gaps. The payloads are versioned by `EVENT_VERSION`
and carry what a back end needs without another call.
"""

from typing import Final, TypeAlias

import msgspec

from wasup.ports.messages import Content, Participant

__all__ = [
    "EVENT_TYPES",
    "EVENT_VERSION",
    "AccountQr",
    "AccountStatusChanged",
    "ChatSynced",
    "ContactSynced",
    "EndpointDisabled",
    "EventData",
    "GroupUpdated",
    "LoggedEvent",
    "MessageReceived",
    "MessageSent",
    "MessageStatusChanged",
    "SyncProgressed",
    "SyncedChat",
    "SyncedContact",
    "event_type",
]

EVENT_VERSION: Final = 1


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Base of all payloads. `whatsapp_account_id` is the integer id everywhere; times are UTC epoch ms.

    A person has up to two ids: `chat` and `sender` are the phone number's where it is known, else the LID;
    `…_lid` and `…_phone` (E.164) are the two by themselves, null where they are not known.
    """

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
    chat_lid: str | None = None
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
    chat_lid: str | None = None
    chat_name: str | None = None
    source: str
    quoted_id: str | None
    timestamp: int
    content: Content


class MessageStatusChanged(_Event, frozen=True, kw_only=True, tag="message.status"):
    """A message of ours went one step on: sent, delivered, read or failed."""

    message_id: str
    chat: str
    chat_type: str | None = None
    chat_phone: str | None = None
    chat_lid: str | None = None
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


class SyncedChat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat as it is stored now; `name` is what a list of chats shows."""

    chat: str
    chat_type: str
    chat_phone: str | None
    chat_lid: str | None
    name: str | None
    unread_count: int
    archived: bool
    last_message: str | None
    last_message_at: int | None
    message_status: str | None


class ChatSynced(_Event, frozen=True, kw_only=True, tag="chat.synced"):
    """Chats were synchronised: `count` of them in this step, and how they are now; at most 50 in one event."""

    count: int
    chats: tuple[SyncedChat, ...] = ()
    timestamp: int


class SyncedContact(msgspec.Struct, frozen=True, kw_only=True):
    """A contact as it is stored now: the saved name, and what the person calls themself."""

    contact: str
    phone: str | None
    lid: str | None
    name: str | None
    push_name: str | None


class ContactSynced(_Event, frozen=True, kw_only=True, tag="contact.synced"):
    """Contacts were synchronised: `count` of them in this step, and how they are now; at most 200 in one event."""

    count: int
    contacts: tuple[SyncedContact, ...] = ()
    timestamp: int


class GroupUpdated(_Event, frozen=True, kw_only=True, tag="group.updated"):
    """A group changed; `participants` is their number, `members` who they are when this change told it."""

    group: str
    subject: str | None
    participants: int | None
    members: tuple[Participant, ...] | None = None
    timestamp: int


class SyncProgressed(_Event, frozen=True, kw_only=True, tag="sync.progress"):
    """The first synchronisation of a login made a step: `done` of `total` things of this phase are stored.

    `phase` is `device` (the provider's own loading), `contacts`, `groups`, `chats`, `history` or `done`, which is told
    last and once.
    """

    phase: str
    done: int
    total: int
    timestamp: int


class EndpointDisabled(_Event, frozen=True, kw_only=True, tag="webhook.disabled"):
    """A webhook endpoint of the workspace was disabled by wasup; told as an event of the primary account."""

    endpoint_id: int
    url: str
    reason: str
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
    | SyncProgressed
    | EndpointDisabled
)


class LoggedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is written in the log: its payload is JSON already.

    Attributes:
        body: an `EventData` as JSON.
        created_at: UTC epoch milliseconds.
    """

    id: str
    workspace_id: int
    account_id: int
    account_seq: int
    type: str
    body: str
    created_at: int


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
    "sync.progress",
    "webhook.disabled",
)
