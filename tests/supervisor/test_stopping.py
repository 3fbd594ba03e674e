"""Stopping: order, deadlines, children that resist, cancellation from outside, starts that hang."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.supervisor.helpers import Crew, Recorder, tree
from wasup.supervisor import (
    BRUTAL_KILL,
    INFINITY,
    ChildContext,
    ChildRunning,
    ChildSpec,
    ChildStopTimedOut,
    ExitKind,
    NeverRestart,
    Restart,
    Shutdown,
    StartFailed,
    StartTimedOut,
    StopTimedOut,
    Strategy,
    SupervisorEnded,
    SupervisorSpec,
    open_supervisor,
    supervisor_child,
)


async def resist(context: ChildContext) -> None:
    """Be up, and go on for 10 s after being cancelled."""
    context.started()
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(10)


async def hang(context: ChildContext) -> None:
    """Never get up."""
    await trio.sleep_forever()


async def test_children_stop_in_reverse_order_each_awaited(autojump_clock: MockClock) -> None:
    """Also the children of supervisors among them."""
    crew = Crew()
    inner = SupervisorSpec(children=(crew.spec("b"), crew.spec("c")))
    async with tree(crew.spec("a"), supervisor_child("s", inner), crew.spec("d")):
        crew.taken()
    assert crew.taken() == ["end d", "end c", "end b", "end a"]


async def test_cancellation_from_outside_stops_the_tree_in_order(autojump_clock: MockClock) -> None:
    """Children are asked one by one, and the cancellation goes on its way."""
    order: list[str] = []

    def slow(name: str) -> ChildSpec:
        async def run(context: ChildContext) -> None:
            stop = trio.Event()
            context.on_stop_request(stop.set)
            context.started()
            await stop.wait()
            await trio.sleep(1)
            order.append(name)

        return ChildSpec(id=name, start=run)

    with trio.move_on_after(5) as scope:
        async with tree(slow("a"), supervisor_child("s", SupervisorSpec(children=(slow("b"), slow("c"))))):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert order == ["c", "b", "a"]
    assert trio.current_time() == pytest.approx(8)


async def test_an_exception_of_the_body_prevails_and_is_not_wrapped(autojump_clock: MockClock) -> None:
    """The tree is stopped, then the body's own exception goes on."""
    crew = Crew()
    with pytest.raises(LookupError):
        async with tree(crew.spec("a")):
            raise LookupError("mine")
    assert crew.log == ["start a", "end a"]


async def test_a_child_that_does_not_stop_in_time_is_killed(autojump_clock: MockClock) -> None:
    """Asked, waited for, cancelled."""

    async def deaf(context: ChildContext) -> None:
        context.on_stop_request(lambda: None)
        context.started()
        await trio.sleep_forever()

    async with tree(ChildSpec(id="a", start=deaf, shutdown=3)) as root:
        ref = root.child("a")
        began = trio.current_time()
        await root.terminate_child("a")
        assert trio.current_time() - began == pytest.approx(3)
        assert ref.reason.kind is ExitKind.KILLED


async def test_brutal_kill_does_not_ask(autojump_clock: MockClock) -> None:
    """The callback is not called."""
    asked: list[bool] = []

    async def run(context: ChildContext) -> None:
        context.on_stop_request(lambda: asked.append(True))
        context.started()
        await trio.sleep_forever()

    async with tree(ChildSpec(id="a", start=run, shutdown=BRUTAL_KILL)) as root:
        ref = root.child("a")
        await root.terminate_child("a")
        assert ref.reason.kind is ExitKind.KILLED
    assert asked == []


async def test_infinity_waits(autojump_clock: MockClock) -> None:
    """However long it takes."""

    async def slow(context: ChildContext) -> None:
        stop = trio.Event()
        context.on_stop_request(stop.set)
        context.started()
        await stop.wait()
        await trio.sleep(80_000)
        raise Shutdown

    async with tree(ChildSpec(id="a", start=slow, shutdown=INFINITY)) as root:
        ref = root.child("a")
        await root.terminate_child("a")
        assert ref.reason.kind is ExitKind.SHUTDOWN
        assert trio.current_time() == pytest.approx(80_000)


async def test_a_failing_stop_callback_has_the_child_cancelled(autojump_clock: MockClock) -> None:
    """A mistake there does not cost the deadline."""

    def broken() -> None:
        raise ZeroDivisionError

    async def run(context: ChildContext) -> None:
        context.on_stop_request(broken)
        context.started()
        await trio.sleep_forever()

    async with tree(ChildSpec(id="a", start=run)) as root:
        await root.terminate_child("a")
        assert trio.current_time() == 0


async def test_a_resisting_child_is_reported_visible_and_not_replaced(autojump_clock: MockClock) -> None:
    """terminate_child says so; restart is refused until it has really ended."""
    recorder = Recorder()
    async with tree(ChildSpec(id="a", start=resist, shutdown=2), recorder=recorder) as root:
        with pytest.raises(ChildStopTimedOut):
            await root.terminate_child("a")
        assert trio.current_time() == pytest.approx(3)
        assert [event.path for event in recorder.of(StopTimedOut)] == ["root/a"]
        assert root.snapshot().children[0].state == "stop_timed_out"
        with pytest.raises(ChildRunning):
            await root.restart_child("a")
        await trio.sleep(10)
        assert root.snapshot().children[0].state == "down"
        await root.restart_child("a")


async def test_a_group_restart_waits_for_a_resisting_sibling(autojump_clock: MockClock) -> None:
    """Nothing is started beside it; the supervisor goes on serving."""
    crew = Crew()
    children = (crew.spec("a"), ChildSpec(id="b", start=resist, shutdown=1), crew.spec("c"))
    async with tree(*children, strategy=Strategy.ONE_FOR_ALL) as root:
        crew.taken()
        crew.end("a", ValueError())
        await trio.sleep(5)
        assert crew.taken() == ["end a", "end c"]
        assert (await root.count_children()).active == 1
        await trio.sleep(6)
        assert crew.taken() == ["start a", "start c"]
        assert root.child("b").incarnation == 2


async def test_a_tree_outlives_none_of_its_children(autojump_clock: MockClock) -> None:
    """The others are stopped meanwhile, and the tree ends when the resisting child has."""
    crew = Crew()
    async with tree(crew.spec("a"), ChildSpec(id="b", start=resist, shutdown=1)):
        pass
    assert trio.current_time() == pytest.approx(10)
    assert crew.taken() == ["start a", "end a"]


async def test_a_start_that_takes_too_long_has_failed(autojump_clock: MockClock) -> None:
    """StartTimedOut, at the start of a tree and in start_child."""
    spec = ChildSpec(id="a", start=hang, start_timeout=3)
    with pytest.raises(StartFailed) as info:
        async with tree(spec):
            raise AssertionError("not reached")
    assert isinstance(info.value.reason.exception, StartTimedOut)
    assert trio.current_time() == pytest.approx(3)
    async with tree() as root:
        with pytest.raises(StartFailed):
            await root.start_child(spec)
        assert await root.which_children() == []


async def test_a_start_that_takes_too_long_in_a_restart_is_tried_again(autojump_clock: MockClock) -> None:
    """It counts as any failed attempt."""
    attempts = 0

    async def sometimes(context: ChildContext) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 2:
            await trio.sleep_forever()
        context.started()
        await trio.sleep(1)
        if attempts == 1:
            raise ValueError
        await trio.sleep_forever()

    async with tree(ChildSpec(id="a", start=sometimes, start_timeout=3)) as root:
        await trio.sleep(5)
        assert root.child("a").incarnation == 3


async def test_a_start_that_resists_its_timeout_is_not_started_beside_itself(autojump_clock: MockClock) -> None:
    """Nor does a late `started()` bring it up."""
    running = 0

    async def stubborn(context: ChildContext) -> None:
        nonlocal running
        running += 1
        assert running == 1
        with trio.CancelScope(shield=True):
            await trio.sleep(20)
        context.started()
        running -= 1

    async with tree() as root:
        spec = ChildSpec(id="a", start=stubborn, start_timeout=1)
        with pytest.raises(StartFailed):
            await root.start_child(spec)
        assert root.snapshot().children[0].state == "stop_timed_out"
        await trio.sleep(30)
        assert root.snapshot().children == ()


async def test_returning_before_started_is_a_failed_start(autojump_clock: MockClock) -> None:
    """As in OTP, where a start function that exits without an answer has failed."""

    async def forgetful(context: ChildContext) -> None:
        pass

    async with tree() as root:
        with pytest.raises(StartFailed) as info:
            await root.start_child(ChildSpec(id="a", start=forgetful))
        assert info.value.reason.kind is ExitKind.NORMAL


async def test_ignore_is_a_success_without_a_process(autojump_clock: MockClock) -> None:
    """The specification stays, a temporary child's does not."""

    async def ignoring(context: ChildContext) -> None:
        context.ignore()

    async with tree() as root:
        assert await root.start_child(ChildSpec(id="a", start=ignoring)) is None
        assert await root.start_child(ChildSpec(id="b", start=ignoring, restart=Restart.TEMPORARY)) is None
        assert [(child.id, child.state) for child in await root.which_children()] == [("a", "down")]


async def test_started_twice_is_a_mistake_of_the_child(autojump_clock: MockClock) -> None:
    """It crashes."""

    async def twice(context: ChildContext) -> None:
        context.started()
        context.started()

    async with tree(ChildSpec(id="a", start=twice, restart=Restart.TRANSIENT, budget=None), intensity=INFINITY) as root:
        exits = root.snapshot().children[0].last_exits
        assert "started() is called once" in exits[-1].reason
        await root.terminate_child("a")


@pytest.mark.parametrize("stop_in_turn", [False, True])
async def test_cancelled_while_starting_stops_what_has_started(autojump_clock: MockClock, stop_in_turn: bool) -> None:
    """A start that hangs is called off, in nested supervisors too, and those before it stop in order."""
    crew = Crew()
    inner = SupervisorSpec(children=(crew.spec("b"), ChildSpec(id="h", start=hang)), stop_in_turn=stop_in_turn)
    with trio.move_on_after(4) as scope:
        async with tree(crew.spec("a"), supervisor_child("s", inner), stop_in_turn=stop_in_turn):
            raise AssertionError("not reached")
    assert scope.cancelled_caught
    assert crew.log == ["start a", "start b", "end b", "end a"]
    assert trio.current_time() == pytest.approx(4)


@pytest.mark.parametrize("stop_in_turn", [False, True])
async def test_stop_calls_a_hanging_restart_off(autojump_clock: MockClock, stop_in_turn: bool) -> None:
    """By default the end of the body does; under stop_in_turn (OTP) it waits for the start."""

    async def run(context: ChildContext) -> None:
        if context.incarnation > 1:
            await trio.sleep(50)
        context.started()
        await trio.sleep(1)
        raise ValueError

    async with tree(ChildSpec(id="a", start=run), stop_in_turn=stop_in_turn):
        await trio.sleep(2)
    assert trio.current_time() == pytest.approx(51 if stop_in_turn else 2)


async def test_nothing_more_is_started_once_the_tree_is_to_stop(autojump_clock: MockClock) -> None:
    """A group restart is left off where it is."""
    crew = Crew()

    async def slow(context: ChildContext) -> None:
        context.on_stop_request(lambda: None)
        if context.incarnation > 1:
            await trio.sleep(3)
        context.started()
        await trio.sleep(1)

    async with tree(ChildSpec(id="a", start=slow), crew.spec("b"), strategy=Strategy.ONE_FOR_ALL):
        await trio.sleep(2)
        assert crew.taken() == ["start b", "end b"]
    assert crew.taken() == []


async def test_requests_to_an_ending_supervisor_are_refused(autojump_clock: MockClock) -> None:
    """Also from a child that it is stopping: neither waits for the other."""
    refused: list[bool] = []

    async def asking(context: ChildContext) -> None:
        stop = trio.Event()
        context.on_stop_request(stop.set)
        context.started()
        await stop.wait()
        try:
            await root.start_child(ChildSpec(id="x", start=hang))
        except SupervisorEnded:
            refused.append(True)

    async with tree(ChildSpec(id="a", start=asking)) as root:
        pass
    assert refused == [True]
    assert trio.current_time() == 0
    with pytest.raises(SupervisorEnded):
        await root.which_children()


async def test_a_withdrawn_request_is_not_carried_out(autojump_clock: MockClock) -> None:
    """A caller that is cancelled before its turn has asked nothing."""
    crew = Crew()

    async def late(context: ChildContext) -> None:
        await trio.sleep(5)
        context.started()
        await trio.sleep_forever()

    async with tree() as root, trio.open_nursery() as nursery:
        nursery.start_soon(root.start_child, ChildSpec(id="late", start=late))
        await wait_all_tasks_blocked()
        with trio.move_on_after(1):
            await root.start_child(crew.spec("a"))
        await trio.sleep(10)
        assert [child.id for child in await root.which_children()] == ["late"]


async def test_killing_a_supervisor_cancels_everything_below(autojump_clock: MockClock) -> None:
    """At once, at all levels; its own supervisor sees a kill."""
    crew = Crew()
    deep = SupervisorSpec(children=(crew.spec("a"), supervisor_child("t", SupervisorSpec(children=(crew.spec("b"),)))))
    async with tree(supervisor_child("s", deep)) as root:
        handle = root.child("s")
        crew.taken()
        handle.ref.kill()
        reason = await handle.ref.wait_ended()
        assert reason.kind is ExitKind.KILLED
        assert sorted(crew.taken()) == ["end a", "end b"]
        await wait_all_tasks_blocked()
        assert root.child("s").incarnation == 2


async def test_killing_the_root_is_told_to_the_program(autojump_clock: MockClock) -> None:
    """The body is cancelled."""
    with pytest.raises(SupervisorEnded, match="killed"):  # noqa: PT012  the tree ends in the middle
        async with tree() as root:
            root.ref.kill()
            await trio.sleep_forever()


async def test_a_supervisor_may_be_stopped_with_a_reason(autojump_clock: MockClock) -> None:
    """Its children stop in order; its own supervisor applies its policy."""
    crew = Crew()
    inner = SupervisorSpec(children=(crew.spec("a"), crew.spec("b")))
    async with tree(supervisor_child("s", inner)) as root:
        crew.taken()
        reason = await root.child("s").stop(NeverRestart("maintenance"))
        assert (reason.kind, reason.info) == (ExitKind.SHUTDOWN, "maintenance")
        assert crew.taken() == ["end b", "end a"]
        await wait_all_tasks_blocked()
        assert root.child("s") is None


async def test_instances_stop_at_the_same_time_within_one_deadline(autojump_clock: MockClock) -> None:
    """Not one after the other."""

    async def slow(context: ChildContext, seconds: float) -> None:
        stop = trio.Event()
        context.on_stop_request(stop.set)
        context.started()
        await stop.wait()
        await trio.sleep(seconds)

    spec = SupervisorSpec(strategy=Strategy.SIMPLE_ONE_FOR_ONE, template=ChildSpec(id="t", start=slow, shutdown=4))
    async with open_supervisor(spec) as root:
        refs = [await root.start_child(seconds) for seconds in (1, 2, 3, 100)]
    assert trio.current_time() == pytest.approx(4)
    kinds = [ref.reason.kind for ref in refs]
    assert kinds == [ExitKind.NORMAL] * 3 + [ExitKind.KILLED]


async def test_keyboard_interrupt_in_a_child_ends_the_program(autojump_clock: MockClock) -> None:
    """It is nobody's crash to restart."""

    async def interrupted(context: ChildContext) -> None:
        context.started()
        await trio.sleep(1)
        raise KeyboardInterrupt

    crew = Crew()
    with pytest.raises(BaseExceptionGroup) as info:
        async with tree(
            crew.spec("a"),
            supervisor_child("s", SupervisorSpec(children=(ChildSpec(id="b", start=interrupted),))),
        ):
            await trio.sleep_forever()
    assert info.value.split(KeyboardInterrupt)[1] is None
    assert crew.log == ["start a", "end a"]
