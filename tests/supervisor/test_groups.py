"""Group restarts: what becomes of siblings when one of them cannot, or must not, come back."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.supervisor.helpers import Ask, Crew, Parrot, Raise, tree
from wasup.supervisor import (
    AutoShutdown,
    Backoff,
    Budget,
    ChildSpec,
    EndTree,
    ExitReason,
    InBackoff,
    NeverRestart,
    Restart,
    StartFailed,
    Strategy,
    Supervisor,
    SupervisorGaveUp,
    actor_child,
)

GROUPS = [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE]


def states(root: Supervisor) -> dict[str, str]:
    """Return the state of each child."""
    return {node.id: node.state for node in root.snapshot().children}


@pytest.mark.parametrize("strategy", GROUPS)
@pytest.mark.parametrize("backoff", [None, Backoff(initial=1, jitter=0)])
async def test_siblings_come_back_without_a_child_over_its_budget(
    autojump_clock: MockClock, strategy: Strategy, backoff: Backoff | None
) -> None:
    """The attempts had stopped them; the child alone stays down."""
    crew = Crew()
    worn = crew.spec("b", budget=Budget(restarts=2, period=100), backoff=backoff)
    async with tree(crew.spec("a"), worn, crew.spec("c"), crew.spec("d"), strategy=strategy) as root:
        crew.failures["b"] = [ValueError()] * 10
        crew.end("b", ValueError())
        await trio.sleep(50)
        assert states(root) == {"a": "running", "b": "down", "c": "running", "d": "running"}
        assert crew.taken()[-2:] == ["start c", "start d"]
        crew.end("c", ValueError())
        await trio.sleep(1)
        assert states(root) == {"a": "running", "b": "down", "c": "running", "d": "running"}


@pytest.mark.parametrize("strategy", GROUPS)
async def test_a_sibling_that_fails_then_is_tried_again(autojump_clock: MockClock, strategy: Strategy) -> None:
    """When the siblings are started without the child over its budget, theirs are ordinary restarts."""
    crew = Crew()
    worn = crew.spec("b", budget=Budget(restarts=1, period=100))
    async with tree(crew.spec("a"), worn, crew.spec("c"), strategy=strategy) as root:
        crew.failures.update(b=[ValueError()] * 10, c=[ValueError()])
        crew.end("b", ValueError())
        await trio.sleep(1)
        assert states(root) == {"a": "running", "b": "down", "c": "running"}


async def overtaken(root: Supervisor, crew: Crew, exits: dict[str, Exception]) -> None:
    """Have children end in this order while their supervisor is busy, so that the first end stops the others."""

    async def slow(_context: object) -> None:
        await trio.sleep(2)
        raise ValueError

    async def hold() -> None:
        with pytest.raises(StartFailed):
            await root.start_child(ChildSpec(id="hold", start=slow, restart=Restart.TEMPORARY))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hold)
        await trio.sleep(1)
        for name, error in exits.items():
            crew.end(name, error)
            await trio.sleep(0.1)
    await trio.sleep(0.5)


@pytest.mark.parametrize("strategy", GROUPS)
async def test_a_typed_exit_counts_when_a_group_restart_comes_first(
    autojump_clock: MockClock, strategy: Strategy
) -> None:
    """NeverRestart and EndTree of a sibling that the restart finds dead."""
    crew = Crew()
    async with tree(crew.spec("a"), crew.spec("b"), strategy=strategy) as root:
        await overtaken(root, crew, {"a": ValueError(), "b": NeverRestart("logged out")})
        assert states(root) == {"a": "running", "b": "down"}
        crew.end("a", ValueError())
        await trio.sleep(1)
        assert states(root) == {"a": "running", "b": "down"}
    with pytest.raises(SupervisorGaveUp, match="end of tree asked for"):
        async with tree(crew.spec("a"), crew.spec("b"), strategy=strategy) as root:
            await overtaken(root, crew, {"a": ValueError(), "b": EndTree()})


async def test_a_significant_child_that_a_group_restart_finds_dead(autojump_clock: MockClock) -> None:
    """It ended by itself and does not come back: automatic shutdown."""
    crew = Crew()
    significant = crew.spec("b", significant=True, restart=Restart.TRANSIENT)
    flags: dict[str, Any] = {"strategy": Strategy.ONE_FOR_ALL, "auto_shutdown": AutoShutdown.ANY_SIGNIFICANT}
    with pytest.raises(SupervisorGaveUp, match="automatic shutdown"):
        async with tree(crew.spec("a"), significant, **flags) as root:
            await overtaken(root, crew, {"a": ValueError(), "b": NeverRestart()})


@pytest.mark.parametrize("how", ["group", "terminate"])
async def test_a_typed_exit_counts_when_it_is_said_in_on_stop(autojump_clock: MockClock, how: str) -> None:
    """A child that is being stopped may still say that it is not to come back."""

    class LoggedOut(Parrot):
        async def on_stop(self, reason: ExitReason) -> None:
            raise NeverRestart("logged out")

    crew = Crew()
    async with tree(crew.spec("a"), actor_child("b", LoggedOut), strategy=Strategy.REST_FOR_ONE) as root:
        if how == "terminate":
            await root.terminate_child("b")
        crew.end("a", ValueError())
        await trio.sleep(1)
        assert states(root) == {"a": "running", "b": "down"}
        assert root.snapshot().children[1].incarnation == 1
        await root.restart_child("b")
        assert states(root) == {"a": "running", "b": "running"}


async def test_a_failed_request_to_restart_does_not_bring_a_child_back(autojump_clock: MockClock) -> None:
    """After NeverRestart only a `restart_child` that succeeds does."""
    crew = Crew()
    async with tree(crew.spec("a"), crew.spec("b"), strategy=Strategy.ONE_FOR_ALL) as root:
        crew.end("b", NeverRestart())
        await trio.sleep(1)
        crew.failures["b"] = [ValueError()]
        with pytest.raises(StartFailed):
            await root.restart_child("b")
        crew.end("a", ValueError())
        await trio.sleep(1)
        assert states(root) == {"a": "running", "b": "down"}


async def test_a_group_waits_for_its_longest_backoff(autojump_clock: MockClock) -> None:
    """A sibling's crash does not cut it short, whatever that one's own backoff."""
    short, long = Backoff(initial=1, jitter=0), Backoff(initial=30, jitter=0)
    children = (
        actor_child("a", Parrot, backoff=short),
        actor_child("b", Parrot, backoff=long),
        actor_child("c", Parrot),
    )
    async with tree(*children, strategy=Strategy.REST_FOR_ONE) as root:
        began = trio.current_time()
        root.child("b").tell_nowait(Raise())
        await trio.sleep(1)
        root.child("a").tell_nowait(Raise())
        await trio.sleep(28)
        assert states(root) == dict.fromkeys("abc", "backoff")
        assert [node.in_backoff_until for node in root.snapshot().children] == [began + 30] * 3
        await trio.sleep(2)
        assert states(root) == dict.fromkeys("abc", "running")


async def test_the_siblings_of_a_waiting_child_are_waiting_too(autojump_clock: MockClock) -> None:
    """They show it, and asking them fails with it, until their restart is called off."""
    children = (actor_child("b", Parrot, backoff=Backoff(initial=30, jitter=0)), actor_child("c", Parrot))
    async with tree(*children, strategy=Strategy.ONE_FOR_ALL) as root:
        ref = root.child("c")
        root.child("b").tell_nowait(Raise())
        await trio.sleep(1)
        with pytest.raises(InBackoff) as info:
            await ref.ask(Ask(), timeout=1)
        assert [child.state for child in await root.which_children()] == ["restarting", "restarting"]
        with pytest.raises(InBackoff):
            await root.restart_child("c")
        assert info.value.until == root.snapshot().children[1].in_backoff_until
        await root.terminate_child("b")
        assert states(root) == {"b": "down", "c": "down"}
        assert await root.restart_child("c") is root.child("c")
        await trio.sleep(100)
        assert states(root) == {"b": "down", "c": "running"}
