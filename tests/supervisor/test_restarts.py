"""Restart types, intensity, backoff, budgets and typed exits."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.supervisor.helpers import Crew, Recorder, tree
from wasup.supervisor import (
    AutoShutdown,
    Backoff,
    BackoffStarted,
    Budget,
    ChildGaveUp,
    ChildRestarted,
    ChildRestarting,
    EndTree,
    Escalated,
    GaveUp,
    InBackoff,
    NeverRestart,
    Restart,
    RestartQuietly,
    Shutdown,
    StartFailed,
    Strategy,
    SupervisorGaveUp,
    SupervisorSpec,
    supervisor_child,
)
from wasup.supervisor._policy import RestartWindow

CRASH = ValueError
PLAIN = Backoff(initial=1, factor=2, maximum=10, jitter=0, reset_after=30)


async def settle() -> None:
    """Let the tree come to rest."""
    await wait_all_tasks_blocked()


@pytest.mark.parametrize("restart", Restart)
@pytest.mark.parametrize(
    ("exit_", "restarted_types"),
    [
        (lambda: None, {Restart.PERMANENT}),
        (Shutdown, {Restart.PERMANENT}),
        (lambda: Shutdown("info"), {Restart.PERMANENT}),
        (CRASH, {Restart.PERMANENT, Restart.TRANSIENT}),
        (RestartQuietly, {Restart.PERMANENT, Restart.TRANSIENT}),
        (NeverRestart, set()),
    ],
)
async def test_exit_and_restart_type_decide(
    autojump_clock: MockClock,
    restart: Restart,
    exit_: Callable[[], Exception | None],
    restarted_types: set[Restart],
) -> None:
    """The full matrix; what is not restarted keeps its specification unless it is temporary."""
    crew = Crew()
    async with tree(crew.spec("a", restart=restart)) as root:
        crew.end("a", exit_())
        await settle()
        states = [child.state for child in await root.which_children()]
        if restart in restarted_types:
            assert states == ["running"]
        else:
            assert states == ([] if restart is Restart.TEMPORARY else ["down"])


async def test_backoff_grows_to_its_cap_and_is_reset_by_health(autojump_clock: MockClock) -> None:
    """1, 2, 4, 8, 10, 10; after 30 s up it is 1 again."""
    crew, recorder = Crew(), Recorder()
    async with tree(crew.spec("a", backoff=PLAIN), recorder=recorder):
        for wait in (1, 2, 4, 8, 10, 10):
            crew.end("a", CRASH())
            began = trio.current_time()
            await trio.sleep(wait + 0.5)
            assert recorder.of(ChildRestarted)[-1].monotonic - began == pytest.approx(wait)
        await trio.sleep(31)
        crew.end("a", CRASH())
        await settle()
        assert [event.delay for event in recorder.of(BackoffStarted)] == [1, 2, 4, 8, 10, 10, 1]


def test_jitter_only_lengthens_up_to_its_fraction() -> None:
    """Between the delay and a fraction more, also at the cap, and without overflow."""

    class Always:
        def __init__(self, value: float) -> None:
            self.value = value

        def random(self) -> float:
            return self.value

    backoff = Backoff(initial=1, factor=3, maximum=60, jitter=0.2)
    for value, factor in ((0.0, 1.0), (1.0, 1.2)):
        random = Always(value)
        assert backoff.delay(0, random) == pytest.approx(1 * factor)  # type: ignore[arg-type]
        assert backoff.delay(10_000, random) == pytest.approx(60 * factor)  # type: ignore[arg-type]


async def test_failed_starts_count_in_the_row(autojump_clock: MockClock) -> None:
    """A start that fails waits longer each time, and each attempt costs one unit."""
    crew, recorder = Crew(), Recorder()
    async with tree(crew.spec("a", backoff=PLAIN), recorder=recorder, intensity=4, period=1000):
        crew.failures["a"] = [CRASH(), CRASH(), CRASH()]
        crew.end("a", CRASH())
        await trio.sleep(15.5)
        assert [event.delay for event in recorder.of(BackoffStarted)] == [1, 2, 4, 8]
        assert crew.log[-1] == "start a"


async def test_in_a_group_the_siblings_are_stopped_first_and_all_wait(autojump_clock: MockClock) -> None:
    """REST_FOR_ONE with backoff: stopped at once, started together."""
    crew = Crew()
    children = (crew.spec("a"), crew.spec("b", backoff=PLAIN), crew.spec("c"), crew.spec("d"))
    async with tree(*children, strategy=Strategy.REST_FOR_ONE) as root:
        crew.taken()
        crew.end("b", CRASH())
        await settle()
        assert crew.taken() == ["end b", "end d", "end c"]
        states = {node.id: node.state for node in root.snapshot().children}
        assert states == {"a": "running", "b": "backoff", "c": "backoff", "d": "backoff"}
        await trio.sleep(1.5)
        assert crew.taken() == ["start b", "start c", "start d"]


async def test_requests_are_served_during_backoff(autojump_clock: MockClock) -> None:
    """Restart and delete are refused, terminate calls the restart off; then restart_child starts at once."""
    crew = Crew()
    async with tree(crew.spec("a", backoff=PLAIN)) as root:
        crew.end("a", CRASH())
        await settle()
        with pytest.raises(InBackoff):
            await root.restart_child("a")
        with pytest.raises(ChildRestarting):
            await root.delete_child("a")
        (node,) = root.snapshot().children
        assert node.in_backoff_until == pytest.approx(trio.current_time() + 1)
        await root.terminate_child("a")
        crew.taken()
        await trio.sleep(5)
        assert crew.taken() == []
        await root.restart_child("a")
        assert crew.taken() == ["start a"]


async def test_an_old_timer_does_not_shorten_a_later_backoff(autojump_clock: MockClock) -> None:
    """A restart that was called off is not carried out by its timer."""
    crew = Crew()
    async with tree(crew.spec("a", backoff=PLAIN)) as root:
        crew.end("a", CRASH())
        await trio.sleep(0.5)
        await root.terminate_child("a")
        await root.restart_child("a")
        crew.end("a", CRASH())  # the second in the row: 2 s
        await settle()
        crew.taken()
        await trio.sleep(1.9)
        assert crew.taken() == []
        await trio.sleep(0.2)
        assert crew.taken() == ["start a"]


async def test_a_child_over_its_budget_stays_down_alone(autojump_clock: MockClock) -> None:
    """Its supervisor and siblings go on, and so does the supervisor's own budget."""
    crew, recorder = Crew(), Recorder()
    children = (crew.spec("a", budget=Budget(restarts=2, period=10)), crew.spec("b"))
    async with tree(*children, recorder=recorder) as root:
        for _ in range(3):
            crew.end("a", CRASH())
            await settle()
        assert [child.state for child in await root.which_children()] == ["down", "running"]
        assert len(recorder.of(ChildGaveUp)) == 1
        await root.restart_child("a")
        await trio.sleep(11)
        crew.end("a", CRASH())
        await settle()
        assert [child.state for child in await root.which_children()] == ["running", "running"]


async def test_a_child_over_its_budget_is_not_revived_by_its_group(autojump_clock: MockClock) -> None:
    """Nor is one that asked never to be restarted."""
    crew = Crew()
    children = (
        crew.spec("a"),
        crew.spec("b", budget=Budget(restarts=0, period=10)),
        crew.spec("c"),
        crew.spec("d"),
    )
    async with tree(*children, strategy=Strategy.ONE_FOR_ALL) as root:
        crew.end("b", CRASH())
        await settle()
        crew.end("c", NeverRestart("logged out"))
        await settle()
        crew.end("d", CRASH())
        await settle()
        states = [child.state for child in await root.which_children()]
        assert states == ["running", "down", "down", "running"]
        await root.restart_child("c")
        crew.end("d", CRASH())
        await settle()
        assert [child.state for child in await root.which_children()][2] == "running"


async def test_restart_quietly_costs_neither_budget_nor_backoff(autojump_clock: MockClock) -> None:
    """It is restarted at once, as often as it asks."""
    crew = Crew()
    spec = crew.spec("a", backoff=PLAIN, budget=Budget(restarts=0))
    async with tree(spec, intensity=0) as root:
        for _ in range(10):
            crew.end("a", RestartQuietly())
            await settle()
        (child,) = await root.which_children()
        assert child.state == "running"
        assert trio.current_time() < 0.1


async def test_restart_quietly_before_ready_is_an_ordinary_failure(autojump_clock: MockClock) -> None:
    """Otherwise it could loop without end."""
    crew = Crew()
    with pytest.raises(SupervisorGaveUp):  # noqa: PT012  the tree ends in the middle
        async with tree(crew.spec("a"), intensity=3):
            crew.failures["a"] = [RestartQuietly() for _ in range(100)]
            crew.end("a", CRASH())
            await trio.sleep(1)


async def test_never_restart_during_a_restart_ends_the_attempts(autojump_clock: MockClock) -> None:
    """A session that learns while connecting that it is logged out; the rest of the group starts."""
    crew = Crew()
    children = (crew.spec("a"), crew.spec("b"), crew.spec("c"))
    async with tree(*children, strategy=Strategy.REST_FOR_ONE) as root:
        crew.failures["b"] = [NeverRestart("logged out")]
        crew.end("a", CRASH())
        await settle()
        assert [child.state for child in await root.which_children()] == ["running", "down", "running"]
        assert root.snapshot().children[1].last_exits[-1].reason == "shutdown: logged out"


async def test_end_tree_stops_all_and_ends_with_shutdown(autojump_clock: MockClock) -> None:
    """A permanent supervisor is restarted by its own, a transient one is not."""
    for restart, state in ((Restart.PERMANENT, "running"), (Restart.TRANSIENT, "down")):
        crew, recorder = Crew(), Recorder()
        inner = SupervisorSpec(children=(crew.spec("a"), crew.spec("b")))
        async with tree(supervisor_child("s", inner, restart=restart), recorder=recorder) as root:
            crew.taken()
            crew.end("a", EndTree("replaced"))
            await settle()
            assert crew.taken()[:2] == ["end a", "end b"]
            assert [child.state for child in await root.which_children()] == [state]
            (gave_up,) = recorder.of(GaveUp)
            assert (gave_up.path, gave_up.why) == ("root/s", "end of tree asked for")
            assert [event.path for event in recorder.of(Escalated)] == ["root/s"]


async def test_the_root_giving_up_cancels_the_body_and_says_why(autojump_clock: MockClock) -> None:
    """SupervisorGaveUp names the child, and its crash is the cause."""
    crew = Crew()
    error = CRASH("at last")
    reached = False
    with pytest.raises(SupervisorGaveUp) as info:  # noqa: PT012  the tree ends in the middle
        async with tree(crew.spec("a"), crew.spec("b"), intensity=1, period=5):
            crew.end("a", CRASH())
            await settle()
            crew.taken()
            crew.end("a", error)
            await trio.sleep(100)
            reached = True
    assert not reached
    assert crew.taken() == ["end a", "end b"]
    assert (info.value.child, info.value.why) == ("root/a", "too many restarts")
    assert info.value.__cause__ is error
    assert trio.current_time() < 1


async def test_auto_shutdown_ends_the_tree(autojump_clock: MockClock) -> None:
    """ANY at the first, ALL at the last significant child."""
    for mode, needed in ((AutoShutdown.ANY_SIGNIFICANT, 1), (AutoShutdown.ALL_SIGNIFICANT, 2)):
        crew = Crew()
        children = [crew.spec(name, restart=Restart.TRANSIENT, significant=True) for name in ("a", "b")]
        ended = 0
        with pytest.raises(SupervisorGaveUp, match="automatic shutdown"):  # noqa: PT012  the tree ends in the middle
            async with tree(*children, crew.spec("c"), auto_shutdown=mode):
                for name in ("a", "b"):
                    ended += 1
                    crew.end(name)
                    await trio.sleep(1)
        assert ended == needed


def test_the_window_is_exact() -> None:
    """A restart counts for exactly the period, to the instant."""
    window = RestartWindow(limit=1, period=5)
    assert window.note(1.0)
    assert not window.note(6.0)
    assert window.note(11.001)


def test_the_window_in_whole_seconds_is_otps() -> None:
    """There a restart may count up to a second longer."""
    exact, whole = (RestartWindow(limit=1, period=5, whole_seconds=flag) for flag in (False, True))
    for window in (exact, whole):
        assert window.note(0.0)
    assert exact.note(5.9)
    assert not whole.note(5.9)


async def test_a_failed_start_child_leaves_nothing(autojump_clock: MockClock) -> None:
    """No specification, no retry, siblings untouched."""
    crew = Crew()
    async with tree(crew.spec("a"), strategy=Strategy.ONE_FOR_ALL) as root:
        crew.failures["b"] = [CRASH("no")]
        with pytest.raises(StartFailed) as info:
            await root.start_child(crew.spec("b"))
        assert isinstance(info.value.__cause__, ValueError)
        assert [child.id for child in await root.which_children()] == ["a"]
        assert crew.log == ["start a", "fail b"]
