"""`/api/actors`: the live supervision tree. Admin keys see all of it, others the subtrees of their accounts."""

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
import trio

from wasup.actors.names import account_of_path
from wasup.http.auth import Principal, Scope
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import not_found
from wasup.http.services import Services
from wasup.supervisor import ExitRecord, TreeNode

__all__ = ["ROUTES"]

ROUTES: Final = Routes("actors", "The live tree of supervisors and actors.")

_HEALTHY: Final = frozenset({"running", "starting"})
_PAGE: Final = 1000


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
    out below the depth asked for; `hidden_children` counts them then.
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
    last_exit: Exit | None = None
    exits: tuple[Exit, ...] | None = None
    children: tuple["ActorNode", ...] = ()
    hidden_children: int = 0


class Restarting(msgspec.Struct, frozen=True, kw_only=True):
    """The actor was told to end; its supervisor starts it again by its restart policy."""

    path: str


class TreeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the tree is shown; `unhealthy` keeps only what is not running, and the way to it."""

    depth: Annotated[int, msgspec.Meta(ge=0, le=32)] = 32
    unhealthy: bool = False


@ROUTES.add(
    "GET",
    "/api/actors",
    scope=Scope.MANAGE,
    answers={200: ("The tree; for a workspace's key its accounts' subtrees, below the tree's root.", ActorNode)},
)
async def show_tree(call: Call[TreeQuery, None]) -> Reply:
    """Show the tree of supervisors and actors."""
    root = await call.services.tree()
    own = await _own_accounts(call.services, call.caller)
    now = trio.current_time()
    if own is None:
        return Reply(await _shown(root, call.query, now))
    mine = [node for node in _account_trees(root) if account_of_path(node.path) in own]
    root = root._replace(children=tuple(mine), last_exits=(), mailbox=None)
    return Reply(await _shown(root, call.query, now))


@ROUTES.add(
    "GET",
    "/api/actors/<path:path>",
    scope=Scope.MANAGE,
    answers={200: ("The node with its history of exits, and its children.", ActorNode)},
    errors=(404,),
)
async def show_actor(call: Call[NoQuery, None], path: str) -> Reply:
    """Show one supervisor or actor with its history.

    The newest exit comes last; crashes have their traceback.
    """
    node = _find(await call.services.tree(), path)
    if node is None:
        raise not_found("actor")
    await _check_visible(call.services, call.caller, node.path)
    now = trio.current_time()
    children = tuple(_node(child, (), now, hidden=len(child.children)) for child in node.children)
    exits = tuple(_exit(record, traceback=True) for record in node.last_exits)
    return Reply(msgspec.structs.replace(_node(node, children, now), exits=exits))


@ROUTES.add(
    "POST",
    "/api/actors/<path:path>/restart",
    scope=Scope.MANAGE,
    answers={202: ("It was killed and is being restarted, within its restart budget.", Restarting)},
    errors=(404,),
)
async def restart_actor(call: Call[NoQuery, None], path: str) -> Reply:
    """Restart one actor or supervisor by hand.

    It is killed where it stands, as by a crash: what it had in hand is lost to it and handed over again.
    """
    # The tree is asked first: only paths that exist are taken apart.
    if _find(await call.services.tree(), path) is None:
        raise not_found("actor")
    await _check_visible(call.services, call.caller, path)
    if not call.services.restart(path):
        raise not_found("actor")
    return Reply(Restarting(path=path), status=202)


async def _check_visible(services: Services, caller: Principal, path: str) -> None:
    """Make sure that the caller may know of this node: a workspace sees its accounts' subtrees.

    Raises:
        Problem: 404.
    """
    if caller.workspace_id is None:
        return
    account_id = account_of_path(path)
    if account_id is None or await services.accounts.account(account_id, workspace_id=caller.workspace_id) is None:
        raise not_found("actor")


async def _own_accounts(services: Services, caller: Principal) -> set[int] | None:
    """Ids of the accounts that the caller may see; None for all."""
    if caller.workspace_id is None:
        return None
    own: set[int] = set()
    after = 0
    while True:
        rows = await services.accounts.accounts(workspace_id=caller.workspace_id, after_id=after, limit=_PAGE)
        own.update(row.id for row in rows)
        if len(rows) < _PAGE:
            return own
        after = rows[-1].id


def _account_trees(node: TreeNode) -> Iterator[TreeNode]:
    """The subtrees of accounts, wherever they hang."""
    for child in node.children:
        if account_of_path(child.path) is not None:
            yield child
        else:
            yield from _account_trees(child)


def _find(node: TreeNode, path: str) -> TreeNode | None:
    while node.path != path:
        below = [child for child in node.children if path == child.path or path.startswith(child.path + "/")]
        if not below:
            return None
        node = below[0]
    return node


async def _shown(node: TreeNode, query: TreeQuery, now: float) -> ActorNode:
    """The tree as far as it was asked for; a checkpoint every few hundred nodes keeps others from waiting."""
    budget = [300]

    async def walk(node: TreeNode, depth: int) -> ActorNode | None:
        budget[0] -= 1
        if budget[0] <= 0:
            budget[0] = 300
            await trio.lowlevel.checkpoint()
        hidden = depth <= 0 and bool(node.children)
        children: list[ActorNode] = []
        if not hidden or query.unhealthy:
            for child in node.children:
                shown = await walk(child, depth - 1)
                if shown is not None:
                    children.append(shown)
        if query.unhealthy and not children and node.state in _HEALTHY:
            return None
        if hidden:
            return _node(node, (), now, hidden=len(node.children))
        return _node(node, tuple(children), now)

    shown = await walk(node, query.depth)
    return shown or _node(node, (), now)


def _node(node: TreeNode, children: tuple[ActorNode, ...], now: float, *, hidden: int = 0) -> ActorNode:
    mailbox = node.mailbox
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
        last_exit=_exit(node.last_exits[-1], traceback=False) if node.last_exits else None,
        children=children,
        hidden_children=hidden,
    )


def _exit(record: ExitRecord, *, traceback: bool) -> Exit:
    return Exit(
        incarnation=record.incarnation,
        kind=record.kind,
        reason=record.reason,
        uptime_seconds=round(record.uptime, 3),
        at=int(record.wall * 1000),
        traceback=record.traceback if traceback and record.frames else None,
    )
