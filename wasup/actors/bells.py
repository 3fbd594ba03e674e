"""How tasks are woken: by a bell each, and many of these at a common beat."""

import math

import trio

__all__ = ["Beat", "Doorbell"]


class Doorbell:
    """Tells a sleeper that there may be work. A hint only: it also looks by itself from time to time."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = trio.Event()

    def ring(self) -> None:
        """Wake whoever waits, or whoever waits next."""
        self._event.set()

    async def wait(self, timeout: float) -> None:
        """Sleep until it rings, for `timeout` seconds at most."""
        if timeout == math.inf:  # without a deadline, which costs as much as the wait itself
            await self._event.wait()
        else:
            with trio.move_on_after(timeout):
                await self._event.wait()
        self._event = trio.Event()


class Beat:
    """Rings bells together, some time after they have asked for it: a timer for all, since one for each costs more.

    Args:
        seconds: until they ring, at most.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: list[Doorbell] = []

    def soon(self, bell: Doorbell) -> None:
        """Ring it with the others; at once where there is nothing to wait for."""
        if not self._seconds:
            bell.ring()
            return
        if not self._due:
            trio.lowlevel.spawn_system_task(self._ring)
        self._due.append(bell)

    async def _ring(self) -> None:
        await trio.sleep(self._seconds)
        due, self._due = self._due, []
        for bell in due:
            bell.ring()
