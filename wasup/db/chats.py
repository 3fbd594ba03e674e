"""The chat of a message that is to be sent: found by either identity of the person, or made."""

from collections.abc import Sequence

from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.db.sync.rows import QUIET, preview
from wasup.db.tables import PREVIEW
from wasup.identifiers import kind_of, phone_of
from wasup.ports.messages import MessageStatus
from wasup.ports.store import OutgoingMessage, StoredMessage

__all__ = ["ensure_chat", "mirror_status", "show_outgoing"]


def ensure_chat(connection: Connection, driver: Driver, message: OutgoingMessage, now: int) -> tuple[int, str]:
    """Row id and WhatsApp id of the chat that `message` belongs to; the account must be locked."""
    account_id, jid = message.fence.account_id, message.chat
    found = driver.query(
        connection,
        "SELECT id, jid FROM chats WHERE whatsapp_account_id=? AND (jid=? OR lid=?) ORDER BY id LIMIT 1",
        (account_id, jid, jid),
    )
    if found:
        return int(found[0][0]), found[0][1]
    group = kind_of(jid) == "group"
    owned = {"workspace_id": message.workspace_id, "whatsapp_account_id": account_id}
    stamps = {"created_at": driver.time(now), "updated_at": driver.time(now)}
    group_id = contact_id = None
    name: str | None = None
    lid = jid if kind_of(jid) == "lid" else None
    if group:
        known = driver.query(
            connection,
            "SELECT id FROM whatsapp_groups WHERE whatsapp_account_id=? AND group_jid=?",
            (account_id, jid),
        )
        if known:
            group_id = known[0][0]
        else:
            group_id = driver.insert_one(connection, "whatsapp_groups", {**owned, "group_jid": jid, **stamps})
    else:
        person = driver.query(
            connection,
            "SELECT id, jid, lid, COALESCE(NULLIF(push_name, ''), name) FROM contacts"
            " WHERE whatsapp_account_id=? AND (jid=? OR lid=?) LIMIT 1",
            (account_id, jid, jid),
        )
        if person:  # a chat is named by the phone number where it is known
            contact_id, jid, lid, name = person[0]
    phone = None if group else phone_of(jid)
    chat_id = driver.insert_one(
        connection,
        "chats",
        {
            **owned,
            "jid": jid,
            "lid": lid,
            "chat_type": "group" if group else "private",
            "provider_type": message.provider_type,
            "group_id": group_id,
            "contact_id": contact_id,
            "contact_phone": phone,
            "contact_name": name or phone,
            "unread_count": 0,
            "archived": False,
            **stamps,
        },
    )
    return chat_id, jid


def show_outgoing(connection: Connection, driver: Driver, message: OutgoingMessage, chat_id: int, now: int) -> None:
    """Make a queued message its chat's last one, unless the chat has a newer one or it is no news."""
    if isinstance(message.content, QUIET):
        return
    stamp = driver.time(now)
    older = "CASE WHEN last_message_at IS NULL OR last_message_at<=? THEN ? ELSE {0} END"
    # MySQL assigns from left to right: the time, by which the others decide, comes last.
    names = ("last_message", "last_message_id", "last_message_at")
    newest = ", ".join(f"{name}={older.format(name)}" for name in names)
    driver.execute(
        connection,
        f"UPDATE chats SET message_status=?, last_outgoing_id=?, last_outgoing_at=?, updated_at=?, {newest} WHERE id=?",
        (
            MessageStatus.QUEUED.value,
            message.message_id,
            stamp,
            stamp,
            *(stamp, preview(message.content)[:PREVIEW]),
            *(stamp, message.message_id),
            *(stamp, stamp),
            chat_id,
        ),
    )


def mirror_status(
    connection: Connection, driver: Driver, messages: Sequence[StoredMessage], status: MessageStatus
) -> None:
    """Show the new status of messages in those chats whose last outgoing message they are."""
    for chat_id in sorted({message.chat_id for message in messages}):
        ids = [message.message_id for message in messages if message.chat_id == chat_id]
        driver.execute(
            connection,
            f"UPDATE chats SET message_status=? WHERE id=? AND last_outgoing_id IN ({','.join('?' * len(ids))})",
            (status.value, chat_id, *ids),
        )
