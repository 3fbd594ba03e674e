"""Rows of the back end as the readers give them: its own words, times as UTC epoch milliseconds."""

import msgspec

from wasup.importer.content import SourceMedia

__all__ = ["SourceAccount", "SourceContact", "SourceGroup", "SourceMessage", "SourceWorkspace"]


class SourceWorkspace(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspaces`."""

    id: int
    uuid: str
    name: str
    created_at: int
    deleted: bool


class SourceAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `whatsapp_accounts` (once `whatsapp_sessions`): one linked number."""

    id: int
    uuid: str
    workspace_id: int
    provider_type: str
    session_id: str
    phone_number: str | None
    is_primary: bool
    last_activity_at: int | None
    last_connected_at: int | None
    created_at: int
    updated_at: int
    deleted_at: int | None


class SourceGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `whatsapp_groups`."""

    id: int
    workspace_id: int
    account_id: int
    jid: str
    name: str | None
    owner_phone: str | None
    participants: str | None
    group_created_at: int | None
    created_at: int
    updated_at: int


class SourceContact(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `contacts`: a person, or a group that one wrote with."""

    id: int
    workspace_id: int | None
    account_id: int | None
    phone: str | None
    is_group: bool
    name: str | None
    participants_count: int | None
    created_at: int
    updated_at: int
    deleted: bool


class SourceMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `chats`, which is one message, with what belongs to it.

    Attributes:
        whatsapp_id: WhatsApp's id of the message in whatever spelling.
        outgoing: None if the row does not tell.
        evidence: words and figures that tell how far it came: `status`, `message_status`, `ack_level`.
        contact: the row that stands for the conversation; None if there is none.
        group_jid: of the row in `whatsapp_groups` that it refers to.
    """

    id: int
    uuid: str
    workspace_id: int | None
    account_id: int | None
    provider_type: str | None
    whatsapp_id: str | None
    outgoing: bool | None
    metadata: str
    status: str | None
    message_status: str | None
    ack_level: int | None
    is_read: bool
    deleted: bool
    created_at: int
    sent_at: int | None
    delivered_at: int | None
    read_at: int | None
    contact: SourceContact | None
    group_jid: str | None
    group_name: str | None
    media: SourceMedia | None
