"""`/api/accounts`: create, list, show, delete, history and statistics."""

from typing import Annotated, Final

import msgspec
import structlog
import trio

from wasup.actors.history import Happening
from wasup.actors.messages import Disconnect
from wasup.actors.names import account_path
from wasup.http.auth import Scope
from wasup.http.cursors import Id, Limit, Page, page_of, read_cursor
from wasup.http.nodes import ActorNode, actor_node
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import invalid_field, not_found
from wasup.http.schemas import (
    AccountView,
    CreateAccount,
    ProviderType,
    TransitionView,
    UpdateAccount,
    account_view,
    transition_view,
)
from wasup.http.tenancy import owned_account, owning_workspace, target_workspace
from wasup.ports.accounts import Account, AccountStatus, Desired
from wasup.ports.resources import AccountFilter
from wasup.ports.store import AccountStats, NewAccount

__all__ = ["ROUTES"]

_TROUBLED: Final = frozenset({AccountStatus.FAILED, AccountStatus.BANNED, AccountStatus.SUSPENDED})

_log = structlog.get_logger(__name__)

ROUTES: Final = Routes("accounts", "WhatsApp accounts: one number each.")


class ListAccounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters of the list of accounts; `search` is part of a name or phone number."""

    status: AccountStatus | None = None
    provider_type: ProviderType | None = None
    search: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    workspace_id: Id | None = None
    deleted: bool = False
    cursor: str | None = None
    limit: Limit = 50


class ListSupervision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the list."""

    cursor: str | None = None
    limit: Limit = 50


class AccountHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How an account is: its state, and its actors as they are now. Times are UTC epoch milliseconds.

    Attributes:
        healthy: connected and with all its actors up, if it is to be; otherwise not in trouble.
        actors: empty while none run.
    """

    account_id: int
    healthy: bool
    desired: Desired
    status: AccountStatus
    status_reason: str | None
    status_since: int
    last_activity_at: int | None
    last_connected_at: int | None
    actors: tuple[ActorNode, ...]


class ListTransitions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the history."""

    cursor: str | None = None
    limit: Limit = 50


@ROUTES.add(
    "POST",
    "/api/accounts",
    scope=Scope.MANAGE,
    answers={201: ("The new account.", AccountView)},
    errors=(404,),
    located=True,
)
async def create_account(call: Call[NoQuery, CreateAccount]) -> Reply:
    """Create an account.

    It starts disconnected: `connect` opens its first session and offers a QR code.
    """
    known = call.services.provider_types
    provider_type = call.body.provider_type or known[0]
    if provider_type not in known:
        raise invalid_field(f"is no provider of this instance; it has {', '.join(known)}", pointer="#/provider_type")
    workspace_id = await target_workspace(call.services, call.caller, call.body.workspace_id)
    new = NewAccount(workspace_id=workspace_id, provider_type=provider_type, name=call.body.name)
    account = await call.services.accounts.create_account(new)
    return Reply(account_view(account), 201, {"Location": f"/api/accounts/{account.id}"})


@ROUTES.add("GET", "/api/accounts", scope=Scope.READ, answers={200: ("Accounts by ascending id.", Page[AccountView])})
async def list_accounts(call: Call[ListAccounts, None]) -> Reply:
    """List accounts."""
    query = call.query
    place = read_cursor(query.cursor, 1)
    own = call.caller.workspace_id
    if own is not None and query.workspace_id not in {None, own}:
        return Reply(Page[AccountView](data=()))
    which = AccountFilter(
        workspace_id=own or query.workspace_id,
        status=query.status,
        provider_type=query.provider_type,
        search=query.search,
        deleted=query.deleted,
    )
    rows = await call.services.upkeep.find_accounts(which, after_id=place[0] if place else 0, limit=query.limit + 1)
    return Reply(page_of(rows, query.limit, place=lambda row: (row.id,), view=account_view))


@ROUTES.add(
    "GET",
    "/api/accounts/<id:account_id>",
    scope=Scope.READ,
    answers={200: ("The account.", AccountView)},
    errors=(404,),
)
async def show_account(call: Call[NoQuery, None], account_id: Id) -> Reply:
    """Show an account."""
    return Reply(account_view(await owned_account(call.services, call.caller, account_id)))


@ROUTES.add(
    "PATCH",
    "/api/accounts/<id:account_id>",
    scope=Scope.MANAGE,
    answers={200: ("The account as it is now.", AccountView)},
    errors=(404,),
)
async def update_account(call: Call[NoQuery, UpdateAccount], account_id: Id) -> Reply:
    """Give an account another name."""
    return _shown(
        await call.services.upkeep.rename_account(account_id, call.body.name, workspace_id=call.caller.workspace_id)
    )


@ROUTES.add(
    "POST",
    "/api/accounts/<id:account_id>/restore",
    scope=Scope.MANAGE,
    answers={200: ("The account as it is now.", AccountView)},
    errors=(404,),
)
async def restore_account(call: Call[NoQuery, None], account_id: Id) -> Reply:
    """Take the deletion of an account back.

    It is there again, disconnected and without a login, with all its chats and messages.
    """
    return _shown(await call.services.upkeep.restore_account(account_id, workspace_id=call.caller.workspace_id))


@ROUTES.add(
    "POST",
    "/api/accounts/<id:account_id>/primary",
    scope=Scope.MANAGE,
    answers={200: ("The account as it is now.", AccountView)},
    errors=(404,),
)
async def make_primary(call: Call[NoQuery, None], account_id: Id) -> Reply:
    """Make an account its workspace's primary one.

    The one that it was until now is no more. Messages that name no account are sent by the primary.
    """
    return _shown(await call.services.upkeep.make_primary(account_id, workspace_id=call.caller.workspace_id))


@ROUTES.add(
    "GET",
    "/api/accounts/<id:account_id>/health",
    scope=Scope.READ,
    answers={200: ("How it is.", AccountHealth)},
    errors=(404,),
)
async def show_account_health(call: Call[NoQuery, None], account_id: Id) -> Reply:
    """Show whether an account is as it should be, and how its actors are."""
    account = await owned_account(call.services, call.caller, account_id)
    now = trio.current_time()
    tree = await call.services.tree.look(account_path(account_id))
    nodes = () if tree is None else (tree, *tree.children)
    up = all(node.state == "running" for node in nodes)
    wanted = account.desired is Desired.CONNECTED
    healthy = account.status is AccountStatus.CONNECTED and up if wanted else account.status not in _TROUBLED
    return Reply(
        AccountHealth(
            account_id=account.id,
            healthy=healthy,
            desired=account.desired,
            status=account.status,
            status_reason=account.status_reason,
            status_since=account.status_since,
            last_activity_at=account.last_activity_at,
            last_connected_at=account.last_connected_at,
            actors=tuple(actor_node(node, (), now) for node in nodes),
        )
    )


@ROUTES.add(
    "GET",
    "/api/accounts/<id:account_id>/supervision",
    scope=Scope.READ,
    answers={200: ("The newest supervision events of its actors, newest first.", Page[Happening])},
    errors=(404,),
)
async def list_account_supervision(call: Call[ListSupervision, None], account_id: Id) -> Reply:
    """Show what supervision did with an account's actors lately.

    It is kept in memory, for some thousands of events of the whole tree; changes of status are kept for good.
    """
    query = call.query
    place = read_cursor(query.cursor, 1)
    await owning_workspace(call.services, call.caller, account_id)
    rows = call.services.history.before(
        place[0] if place else None, below=(account_path(account_id),), limit=query.limit + 1
    )
    return Reply(page_of(rows, query.limit, place=lambda row: (row.number,), view=lambda row: row))


def _shown(account: Account | None) -> Reply:
    if account is None:
        raise not_found("account")
    return Reply(account_view(account))


@ROUTES.add(
    "DELETE",
    "/api/accounts/<id:account_id>",
    scope=Scope.MANAGE,
    answers={204: ("Deleted.", None)},
    errors=(404,),
)
async def delete_account(call: Call[NoQuery, None], account_id: Id) -> Reply:
    """Delete an account.

    Its session ends and its login is forgotten; chats and messages stay in the database.
    """
    services = call.services
    await owned_account(services, call.caller, account_id)
    try:
        # Ending the session first is a courtesy; if it fails, the reconciler ends it once the row says deleted.
        await services.directory.ask(account_id, Disconnect(), timeout=services.settings.command_timeout)
    except trio.TooSlowError:
        _log.warning("session_outlives_delete", account_id=account_id)
    services.directory.forget(account_id)  # also if nobody will know whether it was carried out
    if not await services.accounts.delete_account(account_id, workspace_id=call.caller.workspace_id):
        raise not_found("account")
    return Reply(status=204)


@ROUTES.add(
    "GET",
    "/api/accounts/<id:account_id>/transitions",
    scope=Scope.READ,
    answers={200: ("Changes of status, newest first.", Page[TransitionView])},
    errors=(404,),
)
async def list_transitions(call: Call[ListTransitions, None], account_id: Id) -> Reply:
    """Show how an account's status changed, and why."""
    query = call.query
    place = read_cursor(query.cursor, 1)
    await owning_workspace(call.services, call.caller, account_id)
    rows = await call.services.accounts.transitions(
        account_id, before_id=place[0] if place else None, limit=query.limit + 1
    )
    return Reply(page_of(rows, query.limit, place=lambda row: (row.id,), view=transition_view))


@ROUTES.add(
    "GET",
    "/api/accounts/<id:account_id>/statistics",
    scope=Scope.READ,
    answers={200: ("Counts over all the account's chats.", AccountStats)},
    errors=(404,),
)
async def show_statistics(call: Call[NoQuery, None], account_id: Id) -> Reply:
    """Show an account's figures."""
    await owning_workspace(call.services, call.caller, account_id)
    figures = await call.services.stats.account_stats([account_id])
    return Reply(figures[account_id])
