"""The bridge between Trio and asyncio."""

import asyncio
import random

import pytest
import trio

from wasup.bridge import Bridge, BridgeDied


async def double(value: int) -> int:
    """Twice the value."""
    await asyncio.sleep(0)
    return 2 * value


async def test_a_call_returns_its_result_and_raises_its_error() -> None:
    """What the asyncio function returns or raises comes back."""

    async def fail() -> None:
        raise LookupError("no")

    async with Bridge() as bridge:
        assert await bridge.run(double, 21) == 42
        with pytest.raises(LookupError, match="no"):
            await bridge.run(fail)


async def test_cancelling_waits_until_the_asyncio_task_has_really_ended() -> None:
    """A cancelled call returns only after its clean-up on the asyncio side."""
    ended = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            ended.append(True)

    async with Bridge() as bridge:
        with trio.move_on_after(0.01) as scope:
            await bridge.run(slow)
        assert scope.cancelled_caught
        assert ended == [True]


async def test_a_call_that_completes_in_spite_of_its_cancel_gives_its_result() -> None:
    """Work that was done is not reported as cancelled."""

    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "done"
        return "slept"

    async with Bridge() as bridge:
        with trio.move_on_after(0.01):
            assert await bridge.run(stubborn) == "done"


@pytest.mark.parametrize("seed", range(3))
async def test_random_cancels_never_mix_up_replies_or_leave_tasks(seed: int) -> None:
    """Thousands of calls with random cancels: each reply is its own call's, and nothing runs on."""
    chooser = random.Random(seed)
    running: set[int] = set()
    replies = 0

    async def call(number: int, naps: int) -> int:
        running.add(number)
        try:
            for _ in range(naps):
                await asyncio.sleep(0.0005)
            return number
        finally:
            running.discard(number)

    async def caller(bridge: Bridge, first: int) -> None:
        nonlocal replies
        for number in range(first, first + 150):
            with trio.move_on_after(chooser.choice([0.0, 0.0003, 0.001, 0.003, 5.0])) as scope:
                assert await bridge.run(call, number, chooser.randrange(4)) == number
                replies += 1
            if scope.cancelled_caught:
                assert number not in running

    async with Bridge() as bridge, trio.open_nursery() as nursery:
        for first in range(0, 1200, 150):
            nursery.start_soon(caller, bridge, first)
    assert not running
    assert replies > 100


async def test_shutdown_with_calls_in_flight_is_clean() -> None:
    """Leaving the bridge ends what is in flight and tells its callers."""
    failed = []

    async def caller(bridge: Bridge) -> None:
        try:
            await bridge.run(asyncio.sleep, 60)
        except BridgeDied:
            failed.append(True)

    async with trio.open_nursery() as nursery, Bridge() as bridge:
        for _ in range(24):
            nursery.start_soon(caller, bridge)
        await trio.sleep(0.02)
    assert len(failed) == 24


async def test_the_death_of_the_thread_fails_all_callers_with_a_clear_error() -> None:
    """When the loop ends, calls in flight and later ones raise BridgeDied."""

    async def die() -> None:
        raise SystemExit(3)

    async with Bridge() as bridge:
        async with trio.open_nursery() as nursery:

            async def waiting() -> None:
                with pytest.raises(BridgeDied):
                    await bridge.run(asyncio.sleep, 60)

            nursery.start_soon(waiting)
            await trio.sleep(0.01)
            with pytest.raises(BridgeDied, match="SystemExit"):
                await bridge.run(die)
        await bridge.wait_died()
        assert not bridge.alive
        with pytest.raises(BridgeDied):
            await bridge.run(double, 1)
