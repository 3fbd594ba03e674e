"""Nodes of the supervision tree as clients see them, and a whole tree of them in slices.

Twelve thousand nodes take some hundred milliseconds to show and to serialise. Nobody else is kept waiting for that:
after every slice others run, and each account's subtree becomes JSON on its own.
"""

from typing import Annotated, Final

import msgspec
import trio

from wasup.supervisor import ExitRecord, TreeNode

__all__ = ["ActorNode", "Exit", "MailboxState", "actor_exit", "actor_node", "shown_tree"]

_UP: Final = frozenset({"running", "starting"})
_BROKEN: Final = frozenset({"crash", "killed"})
_SLICE: Final = 100  # nodes: 2 ms
_encode: Final = msgspec.json.Encoder().encode


class MailboxState(msgspec.Struct, frozen=True, kw_only=True):
    """An actor's mailbox and work: counts since the actor began, `handler_seconds` spent in its handlers."""

    depth: int
    high_water: int
    capacity: int | None
    dropped: int
    handled: int
    handler_seconds: float


class Exit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One end of an actor: `kind` is normal, shutdown, crash or killed; `at` in UTC epoch milliseconds."""

    incarnation: int
    kind: str
    reason: str
    uptime_seconds: float
    at: int
    traceback: str | None = None


class ActorNode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A supervisor or actor.

    `up_seconds` is null while it is not up, `backoff_seconds` tells when it is started again. `children` is left
    out below the depth asked for; `hidden_children` counts them then. `figures` is what an actor tells of itself:
    of a session whose account has processes of its own their `memory` (bytes), `cpu_seconds` and `processes`.
    """

    id: str
    path: str
    type: str
    state: str
    incarnation: int
    restarts: int
    up_seconds: float | None
    backoff_seconds: float | None = None
    mailbox: MailboxState | None = None
    figures: dict[str, float] | None = None
    last_exit: Exit | None = None
    exits: tuple[Exit, ...] | None = None
    children: tuple["ActorNode", ...] = ()
    hidden_children: Annotated[int, msgspec.Meta(ge=0)] = 0


def actor_node(
    node: TreeNode, children: tuple[ActorNode | msgspec.Raw, ...], now: float, *, hidden: int = 0
) -> ActorNode:
    """One node; children that are JSON already stay so."""
    mailbox = node.mailbox
    below: tuple[ActorNode, ...] = children  # type: ignore[assignment]  # Raw is for the encoder alone
    return ActorNode(
        id=node.id,
        path=node.path,
        type=node.type,
        state=node.state,
        incarnation=node.incarnation,
        restarts=node.restarts,
        up_seconds=None if node.up_since is None else round(now - node.up_since, 3),
        backoff_seconds=None if node.in_backoff_until is None else round(max(0.0, node.in_backoff_until - now), 3),
        mailbox=None
        if mailbox is None
        else MailboxState(
            depth=mailbox.depth,
            high_water=mailbox.high_water,
            capacity=int(mailbox.capacity) if mailbox.capacity < 1e18 else None,
            dropped=mailbox.dropped,
            handled=mailbox.handled,
            handler_seconds=round(mailbox.handler_seconds, 6),
        ),
        figures=None if node.figures is None else dict(node.figures),
        last_exit=actor_exit(node.last_exits[-1], traceback=False) if node.last_exits else None,
        children=below,
        hidden_children=hidden,
    )


def actor_exit(record: ExitRecord, *, traceback: bool) -> Exit:
    """One end of an actor."""
    return Exit(
        incarnation=record.incarnation,
        kind=record.kind,
        reason=record.reason,
        uptime_seconds=round(record.uptime, 3),
        at=int(record.wall * 1000),
        traceback=record.traceback if traceback and record.frames else None,
    )


def _is_well(node: TreeNode) -> bool:
    """Whether it is up, or at rest: down because it is done or was stopped, as a disconnected account's session is."""
    if node.state == "down":
        return not node.last_exits or node.last_exits[-1].kind not in _BROKEN
    return node.state in _UP


async def shown_tree(root: TreeNode, *, depth: int, unhealthy: bool) -> msgspec.Raw:
    """A tree as JSON, as far as it was asked for.

    Args:
        root: the tree.
        depth: levels below the root that are shown.
        unhealthy: only what is neither up nor at rest, and the way to it.
    """
    now = trio.current_time()
    left = [_SLICE]

    async def walk(node: TreeNode, depth: int) -> ActorNode | msgspec.Raw | None:
        left[0] -= 1
        if left[0] <= 0:
            left[0] = _SLICE
            await trio.lowlevel.checkpoint()
        hidden = depth <= 0 and bool(node.children)
        children: list[ActorNode | msgspec.Raw] = []
        if not hidden or unhealthy:
            for child in node.children:
                shown = await walk(child, depth - 1)
                if shown is not None:
                    children.append(shown)
        if unhealthy and not children and _is_well(node):
            return None
        if hidden:
            return actor_node(node, (), now, hidden=len(node.children))
        made = actor_node(node, tuple(children), now)
        return msgspec.Raw(_encode(made)) if node.children else made

    shown = await walk(root, depth) or actor_node(root, (), now)
    return shown if isinstance(shown, msgspec.Raw) else msgspec.Raw(_encode(shown))
