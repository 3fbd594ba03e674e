"""The emulator's world: all accounts, and what happens to them.

Nothing here does I/O or looks at a clock of its own accord; doors (network, page) and controls call in.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from wasup.emulator import people, wire
from wasup.emulator.account import Account, Chat, Device, Group, Unknown, now_ms
from wasup.emulator.journal import GIVEN, Item, Journal
from wasup.emulator.people import Person
from wasup.emulator.settings import EmulatorSettings
from wasup.ports.messages import ContactChanged, Content, Message, MessageStatus, Receipt, Text

__all__ = ["MAX_DEVICES", "World"]

MAX_DEVICES: Final = 4  # linked devices of one phone, as WhatsApp allows


class World:
    """All accounts, and what happens to them."""

    def __init__(self, settings: EmulatorSettings, journal: Journal) -> None:
        self.settings = settings
        self.journal = journal
        self.accounts: dict[str, Account] = {}
        self.devices: dict[str, Device] = {}
        self._last_ms = 0

    def clock(self) -> int:
        """Milliseconds that never go back, so that no message is older than the one before it."""
        self._last_ms = max(self._last_ms, now_ms())
        return self._last_ms

    # -- accounts and devices -----------------------------------------------------------------------------

    def account(self, phone: str) -> Account:
        """The account with this number, made if need be."""
        account = self.accounts.get(phone)
        if account is None:
            account = self.accounts[phone] = Account(phone, self.settings)
        return account

    def known(self, phone: str) -> Account:
        """The account with this number.

        Raises:
            Unknown: there is none.
        """
        account = self.accounts.get(phone)
        if account is None:
            raise Unknown(f"there is no account {phone}")
        return account

    def link(self, phone: str) -> Device:
        """Pair a new device. A fifth one unlinks the one that was linked first, as phones do."""
        account = self.account(phone)
        account.locked = False
        if len(account.devices) >= MAX_DEVICES:
            self.unlink(next(iter(account.devices.values())), "too_many_devices")
        device = Device(account, people.new_device_secret())
        account.devices[device.secret] = device
        self.devices[device.secret] = device
        self.journal.note("paired", phone=phone, device=device.name)
        return device

    def unlink(self, device: Device, reason: str) -> None:
        """Take a device off its account and end its connection."""
        device.account.devices.pop(device.secret, None)
        self.devices.pop(device.secret, None)
        self.journal.note("unlinked", phone=device.account.phone, device=device.name, reason=reason)
        if device.door is not None:
            device.door.end(401, reason)

    # -- items ----------------------------------------------------------------------------------------------

    def give(
        self, account: Account, key: str, kind: str, chat: str, raw: bytes, *, but: Device | None = None
    ) -> list[Item]:
        """Put an item into the queue of every device of the account (but one)."""
        given: list[Item] = []
        moment = time.monotonic()
        journal = self.journal
        phone = account.phone
        for device in account.devices.values():
            if device is but:
                continue
            item = Item(key, kind, phone, device.name, chat, raw, moment)
            given.append(item)
            device.waiting.append(item)
            journal.item(GIVEN, moment, item)
            if device.door is not None:
                device.door.wake()
        if not account.devices:
            journal.item(GIVEN, moment, Item(key, kind, phone, None, chat, b"", moment))
        return given

    def give_message(self, account: Account, chat: Chat, message: Message, *, but: Device | None = None) -> None:
        """A message of either direction happens in a chat."""
        raw = wire.encode(message)
        chat.kept.append((message.id, raw, message.from_me))
        chat.last_at = message.timestamp
        if not message.from_me:
            chat.unread += 1
        self.give(account, message.id, "message", chat.id, raw, but=but)

    def incoming(
        self,
        account: Account,
        chat: Chat,
        content: Content,
        *,
        message_id: str | None = None,
        sender: Person | None = None,
        push_name: str | None = None,
        quoted_id: str | None = None,
        from_me: bool = False,
        timestamp: int | None = None,
    ) -> Message:
        """Somebody writes to the account (or its own phone does)."""
        writer = account.person if from_me else sender or self._writer(account, chat)
        message = Message(
            id=message_id or people.incoming_message_id(),
            chat=chat.id,
            chat_alt=chat.person.alt if chat.person else None,
            sender=writer.id,
            sender_alt=writer.alt,
            from_me=from_me,
            timestamp=self.clock() if timestamp is None else timestamp,
            content=content,
            push_name=push_name or writer.push_name,
            chat_name=chat.name,
            quoted_id=quoted_id,
        )
        self.give_message(account, chat, message)
        return message

    @staticmethod
    def _writer(account: Account, chat: Chat) -> Person:
        if chat.person is not None:
            return chat.person
        group = account.groups[chat.id]
        return next((person for person in group.people.values() if person != account.person), account.person)

    # -- what the account does ------------------------------------------------------------------------------

    def send(self, device: Device, frame: wire.Send) -> wire.SentOk | wire.Failed:
        """A client hands over a message of the account."""
        account = device.account
        taken_at = account.sent.get(frame.id)
        if taken_at is not None:
            self.journal.note("repeat", phone=account.phone, id=frame.id, chat=frame.chat)
            return wire.SentOk(n=frame.n, id=frame.id, timestamp=taken_at)
        refused = self._refusal(account, frame)
        if refused is not None:
            self.journal.note("refused", phone=account.phone, id=frame.id, chat=frame.chat, code=refused.code)
            return refused
        chat = account.open_chat(frame.chat)
        taken_at = self.clock()
        account.sent[frame.id] = taken_at
        message = Message(
            id=frame.id,
            chat=chat.id,
            chat_alt=chat.person.alt if chat.person else None,
            sender=account.person.id,
            sender_alt=account.person.alt,
            from_me=True,
            timestamp=taken_at,
            content=frame.content,
            push_name=account.person.push_name,
            chat_name=chat.name,
            quoted_id=frame.quoted_id,
        )
        self.journal.note(
            "send",
            phone=account.phone,
            device=device.name,
            id=frame.id,
            chat=chat.id,
            content=msgspec.to_builtins(frame.content),
            quoted_id=frame.quoted_id,
        )
        self.give_message(account, chat, message, but=device)
        return wire.SentOk(n=frame.n, id=frame.id, timestamp=taken_at)

    def _refusal(self, account: Account, frame: wire.Send) -> wire.Failed | None:
        """Why a message is not taken, if it is not."""
        if account.sends_to_fail:
            code, transient = account.sends_to_fail.pop(0)
            return wire.Failed(n=frame.n, code=code, detail="as the controls asked", transient=transient)
        if isinstance(frame.content, Text) and len(frame.content.body) > 65_536:
            return wire.Failed(n=frame.n, code="too_large", detail="a text has up to 65,536 characters")
        new = frame.chat not in account.chats
        if new and account.restricted_until is not None and time.time() < account.restricted_until:
            return wire.Failed(n=frame.n, code="restricted", detail="463: no new chats for now")
        try:
            account.open_chat(frame.chat)
        except Unknown as error:
            return wire.Failed(n=frame.n, code="unknown_recipient", detail=str(error))
        return None

    def receipts(self, account: Account, chat: Chat, ids: Sequence[str], status: MessageStatus) -> list[Receipt]:
        """The others' phones tell that messages arrived, or were read; in groups each for itself."""
        if chat.person is not None:
            participants: Sequence[str | None] = [None]
        else:
            group = account.groups.get(chat.id)
            everybody = () if group is None else group.people.values()
            participants = [person.id for person in everybody if person.phone != account.phone][:8]
        given = []
        for message_id in ids:
            if chat.statuses.get(message_id) is not MessageStatus.READ:
                chat.statuses[message_id] = status
        for participant in participants:
            receipt = Receipt(
                chat=chat.id,
                message_ids=tuple(ids),
                status=status,
                timestamp=self.clock(),
                participant=participant,
            )
            key = f"receipt:{','.join(ids)}:{status}" + (f":{participant}" if participant else "")
            self.give(account, key, "receipt", chat.id, wire.encode(receipt))
            given.append(receipt)
        return given

    def read_by_others(self, account: Account, chat: Chat, ids: Sequence[str] | None) -> list[str]:
        """Somebody reads the account's messages: the given ones, or all of the chat."""
        mine = list(ids) if ids is not None else [key for key, _, from_me in chat.kept if from_me]
        if mine:
            self.receipts(account, chat, mine, MessageStatus.READ)
        return mine

    def introduce(self, account: Account, person: Person) -> None:
        """The account learns of a person; the chat and its messages stay where they are."""
        account.meet(person)
        changed = ContactChanged(id=person.id, alt=person.alt, name=person.name, push_name=person.push_name)
        self.give(account, f"contact:{person.id}:{self.clock()}", "contact", person.id, wire.encode(changed))

    def change_group(self, account: Account, group: Group) -> None:
        """Tell the account's devices how a group is now."""
        account.chats[group.id].name = group.subject
        self.journal.note("group", phone=account.phone, group=group.id, subject=group.subject)
        self.give(account, f"group:{group.id}:{self.clock()}", "group", group.id, wire.encode(group.changed()))

    def each(self, phone: str | None, act: Callable[[Account], None]) -> int:
        """Do something to one account, or to all; tells to how many."""
        chosen = [self.known(phone)] if phone is not None else list(self.accounts.values())
        for account in chosen:
            act(account)
        return len(chosen)
