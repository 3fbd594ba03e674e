"""What the HTTP API needs from the rest of wasup, as one frozen object that the composition root fills in."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

import msgspec

from wasup.actors.event_hub import EventHub
from wasup.actors.history import SupervisionHistory
from wasup.actors.messages import Refused
from wasup.actors.runtime import Pulse
from wasup.http.figures import Figures
from wasup.http.overview import Overview
from wasup.http.pipeline_metrics import HitCounter
from wasup.http.places import Places
from wasup.media import Fetched
from wasup.ports.clock import Clock
from wasup.ports.media import MediaStore
from wasup.ports.outbox import DeliveryLog, Endpoint, EventLog
from wasup.ports.rejected import RejectedStore
from wasup.ports.resources import (
    AccountKeeper,
    AuditStore,
    BrowserSessionStore,
    KeyRing,
    MessageMediaStore,
    PeopleStore,
    SettingStore,
)
from wasup.ports.store import (
    AccountStats,
    AccountStore,
    KeyStore,
    MessageStore,
    OutboxStore,
    StoredEvent,
    Totals,
    Waiting,
)
from wasup.ports.webhooks import Answer
from wasup.supervisor import Request, TreeNode

__all__ = [
    "AccountDirectory",
    "Fetcher",
    "HealthPart",
    "HealthReport",
    "HttpSettings",
    "Services",
    "StatsStore",
    "Tree",
    "WebhookControl",
]

R = TypeVar("R")
Health = Literal["ok", "degraded", "down"]


class HealthPart(msgspec.Struct, frozen=True, kw_only=True):
    """State of one part of wasup, with a sentence for people (no secret: anybody may read it)."""

    status: Health
    detail: str = ""


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """State of the whole: `down` means that requests cannot be served, `degraded` that some cannot."""

    status: Health
    parts: dict[str, HealthPart]


class AccountDirectory(Protocol):
    """Where an account's actor is found by the account's id."""

    async def ask(self, account_id: int, request: Request[R], *, timeout: float) -> R | Refused:
        """Send a request to the account's actor and wait for its answer.

        Raises:
            trio.TooSlowError: no answer within `timeout` seconds.
        """
        ...

    def running(self) -> int:
        """Number of sessions that are running."""
        ...

    def workspace_of(self, account_id: int) -> int | None:
        """Whose account this is, if its actor runs here."""
        ...

    def forget(self, account_id: int) -> None:
        """This account was deleted: it belongs to nobody any more, though its actor may still be ending."""
        ...


class Fetcher(Protocol):
    """Fetches media from an address that a client names."""

    async def fetch(self, url: str, *, limit: int) -> Fetched:
        """GET at most `limit` bytes.

        Raises:
            FetchFailed: that cannot be.
        """
        ...


class Tree(Protocol):
    """The live supervision tree."""

    async def snapshot_in_slices(self) -> TreeNode:
        """All of it, taken in slices so that thousands of actors delay nobody."""
        ...

    async def look(self, path: str) -> TreeNode | None:
        """One child and what stands below it; None if there is none."""
        ...

    def kill(self, path: str) -> bool:
        """End a child as a crash would, so that its supervisor starts it again; False if none is up."""
        ...


class WebhookControl(Protocol):
    """The running side of webhooks."""

    def changed(self) -> None:
        """An endpoint was made, changed or removed: have that noticed now."""
        ...

    def ring(self, endpoint_id: int) -> None:
        """There is something to deliver."""
        ...

    async def test(self, endpoint: Endpoint) -> Answer:
        """Send a test event, once."""
        ...


class StatsStore(Protocol):
    """Figures and the events log."""

    async def totals(self) -> Totals:
        """Counts over everything."""
        ...

    async def waiting(self) -> dict[int, Waiting]:
        """Deliveries that are not made, by workspace; one without any is left out."""
        ...

    async def account_stats(self, account_ids: Sequence[int]) -> dict[int, AccountStats]:
        """Figures of some accounts, in one query."""
        ...

    async def events(
        self, workspace_id: int | None, account_id: int, after_seq: int = 0, limit: int = 100
    ) -> list[StoredEvent]:
        """Events of an account after a sequence number, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Limits of the API; sizes in bytes, times in seconds.

    Attributes:
        max_body: largest request body that is read, media apart.
        max_media: largest media file, however it comes.
        body_timeout: how long a client may take to send its body.
        command_timeout: how long an account's actor may take to answer.
        key_cache: how long a key that was looked up is believed; a revocation takes effect within it.
        metrics_public: serve /metrics without a key (for a scraper on a private network).
        default_region: two-letter country of phone numbers that come without one; None to refuse those.
        media_timeout: how long an account's session may take to download a file.
        rate_per_key: requests a second with one key; twice as many at once.
        rate_per_address: the same from one address.
        wrong_keys_per_minute: wrong keys from one address; as many at once.
        trusted_proxies: networks whose `X-Forwarded-For` is believed.
        legacy_enabled: serve the old service's routes.
        legacy_key: the old service's one key, good on its routes alone.
        legacy_provider: `provider_type` of accounts that its routes make; None for the first there is.
        event_days: days that the events log keeps events.
        streams: streams of events that are open at once.
        streams_per_key: the same with one key.
        heartbeat: after how long a stream without news shows a sign of life.
        legacy_patience: how long one of its sends may take to be stored; the back end gives up after 30 s.
        emulator_url: where the emulator's phones are, if accounts may be emulated.
    """

    max_body: int = 1_000_000
    max_media: int = 64_000_000
    body_timeout: float = 20.0
    command_timeout: float = 10.0
    key_cache: float = 5.0
    metrics_public: bool = False
    default_region: str | None = None
    media_timeout: float = 60.0
    rate_per_key: float = 600.0
    rate_per_address: float = 1000.0
    wrong_keys_per_minute: float = 20.0
    trusted_proxies: tuple[str, ...] = ("127.0.0.1/32", "::1/128")
    legacy_enabled: bool = False
    legacy_key: str | None = field(default=None, repr=False)
    legacy_provider: str | None = None
    legacy_url: str | None = None
    legacy_secret: str | None = field(default=None, repr=False)
    legacy_patience: float = 20.0
    event_days: int = 30
    streams: int = 1000
    streams_per_key: int = 500
    heartbeat: float = 15.0
    emulator_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the HTTP API needs.

    Attributes:
        upkeep: accounts and workspaces, beside what the actors need of them.
        webhooks: the running side of deliveries.
        media: where the bytes of messages lie.
        tree: the live supervision tree.
        history: what it has gone through lately.
        hub: tells what is committed to those who follow.
        overview: figures over time.
        health: asks the parts how they are; called often, so it must be cheap.
        provider_types: what an account's `provider_type` may be; the first is the default.
        pulse: what the pipeline counts by itself.
        recent_chats: the cache of recent chats, as far as it counts; None if there is none.
        places: for requests in hand; the server refuses what has none.
    """

    accounts: AccountStore
    messages: MessageStore
    outbox: OutboxStore
    deliveries: DeliveryLog
    rejected: RejectedStore
    event_log: EventLog
    webhooks: WebhookControl
    keys: KeyStore
    stats: StatsStore
    directory: AccountDirectory
    upkeep: AccountKeeper
    people: PeopleStore
    keyring: KeyRing
    browser_sessions: BrowserSessionStore
    audit: AuditStore
    run_settings: SettingStore
    message_media: MessageMediaStore
    media: MediaStore
    fetcher: Fetcher
    tree: Tree
    history: SupervisionHistory
    hub: EventHub
    overview: Overview
    health: Callable[[], Awaitable[HealthReport]]
    provider_types: Sequence[str]
    clock: Clock
    settings: HttpSettings = field(default_factory=HttpSettings)
    pulse: Pulse = field(default_factory=Pulse)
    recent_chats: HitCounter | None = None
    figures: Figures = field(default_factory=Figures)
    places: Places = field(default_factory=Places)
