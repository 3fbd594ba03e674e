"""Names for refs."""

from collections.abc import Callable, Iterator
from typing import Any

from wasup.supervisor._errors import ActorEnded, NameTaken, NameUnknown
from wasup.supervisor._exits import ExitReason
from wasup.supervisor._refs import ChildRef


class Registry:
    """The names of one tree.  A name goes when its ref ends, before the supervisor acts on that end."""

    __slots__ = ("_forget", "_refs")

    def __init__(self) -> None:
        self._refs: dict[str, ChildRef] = {}
        self._forget: dict[str, Callable[[], None]] = {}

    def register(self, name: str, ref: ChildRef) -> None:
        """Let ``name`` stand for ``ref`` until it ends.  One ref may have several names.

        Raises:
            NameTaken: the name belongs to another live ref.
            ActorEnded: ``ref`` has ended.
        """
        if ref.reason is not None:
            raise ActorEnded(ref.path, ref.reason)
        holder = self._refs.get(name)
        if holder is ref:
            return
        if holder is not None:
            if holder.alive:
                raise NameTaken(f"{name!r} belongs to {holder!r}")
            self.unregister(name, holder)  # it has just ended, and this is called before its names are released
        self._refs[name] = ref

        def release(_reason: ExitReason) -> None:
            self.unregister(name, ref)

        self._forget[name] = ref.on_end(release)

    def unregister(self, name: str, ref: ChildRef) -> None:
        """Release ``name`` if it stands for ``ref``; otherwise nothing happens."""
        if self._refs.get(name) is ref:
            del self._refs[name]
            self._forget.pop(name)()

    def whereis(self, name: str) -> Any | None:
        """Return the live ref called ``name``, or None."""
        ref = self._refs.get(name)
        return ref if ref is not None and ref.alive else None

    def lookup(self, name: str) -> Any:
        """Return the live ref called ``name``.

        Raises:
            NameUnknown: there is none.
        """
        ref = self.whereis(name)
        if ref is None:
            raise NameUnknown(f"no live ref is called {name!r}")
        return ref

    def __len__(self) -> int:
        return len(self._refs)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._refs))
