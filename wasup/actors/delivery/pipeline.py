"""The pipeline of one endpoint: lanes are claimed ahead, posted side by side, and settled in batches.

A lane is in one worker's hands from its claim until it is settled, so that nothing overtakes within it. Batches are
made of whole lanes; a lane that has failed before goes alone, so that one bad event cannot hold up the others.
"""

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog
import trio

from wasup.actors.delivery.circuit import Circuit
from wasup.actors.delivery.schedule import retry_delay
from wasup.actors.runtime import Runtime
from wasup.ports.outbox import Attempt, ClaimedLane, Endpoint, LaneOutcome, PendingEvent
from wasup.ports.store import DatabaseUnavailable
from wasup.ports.webhooks import BATCH_LIMIT, EVENT_LIMIT, Answer, Outcome, Poster

__all__ = ["Pipeline"]

_LANES_A_CONNECTION: Final = 32
_PER_LANE: Final = 20  # events of one lane in one claim, unless its batches are larger
_IN_HAND: Final = 32_000_000  # bytes of payloads in hand, about
_BETWEEN: Final = 0.05  # seconds between two claims, and between two settlements, while there is work
_POLL_FIRST, _POLL_MOST = 1.0, 5.0  # seconds between two looks while nothing happens
_SAMPLES: Final = 5  # successful attempts a second that are logged
_ENVELOPE: Final = 400  # bytes around a payload, at most
_SETTLE_RETRY_FIRST, _SETTLE_RETRY_MOST = 0.1, 2.0

_THROUGH: Final = frozenset({Outcome.DELIVERED, Outcome.SKIPPED})

log = structlog.get_logger("wasup.delivery")


@dataclass(slots=True)
class _Hand:
    """A claimed lane in a worker's hands."""

    lane: ClaimedLane
    delivered: list[int] = field(default_factory=list)

    @property
    def tries(self) -> int:
        """Which try of its next event this is."""
        return (0 if self.delivered else self.lane.attempt) + 1


class Pipeline:
    """Delivers to one endpoint until it is stopped.

    Args:
        runtime: what the actors share.
        endpoint: where to.
        poster: makes the attempts.
        note: called with each answer of the endpoint.
    """

    def __init__(self, runtime: Runtime, endpoint: Endpoint, poster: Poster, note: Callable[[Answer], None]) -> None:
        self._runtime = runtime
        self._endpoint = endpoint
        self._poster = poster
        self._note = note
        self._bell = runtime.doorbell(endpoint.id)
        self._schedule = runtime.settings.webhooks.schedule
        connections = runtime.settings.webhooks.connections
        self._circuit = Circuit(connections)
        self._workers = connections
        self._capacity = _LANES_A_CONNECTION * connections
        self._per_lane = self._most_per_lane = max(_PER_LANE, endpoint.batch_events)
        self._give, self._take = trio.open_memory_channel[ClaimedLane](self._capacity)
        self._alone: deque[ClaimedLane] = deque()  # taken for a batch that they may not be part of
        self._put_off: list[float] = []  # a heap of Trio times at which lanes are due again
        self._collecting = trio.Lock()
        self._busy = 0
        self._changed = trio.Event()  # something ended: room, or width
        self._in_hand = 0
        self._unsure = True  # whether lanes may be claimed that nobody has in hand
        self._outcomes: list[LaneOutcome] = []
        self._attempts: list[Attempt] = []
        self._something_ended = trio.Event()
        self._stopping = False
        self._sampled_at, self._samples = -math.inf, 0

    # ---- life --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Claim, deliver, settle; returns when it was stopped and everything in hand is settled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._settle_all)
            async with trio.open_nursery() as workers:
                for _ in range(self._workers):
                    workers.start_soon(self._work)
                try:
                    await self._claim_all()
                finally:
                    self._give.close()
            self._stopping = True
            self._something_ended.set()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping = True
        self._bell.ring()
        self._wake()

    @property
    def circuit(self) -> Circuit:
        """How the endpoint is taken to be."""
        return self._circuit

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    # ---- claiming ----------------------------------------------------------------------------

    async def _claim_all(self) -> None:
        poll = _POLL_FIRST
        while not self._stopping:
            begun = trio.current_time()
            found = await self._claim()
            await trio.sleep_until(begun + _BETWEEN)
            if found:
                poll = _POLL_FIRST
                continue
            now = trio.current_time()
            while self._put_off and self._put_off[0] <= now:
                heapq.heappop(self._put_off)
            soonest = min([poll, *(due - now for due in self._put_off[:1])])
            await self._bell.wait(max(soonest, self._circuit.wait()))
            poll = min(poll * 2, _POLL_MOST)

    async def _claim(self) -> bool:
        """Claim what is due and there is room for; False when there is nothing, or it is not the time."""
        if self._circuit.wait() > 0:
            return False
        room = 1 - self._in_hand if self._circuit.is_open else self._capacity - self._in_hand
        if room <= 0:
            await self._changed.wait()
            return True
        outbox, incarnation = self._runtime.stores.outbox, self._runtime.incarnation
        try:
            if self._unsure:
                if self._in_hand:
                    return False
                await outbox.release_claims(endpoint_id=self._endpoint.id, incarnation=incarnation)
            self._unsure = True
            lanes = await outbox.claim_lanes(
                self._endpoint.id, incarnation=incarnation, lanes=room, per_lane=self._per_lane
            )
        except DatabaseUnavailable:
            return False
        self._unsure = False
        self._bound_memory(lanes)
        self._in_hand += len(lanes)
        for lane in lanes:
            self._give.send_nowait(lane)
        return bool(lanes)

    def _bound_memory(self, lanes: Sequence[ClaimedLane]) -> None:
        """Claim fewer events of a lane while events are large."""
        sizes = [len(event.body) for lane in lanes for event in lane.events]
        if sizes:
            fit = _IN_HAND * len(sizes) // (sum(sizes) * self._capacity)
            self._per_lane = max(1, min(fit, self._most_per_lane))

    # ---- delivering --------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            try:
                async with self._collecting:
                    hands = await self._collect()
            except trio.EndOfChannel:
                return
            self._busy += 1
            try:
                await self._deliver(hands)
            finally:
                self._busy -= 1
                self._wake()

    async def _collect(self) -> list[_Hand]:
        """The lanes of the next POST: one, or as many as make a batch."""
        hands = [_Hand(self._alone.popleft() if self._alone else await self._take.receive())]
        while self._busy >= self._circuit.width and not self._stopping:
            await self._changed.wait()
        if self._endpoint.batch_events > 1 and not hands[0].lane.attempt:
            with trio.move_on_after(self._endpoint.batch_wait), suppress(trio.EndOfChannel):
                await self._collect_more(hands)
        return hands

    async def _collect_more(self, hands: list[_Hand]) -> None:
        count = len(hands[0].lane.events)
        while count < self._endpoint.batch_events and not self._stopping:
            try:
                lane = self._take.receive_nowait()
            except trio.WouldBlock:
                lane = await self._take.receive()
            if lane.attempt:
                self._alone.append(lane)
            else:
                hands.append(_Hand(lane))
                count += len(lane.events)

    async def _deliver(self, hands: Sequence[_Hand]) -> None:
        """Post the events of some lanes, each lane's in order, until all are through or one is not accepted."""
        for events in self._posts(hands):
            if self._stopping or self._circuit.wait() > 0:
                break
            of = {hand.lane.account_id: hand for hand in hands}
            answer = await self._post(events, of[events[0].account_id].tries)
            if answer.outcome not in _THROUGH:
                touched = {event.account_id for event in events}
                self._outcomes_of([hand for hand in hands if hand.lane.account_id not in touched])
                self._failed([of[account_id] for account_id in sorted(touched)], answer)
                return
            for event in events:
                of[event.account_id].delivered.append(event.account_seq)
        self._outcomes_of(hands)

    def _posts(self, hands: Sequence[_Hand]) -> list[list[PendingEvent]]:
        """The events in portions, one for each POST."""
        most = self._endpoint.batch_events
        posts: list[list[PendingEvent]] = []
        size = 0
        for hand in hands:
            for event in hand.lane.events:
                weight = min(len(event.body), EVENT_LIMIT) + _ENVELOPE
                if not posts or len(posts[-1]) >= most or size + weight > BATCH_LIMIT:
                    posts.append([])
                    size = 0
                posts[-1].append(event)
                size += weight
        return posts

    async def _post(self, events: Sequence[PendingEvent], tries: int) -> Answer:
        begun = trio.current_time()
        answer = await self._poster.post(self._endpoint, events)
        if answer.outcome is Outcome.DELIVERED:
            pulse, now = self._runtime.pulse, self._runtime.clock.now_ms()
            pulse.delivered += len(events)
            pulse.traffic.delivered(
                self._endpoint.workspace_id, [(now - event.created_at) / 1000 for event in events if not event.replay]
            )
            self._circuit.succeeded()
        elif answer.outcome is Outcome.SKIPPED:
            self._runtime.pulse.skipped_deliveries += len(events)
            log.info("delivery.skipped", endpoint_id=self._endpoint.id, event_id=events[0].id, why=answer.detail)
        if answer.outcome not in {Outcome.LATER, Outcome.SKIPPED}:
            self._note(answer)
        self._log_attempt(events, answer, tries, trio.current_time() - begun)
        return answer

    def _failed(self, hands: Sequence[_Hand], answer: Answer) -> None:
        """What becomes of the lanes of a POST that was not accepted: each stops at its first event in it."""
        if answer.outcome is Outcome.LATER:
            for hand in hands:
                self._end(hand, retry_in=answer.retry_after or _POLL_FIRST)
            return
        self._runtime.pulse.failed_deliveries += 1
        if answer.slow_down:
            self._circuit.slow_down()
        for hand in hands:
            lane = hand.lane
            log.info("delivery.failed", endpoint_id=lane.endpoint_id, account_id=lane.account_id, why=answer.detail)
            self._circuit.failed(lane.account_id, retry_after=answer.retry_after)
            wait = retry_delay(self._schedule, hand.tries, answer.retry_after)
            first = lane.events[len(hand.delivered)]
            self._end(hand, failed=answer.detail, failed_seq=first.account_seq, retry_in=wait or 0.0, dead=wait is None)

    def _outcomes_of(self, hands: Sequence[_Hand]) -> None:
        """Lanes with nothing against them, wholly delivered or handed back."""
        for hand in hands:
            self._end(hand)

    def _end(
        self, hand: _Hand, *, failed: str | None = None, failed_seq: int = 0, retry_in: float = 0.0, dead: bool = False
    ) -> None:
        self._outcomes.append(
            LaneOutcome(
                endpoint_id=hand.lane.endpoint_id,
                account_id=hand.lane.account_id,
                claim=hand.lane.claim,
                claimed=len(hand.lane.events),
                seen=hand.lane.seen,
                delivered=tuple(hand.delivered),
                failed=failed,
                failed_seq=failed_seq,
                retry_in=retry_in,
                dead=dead,
            )
        )
        self._something_ended.set()

    def _log_attempt(self, events: Sequence[PendingEvent], answer: Answer, tries: int, seconds: float) -> None:
        if answer.outcome is Outcome.LATER:
            return
        if answer.outcome is Outcome.DELIVERED:
            now = trio.current_time()
            if now - self._sampled_at >= 1.0:
                self._sampled_at, self._samples = now, 0
            self._samples += 1
            if self._samples > _SAMPLES:
                return
        first = events[0]
        self._attempts.append(
            Attempt(
                endpoint_id=self._endpoint.id,
                account_id=first.account_id,
                event_id=first.id,
                events=len(events),
                attempt=tries,
                outcome=answer.outcome.value,
                detail=answer.detail,
                seconds=seconds,
                replay=first.replay,
                at=self._runtime.clock.now_ms(),
            )
        )

    # ---- settling ----------------------------------------------------------------------------

    async def _settle_all(self) -> None:
        """Record outcomes in batches, until there is nothing left to record."""
        while True:
            if not self._outcomes:
                if self._stopping and not self._in_hand:
                    return
                await self._something_ended.wait()
            self._something_ended = trio.Event()
            begun = trio.current_time()
            outcomes, self._outcomes = self._outcomes, []
            attempts, self._attempts = self._attempts, []
            more = await self._settle(outcomes, attempts)
            self._in_hand -= len(outcomes)
            for outcome in outcomes:
                if outcome.retry_in:  # counted from now, as it was stored: earlier there would be nothing to claim
                    heapq.heappush(self._put_off, trio.current_time() + outcome.retry_in)
            self._wake()
            if more:
                self._bell.ring()
            if not self._stopping:
                await trio.sleep_until(begun + _BETWEEN)

    async def _settle(self, outcomes: list[LaneOutcome], attempts: list[Attempt]) -> bool:
        """Record; what was delivered is not delivered again merely because the database is away."""
        wait = _SETTLE_RETRY_FIRST
        while True:
            try:
                return await self._runtime.stores.outbox.settle(outcomes, attempts=attempts)
            except DatabaseUnavailable:
                await trio.sleep(wait)
                wait = min(wait * 2, _SETTLE_RETRY_MOST)
