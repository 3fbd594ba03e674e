"""The real tree on a virtual clock, over the fakes."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import trio

from tests.actors.fakes import FakeProvider, FakeSession
from tests.actors.memory import Memory
from wasup.actors.directory import AccountDirectory
from wasup.actors.messages import AccountState, Connect
from wasup.actors.names import account_name
from wasup.actors.runtime import Runtime
from wasup.actors.tree import root_spec
from wasup.ports.accounts import Account, AccountStatus, Desired, Transition
from wasup.ports.store import PendingEvent
from wasup.ports.webhooks import Answer, Outcome, Poster
from wasup.settings import Settings
from wasup.supervisor import ActorRef, ChildContext, Registry, Request, Supervisor, open_supervisor

_EPOCH = 1_760_000_000_000
DEFAULTS: dict[str, Any] = {"connect_concurrency": 64, "reconcile_interval": 5.0}


class VirtualClock:
    """The time of day, from Trio's clock."""

    def now_ms(self) -> int:
        """UTC epoch milliseconds."""
        return _EPOCH + round(trio.current_time() * 1000)


class FakePoster:
    """Answers as the test says; by default it accepts everything.

    Attributes:
        posted: (time, endpoint, event id) of every attempt.
        answer: decides on one attempt.
    """

    def __init__(self) -> None:
        self.posted: list[tuple[float, int, str]] = []
        self.batches: list[list[str]] = []
        self.delivered: list[str] = []
        self.hang: set[int] = set()
        self.seconds = 0.0
        self.answer: Callable[[int, PendingEvent], Answer] = lambda _endpoint, _event: Answer(
            outcome=Outcome.DELIVERED, detail="200"
        )

    async def post(self, endpoint: Any, events: Sequence[PendingEvent]) -> Answer:
        """One attempt; the answer is that to the first event that is not accepted."""
        self.batches.append([event.id for event in events])
        self.posted += [(trio.current_time(), endpoint.id, event.id) for event in events]
        if endpoint.id in self.hang:
            await trio.sleep_forever()
        await trio.sleep(self.seconds)
        answers = [self.answer(endpoint.id, event) for event in events]
        refused = next((answer for answer in answers if answer.outcome is not Outcome.DELIVERED), None)
        if refused is None:
            self.delivered += [event.id for event in events]
        return refused or answers[0]

    async def test(self, endpoint: Any) -> Answer:
        """Not needed by the tree."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Nothing to close."""


class World:
    """Everything around one running tree."""

    def __init__(self, *, provider: FakeProvider | None = None, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.memory = Memory(self.clock)
        self.provider = provider or FakeProvider()
        self.poster = FakePoster()
        self.settings = Settings(**(DEFAULTS | settings))
        self.runtime = Runtime(
            settings=self.settings,
            clock=self.clock,
            providers={"fake": self.provider},
            make_poster=self._make_poster,
        )
        self.root: Supervisor
        self.directory: AccountDirectory

    def _make_poster(self, _registry: Registry) -> Poster:
        return self.poster

    @asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        """Run the tree; may be done again, as a new boot on the same database."""

        async def ground(context: ChildContext) -> None:
            self.runtime.open_ground(self.memory, await self.memory.ownership.acquire())  # type: ignore[arg-type]
            context.started()
            try:
                await trio.sleep_forever()
            finally:
                self.runtime.close_ground()

        async def web(context: ChildContext) -> None:
            context.started()
            await trio.sleep_forever()

        spec = root_spec(self.runtime, ground=ground, web=web)
        async with open_supervisor(spec, random=Random(7)) as root:
            self.root = root
            self.directory = AccountDirectory(self.runtime, root.registry)
            yield self

    # ---- accounts ----------------------------------------------------------------------------

    def add(self, *, linked: bool = True, desired: bool = True, **values: Any) -> int:
        """A stored account, by default with a login and to be connected."""
        values["desired"] = Desired.CONNECTED if desired else Desired.DISCONNECTED
        account = self.memory.accounts.add(**values)
        if linked:
            secret = f"login-{account.id}".encode()
            self.memory.logins[account.id] = secret
            self.provider.linked.add(secret)
        return account.id

    def row(self, account_id: int) -> Account:
        """The account as it is stored."""
        return self.memory.rows[account_id]

    def is_stored(self, account_id: int, status: AccountStatus) -> bool:
        """Whether the row has this status."""
        return self.row(account_id).status is status

    async def becomes(self, account_id: int, status: AccountStatus, *, within: float = 10.0) -> Account:
        """Wait until the row has this status."""
        await until(lambda: self.is_stored(account_id, status), within=within, why=lambda: str(self.row(account_id)))
        return self.row(account_id)

    async def step(self, account_id: int, status: AccountStatus) -> Transition:
        """Wait until a step to this status is stored."""

        def found() -> list[Transition]:
            return [step for step in self.memory.history if (step.account_id, step.new) == (account_id, status)]

        await until(found, why=lambda: str(self.row(account_id)))
        return found()[-1]

    async def ask(self, account_id: int, request: Request[Any], *, timeout: float = 30.0) -> object:
        """Ask through the directory."""
        return await self.directory.ask(account_id, request, timeout=timeout)

    async def connect(self, account_id: int) -> AccountState:
        """Ask for a connection, which is granted."""
        answer = await self.ask(account_id, Connect())
        assert isinstance(answer, AccountState), answer
        return answer

    def session(self, account_id: int) -> FakeSession:
        """The live session."""
        session = self.provider.live(account_id)
        assert session is not None
        return session

    async def connected(self, *account_ids: int) -> None:
        """Wait until all are connected."""
        for account_id in account_ids:
            await self.becomes(account_id, AccountStatus.CONNECTED)

    # ---- the tree ----------------------------------------------------------------------------

    @property
    def registry(self) -> Registry:
        """The names."""
        return self.root.registry

    def actor(self, name: str) -> ActorRef[Any]:
        """A living actor."""
        ref = self.registry.lookup(name)
        assert isinstance(ref, ActorRef)
        return ref

    def account_actor(self, account_id: int) -> ActorRef[Any]:
        """An account's actor."""
        return self.actor(account_name(account_id))

    def tree_of(self, account_id: int) -> Supervisor | None:
        """An account's supervisor, if it runs."""
        tree = self.root.child("accounts").child(str(account_id))
        assert tree is None or isinstance(tree, Supervisor)
        return tree


async def until(condition: Callable[[], object], *, within: float = 10.0, why: Callable[[], str] = str) -> None:
    """Wait until something is so, for so many virtual seconds at most."""
    deadline = trio.current_time() + within
    while not condition():
        assert trio.current_time() < deadline, why()
        await trio.sleep(0.05)
