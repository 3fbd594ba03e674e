"""The ring of what supervision has gone through: bounded, numbered, filtered by path, and waited for."""

import msgspec
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.supervisor.helpers import Crew, Nap, Parrot, tree
from wasup.actors.history import HAPPENINGS, Happening, SupervisionHistory
from wasup.supervisor import (
    Backoff,
    Budget,
    ChildContext,
    ChildSpec,
    EventStream,
    MailboxSpec,
    Overflow,
    Restart,
    SupervisorSpec,
    actor_child,
    supervisor_child,
)
from wasup.supervisor._events import Event


def happenings(history: SupervisionHistory) -> list[tuple[str, str]]:
    """Kind and path of each, in order."""
    return [(event.kind, event.path) for event in history.after(0)]


def filled(*paths: str, capacity: int = 100) -> SupervisionHistory:
    """A ring with a happening of each path, numbered from 1."""
    history = SupervisionHistory(capacity)
    for number, path in enumerate(paths, 1):
        history._events.append(Happening(number=number, at=0, path=path, incarnation=1, kind="started"))
    return history


async def test_a_life_is_told_from_start_to_restart(autojump_clock: MockClock) -> None:
    """With reasons, times and counts, as plain values in order and without gaps."""
    history = SupervisionHistory()
    crew = Crew()
    slowly = Backoff(initial=4.0, maximum=4.0, jitter=0.0)
    async with tree(crew.spec("a", backoff=slowly), supervisor_child("s", SupervisorSpec())) as root:
        history.listen(root.events)
        history.listen(root.events)  # a repeat changes nothing
        await trio.sleep(3)
        crew.end("a", ValueError("boom"))
        await trio.sleep(10)
        assert happenings(history) == [
            ("ended", "root/a"),
            ("backoff", "root/a"),
            ("started", "root/a"),
            ("restarted", "root/a"),
        ]
        ended, waiting, started, restarted = history.after(0)
        assert (ended.exit, ended.seconds, ended.incarnation) == ("crash", 3.0, 1)
        assert ended.reason == "crash: ValueError('boom')"
        assert (waiting.seconds, waiting.restarts) == (4.0, 1)
        assert (started.incarnation, restarted.restarts) == (2, 1)
        numbers = [event.number for event in history.after(0)]
        assert numbers == list(range(numbers[0], numbers[0] + 4))
        assert (history.oldest, history.newest) == (numbers[0], numbers[-1])
        assert all(event.at > 1_700_000_000_000 for event in history.after(0))


async def test_what_else_can_happen_is_told_too(autojump_clock: MockClock) -> None:
    """Given up, full, nobody there, in the way of a stop: in words, and with no content of a message."""
    history = SupervisionHistory()
    crew = Crew()

    async def stubborn(context: ChildContext) -> None:
        context.started()
        with trio.CancelScope(shield=True):
            await trio.sleep(60)

    small = MailboxSpec(capacity=1, overflow=Overflow.DROP_OLDEST)
    async with tree(
        crew.spec("a", restart=Restart.TRANSIENT, budget=Budget(restarts=0, period=60.0)),
        actor_child("b", Parrot, mailbox=small),
        ChildSpec(id="c", start=stubborn),
        kill_grace=2,
    ) as root:
        history.listen(root.events)
        crew.end("a", ValueError("boom"))
        ref = root.child("b")
        for seconds in (50, 51, 52, 53):
            ref.tell_nowait(Nap(seconds=seconds))
        await trio.sleep(1)
        root.kill("root/c")
        await trio.sleep(10)
        ref.kill()
        await trio.sleep(10)
        ref.tell_nowait(Nap(seconds=1))
    found = {event.kind: event for event in history.after(0)}
    assert {"child_gave_up", "mailbox_full", "stop_timed_out", "dead_letter"} <= found.keys()
    assert (found["stop_timed_out"].path, found["stop_timed_out"].seconds) == ("root/c", 2.0)
    assert (found["mailbox_full"].path, found["mailbox_full"].reason) == ("root/b", "1 dropped so far")
    assert (found["dead_letter"].path, found["dead_letter"].reason) == ("root/b", "Nap")
    for event in history.after(0):  # an exception would keep whole stacks of frames alive
        assert {type(value) for value in msgspec.structs.astuple(event)} <= {int, float, str, type(None)}


def test_every_event_of_the_library_has_a_name() -> None:
    """A new one cannot be forgotten here."""
    kinds = {kind.__name__ for kind in Event.__subclasses__()}
    assert kinds == {kind.__name__ for kind in HAPPENINGS}
    assert len(set(HAPPENINGS.values())) == len(kinds)


def test_old_happenings_go_when_new_ones_come() -> None:
    """The ring keeps its size, and says how far back it reaches."""
    history = filled(*[f"root/{number}" for number in range(1, 11)], capacity=4)
    assert (history.oldest, history.newest) == (7, 10)
    assert [event.number for event in history.after(0)] == [7, 8, 9, 10]
    assert [event.number for event in history.before(None)] == [10, 9, 8, 7]
    empty = SupervisionHistory()
    assert (empty.oldest, empty.newest, empty.after(0), empty.before(None)) == (0, 0, [], [])


def test_pages_lead_through_all_of_it_in_both_directions() -> None:
    """After a number and before one, so many at a time, without repeats or gaps."""
    history = filled(*["root/a", "root/b"] * 10)
    forth: list[int] = []
    while page := history.after(forth[-1] if forth else 0, limit=7):
        forth += [event.number for event in page]
    assert forth == list(range(1, 21))
    back: list[int] = []
    while page := history.before(back[-1] if back else None, limit=7):
        back += [event.number for event in page]
    assert back == list(range(20, 0, -1))
    assert [event.number for event in history.after(4, below=["root/a"], limit=3)] == [5, 7, 9]
    assert [event.number for event in history.before(5, below=["root/b"], limit=3)] == [4, 2]


def test_a_path_covers_what_stands_below_it_and_not_what_merely_begins_alike() -> None:
    """Account 4 is not account 42."""
    history = filled("root", "root/accounts", "root/accounts/4", "root/accounts/42", "root/accounts/4/session", "web")

    def below(*paths: str) -> list[int]:
        return [event.number for event in history.after(0, below=paths)]

    assert below("root") == [1, 2, 3, 4, 5]
    assert below("root/accounts/4") == [3, 5]
    assert below("root/accounts/4", "web") == [3, 5, 6]
    assert below("root/accounts/4/session") == [5]
    assert below("root/accounts/") == below("accounts") == below() == []


async def test_whoever_waits_is_woken_by_what_is_new_to_him(autojump_clock: MockClock) -> None:
    """At once if there is more already; several wait side by side, each for his own number."""
    history, stream, crew = SupervisionHistory(), EventStream(), Crew()
    history.listen(stream)
    woken: list[int] = []

    async def wait(number: int) -> None:
        await history.wait_after(number)
        woken.append(number)

    async with trio.open_nursery() as nursery:
        for number in (0, 0, 2):
            nursery.start_soon(wait, number)
        await wait_all_tasks_blocked()
        assert woken == []
        async with tree(crew.spec("a")) as root:
            history.listen(root.events)
            crew.end("a")
            await trio.sleep(1)
            assert sorted(woken) == [0, 0, 2]
            with trio.fail_after(1):
                await history.wait_after(history.newest - 1)
            with trio.move_on_after(5) as scope:
                await history.wait_after(history.newest)
            assert scope.cancelled_caught
