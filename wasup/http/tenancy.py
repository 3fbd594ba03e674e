"""Which workspace a request is about, and whether the caller may know of an account.

Another workspace's things answer exactly as unknown ids do.
"""

from wasup.http.auth import Principal
from wasup.http.problems import invalid_field, not_found
from wasup.http.services import Services
from wasup.ports.accounts import Account

__all__ = ["owned_account", "target_workspace"]


async def owned_account(services: Services, caller: Principal, account_id: int) -> Account:
    """The account, if the caller may know of it.

    Raises:
        Problem: 404.
    """
    account = await services.accounts.account(account_id, workspace_id=caller.workspace_id)
    if account is None:
        raise not_found("account")
    return account


async def target_workspace(services: Services, caller: Principal, asked: int | None) -> int:
    """The workspace that something new is to belong to: the caller's own, or the one that an admin key names.

    Raises:
        Problem: 422 when an admin key names none, 404 when it is not the caller's or does not exist.
    """
    own = caller.workspace_id
    if own is not None:
        if asked not in {None, own}:
            raise not_found("workspace")
        return own
    if asked is None:
        raise invalid_field("an admin key must name the workspace", pointer="#/workspace_id")
    if all(workspace.id != asked for workspace in await services.keys.workspaces()):
        raise not_found("workspace")
    return asked
