"""The delivery actor of one endpoint: it runs a pipeline, and disables an endpoint that is gone or long dead."""

from contextlib import suppress
from typing import Final, Never

import structlog
import trio

from wasup.actors.delivery.pipeline import Pipeline
from wasup.actors.names import delivery_name
from wasup.actors.runtime import Runtime
from wasup.ports.outbox import Endpoint
from wasup.ports.store import DatabaseUnavailable
from wasup.ports.webhooks import Answer, Outcome
from wasup.supervisor import Actor, ExitKind, ExitReason, NeverRestart

__all__ = ["DeliveryActor"]

_DEAD_AFTER: Final = 5 * 24 * 3600  # seconds in which nothing got through
_RECORD_EVERY: Final = 30.0

log = structlog.get_logger("wasup.delivery")


class DeliveryActor(Actor[Never]):
    """Delivers the events of one endpoint."""

    def __init__(self, runtime: Runtime, endpoint: Endpoint) -> None:
        super().__init__()
        self._runtime = runtime
        self._endpoint = endpoint
        self._failing_since = endpoint.failing_since
        self._recorded = endpoint.failing_since
        self._disable: str | None = None
        self._pipeline: Pipeline | None = None
        self._stopped = trio.Event()

    async def on_start(self) -> None:
        """Be found, and begin."""
        self.registry.register(delivery_name(self._endpoint.id), self.ref)
        self.nursery.start_soon(self._work)

    async def on_stop(self, reason: ExitReason) -> None:
        """Let the exchanges in hand end, so that what was delivered is settled and not delivered again."""
        if reason.kind is not ExitKind.CRASH and self._pipeline is not None:
            self._pipeline.stop()
            await self._stopped.wait()

    async def _work(self) -> None:
        poster = self._runtime.make_poster(self.registry)
        self._pipeline = Pipeline(self._runtime, self._endpoint, poster, self._note)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._record_now_and_then)
                await self._pipeline.run()
                nursery.cancel_scope.cancel()
            await self._record()
        finally:
            self._stopped.set()
            self._runtime.pulse.failing_endpoints.pop(self._endpoint.id, None)
            with trio.CancelScope(shield=True), trio.move_on_after(2):
                await poster.aclose()
        if self._disable is not None:
            raise NeverRestart(self._disable)

    def _note(self, answer: Answer) -> None:
        """Follow how the endpoint is; what is to be recorded is, in the background."""
        now = self._runtime.clock.now_ms()
        if answer.outcome is Outcome.DELIVERED:
            self._failing_since = None
            self._runtime.pulse.failing_endpoints.pop(self._endpoint.id, None)
        else:
            self._failing_since = self._failing_since or now
            self._runtime.pulse.failing_endpoints[self._endpoint.id] = answer.detail
        if answer.outcome is Outcome.GONE:
            self._disable = "it answered 410 Gone"
        elif self._failing_since is not None and now - self._failing_since >= _DEAD_AFTER * 1000:
            self._disable = f"nothing got through for 5 days; the last answer was: {answer.detail}"
        if self._disable is not None and self._pipeline is not None:
            self._pipeline.stop()

    async def _record_now_and_then(self) -> None:
        while True:
            await trio.sleep(_RECORD_EVERY)
            await self._record()

    async def _record(self) -> None:
        """Write to the endpoint's row since when it has been failing, or that it is disabled."""
        outbox = self._runtime.stores.outbox
        since = self._failing_since
        with suppress(DatabaseUnavailable):  # the next time; an endpoint that is gone will say so again
            if self._disable is not None:
                await outbox.disable_endpoint(self._endpoint.id, self._disable)
                self._runtime.hub.look()
                log.error("delivery.endpoint_disabled", endpoint_id=self._endpoint.id, why=self._disable)
            elif since != self._recorded:
                await outbox.note_failing(self._endpoint.id, since)
                self._recorded = since
