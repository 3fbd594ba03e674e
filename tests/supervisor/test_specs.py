"""Every wrong flag, specification and combination is refused before anything starts."""

from typing import Any

import pytest
from trio.testing import MockClock

from tests.supervisor.helpers import Crew, tree
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
    ("whole_seconds", 1),
    ("stop_in_turn", None),
    ("kill_grace", -1),
]
WRONG_FIELDS = [
    ("id", ""),
    ("id", 7),
    ("id", "a/b"),
    ("start", None),
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
    ("backoff.factor", 0.5),
    ("backoff.maximum", 0.5),
    ("backoff.jitter", -0.1),
    ("backoff.reset_after", -1),
    ("budget.restarts", -1),
    ("budget.restarts", 0.5),
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
    async with tree(spec, intensity=INFINITY, period=0.001, max_children=1, kill_grace=0) as root:
        assert root.child("a").alive
