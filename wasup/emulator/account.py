"""One account of the emulator: its devices with their queues, its people, chats and groups.

A device has a queue of items; what is handed over stays its until it is acknowledged, and goes back to the
head of the queue when the connection ends.
"""

import itertools
import time
from collections import deque
from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from wasup.emulator import people, wire
from wasup.emulator.journal import ACKNOWLEDGED, HANDED, Item, Journal
from wasup.emulator.people import Person
from wasup.emulator.settings import EmulatorSettings
from wasup.ports.messages import ChatChanged, ContactChanged, GroupChanged, Message, MessageStatus, Participant, Text
from wasup.ports.session import Me

__all__ = ["Account", "Chat", "Device", "Door", "Group", "Unknown", "now_ms"]

_DELIVERY_BYTES: Final = 256 * 1024  # a delivery is cut when it gets longer than this


def now_ms() -> int:
    """WhatsApp's clock: UTC epoch milliseconds."""
    return time.time_ns() // 1_000_000


class _Written(msgspec.Struct, frozen=True):
    timestamp: int


class Unknown(LookupError):  # noqa: N818 - said of a person, chat, group or account
    """There is no such thing in this world."""


class Door(Protocol):
    """A connection of a device, as the world sees it."""

    def wake(self) -> None:
        """There is something to hand over."""

    def typing(self, chat: str, participant: str | None, *, active: bool) -> None:
        """Somebody writes, or has stopped."""

    def end(self, code: int, detail: str = "", until: float | None = None) -> bool:
        """Say goodbye with WhatsApp's number and close; false if that was done before."""

    def drop(self) -> None:
        """Cut the line without a word."""


class Device:
    """A client linked to an account."""

    _names = itertools.count(1)

    def __init__(self, account: "Account", secret: str) -> None:
        self.account = account
        self.secret = secret
        self.name = f"d{next(self._names)}"
        self.door: Door | None = None
        self.restart_due = False
        self.waiting: deque[Item] = deque()
        self.in_hand: dict[int, list[Item]] = {}
        self.in_hand_count = 0
        self._tokens = itertools.count(1)

    def take(self, *, room: int, journal: Journal) -> tuple[int, list[Item]] | None:
        """Up to `room` items to hand over now, under a new token."""
        if room <= 0 or not self.waiting:
            return None
        moment = time.monotonic()
        items: list[Item] = []
        size = 0
        while self.waiting and len(items) < room and (not items or size < _DELIVERY_BYTES):
            item = self.waiting.popleft()
            size += len(item.raw)
            item.times += 1
            if not item.handed:
                item.handed = moment
            journal.item(HANDED, moment, item)
            items.append(item)
        token = next(self._tokens)
        self.in_hand[token] = items
        self.in_hand_count += len(items)
        return token, items

    def acknowledge(self, tokens: Iterable[int], journal: Journal) -> None:
        """Items that the client has stored; tokens of earlier connections and repeated ones are ignored."""
        moment = time.monotonic()
        for token in tokens:
            items = self.in_hand.pop(token, None)
            if items is None:
                continue
            self.in_hand_count -= len(items)
            for item in items:
                item.acked = moment
                item.raw = b""
                journal.item(ACKNOWLEDGED, moment, item)

    def put_back(self) -> None:
        """The connection has ended: what it had in hand goes to the head of the queue, in order."""
        for items in reversed(self.in_hand.values()):
            self.waiting.extendleft(reversed(items))
        self.in_hand.clear()
        self.in_hand_count = 0


class Chat:
    """A private chat or a group's."""

    __slots__ = ("archived", "id", "kept", "last_at", "name", "person", "statuses", "unread")

    def __init__(self, chat_id: str, *, name: str | None, person: Person | None, keep: int) -> None:
        self.id = chat_id
        self.name = name
        self.person = person
        self.unread = 0
        self.last_at: int | None = None
        self.archived = False
        self.kept: deque[tuple[str, bytes, bool]] = deque(maxlen=keep)
        self.statuses: dict[str, MessageStatus] = {}  # how far the account's own messages are

    def changed(self) -> ChatChanged:
        """The chat as the port tells it."""
        return ChatChanged(
            id=self.id,
            alt=self.person.alt if self.person else None,
            name=self.name,
            unread_count=self.unread,
            last_message_at=self.last_at,
            archived=self.archived,
        )


class Group:
    """A group that the account is in."""

    __slots__ = ("admins", "created_at", "id", "owner", "people", "subject")

    def __init__(self, group_id: str, subject: str, owner: str, created_at: int) -> None:
        self.id = group_id
        self.subject = subject
        self.owner = owner
        self.created_at = created_at
        self.people: dict[str, Person] = {}
        self.admins: set[str] = set()

    def changed(self) -> GroupChanged:
        """The group as the port tells it."""
        return GroupChanged(
            id=self.id,
            subject=self.subject,
            owner=self.owner,
            created_at=self.created_at,
            participants=tuple(
                Participant(id=person.id, alt=person.alt, admin=person.phone in self.admins)
                for person in self.people.values()
            ),
        )


class Account:
    """One WhatsApp number with everything that its phone knows."""

    def __init__(self, phone: str, settings: EmulatorSettings) -> None:
        self.phone = phone
        self.person = Person(phone=phone, push_name=f"Demo {phone[-4:]}", lid=people.lid_of(phone))
        self.devices: dict[str, Device] = {}
        self.banned = False
        self.banned_until: float | None = None
        self.locked = False
        self.proxy_blocked = False
        self.restricted_until: float | None = None
        self.sent: dict[str, int] = {}
        self.answers_to_lose = 0
        self.sends_to_fail: list[tuple[str, bool]] = []
        self.pictures: dict[str, str | None] = {}  # by number or group: a medium's ref, or none
        self._settings = settings
        self._book: dict[str, Person] | None = None
        self._chats: dict[str, Chat] = {}
        self._groups: dict[str, Group] = {}

    @property
    def me(self) -> Me:
        """The account as a client knows it."""
        return Me(id=self.person.pn, lid=self.person.lid, push_name=self.person.push_name, platform="android")

    @property
    def book(self) -> dict[str, Person]:
        """People by each of their identities."""
        self._seed()
        assert self._book is not None
        return self._book

    @property
    def chats(self) -> dict[str, Chat]:
        """Chats by id."""
        self._seed()
        return self._chats

    @property
    def groups(self) -> dict[str, Group]:
        """Groups by id."""
        self._seed()
        return self._groups

    def _seed(self) -> None:
        """What every account starts with; made when first looked at, since 3,000 may never be."""
        if self._book is not None:
            return
        self._book = {}
        then = now_ms() - 3_600_000
        for person in people.SEEDED:
            self.meet(person)
        for place, person in enumerate(people.SEEDED):
            chat = self.open_chat(person.id)
            chat.last_at = then + place * 1000
        group = Group(f"1203630{self.phone[-8:]:0>8}00@g.us", "Test group", self.person.pn, then)
        for person in (self.person, *people.SEEDED[:2]):
            group.people[person.phone] = person
        group.admins.add(self.phone)
        self.add_group(group).last_at = then + 9000
        ada = people.SEEDED[0]
        past = Message(
            id=f"3ASEED{self.phone}",
            chat=ada.id,
            chat_alt=ada.alt,
            sender=ada.id,
            sender_alt=ada.alt,
            from_me=False,
            timestamp=then,
            content=Text(body="hello from the past"),
            push_name=ada.push_name,
            chat_name=ada.name,
        )
        self._chats[ada.id].kept.append((past.id, wire.encode(past), False))
        self._chats[ada.id].unread = 1

    def meet(self, person: Person) -> Person:
        """Put a person in the book."""
        self.book[person.pn] = person
        if person.lid is not None:
            self.book[person.lid] = person
        return person

    def somebody(self, who: str) -> Person:
        """The person behind an id or bare number; a stranger with a number is met on the way.

        Raises:
            Unknown: no such number, or a LID never heard of.
        """
        name = who if "@" in who else f"{who}@c.us"
        known = self.book.get(name)
        if known is not None:
            return known
        digits, _, server = name.partition("@")
        if server != "c.us" or not digits.isascii() or not digits.isdigit() or not 5 <= len(digits) <= 20:
            raise Unknown(f"nobody is known as {who!r}")
        if digits.startswith("000"):
            raise Unknown(f"{digits} is not on WhatsApp")
        return self.meet(Person(phone=digits, push_name=f"person {digits[-4:]}"))

    def add_group(self, group: Group) -> Chat:
        """Be in a group from now on."""
        self._groups[group.id] = group
        return self._chats.setdefault(
            group.id,
            Chat(group.id, name=group.subject, person=None, keep=self._settings.history_per_chat),
        )

    def open_chat(self, chat_id: str) -> Chat:
        """The chat with this id (either identity of a person, a bare number, or a group).

        Raises:
            Unknown: no such person or group.
        """
        chat = self.chats.get(chat_id)
        if chat is not None:
            return chat
        if chat_id.endswith("@g.us"):
            raise Unknown(f"this account is not in a group {chat_id!r}")
        person = self.somebody(chat_id)
        chat = self.chats.get(person.id)
        if chat is None:
            chat = Chat(person.id, name=person.name, person=person, keep=self._settings.history_per_chat)
            self.chats[person.id] = chat
        return chat

    def contacts(self) -> list[ContactChanged]:
        """Everybody in the book, once."""
        once = {person.phone: person for person in self.book.values()}
        return [
            ContactChanged(id=person.id, alt=person.alt, name=person.name, push_name=person.push_name)
            for person in once.values()
        ]

    def own_contact(self) -> ContactChanged:
        """The account as one of its contacts."""
        person = self.person
        return ContactChanged(id=person.id, alt=person.alt, push_name=person.push_name)

    def history(
        self, chat_id: str, after_id: str | None, limit: int, since: int | None = None
    ) -> tuple[list[bytes], bool]:
        """Messages after the given one as JSON, oldest first, and whether newer ones follow.

        Raises:
            Unknown: the chat does not have the message to begin after.
        """
        kept = self.open_chat(chat_id).kept
        start = 0
        if after_id is not None:
            for back, (key, _, _) in enumerate(reversed(kept)):
                if key == after_id:
                    start = len(kept) - back
                    break
            else:
                raise Unknown(f"chat {chat_id} has no message {after_id}")
        page: list[bytes] = []
        size = 0
        for _, raw, _ in itertools.islice(kept, start, None):
            if since is not None and msgspec.json.decode(raw, type=_Written).timestamp < since:
                continue
            if len(page) >= limit or size > _DELIVERY_BYTES * 4:
                return page, True
            page.append(raw)
            size += len(raw)
        return page, False
