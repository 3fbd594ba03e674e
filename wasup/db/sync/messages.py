"""Messages, receipts and outcomes: the rules of what they change."""

from typing import Any, Final

import msgspec

from wasup.db.journal import Journal
from wasup.db.sync.rows import QUIET, ChatRow, MessageRow, PendingRow, Person, advance, fit_id, preview, type_of
from wasup.db.sync.world import World, display_name
from wasup.db.tables import NAME, PREVIEW
from wasup.identifiers import phone_of
from wasup.ports.events import EventData, MessageReceived, MessageSent, MessageStatusChanged
from wasup.ports.messages import Edit, Message, MessageStatus, Revoke, SendOutcome, Text, deletion_id
from wasup.ports.store import IncomingBatch

__all__ = ["MessageApplier"]

_CONFIRMS: Final = {MessageStatus.DELIVERED: "delivered", MessageStatus.READ: "read"}


class MessageApplier:
    """What an account's messages do to its rows."""

    def __init__(self, world: World, journal: Journal, batch: IncomingBatch, *, now: int) -> None:
        self.world = world
        self.journal = journal
        self.batch = batch
        self.account_id = batch.fence.account_id
        self.now = now
        self.new_messages = 0
        self.duplicates = 0
        self.seen: dict[tuple[str, int], tuple[str | None, str | None]] = {}

    def tell(self, kind: type[Any], **fields: Any) -> None:
        """Add an event to the journal."""
        batch = self.batch

        def make(seq: int) -> EventData:
            event: EventData = kind(
                workspace_id=batch.workspace_id,
                whatsapp_account_id=self.account_id,
                provider_type=batch.provider_type,
                account_seq=seq,
                **fields,
            )
            return event

        self.journal.add(self.account_id, batch.workspace_id, make)

    def message(self, item: Message) -> None:
        """Store a message that is not stored yet, with all that follows from it."""
        message_id = fit_id(item.id)
        stored = self.world.messages.get((message_id, self.account_id, item.from_me))
        if stored is not None:
            self.duplicates += 1
            if item.from_me and stored.waiting:  # the echo of a send whose answer was lost
                self._sent(stored, item.timestamp)
            if stored.history and not item.history:  # a synchronisation was faster than the news
                stored.history, stored.dirty = False, True
                self._tell_message(item, stored, Person.of(item.sender, item.sender_alt))
            return
        if self._is_known_deletion(item):
            self.duplicates += 1
            return
        self.new_messages += 1
        person = Person.of(item.chat, item.chat_alt)
        chat, _ = self.chat(person, item)
        sender = Person.of(item.sender, item.sender_alt)
        row = MessageRow(
            None,
            self.account_id,
            self.batch.workspace_id,
            message_id,
            item.from_me,
            chat,
            type_of(item.content),
            MessageStatus.SENT if item.from_me else MessageStatus.RECEIVED,
            item.timestamp,
            content=item.content,
            sender=sender.jid,
            sender_lid=sender.lid,
            quoted_id=None if item.quoted_id is None else fit_id(item.quoted_id),
            sent_at=item.timestamp if item.from_me else None,
            history=item.history,
        )
        self.world.messages[message_id, self.account_id, item.from_me] = row
        self.world.new_messages.append(row)
        if not isinstance(item.content, QUIET):
            self.show_last(chat, row)
            if not item.from_me and not item.history:
                chat.unread_count += 1
                chat.news = True
        if not item.history:
            self._tell_message(item, row, sender)
        self._carry_out(row)
        self._apply_pending(row, quiet=item.history)

    def _is_known_deletion(self, item: Message) -> bool:
        """Whether it was only found by what it has done, and was told under its own id before."""
        if not isinstance(item.content, Revoke) or item.id != deletion_id(item.content.target_id):
            return False
        target = self.world.find_message(self.account_id, fit_id(item.content.target_id), from_me=item.from_me)
        return target is not None and target.revoked_at is not None

    def chat(self, person: Person, item: Message | None) -> tuple[ChatRow, bool]:
        """The chat with a person or group, made if there is none; and whether it was made."""
        group = person.jid.endswith("@g.us")
        if not group:
            person = self.world.full_identity(self.account_id, person)
        chat = self.world.find_chat(self.account_id, person)
        fresh = chat is None
        if chat is None:
            chat = ChatRow(
                None,
                self.account_id,
                self.batch.workspace_id,
                person.jid,
                person.lid,
                "group" if group else "private",
                self.batch.provider_type,
                contact_phone=phone_of(person.jid),
                dirty=True,
            )
            self.world.add_chat(chat)
        if group:
            self._name_group(chat, item)
        else:
            self._name_person(chat, person, item)
        return chat, fresh

    def _name_group(self, chat: ChatRow, item: Message | None) -> None:
        subject = item.chat_name if item is not None else None
        if chat.group_id is None or (subject and subject[:NAME] != chat.contact_name):
            group = self.world.find_group(self.account_id, self.batch.workspace_id, chat.jid)
            chat.group = group
            # A message tells a subject in passing and may be old: it never replaces one that is known.
            if subject and group.name is None:
                group.name, group.dirty = subject[:NAME], True
            if group.name is not None:
                self.rename(chat, group.name)
        if item is not None and not item.from_me and (item.sender, self.account_id) in self.world.people:
            self._meet(Person.of(item.sender, item.sender_alt), item.push_name, None)
            self.seen[item.sender, self.account_id] = (item.sender_alt, item.push_name)

    def _name_person(self, chat: ChatRow, person: Person, item: Message | None) -> None:
        if (person.jid, self.account_id) not in self.world.people and chat.id is not None and item is not None \
                and (item.chat, self.account_id) not in self.world.people:  # fmt: skip
            return
        mine = item is None or item.from_me
        push_name = None if mine or item is None else item.push_name
        contact = self._meet(person, push_name, item.chat_name if item is not None else None)
        if chat.contact_id is None and chat.contact is None:
            chat.contact, chat.dirty = contact, True
        self.rename(chat, display_name(contact, chat.contact_phone))
        if item is not None and not mine:
            self.seen[item.chat, self.account_id] = (item.chat_alt, item.push_name)

    def _meet(self, person: Person, push_name: str | None, name: str | None) -> Any:
        contact = self.world.find_contact(self.account_id, self.batch.workspace_id, person)
        if push_name and contact.push_name != push_name[:NAME]:
            contact.push_name, contact.dirty = push_name[:NAME], True
        if name and contact.name != name[:NAME]:
            contact.name, contact.dirty = name[:NAME], True
        if person.lid is not None:
            self.world.find_chat(self.account_id, Person(contact.jid, contact.lid))  # two of them become one
        return contact

    def rename(self, chat: ChatRow, name: str | None) -> None:
        """Set the name that a chat is shown with."""
        if name is not None and chat.contact_name != name[:NAME]:
            chat.contact_name, chat.dirty = name[:NAME], True

    def show_last(self, chat: ChatRow, row: MessageRow) -> None:
        """Make a message its chat's last one, unless the chat has a newer one."""
        chat = chat.final()
        if row.content is not None and row.timestamp >= (chat.last_message_at or 0):
            chat.last_message = preview(row.content)[:PREVIEW]
            chat.last_message_id, chat.last_message_at, chat.news = row.message_id, row.timestamp, True
        if row.from_me and row.timestamp >= (chat.last_outgoing_at or 0):
            chat.last_outgoing_id, chat.last_outgoing_at = row.message_id, row.timestamp
            chat.message_status, chat.dirty = row.status.value, True

    def _tell_message(self, item: Message, row: MessageRow, sender: Person) -> None:
        chat = row.chat.final()
        common = {
            "message_id": row.message_id,
            **_of_chat(chat),
            "quoted_id": item.quoted_id,
            "timestamp": item.timestamp,
            "content": item.content,
        }
        if item.from_me:
            self.tell(MessageSent, source="phone", chat_name=chat.contact_name, **common)
            return
        if chat.chat_type == "private":
            sender = Person(chat.jid, chat.lid)
        else:
            sender = self.world.full_identity(self.account_id, sender)
        self.tell(
            MessageReceived,
            sender=sender.jid,
            sender_lid=sender.lid,
            sender_phone=phone_of(sender.jid),
            sender_name=item.push_name,
            chat_name=chat.contact_name,
            **common,
        )

    def receipt(self, message_id: str, status: MessageStatus, at: int) -> None:
        """Move a message of ours on; a receipt that comes before its message is kept for it.

        In a group the first member's receipt counts: wasup does not keep one status per member.
        """
        message_id = fit_id(message_id)
        row = self.world.messages.get((message_id, self.account_id, True))
        if row is None:
            if status in _CONFIRMS:
                self._keep(message_id, _CONFIRMS[status], None, at)
        elif status in _CONFIRMS:
            if row.waiting:  # it has arrived: the outcome of the send is on its way, or was lost with its connection
                self._sent(row, at)
            self._advance(row, status, at, None)

    def outcome(self, item: SendOutcome) -> None:
        """Record what became of a send."""
        row = self.world.messages.get((fit_id(item.message_id), self.account_id, True))
        if row is None:
            return
        if item.status is MessageStatus.SENDING:
            self._advance(row, MessageStatus.SENDING, item.timestamp, None, quiet=True)
        elif item.status is MessageStatus.SENT:
            self._sent(row, item.timestamp)
        elif item.status is MessageStatus.FAILED:
            error = item.error[:PREVIEW] if item.error is not None else None
            self._advance(row, MessageStatus.FAILED, item.timestamp, error)

    def _sent(self, row: MessageRow, at: int) -> None:
        was_waiting = row.waiting
        if self._advance(row, MessageStatus.SENT, at, None) and was_waiting and row.content is not None:
            chat = row.chat.final()
            self.tell(
                MessageSent,
                message_id=row.message_id,
                **_of_chat(chat),
                chat_name=chat.contact_name,
                source="api",
                quoted_id=row.quoted_id,
                timestamp=at,
                content=row.content,
            )
            self._carry_out(row)

    def _advance(
        self, row: MessageRow, status: MessageStatus, at: int, error: str | None, *, quiet: bool = False
    ) -> bool:
        if not advance(row, status, at, error):
            return False
        chat = row.chat.final()
        if chat.last_outgoing_id == row.message_id:
            chat.message_status, chat.dirty = row.status.value, True
        if not quiet:
            self.tell(
                MessageStatusChanged,
                message_id=row.message_id,
                **_of_chat(chat),
                status=row.status.value,
                error=row.error,
                timestamp=at,
            )
        return True

    def _carry_out(self, row: MessageRow) -> None:
        """Do to another message what this one says, if that is what it is for."""
        if isinstance(row.content, Edit):
            self._change_target(row, "edit", row.content.target_id, row.content.body)
        elif isinstance(row.content, Revoke):
            self._change_target(row, "revoke", row.content.target_id, None)

    def _change_target(self, row: MessageRow, change: str, target_id: str, body: str | None) -> None:
        target_id = fit_id(target_id)
        target = self.world.find_message(self.account_id, target_id, from_me=row.from_me)
        if target is None:
            self._keep(target_id, change, body, row.timestamp)
        else:
            self._change(target, change, body, row.timestamp)

    def _change(self, target: MessageRow, change: str, body: str | None, at: int) -> None:
        if change == "revoke":
            if target.revoked_at is None:
                target.revoked_at, target.dirty = at, True
            return
        if target.content is None or at < (target.edited_at or 0):  # a later edit has come first
            return
        if isinstance(target.content, Text):
            target.content = Text(body=body or "")
        elif hasattr(target.content, "caption"):
            target.content = msgspec.structs.replace(target.content, caption=body or "")
        else:
            return
        target.edited_at, target.dirty, target.rewritten = at, True, True
        chat = target.chat.final()
        if chat.last_message_id == target.message_id:
            chat.last_message, chat.dirty = preview(target.content)[:PREVIEW], True

    def _keep(self, message_id: str, change: str, content: str | None, at: int) -> None:
        rows = self.world.pending.setdefault((message_id, self.account_id), [])
        for row in rows:
            if row.change == change:
                if change == "edit" and at >= row.timestamp:  # the newest edit is the one that counts
                    row.content, row.timestamp, row.changed = content, at, True
                return
        rows.append(PendingRow(message_id, self.account_id, change, content, at, stored=False))

    def _apply_pending(self, row: MessageRow, *, quiet: bool) -> None:
        waiting = self.world.pending.get((row.message_id, self.account_id), ())
        for change in sorted(waiting, key=lambda change: change.change):  # delivered before read
            if change.applied:
                continue
            if change.change in _CONFIRMS.values():
                if row.from_me:
                    self._advance(row, MessageStatus(change.change), change.timestamp, None, quiet=quiet)
                    change.applied = True
            else:
                self._change(row, change.change, change.content, change.timestamp)
                change.applied = True


def _of_chat(chat: ChatRow) -> dict[str, str | None]:
    """What events say of a chat: the ids of its person or group."""
    return {
        "chat": chat.jid,
        "chat_type": chat.chat_type,
        "chat_phone": chat.contact_phone,
        "chat_lid": chat.lid,
    }
