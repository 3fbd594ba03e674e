"""What the events of a random run must be, whatever happened in it."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.supervisor.model import World, every
from wasup.supervisor import (
    BackoffStarted,
    ChildEnded,
    ChildGaveUp,
    ChildIgnored,
    ChildRestarted,
    ChildStarted,
    ChildStartFailed,
    Directive,
    Event,
    ExitReason,
    GaveUp,
    Restart,
    Strategy,
    SupervisorSpec,
    TreeNode,
)

A_LITTLE = 1e-6
"""Seconds."""


def parent(path: str) -> str:
    """Return the path of the supervisor."""
    return path.rpartition("/")[0]


def name(path: str) -> str:
    """Return the id."""
    return path.rpartition("/")[2]


@dataclass
class Life:
    """What is known of a child in the present life of its supervisor."""

    last: Event | None = None
    reason: ExitReason | None = None
    """Of its last end, or failed start."""
    waits_until: float = 0.0
    gave_up: bool = False
    retired_at: int | None = None
    """Number of the event by which it ended with NeverRestart."""
    ended_tree: bool = False
    paid: list[float] = field(default_factory=list)
    """When a restart of its own cost a unit, as far as that is plain to see."""


class Checker:
    """Reads the events of a run in order."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lives: dict[str, Life] = defaultdict(Life)
        self.alive: dict[str, int] = {}
        self.told: list[tuple[str, str, int]] = []
        self.exits: dict[str, list[float]] = defaultdict(list)
        """By supervisor: when its children ended, or failed to start."""
        self.restarts: dict[str, list[float]] = defaultdict(list)
        """By supervisor: restarts that were paid for, as far as that is plain to see."""

    def read(self) -> None:
        """Check the order of all events, and that they are what the children saw."""
        last = 0
        for event in self.world.recorder.events:
            assert event.number > last
            assert event.incarnation > 0
            last = event.number
            self._read(event)
        told = [entry for entry in self.told if name(entry[1]) not in {*self.world.flags, "root"}]
        assert told == self.world.seen

    def touched(self, path: str, since: int) -> bool:
        """Whether there was a request about a child after an event."""
        return any(
            number >= since and f"{supervisor}/{child}" == path for number, supervisor, child in self.world.requested
        )

    def _read(self, event: Event) -> None:
        path, life = event.path, self.lives[event.path]
        match event:
            case ChildStarted():
                self._read_start(event, life)
            case ChildEnded(reason=reason):
                assert self.alive.pop(path) == event.incarnation
                assert not any(other.startswith(f"{path}/") for other in self.alive)
                self.told.append(("down", path, event.incarnation))
                self._read_exit(event, life, reason)
            case ChildStartFailed(reason=reason):
                self._read_exit(event, life, reason)
            case ChildRestarted():
                self._read_restart(event, life)
            case BackoffStarted(until=until):
                life.waits_until = until
            case ChildGaveUp():
                life.gave_up = True
            case GaveUp(why="too many restarts"):
                flags = self._flags(path)
                recent = [at for at in self.exits[path] if at >= event.monotonic - flags.period - A_LITTLE]
                assert len(recent) > flags.intensity
            case _:
                pass
        if isinstance(event, ChildStarted | ChildEnded | ChildStartFailed | ChildIgnored):
            life.last = event

    def _flags(self, path: str) -> SupervisorSpec:
        return self.world.flags[name(path)]

    def _read_start(self, event: ChildStarted, life: Life) -> None:
        path = event.path
        assert path not in self.alive
        if life.retired_at is not None:
            assert self.touched(path, life.retired_at), f"{path} came back after NeverRestart"
            life.retired_at = None
        if event.monotonic < life.waits_until - A_LITTLE:
            assert self.touched(path, 0), f"{path} did not wait for the end of its backoff"
        life.waits_until = 0.0
        self.alive[path] = event.incarnation
        self.told.append(("up", path, event.incarnation))

    def _read_exit(self, event: Event, life: Life, reason: ExitReason) -> None:
        path = event.path
        life.reason = reason
        self.exits[parent(path)].append(event.monotonic)
        if isinstance(event, ChildEnded):
            if reason.directive is Directive.NEVER_RESTART:
                life.retired_at = event.number
            life.ended_tree = life.ended_tree or reason.directive is Directive.END_TREE
        if name(path) in self.world.flags or path == "root":  # its children begin anew
            self.exits.pop(path, None)
            self.restarts.pop(path, None)
            for other in [other for other in self.lives if other.startswith(f"{path}/")]:
                for records in (self.lives, self.exits, self.restarts):
                    records.pop(other, None)

    def _read_restart(self, event: Event, life: Life) -> None:
        """Restarts of a child alone, at once, and not for free are within its budget and the intensity."""
        path = event.path
        spec, flags = self.world.specs[name(path)], self._flags(parent(path))
        free = life.reason is not None and life.reason.asks_for_restart
        if flags.strategy is not Strategy.ONE_FOR_ONE or spec.backoff is not None or free:
            return
        now = event.monotonic
        life.paid.append(now)
        if spec.budget is not None:
            recent = [at for at in life.paid if at >= now - spec.budget.period + A_LITTLE]
            assert len(recent) <= spec.budget.restarts
        paid = self.restarts[parent(path)]
        paid.append(now)
        assert len([at for at in paid if at >= now - flags.period + A_LITTLE]) <= flags.intensity

    # ---- a tree at rest ----------------------------------------------------------------------

    def check_calm(self, root: TreeNode) -> None:
        """When nothing has gone wrong for long, who is to be up is up, and who is not is not."""
        for node in every(root):
            assert node.state in {"running", "down"}, node.path
            life = self.lives[node.path]
            assert not (life.ended_tree and node.path != "root"), f"EndTree of {node.path} was lost"
            if node.state == "running" or any(path == parent(node.path) for _, path, _ in self.world.requested):
                continue
            spec = self.world.specs[node.id]
            reason = life.reason
            assert reason is not None
            excused = (
                life.gave_up
                or reason.forbids_restart
                or isinstance(life.last, ChildIgnored)
                or (spec.restart is Restart.TRANSIENT and reason.is_normal)
            )
            assert excused, f"{node.path} was left down"


def stop_order(node: TreeNode) -> list[str]:
    """Return the paths of what is running in the order in which it is to end."""
    below = [path for child in reversed(node.children) for path in stop_order(child)]
    return [*below, node.path] if node.state == "running" else below
