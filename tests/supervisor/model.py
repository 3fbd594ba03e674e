"""Random trees under random faults, and what their members saw with their own eyes."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import trio

from tests.supervisor.helpers import Nap, Parrot, Raise, Recorder
from wasup.supervisor import (
    BRUTAL_KILL,
    INFINITY,
    ActorEnded,
    ActorRef,
    AskTimeout,
    AutoShutdown,
    Backoff,
    Budget,
    ChildContext,
    ChildRef,
    ChildSpec,
    EndTree,
    InBackoff,
    MailboxFull,
    MailboxSpec,
    NeverRestart,
    Overflow,
    Request,
    Restart,
    RestartLater,
    RestartQuietly,
    Shutdown,
    Strategy,
    Supervisor,
    SupervisorError,
    SupervisorSpec,
    TreeNode,
    actor_child,
    supervisor_child,
)

FAULTS: tuple[Exception | None, ...] = (
    *[ValueError("fault")] * 8,
    *[Shutdown()] * 2,
    *[RestartQuietly()] * 2,
    *[RestartLater()] * 2,
    NeverRestart(),
    EndTree(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Request[int]):
    """Answered with its number after ``seconds``."""

    number: int
    seconds: float


@dataclass(slots=True, kw_only=True)
class Asked:
    """What became of a question.  Times on Trio's clock."""

    survives: bool
    deadline: float
    handled: int = 0
    answered_at: float | None = None
    """When the actor had its answer."""
    outcome: Exception | int | None = None
    settled_at: float = 0.0
    ended_at: float | None = None
    """When the actor that was asked had ended."""


class Talker(Parrot):
    """Answers questions, and writes down its own life."""

    def __init__(self, world: "World") -> None:
        super().__init__()
        self.world = world

    async def on_start(self) -> None:
        """Be up: nothing comes between this and the supervisor's knowledge of it."""
        self.world.seen.append(("up", self.path, self.incarnation))

    async def live(self, context: ChildContext, mailbox: Any) -> None:
        """Note the end."""
        try:
            await super().live(context, mailbox)
        finally:
            self.world.seen.append(("down", context.path, context.incarnation))

    async def handle(self, message: Any) -> object:
        """Answer, and note it."""
        if not isinstance(message, Question):
            return await super().handle(message)
        asked = self.world.questions[message.number]
        asked.handled += 1
        await trio.sleep(message.seconds)
        asked.answered_at = trio.current_time()
        return message.number


@dataclass
class World:
    """One random run, and what its children saw."""

    random: Random
    recorder: Recorder
    seen: list[tuple[str, str, int]] = field(default_factory=list)
    specs: dict[str, ChildSpec] = field(default_factory=dict)
    """Of the children, by id; ids are unique in the whole run."""
    flags: dict[str, SupervisorSpec] = field(default_factory=dict)
    """Of the supervisors, by id."""
    requested: list[tuple[int, str, str]] = field(default_factory=list)
    """Requests: the number of the last event before, the path of the supervisor, the id."""
    orders: dict[str, tuple[trio.Event, list[Exception]]] = field(default_factory=dict)
    """Of the living workers, by path: to end them."""
    questions: list[Asked] = field(default_factory=list)
    makes_requests: bool = True
    calm: bool = False
    """Nothing goes wrong any more."""

    def name(self) -> str:
        """Return a new id."""
        return f"n{len(self.specs) + 1}"

    # ---- random specifications ---------------------------------------------------------------

    def supervisor(self, depth: int, name: str) -> SupervisorSpec:
        """Return a random supervisor."""
        random = self.random
        top = name == "root"
        auto = AutoShutdown.NEVER if top else random.choice([AutoShutdown.NEVER] * 6 + list(AutoShutdown))
        strategy = random.choice([Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
        children = tuple(self.child(depth, auto) for _ in range(random.randint(2 if top else 1, 5)))
        self.flags[name] = SupervisorSpec(
            strategy=strategy,
            intensity=random.choice([1, 5, INFINITY, INFINITY] + [INFINITY] * 16 * top),
            period=random.choice([1.0, 10.0]),
            auto_shutdown=auto,
            children=children,
            stop_in_turn=random.random() < 0.2,
        )
        return self.flags[name]

    def child(self, depth: int, auto: AutoShutdown) -> ChildSpec:
        """Return a random child."""
        random = self.random
        name = self.name()
        restart = random.choice([*Restart, Restart.PERMANENT])
        common: dict[str, Any] = {
            "restart": restart,
            "significant": (
                auto is not AutoShutdown.NEVER and restart is not Restart.PERMANENT and random.random() < 0.5
            ),
            "start_timeout": random.choice([None, 2.0]),
        }
        if restart is not Restart.TEMPORARY:
            common["backoff"] = random.choice([None, Backoff(initial=0.5, maximum=4, reset_after=3)])
            common["budget"] = random.choice([None, None, Budget(restarts=2, period=5)])
        self.specs[name] = ChildSpec(id=name, start=self.worker, **common)  # the name is taken
        roll = random.random()
        if depth > 0 and roll < 0.35:
            self.specs[name] = supervisor_child(name, self.supervisor(depth - 1, name), **common)
            return self.specs[name]
        common["shutdown"] = random.choice([0.3, 5.0, BRUTAL_KILL])
        if roll < 0.6:
            mailbox = MailboxSpec(
                capacity=random.choice([1, 3, 100]),
                overflow=random.choice(list(Overflow)),
                survives_restart=random.random() < 0.5,
            )
            self.specs[name] = actor_child(name, lambda: Talker(self), mailbox=mailbox, **common)
        else:
            sickly = random.random() < 0.3

            async def start(context: ChildContext) -> None:
                await self.worker(context, sickly=sickly)

            self.specs[name] = ChildSpec(id=name, start=start, **common)
        return self.specs[name]

    async def worker(self, context: ChildContext, *, sickly: bool = False) -> None:
        """Live for a while, or fail to, or end in some way; slow to start and to stop at times."""
        random = self.random
        roll = random.random()
        if context.incarnation > 1 and not self.calm:
            if roll < (0.8 if sickly else 0.15):
                raise random.choice((ValueError("start"), ValueError("start"), NeverRestart(), RestartQuietly()))
            if roll > 0.9:
                context.ignore()
                return
        if 0.8 < roll < 0.9:
            await trio.sleep(random.choice([0.1, 3.0]))
        context.started()
        self.seen.append(("up", context.path, context.incarnation))
        ordered, order = self.orders[context.path] = trio.Event(), []
        try:
            with trio.move_on_after(random.expovariate(0.2)):
                await ordered.wait()
            if order:
                raise order[0]
            if self.calm:
                await trio.sleep_forever()
            fault = random.choice((*FAULTS, None))
            if fault is not None:
                raise self.spared(context.path, fault)
        finally:
            self.orders.pop(context.path, None)
            if random.random() < 0.2 and not self.calm:
                with trio.CancelScope(shield=True):
                    await trio.sleep(random.choice([0.1, 0.5, 2.0]))
            self.seen.append(("down", context.path, context.incarnation))

    def spared(self, path: str, fault: Exception) -> Exception:
        """Return the fault, or mostly another where it would end the whole run."""
        ends_all = isinstance(fault, EndTree) and path.count("/") == 1
        return ValueError("spared") if ends_all and self.random.random() < 0.95 else fault

    # ---- random acts -------------------------------------------------------------------------

    async def act(self, root: Supervisor, until: float) -> None:
        """Do random things to random members of the tree until the time is over."""
        random = self.random
        async with trio.open_nursery() as nursery:
            while trio.current_time() < until:
                await trio.sleep(random.expovariate(3))
                self.check_snapshot(root.snapshot())
                supervisor, values = pick(random, root)
                refs = [value for value in values if isinstance(value, ChildRef)]
                roll = random.random()
                if roll < 0.15:
                    self.hurt(supervisor)
                elif roll < 0.6 and refs:
                    ref = random.choice(refs)
                    if isinstance(ref, ActorRef):
                        nursery.start_soon(self.talk, ref)
                    elif random.random() < 0.3:
                        random.choice((ref.kill, ref.stop))()
                elif self.makes_requests:
                    nursery.start_soon(self.request, supervisor)

    def hurt(self, supervisor: Supervisor) -> None:
        """Have several children of one supervisor end at the same moment."""
        for path, (ordered, order) in list(self.orders.items()):
            if path.rpartition("/")[0] == supervisor.path and self.random.random() < 0.7 and not order:
                fault = self.random.choice((*[ValueError("hurt")] * 6, NeverRestart(), EndTree()))
                order.append(self.spared(path, fault))
                ordered.set()

    async def talk(self, ref: ActorRef[Any]) -> None:
        """Ask, and note what became of it, or hurt."""
        random = self.random
        roll = random.random()
        try:
            if roll < 0.7:
                await self.ask(ref, random.choice([0.2, 2.0]), random.choice([0.0, 0.1, 1.0]))
            elif roll < 0.85:
                ref.tell_nowait(Raise(error=random.choice(FAULTS) or ValueError()))
            else:
                ref.tell_nowait(Nap(seconds=0.5))
        except MailboxFull:
            pass

    async def ask(self, ref: ActorRef[Any], timeout: float, seconds: float) -> None:
        """Ask, with a deadline that must be kept."""
        number = len(self.questions)
        survives = ref._context.slot.surviving is not None
        asked = Asked(survives=survives, deadline=trio.current_time() + timeout)
        self.questions.append(asked)

        def note_end(_reason: object) -> None:
            asked.ended_at = trio.current_time()

        forget = ref.on_end(note_end)
        try:
            asked.outcome = await ref.ask(Question(number=number, seconds=seconds), timeout=timeout)
        except SupervisorError as error:
            asked.outcome = error
        finally:
            asked.settled_at = trio.current_time()
            forget()

    async def request(self, supervisor: Supervisor) -> None:
        """Make a random request; every refusal is an error of ours."""
        random = self.random
        try:
            children = await supervisor.which_children()
            child_id = random.choice(children).id if children else "nobody"
            roll = random.randrange(4)
            if roll:
                self.requested.append((self.recorder.stream.number, supervisor.path, child_id))
            match roll:
                case 0:
                    await supervisor.start_child(self.child(0, AutoShutdown.NEVER))
                case 1:
                    await supervisor.terminate_child(child_id)
                case 2:
                    await supervisor.restart_child(child_id)
                case _:
                    await supervisor.delete_child(child_id)
        except SupervisorError:
            pass

    def check_snapshot(self, node: TreeNode) -> None:
        """What a snapshot calls up is what the children saw."""
        alive: dict[str, int] = {}
        for what, path, incarnation in self.seen:
            if what == "up":
                alive[path] = incarnation
            else:
                alive.pop(path, None)
        shown = {
            one.path: one.incarnation
            for one in every(node)
            if one.type == "worker" and one.state in {"running", "stopping", "stop_timed_out"}
        }
        assert alive.items() <= shown.items()

    def check_questions(self) -> None:
        """Each was answered once or failed, with the right answer, in time, and at once when its actor ended."""
        for number, asked in enumerate(self.questions):
            if asked.outcome is None:
                continue  # the whole program was cancelled
            assert asked.handled <= 1
            assert asked.settled_at <= asked.deadline + 1e-6
            if isinstance(asked.outcome, int):
                assert asked.outcome == number
                assert (asked.handled, asked.answered_at) == (1, asked.settled_at)
                continue
            assert isinstance(asked.outcome, ActorEnded | InBackoff | MailboxFull | AskTimeout)
            assert asked.answered_at is None or asked.answered_at >= asked.settled_at - 1e-6
            if isinstance(asked.outcome, AskTimeout):
                assert asked.settled_at >= asked.deadline - 1e-6
                assert asked.survives or asked.ended_at is None or asked.ended_at >= asked.deadline - 1e-6


def every(node: TreeNode) -> list[TreeNode]:
    """Return a node and all below it, supervisors before their children."""
    return [node, *(below for child in node.children for below in every(child))]


def pick(random: Random, root: Supervisor) -> tuple[Supervisor, list[Any]]:
    """Return a random living supervisor and the start values of its children."""
    supervisor = root
    while True:
        values = [supervisor.child(node.id) for node in supervisor.snapshot().children]
        deeper = [value for value in values if isinstance(value, Supervisor)]
        if not deeper or random.random() < 0.4:
            return supervisor, values
        supervisor = random.choice(deeper)
