"""How many requests may be in hand at once: whoever comes on top is refused at once instead of waiting with all others.

All requests share one processor core with the accounts, so the more of them are in hand, the longer each takes:
latency = requests in hand / requests a second. A server that does 200 a second answers within 160 ms as long as there
are 32 at most, however many are asked for. Without a bound they would all become slow, and their clients give up on
answers that are still being worked on.

A place is what a request holds while it costs something: from the last byte of it to the first of its answer. So
uploads hold none while they arrive, and streams and downloads none once they have begun. A request that has been in
hand for a second does not compute, it waits, for an account that does not answer or a file from elsewhere: its place
is given to the next one, so that a few sick accounts keep nobody out.

How many there are follows how far the server is behind. When everything else takes its time too, 200 requests a second
become 80, and 32 in hand would wait for 400 ms. So while requests come somebody looks how busy the process is,
how late a task's turn comes, and how long the way to the database takes without any work there: as long as it is too
much there are fewer and fewer places, and as long as a core has time to spare there are more and more. A single stall
costs none, and a caller who holds no place finds as many as ever.

That the process is busy tells first. Near the whole of a core, which is all that Python computes on, every wait becomes
long, that for a refusal too; a little below they are short. Kept there, a server that is asked for ten times what it
can do refuses nine of ten within some milliseconds, and answers the others as fast as ever.

Nobody takes all places: a caller gets another one only while more are free than a fourth of those that it holds. So one
that asks for everything leaves a fifth of them to others, two leave a ninth, and whoever holds none gets the last.
"""

import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import trio

__all__ = ["Place", "Places"]

_log = logging.getLogger(__name__)

_LONG: Final = 1.0  # seconds; far beyond what a request takes whose turn comes, even when all places are taken
_SHARE: Final = 4  # places that a caller may hold for each that is free
_FEWEST: Final = 2
_LOOK: Final = 0.1  # seconds between two looks
_PING_EVERY: Final = 0.2  # seconds
_QUIET: Final = 1.0  # seconds without a request after which nobody looks
_BUSY, _SPARE = 0.9, 0.85  # of a core
_LATE: Final = 0.05  # seconds; a request takes some ten turns
_PING_LATE: Final = 0.05  # seconds; a request goes to the database once or twice
_LESS: Final = 0.6
_STEEP: Final = 5.0  # the whole of a core costs four tenths of the places at a time, a little over `_BUSY` a few


class Places:
    """The places for requests in hand.

    Args:
        most: how many there are at most.
        ping: goes to where the database is asked, and back.
        used: seconds of a processor that Python has computed for so far; not what libraries do beside it in threads.

    Attributes:
        refused: requests that were refused because all places were taken.
    """

    def __init__(
        self,
        most: int = 32,
        *,
        ping: Callable[[], Awaitable[object]] | None = None,
        used: Callable[[], float] = time.process_time,
    ) -> None:
        self._limit = most
        self._ping = ping
        self._used = used
        self._late = {"turn": False, "ping": False}
        self._most = float(most)
        self._share: float | None = None
        self._held: dict[Place, float] = {}  # since when; the oldest is the first
        self._callers: Counter[str] = Counter()  # how many each of them holds
        self._asked = trio.Event()
        self.refused = 0

    @property
    def in_hand(self) -> int:
        """How many places are held now."""
        return len(self._held)

    async def follow_load(self) -> NoReturn:
        """Have fewer places as long as the server is behind; until cancelled."""
        while True:
            await self._asked.wait()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_core)
                nursery.start_soon(self._watch_turns)
                if self._ping is not None:
                    nursery.start_soon(self._watch_way, self._ping)
                while self._asked.is_set():
                    self._asked = trio.Event()
                    await trio.sleep(_QUIET)
                nursery.cancel_scope.cancel()
            self._most, self._share = float(self._limit), None  # what was found then says nothing of the next time
            self._late = dict.fromkeys(self._late, False)

    async def _watch_core(self) -> NoReturn:
        while True:
            began, used = trio.current_time(), self._used()
            await trio.sleep(_LOOK)
            self.note_share((self._used() - used) / (trio.current_time() - began))

    async def _watch_turns(self) -> NoReturn:
        while True:
            due = trio.current_time() + _LOOK
            await trio.sleep_until(due)
            self.note_late("turn", late=trio.current_time() - due > _LATE)

    async def _watch_way(self, ping: Callable[[], Awaitable[object]]) -> NoReturn:
        while True:
            await trio.sleep(_PING_EVERY)
            with trio.move_on_after(_PING_LATE) as scope:
                try:
                    await ping()
                except Exception as error:  # noqa: BLE001 - away, or broken: those who need it are told so at once
                    _log.debug("no way to the database: %r", error)
            self.note_late("ping", late=scope.cancelled_caught)

    def note_share(self, share: float) -> None:
        """How much of a core the process has used since the last look; half of what counts is what was before."""
        self._share = share if self._share is None else (self._share + share) / 2
        if self._share > _BUSY:
            self._become_fewer(max(_LESS, 1 - _STEEP * (self._share - _BUSY)))
        elif self._share < _SPARE and not any(self._late.values()):
            self._most = min(self._limit, self._most + 1)

    def note_late(self, what: str, *, late: bool) -> None:
        """Whether a turn came late, or the database did; twice in a row it counts."""
        again, self._late[what] = late and self._late[what], late
        if again:
            self._become_fewer(_LESS)

    def _become_fewer(self, share: float) -> None:
        self._most = max(min(_FEWEST, self._limit), self._most * share)

    def have_room(self, caller: str) -> bool:
        """Whether another request may come in.

        Args:
            caller: whose it is: the key that it carries, good or not; empty for none.
        """
        self._asked.set()
        most = self._most if self._callers[caller] else self._limit
        while len(self._held) >= most:
            oldest, since = next(iter(self._held.items()))
            if trio.current_time() - since < _LONG:
                return False
            oldest.give_back()
        return self._callers[caller] < _SHARE * (most - len(self._held))

    def hold(self, place: "Place") -> None:
        """This one is held from now on, even if there is no room: who was let in is not turned out."""
        if place not in self._held:
            self._callers[place.caller] += 1
        self._held[place] = trio.current_time()

    def release(self, place: "Place") -> None:
        """This one is free, if it was not already."""
        if self._held.pop(place, None) is not None:
            self._callers[place.caller] -= 1
            if not self._callers[place.caller]:
                del self._callers[place.caller]


class Place:
    """One request's place: free until it is taken, and never again once it was given back."""

    def __init__(self, places: Places, caller: str) -> None:
        self.caller = caller
        self._places = places
        self._over = False

    def take(self) -> None:
        """The request is there, all of it."""
        if not self._over:
            self._places.hold(self)

    def give_back(self) -> None:
        """The answer has begun, or there will be none."""
        self._over = True
        self._places.release(self)
