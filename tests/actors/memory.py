"""The storage ports in memory: honest about fences, idempotent, and away when told to."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Self

import msgspec
import trio

from wasup.identifiers import new_session_id
from wasup.ports.accounts import Account, AccountStatus, Desired, Fence, Transition, check_transition
from wasup.ports.clock import Clock
from wasup.ports.messages import Message, MessageStatus, SendOutcome
from wasup.ports.outbox import Attempt
from wasup.ports.store import (
    Chat,
    ClaimedLane,
    CommitResult,
    Conflict,
    DatabaseUnavailable,
    DataRefused,
    Endpoint,
    IncomingBatch,
    LaneOutcome,
    NewAccount,
    NotOwner,
    OutgoingMessage,
    PendingEvent,
    QrOffer,
    StatusChange,
    StoredMessage,
    StoreItem,
    SyncPhase,
    SyncStep,
    Watermark,
)

SECRET = "whsec_MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="


_WAITING = frozenset({MessageStatus.QUEUED, MessageStatus.SENDING})


class Memory:
    """All stores of one database, in one object.

    Attributes:
        away: every call fails with `DatabaseUnavailable`.
        answers_lost: so many of the next commits and claims are carried out, and then fail all the same.
        refusals: so many of the next commits are refused, whatever they hold.
        poisoned: messages that the database refuses, by id.
        faulty: messages that the store itself stumbles over, by id.
        rejected: what was put away instead, by account.
        told: message ids that made an event, in order, by account.
        marks: watermarks, by account and chat.
        progress: steps of first synchronisations, as (account, phase, done, total).
        to_forget: accounts whose provider still keeps something of a forgotten login.
        latency: virtual seconds that a commit takes.
        stored: message ids of an account, in the order in which they were first stored.
        commits: what each commit held, as (account, item) pairs.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.away = False
        self.answers_lost = 0
        self.refusals = 0
        self.poisoned: set[str] = set()
        self.faulty: set[str] = set()
        self.rejected: dict[int, list[StoreItem]] = defaultdict(list)
        self.told: dict[int, list[str]] = defaultdict(list)
        self.marks: dict[int, dict[str, Watermark]] = defaultdict(dict)
        self.progress: list[tuple[int, str, int, int]] = []
        self.to_forget: dict[int, str] = {}
        self.pruned_before: list[int] = []
        self.latency = 0.0
        self.rows: dict[int, Account] = {}
        self.logins: dict[int, bytes] = {}
        self.owners: dict[int, Fence] = {}
        self.history: list[Transition] = []
        self.stored: dict[int, list[str]] = defaultdict(list)
        self.duplicates = 0
        self.commits: list[list[tuple[int, StoreItem]]] = []
        self.claims = 0  # of what is to be sent
        self.outgoing: list[StoredMessage] = []
        self.keys: dict[tuple[int, str], StoredMessage] = {}
        self.hooks: dict[int, Endpoint] = {}
        self.lanes: dict[tuple[int, int], Lane] = {}
        self.settled: list[tuple[float, LaneOutcome]] = []
        self.attempts: list[Attempt] = []
        self.pruned: list[tuple[str, int]] = []
        self.legacy_given: list[tuple[str, str]] = []
        self.media_gone: list[tuple[int, str]] = []
        self.incarnation = 0
        self._epoch = 0

    @property
    def accounts(self) -> "AccountRows":
        """The account store."""
        return AccountRows(self)

    @property
    def sync(self) -> Self:
        """The write side."""
        return self

    @property
    def messages(self) -> Self:
        """The message store."""
        return self

    @property
    def outbox(self) -> "Outbox":
        """The read side of the outbox."""
        return Outbox(self)

    @property
    def retention(self) -> "Pruned":
        """What is too old."""
        return Pruned(self)

    @property
    def ownership(self) -> "Owners":
        """Who may write."""
        return Owners(self)

    async def reach(self) -> None:
        """Cross over to the database, if it is there."""
        await trio.lowlevel.checkpoint()
        if self.away:
            raise DatabaseUnavailable("the test took it away")

    def lose_answer(self) -> None:
        """Fail after the fact, if told to."""
        if self.answers_lost:
            self.answers_lost -= 1
            raise DatabaseUnavailable("the connection broke before the answer came")

    def holds(self, fence: Fence) -> bool:
        """Whether this fence is the account's present one."""
        return self.owners.get(fence.account_id) == fence

    def check(self, fence: Fence) -> None:
        """Refuse a fence that does not hold."""
        if not self.holds(fence):
            raise NotOwner(f"{fence} does not hold")

    def change(self, account_id: int, **values: Any) -> None:
        """Update an account's row."""
        self.rows[account_id] = msgspec.structs.replace(self.rows[account_id], **values)

    def steps(self, account_id: int) -> list[str]:
        """The statuses that an account went through, oldest first."""
        return [str(step.new) for step in self.history if step.account_id == account_id]

    # ---- SyncStore ---------------------------------------------------------------------------

    async def commit(self, batches: Sequence[IncomingBatch]) -> CommitResult:
        """Write everything, or nothing."""
        await self.reach()
        if self.latency:
            await trio.sleep(self.latency)
            await self.reach()
        if self.refusals:
            self.refusals -= 1
            raise DataRefused("this database has its moods")
        if any(isinstance(item, Message) and item.id in self.poisoned for batch in batches for item in batch.items):
            raise DataRefused("this database does not take that")
        if any(isinstance(item, Message) and item.id in self.faulty for batch in batches for item in batch.items):
            raise KeyError("a fault of ours")
        refused: set[int] = set()
        new = duplicates = 0
        self.commits.append([(batch.fence.account_id, item) for batch in batches for item in batch.items])
        for batch in batches:
            account_id = batch.fence.account_id
            if not self.holds(batch.fence):
                refused.add(account_id)
                continue
            for item in batch.items:
                if isinstance(item, Message):
                    known = item.id in self.stored[account_id]
                    duplicates += known
                    new += not known
                    if not known:
                        self.stored[account_id].append(item.id)
                    if not item.history and item.id not in self.told[account_id]:
                        self.told[account_id].append(item.id)
                else:
                    self._apply(account_id, item)
        self.duplicates += duplicates
        self.lose_answer()
        return CommitResult(
            refused=frozenset(refused), endpoints=frozenset(self.hooks), new_messages=new, duplicates=duplicates
        )

    def _apply(self, account_id: int, item: StoreItem) -> None:
        match item:
            case StatusChange(transition=step, suspended_until=until):
                check_transition(step.old, step.new)
                self.history.append(step)
                self.change(
                    account_id,
                    status=step.new,
                    status_reason=str(step.reason),
                    status_detail=step.detail,
                    status_since=step.at,
                    suspended_until=until,
                )
                if step.new is AccountStatus.CONNECTED:
                    self.change(account_id, last_connected_at=step.at)
                if step.new is not AccountStatus.QR_SCANNING:
                    self.change(account_id, qr_code=None)
            case Watermark(chat=chat):
                known = self.marks[account_id].get(chat)
                if known is None or item.timestamp >= known.timestamp:
                    self.marks[account_id][chat] = item
            case SyncStep(phase=phase, done=done, total=total):
                self.progress.append((account_id, str(phase), done, total))
                if phase is SyncPhase.DONE:
                    self.change(account_id, synchronised_at=self._clock.now_ms())
            case QrOffer(code=code, expires_at=expires_at):
                self.change(account_id, qr_code=code, qr_expires_at=expires_at)
            case SendOutcome():
                for place, row in enumerate(self.outgoing):
                    if row.message_id == item.message_id and row.status in _WAITING:
                        self.outgoing[place] = msgspec.structs.replace(row, status=item.status, error=item.error)
            case _:
                pass

    async def reject(self, batch: IncomingBatch, reason: str) -> CommitResult:
        """Put away."""
        await self.reach()
        assert reason
        self.rejected[batch.fence.account_id] += batch.items
        return CommitResult(rejected=len(batch.items))

    async def watermarks(self, account_id: int) -> dict[str, Watermark]:
        """By chat."""
        await self.reach()
        return dict(self.marks[account_id])

    async def missing(self, account_id: int, messages: Sequence[Message]) -> list[Message]:
        """Neither stored nor rejected."""
        await self.reach()
        known = {*self.stored[account_id], *(i.id for i in self.rejected[account_id] if isinstance(i, Message))}
        return [message for message in messages if message.id not in known]

    async def prune_pending(self, before: int, *, limit: int) -> int:
        """Taken note of."""
        await self.reach()
        self.pruned_before.append(before)
        return limit if len(self.pruned_before) == 1 else 0

    # ---- MessageStore ------------------------------------------------------------------------

    async def queue_message(self, message: OutgoingMessage) -> tuple[StoredMessage, bool]:
        """Queue, unless the key is known."""
        await self.reach()
        self.check(message.fence)
        account_id, key = message.fence.account_id, message.idempotency_key
        if key is not None and (known := self.keys.get((account_id, key))) is not None:
            if (known.chat, known.content) != (message.chat, message.content):
                raise Conflict("this key was used for something else")
            return known, False
        row = StoredMessage(
            id=len(self.outgoing) + 1,
            workspace_id=message.workspace_id,
            whatsapp_account_id=account_id,
            chat_id=1,
            chat=message.chat,
            message_id=message.message_id,
            from_me=True,
            sender=None,
            type="text",
            content=message.content,
            quoted_id=message.quoted_id,
            status=MessageStatus.QUEUED,
            error=None,
            attempts=1 if message.handed_over else 0,
            timestamp=self._clock.now_ms(),
            sent_at=None,
            delivered_at=None,
            read_at=None,
            edited_at=None,
            revoked_at=None,
            created_at=self._clock.now_ms(),
        )
        self.outgoing.append(row)
        if key is not None:
            self.keys[account_id, key] = row
        return row, True

    async def claim_outgoing(
        self, fence: Fence, *, unfinished: bool, limit: int, but: Collection[str] = ()
    ) -> list[StoredMessage]:
        """The oldest that are queued, or left in the middle."""
        await self.reach()
        self.check(fence)
        self.claims += 1
        due = {MessageStatus.QUEUED, MessageStatus.SENDING} if unfinished else {MessageStatus.QUEUED}
        claimed: list[StoredMessage] = []
        for place, row in enumerate(self.outgoing):
            if row.whatsapp_account_id == fence.account_id and row.status in due and len(claimed) < limit:
                if row.message_id in but:
                    claimed.append(row)
                    continue
                row = msgspec.structs.replace(row, status=MessageStatus.SENDING, attempts=row.attempts + 1)  # noqa: PLW2901
                self.outgoing[place] = row
                claimed.append(row)
        self.lose_answer()
        return claimed

    def outgoing_statuses(self) -> list[str]:
        """What became of what was to be sent, in the order in which it was queued."""
        return [str(row.status) for row in self.outgoing]

    async def message(self, message_id: int, *, workspace_id: int | None) -> StoredMessage | None:
        """Of the port, and asked for by no actor: a call is a mistake."""
        raise NotImplementedError

    async def chats(self, **_kwargs: Any) -> list[Chat]:
        """Of the port, and asked for by no actor: a call is a mistake."""
        raise NotImplementedError

    async def chat(self, chat_id: int, *, workspace_id: int | None) -> Chat | None:
        """Of the port, and asked for by no actor: a call is a mistake."""
        raise NotImplementedError


class AccountRows:
    """The account store."""

    def __init__(self, memory: Memory) -> None:
        self._m = memory

    async def create_account(self, new: NewAccount) -> Account:
        """Insert."""
        await self._m.reach()
        return self.add(workspace_id=new.workspace_id, provider_type=new.provider_type)

    def add(self, **values: Any) -> Account:
        """Insert at once, with any values."""
        account_id = len(self._m.rows) + 1
        now = self._m._clock.now_ms()
        given = {
            "id": account_id,
            "uuid": f"uuid-{account_id}",
            "workspace_id": 1,
            "provider_type": "fake",
            "session_id": new_session_id("fake", account_id, now),
            "status": AccountStatus.DISCONNECTED,
            "status_since": now,
            "desired": Desired.DISCONNECTED,
            "is_primary": account_id == 1,
            "created_at": now,
            "updated_at": now,
        }
        blank: dict[str, Any] = dict.fromkeys(Account.__struct_fields__)
        account = Account(**(blank | given | values))
        self._m.rows[account_id] = account
        return account

    async def account(self, account_id: int, *, workspace_id: int | None = None) -> Account | None:
        """One that is not deleted."""
        await self._m.reach()
        row = self._m.rows.get(account_id)
        return row if row is not None and row.deleted_at is None else None

    async def accounts(
        self, *, workspace_id: int | None, status: str | None = None, after_id: int = 0, limit: int = 100
    ) -> list[Account]:
        """A page."""
        await self._m.reach()
        rows = [row for row in self._live() if row.id > after_id and status in {None, row.status}]
        return rows[:limit]

    def _live(self) -> Iterable[Account]:
        return (row for _, row in sorted(self._m.rows.items()) if row.deleted_at is None)

    async def desired_ids(self) -> list[int]:
        """Most recently active first."""
        await self._m.reach()
        rows = [row for row in self._live() if row.desired is Desired.CONNECTED]
        return [row.id for row in sorted(rows, key=lambda row: -(row.last_activity_at or row.created_at))]

    async def desired_accounts(self, ids: Sequence[int]) -> list[Account]:
        """Those of these."""
        await self._m.reach()
        wanted = {row.id: row for row in self._live() if row.desired is Desired.CONNECTED}
        return [wanted[account_id] for account_id in ids if account_id in wanted]

    async def set_desired(self, account_id: int, desired: Desired) -> None:
        """Update."""
        await self._m.reach()
        self._m.change(account_id, desired=desired)

    async def save_login(
        self, fence: Fence, secret: bytes, *, phone_number: str, lid: str | None, push_name: str | None
    ) -> None:
        """Store."""
        await self._m.reach()
        self._m.check(fence)
        self._m.logins[fence.account_id] = secret
        self._m.change(fence.account_id, phone_number=phone_number, lid=lid, push_name=push_name)
        self._m.change(fence.account_id, paired_at=self._m._clock.now_ms(), synchronised_at=None)
        self._m.to_forget.pop(fence.account_id, None)

    async def login_secrets(self, account_ids: Sequence[int]) -> dict[int, bytes]:
        """Those that are there."""
        await self._m.reach()
        return {id_: self._m.logins[id_] for id_ in account_ids if id_ in self._m.logins}

    async def forget_login(self, fence: Fence) -> str:
        """Remove."""
        await self._m.reach()
        self._m.check(fence)
        self._m.logins.pop(fence.account_id, None)
        self._m.to_forget[fence.account_id] = self._m.rows[fence.account_id].provider_type
        session_id = new_session_id("fake", fence.account_id, self._m._clock.now_ms())
        self._m.change(fence.account_id, session_id=session_id)
        return session_id

    async def logins_to_forget(self) -> list[tuple[int, str]]:
        """Those that are owed."""
        await self._m.reach()
        return list(self._m.to_forget.items())

    async def login_forgotten(self, account_id: int) -> None:
        """Done."""
        await self._m.reach()
        self._m.to_forget.pop(account_id, None)

    async def transitions(self, account_id: int, *, limit: int = 50) -> list[Transition]:
        """Newest first."""
        return [step for step in reversed(self._m.history) if step.account_id == account_id][:limit]

    async def delete_account(self, account_id: int, *, workspace_id: int | None = None) -> bool:
        """Mark as deleted."""
        await self._m.reach()
        self._m.change(account_id, deleted_at=self._m._clock.now_ms(), desired=Desired.DISCONNECTED)
        self._m.logins.pop(account_id, None)
        self._m.to_forget[account_id] = self._m.rows[account_id].provider_type
        return True


class Owners:
    """The ownership of accounts."""

    def __init__(self, memory: Memory) -> None:
        self._m = memory

    async def acquire(self) -> int:
        """A new incarnation."""
        await self._m.reach()
        self._m.incarnation += 1
        return self._m.incarnation

    async def claim(self, account_ids: Sequence[int]) -> dict[int, Fence]:
        """A new epoch for each."""
        await self._m.reach()
        for account_id in account_ids:
            if account_id in self._m.rows:
                self._m._epoch += 1
                self._m.owners[account_id] = Fence(
                    account_id=account_id, incarnation=self._m.incarnation, epoch=self._m._epoch
                )
        return {id_: self._m.owners[id_] for id_ in account_ids if id_ in self._m.owners}

    async def hold(self) -> None:
        """Nobody else is there."""

    async def release(self) -> None:
        """Let go."""


class Pruned:
    """Writes down what it is asked to remove; the first chunk of events is full, everything else is not."""

    def __init__(self, memory: Memory) -> None:
        self._m = memory

    async def _prune(self, name: str, before: int, limit: int) -> int:
        await self._m.reach()
        first = (name, before) not in self._m.pruned
        self._m.pruned.append((name, before))
        return limit if first and name == "events" else 0

    async def prune_orphans(self, *, limit: int) -> int:
        """Note it."""
        return await self._prune("orphans", 0, limit)

    async def media_gone(self, workspace_id: int, digests: Sequence[str]) -> int:
        """Taken note of."""
        await self._m.reach()
        self._m.media_gone += [(workspace_id, digest) for digest in digests]
        return len(digests)

    async def prune_attempts(self, before: int, *, limit: int) -> int:
        """Note it."""
        return await self._prune("attempts", before, limit)

    async def prune_dead_letters(self, before: int, *, limit: int) -> int:
        """Note it."""
        return await self._prune("dead_letters", before, limit)

    async def prune_events(self, before: int, *, limit: int) -> int:
        """Note it."""
        return await self._prune("events", before, limit)


class Lane:
    """One account's events to one endpoint."""

    def __init__(self) -> None:
        self.events: list[PendingEvent] = []
        self.attempt = 0
        self.due = 0.0
        self.claimed = False
        self.dead: list[PendingEvent] = []


class Outbox:
    """The read side of the outbox; lanes are due on Trio's clock."""

    def __init__(self, memory: Memory) -> None:
        self._m = memory

    def add(self, endpoint_id: int, account_id: int, count: int) -> None:
        """Have `count` more events wait."""
        lane = self._m.lanes.setdefault((endpoint_id, account_id), Lane())
        for _ in range(count):
            seq = lane.events[-1].account_seq + 1 if lane.events else 1
            event = PendingEvent(
                id=f"evt_{account_id}_{seq}",
                account_id=account_id,
                account_seq=seq,
                previous_seq=seq - 1,
                type="message.received",
                body=b"{}",
                created_at=0,
            )
            lane.events.append(event)

    async def endpoints(self, *, workspace_id: int | None = None) -> list[Endpoint]:
        """All."""
        await self._m.reach()
        return list(self._m.hooks.values())

    async def save_endpoint(
        self, workspace_id: int, *, url: str, secret: str = SECRET, events: Sequence[str] = ()
    ) -> Endpoint:
        """Insert, or change."""
        await self._m.reach()
        endpoint = Endpoint(
            id=workspace_id,
            workspace_id=workspace_id,
            url=url,
            secret=secret,
            events=tuple(events),
            enabled=True,
            disabled_reason=None,
        )
        self._m.hooks[endpoint.id] = endpoint
        return endpoint

    async def give_legacy_endpoints(self, *, url: str, secret: str) -> int:
        """Taken note of."""
        await self._m.reach()
        self._m.legacy_given.append((url, secret))
        return 0

    async def disable_endpoint(self, endpoint_id: int, reason: str) -> None:
        """Mark."""
        await self._m.reach()
        endpoint = self._m.hooks[endpoint_id]
        self._m.hooks[endpoint_id] = msgspec.structs.replace(endpoint, enabled=False, disabled_reason=reason)

    async def claim_lanes(self, endpoint_id: int, *, incarnation: int, lanes: int, per_lane: int) -> list[ClaimedLane]:
        """Those that are due."""
        await self._m.reach()
        claimed: list[ClaimedLane] = []
        for (lane_endpoint, account_id), lane in self._m.lanes.items():
            due = lane.events and not lane.claimed and lane.due <= trio.current_time()
            if lane_endpoint == endpoint_id and due and len(claimed) < lanes:
                lane.claimed = True
                claimed.append(
                    ClaimedLane(
                        endpoint_id=endpoint_id,
                        account_id=account_id,
                        claim=1,
                        attempt=lane.attempt,
                        events=tuple(lane.events[:per_lane]),
                    )
                )
        return claimed

    async def note_failing(self, endpoint_id: int, since: int | None) -> None:
        """Update."""
        await self._m.reach()
        self._m.hooks[endpoint_id] = msgspec.structs.replace(self._m.hooks[endpoint_id], failing_since=since)

    async def settle(self, outcomes: Sequence[LaneOutcome], *, attempts: Sequence[Attempt] = ()) -> bool:
        """Delete, bury, put off."""
        await self._m.reach()
        self._m.attempts += attempts
        for outcome in outcomes:
            self._m.settled.append((trio.current_time(), outcome))
            lane = self._m.lanes[outcome.endpoint_id, outcome.account_id]
            lane.events = [event for event in lane.events if event.account_seq not in outcome.delivered]
            lane.claimed = False
            lane.due = trio.current_time() + outcome.retry_in
            if outcome.dead:
                assert lane.events[0].account_seq == outcome.failed_seq
                lane.dead.append(lane.events.pop(0))
                lane.attempt = 0
            elif outcome.failed is not None:
                lane.attempt = 1 if outcome.delivered else lane.attempt + 1
            elif outcome.delivered:
                lane.attempt = 0
        return any(self._m.lanes[one.endpoint_id, one.account_id].events and not one.retry_in for one in outcomes)

    async def release_claims(self, *, endpoint_id: int | None = None, incarnation: int | None = None) -> int:
        """Let go of all that we hold ourselves: there is nobody else."""
        await self._m.reach()
        if incarnation is None:
            return 0
        held = [lane for (owner, _), lane in self._m.lanes.items() if owner == endpoint_id and lane.claimed]
        for lane in held:
            lane.claimed = False
        return len(held)

    async def next_due(self, endpoint_id: int) -> float | None:
        """Of the port, and asked for by no actor: a call is a mistake."""
        raise NotImplementedError
