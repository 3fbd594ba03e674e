"""Kills and requests to stop that do not come from the supervisor."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

from tests.supervisor.helpers import Crew, Nap, Parrot, Raise, Recorder, tree
from wasup.supervisor import (
    BRUTAL_KILL,
    INFINITY,
    BrutalKill,
    ChildContext,
    ChildEnded,
    ChildSpec,
    ExitKind,
    ExitReason,
    StartFailed,
    StopTimedOut,
    SupervisorEnded,
    SupervisorSpec,
    actor_child,
    supervisor_child,
)


def stubborn(seconds: float, *, up: bool = True) -> Callable[[ChildContext], Awaitable[None]]:
    """Return the start of a child that cannot be cancelled for so long."""

    async def start(context: ChildContext) -> None:
        if up:
            context.started()
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)
        await trio.sleep_forever()

    return start


class Tidy(Parrot):
    """Takes its time to clean up."""

    async def on_stop(self, reason: ExitReason) -> None:
        """Take it."""
        await trio.sleep(300)


async def test_a_killed_child_that_resists_is_reported_and_restarted_when_it_ends(autojump_clock: MockClock) -> None:
    """Whoever killed it."""
    recorder = Recorder()
    async with tree(ChildSpec(id="a", start=stubborn(60)), recorder=recorder, kill_grace=2) as root:
        began = trio.current_time()
        root.child("a").kill()
        await trio.sleep(10)
        assert root.snapshot().children[0].state == "stop_timed_out"
        (event,) = recorder.of(StopTimedOut)
        assert (event.path, event.monotonic) == ("root/a", began + 2)
        await trio.sleep(55)
        assert root.snapshot().children[0].incarnation == 2
        (ended,) = recorder.of(ChildEnded)
        assert (ended.reason.kind, ended.uptime) == (ExitKind.KILLED, 60)
        root.child("a").kill()
        await trio.sleep(3)
    assert [event.path for event in recorder.of(StopTimedOut)] == ["root/a", "root/a"]


async def test_a_killed_supervisor_reports_who_resists_and_refuses_requests(autojump_clock: MockClock) -> None:
    """At once, and not when the last child has ended."""
    recorder, crew = Recorder(), Crew()
    inner = SupervisorSpec(children=(crew.spec("b"), ChildSpec(id="c", start=stubborn(60))))
    async with tree(supervisor_child("s", inner), recorder=recorder) as root:
        nested = root.child("s")
        nested.ref.kill()
        await trio.sleep(2)
        assert sorted(event.path for event in recorder.of(StopTimedOut)) == ["root/s", "root/s/c"]
        (shown,) = root.snapshot().children
        assert (shown.state, [child.state for child in shown.children]) == (
            "stop_timed_out",
            ["down", "stop_timed_out"],
        )
        with trio.fail_after(0.1), pytest.raises(SupervisorEnded):
            await nested.which_children()
        await trio.sleep(60)
        assert root.child("s").incarnation == 2


async def test_a_start_that_is_killed_and_resists_has_failed(autojump_clock: MockClock) -> None:
    """The supervisor does not wait for it; nor says that a time is over which was not set."""
    contexts: list[ChildContext] = []

    async def noted(context: ChildContext) -> None:
        contexts.append(context)
        await stubborn(60, up=False)(context)

    async with tree() as root, trio.open_nursery() as nursery:

        async def start() -> None:
            with pytest.raises(StartFailed) as info:
                await root.start_child(ChildSpec(id="a", start=noted))
            assert info.value.reason.kind is ExitKind.KILLED

        nursery.start_soon(start)
        await trio.sleep(1)
        contexts[0].ref.kill()
        await trio.sleep(2)
        assert [child.id for child in await root.which_children()] == ["a"]
        await trio.sleep(60)
        assert await root.which_children() == []


async def test_a_start_that_is_called_off_and_resists_ends_with_shutdown(autojump_clock: MockClock) -> None:
    """There was no start_timeout to blame."""
    async with tree() as root, trio.open_nursery() as nursery:

        async def start() -> None:
            with pytest.raises(StartFailed) as info:
                await root.start_child(ChildSpec(id="a", start=stubborn(60, up=False), shutdown=1))
            assert info.value.reason.kind is ExitKind.SHUTDOWN

        nursery.start_soon(start)
        await trio.sleep(1)
        await root.stop()


@pytest.mark.parametrize(("shutdown", "seconds"), [(2.0, 2.0), (BRUTAL_KILL, 1.0)])
async def test_a_child_asked_to_stop_by_its_ref_has_its_own_deadline(
    autojump_clock: MockClock, shutdown: float | BrutalKill, seconds: float
) -> None:
    """When it is over the child is killed: here one that ignores requests, and one that is busy."""

    async def deaf(context: ChildContext) -> None:
        context.on_stop_request(lambda: None)
        context.started()
        await trio.sleep_forever()

    async with tree(ChildSpec(id="a", start=deaf, shutdown=shutdown), actor_child("b", Parrot, shutdown=2)) as root:
        for name, limit in (("a", seconds), ("b", 2.0)):
            ref = root.child(name)
            if name == "b":
                ref.tell_nowait(Nap(seconds=500))
                await trio.sleep(1)
            began = trio.current_time()
            ref.stop()
            reason = await ref.wait_ended()
            assert (reason.kind, trio.current_time() - began) == (ExitKind.KILLED, limit)


async def test_infinity_is_no_deadline(autojump_clock: MockClock) -> None:
    """Also when it is asked by its ref."""
    async with tree(actor_child("a", Parrot, shutdown=INFINITY)) as root:
        ref = root.child("a")
        ref.tell_nowait(Nap(seconds=5000))
        await trio.sleep(1)
        ref.stop()
        assert (await ref.wait_ended()).kind is ExitKind.SHUTDOWN
        assert trio.current_time() > 4000


@pytest.mark.parametrize("shutdown", [50.0, INFINITY])
async def test_a_kill_reaches_an_actor_that_cleans_up(autojump_clock: MockClock, shutdown: float) -> None:
    """After a crash, which stays the reason, and in an orderly end, which becomes a kill."""
    async with tree(actor_child("a", Tidy, shutdown=shutdown)) as root:
        for crash, kind in ((True, ExitKind.CRASH), (False, ExitKind.KILLED)):
            ref = root.child("a")
            if crash:
                ref.tell_nowait(Raise())
            else:
                ref.stop()
            await trio.sleep(1)
            began = trio.current_time()
            ref.kill()
            assert (await ref.wait_ended()).kind is kind
            assert trio.current_time() == began
            await trio.sleep(1)


async def test_a_crash_stays_the_reason_when_a_stop_is_asked_for_meanwhile(autojump_clock: MockClock) -> None:
    """Though the cleaning up is cut off at the stop deadline."""
    recorder = Recorder()
    async with tree(actor_child("a", Tidy), recorder=recorder) as root:
        root.child("a").tell_nowait(Raise())
        await trio.sleep(1)
        await root.terminate_child("a")
        (ended,) = recorder.of(ChildEnded)
        assert str(ended.reason) == "crash: ValueError('asked to')"
