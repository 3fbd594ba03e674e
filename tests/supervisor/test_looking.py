"""Looking at one part of a tree, and killing by path: what people do who watch it."""

import pytest
import trio
from trio.testing import MockClock

from tests.supervisor.helpers import Crew, Nap, Note, Parrot, Recorder, tree
from wasup.supervisor import (
    Backoff,
    Budget,
    ChildEnded,
    ExitKind,
    MailboxSpec,
    Restart,
    Supervisor,
    SupervisorSpec,
    TreeNode,
    actor_child,
    supervisor_child,
)

SLOWLY = Backoff(initial=10.0, maximum=10.0)


async def later(root: Supervisor, path: str, seconds: float = 1.0) -> TreeNode:
    """What stands at a path after so many seconds, in which everything has come to rest."""
    await trio.sleep(seconds)
    node = await root.look(path)
    assert node is not None
    return node


async def test_one_child_is_shown_with_what_stands_below_it_and_nothing_else(autojump_clock: MockClock) -> None:
    """The same nodes as in a snapshot of all, from the root down to a leaf; None for a path that leads nowhere."""
    crew = Crew()
    inner = SupervisorSpec(children=(crew.spec("b"), actor_child("c", Parrot)))
    async with tree(crew.spec("a"), supervisor_child("s", inner), crew.spec("s2")) as root:
        whole = root.snapshot()
        assert await root.look("root") == whole
        assert await root.look("root/s") == whole.children[1]
        assert await root.look("root/s", slice_size=1) == whole.children[1]
        assert await root.look("root/s/c") == whole.children[1].children[1]
        for path in ("", "/", "root/", "root/x", "root/s/", "root/s/x", "root/a/x", "root/s/c/x", "s", "other/s"):
            assert await root.look(path) is None, path


async def test_a_supervisor_within_looks_below_itself_alone(autojump_clock: MockClock) -> None:
    """And kills nothing beside it."""
    crew = Crew()
    within: list[Supervisor] = []

    async with tree(
        crew.spec("a"), supervisor_child("s", SupervisorSpec(children=(actor_child("c", Parrot),)))
    ) as root:
        nested = root.child("s")
        assert isinstance(nested, Supervisor)
        within.append(nested)
        shown = await nested.look("root/s/c")
        assert shown is not None
        assert await nested.look("root/a") is None
        assert not nested.kill("root/a")


async def test_what_is_killed_by_path_is_started_again_by_its_supervisor(autojump_clock: MockClock) -> None:
    """Alone, as after a crash; a whole supervisor too, with its children."""
    recorder, crew = Recorder(), Crew()
    inner = SupervisorSpec(children=(crew.spec("b"), crew.spec("c")))
    async with tree(crew.spec("a"), supervisor_child("s", inner), recorder=recorder) as root:
        crew.taken()
        assert root.kill("root/s/b")
        shown = await later(root, "root/s/b")
        assert (shown.state, shown.incarnation, shown.restarts) == ("running", 2, 1)
        assert shown.last_exits[0].kind == "killed"
        assert crew.taken() == ["end b", "start b"]
        (ended,) = recorder.of(ChildEnded)
        assert (ended.path, ended.reason.kind) == ("root/s/b", ExitKind.KILLED)
        assert root.kill("root/s")
        assert (await later(root, "root/s")).incarnation == 2
        assert sorted(crew.taken()) == ["end b", "end c", "start b", "start c"]


@pytest.mark.parametrize("path", ["", "root/x", "root/s/x", "other", "a"])
async def test_nobody_is_killed_at_a_path_that_leads_nowhere(autojump_clock: MockClock, path: str) -> None:
    """The answer says so."""
    crew = Crew()
    async with tree(crew.spec("a"), supervisor_child("s", SupervisorSpec(children=(crew.spec("b"),)))) as root:
        crew.taken()
        assert not root.kill(path)
        await trio.sleep(1)
        assert crew.taken() == []


async def test_what_is_not_up_cannot_be_killed(autojump_clock: MockClock) -> None:
    """Neither in its backoff, nor when it has ended for good."""
    crew = Crew()
    async with tree(crew.spec("a", backoff=SLOWLY), crew.spec("once", restart=Restart.TEMPORARY)) as root:
        assert root.kill("root/a")
        assert root.kill("root/once")
        assert (await later(root, "root/a")).state == "backoff"
        assert not root.kill("root/a")
        assert not root.kill("root/once")
        assert (await later(root, "root/a", 20)).incarnation == 2
        assert root.kill("root/a")


async def test_kills_count_against_the_budget(autojump_clock: MockClock) -> None:
    """Whoever kills again and again has a child given up, as its crashes would."""
    crew = Crew()
    budget = Budget(restarts=2, period=60.0)
    async with tree(crew.spec("a", restart=Restart.TRANSIENT, budget=budget), crew.spec("b")) as root:
        for incarnation in (2, 3):
            assert root.kill("root/a")
            assert (await later(root, "root/a")).incarnation == incarnation
        assert root.kill("root/a")
        shown = await later(root, "root/a")
        assert (shown.state, shown.restarts) == ("down", 2)
        assert not root.kill("root/a")
        assert (await later(root, "root/b")).incarnation == 1


@pytest.mark.parametrize("survives", [False, True])
async def test_mail_of_a_killed_actor_goes_by_its_mailbox(autojump_clock: MockClock, survives: bool) -> None:
    """What waits is lost with it, or handled by its next life, as for any other end; what it was at is lost."""
    log: list[object] = []
    mailbox = MailboxSpec(survives_restart=survives)
    async with tree(actor_child("a", lambda: Parrot(log), mailbox=mailbox)) as root:
        ref = root.child("a")
        ref.tell_nowait(Nap(seconds=100))
        await trio.sleep(1)
        ref.tell_nowait(Note(text="waiting"))
        shown = await later(root, "root/a")
        assert shown.mailbox is not None
        assert shown.mailbox.depth == 1
        assert root.kill("root/a")
        assert (await later(root, "root/a")).incarnation == 2
        assert ("waiting" in log) is survives
