"""Requests to a supervisor, and its limits."""

from typing import Any

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.supervisor.helpers import Crew, Parrot, Raise, tree
from wasup.supervisor import (
    AlreadyPresent,
    AlreadyStarted,
    BadSpec,
    ChildCounts,
    ChildNotFound,
    ChildRef,
    ChildRunning,
    NoIdsHere,
    Restart,
    Strategy,
    SupervisorSpec,
    TooManyChildren,
    actor_child,
    supervisor_child,
)


async def test_requests_on_ids(autojump_clock: MockClock) -> None:
    """F1 to F4 in one walk."""
    crew = Crew()
    async with tree() as root:
        value = await root.start_child(crew.spec("a"))
        assert isinstance(value, ChildRef)
        with pytest.raises(AlreadyStarted) as info:
            await root.start_child(crew.spec("a"))
        assert info.value.value is value
        for refused in (root.restart_child, root.delete_child):
            with pytest.raises(ChildRunning):
                await refused("a")
        await root.terminate_child(value)
        await root.terminate_child("a")
        with pytest.raises(AlreadyPresent):
            await root.start_child(crew.spec("a"))
        assert await root.restart_child("a") is not value
        await root.terminate_child("a")
        await root.delete_child("a")
        for unknown in (root.restart_child, root.delete_child, root.terminate_child):
            with pytest.raises(ChildNotFound):
                await unknown("a")


async def test_children_are_listed_in_start_order_and_counted(autojump_clock: MockClock) -> None:
    """A restart keeps the place; delete and start moves to the end."""
    crew = Crew()
    async with tree(crew.spec("a"), supervisor_child("s", SupervisorSpec()), crew.spec("b")) as root:
        await root.terminate_child("a")
        assert await root.count_children() == ChildCounts(specs=3, active=2, supervisors=1, workers=2)
        await root.restart_child("a")
        assert [child.id for child in await root.which_children()] == ["a", "s", "b"]
        await root.terminate_child("a")
        await root.delete_child("a")
        await root.start_child(crew.spec("a"))
        assert [child.id for child in await root.which_children()] == ["s", "b", "a"]


async def test_instances_are_named_by_refs(autojump_clock: MockClock) -> None:
    """K2: an ended ref is no error, a live stranger is not found, ids mean nothing."""
    simple: dict[str, Any] = {"strategy": Strategy.SIMPLE_ONE_FOR_ONE}
    async with (
        tree(template=actor_child("t", lambda _name: Parrot()), **simple) as root,
        tree(actor_child("x", Parrot)) as other,
    ):
        ref = await root.start_child("one")
        assert ref.path == "root/t:1"
        for refused in (root.terminate_child, root.restart_child, root.delete_child):
            with pytest.raises(NoIdsHere):
                await refused("t:1")
        with pytest.raises(ChildNotFound):
            await root.terminate_child(other.child("x"))
        await root.terminate_child(ref)
        await root.terminate_child(ref)
        assert await root.which_children() == []


async def test_instances_may_have_ids(autojump_clock: MockClock) -> None:
    """With instance_id they are unique, found and terminated by id, and restarted with their arguments."""
    made: list[int] = []

    def make(number: int) -> Parrot:
        made.append(number)
        return Parrot()

    spec: dict[str, Any] = {
        "strategy": Strategy.SIMPLE_ONE_FOR_ONE,
        "template": actor_child("account", make),
        "instance_id": str,
    }
    async with tree(**spec) as root:
        ref = await root.start_child(42)
        assert ref.path == "root/42"
        with pytest.raises(AlreadyStarted):
            await root.start_child(42)
        ref.tell_nowait(Raise())
        await ref.wait_ended()
        await wait_all_tasks_blocked()
        assert root.child("42").incarnation == 2
        assert made == [42, 42]
        await root.terminate_child("42")
        assert root.child("42") is None
        await root.start_child(42)


async def test_a_failing_instance_id_is_the_callers_error(autojump_clock: MockClock) -> None:
    """The supervisor survives it."""
    spec: dict[str, Any] = {
        "strategy": Strategy.SIMPLE_ONE_FOR_ONE,
        "template": actor_child("t", Parrot),
        "instance_id": int,
    }
    async with tree(**spec) as root:
        with pytest.raises(ValueError, match="invalid literal"):
            await root.start_child("x")
        assert root.alive


async def test_max_children_is_a_limit(autojump_clock: MockClock) -> None:
    """For templates and for ordinary supervisors."""
    crew = Crew()
    async with tree(crew.spec("a"), max_children=2) as root:
        await root.start_child(crew.spec("b", restart=Restart.TEMPORARY))
        with pytest.raises(TooManyChildren):
            await root.start_child(crew.spec("c"))
        await root.terminate_child("b")
        await root.start_child(crew.spec("c"))


async def test_a_supervisor_is_terminated_by_its_handle(autojump_clock: MockClock) -> None:
    """Its start value is a Supervisor."""
    crew = Crew()
    async with tree(supervisor_child("s", SupervisorSpec(children=(crew.spec("a"),)))) as root:
        handle = root.child("s")
        assert (handle.path, handle.child("a").path) == ("root/s", "root/s/a")
        await root.terminate_child(handle)
        assert not handle.alive


async def test_start_child_takes_one_spec(autojump_clock: MockClock) -> None:
    """Anything else is refused."""
    async with tree() as root:
        for wrong in ((), (1, 2), ("a",)):
            with pytest.raises(BadSpec):
                await root.start_child(*wrong)
