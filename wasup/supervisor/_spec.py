"""Specifications of children and supervisors, and their checks."""

import inspect
import math
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from wasup.supervisor._errors import BadCombination, BadSpec, DuplicateId
from wasup.supervisor._policy import (
    INFINITY,
    AutoShutdown,
    Backoff,
    BrutalKill,
    Budget,
    Restart,
    Strategy,
)

StartFunction = Callable[..., Awaitable[object]]
"""An async function ``start(context, *args)``: the whole life of one child.

``context`` is a `ChildContext`; ``args`` are those of ``start_child`` under SIMPLE_ONE_FOR_ONE, else none.  It calls
``context.started(value)`` when the child is up and goes on running; its return is the child's normal end.  Also right:
an async method, a `functools.partial` of one, an object whose ``__call__`` is async.  A lambda is not async.
"""
F = TypeVar("F", bound=StartFunction)
ID_ALLOWED = "a string that is not empty and has no '/'"
_RETURNS_AWAITABLE = "_returns_awaitable"


def returns_awaitable(function: F) -> F:
    """Mark a function as a start function that is not async itself, which saves a coroutine for each child."""
    setattr(function, _RETURNS_AWAITABLE, True)
    return function


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """One child.  Times in seconds.

    Attributes:
        id: required.  Unique among the children of a supervisor; a part of the child's path, so without ``/``.
        start: required.  See `StartFunction`.
        restart: PERMANENT, TRANSIENT or TEMPORARY.  PERMANENT by default.
        shutdown: how the child is stopped.  A number: it is asked, and cancelled when it has not ended in that
            time.  `INFINITY`: asked and waited for.  `BRUTAL_KILL`: cancelled at once.  5 seconds by default
            (`supervisor_child`: `INFINITY`).
        significant: its end by itself may end the supervisor (see `AutoShutdown`).  False by default; True not
            together with PERMANENT, nor under AutoShutdown.NEVER.
        type: "worker", the default, or "supervisor"; for ``count_children`` and readers.
        start_timeout: seconds within which the child must be up, else its start has failed; None, the default = no
            limit.
        backoff: wait before restarts; None, the default = restart at once, as OTP does.  Not together with TEMPORARY.
        budget: restarts allowed to this child, besides the supervisor's intensity; None, the default = no limit of its
            own.  Not together with TEMPORARY.
    """

    id: str
    start: StartFunction
    restart: Restart = Restart.PERMANENT
    shutdown: float | BrutalKill = 5.0
    significant: bool = False
    type: Literal["worker", "supervisor"] = "worker"
    start_timeout: float | None = None
    backoff: Backoff | None = None
    budget: Budget | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorSpec:
    """One supervisor.  Times in seconds.

    More than ``intensity`` restarts within ``period`` and the supervisor gives up: it stops its children in reverse
    start order and ends with reason shutdown.

    Attributes:
        strategy: which children are restarted when one is.  ONE_FOR_ONE by default.
        intensity: restarts allowed within ``period``; 0 = none; `INFINITY` = never give up.  1 by default.
        period: seconds, more than 0.  5 by default.
        auto_shutdown: whether the supervisor ends when significant children have ended.  NEVER by default.  As in OTP
            it may be set where no child is significant, and has no effect until ``start_child`` adds one that is.
        children: the children, in start order; under SIMPLE_ONE_FOR_ONE none.  None by default.
        template: under SIMPLE_ONE_FOR_ONE, and only there: what every instance is made from.
        instance_id: under SIMPLE_ONE_FOR_ONE: gives an instance its id, a string, from its start arguments.  Ids are
            unique among the living instances, and requests may then name an instance by its id.  None, the default =
            instances are numbered (``template:1`` ...) and named by their refs only, as in OTP.
        max_children: `TooManyChildren` beyond; None, the default = no limit.
        whole_seconds: count ``period`` as OTP does (see `RestartWindow`) instead of exactly, the default.
        stop_in_turn: as in OTP, a request to stop waits until the requests before it are done, also until a start
            in progress is.  By default stopping comes first and calls a start in progress off.
        kill_grace: seconds a cancelled child has to end before it is reported as `StopTimedOut`.  1 by default.
    """

    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: float = 1
    period: float = 5.0
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    children: tuple[ChildSpec, ...] = ()
    template: ChildSpec | None = None
    instance_id: Callable[..., str] | None = None
    max_children: int | None = None
    whole_seconds: bool = False
    stop_in_turn: bool = False
    kill_grace: float = 1.0


def check_supervisor_spec(spec: object, name: str) -> None:
    """Check a supervisor's flags and all its children's specifications.

    Args:
        spec: what is checked.
        name: what errors call the supervisor: its path, as far as it is known.

    Raises:
        BadSpec: a value is wrong.
        BadCombination: two values exclude each other.
        DuplicateId: two children have the same id.
    """
    if not isinstance(spec, SupervisorSpec):
        raise BadSpec(child=name, field="spec", value=spec, allowed="a SupervisorSpec")
    _one_of(name, "strategy", spec.strategy, Strategy)
    if spec.intensity != INFINITY:
        _number(name, "intensity", spec.intensity, "a whole number >= 0, or INFINITY", at_least=0, whole=True)
    _number(name, "period", spec.period, "seconds > 0", above=0)
    _one_of(name, "auto_shutdown", spec.auto_shutdown, AutoShutdown)
    _number(name, "kill_grace", spec.kill_grace, "seconds >= 0", at_least=0)
    if spec.max_children is not None:
        _number(name, "max_children", spec.max_children, "None or a whole number >= 0", at_least=0, whole=True)
    _flag(name, "whole_seconds", spec.whole_seconds)
    _flag(name, "stop_in_turn", spec.stop_in_turn)
    simple = spec.strategy is Strategy.SIMPLE_ONE_FOR_ONE
    if simple != (spec.template is not None):
        raise BadCombination(
            child=name,
            field="template",
            value=spec.template,
            allowed="a ChildSpec with SIMPLE_ONE_FOR_ONE, None with any other strategy",
        )
    if spec.instance_id is not None and not (simple and callable(spec.instance_id)):
        raise BadCombination(
            child=name,
            field="instance_id",
            value=spec.instance_id,
            allowed="None, or with SIMPLE_ONE_FOR_ONE a function of the start arguments",
        )
    if simple and spec.children:
        raise BadCombination(
            child=name,
            field="children",
            value=spec.children,
            allowed="none with SIMPLE_ONE_FOR_ONE: instances are added by start_child",
        )
    if spec.template is not None:
        check_child_spec(spec.template, spec.auto_shutdown, name)
    _check_children(spec, name)


def _check_children(spec: SupervisorSpec, name: str) -> None:
    if not isinstance(spec.children, tuple):
        raise BadSpec(child=name, field="children", value=spec.children, allowed="a tuple of ChildSpec")
    seen: set[str] = set()
    for child in spec.children:
        check_child_spec(child, spec.auto_shutdown, name)
        if child.id in seen:
            raise DuplicateId(child=name, field="id", value=child.id, allowed="ids unique among the children")
        seen.add(child.id)
    if spec.max_children is not None and len(spec.children) > spec.max_children:
        raise BadCombination(
            child=name,
            field="max_children",
            value=spec.max_children,
            allowed=f"at least the {len(spec.children)} children of the specification",
        )


def check_child_spec(spec: object, auto_shutdown: AutoShutdown, parent: str) -> None:
    """Check one child's specification against its supervisor's ``auto_shutdown``; raises as `check_supervisor_spec`.

    Args:
        spec: what is checked.
        auto_shutdown: of the supervisor.
        parent: the supervisor's path, as far as it is known; empty for the root's own specification.
    """
    if not isinstance(spec, ChildSpec):
        raise BadSpec(child=parent, field="spec", value=spec, allowed="a ChildSpec")
    if not is_id(spec.id):
        raise BadSpec(child=parent or "root", field="id", value=spec.id, allowed=ID_ALLOWED)
    name = f"{parent}/{spec.id}" if parent else spec.id
    if not _is_start_function(spec.start):
        raise BadSpec(child=name, field="start", value=spec.start, allowed="an async function; see StartFunction")
    _one_of(name, "restart", spec.restart, Restart)
    if not isinstance(spec.shutdown, BrutalKill):
        _number(name, "shutdown", spec.shutdown, "seconds >= 0, INFINITY or BRUTAL_KILL", at_least=0)
    _flag(name, "significant", spec.significant)
    if spec.type not in ("worker", "supervisor"):
        raise BadSpec(child=name, field="type", value=spec.type, allowed="'worker' or 'supervisor'")
    if spec.start_timeout is not None:
        _number(name, "start_timeout", spec.start_timeout, "None or seconds > 0", above=0)
    _check_pacing(spec, name)
    if spec.significant and (spec.restart is Restart.PERMANENT or auto_shutdown is AutoShutdown.NEVER):
        raise BadCombination(
            child=name,
            field="significant",
            value=True,
            allowed="only with restart TRANSIENT or TEMPORARY, and where auto_shutdown is not NEVER",
        )


def _check_pacing(spec: ChildSpec, name: str) -> None:
    backoff, budget = spec.backoff, spec.budget
    if backoff is not None:
        if not isinstance(backoff, Backoff):
            raise BadSpec(child=name, field="backoff", value=backoff, allowed="None or a Backoff")
        _number(name, "backoff.initial", backoff.initial, "finite seconds >= 0", at_least=0, finite=True)
        _number(name, "backoff.factor", backoff.factor, "a finite number >= 1", at_least=1, finite=True)
        _number(name, "backoff.maximum", backoff.maximum, "seconds >= initial", at_least=backoff.initial)
        _number(name, "backoff.jitter", backoff.jitter, "a finite fraction >= 0", at_least=0, finite=True)
        _number(name, "backoff.reset_after", backoff.reset_after, "seconds >= 0", at_least=0)
    if budget is not None:
        if not isinstance(budget, Budget):
            raise BadSpec(child=name, field="budget", value=budget, allowed="None or a Budget")
        _number(name, "budget.restarts", budget.restarts, "a whole number >= 0", at_least=0, whole=True)
        _number(name, "budget.period", budget.period, "seconds > 0", above=0)
    if spec.restart is Restart.TEMPORARY:
        for field, value in (("backoff", backoff), ("budget", budget)):
            if value is not None:
                raise BadCombination(
                    child=name, field=field, value=value, allowed="None with TEMPORARY, which is never restarted"
                )


def _one_of(child: str, field: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        names = ", ".join(member.name for member in kind)  # type: ignore[attr-defined]
        raise BadSpec(child=child, field=field, value=value, allowed=f"{kind.__name__}.{{{names}}}")


def is_id(value: object) -> bool:
    """Whether a value can be the id of a child."""
    return isinstance(value, str) and value != "" and "/" not in value


def _is_start_function(value: object) -> bool:
    return callable(value) and (
        inspect.iscoroutinefunction(value)
        or inspect.iscoroutinefunction(type(value).__call__)
        or getattr(value, _RETURNS_AWAITABLE, False) is True
    )


def _flag(child: str, field: str, value: object) -> None:
    if not isinstance(value, bool):
        raise BadSpec(child=child, field=field, value=value, allowed="True or False")


def _number(
    child: str,
    field: str,
    value: object,
    allowed: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    whole: bool = False,
    finite: bool = False,
) -> None:
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not (at_least is None or value >= at_least)
        or not (above is None or value > above)
        or (whole and not isinstance(value, int))
        or (finite and not math.isfinite(value))
        or sys.float_info.max < value != INFINITY  # a whole number with which one cannot reckon
    ):
        raise BadSpec(child=child, field=field, value=value, allowed=allowed)
