"""`wasup tree`: how an answer of the API looks in a terminal."""

from typing import Any

import msgspec
import trio
from rich.console import Console
from trio.testing import MockClock

from tests.supervisor.helpers import Nap, Note, Parrot, Raise, tree
from wasup.cli.tree import draw_tree
from wasup.http.nodes import shown_tree
from wasup.supervisor import (
    Backoff,
    MailboxSpec,
    Overflow,
    Restart,
    Supervisor,
    SupervisorSpec,
    actor_child,
    supervisor_child,
)


async def drawn(root: Supervisor, *, depth: int = 9) -> list[str]:
    """Return what is drawn of a living tree, by way of the API's answer."""
    answer = await shown_tree(await root.snapshot_in_slices(), depth=depth, unhealthy=False)
    node: dict[str, Any] = msgspec.json.decode(answer)
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(draw_tree(node))
    return [line.rstrip() for line in capture.get().splitlines()]


async def test_the_tree_is_drawn_as_it_is(autojump_clock: MockClock) -> None:
    """State, time to the restart, life, restarts, mailbox, and why something is not running."""
    small = MailboxSpec(capacity=2, overflow=Overflow.DROP_OLDEST)
    inner = SupervisorSpec(
        intensity=9,
        children=(
            actor_child("waits", Parrot, backoff=Backoff(initial=30, jitter=0)),
            actor_child("again", Parrot),
            actor_child("gone", Parrot, restart=Restart.TRANSIENT),
            actor_child("busy", Parrot, mailbox=small),
        ),
    )
    async with tree(supervisor_child("s", inner)) as root:
        nested = root.child("s")
        nested.child("waits").tell_nowait(Raise(error=KeyError("[/x]")))
        nested.child("again").tell_nowait(Raise(error=TypeError("expected list[int], got dict[str]")))
        nested.child("gone").stop()
        nested.child("busy").tell_nowait(Nap(seconds=20))
        await trio.sleep(1)
        for number in range(3):
            nested.child("busy").tell_nowait(Note(text=str(number)))
        await trio.sleep(9)
        assert await drawn(root) == [
            "root running",
            "└── s running",
            "    ├── waits backoff for 20 s crash: KeyError('[/x]')",
            "    ├── again running life 2 restarts 1 mail 0, at most 0, handled 0",
            "    ├── gone down shutdown",
            "    └── busy running mail 2, at most 2, handled 1, dropped 1",
        ]
        assert await drawn(root, depth=1) == ["root running", "└── s running", "    └── … and 4 more"]
