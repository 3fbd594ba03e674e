"""What the HTTP API alone asks of a database: contacts, groups, API keys, settings, the audit log, accounts' upkeep.

Every method is one transaction and raises `DatabaseUnavailable` when there is none to be had. `workspace_id` None
stands for all workspaces; otherwise another workspace's rows are as good as not there.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from wasup.ports.accounts import Account
from wasup.ports.messages import Participant
from wasup.ports.store import ApiKey, StoredMessage, Workspace

__all__ = [
    "AccountFilter",
    "AccountKeeper",
    "AuditEntry",
    "AuditStore",
    "BrowserSession",
    "BrowserSessionStore",
    "Contact",
    "Group",
    "KeyRecord",
    "KeyRing",
    "MessageMedia",
    "MessageMediaStore",
    "PeopleStore",
    "SettingStore",
]


class AccountFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which accounts are listed.

    Attributes:
        search: part of the name or of the phone number.
        deleted: the deleted ones, instead of those that are not.
    """

    workspace_id: int | None
    status: str | None = None
    provider_type: str | None = None
    search: str | None = None
    deleted: bool = False


class AccountKeeper(Protocol):
    """Accounts' upkeep, beside what `AccountStore` does for the actors."""

    async def find_accounts(self, which: AccountFilter, *, after_id: int = 0, limit: int = 100) -> list[Account]:
        """Accounts by ascending id."""
        ...

    async def rename_account(self, account_id: int, name: str | None, *, workspace_id: int | None) -> Account | None:
        """Give an account another name; None if unknown."""
        ...

    async def restore_account(self, account_id: int, *, workspace_id: int | None) -> Account | None:
        """Take a deletion back: the account is there again, disconnected and without a login; None if unknown.

        It becomes its workspace's primary if that has none.
        """
        ...

    async def make_primary(self, account_id: int, *, workspace_id: int | None) -> Account | None:
        """Make an account its workspace's only primary; None if unknown."""
        ...

    async def sending_account(self, workspace_id: int) -> Account | None:
        """Who sends when nobody is named: the primary, or a connected account while the primary is not connected."""
        ...

    async def account_of_session(self, session_id: str, *, workspace_id: int | None) -> Account | None:
        """The account with this session id, or with this uuid."""
        ...

    async def adopt_account(
        self, session_id: str, *, workspace_id: int, account_id: int | None, provider_type: str
    ) -> Account:
        """The account that a back end calls by this session id: found, or made with the ids that it names.

        From then on the account keeps that session id, also when its login is forgotten.

        Raises:
            Conflict: the account id or the session id is another workspace's.
        """
        ...

    async def count_accounts(self, workspace_id: int | None = None) -> Mapping[str, int]:
        """How many accounts there are in each status."""
        ...

    async def workspace(self, workspace_id: int) -> Workspace | None:
        """One workspace."""
        ...

    async def rename_workspace(self, workspace_id: int, name: str) -> Workspace | None:
        """Give a workspace another name; None if unknown."""
        ...


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `contacts`: a person whom an account knows. Times are UTC epoch milliseconds."""

    id: int
    workspace_id: int
    whatsapp_account_id: int
    jid: str
    lid: str | None
    phone: str | None
    name: str | None
    push_name: str | None
    created_at: int
    updated_at: int


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `whatsapp_groups`. Times are UTC epoch milliseconds.

    Attributes:
        participants: None in lists, and while they are not known.
    """

    id: int
    workspace_id: int
    whatsapp_account_id: int
    group_jid: str
    name: str | None
    owner: str | None
    participants_count: int | None
    group_created_at: int | None
    created_at: int
    updated_at: int
    participants: tuple[Participant, ...] | None = None


class PeopleStore(Protocol):
    """Contacts and groups, as they were last synchronised."""

    async def contacts(
        self, account_id: int, *, search: str | None = None, after_id: int = 0, limit: int = 100
    ) -> list[Contact]:
        """Contacts by ascending id; `search` is part of a name or of the phone number."""
        ...

    async def contact(self, contact_id: int, *, workspace_id: int | None) -> Contact | None:
        """One contact."""
        ...

    async def groups(
        self, account_id: int, *, search: str | None = None, after_id: int = 0, limit: int = 100
    ) -> list[Group]:
        """Groups by ascending id, without their participants; `search` is part of the name."""
        ...

    async def group(self, group_id: int, *, workspace_id: int | None) -> Group | None:
        """One group with its participants."""
        ...


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as its owner sees it later: never the key itself. Times are UTC epoch milliseconds.

    Attributes:
        workspace_id: None for an admin key.
        legacy: good on the old service's routes, in body and query, besides.
    """

    id: int
    workspace_id: int | None
    prefix: str
    name: str
    scopes: tuple[str, ...]
    legacy: bool
    expires_at: int | None
    revoked_at: int | None
    created_at: int


class KeyRing(Protocol):
    """API keys, for those who manage them."""

    async def add_key(self, digest: bytes, key: KeyRecord) -> KeyRecord:
        """Store a new key by its SHA-256 digest; the record's id and times are set by the database."""
        ...

    async def keys(self, *, workspace_id: int | None, after_id: int = 0, limit: int = 100) -> list[KeyRecord]:
        """Keys by ascending id, revoked ones included."""
        ...

    async def key_record(self, key_id: int, *, workspace_id: int | None) -> KeyRecord | None:
        """One key."""
        ...

    async def revoke_key(self, key_id: int, *, workspace_id: int | None) -> bool:
        """Revoke a key; False if unknown. A repeat changes nothing."""
        ...


class BrowserSession(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is logged in to the dashboard. Times are UTC epoch milliseconds.

    Attributes:
        key: the API key that it was begun with, and that it ends with.
        expires_at: when it is over, unless it is used before.
    """

    key: ApiKey
    began_at: int
    expires_at: int


class BrowserSessionStore(Protocol):
    """Who is logged in to the dashboard; tokens are known by their SHA-256 digests alone."""

    async def open_session(self, digest: bytes, *, key_id: int, began_at: int, expires_at: int) -> None:
        """Store a new one. Those that are over are removed, and a key's oldest when it has too many."""
        ...

    async def session(self, digest: bytes) -> BrowserSession | None:
        """The session with this digest, unless it is over, or its key is revoked or expired."""
        ...

    async def extend_session(self, digest: bytes, *, expires_at: int) -> None:
        """It was used: let it go on until then."""
        ...

    async def close_session(self, digest: bytes) -> None:
        """It is over. A repeat changes nothing."""
        ...


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change that somebody made through the API.

    Attributes:
        at: UTC epoch milliseconds.
        workspace_id: whose thing was changed, as far as the caller's key tells; None for an admin key.
        key_id: the key that was used; 0 for the old service's.
        action: the operation's name, as in the OpenAPI document.
        path: what it was done to, without a query string.
        address: where the request came from.
    """

    id: int
    at: int
    workspace_id: int | None
    key_id: int
    action: str
    path: str
    status: int
    address: str
    request_id: str


class AuditStore(Protocol):
    """The log of changes."""

    async def record(self, entry: AuditEntry) -> None:
        """Add an entry; its id is set by the database."""
        ...

    async def entries(
        self, *, workspace_id: int | None, before_id: int | None = None, limit: int = 100
    ) -> list[AuditEntry]:
        """Newest first."""
        ...


class SettingStore(Protocol):
    """Settings that can be changed while wasup runs."""

    async def read_settings(self) -> dict[str, str]:
        """All that were ever changed: name -> JSON text."""
        ...

    async def write_settings(self, changes: Mapping[str, str | None]) -> None:
        """Change some; None goes back to the default."""
        ...


class MessageMedia(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message's media lies in the media store."""

    message_row_id: int
    digest: str
    mime: str
    size: int


class MessageMediaStore(Protocol):
    """Which media of received messages have been fetched; and messages by their WhatsApp ids."""

    async def message_called(self, account_id: int, message_id: str) -> StoredMessage | None:
        """The message of this account with this WhatsApp id."""
        ...

    async def media_of(self, message_row_id: int) -> MessageMedia | None:
        """What is kept of this message's media."""
        ...

    async def remember_media(self, media: MessageMedia) -> None:
        """Note where the bytes are. A repeat changes nothing."""
        ...
