"""The children of one supervisor, in start order."""

from collections.abc import Iterator

from wasup.supervisor._slot import Slot


class ChildTable:
    """Slots by id, in start order.  Everything on one child is O(1)."""

    __slots__ = ("_slots",)

    def __init__(self) -> None:
        self._slots: dict[str, Slot] = {}

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots.values())

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, slot: Slot) -> None:
        """Append a child to the start order."""
        self._slots[slot.id] = slot

    def get(self, child_id: str) -> Slot | None:
        """Return the child of this id, or None."""
        return self._slots.get(child_id)

    def remove(self, slot: Slot) -> None:
        """Forget a child."""
        self._slots.pop(slot.id, None)

    def holds(self, slot: Slot) -> bool:
        """Whether this very slot is here (and not only one of the same id)."""
        return self._slots.get(slot.id) is slot

    def newest_first(self) -> list[Slot]:
        """All children in stop order."""
        return list(reversed(self._slots.values()))

    def from_child_on(self, slot: Slot) -> list[Slot]:
        """The child and those after it, in start order."""
        found = []
        for other in reversed(self._slots.values()):
            found.append(other)
            if other is slot:
                break
        return found[::-1]
