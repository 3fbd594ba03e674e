"""What the HTTP API can have the running side of webhooks do."""

from contextlib import suppress

from wasup.actors.names import RECONCILER, actor_called
from wasup.actors.reconciler import Sweep
from wasup.actors.runtime import Runtime
from wasup.ports.outbox import Endpoint
from wasup.ports.webhooks import Answer
from wasup.supervisor import MailboxFull, Registry

__all__ = ["WebhookControl"]


class WebhookControl:
    """Notices, and test events."""

    def __init__(self, runtime: Runtime, registry: Registry) -> None:
        self._runtime = runtime
        self._registry = registry

    def changed(self) -> None:
        """An endpoint was made, changed or removed: have that noticed now, not only at the next sweep."""
        reconciler = actor_called(self._registry, RECONCILER)
        if reconciler is not None:
            with suppress(MailboxFull):  # then a sweep is not far
                reconciler.tell_nowait(Sweep())

    def ring(self, endpoint_id: int) -> None:
        """There is something to deliver."""
        self._runtime.doorbell(endpoint_id).ring()

    async def test(self, endpoint: Endpoint) -> Answer:
        """Send a test event, once."""
        poster = self._runtime.make_poster(self._registry)
        try:
            return await poster.test(endpoint)
        finally:
            await poster.aclose()
