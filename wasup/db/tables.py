"""The tables, defined once for MySQL, MariaDB and SQLite.

Column names follow those of the back end that wasup serves, where the meaning is the same.
Times are `Millis`, text ids are `code` (compared byte by byte).
Every key that a batch looks rows up by starts with its most selective column.
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from wasup.db.types import BIG, BLOB, ID, LONG_TEXT, Millis, choice, code
from wasup.ports.accounts import AccountStatus, Desired
from wasup.ports.messages import MessageStatus

__all__ = [
    "JID",
    "MESSAGE_ID",
    "NAME",
    "PREVIEW",
    "account_logins",
    "account_owner",
    "account_transitions",
    "api_keys",
    "chats",
    "contacts",
    "import_progress",
    "logins_to_forget",
    "message_keys",
    "messages",
    "metadata",
    "node",
    "pending_changes",
    "rejected_items",
    "settings",
    "whatsapp_accounts",
    "whatsapp_groups",
    "workspaces",
]

JID = 128
MESSAGE_ID = 190
NAME = 255
PREVIEW = 500

metadata = MetaData(
    naming_convention={
        "ix": "idx_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

_MYSQL: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_unicode_ci"))
}


def _table(name: str, *items: Any) -> Table:
    return Table(name, metadata, *items, **_MYSQL)


def _id() -> Column[int]:
    return Column("id", ID, primary_key=True, autoincrement=True)


def _workspace() -> Column[int]:
    return Column("workspace_id", ID, nullable=False)


def _account(**options: Any) -> Column[int]:
    return Column("whatsapp_account_id", ID, nullable=False, **options)


def _created() -> Column[int]:
    return Column("created_at", Millis, nullable=False)


_ZERO = text("0")

workspaces = _table(
    "workspaces",
    _id(),
    Column("uuid", code(36), nullable=False, unique=True),
    Column("name", String(NAME), nullable=False),
    _created(),
)

whatsapp_accounts = _table(
    "whatsapp_accounts",
    _id(),
    Column("uuid", code(36), nullable=False, unique=True),
    Column("workspace_id", ID, ForeignKey("workspaces.id"), nullable=False),
    Column("provider_type", String(20), nullable=False),
    Column("name", String(NAME)),
    Column("session_id", code(191), nullable=False),
    Column("phone_number", String(50)),
    Column("lid", code(JID)),
    Column("push_name", String(NAME)),
    Column("status", choice(AccountStatus, "account_status"), nullable=False),
    Column("status_reason", String(64)),
    Column("status_detail", String(PREVIEW)),
    Column("status_since", Millis, nullable=False),
    Column("suspended_until", Millis),
    Column("desired", choice(Desired, "account_desired"), nullable=False),
    Column("is_primary", Boolean(create_constraint=False), nullable=False, server_default=_ZERO),
    Column("qr_code", Text),
    Column("qr_expires_at", Millis),
    Column("last_activity_at", Millis),
    Column("last_connected_at", Millis),
    _created(),
    Column("updated_at", Millis, nullable=False),
    Column("deleted_at", Millis),
    Column("paired_at", Millis),
    Column("synchronised_at", Millis),
    # A back end gave the session id and knows the account by it: it stays when the login is forgotten.
    Column("session_pinned", Boolean(create_constraint=False), nullable=False, server_default=_ZERO),
    Index("idx_workspace_status", "workspace_id", "status"),
    Index("idx_session_id", "session_id"),
    Index("idx_last_activity", "last_activity_at"),
    Index("idx_desired", "desired", "last_activity_at"),
)

account_logins = _table(  # apart from the account, so that no ordinary query can show a secret
    "account_logins",
    _account(primary_key=True, autoincrement=False),
    Column("secret", BLOB, nullable=False),
    Column("updated_at", Millis, nullable=False),
)

logins_to_forget = _table(  # forgotten here; what their providers keep of them is yet to go
    "logins_to_forget",
    _account(primary_key=True, autoincrement=False),
    Column("provider_type", String(20), nullable=False),
    Column("since", Millis, nullable=False),
)

account_transitions = _table(
    "account_transitions",
    _id(),
    _account(),
    Column("old", choice(AccountStatus, "transition_old"), nullable=False),
    Column("new", choice(AccountStatus, "transition_new"), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("detail", String(PREVIEW), nullable=False),
    Column("at", Millis, nullable=False),
    Index("idx_account_transitions", "whatsapp_account_id", "id"),
)

account_owner = _table(  # the fence, and the lock that serialises whatever is written about an account
    "account_owner",
    _account(primary_key=True, autoincrement=False),
    Column("incarnation", BIG),
    Column("epoch", BIG, nullable=False, server_default=_ZERO),
    Column("event_seq", BIG, nullable=False, server_default=_ZERO),
    Index("idx_owner_incarnation", "incarnation"),
    # Of the last batch that told something: a commit whose answer was lost is recognised by it.
    Column("commit_mark", BIG),
)

node = _table(
    "node",
    Column("incarnation", BIG, primary_key=True, autoincrement=False),
    Column("node_id", String(NAME), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("state", choice(("live", "draining", "dead"), "node_state"), nullable=False),
    Column("beat", BIG, nullable=False, server_default=_ZERO),
    Column("connection_id", BIG),
    Column("started_at", Millis, nullable=False),
    Index("idx_node_state", "state"),
)

whatsapp_groups = _table(
    "whatsapp_groups",
    _id(),
    _workspace(),
    _account(),
    Column("group_jid", code(JID), nullable=False),
    Column("name", String(NAME)),
    Column("owner", code(JID)),
    Column("participants", LONG_TEXT),
    Column("participants_count", Integer),
    Column("group_created_at", Millis),
    _created(),
    Column("updated_at", Millis, nullable=False),
    UniqueConstraint("group_jid", "whatsapp_account_id", name="uq_group"),
)

contacts = _table(
    "contacts",
    _id(),
    _workspace(),
    _account(),
    Column("jid", code(JID), nullable=False),
    Column("lid", code(JID)),
    Column("phone", String(50)),
    Column("name", String(NAME)),
    Column("push_name", String(NAME)),
    Column("chat_type", choice(("private", "group"), "contact_chat_type"), nullable=False),
    _created(),
    Column("updated_at", Millis, nullable=False),
    UniqueConstraint("jid", "whatsapp_account_id", name="uq_contact"),
    Index("idx_contact_lid", "lid", "whatsapp_account_id"),
)

chats = _table(
    "chats",
    _id(),
    _workspace(),
    _account(),
    Column("jid", code(JID), nullable=False),
    Column("lid", code(JID)),
    Column("chat_type", choice(("private", "group"), "chat_type"), nullable=False),
    Column("provider_type", String(20), nullable=False),
    Column("group_id", ID, ForeignKey("whatsapp_groups.id")),
    Column("contact_id", ID, ForeignKey("contacts.id")),
    Column("contact_phone", String(50)),
    Column("contact_name", String(NAME)),
    Column("last_message", String(PREVIEW)),
    Column("last_message_id", code(MESSAGE_ID)),
    Column("last_message_at", Millis),
    Column("unread_count", Integer, nullable=False, server_default=_ZERO),
    Column("message_status", choice(MessageStatus, "chat_message_status")),
    Column("last_outgoing_id", code(MESSAGE_ID)),
    Column("last_outgoing_at", Millis),
    Column("archived", Boolean(create_constraint=False), nullable=False, server_default=_ZERO),
    _created(),
    Column("updated_at", Millis, nullable=False),
    # Up to which message everything of the chat is stored; of providers that refetch alone.
    Column("watermark_id", code(MESSAGE_ID)),
    Column("watermark_at", Millis),
    UniqueConstraint("jid", "whatsapp_account_id", name="uq_chat"),
    Index("idx_chat_lid", "lid", "whatsapp_account_id"),
    Index("idx_account_recent", "whatsapp_account_id", "last_message_at"),
    Index("idx_unread", "unread_count"),
    # Of the foreign key, which SQLite gives none by itself: when two contacts prove to be one, their chats are found.
    Index("idx_chat_contact", "contact_id"),
)

messages = _table(
    "messages",
    _id(),
    _workspace(),
    _account(),
    Column("chat_id", ID, nullable=False),
    Column("message_id", code(MESSAGE_ID), nullable=False),
    Column("from_me", Boolean(create_constraint=False), nullable=False),
    Column("sender", code(JID)),
    Column("sender_lid", code(JID)),
    Column("type", String(20), nullable=False),
    Column("content", LONG_TEXT, nullable=False),
    Column("quoted_id", code(MESSAGE_ID)),
    Column("status", choice(MessageStatus, "message_status"), nullable=False),
    Column("error", String(PREVIEW)),
    Column("attempts", Integer, nullable=False, server_default=_ZERO),
    # The account while the message waits to be sent, else NULL: a small index of the outgoing queue.
    Column("queue_account_id", ID),
    Column("timestamp", Millis, nullable=False),
    Column("sent_at", Millis),
    Column("delivered_at", Millis),
    Column("read_at", Millis),
    Column("edited_at", Millis),
    Column("revoked_at", Millis),
    _created(),
    # An old message that a synchronisation brought: nobody has been told of it.
    Column("history", Boolean(create_constraint=False), nullable=False, server_default=_ZERO),
    # The message id comes first: alone it is nearly unique, so that IN (...) over a batch reads few rows.
    UniqueConstraint("message_id", "whatsapp_account_id", "from_me", name="uq_message"),
    Index("idx_chat_messages", "chat_id", "created_at"),
    Index("idx_workspace_messages", "workspace_id", "created_at"),
    Index("idx_account_messages", "whatsapp_account_id", "created_at"),
    Index("idx_queue", "queue_account_id"),
)

message_keys = _table(  # idempotency keys of sends; apart, so that incoming messages do not pay for the index
    "message_keys",
    Column("workspace_id", ID, primary_key=True, autoincrement=False),
    Column("idempotency_key", code(190), primary_key=True),
    Column("message_row_id", ID, nullable=False),
    Column("digest", code(64), nullable=False),
    _created(),
)

pending_changes = _table(  # receipts, edits and revokes that came before their message
    "pending_changes",
    Column("message_id", code(MESSAGE_ID), primary_key=True),
    _account(primary_key=True, autoincrement=False),
    Column("change_kind", choice(("delivered", "read", "edit", "revoke"), "pending_change"), primary_key=True),
    Column("content", LONG_TEXT),
    Column("timestamp", Millis, nullable=False),
    Index("idx_pending_age", "timestamp"),
)

rejected_items = _table(  # what the database did not take, as it was handed over
    "rejected_items",
    _id(),
    _workspace(),
    _account(),
    Column("item_kind", code(20), nullable=False),
    Column("message_id", code(MESSAGE_ID)),
    Column("item", BLOB, nullable=False),
    Column("digest", code(64), nullable=False),
    Column("reason", String(PREVIEW), nullable=False),
    _created(),
    UniqueConstraint("digest", "whatsapp_account_id", name="uq_rejected"),
    Index("idx_rejected_message", "message_id", "whatsapp_account_id"),
    Index("idx_rejected_account", "whatsapp_account_id", "id"),
)

api_keys = _table(
    "api_keys",
    _id(),
    Column("workspace_id", ID, ForeignKey("workspaces.id")),
    Column("digest", code(64), nullable=False, unique=True),
    Column("prefix", code(16), nullable=False),
    Column("name", String(NAME), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("expires_at", Millis),
    Column("revoked_at", Millis),
    _created(),
    # Good on the old service's routes as well, in body and query.
    Column("legacy", Boolean(create_constraint=False), nullable=False, server_default=_ZERO),
)

import_progress = _table(  # how far an import from the present back end has come, step by step
    "import_progress",
    Column("source", code(190), primary_key=True),
    Column("step", code(40), primary_key=True),
    Column("last_id", BIG, nullable=False),
    Column("mark", BIG, nullable=False),
    Column("done", Boolean(create_constraint=False), nullable=False),
    Column("tally", LONG_TEXT, nullable=False),
    Column("updated_at", Millis, nullable=False),
)

settings = _table(
    "settings",
    Column("name", code(120), primary_key=True),
    Column("value", LONG_TEXT, nullable=False),
    Column("updated_at", Millis, nullable=False),
)
