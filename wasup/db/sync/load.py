"""Reads what a commit needs to know, in a handful of statements however large the batch is."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.db.sync.rows import ChatRow, ContactRow, GroupRow, MessageRow, PendingRow, fit_id
from wasup.db.sync.world import World
from wasup.ports.messages import (
    ChatChanged,
    ContactChanged,
    Content,
    Edit,
    GroupChanged,
    Message,
    MessageStatus,
    Receipt,
    Revoke,
    SendOutcome,
)
from wasup.ports.sync import IncomingBatch, Watermark

__all__ = ["KnownPeople", "load"]

KnownPeople = dict[tuple[str, int], tuple[str | None, str | None]]
"""(id, account) -> (alt, push name) as last stored, for people whose contact needs no look then."""

_decode = msgspec.json.Decoder(Content).decode
_CHAT = (
    "SELECT id, whatsapp_account_id, workspace_id, jid, lid, chat_type, provider_type, group_id, contact_id,"
    " contact_phone, contact_name, last_message, last_message_id, last_message_at, unread_count, message_status,"
    " last_outgoing_id, last_outgoing_at, archived, watermark_id, watermark_at FROM chats WHERE "
)
_CONTACT = "SELECT id, whatsapp_account_id, workspace_id, jid, lid, phone, name, push_name FROM contacts WHERE "
_Key = tuple[str, int]


def load(connection: Connection, driver: Driver, batches: Sequence[IncomingBatch], known: KnownPeople) -> World:
    """Everything that the batches' items touch."""
    world = World()
    loader = _Loader(connection, driver, world)
    chat_keys: set[_Key] = set()
    message_ids: set[str] = set()
    for batch in batches:
        account_id = batch.fence.account_id
        for item in batch.items:
            chat_keys.update((jid, account_id) for jid in _chat_ids(item, account_id, known))
            message_ids.update(_message_ids(item))
    loader.chats(chat_keys)
    contact_keys: set[_Key] = set()
    group_keys: set[_Key] = set()
    for batch in batches:
        account_id = batch.fence.account_id
        for item in batch.items:
            contact_keys.update((jid, account_id) for jid in _contact_ids(item, account_id, world, known))
            group_keys.update((jid, account_id) for jid in _group_ids(item, account_id, world))
    loader.contacts(contact_keys)
    loader.chats_of_contacts()
    loader.groups(group_keys)
    loader.messages(message_ids, {batch.fence.account_id for batch in batches})
    loader.contents(_outcomes(batches))
    about = {(fit_id(row.content.target_id), row.account_id) for row in world.messages.values()
             if row.waiting and isinstance(row.content, (Edit, Revoke))}  # fmt: skip
    if about:
        targets = {message_id for message_id, _ in about} - message_ids
        loader.messages(targets, {batch.fence.account_id for batch in batches})
        loader.contents(about)
        message_ids |= targets
    loader.pending(message_ids)
    return world


def _chat_ids(item: object, account_id: int, known: KnownPeople) -> Iterable[str]:
    match item:
        case Message():
            yield item.chat
            if item.chat_alt is not None:
                yield item.chat_alt
            if item.sender_alt is not None and known.get((item.sender, account_id), (None,))[0] != item.sender_alt:
                yield item.sender
                yield item.sender_alt
        case ChatChanged() | ContactChanged():
            yield item.id
            if item.alt is not None:
                yield item.alt
        case GroupChanged():
            yield item.id
            yield from _of_both_identities(item)
        case Watermark():
            yield item.chat
        case _:
            pass


def _contact_ids(item: object, account_id: int, world: World, known: KnownPeople) -> Iterable[str]:
    match item:
        case Message() if item.chat.endswith("@g.us"):
            if not item.from_me and known.get((item.sender, account_id)) != (item.sender_alt, item.push_name):
                yield from _both(item.sender, item.sender_alt)
        case Message():
            news = not item.from_me and known.get((item.chat, account_id)) != (item.chat_alt, item.push_name)
            if news or (item.chat, account_id) not in world.chats or item.chat_name is not None:
                yield from _both(item.chat, item.chat_alt)
        case ContactChanged():
            yield from _both(item.id, item.alt)
        case ChatChanged() if not item.id.endswith("@g.us"):
            yield from _both(item.id, item.alt)
        case GroupChanged():
            yield from _of_both_identities(item)
        case _:
            pass


def _of_both_identities(group: GroupChanged) -> Iterable[str]:
    """Members of whom both ids are told: only of them is there something to learn."""
    for member in group.participants or ():
        if member.alt is not None:
            yield member.id
            yield member.alt


def _both(jid: str, alt: str | None) -> Iterable[str]:
    yield jid
    if alt is not None:
        yield alt


def _group_ids(item: object, account_id: int, world: World) -> Iterable[str]:
    match item:
        case Message() if item.chat.endswith("@g.us"):
            chat = world.chats.get((item.chat, account_id))
            if chat is None or (item.chat_name is not None and item.chat_name != chat.contact_name):
                yield item.chat
        case ChatChanged() if item.id.endswith("@g.us"):
            yield item.id
        case GroupChanged():
            yield item.id
        case _:
            pass


def _message_ids(item: object) -> Iterable[str]:
    match item:
        case Message():
            yield fit_id(item.id)
            if isinstance(item.content, (Edit, Revoke)):
                yield fit_id(item.content.target_id)
        case Receipt():
            yield from map(fit_id, item.message_ids)
        case SendOutcome():
            yield fit_id(item.message_id)
        case _:
            pass


def _outcomes(batches: Sequence[IncomingBatch]) -> set[tuple[str, int]]:
    """Messages whose content is needed: what was sent is told with it, and an edit keeps the rest of it.

    Of those that wait to be sent it always is: a receipt, too, may tell that one was.
    """
    wanted: set[tuple[str, int]] = set()
    for batch in batches:
        for item in batch.items:
            match item:
                case SendOutcome():
                    wanted.add((fit_id(item.message_id), batch.fence.account_id))
                case Message(content=Edit() as edit):
                    wanted.add((fit_id(edit.target_id), batch.fence.account_id))
                case Message(from_me=True):
                    wanted.add((fit_id(item.id), batch.fence.account_id))
                case _:
                    pass
    return wanted


class _Loader:
    """The statements; each fills its part of the world."""

    def __init__(self, connection: Connection, driver: Driver, world: World) -> None:
        self._connection = connection
        self._driver = driver
        self._world = world

    def _fetch(self, sql: str, keys: Sequence[object]) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._driver.select_in(self._connection, sql, keys)]

    def chats(self, keys: set[_Key]) -> None:
        self._world.looked_for |= keys
        self._chats(_CHAT + "(jid, whatsapp_account_id) IN ", sorted(keys))
        lids = [key for key in keys if key[0].endswith("@lid") and key not in self._world.chats]
        self._chats(_CHAT + "(lid, whatsapp_account_id) IN ", sorted(lids))

    def _chats(self, sql: str, keys: Sequence[object]) -> None:
        ms = self._driver.ms
        for row in self._fetch(sql, keys):
            chat = ChatRow(*row[:13])
            chat.last_message_at, chat.unread_count, chat.message_status = ms(row[13]), row[14], row[15]
            chat.last_outgoing_id, chat.last_outgoing_at, chat.archived = row[16], ms(row[17]), bool(row[18])
            chat.watermark_id, chat.watermark_at = row[19], ms(row[20])
            self._world.add_chat(chat)

    def chats_of_contacts(self) -> None:
        """Chats under the other identity of somebody whose contact knows both."""
        keys: set[_Key] = set()
        for row in self._world.contacts.values():
            if row.lid is not None and row.lid != row.jid:
                keys |= {(row.jid, row.account_id), (row.lid, row.account_id)}
        keys -= self._world.looked_for
        if keys:
            self.chats(keys)

    def contacts(self, keys: set[_Key]) -> None:
        self._world.people |= keys
        self._contacts("(jid, whatsapp_account_id) IN ", sorted(keys))
        lids = [key for key in keys if key[0].endswith("@lid") and key not in self._world.contacts]
        self._contacts("(lid, whatsapp_account_id) IN ", sorted(lids))

    def _contacts(self, condition: str, keys: Sequence[object]) -> None:
        for row in self._driver.select_in(self._connection, _CONTACT + condition, keys):
            self._world.add_contact(ContactRow(*row))

    def groups(self, keys: set[_Key]) -> None:
        rows = self._fetch(
            "SELECT id, whatsapp_account_id, workspace_id, group_jid, name, owner, participants, participants_count,"
            " group_created_at FROM whatsapp_groups WHERE (group_jid, whatsapp_account_id) IN ",
            sorted(keys),
        )
        for row in rows:
            group = GroupRow(*row[:8])
            group.created_at = self._driver.ms(row[8])
            self._world.groups[group.jid, group.account_id] = group

    def messages(self, message_ids: set[str], accounts: set[int]) -> None:
        ms = self._driver.ms
        rows = self._fetch(
            "SELECT id, whatsapp_account_id, workspace_id, message_id, from_me, chat_id, type, status, timestamp,"
            " quoted_id, error, sent_at, delivered_at, read_at, edited_at, revoked_at, history FROM messages"
            " WHERE message_id IN ",
            sorted(message_ids),
        )
        rows = [row for row in {row[0]: row for row in rows}.values() if row[1] in accounts]
        missing = {row[5] for row in rows} - self._world.chats_by_id.keys()
        self._chats(_CHAT + "id IN ", sorted(missing))
        for row in rows:
            chat = self._world.chats_by_id[row[5]]
            message = MessageRow(
                row[0], row[1], row[2], row[3], bool(row[4]), chat, row[6], MessageStatus(row[7]), ms(row[8]) or 0
            )
            message.quoted_id, message.error = row[9], row[10]
            message.sent_at, message.delivered_at, message.read_at = ms(row[11]), ms(row[12]), ms(row[13])
            message.edited_at, message.revoked_at, message.history = ms(row[14]), ms(row[15]), bool(row[16])
            self._world.messages[message.message_id, message.account_id, message.from_me] = message

    def contents(self, wanted: set[tuple[str, int]]) -> None:
        by_id = {
            row.id: row
            for key, row in self._world.messages.items()
            if row.id is not None and row.content is None and (key[:2] in wanted or row.waiting)
        }
        sql = "SELECT id, content FROM messages WHERE id IN "
        for row_id, content in self._driver.select_in(self._connection, sql, sorted(by_id)):
            by_id[row_id].content = _decode(content)

    def pending(self, message_ids: set[str]) -> None:
        rows = self._fetch(
            "SELECT message_id, whatsapp_account_id, change_kind, content, timestamp FROM pending_changes"
            " WHERE message_id IN ",
            sorted(message_ids),
        )
        for message_id, account_id, change, content, at in {row[:3]: tuple(row) for row in rows}.values():
            row = PendingRow(message_id, account_id, change, content, self._driver.ms(at) or 0, stored=True)
            self._world.pending.setdefault((message_id, account_id), []).append(row)
