"""Housekeeping: what is too old goes, and what a dead instance had claimed is given out again."""

import math
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final, Never

import structlog
import trio

from wasup.actors.runtime import Runtime
from wasup.ports.store import DatabaseUnavailable
from wasup.supervisor import Actor

__all__ = ["Pruner"]

_CHUNK: Final = 1000  # rows in one transaction
_PAUSE: Final = 0.1  # seconds between two of them, so that nobody waits for the housekeeping
_DAY: Final = 24 * 3600 * 1000  # ms
_MEDIA_EVERY: Final = 3600.0  # seconds: to look at all files takes a while

log = structlog.get_logger("wasup.housekeeping")


class Pruner(Actor[Never]):
    """Looks from time to time; a database that is away is for the next time."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__()
        self._runtime = runtime
        self._media_due = -math.inf

    async def on_start(self) -> None:
        """Begin."""
        self.nursery.start_soon(self._work)

    async def _work(self) -> None:
        while True:
            await trio.sleep(self._runtime.settings.webhooks.prune_interval)
            try:
                await self.sweep()
            except DatabaseUnavailable as error:
                log.warning("housekeeping.database_away", error=str(error))

    async def sweep(self) -> None:
        """Do everything once.

        Raises:
            DatabaseUnavailable: what is left is done the next time.
        """
        runtime, webhooks = self._runtime, self._runtime.settings.webhooks
        now, retention = runtime.clock.now_ms(), runtime.stores.retention
        rescued = await runtime.stores.outbox.release_claims()
        if rescued:
            log.info("housekeeping.rescued", lanes=rescued)
        await self._prune("orphans", lambda limit: retention.prune_orphans(limit=limit))
        for name, days, prune in (
            ("attempts", webhooks.attempt_days, retention.prune_attempts),
            ("dead_letters", webhooks.dead_letter_days, retention.prune_dead_letters),
            ("events", webhooks.event_days, retention.prune_events),
            ("pending_changes", runtime.settings.sync.pending_days, runtime.stores.sync.prune_pending),
        ):
            before = now - int(days * _DAY)
            await self._prune(name, lambda limit, prune=prune, before=before: prune(before, limit=limit))  # type: ignore[misc]
        if trio.current_time() >= self._media_due:
            await self._prune_media(now - int(runtime.settings.media.days * _DAY))
            self._media_due = trio.current_time() + _MEDIA_EVERY

    async def _prune_media(self, before: int) -> None:
        """Files first: one that is not there is fetched again, whatever its row says."""
        media, retention = self._runtime.media, self._runtime.stores.retention
        if media is None:
            return

        async def prune(limit: int) -> int:
            gone = await media.prune(before, limit=limit)
            of: dict[int, list[str]] = defaultdict(list)
            for workspace_id, digest in gone:
                of[workspace_id].append(digest)
            for workspace_id, digests in of.items():
                await retention.media_gone(workspace_id, digests)
            return len(gone)

        await self._prune("media", prune)

    async def _prune(self, name: str, prune: Callable[[int], Awaitable[int]]) -> None:
        """Chunk by chunk, until one was not full."""
        total = 0
        while True:
            removed = await prune(_CHUNK)
            total += removed
            if removed < _CHUNK:
                break
            await trio.sleep(_PAUSE)
        if total:
            log.info("housekeeping.pruned", what=name, rows=total)
