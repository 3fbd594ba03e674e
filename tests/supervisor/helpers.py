"""Actors, children and a recorder that the tests share."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import trio

from wasup.supervisor import (
    INFINITY,
    Actor,
    ChildContext,
    ChildRef,
    ChildSpec,
    Event,
    EventStream,
    ExitReason,
    Reply,
    Request,
    Supervisor,
    SupervisorSpec,
    open_supervisor,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Request[str]):
    """Answered with its text."""

    text: str = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskLater(Request[str]):
    """Its reply is deferred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nap:
    """Keeps the actor busy for ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AskNap(Request[str]):
    """Answered after ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise:
    """Has the actor raise ``error``."""

    error: Exception = field(default_factory=lambda: ValueError("asked to"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Is written down."""

    text: str


Message = Ask | AskLater | AskNap | Nap | Raise | Note


class Parrot(Actor[Message]):
    """Does what it is sent and writes everything down in ``log``."""

    def __init__(self, log: list[Any] | None = None) -> None:
        self.log: list[Any] = [] if log is None else log
        self.deferred: list[Reply[Any]] = []

    async def handle(self, message: Message) -> object:
        """Obey."""
        match message:
            case Ask(text=text):
                return text
            case AskLater():
                self.deferred.append(self.defer_reply())
            case AskNap(seconds=seconds):
                await trio.sleep(seconds)
                return "slept"
            case Nap(seconds=seconds):
                await trio.sleep(seconds)
            case Raise(error=error):
                raise error
            case Note(text=text):
                self.log.append(text)
        return None

    async def on_down(self, ref: ChildRef, reason: ExitReason) -> None:
        """Write it down."""
        self.log.append(("down", ref.path, reason.kind))

    async def on_stop(self, reason: ExitReason) -> None:
        """Write it down."""
        self.log.append(("stop", reason.kind))


class Recorder:
    """Keeps all events of a tree."""

    def __init__(self) -> None:
        self.stream = EventStream()
        self.events: list[Event] = []
        self.stream.subscribe(self.events.append)

    def names(self, path: str | None = None) -> list[str]:
        """Return the types of events, of one path if given."""
        return [type(event).__name__ for event in self.events if path is None or event.path == path]

    def of(self, kind: type[Event]) -> list[Any]:
        """Return the events of one type."""
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def tree(*children: ChildSpec, recorder: Recorder | None = None, **flags: Any) -> AsyncIterator[Supervisor]:
    """Open a tree that does not give up by itself, unless told otherwise."""
    spec = SupervisorSpec(children=children, **{"intensity": INFINITY, **flags})
    events = recorder.stream if recorder else None
    async with open_supervisor(spec, events=events, random=Random(1)) as root:
        yield root


class Crew:
    """Plain children that end when told, and what happened to them."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.contexts: dict[str, ChildContext] = {}
        self._orders: dict[str, tuple[trio.Event, list[Exception | None]]] = {}
        self.failures: dict[str, list[Exception]] = {}

    def start(self, name: str) -> Callable[[ChildContext], Awaitable[None]]:
        """Return the start function of child ``name``."""

        async def run(context: ChildContext) -> None:
            failures = self.failures.get(name)
            if failures:
                self.log.append(f"fail {name}")
                raise failures.pop(0)
            told = trio.Event()
            order: list[Exception | None] = []
            self._orders[name] = (told, order)
            self.contexts[name] = context
            self.log.append(f"start {name}")
            context.started()
            try:
                await told.wait()
            finally:
                self.log.append(f"end {name}")
            if order[0] is not None:
                raise order[0]

        return run

    def spec(self, name: str, **fields: Any) -> ChildSpec:
        """Return the specification of child ``name``."""
        return ChildSpec(id=name, start=self.start(name), **fields)

    def end(self, name: str, error: Exception | None = None) -> None:
        """Have child ``name`` return, or raise ``error``."""
        told, order = self._orders[name]
        order.append(error)
        told.set()

    def taken(self) -> list[str]:
        """Return what happened since the last time."""
        log, self.log = self.log, []
        return log
