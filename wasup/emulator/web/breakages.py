"""What a developer breaks on purpose: for the next page, or for the pages of one account."""

from dataclasses import dataclass
from typing import Final

__all__ = ["AT_LOAD", "AT_LOGIN", "AT_ONCE", "Breakage", "Breakages"]

AT_LOAD: Final = ("module_missing", "module_changed")
AT_LOGIN: Final = ("no_qr", "slow_sync", "logout_during_sync")
AT_ONCE: Final = ("crash", "hang")


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """One breakage that waits for pages. `phone` None: for every page, until the page is somebody's also.

    `seconds` is how long a slow synchronisation takes; `module` and `member` name what is missing or changed.
    """

    what: str
    phone: str | None = None
    module: str | None = None
    member: str | None = None
    seconds: float = 0.0


class Breakages:
    """All breakages that wait."""

    def __init__(self) -> None:
        self._waiting: list[Breakage] = []

    def add(self, breakage: Breakage) -> None:
        """From now on."""
        self._waiting.append(breakage)

    def mend(self, phone: str | None) -> int:
        """Forget those of one account, or all; tells how many there were."""
        kept = [] if phone is None else [breakage for breakage in self._waiting if breakage.phone != phone]
        count = len(self._waiting) - len(kept)
        self._waiting = kept
        return count

    def of(self, what: str, phone: str | None) -> Breakage | None:
        """The latest breakage of this kind that a page of this account (None: of nobody yet) meets."""
        for breakage in reversed(self._waiting):
            if breakage.what == what and breakage.phone in {None, phone}:
                return breakage
        return None

    def at_load(self) -> list[Breakage]:
        """What the page itself has to break; it knows whose it is."""
        return [breakage for breakage in self._waiting if breakage.what in AT_LOAD]
