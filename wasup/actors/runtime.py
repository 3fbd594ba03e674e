"""What the actors of one instance share: settings, ports, limits. Made once by the composition root."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import trio

from wasup.actors.bells import Beat, Doorbell
from wasup.actors.event_hub import EventHub
from wasup.actors.group_commit import GroupCommit
from wasup.actors.names import writer_name
from wasup.actors.policy import AttemptLimiter
from wasup.actors.traffic import Traffic
from wasup.ports.clock import Clock
from wasup.ports.media import MediaStore
from wasup.ports.outbox import Retention
from wasup.ports.session import Provider, Usage
from wasup.ports.store import AccountStore, DatabaseUnavailable, MessageStore, OutboxStore, Ownership, SyncStore
from wasup.ports.sync import CommitResult, IncomingBatch
from wasup.ports.webhooks import Poster
from wasup.settings import Settings
from wasup.supervisor import Registry

__all__ = ["Doorbell", "HostFigures", "Pulse", "Runtime", "Stores"]

_UPLOADS = 8


class Stores(Protocol):
    """The storage ports of one open database."""

    @property
    def accounts(self) -> AccountStore:
        """Accounts and their state."""
        ...

    @property
    def sync(self) -> SyncStore:
        """The write side of the pipeline."""
        ...

    @property
    def messages(self) -> MessageStore:
        """Messages, chats, and what is to be sent."""
        ...

    @property
    def outbox(self) -> OutboxStore:
        """What is to be delivered."""
        ...

    @property
    def ownership(self) -> Ownership:
        """Who may write."""
        ...

    @property
    def retention(self) -> Retention:
        """Removing what is old."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFigures:
    """What runs the processes of accounts, as it is now.

    Attributes:
        running: accounts that have processes.
        limit: as many as may have.
        memory: bytes of PSS of all of them, as last measured.
        blocked: requests to foreign hosts that were stopped since the instance was started.
    """

    running: int
    limit: int
    memory: int
    blocked: int


@dataclass(slots=True)
class Pulse:
    """What health and metrics tell of the pipeline; written by the actors, read without locks.

    Attributes:
        database_away: by whom (a sync writer, the owner's beat) the database is not reached, since which Trio time.
        faults: what went wrong last in sync writers that cannot write for another reason than the database.
        committed: messages stored for the first time.
        duplicates: messages that were stored already.
        rejected: items that the database did not take and that were put away.
        compared: messages that were compared between provider and database.
        gaps: messages among them that were missing in the database, and were filled in.
        batches: transactions.
        delivered: events that an endpoint accepted.
        failed_deliveries: attempts that it did not.
        skipped_deliveries: events that an endpoint's format cannot say.
        failing_endpoints: what those endpoints answered last that accept nothing now.
        usage: what the processes of accounts use, as last told, by account, with its provider's type.
        hosts: by provider's type, what runs such processes; asked for its figures (None while it is down).
        traffic: counters of what passes through, for rates.
    """

    database_away: dict[str, float] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    committed: int = 0
    duplicates: int = 0
    rejected: int = 0
    compared: int = 0
    gaps: int = 0
    batches: int = 0
    delivered: int = 0
    failed_deliveries: int = 0
    skipped_deliveries: int = 0
    failing_endpoints: dict[int, str] = field(default_factory=dict)
    usage: dict[int, tuple[str, Usage]] = field(default_factory=dict)
    hosts: dict[str, Callable[[], HostFigures | None]] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)

    @property
    def database_away_since(self) -> float | None:
        """Trio time since which not everybody reaches the database; None when all do."""
        return min(self.database_away.values(), default=None)

    def lost_database(self, who: str) -> bool:
        """Somebody does not reach the database; returns whether that is news."""
        if who in self.database_away:
            return False
        self.database_away[who] = trio.current_time()
        return True

    def found_database(self, who: str) -> float | None:
        """Somebody reaches the database; returns for how many seconds they had not, None if they had all along."""
        since = self.database_away.pop(who, None)
        return None if since is None else trio.current_time() - since

    def lacks_room(self, provider_type: str) -> int | None:
        """The limit of this provider's host if it is reached, so that no account can be connected now; else None."""
        ask = self.hosts.get(provider_type)
        host = ask() if ask is not None else None
        return host.limit if host is not None and host.running >= host.limit else None


@dataclass(kw_only=True)
class Runtime:
    """One instance's shared things.

    Attributes:
        stores: set by the ground of the tree when the database is open; everything that uses it stands above.
        incarnation: of this instance, while it owns the database.
        connect_gates: sessions of each type of provider being opened at the same time.
        given_up: accounts whose trees are gone for good, until somebody asks, with the reason while it is yet to be
            written to their rows. Kept here since it outlives the reconciler.
        tenants: the workspaces of accounts whose actors run here, or did.
        media: where the bytes of messages lie that are to be sent.
        together: brings the sync writers' commits together.
        beat: at which the sessions acknowledge what is committed.
        upload_gate: media being handed to providers at the same time, each in memory as a whole.
        hub: told of every event that is committed here, for those who follow.
    """

    settings: Settings
    clock: Clock
    providers: Mapping[str, Provider]
    make_poster: Callable[[Registry], Poster]
    pulse: Pulse = field(default_factory=Pulse)
    _stores: Stores | None = None
    incarnation: int = 0
    writers: int = 1
    given_up: dict[int, str] = field(default_factory=dict)
    tenants: dict[int, int] = field(default_factory=dict)
    media: MediaStore | None = None
    hub: EventHub = field(default_factory=EventHub)

    def __post_init__(self) -> None:
        """Make the limits."""
        most = self.settings.connect_concurrency
        self.connect_gates = {
            name: trio.CapacityLimiter(min(most, provider.capabilities.opens_at_once or most))
            for name, provider in self.providers.items()
        }
        sync = self.settings.sync
        self.together = GroupCommit(self._commit, enough=max(1, sync.batch // 2), rest=sync.linger)
        self.beat = Beat(sync.ack_linger)
        self.upload_gate = trio.CapacityLimiter(_UPLOADS)
        self._workspace_qr: dict[int, AttemptLimiter] = {}
        self._account_qr: dict[int, AttemptLimiter] = {}
        self._doorbells: dict[int, Doorbell] = {}

    def doorbell(self, endpoint_id: int) -> Doorbell:
        """The bell of an endpoint's delivery actor."""
        return self._doorbells.setdefault(endpoint_id, Doorbell())

    def workspace_qr(self, workspace_id: int) -> AttemptLimiter:
        """The limit of QR logins in a workspace."""
        limiter = self._workspace_qr.get(workspace_id)
        if limiter is None:
            limiter = AttemptLimiter(self.settings.qr_attempts_workspace, self.settings.qr_period)
            self._workspace_qr[workspace_id] = limiter
        return limiter

    def account_qr(self, account_id: int) -> AttemptLimiter:
        """The limit of QR logins of an account; it outlives the account's actor."""
        limiter = self._account_qr.get(account_id)
        if limiter is None:
            limiter = AttemptLimiter(self.settings.qr_attempts, self.settings.qr_period)
            self._account_qr[account_id] = limiter
        return limiter

    @property
    def stores(self) -> Stores:
        """The stores of the open database.

        Raises:
            DatabaseUnavailable: it is not open; its part of the tree is being restarted.
        """
        if self._stores is None:
            raise DatabaseUnavailable("the database is not open")
        return self._stores

    async def _commit(self, batches: Sequence[IncomingBatch]) -> CommitResult:
        return await self.stores.sync.commit(batches)

    def open_ground(self, stores: Stores, incarnation: int) -> None:
        """The database is open and owned."""
        self._stores, self.incarnation = stores, incarnation
        self.given_up.clear()

    def close_ground(self) -> None:
        """The database is about to be closed."""
        self._stores = None

    def writer_of(self, account_id: int) -> str:
        """The registered name of the writer through which all of this account's changes go, in order."""
        return writer_name(account_id % self.writers)
