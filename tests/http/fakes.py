"""Stores and a directory in memory: as small as the Protocols allow, and able to fail when told to."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from wasup.actors.event_hub import EventHub
from wasup.actors.history import SupervisionHistory
from wasup.actors.messages import AccountState, Refused
from wasup.actors.traffic import Traffic
from wasup.http import HealthPart, HealthReport, HttpSettings, Services, digest_key, new_key, visible_prefix
from wasup.http.overview import Overview
from wasup.identifiers import new_session_id
from wasup.media import Fetched, FetchFailed
from wasup.ports.accounts import Account, AccountStatus, Desired, StatusReason, Transition
from wasup.ports.events import ChatSynced
from wasup.ports.messages import MessageStatus, Text
from wasup.ports.resources import AccountFilter, AuditEntry, BrowserSession, Contact, Group, KeyRecord, MessageMedia
from wasup.ports.store import (
    AccountStats,
    ApiKey,
    Chat,
    DatabaseUnavailable,
    Endpoint,
    NewAccount,
    StoredEvent,
    StoredMessage,
    Totals,
    Waiting,
    Workspace,
)
from wasup.ports.webhooks import Answer as DeliveryAnswer, Outcome
from wasup.supervisor import ExitRecord, MailboxView, TreeNode

NOW = 1_760_000_000_000


class FixedClock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def now_ms(self) -> int:
        """The time it was set to."""
        return self.now


@dataclass
class Rows:
    """The whole fake database, with all stores in one object."""

    away: bool = False
    accounts_by_id: dict[int, Account] = field(default_factory=dict)
    stored: dict[int, StoredMessage] = field(default_factory=dict)
    chats_by_id: dict[int, Chat] = field(default_factory=dict)
    endpoints_by_workspace: dict[int, Endpoint] = field(default_factory=dict)
    tenants: list[Workspace] = field(default_factory=list)
    keys: dict[bytes, ApiKey] = field(default_factory=dict)
    lookups: int = 0
    contacts_by_id: dict[int, Contact] = field(default_factory=dict)
    records: dict[int, KeyRecord] = field(default_factory=dict)
    changes: list[AuditEntry] = field(default_factory=list)
    stored_settings: dict[str, str] = field(default_factory=dict)
    fetched: dict[int, MessageMedia] = field(default_factory=dict)
    files: dict[tuple[int, str], bytes] = field(default_factory=dict)
    logins: dict[bytes, BrowserSession] = field(default_factory=dict)
    planned_waiting: dict[int, Waiting] = field(default_factory=dict)

    def check(self) -> None:
        """Fail as a database that is away does."""
        if self.away:
            raise DatabaseUnavailable("connection refused by 10.0.0.7:3306")

    async def create_account(self, new: NewAccount) -> Account:
        """Insert."""
        self.check()
        account_id = len(self.accounts_by_id) + 1
        account = Account(
            id=account_id,
            uuid=f"uuid-{account_id}",
            workspace_id=new.workspace_id,
            provider_type=new.provider_type,
            name=new.name,
            session_id=new_session_id(new.provider_type, account_id, NOW),
            phone_number=None,
            lid=None,
            push_name=None,
            status=AccountStatus.DISCONNECTED,
            status_reason=None,
            status_detail=None,
            status_since=NOW,
            suspended_until=None,
            desired=Desired.DISCONNECTED,
            is_primary=account_id == 1,
            qr_code="2@a-way-in",
            qr_expires_at=None,
            last_activity_at=None,
            last_connected_at=None,
            created_at=NOW,
            updated_at=NOW,
            deleted_at=None,
        )
        self.accounts_by_id[account_id] = account
        return account

    async def account(self, account_id: int, *, workspace_id: int | None = None) -> Account | None:
        """One, unless hidden."""
        self.check()
        account = self.accounts_by_id.get(account_id)
        return account if account is not None and workspace_id in {None, account.workspace_id} else None

    async def accounts(
        self, *, workspace_id: int | None, status: str | None = None, after_id: int = 0, limit: int = 100
    ) -> list[Account]:
        """A page."""
        self.check()
        rows = [
            row
            for row in self.accounts_by_id.values()
            if row.id > after_id and workspace_id in {None, row.workspace_id} and status in {None, row.status}
        ]
        return rows[:limit]

    async def find_accounts(self, which: AccountFilter, *, after_id: int = 0, limit: int = 100) -> list[Account]:
        """A page."""
        self.check()
        rows = [
            row
            for row in self.accounts_by_id.values()
            if row.id > after_id
            and which.workspace_id in {None, row.workspace_id}
            and which.status in {None, row.status}
            and which.provider_type in {None, row.provider_type}
            and (which.search is None or which.search in (row.name or ""))
            and which.deleted == (row.deleted_at is not None)
        ]
        return rows[:limit]

    async def _change(self, account_id: int, workspace_id: int | None, **values: Any) -> Account | None:
        account = await self.account(account_id, workspace_id=workspace_id)
        if account is not None:
            account = self.accounts_by_id[account_id] = msgspec.structs.replace(account, **values)
        return account

    async def rename_account(self, account_id: int, name: str | None, *, workspace_id: int | None) -> Account | None:
        """Set the name."""
        return await self._change(account_id, workspace_id, name=name)

    async def restore_account(self, account_id: int, *, workspace_id: int | None) -> Account | None:
        """Nothing is ever gone here."""
        return await self._change(account_id, workspace_id, deleted_at=None)

    async def make_primary(self, account_id: int, *, workspace_id: int | None) -> Account | None:
        """Set the flag."""
        return await self._change(account_id, workspace_id, is_primary=True)

    async def sending_account(self, workspace_id: int) -> Account | None:
        """The first."""
        self.check()
        return next((row for row in self.accounts_by_id.values() if row.workspace_id == workspace_id), None)

    async def count_accounts(self, workspace_id: int | None = None) -> dict[str, int]:
        """By status."""
        self.check()
        rows = [row for row in self.accounts_by_id.values() if workspace_id in {None, row.workspace_id}]
        return dict(Counter(str(row.status) for row in rows))

    async def waiting(self) -> dict[int, Waiting]:
        """What was planned."""
        self.check()
        return self.planned_waiting

    async def workspace(self, workspace_id: int) -> Workspace | None:
        """One."""
        self.check()
        return next((row for row in self.tenants if row.id == workspace_id), None)

    async def rename_workspace(self, workspace_id: int, name: str) -> Workspace | None:
        """Set the name."""
        row = await self.workspace(workspace_id)
        if row is None:
            return None
        renamed = self.tenants[self.tenants.index(row)] = msgspec.structs.replace(row, name=name)
        return renamed

    async def contacts(
        self, account_id: int, *, search: str | None = None, after_id: int = 0, limit: int = 100
    ) -> list[Contact]:
        """A page."""
        self.check()
        rows = [row for row in self.contacts_by_id.values() if row.whatsapp_account_id == account_id]
        return [row for row in rows if row.id > after_id and (search or "") in (row.name or "")][:limit]

    async def contact(self, contact_id: int, *, workspace_id: int | None) -> Contact | None:
        """One, unless hidden."""
        self.check()
        row = self.contacts_by_id.get(contact_id)
        return row if row is not None and workspace_id in {None, row.workspace_id} else None

    async def groups(
        self, account_id: int, *, search: str | None = None, after_id: int = 0, limit: int = 100
    ) -> list[Group]:
        """None."""
        self.check()
        return []

    async def group(self, group_id: int, *, workspace_id: int | None) -> Group | None:
        """None."""
        self.check()
        return None

    async def insert_record(self, digest: bytes, key: KeyRecord) -> KeyRecord:
        """Insert."""
        self.check()
        record = msgspec.structs.replace(key, id=len(self.keys) + 1, created_at=NOW)
        self.records[record.id] = record
        self.keys[digest] = ApiKey(
            id=record.id,
            workspace_id=key.workspace_id,
            prefix=key.prefix,
            scopes=key.scopes,
            expires_at=key.expires_at,
            legacy=key.legacy,
        )
        return record

    async def list_records(self, *, workspace_id: int | None, after_id: int = 0, limit: int = 100) -> list[KeyRecord]:
        """A page."""
        self.check()
        rows = [row for row in self.records.values() if workspace_id in {None, row.workspace_id}]
        return [row for row in rows if row.id > after_id][:limit]

    async def key_record(self, key_id: int, *, workspace_id: int | None) -> KeyRecord | None:
        """One, unless hidden."""
        self.check()
        row = self.records.get(key_id)
        return row if row is not None and workspace_id in {None, row.workspace_id} else None

    async def revoke_key(self, key_id: int, *, workspace_id: int | None) -> bool:
        """Forget it."""
        if await self.key_record(key_id, workspace_id=workspace_id) is None:
            return False
        self.keys = {digest: key for digest, key in self.keys.items() if key.id != key_id}
        return True

    async def open_session(self, digest: bytes, *, key_id: int, began_at: int, expires_at: int) -> None:
        """Insert."""
        self.check()
        key = next(key for key in self.keys.values() if key.id == key_id)
        self.logins[digest] = BrowserSession(key=key, began_at=began_at, expires_at=expires_at)

    async def session(self, digest: bytes) -> BrowserSession | None:
        """One, unless its key is gone."""
        self.check()
        self.lookups += 1
        found = self.logins.get(digest)
        return found if found is not None and found.key in self.keys.values() else None

    async def extend_session(self, digest: bytes, *, expires_at: int) -> None:
        """Set its end."""
        self.logins[digest] = msgspec.structs.replace(self.logins[digest], expires_at=expires_at)

    async def close_session(self, digest: bytes) -> None:
        """Forget it."""
        self.check()
        self.logins.pop(digest, None)

    async def record(self, entry: AuditEntry) -> None:
        """Append."""
        self.check()
        self.changes.append(msgspec.structs.replace(entry, id=len(self.changes) + 1))

    async def entries(
        self, *, workspace_id: int | None, before_id: int | None = None, limit: int = 100
    ) -> list[AuditEntry]:
        """Newest first."""
        self.check()
        rows = [row for row in reversed(self.changes) if workspace_id in {None, row.workspace_id}]
        return [row for row in rows if before_id is None or row.id < before_id][:limit]

    async def read_settings(self) -> dict[str, str]:
        """All."""
        self.check()
        return dict(self.stored_settings)

    async def write_settings(self, changes: Mapping[str, str | None]) -> None:
        """Some."""
        self.check()
        for name, value in changes.items():
            self.stored_settings.pop(name, None)
            if value is not None:
                self.stored_settings[name] = value

    async def message_called(self, account_id: int, message_id: str) -> StoredMessage | None:
        """By its WhatsApp id."""
        self.check()
        rows = [row for row in self.stored.values() if row.whatsapp_account_id == account_id]
        return next((row for row in rows if row.message_id == message_id), None)

    async def media_of(self, message_row_id: int) -> MessageMedia | None:
        """One."""
        self.check()
        return self.fetched.get(message_row_id)

    async def remember_media(self, media: MessageMedia) -> None:
        """Insert."""
        self.fetched[media.message_row_id] = media

    async def put(self, workspace_id: int, data: bytes) -> str:
        """Keep bytes."""
        digest = hashlib.sha256(data).hexdigest()
        self.files[workspace_id, digest] = data
        return digest

    async def get(self, workspace_id: int, digest: str) -> bytes:
        """Bytes, or a KeyError, which is a LookupError."""
        return self.files[workspace_id, digest]

    async def transitions(self, account_id: int, *, before_id: int | None = None, limit: int = 50) -> list[Transition]:
        """Three, made up."""
        self.check()
        steps = [
            Transition(
                id=id_,
                account_id=account_id,
                old=AccountStatus.DISCONNECTED,
                new=AccountStatus.STARTING,
                reason=StatusReason.REQUESTED,
                detail="",
                at=NOW + id_,
            )
            for id_ in (3, 2, 1)
        ]
        return [step for step in steps if before_id is None or step.id < before_id][:limit]

    async def delete_account(self, account_id: int, *, workspace_id: int | None = None) -> bool:
        """Drop it."""
        known = await self.account(account_id, workspace_id=workspace_id) is not None
        self.accounts_by_id.pop(account_id, None)
        return known

    async def message(self, message_id: int, *, workspace_id: int | None) -> StoredMessage | None:
        """One, unless hidden."""
        self.check()
        row = self.stored.get(message_id)
        return row if row is not None and workspace_id in {None, row.workspace_id} else None

    async def messages(
        self,
        *,
        workspace_id: int | None,
        account_id: int | None = None,
        chat_id: int | None = None,
        before_id: int | None = None,
        limit: int = 50,
    ) -> list[StoredMessage]:
        """A page, newest first."""
        self.check()
        rows = [
            row
            for row in sorted(self.stored.values(), key=lambda row: -row.id)
            if workspace_id in {None, row.workspace_id}
            and account_id in {None, row.whatsapp_account_id}
            and chat_id in {None, row.chat_id}
            and (before_id is None or row.id < before_id)
        ]
        return rows[:limit]

    async def chats(
        self, *, workspace_id: int | None, account_id: int, before: tuple[int, int] | None = None, limit: int = 20
    ) -> list[Chat]:
        """A page, most recent first."""
        self.check()
        rows = [
            row
            for row in sorted(self.chats_by_id.values(), key=lambda row: (-(row.last_message_at or 0), -row.id))
            if row.whatsapp_account_id == account_id
            and workspace_id in {None, row.workspace_id}
            and (before is None or (row.last_message_at or 0, row.id) < before)
        ]
        return rows[:limit]

    async def chat(self, chat_id: int, *, workspace_id: int | None) -> Chat | None:
        """One, unless hidden."""
        self.check()
        row = self.chats_by_id.get(chat_id)
        return row if row is not None and workspace_id in {None, row.workspace_id} else None

    async def endpoints(self, *, workspace_id: int | None = None) -> list[Endpoint]:
        """All, or a workspace's."""
        self.check()
        return [row for row in self.endpoints_by_workspace.values() if workspace_id in {None, row.workspace_id}]

    async def save_endpoint(self, workspace_id: int, *, url: str, secret: str, events: Sequence[str] = ()) -> Endpoint:
        """Upsert."""
        self.check()
        row = Endpoint(
            id=workspace_id,
            workspace_id=workspace_id,
            url=url,
            secret=secret,
            events=tuple(events),
            enabled=True,
            disabled_reason=None,
        )
        self.endpoints_by_workspace[workspace_id] = row
        return row

    async def create_workspace(self, name: str) -> Workspace:
        """Insert."""
        self.check()
        row = Workspace(id=len(self.tenants) + 1, uuid=f"ws-{len(self.tenants) + 1}", name=name)
        self.tenants.append(row)
        return row

    async def workspaces(self) -> list[Workspace]:
        """All."""
        self.check()
        return self.tenants

    async def key(self, digest: bytes) -> ApiKey | None:
        """By digest, counted."""
        self.check()
        self.lookups += 1
        return self.keys.get(digest)

    async def totals(self) -> Totals:
        """Counts."""
        self.check()
        return Totals(
            accounts=len(self.accounts_by_id), messages_in=0, messages_out=1, events=0, outbox=0, dead_letters=0
        )

    async def account_stats(self, account_ids: Sequence[int]) -> dict[int, AccountStats]:
        """Zeros."""
        self.check()
        return {
            one: AccountStats(account_id=one, chats=0, messages_in=0, messages_out=0, unread=0) for one in account_ids
        }

    async def events(
        self, workspace_id: int | None, account_id: int, after_seq: int = 0, limit: int = 100
    ) -> list[StoredEvent]:
        """Three of them."""
        self.check()
        return [stored_event(seq, workspace_id or 1, account_id) for seq in (1, 2, 3) if seq > after_seq][:limit]

    def add_key(self, workspace_id: int | None, *scopes: str, expires_at: int | None = None) -> str:
        """A new key, as its owner sees it."""
        key = new_key()
        self.keys[digest_key(key)] = ApiKey(
            id=len(self.keys) + 1,
            workspace_id=workspace_id,
            prefix=visible_prefix(key),
            scopes=scopes,
            expires_at=expires_at,
        )
        return key


class FakeDirectory:
    """Answers with what was planned for the type of the request; an exception is raised, a function called."""

    def __init__(self) -> None:
        self.planned: dict[type, Any] = {}
        self.asked: list[tuple[int, Any]] = []
        self.tenants: dict[int, int] = {}

    async def ask(self, account_id: int, request: Any, *, timeout: float) -> Any:
        """The planned answer, else a state."""
        assert timeout > 0
        self.asked.append((account_id, request))
        answer = self.planned.get(type(request))
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Refused):
            return answer
        if callable(answer):
            return answer(account_id, request)
        return answer if answer is not None else state_of(account_id, AccountStatus.STARTING)

    def running(self) -> int:
        """None."""
        return 0

    def workspace_of(self, account_id: int) -> int | None:
        """Of an account that a test says to run here."""
        return self.tenants.get(account_id)

    def forget(self, account_id: int) -> None:
        """It was deleted."""
        self.tenants.pop(account_id, None)


def state_of(account_id: int, status: AccountStatus) -> AccountState:
    """A state that an actor might tell."""
    return AccountState(
        account_id=account_id, desired=Desired.CONNECTED, status=status, reason="requested", detail="", since=NOW
    )


def stored_message(message_id: int, *, workspace_id: int = 1, account_id: int = 1, chat_id: int = 1) -> StoredMessage:
    """A row of messages."""
    return StoredMessage(
        id=message_id,
        workspace_id=workspace_id,
        whatsapp_account_id=account_id,
        chat_id=chat_id,
        chat="5511988887777@c.us",
        message_id=f"3EB0{message_id:018X}",
        from_me=True,
        sender=None,
        type="text",
        content=Text(body="hello"),
        quoted_id=None,
        status=MessageStatus.QUEUED,
        error=None,
        attempts=0,
        timestamp=NOW,
        sent_at=None,
        delivered_at=None,
        read_at=None,
        edited_at=None,
        revoked_at=None,
        created_at=NOW,
    )


def stored_event(seq: int, workspace_id: int, account_id: int) -> StoredEvent:
    """A row of the events log."""
    data = ChatSynced(
        workspace_id=workspace_id,
        whatsapp_account_id=account_id,
        provider_type="emulated",
        account_seq=seq,
        count=1,
        timestamp=NOW,
    )
    return StoredEvent(
        id=f"evt_{seq}", account_id=account_id, account_seq=seq, type="chat.synced", data=data, created_at=NOW
    )


def stored_chat(chat_id: int, *, workspace_id: int = 1, account_id: int = 1, at: int | None = NOW) -> Chat:
    """A row of chats."""
    return Chat(
        id=chat_id,
        workspace_id=workspace_id,
        whatsapp_account_id=account_id,
        jid="5511988887777@c.us",
        lid=None,
        chat_type="private",
        provider_type="emulated",
        group_id=None,
        contact_phone="+5511988887777",
        contact_name="Ana",
        last_message="hello",
        last_message_at=at,
        unread_count=0,
        message_status=None,
    )


def node(path: str, *children: TreeNode, state: str = "running", exits: tuple[ExitRecord, ...] = ()) -> TreeNode:
    """A node of a tree."""
    mailbox = MailboxView(0, 1, 64, 0, 10, 0.5) if not children else None
    kind = "supervisor" if children else "worker"
    return TreeNode(path.rpartition("/")[2], path, kind, state, 1, len(exits), 0.0, None, mailbox, exits, children)


def small_tree() -> TreeNode:
    """Two accounts, one of which has crashed and waits."""
    crash = ExitRecord(1, "crash", "ValueError: boom", (("/srv/wasup/actors/session.py", 7, "run"),), 2.0, 5.0, 1.76e9)
    one = node("root/accounts/1", node("root/accounts/1/session"))
    two = node("root/accounts/2", node("root/accounts/2/session", state="backoff", exits=(crash,)))
    return node("root", node("root/writer-0"), node("root/accounts", one, two))


class KeyRows:
    """The rows as a key ring, whose `keys` and `add_key` are others."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.keys = rows.list_records
        self.add_key = rows.insert_record

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)


class FakeTree:
    """A tree that stands still."""

    def __init__(self) -> None:
        self.root: Callable[[], TreeNode] = small_tree
        self.killed: list[str] = []

    async def snapshot_in_slices(self) -> TreeNode:
        """All of it."""
        return self.root()

    async def look(self, path: str) -> TreeNode | None:
        """One node."""
        found = [self.root()]
        for node in found:
            if node.path == path:
                return node
            found.extend(node.children)
        return None

    def kill(self, path: str) -> bool:
        """Note it; what is not running cannot be killed."""
        self.killed.append(path)
        found = [self.root()]
        for node in found:
            if node.path == path:
                return node.state == "running"
            found.extend(node.children)
        return False


class FakeFetcher:
    """Gives what was planned for an address."""

    def __init__(self) -> None:
        self.planned: dict[str, Fetched] = {}

    async def fetch(self, url: str, *, limit: int) -> Fetched:
        """The planned answer."""
        if url not in self.planned:
            raise FetchFailed("nobody answers there")
        return self.planned[url]


class FakeWebhooks:
    """Notes what it is told; every endpoint takes its test event."""

    def __init__(self) -> None:
        self.rung: list[int] = []
        self.changes = 0

    def changed(self) -> None:
        """Count."""
        self.changes += 1

    def ring(self, endpoint_id: int) -> None:
        """Note."""
        self.rung.append(endpoint_id)

    async def test(self, endpoint: Endpoint) -> DeliveryAnswer:
        """Delivered."""
        return DeliveryAnswer(outcome=Outcome.DELIVERED, detail="200")


class World:
    """The fakes, and the services made of them."""

    def __init__(self, **settings: Any) -> None:
        self.rows = Rows()
        self.rows.tenants = [Workspace(id=1, uuid="ws-1", name="Acme"), Workspace(id=2, uuid="ws-2", name="Other")]
        self.clock = FixedClock()
        self.directory = FakeDirectory()
        self.tree = FakeTree()
        self.history = SupervisionHistory()
        self.hub = EventHub()
        self.traffic = Traffic()
        self.overview = Overview(self.traffic, self.history, self.clock)
        self.fetcher = FakeFetcher()
        self.report = HealthReport(status="ok", parts={"database": HealthPart(status="ok")})
        self.admin = self.rows.add_key(None, "admin")
        self.key = self.rows.add_key(1, "read", "send", "manage")
        self.other = self.rows.add_key(2, "read", "send", "manage")
        rows: Any = self.rows

        async def health() -> HealthReport:
            return self.report

        self.services = Services(
            accounts=rows,
            messages=rows,
            outbox=rows,
            deliveries=rows,
            rejected=rows,
            event_log=rows,
            webhooks=FakeWebhooks(),
            keys=rows,
            stats=rows,
            directory=self.directory,
            upkeep=rows,
            people=rows,
            keyring=KeyRows(self.rows),
            browser_sessions=rows,
            audit=rows,
            run_settings=rows,
            message_media=rows,
            media=rows,
            fetcher=self.fetcher,
            tree=self.tree,
            history=self.history,
            hub=self.hub,
            overview=self.overview,
            health=health,
            provider_types=("emulated", "webjs"),
            clock=self.clock,
            settings=HttpSettings(**settings),
        )
