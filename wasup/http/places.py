"""How many requests may be in hand at once: whoever comes on top is refused at once instead of waiting with all others.

All requests share one processor core with the accounts, so the more of them are in hand, the longer each takes:
latency = requests in hand / requests a second. A server that does 200 a second answers within 200 ms as long as there
are 40 at most, however many are asked for. Without a bound they would all become slow, and their clients give up on
answers that are still being worked on.

A place is what a request holds while it costs something: from the last byte of it to the first of its answer. So
uploads hold none while they arrive, and streams and downloads none once they have begun. A request that has been in
hand for a second does not compute, it waits, for an account that does not answer or a file from elsewhere: its place
is given to the next one, so that a few sick accounts keep nobody out.
"""

from typing import Final

import trio

__all__ = ["Place", "Places"]

_LONG: Final = 1.0  # seconds; far beyond what a request takes whose turn comes, even when all places are taken


class Places:
    """The places for requests in hand.

    Args:
        most: how many there are.

    Attributes:
        refused: requests that were refused because all places were taken.
    """

    def __init__(self, most: int = 40) -> None:
        self._most = most
        self._held: dict[Place, float] = {}  # since when; the oldest is the first
        self.refused = 0

    @property
    def in_hand(self) -> int:
        """How many places are held now."""
        return len(self._held)

    def have_room(self) -> bool:
        """Whether another request may come in."""
        while len(self._held) >= self._most:
            oldest, since = next(iter(self._held.items()))
            if trio.current_time() - since < _LONG:
                return False
            oldest.give_back()
        return True

    def hold(self, place: "Place") -> None:
        """This one is held from now on, even if there is no room: who was let in is not turned out."""
        self._held[place] = trio.current_time()

    def release(self, place: "Place") -> None:
        """This one is free, if it was not already."""
        self._held.pop(place, None)


class Place:
    """One request's place: free until it is taken, and never again once it was given back."""

    def __init__(self, places: Places) -> None:
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
