"""`open_supervisor`: what it is given, and what it raises."""

from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.supervisor.helpers import Crew, tree
from wasup.supervisor import (
    BadSpec,
    ChildContext,
    ChildEnded,
    ChildSpec,
    ChildStarted,
    Event,
    EventStream,
    Registry,
    SupervisorEnded,
    SupervisorGaveUp,
    SupervisorSpec,
    open_supervisor,
)


async def test_what_it_is_given_is_used(autojump_clock: MockClock) -> None:
    """Also a registry without names."""

    class Falsy(Random):
        def __bool__(self) -> bool:
            return False

    registry, events, random = Registry(), EventStream(), Falsy(1)
    async with open_supervisor(SupervisorSpec(), registry=registry, events=events, random=random) as root:
        assert root.registry is registry
        assert root.events is events
        assert root._core.context.shared.random is random


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"events": 5}, "events"), ({"registry": {}}, "registry"), ({"random": 1}, "random"), ({"name": "a/b"}, "id")],
)
async def test_what_is_no_part_of_a_tree_is_refused(
    autojump_clock: MockClock, arguments: dict[str, Any], field: str
) -> None:
    """Before anything starts."""
    crew = Crew()
    with trio.fail_after(5), pytest.raises(BadSpec) as info:
        async with open_supervisor(SupervisorSpec(children=(crew.spec("a"),)), **arguments):
            raise AssertionError("not reached")
    assert info.value.field == field
    assert crew.log == []


@pytest.mark.parametrize("spec", [None, ChildSpec(id="a", start=trio.sleep)])
async def test_a_tree_is_made_from_a_supervisors_specification(autojump_clock: MockClock, spec: Any) -> None:
    """Nothing else will do."""
    with pytest.raises(BadSpec) as info:
        async with open_supervisor(spec):
            raise AssertionError("not reached")
    assert (info.value.child, info.value.field) == ("root", "spec")


@pytest.mark.parametrize("up", [False, True])
async def test_a_root_that_is_stopped_while_it_starts_has_ended(autojump_clock: MockClock, up: bool) -> None:
    """There is nothing to run the body with."""

    async def start(context: ChildContext) -> None:
        if up:
            context.started()
        context.parent.ref.stop()  # type: ignore[attr-defined]
        await trio.sleep_forever()

    children = (ChildSpec(id="a", start=start), Crew().spec("b"))
    with pytest.raises(SupervisorEnded, match="before it was up"):
        async with open_supervisor(SupervisorSpec(children=children)):
            raise AssertionError("not reached")


async def test_a_body_that_raises_does_not_hide_the_end_of_the_tree(autojump_clock: MockClock) -> None:
    """It prevails, with the tree's end as its context; one that it has already it keeps."""
    for earlier in (None, LookupError()):
        error = KeyError("body")
        error.__context__ = earlier
        with pytest.raises(KeyError) as info:
            await give_up_and_raise(error)
        assert info.value is error
        context = error.__context__
        assert context is earlier if earlier is not None else isinstance(context, SupervisorGaveUp)


async def give_up_and_raise(error: Exception) -> None:
    """Have a tree give up while the body is shielded and cannot be told, and raise from there."""
    crew = Crew()
    async with tree(crew.spec("a"), intensity=0):
        crew.end("a", ValueError())
        with trio.CancelScope(shield=True):
            await trio.sleep(5)
        raise error


async def test_a_channel_ends_with_the_tree(autojump_clock: MockClock) -> None:
    """With the last one, if several publish on the stream; then it may serve another."""
    stream = EventStream()
    seen: list[Event] = []

    async def read() -> None:
        seen.extend([event async for event in channel])
        with pytest.raises(trio.EndOfChannel):
            await channel.receive()

    for _ in range(2):
        seen.clear()
        with stream.channel(10) as channel, trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read)
                async with open_supervisor(SupervisorSpec(), events=stream, name="outer"):
                    async with open_supervisor(SupervisorSpec(), events=stream, name="inner"):
                        await trio.sleep(1)
                    await trio.sleep(1)
        assert [(type(event), event.path) for event in seen] == [
            (ChildStarted, "outer"),
            (ChildStarted, "inner"),
            (ChildEnded, "inner"),
            (ChildEnded, "outer"),
        ]
