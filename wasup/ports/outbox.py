"""The ports of webhook delivery: endpoints, the outbox, what became of deliveries, and the events log.

A lane is one account's ordered stream of events to one endpoint. Order, claims and retries belong to lanes; an
outbox row only refers to its event. Acknowledging deletes outbox rows, never events.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from wasup.ports.events import EventData, LoggedEvent

__all__ = [
    "Attempt",
    "ClaimedLane",
    "DeadLetter",
    "DeliveryLog",
    "Endpoint",
    "EndpointFormat",
    "EndpointStore",
    "EventLog",
    "LaneOutcome",
    "LegacyFacts",
    "LogHeads",
    "NewEndpoint",
    "OutboxStore",
    "PendingEvent",
    "ReplayRange",
    "Replayed",
    "Retention",
    "StoredEvent",
]


class EndpointFormat(StrEnum):
    """What an endpoint is sent."""

    NATIVE = "native"  # Standard Webhooks
    LEGACY = "legacy"  # the paths, bodies and signature of the Node service that wasup replaces


class NewEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint is made of.

    Attributes:
        url: where events go; of a `legacy` endpoint the base, to which paths are added.
        secret: `whsec_…`, or any text for `legacy`.
        events: types that are let through; empty for all.
        headers: sent along with every delivery.
        batch_events: at most so many events in one POST; 1 for no batches.
        batch_wait: seconds that a POST waits for more events.
    """

    url: str
    secret: str
    events: tuple[str, ...] = ()
    format: EndpointFormat = EndpointFormat.NATIVE
    headers: dict[str, str] = {}
    batch_events: int = 1
    batch_wait: float = 0.0


class Endpoint(NewEndpoint, frozen=True, kw_only=True):
    """A stored endpoint.

    Attributes:
        previous_secret: also signed with, until `previous_until` (UTC epoch ms); None when no rotation is under way.
        enabled: False: it gets nothing, and what happens meanwhile is not kept for it (it can be replayed).
        paused: it gets nothing now, and everything once it is resumed.
        failing_since: since when every attempt has failed (UTC epoch ms); None when the last one did not.
    """

    id: int
    workspace_id: int
    enabled: bool
    disabled_reason: str | None
    paused: bool = False
    previous_secret: str | None = None
    previous_until: int | None = None
    failing_since: int | None = None

    def __repr__(self) -> str:
        return f"Endpoint(id={self.id}, workspace_id={self.workspace_id}, url={self.url!r}, secret=…)"

    def secrets(self, now_ms: int) -> list[str]:
        """The secrets to sign with: the present one, and during a rotation the one before it."""
        old = self.previous_secret
        return [self.secret] if old is None or now_ms >= (self.previous_until or 0) else [self.secret, old]


class EndpointStore(Protocol):
    """Where a workspace's webhooks go: any number of endpoints."""

    async def endpoints(self, *, workspace_id: int | None = None) -> list[Endpoint]:
        """All endpoints, or those of a workspace, by id."""
        ...

    async def endpoint(self, endpoint_id: int, *, workspace_id: int | None = None) -> Endpoint | None:
        """One endpoint, unless it belongs to another workspace than the one given."""
        ...

    async def create_endpoint(self, workspace_id: int, new: NewEndpoint) -> Endpoint:
        """Insert an endpoint; it gets events from now on."""
        ...

    async def change_endpoint(self, endpoint_id: int, changes: Mapping[str, object]) -> Endpoint | None:
        """Set some attributes of an endpoint; None if there is none."""
        ...

    async def save_endpoint(self, workspace_id: int, *, url: str, secret: str, events: Sequence[str] = ()) -> Endpoint:
        """Set up the workspace's first endpoint, or change and enable it if there is one."""
        ...

    async def give_legacy_endpoints(self, *, url: str, secret: str) -> int:
        """Make a `legacy` endpoint for every workspace that has none and has accounts with session ids of a back end.

        One that is not wanted is to be disabled: deleted, it would be made again. Returns how many were made.
        """
        ...

    async def disable_endpoint(self, endpoint_id: int, reason: str) -> None:
        """Deliver nothing more to it until somebody enables it; its workspace is told by an event."""
        ...

    async def enable_endpoint(self, endpoint_id: int) -> Endpoint | None:
        """Enable and resume it; what waits for it is due at once and has all its tries again."""
        ...

    async def note_failing(self, endpoint_id: int, since: int | None) -> None:
        """Record since when nothing has got through; None: something has."""
        ...

    async def delete_endpoint(self, endpoint_id: int) -> bool:
        """Remove it; what it left behind goes in the background. False if there is none."""
        ...


class PendingEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event to be delivered.

    Attributes:
        id: the event's stable id, the `webhook-id` header.
        body: the payload's JSON, `data` of the delivery.
        previous_seq: sequence of the event that the endpoint's filter let through before this one; 0 for none.
        created_at: UTC epoch ms.
        replay: somebody asked for it again.
    """

    id: str
    account_id: int
    account_seq: int
    previous_seq: int
    type: str
    body: bytes
    created_at: int
    replay: bool = False


class ClaimedLane(msgspec.Struct, frozen=True, kw_only=True):
    """One account's ordered stream to one endpoint, claimed for delivery; events in order.

    Attributes:
        claim: names this claim: only who knows it may settle the lane.
        attempt: how often its first event was tried in vain.
        seen: if `events` are all that there were, the last sequence that could be among them; else None.
    """

    endpoint_id: int
    account_id: int
    claim: int
    attempt: int
    events: tuple[PendingEvent, ...]
    seen: int | None = None


class LaneOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a claimed lane.

    Attributes:
        claim: the lane's, as it was claimed.
        claimed: how many events were claimed.
        seen: the lane's, as it was claimed.
        delivered: sequences of the events that were accepted: their outbox rows go.
        failed: why the event `failed_seq` was not accepted; None when nothing failed.
        retry_in: seconds until the lane goes on.
        dead: the failed event has exhausted its tries: it moves to the dead letters and the lane goes on.
    """

    endpoint_id: int
    account_id: int
    claim: int
    claimed: int = 0
    seen: int | None = None
    delivered: tuple[int, ...] = ()
    failed: str | None = None
    failed_seq: int = 0
    retry_in: float = 0.0
    dead: bool = False


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One POST, as the log of deliveries keeps it.

    Attributes:
        event_id: of the first event in it.
        events: how many there were.
        attempt: 1 for the first try.
        outcome: `delivered`, `failed`, `refused` or `gone`.
        detail: status code or error.
        seconds: how long the exchange took.
        at: UTC epoch ms.
    """

    id: int = 0
    endpoint_id: int
    account_id: int
    event_id: str
    events: int
    attempt: int
    outcome: str
    detail: str
    seconds: float
    replay: bool
    at: int


class LegacyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the `legacy` format needs to know besides the event.

    Attributes:
        sessions: account id to session id.
        phones: account id to the account's own phone number, E.164.
        people: (account id, LID) to the WhatsApp id with the person's phone number, where it is known.
        members: (account id, group) to the WhatsApp ids of its members, where they are known.
    """

    sessions: dict[int, str] = {}
    phones: dict[int, str] = {}
    people: dict[tuple[int, str], str] = {}
    members: dict[tuple[int, str], tuple[str, ...]] = {}


class OutboxStore(EndpointStore, Protocol):
    """The read side of the outbox: lanes are claimed, delivered in order, and settled."""

    async def claim_lanes(self, endpoint_id: int, *, incarnation: int, lanes: int, per_lane: int) -> list[ClaimedLane]:
        """Claim lanes that are due, the longest due first, with their next events.

        Raises:
            DatabaseUnavailable: it is not known whether lanes were claimed; `release_claims` when none is in hand.
        """
        ...

    async def settle(self, outcomes: Sequence[LaneOutcome], *, attempts: Sequence[Attempt] = ()) -> bool:
        """Record what became of claimed lanes and let them go. A lane that was claimed anew is left alone.

        Returns whether any of them has more to deliver now.
        """
        ...

    async def release_claims(self, *, endpoint_id: int | None = None, incarnation: int | None = None) -> int:
        """Let go of lanes that were claimed by instances that are dead, and by `incarnation`. Returns how many."""
        ...

    async def next_due(self, endpoint_id: int) -> float | None:
        """Seconds until the earliest lane of the endpoint is due (0 if one is now); None when nothing waits."""
        ...

    async def legacy_facts(
        self, accounts: Sequence[int], *, lids: Sequence[tuple[int, str]], groups: Sequence[tuple[int, str]]
    ) -> LegacyFacts:
        """What the `legacy` format needs to know of these accounts, people and groups."""
        ...


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that was given up; its event can be replayed as long as the log keeps it."""

    id: int
    endpoint_id: int
    account_id: int
    account_seq: int
    event_id: str
    reason: str
    attempts: int
    created_at: int


class ReplayRange(msgspec.Struct, frozen=True, kw_only=True):
    """Which events of the log are delivered again; what is given must all hold.

    Attributes:
        event_ids: these events; None for any.
        account_id: of this account; None for all of the workspace.
        after_seq: after this sequence number (with `account_id`).
        until_seq: up to this one.
        since: created at this time or later, UTC epoch ms.
        until: created before this time.
        dead: only those among the endpoint's dead letters.
    """

    event_ids: tuple[str, ...] | None = None
    account_id: int | None = None
    after_seq: int = 0
    until_seq: int | None = None
    since: int | None = None
    until: int | None = None
    dead: bool = False


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay did.

    Attributes:
        queued: events that will be delivered again.
        waiting: events that waited for their delivery anyway.
        next: (account, sequence) after which to go on, when there were more than one call takes; None at the end.
    """

    queued: int
    waiting: int
    next: tuple[int, int] | None = None


class DeliveryLog(Protocol):
    """What became of deliveries, and having them made again."""

    async def attempts(
        self, endpoint_id: int, *, failed: bool | None = None, before_id: int | None = None, limit: int = 50
    ) -> list[Attempt]:
        """Newest first. All that failed are kept, of those that succeeded a sample."""
        ...

    async def dead_letters(
        self, endpoint_id: int, *, before_id: int | None = None, limit: int = 50
    ) -> list[DeadLetter]:
        """Newest first."""
        ...

    async def dead_letter(self, endpoint_id: int, letter_id: int) -> DeadLetter | None:
        """One of them."""
        ...

    async def waiting(self, endpoint_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        """For each endpoint the deliveries that wait, and its dead letters."""
        ...

    async def replay(
        self, endpoint: Endpoint, wanted: ReplayRange, *, after: tuple[int, int] | None = None, limit: int = 1000
    ) -> Replayed:
        """Put events back into the endpoint's outbox, in order, as far as its filter lets them through.

        What is asked for by id or from the dead letters comes whatever the filter says by now.
        They keep their ids, are marked as replays, go before what is newer, and leave the dead letters.
        """
        ...


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the events log."""

    id: str
    account_id: int
    account_seq: int
    type: str
    data: EventData
    created_at: int


class LogHeads(msgspec.Struct, frozen=True, kw_only=True):
    """How far the events log goes.

    Attributes:
        sequences: of every account the sequence of its last event; 0 for none.
        workspaces: of every account its workspace.
        settled: UTC epoch milliseconds: every event that is stamped before is among these, and none will be added.
    """

    sequences: dict[int, int]
    workspaces: dict[int, int]
    settled: int


class EventLog(Protocol):
    """Pulling events after a cursor, and following the log."""

    async def event(self, event_id: str, *, workspace_id: int | None) -> StoredEvent | None:
        """One event by its id, unless it belongs to another workspace."""
        ...

    async def workspace_events(
        self, workspace_id: int, after: tuple[int, int, int], *, limit: int = 100
    ) -> list[StoredEvent]:
        """Events of all accounts after a place (created_at, account, sequence), in the order of these places.

        What might still be preceded by a commit under way is held back, so that a cursor never skips anything.
        """
        ...

    async def heads(self) -> LogHeads:
        """How far the log goes now."""
        ...

    async def logged(self, account_id: int, after_seq: int, *, limit: int) -> list[LoggedEvent]:
        """Events of an account after a sequence number, in order, as they are stored."""
        ...

    async def first_since(self, workspace_id: int | None, at: int) -> dict[int, int]:
        """Of each account (of a workspace) with events since this time (UTC ms) the lowest sequence of these."""
        ...


class Retention(Protocol):
    """Removing what is old, a chunk at a time: each method removes up to `limit` rows and says how many it did."""

    async def prune_events(self, before: int, *, limit: int) -> int:
        """Events from before this time, unless an enabled endpoint or a dead letter still needs them."""
        ...

    async def prune_attempts(self, before: int, *, limit: int) -> int:
        """Attempts from before this time."""
        ...

    async def prune_dead_letters(self, before: int, *, limit: int) -> int:
        """Dead letters from before this time."""
        ...

    async def prune_orphans(self, *, limit: int) -> int:
        """What deleted endpoints have left behind."""
        ...

    async def media_gone(self, workspace_id: int, digests: Sequence[str]) -> int:
        """Forget that these bytes are kept for received messages: they are asked for again when somebody wants them."""
        ...
