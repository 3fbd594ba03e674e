"""Reasons: what becomes of what a child raises."""

import pytest
import trio
from trio.testing import MockClock

from tests.supervisor.helpers import tree
from wasup.supervisor import (
    ChildContext,
    ChildSpec,
    Directive,
    EndTree,
    ExitKind,
    ExitReason,
    NeverRestart,
    Restart,
    RestartQuietly,
    Shutdown,
    TypedExit,
)

A, B = ValueError("a"), KeyError("b")


@pytest.mark.parametrize(
    ("raised", "kind", "directive", "exception"),
    [
        (A, ExitKind.CRASH, Directive.BY_POLICY, A),
        (ExceptionGroup("g", [A]), ExitKind.CRASH, Directive.BY_POLICY, A),
        (ExceptionGroup("g", [ExceptionGroup("h", [A])]), ExitKind.CRASH, Directive.BY_POLICY, A),
        (ExceptionGroup("g", [A, NeverRestart(1)]), ExitKind.SHUTDOWN, Directive.NEVER_RESTART, None),
        (ExceptionGroup("g", [NeverRestart(), EndTree(1)]), ExitKind.SHUTDOWN, Directive.END_TREE, None),
        (ExceptionGroup("g", [Shutdown(1), A]), ExitKind.CRASH, Directive.BY_POLICY, A),
        (ExceptionGroup("g", [RestartQuietly(1), A]), ExitKind.CRASH, Directive.BY_POLICY, A),
        (ExceptionGroup("g", [Shutdown(), RestartQuietly(1)]), ExitKind.SHUTDOWN, Directive.RESTART_QUIETLY, None),
        (ExceptionGroup("g", [Shutdown(1), Shutdown(1)]), ExitKind.SHUTDOWN, Directive.BY_POLICY, None),
    ],
)
def test_groups_are_unwrapped(
    raised: Exception, kind: ExitKind, directive: Directive, exception: Exception | None
) -> None:
    """A lone exception is the reason; typed exits that forbid restarts outrank crashes, others do not."""
    reason = ExitReason.from_exception(raised)
    assert (reason.kind, reason.directive) == (kind, directive)
    if exception is not None:
        assert reason.exception is exception
    else:
        assert reason.info == 1


def test_several_crashes_stay_together() -> None:
    """Nothing is hidden."""
    group = ExceptionGroup("both", [A, B])
    assert ExitReason.from_exception(group).exception is group


def test_subclasses_of_typed_exits_count_as_them() -> None:
    """A product names its own."""

    class LoggedOut(NeverRestart):
        pass

    reason = ExitReason.from_exception(LoggedOut("by the phone"))
    assert (reason.directive, reason.info) == (Directive.NEVER_RESTART, "by the phone")


@pytest.mark.parametrize("exit_", [Shutdown, RestartQuietly, NeverRestart, EndTree])
def test_typed_exits_are_normal_reasons(exit_: type[TypedExit]) -> None:
    """OTP's {shutdown, Info}."""
    assert ExitReason.from_exception(exit_("info")).is_normal


@pytest.mark.parametrize(
    ("kind", "normal"),
    [(ExitKind.NORMAL, True), (ExitKind.SHUTDOWN, True), (ExitKind.CRASH, False), (ExitKind.KILLED, False)],
)
def test_normal_kinds(kind: ExitKind, normal: bool) -> None:
    """B1: everything but normal and shutdown is abnormal, killed included."""
    assert ExitReason(kind).is_normal is normal


async def test_the_traceback_reaches_the_history(autojump_clock: MockClock) -> None:
    """Through a nursery of the child's own, down to the line that raised."""

    async def deep() -> None:
        raise ValueError("deep down")

    async def run(context: ChildContext) -> None:
        context.started()
        await trio.sleep(3)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(deep)
            nursery.start_soon(trio.sleep_forever)

    async with tree(ChildSpec(id="a", start=run, restart=Restart.TRANSIENT, shutdown=1), intensity=1000) as root:
        await trio.sleep(4)
        record = root.snapshot().children[0].last_exits[-1]
        assert (record.kind, record.reason, record.uptime) == ("crash", "crash: ValueError('deep down')", 3)
        assert [frame[2] for frame in record.frames][-1] == "deep"
        assert 'raise ValueError("deep down")' in record.traceback
