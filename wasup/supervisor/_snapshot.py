"""The state of a tree at one instant, as plain values."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

import trio

if TYPE_CHECKING:
    from wasup.supervisor._context import ChildContext
    from wasup.supervisor._slot import ExitRecord, Slot


_log = logging.getLogger(__name__)


class MailboxView(NamedTuple):
    """What a snapshot tells of a mailbox.

    Attributes:
        depth: messages queued now.
        high_water: the most there were.
        capacity: how many there is room for.
        dropped: messages dropped to make room.
        handled: messages handled since the actor (or its surviving mailbox) began.
        handler_seconds: time spent in handlers, on the processor and waiting.
    """

    depth: int
    high_water: int
    capacity: float
    dropped: int
    handled: int
    handler_seconds: float


class TreeNode(NamedTuple):
    """One child in a snapshot.

    Attributes:
        id: its id.
        path: where it stands.
        type: "worker" or "supervisor".
        state: "starting", "running", "stopping", "stop_timed_out", "restarting", "backoff" or "down".
        incarnation: which life, from 1; 0 before the first.
        restarts: automatic restarts so far.
        up_since: when it came up, on Trio's clock; None when it is not up.
        in_backoff_until: when it is started again, alone or with its group, on Trio's clock; None if it is not.
        mailbox: of an actor, else None.
        last_exits: the last 20, oldest first.
        children: of a supervisor, in start order.
        figures: what the actor tells of itself with `Actor.figures`; None when it tells nothing, is not up, or its
            method failed (which is logged).
    """

    id: str
    path: str
    type: str
    state: str
    incarnation: int
    restarts: int
    up_since: float | None
    in_backoff_until: float | None
    mailbox: MailboxView | None
    last_exits: "tuple[ExitRecord, ...]"
    children: "tuple[TreeNode, ...]"
    figures: Mapping[str, float] | None = None


class HasChildren(Protocol):
    """A supervisor's core, as far as a snapshot needs it."""

    def slots(self) -> "list[Slot]":
        """Its children in start order."""

    def child_slot(self, child_id: str) -> "Slot | None":
        """Its child with this id."""


class HasMailbox(Protocol):
    """An actor, as far as its context and a snapshot need it."""

    def at_end(self, context: "ChildContext") -> None:
        """Settle what others wait for."""

    def cancel_clean_up(self) -> None:
        """End its `on_stop` if that is running."""

    def mailbox_view(self) -> MailboxView:
        """The state of its mailbox."""

    def figures(self) -> Mapping[str, float] | None:
        """What it tells of itself."""


def take_snapshot(slot: "Slot") -> TreeNode:
    """Return the state of a child and everything below it."""
    process = slot.process or slot.starting
    supervisor = process.supervisor if process is not None else None
    children = tuple([take_snapshot(child) for child in supervisor.slots()]) if supervisor is not None else ()
    return _node(slot, children)


def find_slot(slot: "Slot", path: str) -> "Slot | None":
    """Return the child at ``path``, which begins with that of ``slot``; None when there is none."""
    while slot.path != path:
        process = slot.process or slot.starting
        supervisor = process.supervisor if process is not None else None
        below = path.removeprefix(slot.path + "/")
        if supervisor is None or below == path:
            return None
        child = supervisor.child_slot(below.partition("/")[0])
        if child is None:
            return None
        slot = child
    return slot


async def take_snapshot_in_slices(slot: "Slot", slice_size: int) -> TreeNode:
    """As `take_snapshot`, with a checkpoint after every ``slice_size`` nodes."""
    budget = [slice_size]
    return await _slice(slot, budget, slice_size)


async def _slice(slot: "Slot", left: list[int], slice_size: int) -> TreeNode:
    process = slot.process or slot.starting
    supervisor = process.supervisor if process is not None else None
    nodes = []
    for child in supervisor.slots() if supervisor is not None else ():
        below = child.process or child.starting
        if below is not None and below.supervisor is not None:
            nodes.append(await _slice(child, left, slice_size))
        else:
            nodes.append(_node(child, ()))
        left[0] -= 1
        if left[0] <= 0:
            left[0] = slice_size
            await trio.lowlevel.checkpoint()
    return _node(slot, tuple(nodes))


def _node(slot: "Slot", children: tuple[TreeNode, ...]) -> TreeNode:
    process = slot.process or slot.starting
    actor = process.actor if process is not None else None
    return TreeNode(
        slot.id,
        slot.path,
        slot.spec.type,
        _state(slot),
        slot.incarnations,
        slot.restarts,
        process.started_at if process is not None and process.was_up else None,
        slot.waiting_until,
        actor.mailbox_view() if actor is not None else None,
        tuple(slot.history) if slot.history else (),
        children,
        _figures(process) if process is not None and actor is not None else None,
    )


def _figures(process: "ChildContext") -> Mapping[str, float] | None:
    actor = process.actor
    if actor is None or not process.was_up or process.reason is not None:
        return None
    try:
        return actor.figures()
    except Exception:  # noqa: BLE001  one actor's mistake must not hide the others
        _log.exception("%s: figures() failed", process.path)
        return None


def _state(slot: "Slot") -> str:
    process = slot.process or slot.starting
    if process is not None and process.reason is None:
        if process.resisting:
            return "stop_timed_out"
        if process.stop_asked or process.killed:
            return "stopping"
        return "running" if process.was_up else "starting"
    if slot.waiting_until is not None:
        return "backoff"
    return "restarting" if slot.restarting else "down"
