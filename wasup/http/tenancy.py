"""Which workspace a request is about, and whether the caller may know of an account.

Another workspace's things answer exactly as unknown ids do.
"""

from wasup.http.auth import Principal
from wasup.http.problems import Problem, invalid_field, not_found
from wasup.http.services import Services
from wasup.ports.accounts import Account

__all__ = ["owned_account", "owning_workspace", "sending_account", "target_workspace"]


async def owned_account(services: Services, caller: Principal, account_id: int) -> Account:
    """The account, if the caller may know of it.

    Raises:
        Problem: 404.
    """
    account = await services.accounts.account(account_id, workspace_id=caller.workspace_id)
    if account is None:
        raise not_found("account")
    return account


async def owning_workspace(services: Services, caller: Principal, account_id: int) -> int:
    """The workspace of an account that the caller may know of; of one that runs here without the database.

    Raises:
        Problem: 404.
    """
    workspace_id = services.directory.workspace_of(account_id)
    if workspace_id is not None and caller.workspace_id in {None, workspace_id}:
        return workspace_id
    return (await owned_account(services, caller, account_id)).workspace_id


async def sending_account(services: Services, caller: Principal, asked: int | None) -> tuple[int, int]:
    """The account that sends, and its workspace: the one asked for, or the one that the workspace would choose.

    Raises:
        Problem: 404 when the caller may not know of it, 409 when the workspace has none, 422 when an admin key names
            none.
    """
    if asked is not None:
        return asked, await owning_workspace(services, caller, asked)
    if caller.workspace_id is None:
        raise invalid_field("an admin key must name the account", pointer="#/account_id")
    account = await services.upkeep.sending_account(caller.workspace_id)
    if account is None:
        raise Problem(409, "The workspace has no account that could send.", "no-account")
    return account.id, account.workspace_id


async def target_workspace(services: Services, caller: Principal, asked: int | None, *, parameter: bool = False) -> int:
    """The workspace that something new is to belong to: the caller's own, or the one that an admin key names.

    Args:
        services: the stores.
        caller: who asks.
        asked: the workspace named in the request.
        parameter: it is named in the query string, not in the body.

    Raises:
        Problem: 422 when an admin key names none, 404 when it is not the caller's or does not exist.
    """
    own = caller.workspace_id
    if own is not None:
        if asked not in {None, own}:
            raise not_found("workspace")
        return own
    if asked is None:
        where = {"parameter": "workspace_id"} if parameter else {"pointer": "#/workspace_id"}
        raise invalid_field("an admin key must name the workspace", **where)
    if await services.upkeep.workspace(asked) is None:
        raise not_found("workspace")
    return asked
