"""Writes messages and the chats that they make up. No event is told of them, and nothing is queued to be sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.importer.directory import Entry, Key, ensure, ids_of
from wasup.importer.mapping import RANK, MappedMessage
from wasup.importer.progress import TableProgress
from wasup.importer.report import Skip, Tally
from wasup.ports.messages import MessageStatus

__all__ = ["write_messages"]

_MESSAGE_COLUMNS = (
    "workspace_id", "whatsapp_account_id", "chat_id", "message_id", "from_me", "sender", "type", "content", "status",
    "error", "timestamp", "sent_at", "delivered_at", "read_at", "created_at",
)  # fmt: skip
_CHAT_COLUMNS = (
    "workspace_id", "whatsapp_account_id", "jid", "lid", "chat_type", "provider_type", "group_id", "contact_id",
    "contact_phone", "contact_name", "created_at", "updated_at",
)  # fmt: skip
_STATUS_SETS = {
    "status": ":",
    "error": ":",
    "sent_at": "COALESCE(sent_at, :)",
    "delivered_at": "COALESCE(delivered_at, :)",
    "read_at": "COALESCE(read_at, :)",
}
_CHAT_SETS = (
    "last_message", "last_message_id", "last_message_at", "unread_count", "message_status", "last_outgoing_id",
    "last_outgoing_at", "updated_at",
)  # fmt: skip


@dataclass(slots=True)
class _Stored:
    """A message that is in wasup's database already."""

    id: int
    chat_id: int
    status: MessageStatus


@dataclass(slots=True)
class _Chat:
    """A chat's row, as far as its messages change it."""

    id: int
    last_message: str | None
    last_message_id: str | None
    last_message_at: int | None
    unread_count: int
    message_status: str | None
    last_outgoing_id: str | None
    last_outgoing_at: int | None
    updated_at: int

    def show(self, message: MappedMessage) -> None:
        """What a list of chats tells, with one more message."""
        if message.timestamp >= (self.last_message_at or 0):
            self.last_message, self.last_message_id = message.preview, message.message_id
            self.last_message_at = message.timestamp
        if message.from_me and message.timestamp >= (self.last_outgoing_at or 0):
            self.last_outgoing_id, self.last_outgoing_at = message.message_id, message.timestamp
            self.message_status = message.status.value
        self.unread_count += message.unread
        self.updated_at = max(self.updated_at, message.created_at)


def write_messages(
    connection: Connection,
    progress: TableProgress,
    *,
    driver: Driver,
    mapped: Sequence[tuple[int, MappedMessage | Skip]],
) -> Tally:
    """Write messages; returns the tally with them.

    Args:
        connection: in whose transaction.
        progress: of the step of messages.
        driver: how to say it to the database.
        mapped: ids of the back end's rows, and what they stand for.
    """
    tally = progress.fresh_tally()
    messages = []
    for source_id, result in mapped:
        if isinstance(result, Skip):
            tally.skip(result, source_id)
        else:
            messages.append(result)
    stored = _stored(connection, driver, messages)
    new: dict[tuple[str, int, bool], MappedMessage] = {}
    moved: dict[int, tuple[_Stored, MappedMessage]] = {}
    for message in messages:
        there, twin = stored.get(message.key), new.get(message.key)
        if there is not None:
            moves = _further(there.status, message.status)
            if moves:
                there.status = message.status
                moved[there.id] = (there, message)
            if there.id > progress.mark:
                tally.merged += 1
            elif moves:
                tally.updated += 1
            else:
                tally.already_there += 1
        elif twin is not None:
            tally.merged += 1
            _join(twin, message)
        else:
            new[message.key] = message
            tally.copied += 1
            for note in message.notes:
                tally.note(note, message.source_id)
    fresh = list(new.values())
    chats = _chats(connection, driver, fresh)
    _insert(connection, driver, fresh, chats)
    _show(connection, driver, fresh, chats)
    _move(connection, driver, list(moved.values()))
    return tally


def _further(old: MessageStatus, new: MessageStatus) -> bool:
    """Whether a status goes forward; what wasup itself is about to send is left alone."""
    return old in RANK and new in RANK and RANK[new] > RANK[old]


def _join(first: MappedMessage, second: MappedMessage) -> None:
    """Two rows of one message: the back end wrote some twice, and told what came later of one of the two alone."""
    if _further(first.status, second.status):
        first.status, first.error = second.status, second.error
    first.sent_at = first.sent_at or second.sent_at
    first.delivered_at = first.delivered_at or second.delivered_at
    first.read_at = first.read_at or second.read_at


def _stored(
    connection: Connection, driver: Driver, messages: Sequence[MappedMessage]
) -> dict[tuple[str, int, bool], _Stored]:
    rows = driver.select_in(
        connection,
        "SELECT id, chat_id, message_id, whatsapp_account_id, from_me, status FROM messages"
        " WHERE (message_id, whatsapp_account_id) IN ",
        sorted({(message.message_id, message.account.id) for message in messages}),
    )
    return {
        (message_id, account_id, bool(from_me)): _Stored(row_id, chat_id, MessageStatus(status))
        for row_id, chat_id, message_id, account_id, from_me, status in rows
    }


def _chats(connection: Connection, driver: Driver, messages: Sequence[MappedMessage]) -> dict[Key, int]:
    """Ids of the messages' chats, which are made if there are none."""
    first: dict[Key, MappedMessage] = {}
    for message in messages:
        first.setdefault((message.chat.jid, message.account.id), message)
    lids = [key for key, message in first.items() if message.chat.lid is not None]
    found = {**ids_of(connection, driver, "chats", "lid", lids), **ids_of(connection, driver, "chats", "jid", first)}
    missing = {key: first[key] for key in sorted(first.keys() - found.keys())}
    if missing:
        parties, _ = ensure(connection, driver, [_entry(message) for message in missing.values()])
        driver.insert(
            connection,
            "chats",
            _CHAT_COLUMNS,
            [
                (
                    message.account.workspace_id, message.account.id, message.chat.jid, message.chat.lid,
                    "group" if message.chat.is_group else "private", message.account.provider_type,
                    parties[key] if message.chat.is_group else None, None if message.chat.is_group else parties[key],
                    message.chat.phone, message.chat_name or message.chat.phone,
                    driver.time(message.created_at), driver.time(message.created_at),
                )
                for key, message in missing.items()
            ],
        )  # fmt: skip
        found |= ids_of(connection, driver, "chats", "jid", missing)
    return found


def _entry(message: MappedMessage) -> Entry:
    return Entry(
        identity=message.chat,
        account=message.account,
        name=message.chat_name,
        created_at=message.created_at,
        updated_at=message.created_at,
    )


def _insert(connection: Connection, driver: Driver, messages: Sequence[MappedMessage], chats: dict[Key, int]) -> None:
    time = driver.time
    driver.insert(
        connection,
        "messages",
        _MESSAGE_COLUMNS,
        [
            (m.account.workspace_id, m.account.id, chats[m.chat.jid, m.account.id], m.message_id, int(m.from_me),
             m.sender, m.type, m.content, m.status.value, m.error, time(m.timestamp), time(m.sent_at),
             time(m.delivered_at), time(m.read_at), time(m.created_at))
            for m in messages
        ],
        long="content",
    )  # fmt: skip


def _show(connection: Connection, driver: Driver, messages: Sequence[MappedMessage], chats: dict[Key, int]) -> None:
    """Bring what a list of chats tells up to date."""
    ms, time = driver.ms, driver.time
    rows = driver.select_in(
        connection,
        "SELECT id, last_message, last_message_id, last_message_at, unread_count, message_status, last_outgoing_id,"
        " last_outgoing_at, updated_at FROM chats WHERE id IN ",
        sorted({chats[m.chat.jid, m.account.id] for m in messages}),
    )
    touched = {
        row[0]: _Chat(row[0], row[1], row[2], ms(row[3]), row[4], row[5], row[6], ms(row[7]), ms(row[8]) or 0)
        for row in rows
    }
    for message in messages:
        touched[chats[message.chat.jid, message.account.id]].show(message)
    driver.update(
        connection,
        "chats",
        keys=("id",),
        sets=dict.fromkeys(_CHAT_SETS, ":"),
        rows=[
            (chat.last_message, chat.last_message_id, time(chat.last_message_at), chat.unread_count,
             chat.message_status, chat.last_outgoing_id, time(chat.last_outgoing_at), time(chat.updated_at), chat.id)
            for _, chat in sorted(touched.items())
        ],
    )  # fmt: skip


def _move(connection: Connection, driver: Driver, moved: Sequence[tuple[_Stored, MappedMessage]]) -> None:
    """Move the statuses of messages forward, and of the chats whose last outgoing ones they are."""
    time = driver.time
    ordered = sorted(moved, key=lambda pair: pair[0].id)
    driver.update(
        connection,
        "messages",
        keys=("id",),
        sets=_STATUS_SETS,
        rows=[
            (m.status.value, m.error, time(m.sent_at), time(m.delivered_at), time(m.read_at), there.id)
            for there, m in ordered
        ],
    )
    driver.update(
        connection,
        "chats",
        keys=("id", "last_outgoing_id"),
        sets={"message_status": ":"},
        rows=[(m.status.value, there.chat_id, m.message_id) for there, m in ordered],
    )
