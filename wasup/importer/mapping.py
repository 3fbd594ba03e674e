"""What a message of the back end becomes in wasup. Pure functions: the same row always gives the same."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from wasup.db.sync.rows import fit_id, preview, type_of
from wasup.db.tables import NAME, PREVIEW
from wasup.importer.content import decode_metadata, is_stub, to_content
from wasup.importer.people import Identity, Serialized, best_identity, group_jid, identity_of, jid_identity, split_id
from wasup.importer.report import Note, Skip
from wasup.importer.rows import SourceAccount, SourceMessage
from wasup.ports.messages import MessageStatus, Unsupported

__all__ = ["RANK", "Accounts", "MappedMessage", "map_message", "map_status"]

_encode = msgspec.json.Encoder().encode

_FIRST: Final = 1_230_768_000_000  # 2009, when WhatsApp began
_LATER: Final = 86_400_000  # a day: what a clock may be wrong by
_S: TypeAlias = MessageStatus
RANK: Final = {_S.FAILED: 0, _S.SENT: 1, _S.DELIVERED: 2, _S.READ: 3}
"""How far an outgoing message came. Receipts outrank a failure: who has read it has received it."""
_WORDS: Final = {"failed": _S.FAILED, "sent": _S.SENT, "delivered": _S.DELIVERED, "read": _S.READ}
_ACKS: Final = {2: _S.SENT, 3: _S.DELIVERED, 4: _S.READ, 5: _S.READ}
_UNKNOWN: Final = "the back end never learnt what became of it"
_FAILED: Final = "failed in the back end"


class Accounts:
    """The accounts that are imported, and which of them a row means that names none."""

    def __init__(
        self, accounts: Iterable[SourceAccount], workspaces: Iterable[int], orphans_to: Iterable[int] = ()
    ) -> None:
        wanted = set(workspaces)
        self._known = {account.id: account for account in accounts if account.workspace_id in wanted}
        self._of_provider: dict[tuple[int, str], list[SourceAccount]] = {}
        self._of_workspace: dict[int, list[SourceAccount]] = {}
        for account in self._known.values():
            self._of_provider.setdefault((account.workspace_id, account.provider_type), []).append(account)
            self._of_workspace.setdefault(account.workspace_id, []).append(account)
        self.workspaces = wanted
        heirs = [self._known[account_id] for account_id in orphans_to if account_id in self._known]
        self._heirs = {heir.workspace_id: heir for heir in heirs}

    def get(self, account_id: int) -> SourceAccount | None:
        """The account, if it is imported."""
        return self._known.get(account_id)

    def home(self, workspace_id: int) -> SourceAccount | None:
        """Where contacts go that no account has written with: the primary account, else the oldest that is left."""
        found = self._of_workspace.get(workspace_id, [])
        return min(found, key=lambda a: (a.deleted_at is not None, not a.is_primary, a.id), default=None)

    def primaries(self) -> set[int]:
        """One for each workspace: the oldest that is marked, else the oldest; never a deleted one."""
        homes = [self.home(workspace_id) for workspace_id in self._of_workspace]
        return {home.id for home in homes if home is not None and home.deleted_at is None}

    def of(self, row: SourceMessage) -> SourceAccount | Skip:
        """The account of a message."""
        if row.workspace_id is not None and row.workspace_id not in self.workspaces:
            return Skip.WORKSPACE_NOT_IMPORTED
        if row.account_id is not None:
            named = self._known.get(row.account_id)
            if named is None:
                return Skip.ACCOUNT_NOT_IMPORTED
            return named if row.workspace_id in {None, named.workspace_id} else Skip.OTHER_WORKSPACE
        return (self._guess(row, row.workspace_id) if row.workspace_id is not None else None) or Skip.NO_ACCOUNT

    def _guess(self, row: SourceMessage, workspace_id: int) -> SourceAccount | None:
        spelling = row.whatsapp_id or ""
        by_id = "meta" if spelling.startswith("wamid.") else "webjs" if split_id(spelling) is not None else None
        provider = row.provider_type or by_id
        contact = row.contact
        if contact is not None and contact.account_id is not None:
            named = self._known.get(contact.account_id)
            if named is not None and named.workspace_id == workspace_id and provider in {None, named.provider_type}:
                return named
        candidates = self._of_provider.get((workspace_id, provider or ""), [])
        return candidates[0] if len(candidates) == 1 else self._heirs.get(workspace_id)


class MappedMessage(msgspec.Struct, kw_only=True):
    """A row of wasup's `messages`, with what its chat needs to know of it."""

    source_id: int
    account: SourceAccount
    chat: Identity
    chat_name: str | None
    message_id: str
    from_me: bool
    sender: str | None
    type: str
    content: str
    preview: str
    status: MessageStatus
    error: str | None
    timestamp: int
    sent_at: int | None
    delivered_at: int | None
    read_at: int | None
    created_at: int
    unread: bool
    notes: list[Note] = []

    @property
    def key(self) -> tuple[str, int, bool]:
        """What no two messages have in common."""
        return self.message_id, self.account.id, self.from_me


def map_message(row: SourceMessage, accounts: Accounts) -> MappedMessage | Skip:
    """The message of a row of `chats`, or why there is none."""
    account = accounts.of(row)
    if isinstance(account, Skip):
        return account
    if row.deleted:
        return Skip.DELETED
    metadata = decode_metadata(row.metadata)
    serialized = split_id(row.whatsapp_id) if row.whatsapp_id is not None else None
    names_a_chat = row.whatsapp_id is not None and "_" not in row.whatsapp_id and "@" in row.whatsapp_id
    if names_a_chat or (row.whatsapp_id is None and metadata is not None and is_stub(metadata)):
        return Skip.CHAT_STUB
    from_me = serialized.from_me if serialized is not None else row.outgoing
    if from_me is None:
        return Skip.NO_DIRECTION
    found = _chat_of(row, account, serialized)
    if isinstance(found, Skip):
        return found
    chat, name = found
    notes = [] if row.account_id is not None else [Note.ACCOUNT_GUESSED]
    content = to_content(metadata, row.metadata, row.media)
    if isinstance(content, Unsupported) and content.name == "unreadable":
        notes.append(Note.CONTENT_UNREADABLE)
    elif isinstance(content, Unsupported) and metadata is not None and metadata.get("has_media"):
        notes.append(Note.MEDIA_UNKNOWN)
    told = metadata or {}
    timestamp = _time_of(told.get("timestamp"), row.created_at)
    if timestamp is None:
        timestamp = row.created_at
        if not from_me:
            notes.append(Note.TIME_FROM_ROW)
    status, error = map_status(row, known=row.whatsapp_id is not None) if from_me else (MessageStatus.RECEIVED, None)
    if error == _UNKNOWN:
        notes.append(Note.OUTCOME_UNKNOWN)
    rank = RANK.get(status, 0)
    return MappedMessage(
        source_id=row.id,
        account=account,
        chat=chat,
        chat_name=name[:NAME] if name else None,
        message_id=fit_id(_message_id(row, serialized)),
        from_me=from_me,
        sender=_sender(account, chat, serialized, told, from_me=from_me),
        type=type_of(content),
        content=_encode(content).decode(),
        preview=preview(content)[:PREVIEW],
        status=status,
        error=error,
        timestamp=timestamp,
        sent_at=(row.sent_at or timestamp) if from_me and rank >= RANK[_S.SENT] else None,
        delivered_at=row.delivered_at if from_me and rank >= RANK[_S.DELIVERED] else None,
        read_at=row.read_at if from_me and rank >= RANK[_S.READ] else None,
        created_at=row.created_at or timestamp,
        unread=not from_me and not row.is_read,
        notes=notes,
    )


def map_status(row: SourceMessage, *, known: bool) -> tuple[MessageStatus, str | None]:
    """How far an outgoing message came, and what went wrong; never one that would be sent again.

    `message_status` and `ack_level` tell where they say more than that it waits; else the free text of `status`,
    which older rows alone have. A message with an id of WhatsApp's (`known`) has left, whatever the row says.
    """
    evidence = [_WORDS.get(row.message_status or ""), _ACKS.get(row.ack_level or 0)]
    if row.read_at is not None:
        evidence.append(MessageStatus.READ)
    elif row.delivered_at is not None:
        evidence.append(MessageStatus.DELIVERED)
    told = [status for status in evidence if status is not None]
    if not told:
        told = [status for status in (_WORDS.get((row.status or "").lower()),) if status is not None]
    if MessageStatus.FAILED in told and max(RANK[status] for status in told) <= RANK[MessageStatus.SENT]:
        return MessageStatus.FAILED, _FAILED
    if told:
        return max(told, key=RANK.__getitem__), None
    return (MessageStatus.SENT, None) if known else (MessageStatus.FAILED, _UNKNOWN)


def _chat_of(
    row: SourceMessage, account: SourceAccount, serialized: Serialized | None
) -> tuple[Identity, str | None] | Skip:
    """Whose chat, and the name that the back end has for it."""
    if row.group_jid is not None:
        jid = group_jid(row.group_jid)
        if jid is not None:
            return Identity(jid), row.group_name
    contact = row.contact
    if contact is not None and contact.workspace_id not in {None, account.workspace_id}:
        contact = None  # another tenant's: no foreign key prevents it
    by_contact = identity_of(contact.phone, group=contact.is_group) if contact is not None else None
    chat_jid = serialized.chat if serialized is not None else None
    if chat_jid is not None and jid_identity(chat_jid) is None:
        return Skip.NOT_A_CHAT
    chat = best_identity(by_contact, chat_jid)
    if chat is None:
        return Skip.NO_CHAT
    # The contact of a group's message may be somebody else's: its name is the chat's only if both are groups.
    fits = contact is not None and (by_contact is None or by_contact.is_group == chat.is_group)
    return chat, contact.name if contact is not None and fits else None


def _message_id(row: SourceMessage, serialized: Serialized | None) -> str:
    """WhatsApp's bare id, as it comes again when history is fetched; of a row without one, a name of its own."""
    if serialized is not None:
        return serialized.id
    return row.whatsapp_id or f"import-{row.uuid}"


def _sender(
    account: SourceAccount,
    chat: Identity,
    serialized: Serialized | None,
    metadata: dict[str, object],
    *,
    from_me: bool,
) -> str | None:
    if from_me:
        mine = identity_of(account.phone_number, group=False)
        return None if mine is None else mine.jid
    if not chat.is_group:
        return chat.jid
    hints: Sequence[object] = (
        serialized.participant if serialized is not None else None,
        metadata.get("author"),
        metadata.get("sender_phone"),
    )
    for hint in hints:
        if isinstance(hint, str) and hint:
            text = hint if "@" in hint else f"{hint.removeprefix('+')}@c.us"
            person = jid_identity(text)
            if person is not None and not person.is_group:
                return person.jid
    return None


def _time_of(told: object, created_at: int) -> int | None:
    """The message's own time, told in seconds; None if it is none that can be."""
    if isinstance(told, str) and told.isascii() and told.isdigit() and len(told) < 16:
        told = int(told)
    if not isinstance(told, int | float) or isinstance(told, bool) or not abs(told) < 1e12:
        return None
    ms = int(told * 1000)
    return ms if _FIRST <= ms <= created_at + _LATER else None
