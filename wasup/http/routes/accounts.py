"""`/api/accounts`: create, list, show, delete, history and statistics."""

from typing import Final

import msgspec
import structlog
import trio

from wasup.actors.messages import Disconnect
from wasup.http.auth import Scope
from wasup.http.cursors import Id, Limit, Page, page_of, read_cursor
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import invalid_field, not_found
from wasup.http.schemas import AccountView, CreateAccount, TransitionView, account_view, transition_view
from wasup.http.tenancy import owned_account, target_workspace
from wasup.ports.accounts import AccountStatus
from wasup.ports.store import AccountStats, NewAccount

__all__ = ["ROUTES"]

_log = structlog.get_logger(__name__)

ROUTES: Final = Routes("accounts", "WhatsApp accounts: one number each.")


class ListAccounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters of the list of accounts."""

    status: AccountStatus | None = None
    cursor: str | None = None
    limit: Limit = 50


class ListTransitions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the history is shown."""

    limit: Limit = 50


@ROUTES.add(
    "POST", "/api/accounts", scope=Scope.MANAGE, answers={201: ("The new account.", AccountView)}, errors=(404,)
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
    rows = await call.services.accounts.accounts(
        workspace_id=call.caller.workspace_id,
        status=query.status,
        after_id=place[0] if place else 0,
        limit=query.limit + 1,
    )
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
    if not await services.accounts.delete_account(account_id, workspace_id=call.caller.workspace_id):
        raise not_found("account")
    return Reply(status=204)


@ROUTES.add(
    "GET",
    "/api/accounts/<id:account_id>/transitions",
    scope=Scope.READ,
    answers={200: ("The newest changes of status, newest first.", Page[TransitionView])},
    errors=(404,),
)
async def list_transitions(call: Call[ListTransitions, None], account_id: Id) -> Reply:
    """Show how an account's status changed, and why."""
    await owned_account(call.services, call.caller, account_id)
    rows = await call.services.accounts.transitions(account_id, limit=call.query.limit)
    return Reply(Page(data=tuple(transition_view(row) for row in rows)))


@ROUTES.add(
    "GET",
    "/api/accounts/<id:account_id>/statistics",
    scope=Scope.READ,
    answers={200: ("Counts over all the account's chats.", AccountStats)},
    errors=(404,),
)
async def show_statistics(call: Call[NoQuery, None], account_id: Id) -> Reply:
    """Show an account's figures."""
    await owned_account(call.services, call.caller, account_id)
    figures = await call.services.stats.account_stats([account_id])
    return Reply(figures[account_id])
