"""Group commit: what several sync writers have at the same time goes to the database in one transaction.

A transaction costs some fifteen round trips however little it writes. With four writers that commit side by side, a
thousand messages a second are a hundred and fifty transactions of a few messages each, and take as much of a processor
as three thousand a second do in larger ones. So while a transaction is on its way, and for a moment after the end of a
small one, what comes waits and goes together, unless it is enough for a transaction of its own. What a writer brings is
taken from it only when the transaction begins. So nothing waits for more than one transaction besides its own, and what
comes when nothing has come for long is written at once.
"""

import math
from collections.abc import Awaitable, Callable, Sequence

import trio
from msgspec.structs import replace

from wasup.ports.store import DatabaseUnavailable
from wasup.ports.sync import CommitResult, IncomingBatch

__all__ = ["Commit", "GroupCommit"]

Commit = Callable[[Sequence[IncomingBatch]], Awaitable[CommitResult]]
"""`SyncStore.commit`."""

_LEAST_REST = 0.1
"""The part of a rest that remains after a large transaction: its writers come back one after the other."""

Take = Callable[[], Sequence[IncomingBatch]]
"""Gives what a writer has, at the moment when the transaction begins."""


class _Part:
    """What one writer brings.

    Attributes:
        take: gives it.
        size: how many items it was when the writer came; there may be more until it is taken.
        batches: what was taken.
        turn: set when its writer is to look whether it may begin, or to go with who leads it.
        done: set when the transaction that it went with has ended.
        outcome: of that; None if nobody knows, as when whoever led was cancelled.
        alone: whether it is to be tried alone: the whole failed, perhaps not because of this part.
    """

    __slots__ = ("alone", "batches", "done", "outcome", "size", "take", "turn")

    def __init__(self, take: Take, size: int) -> None:
        self.take = take
        self.size = size
        self.batches: Sequence[IncomingBatch] = ()
        self.turn = trio.Event()
        self.done = trio.Event()
        self.outcome: CommitResult | Exception | None = None
        self.alone = False


class GroupCommit:
    """Brings writers together. No account may be in the hands of two of them.

    Args:
        commit: writes in one transaction.
        enough: items that are worth a transaction of their own while others are on their way.
        rest: seconds between the end of a small transaction and the next one, unless enough is there for it.
    """

    def __init__(self, commit: Commit, *, enough: int, rest: float = 0.0) -> None:
        self._commit = commit
        self._enough = enough
        self._rest = rest
        self._rested_at = -math.inf
        self._running = 0
        self._waiting: list[_Part] = []

    async def commit(self, take: Take, size: int) -> CommitResult:
        """As `SyncStore.commit` for what `take` gives, perhaps together with others.

        What a transaction has told is told to one of those who went together; the others hear only what concerns them
        all (`endpoints`), and their own accounts (`refused`). `take` is called again where nobody knows what has
        become of what it gave.

        Args:
            take: gives what is to be written.
            size: how many items that would be now.
        """
        while True:
            part = await self._go(_Part(take, size))
            if part.alone:
                return await self._commit(part.batches)
            if isinstance(part.outcome, Exception):
                raise part.outcome
            if part.outcome is not None:
                return part.outcome

    async def _go(self, part: _Part) -> _Part:
        """Wait for a turn and lead all that wait, or go with who leads them."""
        self._waiting.append(part)
        try:
            while part in self._waiting and not self._may_begin():
                with trio.move_on_at(math.inf if self._running else self._rested_at):
                    await part.turn.wait()
                part.turn = trio.Event()
            if part in self._waiting:
                group, self._waiting = self._waiting, []
                for one in group:
                    one.turn.set()  # from here on nobody of them leaves
                await self._lead(group, part)
        finally:
            if part in self._waiting:  # cancelled before its turn, or in it
                self._waiting.remove(part)
                self._call_next()
            else:
                # Whoever is cancelled while others write for it waits for the end of that: it will be repeated, and
                # must not be while it is still on its way.
                with trio.CancelScope(shield=True):
                    await part.done.wait()
        return part

    async def _lead(self, group: list[_Part], leader: _Part) -> None:
        self._running += 1
        taken = [part for part in group if _take(part)]
        size = 0
        try:
            batches = sorted((batch for part in taken for batch in part.batches), key=lambda one: one.fence.account_id)
            size = sum(len(batch.items) for batch in batches)
            result = await self._commit(batches) if taken else CommitResult()
        except DatabaseUnavailable as error:
            for part in taken:
                part.outcome = error
        except Exception as error:  # noqa: BLE001 - whoever is to blame for it raises it again, alone
            for part in taken:
                part.alone = len(taken) > 1
                part.outcome = error
        else:
            for part in taken:
                part.outcome = _share(result, part, all_=part is (leader if leader in taken else taken[0]))
        finally:
            self._running -= 1
            self._rested_at = trio.current_time() + self._rest * max(_LEAST_REST, 1 - size / self._enough)
            for part in group:
                part.done.set()
            self._call_next()

    def _may_begin(self) -> bool:
        if sum(one.size for one in self._waiting) >= self._enough:
            return True
        return not self._running and trio.current_time() >= self._rested_at

    def _call_next(self) -> None:
        if self._waiting and not self._running:
            self._waiting[0].turn.set()


def _take(part: _Part) -> bool:
    """Take what a writer has; what goes wrong with that is its own matter."""
    try:
        part.batches = part.take()
    except Exception as error:  # noqa: BLE001 - its writer raises it
        part.outcome = error
        return False
    return True


def _share(result: CommitResult, part: _Part, *, all_: bool) -> CommitResult:
    refused = result.refused & {batch.fence.account_id for batch in part.batches}
    if all_:
        return replace(result, refused=refused)
    return CommitResult(refused=refused, endpoints=result.endpoints)
