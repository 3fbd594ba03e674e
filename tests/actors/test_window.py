"""The window between a session and the database."""

from collections.abc import Sequence
from typing import Any

import trio
from trio.testing import MockClock

from tests.actors.world import World
from wasup.actors.bells import Beat
from wasup.actors.window import Window
from wasup.ports.accounts import AccountStatus


class _Provider:
    """Notes what it is told, and when."""

    def __init__(self) -> None:
        self.told: list[tuple[float, list[int]]] = []

    async def acknowledge(self, tokens: Sequence[int]) -> None:
        """See the port."""
        await trio.lowlevel.checkpoint()
        self.told.append((trio.current_time(), list(tokens)))


async def test_a_full_window_opens_with_a_commit(autojump_clock: MockClock) -> None:
    """As many deliveries as there are places are on their way, and no more."""
    window = Window(1, beat=Beat(0.0), patience=30.0)
    await window.take()
    with trio.move_on_after(60) as waiting:
        await window.take()
    assert waiting.cancelled_caught
    window.committed(None)
    with trio.fail_after(1):
        await window.take()


async def test_acknowledgements_wait_for_each_other(autojump_clock: MockClock) -> None:
    """What is committed within the linger goes in one frame, half a window at once, and the rest at the end."""
    window, provider = Window(6, beat=Beat(0.5), patience=30.0), _Provider()
    session: Any = provider
    async with trio.open_nursery() as nursery:
        nursery.start_soon(window.acknowledge, session)
        for token in range(1, 6):
            await window.take()
            await trio.sleep(0.2 if token < 3 else 0.6)
            window.committed(token)
        for token in (6, 7, 8):
            await window.take()
            window.committed(token)
        await trio.sleep(0.1)
        await window.take()
        window.committed(9)
        nursery.cancel_scope.cancel()
    assert [tokens for _, tokens in provider.told] == [[1, 2], [3], [4], [5, 6, 7, 8], [9]]


async def test_a_session_that_waits_for_the_database_is_not_probed(autojump_clock: MockClock) -> None:
    """The silence is ours: nothing is taken from the connection, so no answer could be heard."""
    world = World(probe_interval=60.0, probe_timeout=20.0, sync={"window": 1})
    account = world.add()
    async with world.running():
        await world.connected(account)
        session = world.session(account)
        world.memory.away = True
        for message_id in ("m1", "m2", "m3"):
            world.provider.deliver(account, message_id)
        await trio.sleep(600)
        assert session.probes == 0
        world.memory.away = False
        await trio.sleep(10)
        assert world.memory.stored[account] == ["m1", "m2", "m3"]
        assert world.row(account).status is AccountStatus.CONNECTED
        await trio.sleep(130)
        assert session.probes == 2
