"""The example of docs/supervisor.md does what it says."""

import ast
import re
from pathlib import Path
from types import CodeType
from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from wasup.supervisor import ExitKind, RestartLater, Supervisor

GUIDE = Path(__file__).parents[2] / "docs" / "supervisor.md"


class Connection:
    """A connection that says what the test has it say."""

    def __init__(self) -> None:
        self.say, self._events = trio.open_memory_channel[str](10)
        self.sent: list[str] = []
        self.closed = False

    async def send(self, text: str) -> None:
        """Send."""
        self.sent.append(text)

    async def close(self) -> None:
        """Close."""
        self.closed = True

    def __aiter__(self) -> "Connection":
        """Receive."""
        return self

    async def __anext__(self) -> str:
        """Return the next event."""
        return await self._events.receive()


def example() -> CodeType:
    """Return the page's example, compiled as the body of an async function."""
    text = GUIDE.read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    line = text[: text.index(block)].count("\n")
    block = block.replace("    print(", "    await print(")  # the test goes on where the example prints
    code: CodeType = compile("\n" * line + block, str(GUIDE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


async def test_the_guides_example(autojump_clock: MockClock) -> None:
    """It runs as printed; a server's restart costs nothing, a logout ends the session for good."""
    connections: list[Connection] = []

    async def connect(account_id: int) -> Connection:
        assert account_id == 42
        connections.append(Connection())
        return connections[-1]

    async def play(answer: str) -> None:
        assert answer == "connected"
        root: Supervisor = names["root"]
        one = names["pool"].child("42")
        session = one.child("session")
        await session.tell(names["Send"](text="hello"))
        connections[0].say.send_nowait("server restarts")
        reason = await session.wait_ended()
        assert (reason.info, isinstance(reason.exception, RestartLater)) == ("server restarts", True)
        assert (connections[0].sent, connections[0].closed) == (["hello"], True)
        await wait_all_tasks_blocked()
        assert one.snapshot().children[1].state == "backoff"
        assert await names["account"].ask(names["GetState"](), timeout=5) == "shutdown: server restarts"
        await trio.sleep(2)
        assert await names["account"].ask(names["GetState"](), timeout=5) == "connected"
        connections[1].say.send_nowait("logged out")
        reason = await one.child("session").wait_ended()
        assert (reason.kind, reason.info) == (ExitKind.SHUTDOWN, "logged out")
        await wait_all_tasks_blocked()
        assert [child.id for child in await one.which_children()] == ["account"]
        assert root.registry.lookup("account:42") is names["account"]

    names: dict[str, Any] = {"connect": connect, "print": play, "__name__": "guide"}
    await eval(example(), names)
    assert [connection.closed for connection in connections] == [True, True]
