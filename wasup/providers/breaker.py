"""Holds accounts back while WhatsApp refuses all of them: nothing is gained by a hundred tries, and it looks bad."""

from typing import Final

import structlog
import trio

from wasup.ports.disconnects import RESPONSES, Disconnected, DisconnectReason

__all__ = ["Breaker"]

_ENOUGH: Final = 3  # accounts that were refused for the same reason ...
_WITHIN: Final = 30.0  # ... in so many seconds
_PAUSE: Final = 10.0
_LONGEST: Final = 300.0
_TRIAL: Final = 60.0

log = structlog.get_logger("wasup.breaker")


class Breaker:
    """One provider's breaker.

    *Closed*, everybody may connect. When several accounts have ended within a short time for the same reason, one that
    concerns everybody (`Response.everywhere`), it *opens*: nobody may connect for a pause. Then a single account may
    try. If it becomes ready, or is not refused for a while, the breaker closes; if it is refused, the pause begins
    again and is twice as long, up to five minutes. The connections that stand are not touched.
    """

    def __init__(self) -> None:
        self._refused: dict[int, tuple[DisconnectReason, float]] = {}  # by account
        self._reason: DisconnectReason | None = None  # why it is open
        self._pause = _PAUSE
        self._next = 0.0
        self._trial: tuple[int, float] | None = None  # who tries, since when

    def enter(self, account_id: int) -> None:
        """An account is about to connect.

        Raises:
            Disconnected: `UNAVAILABLE`: it must not do so now. It backs off, and no further try is spent on it.
        """
        if self._reason is None:
            return
        now = trio.current_time()
        if self._trial is not None and now >= self._trial[1] + _TRIAL:
            self.reached()
        elif self._trial is None and now >= self._next:
            self._trial = account_id, now
        else:
            when = "one account is trying now" if self._trial else f"the next try is in {self._next - now:.0f} s"
            detail = f"held back, since WhatsApp refuses every account ({self._reason}): {when}"
            raise Disconnected(DisconnectReason.UNAVAILABLE, detail)

    def ended(self, account_id: int, reason: DisconnectReason) -> None:
        """An account that was let in has ended."""
        if not RESPONSES[reason].everywhere:
            return
        now = trio.current_time()
        if self._reason is None:
            self._refused[account_id] = reason, now
            alike = [at for why, at in self._refused.values() if why is reason and at > now - _WITHIN]
            if len(alike) >= _ENOUGH:
                self._open(reason, now)
        elif self._trial is not None and self._trial[0] == account_id:
            self._pause = min(_LONGEST, self._pause * 2)
            self._open(reason, now)

    def reached(self) -> None:
        """WhatsApp has let somebody in."""
        if self._reason is not None:
            log.info("breaker.closed", reason=self._reason)
        self._refused.clear()
        self._reason = self._trial = None
        self._pause = _PAUSE

    def _open(self, reason: DisconnectReason, now: float) -> None:
        log.error("breaker.open", reason=reason, accounts=sorted(self._refused), pause=self._pause)
        self._reason, self._trial = reason, None
        self._next = now + self._pause
