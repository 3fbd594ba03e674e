"""The chat of a message that is to be sent: found by either identity of the person, or made."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.db.sync.rows import QUIET, preview
from wasup.db.tables import PREVIEW
from wasup.identifiers import kind_of, phone_of
from wasup.ports.messages import MessageStatus
from wasup.ports.store import OutgoingMessage, StoredMessage

__all__ = ["mirror_status", "show_in_chat"]


def show_in_chat(connection: Connection, driver: Driver, message: OutgoingMessage, now: int) -> tuple[int, str]:
    """Make a message that is queued its chat's last one; the account must be locked.

    Not if the chat has a newer one, or it is no news. A chat that is not there is made.

    Returns:
        Row id and WhatsApp id of the chat.
    """
    account_id, jid = message.fence.account_id, message.chat
    found = driver.query(
        connection,
        "SELECT id, jid FROM chats WHERE whatsapp_account_id=? AND (jid=? OR lid=?) ORDER BY id LIMIT 1",
        (account_id, jid, jid),
    )
    if not found:
        return _make(connection, driver, message, now)
    chat_id, jid = found[0]
    shown = _shown(driver, message, now)
    if shown:
        stamp = driver.time(now)
        # MySQL assigns from left to right: the time, by which the others decide, comes last.
        newest = ("last_message", "last_message_id", "last_message_at")
        newer = (f"{n}=CASE WHEN last_message_at IS NULL OR last_message_at<=? THEN ? ELSE {n} END" for n in newest)
        always = [name for name in shown if name not in newest]
        driver.execute(
            connection,
            f"UPDATE chats SET {', '.join(f'{n}=?' for n in always)}, updated_at=?, {', '.join(newer)} WHERE id=?",
            (*(shown[n] for n in always), stamp, *(value for n in newest for value in (stamp, shown[n])), chat_id),
        )
    return int(chat_id), jid


def _shown(driver: Driver, message: OutgoingMessage, now: int) -> dict[str, Any]:
    """What a chat shows of its last message, which this is."""
    if isinstance(message.content, QUIET):
        return {}
    return {
        "message_status": MessageStatus.QUEUED.value,
        "last_outgoing_id": message.message_id,
        "last_outgoing_at": driver.time(now),
        "last_message": preview(message.content)[:PREVIEW],
        "last_message_id": message.message_id,
        "last_message_at": driver.time(now),
    }


def _make(connection: Connection, driver: Driver, message: OutgoingMessage, now: int) -> tuple[int, str]:
    account_id, jid = message.fence.account_id, message.chat
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
            **_shown(driver, message, now),
            **stamps,
        },
    )
    return chat_id, jid


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
