"""Applies the items of one account, in their order, to the rows in memory, and tells the journal of it."""

import msgspec

from wasup.db.journal import Journal
from wasup.db.sync.messages import MessageApplier
from wasup.db.sync.rows import ContactRow, Person
from wasup.db.sync.statuses import StatusWriter
from wasup.db.sync.world import World, display_name
from wasup.db.tables import NAME
from wasup.ports.events import ChatSynced, ContactSynced, GroupUpdated
from wasup.ports.messages import (
    ChatChanged,
    ContactChanged,
    GroupChanged,
    Message,
    Receipt,
    SendOutcome,
)
from wasup.ports.store import IncomingBatch, QrOffer, StatusChange, StoreItem

__all__ = ["Applier"]

_encode = msgspec.json.Encoder().encode


class Applier(MessageApplier):
    """Applies one account's batch."""

    def __init__(
        self, world: World, journal: Journal, statuses: StatusWriter, batch: IncomingBatch, *, now: int
    ) -> None:
        super().__init__(world, journal, batch, now=now)
        self._journal_of_statuses = journal
        self._statuses = statuses
        self._changed_chats = 0
        self._changed_contacts = 0

    def apply(self) -> None:
        """Apply all items."""
        for item in self.batch.items:
            self._one(item)
        if self._changed_chats:
            self.tell(ChatSynced, count=self._changed_chats, timestamp=self.now)
        if self._changed_contacts:
            self.tell(ContactSynced, count=self._changed_contacts, timestamp=self.now)

    def _one(self, item: StoreItem) -> None:
        match item:
            case Message():
                self.message(item)
            case Receipt():
                for message_id in item.message_ids:
                    self.receipt(message_id, item.status, item.timestamp)
            case SendOutcome():
                self.outcome(item)
            case ChatChanged():
                self._chat_changed(item)
            case ContactChanged():
                self._contact_changed(item)
            case GroupChanged():
                self._group_changed(item)
            case StatusChange():
                self._statuses.changed(self.batch, item, self._journal_of_statuses)
            case QrOffer():
                self._statuses.offered(self.batch, item, self._journal_of_statuses)

    def _chat_changed(self, item: ChatChanged) -> None:
        chat, fresh = self.chat(Person.of(item.id, item.alt), None)
        changed = fresh
        name = item.name[:NAME] if item.name is not None else None
        if name is not None and chat.chat_type == "group":
            group = self.world.find_group(self.account_id, self.batch.workspace_id, chat.jid)
            group.dirty |= group.name != name
            group.name = name
            changed |= chat.contact_name != name
            chat.contact_name = name
        elif name is not None:
            contact = self.world.find_contact(self.account_id, self.batch.workspace_id, Person.of(item.id, item.alt))
            changed |= self._name(contact, name=name, push_name=None)
        if item.unread_count is not None and item.unread_count != chat.unread_count:
            chat.unread_count, changed = max(item.unread_count, 0), True
        if item.archived is not None and item.archived != chat.archived:
            chat.archived, changed = item.archived, True
        if item.last_message_at is not None and item.last_message_at > (chat.last_message_at or 0):
            chat.last_message_at, changed = item.last_message_at, True
        chat.dirty |= changed
        self._changed_chats += changed

    def _contact_changed(self, item: ContactChanged) -> None:
        person = Person.of(item.id, item.alt)
        if person.jid.endswith("@g.us"):
            return
        key = (person.jid, self.account_id)
        fresh = key not in self.world.contacts and (person.lid, self.account_id) not in self.world.contacts
        contact = self.world.find_contact(self.account_id, self.batch.workspace_id, person)
        changed = self._name(contact, name=item.name, push_name=item.push_name)
        self._changed_contacts += fresh or changed

    def _name(self, contact: ContactRow, *, name: str | None, push_name: str | None) -> bool:
        """Set names, and the name of the person's chat; returns whether anything changed."""
        linked = Person(contact.jid, contact.lid)
        before = (contact.name, contact.push_name)
        if name:
            contact.name = name[:NAME]
        if push_name:
            contact.push_name = push_name[:NAME]
        changed = contact.dirty or before != (contact.name, contact.push_name)
        contact.dirty = changed
        chat = self.world.find_chat(self.account_id, linked)
        if chat is not None:
            self.rename(chat, display_name(contact, chat.contact_phone))
            chat.contact = chat.contact or (contact if chat.contact_id is None else None)
            chat.dirty |= chat.contact is not None
        return changed

    def _group_changed(self, item: GroupChanged) -> None:
        fresh = (item.id, self.account_id) not in self.world.groups
        group = self.world.find_group(self.account_id, self.batch.workspace_id, item.id)
        before = (group.name, group.owner, group.created_at, group.participants)
        if item.subject is not None:
            group.name = item.subject[:NAME]
        if item.owner is not None:
            group.owner = item.owner
        if item.created_at is not None:
            group.created_at = item.created_at
        if item.participants is not None:
            group.participants = _encode(item.participants).decode()
            group.participants_count = len(item.participants)
        if not fresh and before == (group.name, group.owner, group.created_at, group.participants):
            return
        group.dirty = True
        chat = self.world.chats.get((item.id, self.account_id))
        if chat is not None and group.name is not None:
            self.rename(chat, group.name)
        self.tell(
            GroupUpdated,
            group=item.id,
            subject=group.name,
            participants=group.participants_count,
            timestamp=self.now,
        )
