"""The chat of a message that is to be sent: found by either identity of the person, or made."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, or_, select, update

from wasup.db.sync.rows import QUIET, preview
from wasup.db.tables import PREVIEW, chats, contacts, whatsapp_groups
from wasup.identifiers import kind_of, phone_of
from wasup.ports.messages import MessageStatus
from wasup.ports.store import OutgoingMessage, StoredMessage

__all__ = ["ensure_chat", "mirror_status", "show_outgoing"]


def ensure_chat(connection: Connection, message: OutgoingMessage, now: int) -> int:
    """The id of the chat row that `message` belongs to; the account must be locked."""
    account_id, jid = message.fence.account_id, message.chat
    found = connection.execute(
        select(chats.c.id)
        .where(chats.c.whatsapp_account_id == account_id, or_(chats.c.jid == jid, chats.c.lid == jid))
        .order_by(chats.c.id)
        .limit(1)
    ).scalar()
    if found is not None:
        return int(found)
    group = kind_of(jid) == "group"
    owned = {"workspace_id": message.workspace_id, "whatsapp_account_id": account_id}
    stamps = {"created_at": now, "updated_at": now}
    group_id = contact_id = None
    name: str | None = None
    lid = jid if kind_of(jid) == "lid" else None
    if group:
        group_id = connection.execute(
            select(whatsapp_groups.c.id).where(
                whatsapp_groups.c.whatsapp_account_id == account_id, whatsapp_groups.c.group_jid == jid
            )
        ).scalar()
        if group_id is None:
            made = connection.execute(insert(whatsapp_groups).values(**owned, group_jid=jid, **stamps))
            (group_id,) = made.inserted_primary_key or (None,)
    else:
        person = connection.execute(
            select(contacts)
            .where(contacts.c.whatsapp_account_id == account_id, or_(contacts.c.jid == jid, contacts.c.lid == jid))
            .limit(1)
        ).one_or_none()
        if person is not None:
            # A chat is named by the phone number where it is known.
            contact_id, jid, lid, name = person.id, person.jid, person.lid, person.push_name or person.name
    phone = None if group else phone_of(jid)
    made = connection.execute(
        insert(chats).values(
            **owned,
            jid=jid,
            lid=lid,
            chat_type="group" if group else "private",
            provider_type=message.provider_type,
            group_id=group_id,
            contact_id=contact_id,
            contact_phone=phone,
            contact_name=name or phone,
            unread_count=0,
            archived=False,
            **stamps,
        )
    )
    (chat_id,) = made.inserted_primary_key or (0,)
    return int(chat_id)


def show_outgoing(connection: Connection, message: OutgoingMessage, chat_id: int, now: int) -> None:
    """Make a queued message its chat's last one, unless the chat has a newer one or it is no news."""
    if isinstance(message.content, QUIET):
        return
    connection.execute(
        update(chats)
        .where(chats.c.id == chat_id, or_(chats.c.last_message_at.is_(None), chats.c.last_message_at <= now))
        .values(
            last_message=preview(message.content)[:PREVIEW],
            last_message_id=message.message_id,
            last_message_at=now,
        )
    )
    connection.execute(
        update(chats)
        .where(chats.c.id == chat_id)
        .values(
            message_status=MessageStatus.QUEUED,
            last_outgoing_id=message.message_id,
            last_outgoing_at=now,
            updated_at=now,
        )
    )


def mirror_status(connection: Connection, messages: Sequence[StoredMessage], status: MessageStatus) -> None:
    """Show the new status of messages in those chats whose last outgoing message they are."""
    connection.execute(
        update(chats)
        .where(
            chats.c.id.in_(sorted({message.chat_id for message in messages})),
            chats.c.last_outgoing_id.in_([message.message_id for message in messages]),
        )
        .values(message_status=status)
    )
