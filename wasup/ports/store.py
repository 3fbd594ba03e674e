"""The storage ports: what actors and the HTTP API ask of a database, one Protocol per concern.

Every method is one transaction. `db` implements them for MySQL, MariaDB and SQLite; driver errors never get
through, they are translated to the exceptions below.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from wasup.ports.accounts import Account, Desired, Fence, Transition
from wasup.ports.messages import Content, MessageStatus
from wasup.ports.outbox import ClaimedLane, Endpoint, LaneOutcome, OutboxStore, PendingEvent, StoredEvent
from wasup.ports.sync import (
    CommitResult,
    IncomingBatch,
    QrOffer,
    StatusChange,
    StoreItem,
    SyncPhase,
    SyncStep,
    SyncStore,
    Watermark,
)

__all__ = [
    "AccountStats",
    "AccountStore",
    "ApiKey",
    "Chat",
    "ClaimedLane",
    "CommitResult",
    "Conflict",
    "DataRefused",
    "DatabaseOwned",
    "DatabaseUnavailable",
    "Endpoint",
    "IncomingBatch",
    "KeyStore",
    "LaneOutcome",
    "MessageStore",
    "NewAccount",
    "NotOwner",
    "OutboxStore",
    "OutgoingMessage",
    "Ownership",
    "PendingEvent",
    "QrOffer",
    "StatusChange",
    "StoreError",
    "StoreItem",
    "StoredEvent",
    "StoredMessage",
    "SyncPhase",
    "SyncStep",
    "SyncStore",
    "Totals",
    "Waiting",
    "Watermark",
    "Workspace",
]


class StoreError(Exception):
    """Base of what a store can say."""


class DatabaseUnavailable(StoreError):  # noqa: N818
    """The database cannot be reached or takes no writes now. Nothing was changed, or it is not known."""


class DataRefused(StoreError):  # noqa: N818
    """The database does not take the data as they are: too long, badly encoded, against a constraint.

    Nothing was changed, and the same data will not be taken later either.
    """


class NotOwner(StoreError):  # noqa: N818
    """The fence did not hold: another incarnation owns the account. Nothing was changed."""


class Conflict(StoreError):  # noqa: N818
    """The change contradicts what is stored (an idempotency key used for something else, for example)."""


class DatabaseOwned(StoreError):  # noqa: N818
    """Another running instance owns this database; the message names it."""


class NewAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to create an account."""

    workspace_id: int
    provider_type: str
    name: str | None = None


class AccountStore(Protocol):
    """Accounts and their state."""

    async def create_account(self, new: NewAccount) -> Account:
        """Insert an account (status and desired `disconnected`); the first of a workspace is its primary."""
        ...

    async def account(self, account_id: int, *, workspace_id: int | None = None) -> Account | None:
        """The account, unless it is deleted or belongs to another workspace than the one given."""
        ...

    async def accounts(
        self, *, workspace_id: int | None, status: str | None = None, after_id: int = 0, limit: int = 100
    ) -> list[Account]:
        """Accounts that are not deleted, by ascending id."""
        ...

    async def desired_ids(self) -> list[int]:
        """Ids of all accounts with desired state `connected`, most recently active first."""
        ...

    async def desired_accounts(self, ids: Sequence[int]) -> list[Account]:
        """Of these accounts those whose desired state is `connected`, in the order asked for."""
        ...

    async def set_desired(self, account_id: int, desired: Desired) -> None:
        """Record what the user asks for. Needs no fence: it is an order to the owner, whoever that is."""
        ...

    async def save_login(
        self, fence: Fence, secret: bytes, *, phone_number: str, lid: str | None, push_name: str | None
    ) -> None:
        """Store what a pairing gave, with who the account is."""
        ...

    async def login_secrets(self, account_ids: Sequence[int]) -> dict[int, bytes]:
        """The stored logins of these accounts; those that have none are left out."""
        ...

    async def forget_login(self, fence: Fence) -> str:
        """Remove the login; returns the session id that the next pairing will have.

        A new one, unless a back end knows the account by the one it has.
        From then on the provider owes it to forget what it keeps of the login: see `logins_to_forget`.
        """
        ...

    async def logins_to_forget(self) -> list[tuple[int, str]]:
        """(account id, provider type) of forgotten logins that their providers may still keep something of.

        Deleted accounts are among them.
        """
        ...

    async def login_forgotten(self, account_id: int) -> None:
        """The provider keeps nothing of the forgotten login any more."""
        ...

    async def transitions(self, account_id: int, *, before_id: int | None = None, limit: int = 50) -> list[Transition]:
        """The newest transitions, newest first; with `before_id`, the newest that are older than that one."""
        ...

    async def delete_account(self, account_id: int, *, workspace_id: int | None = None) -> bool:
        """Soft-delete: sets `deleted_at` and desired `disconnected`, removes the login, keeps history.

        A primary account's role passes to the workspace's oldest remaining account. False if unknown.
        """
        ...


class StoredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `messages`; times are UTC epoch milliseconds."""

    id: int
    workspace_id: int
    whatsapp_account_id: int
    chat_id: int
    chat: str
    message_id: str
    from_me: bool
    sender: str | None
    type: str
    content: Content
    quoted_id: str | None
    status: MessageStatus
    error: str | None
    attempts: int
    timestamp: int
    sent_at: int | None
    delivered_at: int | None
    read_at: int | None
    edited_at: int | None
    revoked_at: int | None
    created_at: int


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `chats`; times are UTC epoch milliseconds."""

    id: int
    workspace_id: int
    whatsapp_account_id: int
    jid: str
    lid: str | None
    chat_type: str
    provider_type: str
    group_id: int | None
    contact_phone: str | None
    contact_name: str | None
    last_message: str | None
    last_message_at: int | None
    unread_count: int
    message_status: str | None


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message to be sent, as its caller gives it.

    Attributes:
        chat: normal WhatsApp id of the person or group.
        message_id: the WhatsApp message id that we generated.
        idempotency_key: repeats with the same key return the first message; None for no such protection.
        handed_over: a session is given it as soon as it is stored: that counts as an attempt, as a claim would.
    """

    fence: Fence
    workspace_id: int
    provider_type: str
    chat: str
    message_id: str
    content: Content
    quoted_id: str | None = None
    idempotency_key: str | None = None
    handed_over: bool = False


class MessageStore(Protocol):
    """Messages and chats, and the queue of what is to be sent."""

    async def queue_message(self, message: OutgoingMessage) -> tuple[StoredMessage, bool]:
        """Store a message with status `queued`; returns it and whether it is new.

        Raises:
            Conflict: the idempotency key was used for another account, chat or content of the workspace.
            NotOwner: the fence did not hold.
        """
        ...

    async def claim_outgoing(
        self, fence: Fence, *, unfinished: bool, limit: int, but: Collection[str] = ()
    ) -> list[StoredMessage]:
        """Mark the oldest `queued` messages of the account as `sending`, add one attempt, and return them in order.

        Args:
            fence: the account and its owner.
            unfinished: also those already `sending`, which an earlier session left in the middle.
            limit: at most so many.
            but: WhatsApp ids of messages that are left as they are, and returned all the same: what became of them is
                on its way.
        """
        ...

    async def message(self, message_id: int, *, workspace_id: int | None) -> StoredMessage | None:
        """One message by its row id."""
        ...

    async def messages(
        self,
        *,
        workspace_id: int | None,
        account_id: int | None = None,
        chat_id: int | None = None,
        before_id: int | None = None,
        limit: int = 50,
    ) -> list[StoredMessage]:
        """Newest first, by descending row id."""
        ...

    async def chats(
        self,
        *,
        workspace_id: int | None,
        account_id: int,
        before: tuple[int, int] | None = None,
        limit: int = 20,
    ) -> list[Chat]:
        """Chats of an account, most recent first; `before` is the (last_message_at, id) of the last one seen."""
        ...

    async def chat(self, chat_id: int, *, workspace_id: int | None) -> Chat | None:
        """One chat by its row id."""
        ...


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant."""

    id: int
    uuid: str
    name: str


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is stored: never the key itself. `workspace_id` None is an admin key.

    Attributes:
        legacy: good on the old service's routes, in body and query, besides.
    """

    id: int
    workspace_id: int | None
    prefix: str
    scopes: tuple[str, ...]
    expires_at: int | None
    legacy: bool = False


class KeyStore(Protocol):
    """Workspaces and API keys."""

    async def create_workspace(self, name: str) -> Workspace:
        """Insert a workspace."""
        ...

    async def workspaces(self) -> list[Workspace]:
        """All workspaces, by id."""
        ...

    async def save_key(
        self, digest: bytes, *, prefix: str, workspace_id: int | None, scopes: Sequence[str], name: str
    ) -> ApiKey:
        """Store a new key by its SHA-256 digest."""
        ...

    async def key(self, digest: bytes) -> ApiKey | None:
        """The key with this digest, unless it is revoked or expired."""
        ...


class AccountStats(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one account, from one aggregate query."""

    account_id: int
    chats: int
    messages_in: int
    messages_out: int
    unread: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over the whole database, for reports and health."""

    accounts: int
    messages_in: int
    messages_out: int
    events: int
    outbox: int
    dead_letters: int


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Webhook deliveries of one workspace that are not made: those that wait, and those given up."""

    outbox: int = 0
    dead_letters: int = 0


class Ownership(Protocol):
    """Who may write: one running instance per database."""

    async def acquire(self) -> int:
        """Become the database's only instance; returns our new incarnation (random, 63 bits).

        What an instance held that has died is taken over at once.

        Raises:
            DatabaseOwned: another instance is running; says which, since when and where.
        """
        ...

    async def claim(self, account_ids: Sequence[int]) -> dict[int, Fence]:
        """Own these accounts from now on, with a new epoch each."""
        ...

    async def hold(self) -> None:
        """Prove to be still alive and the owner, every few seconds.

        Raises:
            NotOwner: somebody else has taken over; everything must stop.
            DatabaseUnavailable: it is not known.
        """
        ...

    async def release(self) -> None:
        """Let go, so that another instance may start at once."""
        ...
