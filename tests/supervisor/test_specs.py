"""Every wrong flag, specification and combination is refused before anything starts."""

from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.supervisor.helpers import Crew, Parrot, tree
from wasup.supervisor import (
    INFINITY,
    AutoShutdown,
    Backoff,
    BadCombination,
    BadSpec,
    Budget,
    ChildSpec,
    DuplicateId,
    Restart,
    Strategy,
    SupervisorSpec,
    actor_child,
    open_supervisor,
    supervisor_child,
)


async def start(context: Any) -> None:
    """Be up."""
    context.started()


def child(**fields: Any) -> ChildSpec:
    """Return a child, right but for ``fields``."""
    return ChildSpec(**{"id": "a", "start": start, **fields})


WRONG_FLAGS = [
    ("strategy", "one_for_one"),
    ("strategy", None),
    ("intensity", -1),
    ("intensity", 1.5),
    ("intensity", True),
    ("intensity", "1"),
    ("intensity", float("nan")),
    ("period", 0),
    ("period", -1),
    ("period", "5"),
    ("auto_shutdown", "never"),
    ("children", [child()]),
    ("max_children", -1),
    ("max_children", 1.5),
    ("max_children", INFINITY),
    ("period", 10**400),
    ("children", None),
    ("whole_seconds", 1),
    ("stop_in_turn", None),
    ("kill_grace", -1),
]
WRONG_FIELDS = [
    ("id", ""),
    ("id", 7),
    ("id", "a/b"),
    ("start", None),
    ("start", int),
    ("start", lambda _context: None),
    ("type", []),
    ("type", ["worker"]),
    ("shutdown", 10**400),
    ("shutdown", float("nan")),
    ("restart", "permanent"),
    ("shutdown", -1),
    ("shutdown", "brutal_kill"),
    ("shutdown", None),
    ("significant", "maybe"),
    ("type", "boss"),
    ("start_timeout", 0),
    ("start_timeout", "5"),
    ("backoff", 5),
    ("budget", 5),
    ("backoff.initial", -1),
    ("backoff.initial", INFINITY),
    ("backoff.factor", 0.5),
    ("backoff.factor", INFINITY),
    ("backoff.maximum", 0.5),
    ("backoff.jitter", -0.1),
    ("backoff.jitter", INFINITY),
    ("backoff.reset_after", -1),
    ("budget.restarts", -1),
    ("budget.restarts", 0.5),
    ("budget.restarts", INFINITY),
    ("budget.period", 0),
]
WRONG_TOGETHER = [
    ({"strategy": Strategy.SIMPLE_ONE_FOR_ONE}, "template"),
    ({"template": child()}, "template"),
    ({"strategy": Strategy.SIMPLE_ONE_FOR_ONE, "template": child(), "children": (child(id="b"),)}, "children"),
    ({"instance_id": str}, "instance_id"),
    ({"strategy": Strategy.SIMPLE_ONE_FOR_ONE, "template": child(), "instance_id": "id"}, "instance_id"),
    ({"children": (child(), child(id="b")), "max_children": 1}, "max_children"),
    ({"children": (child(significant=True, restart=Restart.TRANSIENT),)}, "significant"),
    ({"children": (child(restart=Restart.TEMPORARY, backoff=Backoff()),)}, "backoff"),
    ({"children": (child(restart=Restart.TEMPORARY, budget=Budget()),)}, "budget"),
    (
        {"auto_shutdown": AutoShutdown.ANY_SIGNIFICANT, "children": (child(significant=True),)},
        "significant",
    ),
]


def with_field(field: str, value: object) -> ChildSpec:
    """Return a child with one wrong field, also inside its backoff or budget."""
    outer, _, inner = field.partition(".")
    if not inner:
        return child(**{outer: value})
    return child(**{outer: {"backoff": Backoff, "budget": Budget}[outer](**{inner: value})})


@pytest.mark.parametrize(("field", "value"), WRONG_FLAGS)
async def test_a_wrong_flag_is_named(autojump_clock: MockClock, field: str, value: Any) -> None:
    """With the supervisor, the field, the value and what is allowed."""
    with pytest.raises(BadSpec) as info:
        async with open_supervisor(SupervisorSpec(**{field: value}), name="top"):
            raise AssertionError("not reached")
    error = info.value
    assert (error.child, error.field) == ("top", field)
    assert error.value is value
    assert error.allowed in str(error)


@pytest.mark.parametrize(("field", "value"), WRONG_FIELDS)
async def test_a_wrong_field_of_a_child_is_named(autojump_clock: MockClock, field: str, value: object) -> None:
    """At the start of a tree, in start_child, in a template, and in a nested supervisor: nothing was started."""
    wrong = with_field(field, value)
    crew = Crew()
    for spec in (
        SupervisorSpec(children=(crew.spec("first"), wrong)),
        SupervisorSpec(strategy=Strategy.SIMPLE_ONE_FOR_ONE, template=wrong),
    ):
        with pytest.raises(BadSpec) as info:
            async with open_supervisor(spec):
                raise AssertionError("not reached")
        assert (info.value.field, info.value.value) == (field, value)
        with pytest.raises(BadSpec):
            supervisor_child("s", spec)
    assert crew.log == []
    async with tree() as root:
        with pytest.raises(BadSpec) as info:
            await root.start_child(wrong)
        assert info.value.field == field


@pytest.mark.parametrize(("flags", "field"), WRONG_TOGETHER)
async def test_wrong_combinations_are_named(autojump_clock: MockClock, flags: dict[str, Any], field: str) -> None:
    """Each value is right in itself."""
    with pytest.raises(BadCombination) as info:
        async with open_supervisor(SupervisorSpec(**flags)):
            raise AssertionError("not reached")
    assert info.value.field == field


async def test_an_error_names_the_path_as_far_as_it_is_known(autojump_clock: MockClock) -> None:
    """Nested specifications are checked where they are made."""
    wrong = child(shutdown=-1)
    with pytest.raises(BadSpec) as info:
        supervisor_child("outer", SupervisorSpec(children=(wrong,)))
    assert info.value.child == "outer/a"
    with pytest.raises(BadSpec) as info:
        async with tree(wrong):
            raise AssertionError("not reached")
    assert info.value.child == "root/a"
    async with tree(supervisor_child("outer", SupervisorSpec())) as root:
        with pytest.raises(BadSpec) as info:
            await root.child("outer").start_child(wrong)
        assert info.value.child == "root/outer/a"


class Startable:
    """Starts by being called."""

    async def __call__(self, context: Any) -> None:
        """Be up."""
        context.started()
        await trio.sleep_forever()


async def test_every_kind_of_async_function_starts_a_child(autojump_clock: MockClock) -> None:
    """A function, a partial of one, a method, an object."""
    one = Startable()

    async def named(_name: str, context: Any) -> None:
        await one(context)

    for function in (start, partial(named, "x"), one.__call__, one):
        async with tree(child(start=function, restart=Restart.TEMPORARY)):
            await trio.sleep(1)


@pytest.mark.parametrize("factory", [None, Parrot(), int, trio.sleep])
def test_a_factory_makes_actors(factory: Any) -> None:
    """What cannot do so is refused before anything starts."""
    with pytest.raises(BadSpec) as info:
        actor_child("a", factory)
    assert (info.value.child, info.value.field, info.value.value) == ("a", "factory", factory)


@pytest.mark.parametrize("mailbox", [None, 10])
def test_a_mailbox_is_specified_by_its_type(mailbox: Any) -> None:
    """Not by a number."""
    with pytest.raises(BadSpec) as info:
        actor_child("a", Parrot, mailbox=mailbox)
    assert (info.value.child, info.value.field) == ("a", "mailbox")


@pytest.mark.parametrize("spec", [None, child()])
def test_a_supervisor_is_specified_by_its_type(spec: Any) -> None:
    """Not by that of a child."""
    with pytest.raises(BadSpec) as info:
        supervisor_child("a", spec)
    assert (info.value.child, info.value.field) == ("a", "spec")


@pytest.mark.parametrize("made", [7, "", "a/b", None, []])
async def test_instance_id_returns_an_id(autojump_clock: MockClock, made: Any) -> None:
    """Anything else is refused, and nothing starts."""
    crew = Crew()
    flags: dict[str, Any] = {"strategy": Strategy.SIMPLE_ONE_FOR_ONE, "template": crew.spec("t")}
    async with tree(**flags, instance_id=lambda argument: argument) as root:
        with pytest.raises(BadSpec) as info:
            await root.start_child(made)
        assert (info.value.child, info.value.field, info.value.value) == ("root", "instance_id", made)
        assert await root.which_children() == []
    assert crew.log == []


@pytest.mark.parametrize("wrong", [5, None, []])
async def test_requests_name_a_child(autojump_clock: MockClock, wrong: Any) -> None:
    """What names none is refused, and the supervisor goes on."""
    async with tree(Crew().spec("a")) as root:
        for request in (root.terminate_child, root.restart_child, root.delete_child):
            with pytest.raises(BadSpec) as info:
                await request(wrong)
            assert (info.value.child, info.value.value) == ("root", wrong)
        assert (await root.count_children()).active == 1


async def test_a_supervisor_ends_with_an_exception_or_none(autojump_clock: MockClock) -> None:
    """To stop it with something else is refused, and does not stop it."""
    inner: Any = SupervisorSpec(children=(Crew().spec("a"),))
    async with tree(supervisor_child("s", inner)) as root:
        wrong: Any = "crash"
        with pytest.raises(BadSpec) as info:
            await root.child("s").stop(wrong)
        assert (info.value.child, info.value.field) == ("root/s", "exit_with")
        await trio.sleep(1)
        assert root.child("s").incarnation == 1


async def test_ids_are_unique(autojump_clock: MockClock) -> None:
    """Two children of one supervisor do not share an id; cousins may."""
    with pytest.raises(DuplicateId):
        async with tree(child(), child()):
            raise AssertionError("not reached")
    supervisor_child("s", SupervisorSpec(children=(supervisor_child("s", SupervisorSpec()),)))


async def test_right_extremes_are_accepted(autojump_clock: MockClock) -> None:
    """Zero, no limit, and no limit at all."""
    crew = Crew()
    spec = crew.spec(
        "a",
        shutdown=INFINITY,
        start_timeout=0.001,
        backoff=Backoff(initial=0, factor=1, maximum=0, jitter=0, reset_after=0),
        budget=Budget(restarts=0, period=0.001),
    )
    extremes: dict[str, Any] = {"period": INFINITY, "auto_shutdown": AutoShutdown.ANY_SIGNIFICANT}
    lasting = crew.spec("b", backoff=Backoff(maximum=INFINITY, reset_after=INFINITY), start_timeout=INFINITY)
    async with tree(spec, intensity=INFINITY, period=0.001, max_children=1, kill_grace=0) as root:
        assert root.child("a").alive
    async with tree(lasting, intensity=10**6, kill_grace=INFINITY, **extremes) as root:
        assert root.child("b").alive
