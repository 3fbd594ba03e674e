"""RestartLater: a restart after the backoff that costs nothing; and what a child may know of its supervisor."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.supervisor.helpers import Ask, Crew, Parrot, Raise, Recorder, tree
from wasup.supervisor import (
    Actor,
    Backoff,
    BackoffStarted,
    Budget,
    ChildContext,
    ChildEnded,
    ChildGaveUp,
    ChildIgnored,
    ChildRestarted,
    ChildSpec,
    ChildStarted,
    Directive,
    ExitKind,
    ExitReason,
    InBackoff,
    NeverRestart,
    Restart,
    RestartLater,
    RestartQuietly,
    Shutdown,
    StartFailed,
    Strategy,
    Supervisor,
    SupervisorGaveUp,
    SupervisorSpec,
    actor_child,
    supervisor_child,
)

PLAIN = Backoff(initial=1, factor=2, maximum=10, jitter=0, reset_after=30)


# ---- RestartLater ----------------------------------------------------------------------------


@pytest.mark.parametrize("restart", [Restart.PERMANENT, Restart.TRANSIENT])
async def test_it_waits_for_the_backoff_and_costs_nothing(autojump_clock: MockClock, restart: Restart) -> None:
    """Neither the supervisor's intensity nor the child's budget; the backoff grows as after crashes."""
    crew, recorder = Crew(), Recorder()
    spec = crew.spec("a", restart=restart, backoff=PLAIN, budget=Budget(restarts=0))
    async with tree(spec, recorder=recorder, intensity=0) as root:
        for wait in (1, 2, 4, 8, 10, 10):
            crew.end("a", RestartLater("the server closed"))
            began = trio.current_time()
            await trio.sleep(wait + 0.5)
            assert recorder.of(ChildRestarted)[-1].monotonic - began == pytest.approx(wait)
        assert [event.delay for event in recorder.of(BackoffStarted)] == [1, 2, 4, 8, 10, 10]
        assert recorder.of(ChildGaveUp) == []
        await trio.sleep(31)
        crew.end("a", RestartLater())
        await wait_all_tasks_blocked()
        assert recorder.of(BackoffStarted)[-1].delay == 1, "after a healthy time it begins anew"
        ended = recorder.of(ChildEnded)[0]
        assert (ended.reason.kind, ended.reason.info) == (ExitKind.SHUTDOWN, "the server closed")
        assert root.snapshot().children[0].last_exits[0].reason == "shutdown: the server closed"


async def test_its_row_is_that_of_crashes(autojump_clock: MockClock) -> None:
    """A crash after it waits longer, and is the one that counts."""
    crew, recorder = Crew(), Recorder()
    async with tree(crew.spec("a", backoff=PLAIN), recorder=recorder, intensity=1, period=1000):
        for error in (RestartLater(), ValueError(), RestartLater()):
            crew.end("a", error)
            await trio.sleep(10)
        assert [event.delay for event in recorder.of(BackoffStarted)] == [1, 2, 4]
    with pytest.raises(SupervisorGaveUp):  # noqa: PT012  the tree ends in the middle
        async with tree(crew.spec("a", backoff=PLAIN), intensity=1, period=1000):
            for error in (RestartLater(), ValueError(), RestartLater(), ValueError()):
                crew.end("a", error)
                await trio.sleep(10)
            raise AssertionError("not reached")


async def test_without_backoff_it_restarts_at_once(autojump_clock: MockClock) -> None:
    """As often as it asks."""
    crew, recorder = Crew(), Recorder()
    async with tree(crew.spec("a"), recorder=recorder, intensity=0):
        for _ in range(10):
            crew.end("a", RestartLater())
            await wait_all_tasks_blocked()
        assert len(recorder.of(ChildRestarted)) == 10
        assert recorder.of(BackoffStarted) == []
        assert trio.current_time() < 0.1


async def test_a_temporary_child_is_not_restarted(autojump_clock: MockClock) -> None:
    """Its specification goes, as at any end."""
    crew = Crew()
    async with tree(crew.spec("a", restart=Restart.TEMPORARY)) as root:
        crew.end("a", RestartLater())
        await trio.sleep(20)
        assert await root.which_children() == []
        assert crew.taken() == ["start a", "end a"]


@pytest.mark.parametrize(
    ("strategy", "stopped", "started"),
    [
        (Strategy.ONE_FOR_ONE, ["end b"], ["start b"]),
        (Strategy.REST_FOR_ONE, ["end b", "end c"], ["start b", "start c"]),
        (Strategy.ONE_FOR_ALL, ["end b", "end c", "end a"], ["start a", "start b", "start c"]),
    ],
)
async def test_its_group_stops_at_once_and_waits_with_it(
    autojump_clock: MockClock, strategy: Strategy, stopped: list[str], started: list[str]
) -> None:
    """As after a crash with backoff, without the cost."""
    crew = Crew()
    children = (crew.spec("a"), crew.spec("b", backoff=PLAIN), crew.spec("c"))
    async with tree(*children, strategy=strategy, intensity=0) as root:
        crew.taken()
        crew.end("b", RestartLater())
        await wait_all_tasks_blocked()
        assert crew.taken() == stopped
        with pytest.raises(InBackoff):
            await root.restart_child("b")
        await trio.sleep(0.9)
        assert crew.taken() == []
        await trio.sleep(0.2)
        assert crew.taken() == started


async def test_in_its_backoff_it_can_be_called_off(autojump_clock: MockClock) -> None:
    """terminate_child; then it is down, and restart_child starts it."""
    crew = Crew()
    async with tree(crew.spec("a", backoff=PLAIN)) as root:
        crew.end("a", RestartLater())
        await wait_all_tasks_blocked()
        crew.taken()
        await root.terminate_child("a")
        await trio.sleep(20)
        assert crew.taken() == []
        await root.restart_child("a")
        assert crew.taken() == ["start a"]


async def test_before_the_child_is_up_it_is_an_ordinary_failed_start(autojump_clock: MockClock) -> None:
    """In start_child it fails the request; in an automatic restart each attempt costs one unit."""
    crew, recorder = Crew(), Recorder()
    async with tree(recorder=recorder) as root:
        crew.failures["a"] = [RestartLater("too early")]
        with pytest.raises(StartFailed) as info:
            await root.start_child(crew.spec("a", backoff=PLAIN))
        assert info.value.reason.info == "too early"
        await trio.sleep(20)
        assert await root.which_children() == []
    with pytest.raises(SupervisorGaveUp):  # noqa: PT012  the tree ends in the middle
        async with tree(crew.spec("a", backoff=PLAIN), recorder=recorder, intensity=3, period=1000):
            crew.failures["a"] = [RestartLater() for _ in range(100)]
            crew.end("a", RestartLater())
            await trio.sleep(1000)
    assert [event.delay for event in recorder.of(BackoffStarted)] == [1, 2, 4, 8]


async def test_an_actor_asks_for_it_and_its_callers_are_told(autojump_clock: MockClock) -> None:
    """From a handler; meanwhile asking fails at once with what it waits for."""
    recorder = Recorder()
    async with tree(actor_child("a", Parrot, backoff=PLAIN), recorder=recorder, intensity=0) as root:
        ref = root.child("a")
        ref.tell_nowait(Raise(error=RestartLater("the server closed")))
        await wait_all_tasks_blocked()
        with pytest.raises(InBackoff) as info:
            await ref.ask(Ask(), timeout=5)
        assert info.value.until == pytest.approx(1)
        assert info.value.reason.info == "the server closed"
        await trio.sleep(2)
        assert await root.child("a").ask(Ask(text="again"), timeout=1) == "again"
        assert len(recorder.of(ChildRestarted)) == 1


@pytest.mark.parametrize(
    ("raised", "directive"),
    [
        (RestartLater(1), Directive.RESTART_LATER),
        (ExceptionGroup("g", [RestartLater(1)]), Directive.RESTART_LATER),
        (ExceptionGroup("g", [Shutdown(), RestartLater(1)]), Directive.RESTART_LATER),
        (ExceptionGroup("g", [NeverRestart(1), RestartLater()]), Directive.NEVER_RESTART),
        (ExceptionGroup("g", [RestartQuietly(1), RestartLater()]), Directive.RESTART_QUIETLY),
    ],
)
def test_its_place_among_other_reasons(raised: Exception, directive: Directive) -> None:
    """Above Shutdown, below what forbids restarts; a normal reason."""
    reason = ExitReason.from_exception(raised)
    assert (reason.directive, reason.info, reason.is_normal) == (directive, 1, True)


def test_a_crash_outranks_it() -> None:
    """A fault beside it is a fault."""
    assert ExitReason.from_exception(ExceptionGroup("g", [RestartLater(), KeyError()])).kind is ExitKind.CRASH


# ---- Actor.ignore ----------------------------------------------------------------------------


class Ignorer(Parrot):
    """Chooses to have no process; what it began by then is cancelled."""

    async def on_start(self) -> None:
        """Ignore."""
        self.nursery.start_soon(trio.sleep_forever)
        self.log.append("ignored")
        self.ignore()

    async def handle(self, message: Any) -> object:
        """Never."""
        raise AssertionError(message)


async def test_an_actor_may_choose_to_have_no_process(autojump_clock: MockClock) -> None:
    """The start succeeds, `on_stop` is not called, the specification stays unless it is temporary."""
    log: list[Any] = []
    recorder = Recorder()
    tasks = trio.lowlevel.current_statistics().tasks_living
    async with tree(actor_child("a", lambda: Ignorer(log)), recorder=recorder) as root:
        assert root.child("a") is None
        assert await root.start_child(actor_child("t", lambda: Ignorer(log), restart=Restart.TEMPORARY)) is None
        assert [(child.id, child.state) for child in await root.which_children()] == [("a", "down")]
        assert await root.restart_child("a") is None
        assert trio.lowlevel.current_statistics().tasks_living == tasks + 1
    assert log == ["ignored"] * 3
    assert [event.path for event in recorder.of(ChildIgnored)] == ["root/a", "root/t", "root/a"]
    assert [event.path for event in recorder.of(ChildStarted)] == ["root"]


async def test_an_actor_may_ignore_its_restart(autojump_clock: MockClock) -> None:
    """No retry; mail that survived is lost, its callers told."""

    class Once(Parrot):
        async def on_start(self) -> None:
            if self.incarnation > 1:
                self.ignore()

    recorder = Recorder()
    async with tree(actor_child("a", Once), recorder=recorder, intensity=1) as root:
        root.child("a").tell_nowait(Raise())
        await wait_all_tasks_blocked()
        assert [child.state for child in await root.which_children()] == ["down"]
        assert recorder.of(ChildRestarted) == []


# ---- the supervisor a child belongs to -------------------------------------------------------


class Keeper(Actor[Ask]):
    """Makes requests to its own supervisor."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew

    async def handle(self, message: Ask) -> object:
        """Start a sibling, or stop one."""
        if message.text.startswith("-"):
            await self.supervisor.terminate_child(message.text[1:])
            await self.supervisor.delete_child(message.text[1:])
        else:
            await self.supervisor.start_child(self.crew.spec(message.text))
        return " ".join(child.id for child in await self.supervisor.which_children())


async def test_an_actor_makes_requests_to_its_own_supervisor(autojump_clock: MockClock) -> None:
    """Of the nested supervisor it belongs to, not of the root; also after that one was restarted."""
    crew = Crew()
    inner = SupervisorSpec(children=(actor_child("keeper", lambda: Keeper(crew)),))
    async with tree(supervisor_child("s", inner)) as root:
        for _ in range(2):
            nested = root.child("s")
            keeper = nested.child("keeper")
            assert await keeper.ask(Ask(text="x"), timeout=1) == "keeper x"
            assert await keeper.ask(Ask(text="-x"), timeout=1) == "keeper"
            assert [child.id for child in await root.which_children()] == ["s"]
            nested.ref.kill()
            await wait_all_tasks_blocked()
            assert root.child("s") is not nested


async def test_a_child_knows_its_supervisor(autojump_clock: MockClock) -> None:
    """`ChildContext.parent` is the handle; None for the root."""
    seen: list[object] = []

    async def start(context: ChildContext) -> None:
        seen.append(context.parent)
        context.started()
        await trio.sleep_forever()

    inner = SupervisorSpec(children=(ChildSpec(id="c", start=start),))
    async with tree(supervisor_child("s", inner), ChildSpec(id="c", start=start)) as root:
        nested, outer = seen
        assert isinstance(nested, Supervisor)
        assert nested is root.child("s")
        assert outer is root
        assert root._core.context.parent is None
