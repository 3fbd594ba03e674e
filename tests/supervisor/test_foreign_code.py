"""What children, callbacks and exceptions do wrong stays their own business."""

import pytest
import trio
from trio.testing import MockClock

from tests.supervisor.helpers import Ask, Crew, Parrot, Raise, tree
from wasup.supervisor import (
    AlreadyReplied,
    ExitReason,
    Reply,
    Shutdown,
    SupervisorGaveUp,
    SupervisorSpec,
    actor_child,
    supervisor_child,
)


class UnspeakableError(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize("error", [UnspeakableError(), Shutdown(UnspeakableError())])
async def test_an_exception_without_a_text_is_a_crash_as_any_other(autojump_clock: MockClock, error: Exception) -> None:
    """Its siblings and its supervisor do not notice."""
    crew = Crew()
    inner = SupervisorSpec(children=(crew.spec("a"), crew.spec("b")))
    async with tree(supervisor_child("s", inner)) as root:
        crew.end("a", error)
        await trio.sleep(1)
        (node,) = root.snapshot().children
        assert node.incarnation == 1
        assert [child.incarnation for child in node.children] == [2, 1]
        assert "UnspeakableError, whose text failed with RuntimeError" in node.children[0].last_exits[0].reason


async def test_a_long_reason_is_cut(autojump_clock: MockClock) -> None:
    """The history is not a place for megabytes."""
    crew = Crew()
    async with tree(crew.spec("a")) as root:
        crew.end("a", ValueError("x" * 1_000_000))
        await trio.sleep(1)
        (record,) = root.snapshot().children[0].last_exits
        assert record.reason.startswith("crash: ValueError('xxx")
        assert record.reason.endswith("(1000014 characters)")
        assert len(record.reason) < 2000


async def test_a_callback_that_fails_at_the_end_is_logged(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are called, the child is restarted, its siblings go on."""
    crew, told = Crew(), list[ExitReason]()

    def fail(_reason: ExitReason) -> None:
        raise RuntimeError("not now")

    async with tree(crew.spec("a"), crew.spec("b")) as root:
        ref = root.child("a")
        for callback in (told.append, fail, told.append):
            ref.on_end(callback)
        crew.end("a", ValueError())
        await trio.sleep(1)
        assert [node.incarnation for node in root.snapshot().children] == [2, 1]
    assert len(told) == 2
    assert "root/a: a callback at its end failed" in caplog.text


async def test_a_callback_that_fails_at_the_roots_end_does_not_hold_it(autojump_clock: MockClock) -> None:
    """The block is left."""

    def fail(_reason: ExitReason) -> None:
        raise RuntimeError("not now")

    with trio.fail_after(10):
        async with tree() as root:
            root.ref.on_end(fail)


async def test_figures_are_asked_of_who_is_up_and_may_fail(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A snapshot has everything else all the same."""

    class Slow(Parrot):
        async def on_start(self) -> None:
            await trio.sleep(1)
            self.begun = 1

        def figures(self) -> dict[str, float]:
            return {"share": 1 / len(self.log), "begun": self.begun}

    async with tree(actor_child("a", Parrot)) as root, trio.open_nursery() as nursery:
        nursery.start_soon(root.start_child, actor_child("b", Slow))
        await trio.sleep(0.5)
        assert [(node.id, node.state, node.figures) for node in root.snapshot().children] == [
            ("a", "running", None),
            ("b", "starting", None),
        ]
        assert caplog.text == ""
        await trio.sleep(1)
        assert root.snapshot().children[1].figures is None
        assert "root/b: figures() failed" in caplog.text
        root.child("b")._context.actor.log.append("x")
        assert (await root.snapshot_in_slices()).children[1].figures == {"share": 1, "begun": 1}


async def test_a_reply_fails_with_an_exception_only(autojump_clock: MockClock) -> None:
    """Whoever gives something else hears of it at once, and may answer still."""
    reply = Reply[str]()
    for wrong in ("oops", ValueError, None):
        with pytest.raises(TypeError, match="with an exception"):
            reply.fail(wrong)  # type: ignore[arg-type]
    reply.fail(KeyError("k"))
    with pytest.raises(KeyError):
        await reply.wait()
    with pytest.raises(AlreadyReplied):
        reply.send("late")


async def test_an_actor_object_lives_once(autojump_clock: MockClock) -> None:
    """A factory that returns the same object again fails the start, and says why."""
    only = Parrot()

    async def crash() -> None:
        async with tree(actor_child("a", lambda: only), intensity=1) as root:
            root.child("a").tell_nowait(Raise())
            await trio.sleep(1)

    with pytest.raises(SupervisorGaveUp) as info:
        await crash()
    assert "an actor that has lived before" in str(info.value.reason)


async def test_a_mistake_in_a_request_is_logged(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller gets it, the log has it, the supervisor goes on."""
    async with tree(actor_child("a", Parrot)) as root:
        monkeypatch.setattr(type(root._core.table), "__len__", lambda _self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await root.count_children()
        monkeypatch.undo()
        assert (await root.count_children()).active == 1
        assert await root.child("a").ask(Ask(text="!"), timeout=1) == "!"
    assert "root: a request failed" in caplog.text
