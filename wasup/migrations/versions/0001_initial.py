"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from wasup.db.types import Millis
from wasup.ports.store import StoreError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "account_owner",
    "account_logins",
    "account_transitions",
    "contacts",
    "dead_letters",
    "events",
    "message_keys",
    "messages",
    "node",
    "outbox",
    "outbox_lanes",
    "pending_changes",
    "settings",
    "whatsapp_groups",
    "workspaces",
    "api_keys",
    "chats",
    "webhook_endpoints",
    "whatsapp_accounts",
)


_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
_BLOB = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
_OPTIONS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_unicode_ci"))
}


def _code(length: int) -> Any:
    return sa.String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


class ForeignTables(StoreError):  # noqa: N818
    """The database holds tables of another application under the names that wasup needs."""


def _create_table(name: str, *items: Any) -> None:
    # MySQL commits after every statement: a migration that was interrupted finds some tables made.
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *items, **_OPTIONS)


def _create_index(name: str, table: str, columns: list[str], *, unique: bool) -> None:
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns, unique=unique)


def upgrade() -> None:
    present = set(sa.inspect(op.get_bind()).get_table_names())
    taken = present.intersection(_TABLES)
    if taken and "account_owner" not in present:  # the one made first, and a name that no other application has
        raise ForeignTables(
            f"the database has tables that wasup did not make ({', '.join(sorted(taken))}):"
            " give wasup a database of its own"
        )
    _create_table(
        "account_owner",
        sa.Column("whatsapp_account_id", _ID, autoincrement=False, nullable=False),
        sa.Column("incarnation", sa.BigInteger()),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("whatsapp_account_id"),
    )
    _create_index("idx_owner_incarnation", "account_owner", ["incarnation"], unique=False)
    _create_table(
        "account_logins",
        sa.Column("whatsapp_account_id", _ID, autoincrement=False, nullable=False),
        sa.Column("secret", _BLOB, nullable=False),
        sa.Column("updated_at", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("whatsapp_account_id"),
    )
    _create_table(
        "account_transitions",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("whatsapp_account_id", _ID, nullable=False),
        sa.Column(
            "old",
            sa.Enum(
                "disconnected",
                "starting",
                "qr_scanning",
                "authenticated",
                "connected",
                "reconnecting",
                "disconnecting",
                "needs_pairing",
                "suspended",
                "banned",
                "failed",
                name="transition_old",
            ),
            nullable=False,
        ),
        sa.Column(
            "new",
            sa.Enum(
                "disconnected",
                "starting",
                "qr_scanning",
                "authenticated",
                "connected",
                "reconnecting",
                "disconnecting",
                "needs_pairing",
                "suspended",
                "banned",
                "failed",
                name="transition_new",
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.String(length=500), nullable=False),
        sa.Column("at", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _create_index("idx_account_transitions", "account_transitions", ["whatsapp_account_id", "id"], unique=False)
    _create_table(
        "contacts",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("whatsapp_account_id", _ID, nullable=False),
        sa.Column("jid", _code(128), nullable=False),
        sa.Column("lid", _code(128)),
        sa.Column("phone", sa.String(length=50)),
        sa.Column("name", sa.String(length=255)),
        sa.Column("push_name", sa.String(length=255)),
        sa.Column("chat_type", sa.Enum("private", "group", name="contact_chat_type"), nullable=False),
        sa.Column("created_at", Millis(), nullable=False),
        sa.Column("updated_at", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("jid", "whatsapp_account_id", name="uq_contact"),
    )
    _create_index("idx_contact_lid", "contacts", ["lid", "whatsapp_account_id"], unique=False)
    _create_table(
        "dead_letters",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("endpoint_id", _ID, nullable=False),
        sa.Column("whatsapp_account_id", _ID, nullable=False),
        sa.Column("account_seq", sa.BigInteger(), nullable=False),
        sa.Column("previous_seq", sa.BigInteger(), nullable=False),
        sa.Column("event_id", _code(64), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _create_index(
        "idx_dead_letters", "dead_letters", ["endpoint_id", "whatsapp_account_id", "account_seq"], unique=False
    )
    _create_table(
        "events",
        sa.Column("whatsapp_account_id", _ID, autoincrement=False, nullable=False),
        sa.Column("account_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", _code(64), nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("type", _code(40), nullable=False),
        sa.Column("body", _LONG_TEXT, nullable=False),
        sa.Column("created_at", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("whatsapp_account_id", "account_seq"),
    )
    _create_index("idx_event_created", "events", ["created_at"], unique=False)
    _create_table(
        "message_keys",
        sa.Column("workspace_id", _ID, autoincrement=False, nullable=False),
        sa.Column("idempotency_key", _code(190), nullable=False),
        sa.Column("message_row_id", _ID, nullable=False),
        sa.Column("digest", _code(64), nullable=False),
        sa.Column("created_at", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "idempotency_key"),
    )
    _create_table(
        "messages",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("whatsapp_account_id", _ID, nullable=False),
        sa.Column("chat_id", _ID, nullable=False),
        sa.Column("message_id", _code(190), nullable=False),
        sa.Column("from_me", sa.Boolean(), nullable=False),
        sa.Column("sender", _code(128)),
        sa.Column("sender_lid", _code(128)),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("content", _LONG_TEXT, nullable=False),
        sa.Column("quoted_id", _code(190)),
        sa.Column(
            "status",
            sa.Enum("queued", "sending", "sent", "delivered", "read", "failed", "received", name="message_status"),
            nullable=False,
        ),
        sa.Column("error", sa.String(length=500)),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("queue_account_id", _ID),
        sa.Column("timestamp", Millis(), nullable=False),
        sa.Column("sent_at", Millis()),
        sa.Column("delivered_at", Millis()),
        sa.Column("read_at", Millis()),
        sa.Column("edited_at", Millis()),
        sa.Column("revoked_at", Millis()),
        sa.Column("created_at", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id", "whatsapp_account_id", "from_me", name="uq_message"),
    )
    _create_index("idx_account_messages", "messages", ["whatsapp_account_id", "created_at"], unique=False)
    _create_index("idx_chat_messages", "messages", ["chat_id", "created_at"], unique=False)
    _create_index("idx_queue", "messages", ["queue_account_id"], unique=False)
    _create_index("idx_workspace_messages", "messages", ["workspace_id", "created_at"], unique=False)
    _create_table(
        "node",
        sa.Column("incarnation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("node_id", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("state", sa.Enum("live", "draining", "dead", name="node_state"), nullable=False),
        sa.Column("beat", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("connection_id", sa.BigInteger()),
        sa.Column("started_at", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("incarnation"),
    )
    _create_index("idx_node_state", "node", ["state"], unique=False)
    _create_table(
        "outbox",
        sa.Column("whatsapp_account_id", _ID, autoincrement=False, nullable=False),
        sa.Column("endpoint_id", _ID, autoincrement=False, nullable=False),
        sa.Column("account_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("previous_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("whatsapp_account_id", "endpoint_id", "account_seq"),
    )
    _create_table(
        "outbox_lanes",
        sa.Column("whatsapp_account_id", _ID, autoincrement=False, nullable=False),
        sa.Column("endpoint_id", _ID, autoincrement=False, nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", Millis(), nullable=False),
        sa.Column("claimed_by", sa.BigInteger()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=500)),
        sa.PrimaryKeyConstraint("whatsapp_account_id", "endpoint_id"),
    )
    _create_index("idx_lane_claimed", "outbox_lanes", ["state", "claimed_by"], unique=False)
    _create_index(
        "idx_lane_due", "outbox_lanes", ["endpoint_id", "state", "due_at", "whatsapp_account_id"], unique=False
    )
    _create_table(
        "pending_changes",
        sa.Column("message_id", _code(190), nullable=False),
        sa.Column("whatsapp_account_id", _ID, autoincrement=False, nullable=False),
        sa.Column("change_kind", sa.Enum("delivered", "read", "edit", "revoke", name="pending_change"), nullable=False),
        sa.Column("content", _LONG_TEXT),
        sa.Column("timestamp", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "whatsapp_account_id", "change_kind"),
    )
    _create_table(
        "settings",
        sa.Column("name", _code(120), nullable=False),
        sa.Column("value", _LONG_TEXT, nullable=False),
        sa.Column("updated_at", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    _create_table(
        "whatsapp_groups",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("whatsapp_account_id", _ID, nullable=False),
        sa.Column("group_jid", _code(128), nullable=False),
        sa.Column("name", sa.String(length=255)),
        sa.Column("owner", _code(128)),
        sa.Column("participants", _LONG_TEXT),
        sa.Column("participants_count", sa.Integer()),
        sa.Column("group_created_at", Millis()),
        sa.Column("created_at", Millis(), nullable=False),
        sa.Column("updated_at", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("group_jid", "whatsapp_account_id", name="uq_group"),
    )
    _create_table(
        "workspaces",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("uuid", _code(36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", Millis(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid", name="uq_workspaces_uuid"),
    )
    _create_table(
        "api_keys",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("workspace_id", _ID),
        sa.Column("digest", _code(64), nullable=False),
        sa.Column("prefix", _code(16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("expires_at", Millis()),
        sa.Column("revoked_at", Millis()),
        sa.Column("created_at", Millis(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_api_keys_workspace_id"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    _create_table(
        "chats",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("whatsapp_account_id", _ID, nullable=False),
        sa.Column("jid", _code(128), nullable=False),
        sa.Column("lid", _code(128)),
        sa.Column("chat_type", sa.Enum("private", "group", name="chat_type"), nullable=False),
        sa.Column("provider_type", sa.String(length=20), nullable=False),
        sa.Column("group_id", _ID),
        sa.Column("contact_id", _ID),
        sa.Column("contact_phone", sa.String(length=50)),
        sa.Column("contact_name", sa.String(length=255)),
        sa.Column("last_message", sa.String(length=500)),
        sa.Column("last_message_id", _code(190)),
        sa.Column("last_message_at", Millis()),
        sa.Column("unread_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "message_status",
            sa.Enum("queued", "sending", "sent", "delivered", "read", "failed", "received", name="chat_message_status"),
        ),
        sa.Column("last_outgoing_id", _code(190)),
        sa.Column("last_outgoing_at", Millis()),
        sa.Column("archived", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", Millis(), nullable=False),
        sa.Column("updated_at", Millis(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_chats_contact_id"),
        sa.ForeignKeyConstraint(["group_id"], ["whatsapp_groups.id"], name="fk_chats_group_id"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("jid", "whatsapp_account_id", name="uq_chat"),
    )
    _create_index("idx_account_recent", "chats", ["whatsapp_account_id", "last_message_at"], unique=False)
    _create_index("idx_chat_lid", "chats", ["lid", "whatsapp_account_id"], unique=False)
    _create_index("idx_unread", "chats", ["unread_count"], unique=False)
    _create_table(
        "webhook_endpoints",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(length=255), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(length=500)),
        sa.Column("created_at", Millis(), nullable=False),
        sa.Column("updated_at", Millis(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_webhook_endpoints_workspace_id"),
        sa.PrimaryKeyConstraint("id"),
    )
    _create_index("idx_endpoint_workspace", "webhook_endpoints", ["workspace_id"], unique=False)
    _create_table(
        "whatsapp_accounts",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("uuid", _code(36), nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("provider_type", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=255)),
        sa.Column("session_id", _code(191), nullable=False),
        sa.Column("phone_number", sa.String(length=50)),
        sa.Column("lid", _code(128)),
        sa.Column("push_name", sa.String(length=255)),
        sa.Column(
            "status",
            sa.Enum(
                "disconnected",
                "starting",
                "qr_scanning",
                "authenticated",
                "connected",
                "reconnecting",
                "disconnecting",
                "needs_pairing",
                "suspended",
                "banned",
                "failed",
                name="account_status",
            ),
            nullable=False,
        ),
        sa.Column("status_reason", sa.String(length=64)),
        sa.Column("status_detail", sa.String(length=500)),
        sa.Column("status_since", Millis(), nullable=False),
        sa.Column("suspended_until", Millis()),
        sa.Column("desired", sa.Enum("connected", "disconnected", name="account_desired"), nullable=False),
        sa.Column("is_primary", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("qr_code", sa.Text()),
        sa.Column("qr_expires_at", Millis()),
        sa.Column("last_activity_at", Millis()),
        sa.Column("last_connected_at", Millis()),
        sa.Column("created_at", Millis(), nullable=False),
        sa.Column("updated_at", Millis(), nullable=False),
        sa.Column("deleted_at", Millis()),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_whatsapp_accounts_workspace_id"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid", name="uq_whatsapp_accounts_uuid"),
    )
    _create_index("idx_desired", "whatsapp_accounts", ["desired", "last_activity_at"], unique=False)
    _create_index("idx_last_activity", "whatsapp_accounts", ["last_activity_at"], unique=False)
    _create_index("idx_session_id", "whatsapp_accounts", ["session_id"], unique=False)
    _create_index("idx_workspace_status", "whatsapp_accounts", ["workspace_id", "status"], unique=False)


def downgrade() -> None:
    op.drop_table("whatsapp_accounts")
    op.drop_table("webhook_endpoints")
    op.drop_table("chats")
    op.drop_table("api_keys")
    op.drop_table("workspaces")
    op.drop_table("whatsapp_groups")
    op.drop_table("settings")
    op.drop_table("pending_changes")
    op.drop_table("outbox_lanes")
    op.drop_table("outbox")
    op.drop_table("node")
    op.drop_table("messages")
    op.drop_table("message_keys")
    op.drop_table("events")
    op.drop_table("dead_letters")
    op.drop_table("contacts")
    op.drop_table("account_transitions")
    op.drop_table("account_logins")
    op.drop_table("account_owner")
