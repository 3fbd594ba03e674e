"""Figures that `/health` shows, found out at most every two seconds however often somebody asks."""

import time

import msgspec
import psutil
import trio

from wasup.ports.accounts import AccountStatus
from wasup.ports.resources import AccountKeeper
from wasup.ports.store import StoreError

__all__ = ["Figures", "Sessions", "System"]

_BELIEVED = 2.0
_PATIENCE = 0.5  # health is answered when the database is not


class Sessions(msgspec.Struct, frozen=True, kw_only=True):
    """How many accounts there are, and what they do; `utilization` is the share of them that is connected."""

    total: int = 0
    connected: int = 0
    disconnected: int = 0
    utilization: float = 0.0


class System(msgspec.Struct, frozen=True, kw_only=True):
    """The machine as a whole, and how long wasup has been running."""

    memory_percent: float = 0.0
    cpu_percent: float = 0.0
    uptime_seconds: float = 0.0


class Figures:
    """Keeps the newest figures."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.sessions = Sessions()
        self.system = System()
        self._found_at = -1e9

    async def refresh(self, upkeep: AccountKeeper) -> None:
        """Find them out again if they are old; what cannot be found out stays as it was."""
        now = trio.current_time()
        if now - self._found_at < _BELIEVED:
            return
        self._found_at = now
        self.system = System(
            memory_percent=psutil.virtual_memory().percent,
            cpu_percent=psutil.cpu_percent(interval=None),
            uptime_seconds=round(time.monotonic() - self.began, 1),
        )
        try:
            with trio.move_on_after(_PATIENCE):
                counts = await upkeep.count_accounts()
                total, connected = sum(counts.values()), counts.get(AccountStatus.CONNECTED, 0)
                self.sessions = Sessions(
                    total=total,
                    connected=connected,
                    disconnected=total - connected,
                    utilization=round(connected / total, 4) if total else 0.0,
                )
        except StoreError:
            return
