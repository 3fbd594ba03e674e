"""Where the time of a message goes between the provider port and its acknowledgement."""

import time
from collections import defaultdict
from collections.abc import Sequence

from bench.measure import percentile
from wasup.db import Database
from wasup.ports.messages import Message
from wasup.ports.store import IncomingBatch
from wasup.ports.sync import CommitResult

__all__ = ["Stages"]


class Stages:
    """Notes when each message passes each of these points, and tells how long it took from one to the next.

    due: the moment at which it was to be given; taken: by the session actor; begun: the writer hands its batch over;
    ended: that is committed; acknowledged: the provider hears of it.
    """

    NAMES = ("due", "taken", "begun", "ended", "acknowledged")

    def __init__(self) -> None:
        self._passed: dict[str, list[float]] = defaultdict(list)

    def note(self, message_id: str, at: float | None = None) -> None:
        """A message passes its next point, now or at this `time.perf_counter()`."""
        self._passed[message_id].append(time.perf_counter() if at is None else at)

    def forget(self) -> None:
        """Begin anew."""
        self._passed.clear()

    def watch(self, database: Database) -> None:
        """Note the beginning and the end of every commit of this database's from now on."""
        commit = database.sync.commit

        async def watched(batches: Sequence[IncomingBatch]) -> CommitResult:
            ids = [item.id for batch in batches for item in batch.items if isinstance(item, Message)]
            begun = time.perf_counter()
            result = await commit(batches)
            for message_id in ids:
                self.note(message_id, begun)
                self.note(message_id)
            return result

        setattr(database.sync, "commit", watched)  # noqa: B010 - a method, for this one object

    def milliseconds(self, *shares: float) -> dict[str, list[float]]:
        """Percentiles of the time to each point from the one before it, of messages that have passed all."""
        whole = [passed for passed in self._passed.values() if len(passed) == len(self.NAMES)]
        return {
            name: [percentile([passed[i] - passed[i - 1] for passed in whole], share) * 1000 for share in shares]
            for i, name in enumerate(self.NAMES)
            if i
        }
