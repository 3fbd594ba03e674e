"""Applies the items of one account, in their order, to the rows in memory, and tells the journal of it."""

import msgspec

from wasup.db.journal import Journal
from wasup.db.sync.messages import MessageApplier
from wasup.db.sync.rows import ChatRow, ContactRow, Person, fit_id
from wasup.db.sync.statuses import StatusWriter
from wasup.db.sync.world import World, display_name
from wasup.db.tables import NAME
from wasup.ports.events import ChatSynced, ContactSynced, GroupUpdated, SyncedChat, SyncedContact, SyncProgressed
from wasup.ports.messages import (
    ChatChanged,
    ContactChanged,
    GroupChanged,
    Message,
    Receipt,
    SendOutcome,
)
from wasup.ports.sync import IncomingBatch, QrOffer, StatusChange, StoreItem, SyncPhase, SyncStep, Watermark

__all__ = ["Applier"]

_encode = msgspec.json.Encoder().encode
_CHATS, _CONTACTS = 50, 200  # in one event


class Applier(MessageApplier):
    """Applies one account's batch."""

    def __init__(
        self, world: World, journal: Journal, statuses: StatusWriter, batch: IncomingBatch, *, now: int
    ) -> None:
        super().__init__(world, journal, batch, now=now)
        self._journal_of_statuses = journal
        self._statuses = statuses
        self._changed_chats: list[ChatRow] = []
        self._changed_contacts: list[ContactRow] = []

    def apply(self) -> None:
        """Apply all items."""
        for item in self.batch.items:
            self._one(item)
        self._tell_changes()

    def _tell_changes(self) -> None:
        """Tell of the chats and contacts that changed, as they are in the end, a bounded number in an event."""
        chats = list({id(row): row for row in (chat.final() for chat in self._changed_chats)}.values())
        for start in range(0, len(chats), _CHATS):
            part = chats[start : start + _CHATS]
            told = tuple(_synced_chat(chat) for chat in part)
            self.tell(ChatSynced, count=len(part), chats=told, timestamp=self.now)
        contacts = list({id(row): row for row in self._changed_contacts}.values())
        for start in range(0, len(contacts), _CONTACTS):
            part_of = contacts[start : start + _CONTACTS]
            people = tuple(_synced_contact(contact) for contact in part_of)
            self.tell(ContactSynced, count=len(part_of), contacts=people, timestamp=self.now)

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
            case SyncStep():
                self._synchronised(item)
            case Watermark():
                self._mark(item)

    def _synchronised(self, step: SyncStep) -> None:
        if step.phase is SyncPhase.DONE:
            self._statuses.synchronised(self.account_id, self.now)
        self.tell(SyncProgressed, phase=step.phase.value, done=step.done, total=step.total, timestamp=self.now)

    def _mark(self, mark: Watermark) -> None:
        chat = self.world.find_chat(self.account_id, Person.of(mark.chat))
        if chat is None:  # its only message was refused
            return
        if chat.watermark_at is None or mark.timestamp >= chat.watermark_at:
            chat.watermark_id = None if mark.message_id is None else fit_id(mark.message_id)
            chat.watermark_at, chat.marked = mark.timestamp, True

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
        # A list of chats may have been asked for before a message that is stored by now.
        stale = item.last_message_at is not None and item.last_message_at < (chat.last_message_at or 0)
        if not stale and item.unread_count is not None and item.unread_count != chat.unread_count:
            chat.unread_count, changed = max(item.unread_count, 0), True
        if not stale and item.archived is not None and item.archived != chat.archived:
            chat.archived, changed = item.archived, True
        if item.last_message_at is not None and item.last_message_at > (chat.last_message_at or 0):
            chat.last_message_at, changed = item.last_message_at, True
        chat.dirty |= changed
        if changed:
            self._changed_chats.append(chat)

    def _contact_changed(self, item: ContactChanged) -> None:
        person = Person.of(item.id, item.alt)
        if person.jid.endswith("@g.us"):
            return
        key = (person.jid, self.account_id)
        fresh = key not in self.world.contacts and (person.lid, self.account_id) not in self.world.contacts
        contact = self.world.find_contact(self.account_id, self.batch.workspace_id, person)
        changed = self._name(contact, name=item.name, push_name=item.push_name)
        if fresh or changed:
            self._changed_contacts.append(contact)

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

    def _mapped(self, person: Person) -> None:
        """Both ids of somebody: whoever is known by one of them is known by both from now on."""
        keys = ((person.jid, self.account_id), (person.lid, self.account_id))
        if any(key in self.world.contacts for key in keys):
            self.world.find_contact(self.account_id, self.batch.workspace_id, person)
        self.world.find_chat(self.account_id, person)

    def _group_changed(self, item: GroupChanged) -> None:
        for member in item.participants or ():
            if member.alt is not None:
                self._mapped(Person.of(member.id, member.alt))
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
            members=item.participants,
            timestamp=self.now,
        )


def _synced_chat(chat: ChatRow) -> SyncedChat:
    return SyncedChat(
        chat=chat.jid,
        chat_type=chat.chat_type,
        chat_phone=chat.contact_phone,
        chat_lid=chat.lid,
        name=chat.contact_name,
        unread_count=chat.unread_count,
        archived=chat.archived,
        last_message=chat.last_message,
        last_message_at=chat.last_message_at,
        message_status=chat.message_status,
    )


def _synced_contact(contact: ContactRow) -> SyncedContact:
    return SyncedContact(
        contact=contact.jid, phone=contact.phone, lid=contact.lid, name=contact.name, push_name=contact.push_name
    )
