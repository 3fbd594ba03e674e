"""`/api/actors`: the live supervision tree. Admin keys see all of it, others the subtrees of their accounts."""

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
import trio

from wasup.actors.history import Happening
from wasup.actors.names import account_of_path, account_path
from wasup.http.auth import Principal, Scope
from wasup.http.cursors import Limit, Page, page_of, read_cursor
from wasup.http.nodes import ActorNode, actor_exit, actor_node, shown_tree
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import Problem, not_found
from wasup.http.services import Services
from wasup.http.tenancy import owning_workspace
from wasup.ports.resources import AccountFilter
from wasup.supervisor import TreeNode

__all__ = ["ROUTES"]

ROUTES: Final = Routes("actors", "The live tree of supervisors and actors.")

_PAGE: Final = 1000
_DEEPEST: Final = 32


class Restarting(msgspec.Struct, frozen=True, kw_only=True):
    """The actor was told to end; its supervisor starts it again by its restart policy."""

    path: str


class TreeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the tree is shown.

    Attributes:
        depth: levels below the top.
        below: show only the subtree of this path.
        unhealthy: keep only what is neither up nor at rest (done, or stopped), and the way to it.
    """

    depth: Annotated[int, msgspec.Meta(ge=0, le=_DEEPEST)] = _DEEPEST
    below: Annotated[str, msgspec.Meta(min_length=1, max_length=300)] | None = None
    unhealthy: bool = False


class ListHappenings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the list; `below` keeps what is about this path and what stands below it."""

    below: Annotated[str, msgspec.Meta(min_length=1, max_length=300)] | None = None
    cursor: str | None = None
    limit: Limit = 100


@ROUTES.add(
    "GET",
    "/api/actors",
    scope=Scope.MANAGE,
    answers={200: ("The tree; for a workspace's key its accounts' subtrees, below the tree's root.", ActorNode)},
    errors=(404,),
)
async def show_tree(call: Call[TreeQuery, None]) -> Reply:
    """Show the tree of supervisors and actors."""
    query = call.query
    if query.below is not None:
        top = await _visible(call.services, call.caller, query.below)
        return Reply(await shown_tree(top, depth=query.depth, unhealthy=query.unhealthy))
    root = await call.services.tree.snapshot_in_slices()
    own = await _own_accounts(call.services, call.caller)
    if own is not None:
        mine = [node for node in _account_trees(root) if account_of_path(node.path) in own]
        root = root._replace(children=tuple(mine), last_exits=(), mailbox=None)
    return Reply(await shown_tree(root, depth=query.depth, unhealthy=query.unhealthy))


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
    node = await _visible(call.services, call.caller, path)
    now = trio.current_time()
    children = tuple(actor_node(child, (), now, hidden=len(child.children)) for child in node.children)
    exits = tuple(actor_exit(record, traceback=True) for record in node.last_exits)
    return Reply(msgspec.structs.replace(actor_node(node, children, now), exits=exits))


@ROUTES.add(
    "POST",
    "/api/actors/<path:path>/restart",
    scope=Scope.MANAGE,
    answers={202: ("It was killed and is being restarted, within its restart budget.", Restarting)},
    errors=(404, 409),
)
async def restart_actor(call: Call[NoQuery, None], path: str) -> Reply:
    """Restart one actor or supervisor by hand.

    It is killed where it stands, as by a crash: what it had in hand is lost to it and handed over again. 409 while it
    is down: its supervisor, or `connect`, starts it.
    """
    node = await _visible(call.services, call.caller, path)
    if "/" not in path:
        raise Problem(409, "The root is not restarted by hand: it is wasup itself.", "wrong-state", state=node.state)
    if not call.services.tree.kill(path):
        raise Problem(409, f"There is nothing to restart: it is {node.state}.", "wrong-state", state=node.state)
    return Reply(Restarting(path=path), status=202)


@ROUTES.add(
    "GET",
    "/api/supervision/events",
    scope=Scope.MANAGE,
    answers={200: ("What happened in the tree, newest first; a workspace sees its own accounts.", Page[Happening])},
    errors=(404,),
)
async def list_happenings(call: Call[ListHappenings, None]) -> Reply:
    """List what supervision did lately.

    It is kept in memory, for some thousands of events.
    """
    query, services = call.query, call.services
    place = read_cursor(query.cursor, 1)
    own = await _own_accounts(services, call.caller)
    below: tuple[str, ...] = (query.below or "root",)
    if own is not None:
        mine = tuple(account_path(account_id) for account_id in sorted(own))
        if query.below is not None:
            account_id = account_of_path(query.below)
            mine = below if account_id in own else ()
        below = mine
    rows = services.history.before(place[0] if place else None, below=below, limit=query.limit + 1)
    return Reply(page_of(rows, query.limit, place=lambda row: (row.number,), view=lambda row: row))


async def _visible(services: Services, caller: Principal, path: str) -> TreeNode:
    """The node at this path, if the caller may know of it: a workspace sees its accounts' subtrees.

    Raises:
        Problem: 404.
    """
    if caller.workspace_id is not None:
        account_id = account_of_path(path)
        if account_id is None:
            raise not_found("actor")
        try:
            await owning_workspace(services, caller, account_id)
        except Problem:
            raise not_found("actor") from None
    node = await services.tree.look(path)
    if node is None:
        raise not_found("actor")
    return node


async def _own_accounts(services: Services, caller: Principal) -> set[int] | None:
    """Ids of the accounts that the caller may see; None for all."""
    if caller.workspace_id is None:
        return None
    which = AccountFilter(workspace_id=caller.workspace_id)
    own: set[int] = set()
    after = 0
    while True:
        rows = await services.upkeep.find_accounts(which, after_id=after, limit=_PAGE)
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
