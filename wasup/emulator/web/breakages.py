"""What a developer breaks on purpose: for the next page, or for the pages of one account.

How an account of type `webjs` ends then (`wasup.ports.disconnects`), and what its supervision makes of it:

| breakage                           | the session ends with               | and then                                  |
|------------------------------------|-------------------------------------|-------------------------------------------|
| `crash`                            | `host_crashed` at once              | is restarted                              |
| `hang`                             | `host_crashed`, some 15 s later     | is restarted                              |
| `leave`                            | `host_crashed` within 10 s          | is restarted                              |
| `module_missing`, `module_changed` | `client_outdated`, names the module | waits for somebody (`suspended`)          |
| `no_qr`                            | `timed_out` at `connect_timeout`    | is tried again, later and later           |
| `slow_sync`                        | `timed_out` at `sync_timeout`,      | is tried again, later and later           |
|                                    | unless it makes progress            |                                           |
| `logout_during_sync`               | `logged_out`                        | waits for a new QR code (`needs_pairing`) |
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["AT_LOAD", "AT_LOGIN", "AT_ONCE", "WHEN_SERVED", "Breakage", "Breakages"]

AT_LOAD: Final = ("module_missing", "module_changed")
AT_LOGIN: Final = ("no_qr", "slow_sync", "logout_during_sync")
AT_ONCE: Final = ("crash", "hang")
WHEN_SERVED: Final = ("leave",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """One breakage that waits for pages. `phone` None: for every page, until the page is somebody's also.

    `seconds` is how long a slow synchronisation takes, or a page stays before it leaves; `module` and `member` name
    what is missing or changed.
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
