"""Webhook delivery: one actor for each endpoint, so that a slow one delays no other.

It claims lanes (the ordered stream of one account's events to this endpoint), delivers each lane in order and
different lanes side by side, and settles what became of them. A lane stops at its first failure and waits for its
next try; nothing overtakes within a lane.
"""

import random
from typing import Final, Never

import structlog
import trio

from wasup.actors.names import delivery_name
from wasup.actors.runtime import Runtime
from wasup.ports.store import ClaimedLane, DatabaseUnavailable, Endpoint, LaneOutcome
from wasup.ports.webhooks import Answer, Outcome, Poster
from wasup.supervisor import Actor, ExitKind, ExitReason, NeverRestart

__all__ = ["SCHEDULE", "DeliveryActor", "retry_delay"]

_MINUTE, _HOUR = 60.0, 3600.0
SCHEDULE: Final = (
    5.0, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR,
)  # fmt: skip
"""Seconds before the second, third, … try (standardwebhooks.com); after the last the event is a dead letter."""

_LANES, _PER_LANE = 64, 20
_POLL = 1.0

log = structlog.get_logger("wasup.delivery")


def retry_delay(failures: int, retry_after: float | None) -> float | None:
    """Seconds until the next try after so many failures in a row, with 10 to 20 % jitter; None when there is none.

    A receiver's `Retry-After` may lengthen the wait, never shorten it.
    """
    if failures > len(SCHEDULE):
        return None
    planned = SCHEDULE[failures - 1] * random.uniform(1.1, 1.2)  # noqa: S311 - jitter
    return max(planned, retry_after or 0.0)


class DeliveryActor(Actor[Never]):
    """Delivers the events of one endpoint."""

    def __init__(self, runtime: Runtime, endpoint: Endpoint) -> None:
        super().__init__()
        self._runtime = runtime
        self._endpoint = endpoint
        self._connections = trio.CapacityLimiter(runtime.settings.webhooks.connections)
        self._bell = runtime.doorbell(endpoint.id)
        self._stopping = False
        self._stopped = trio.Event()

    async def on_start(self) -> None:
        """Be found, and begin."""
        self.registry.register(delivery_name(self._endpoint.id), self.ref)
        self.nursery.start_soon(self._work)

    async def on_stop(self, reason: ExitReason) -> None:
        """Let the exchanges in hand end, so that what was delivered is settled and not delivered again."""
        if reason.kind is not ExitKind.CRASH:
            self._stopping = True
            self._bell.ring()
            await self._stopped.wait()

    async def _work(self) -> None:
        """Claim, deliver, settle, until asked to stop."""
        poster = self._runtime.make_poster()
        try:
            while not (await self._release() or self._stopping):
                await self._bell.wait(_POLL)
            while not self._stopping:
                if not await self._round(poster):
                    await self._bell.wait(_POLL)
        finally:
            self._stopped.set()
            with trio.CancelScope(shield=True), trio.move_on_after(2):
                await poster.aclose()

    async def _release(self) -> bool:
        """Let go of what an earlier life of this actor had claimed; False when there is no database."""
        try:
            await self._runtime.stores.outbox.release_claims(endpoint_id=self._endpoint.id)
        except DatabaseUnavailable:
            return False
        return True

    async def _round(self, poster: Poster) -> bool:
        """Deliver what is due now; False when there was nothing, or no database."""
        outbox, incarnation = self._runtime.stores.outbox, self._runtime.incarnation
        try:
            claimed = await outbox.claim_lanes(
                self._endpoint.id, incarnation=incarnation, lanes=_LANES, per_lane=_PER_LANE
            )
        except DatabaseUnavailable:
            return False
        if not claimed:
            return False
        outcomes: list[LaneOutcome] = []
        answers: list[Answer] = []
        async with trio.open_nursery() as nursery:
            for lane in claimed:
                nursery.start_soon(self._deliver, poster, lane, outcomes, answers)
        await self._settle(outcomes)
        if any(answer.outcome is Outcome.GONE for answer in answers):
            try:
                await outbox.disable_endpoint(self._endpoint.id, "it answered 410 Gone")
            except DatabaseUnavailable:
                return False  # it will say so again
            log.warning("delivery.endpoint_gone", endpoint_id=self._endpoint.id)
            raise NeverRestart("the endpoint answered 410 Gone")
        return True

    async def _deliver(
        self, poster: Poster, lane: ClaimedLane, outcomes: list[LaneOutcome], answers: list[Answer]
    ) -> None:
        delivered = 0
        failures = lane.attempt
        for event in lane.events:
            if self._stopping:
                break
            async with self._connections:
                answer = await poster.post(self._endpoint, event)
            answers.append(answer)
            if answer.outcome is not Outcome.DELIVERED:
                wait = retry_delay(failures + 1, answer.retry_after)
                self._runtime.pulse.failed_deliveries += 1
                log.info("delivery.failed", endpoint_id=lane.endpoint_id, account_id=lane.account_id, why=answer.detail)
                outcomes.append(
                    LaneOutcome(
                        endpoint_id=lane.endpoint_id,
                        account_id=lane.account_id,
                        delivered_seq=delivered,
                        failed=answer.detail,
                        retry_in=wait or 0.0,
                        dead=wait is None,
                    )
                )
                return
            failures = 0
            delivered = event.account_seq
            self._runtime.pulse.delivered += 1
        outcomes.append(LaneOutcome(endpoint_id=lane.endpoint_id, account_id=lane.account_id, delivered_seq=delivered))

    async def _settle(self, outcomes: list[LaneOutcome]) -> None:
        """Record the outcomes; what was delivered is not delivered again merely because the database is away."""
        wait = 0.1
        while True:
            try:
                await self._runtime.stores.outbox.settle(outcomes, incarnation=self._runtime.incarnation)
            except DatabaseUnavailable:
                await trio.sleep(wait)
                wait = min(wait * 2, 2.0)
            else:
                return
