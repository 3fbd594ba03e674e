"""The fence: the `account_owner` row that every write of an account's data locks and compares.

The lock also serialises whatever is written about an account, so that its event sequence has no gaps and
"is it stored already?" may be asked before writing.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.ports.accounts import Fence
from wasup.ports.store import NotOwner

__all__ = ["lock_account", "lock_accounts"]


def lock_accounts(connection: Connection, driver: Driver, fences: Sequence[Fence]) -> dict[int, int]:
    """Lock the accounts' rows in ascending order and return the event sequence of those whose fence holds."""
    wanted = {fence.account_id: fence for fence in sorted(fences, key=lambda fence: fence.account_id)}
    rows = driver.select_in(
        connection,
        "SELECT whatsapp_account_id, incarnation, epoch, event_seq FROM account_owner WHERE whatsapp_account_id IN ",
        list(wanted),
        f" ORDER BY whatsapp_account_id{driver.lock}",
    )
    return {
        account_id: seq
        for account_id, incarnation, epoch, seq in rows
        if (incarnation, epoch) == (wanted[account_id].incarnation, wanted[account_id].epoch)
    }


def lock_account(connection: Connection, driver: Driver, fence: Fence) -> int:
    """Lock one account's row; returns its event sequence.

    Raises:
        NotOwner: the fence does not hold.
    """
    held = lock_accounts(connection, driver, [fence])
    if fence.account_id not in held:
        raise NotOwner(f"account {fence.account_id} is no longer owned by epoch {fence.epoch}")
    return held[fence.account_id]
