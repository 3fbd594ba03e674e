"""Accounts with stored logins, put into a database in one transaction: what a boot finds after years of work."""

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection, insert

from wasup.db import Database
from wasup.db.tables import account_logins, account_owner, whatsapp_accounts
from wasup.identifiers import new_session_id
from wasup.ports.accounts import AccountStatus, Desired
from wasup.ports.clock import SystemClock

__all__ = ["store_accounts"]


async def store_accounts(
    database: Database, workspace_id: int, made: Sequence[tuple[str, bytes]], *, provider_type: str = "emulated"
) -> dict[str, int]:
    """Accounts 1 to n of these phones (digits) with these login secrets, wanted connected; ids by phone."""
    now = SystemClock().now_ms()
    rows = [
        {
            "id": number,
            "uuid": str(uuid.uuid4()),
            "workspace_id": workspace_id,
            "provider_type": provider_type,
            "name": f"Account {number}",
            "session_id": new_session_id(provider_type, number, now),
            "phone_number": f"+{phone}",
            "status": AccountStatus.DISCONNECTED,
            "status_since": now,
            "desired": Desired.CONNECTED,
            "is_primary": number == 1,
            "created_at": now,
            "updated_at": now,
        }
        for number, (phone, _) in enumerate(made, 1)
    ]
    logins = [
        {"whatsapp_account_id": number, "secret": secret, "updated_at": now}
        for number, (_, secret) in enumerate(made, 1)
    ]
    owners = [{"whatsapp_account_id": number, "epoch": 0, "event_seq": 0} for number in range(1, len(made) + 1)]

    def work(connection: Connection) -> None:
        connection.execute(insert(whatsapp_accounts), rows)
        connection.execute(insert(account_owner), owners)
        connection.execute(insert(account_logins), logins)

    await database.engine.run(work)
    return {phone: number for number, (phone, _) in enumerate(made, 1)}
