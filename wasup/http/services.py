"""What the HTTP API needs from the rest of wasup, as one frozen object that the composition root fills in."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

import msgspec

from wasup.actors.messages import Refused
from wasup.ports.clock import Clock
from wasup.ports.store import AccountStats, AccountStore, KeyStore, MessageStore, OutboxStore, StoredEvent, Totals
from wasup.supervisor import Request, TreeNode

__all__ = ["AccountDirectory", "HealthPart", "HealthReport", "HttpSettings", "Services", "StatsStore"]

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


class StatsStore(Protocol):
    """Figures and the events log."""

    async def totals(self) -> Totals:
        """Counts over everything."""
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
        max_body: largest request body that is read.
        body_timeout: how long a client may take to send its body.
        command_timeout: how long an account's actor may take to answer.
        key_cache: how long a key that was looked up is believed; a revocation takes effect within it.
        metrics_public: serve /metrics without a key (for a scraper on a private network).
        default_region: two-letter country of phone numbers that come without one; None to refuse those.
    """

    max_body: int = 1_000_000
    body_timeout: float = 20.0
    command_timeout: float = 10.0
    key_cache: float = 5.0
    metrics_public: bool = False
    default_region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the HTTP API needs.

    Attributes:
        tree: a snapshot of the live supervision tree, taken in slices so that thousands of actors delay nobody.
        restart: kills the actor or supervisor with this path, so that its supervisor starts it again; False if
            there is none.
        health: asks the parts how they are; called often, so it must be cheap.
        provider_types: what an account's `provider_type` may be; the first is the default.
    """

    accounts: AccountStore
    messages: MessageStore
    outbox: OutboxStore
    keys: KeyStore
    stats: StatsStore
    directory: AccountDirectory
    tree: Callable[[], Awaitable[TreeNode]]
    restart: Callable[[str], bool]
    health: Callable[[], Awaitable[HealthReport]]
    provider_types: Sequence[str]
    clock: Clock
    settings: HttpSettings = field(default_factory=HttpSettings)
