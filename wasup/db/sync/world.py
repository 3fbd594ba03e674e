"""What a commit knows: the stored rows that its items touch, by their keys, and those that it adds."""

from wasup.db.sync.rows import ChatRow, ContactRow, GroupRow, MessageRow, PendingRow, Person
from wasup.identifiers import phone_of

__all__ = ["World", "display_name"]


def display_name(contact: ContactRow | None, phone: str | None) -> str | None:
    """A person's name: what they call themself, else the saved name, else the phone number."""
    if contact is None:
        return phone
    return contact.push_name or contact.name or contact.phone or phone


class World:
    """Rows of one commit. Chats and contacts are found by either identity of a person."""

    def __init__(self) -> None:
        self.chats: dict[tuple[str, int], ChatRow] = {}
        self.chats_by_id: dict[int, ChatRow] = {}
        self.contacts: dict[tuple[str, int], ContactRow] = {}
        self.groups: dict[tuple[str, int], GroupRow] = {}
        self.messages: dict[tuple[str, int, bool], MessageRow] = {}
        self.pending: dict[tuple[str, int], list[PendingRow]] = {}
        self.looked_for: set[tuple[str, int]] = set()  # chats, by either identity
        self.people: set[tuple[str, int]] = set()  # whose contacts were looked for
        self.new_messages: list[MessageRow] = []
        self.merged_chats: list[tuple[ChatRow, ChatRow]] = []  # (loser, winner)
        self.merged_contacts: list[tuple[ContactRow, ContactRow]] = []

    def add_chat(self, row: ChatRow) -> None:
        """Make a row known."""
        self.chats[row.jid, row.account_id] = row
        if row.lid is not None:
            self.chats[row.lid, row.account_id] = row
        if row.id is not None:
            self.chats_by_id[row.id] = row

    def add_contact(self, row: ContactRow) -> None:
        """Make a row known."""
        self.contacts[row.jid, row.account_id] = row
        if row.lid is not None:
            self.contacts[row.lid, row.account_id] = row

    def find_chat(self, account_id: int, person: Person) -> ChatRow | None:
        """The chat with a person, two of them made one if only now they prove to be the same person's."""
        row = self.chats.get((person.jid, account_id))
        if person.lid is None:
            return row
        other = self.chats.get((person.lid, account_id))
        if row is None:
            row = other
        elif other is not None and other is not row:
            self._merge_chats(other, row)
            self.chats[person.lid, account_id] = row
        if row is not None:
            self._identify(row, person)
        return row

    def _identify(self, row: ChatRow, person: Person) -> None:
        if row.lid is None and person.lid is not None:
            row.lid, row.dirty = person.lid, True
        if row.jid == row.lid and person.jid != person.lid:  # until now only known by the LID
            row.jid, row.contact_phone, row.dirty = person.jid, phone_of(person.jid), True
            row.contact_name = row.contact_name or row.contact_phone
        self.add_chat(row)

    def _merge_chats(self, loser: ChatRow, winner: ChatRow) -> None:
        self.merged_chats.append((loser, winner))
        loser.merged = winner
        winner.dirty = True
        winner.unread_count += loser.unread_count
        winner.contact_name = winner.contact_name or loser.contact_name
        winner.contact = winner.contact or loser.contact
        winner.contact_id = winner.contact_id or loser.contact_id
        winner.archived = winner.archived and loser.archived
        if (loser.last_message_at or 0) > (winner.last_message_at or 0):
            winner.last_message = loser.last_message
            winner.last_message_id, winner.last_message_at = loser.last_message_id, loser.last_message_at
        if (loser.last_outgoing_at or 0) > (winner.last_outgoing_at or 0):
            winner.last_outgoing_id, winner.last_outgoing_at = loser.last_outgoing_id, loser.last_outgoing_at
            winner.message_status = loser.message_status
        if loser.watermark_at is not None and loser.watermark_at < (winner.watermark_at or loser.watermark_at + 1):
            # Up to the lower one both are complete: what lies between the two is asked for again.
            winner.watermark_id, winner.watermark_at, winner.marked = loser.watermark_id, loser.watermark_at, True

    def find_contact(self, account_id: int, workspace_id: int, person: Person) -> ContactRow:
        """The contact of a person, made if there is none, merged if there are two."""
        row = self.contacts.get((person.jid, account_id))
        other = self.contacts.get((person.lid, account_id)) if person.lid is not None else None
        if row is None:
            row = other
        elif other is not None and other is not row:
            self.merged_contacts.append((other, row))
            other.merged = row
            self.contacts[other.jid, account_id] = row
            row.name, row.push_name = row.name or other.name, row.push_name or other.push_name
            row.dirty = True
        if row is None:
            row = ContactRow(None, account_id, workspace_id, person.jid, person.lid, phone_of(person.jid))
        elif row.lid is None and person.lid is not None:
            row.lid, row.dirty = person.lid, True
        if row.jid == row.lid and person.jid != person.lid:
            row.jid, row.phone, row.dirty = person.jid, phone_of(person.jid), True
        self.add_contact(row)
        return row

    def settle_names(self) -> None:
        """Show the chat of everybody whose contact has changed by the name that the contact has in the end."""
        for contact in {id(row): row for row in self.contacts.values()}.values():
            chat = self.chats.get((contact.jid, contact.account_id))
            if contact.dirty and contact.merged is None and chat is not None:
                chat = chat.final()
                name = display_name(contact, chat.contact_phone)
                if name is not None and chat.contact_name != name:
                    chat.contact_name, chat.dirty = name, True

    def full_identity(self, account_id: int, person: Person) -> Person:
        """The person with what the contacts know of their other identity."""
        contact = self.contacts.get((person.jid, account_id))
        if contact is None:
            return person
        return Person(contact.jid, contact.lid or person.lid)

    def find_group(self, account_id: int, workspace_id: int, jid: str) -> GroupRow:
        """The group, made if there is none."""
        row = self.groups.get((jid, account_id))
        if row is None:
            row = self.groups[jid, account_id] = GroupRow(None, account_id, workspace_id, jid)
        return row

    def find_message(self, account_id: int, message_id: str, *, from_me: bool) -> MessageRow | None:
        """A message, in the direction given or else in the other one."""
        row = self.messages.get((message_id, account_id, from_me))
        return row if row is not None else self.messages.get((message_id, account_id, not from_me))
