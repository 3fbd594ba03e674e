"""Writes workspaces and accounts, under the ids that they have in the back end, and refuses a target that differs."""

import uuid
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, insert, select

from wasup.db.tables import NAME, account_owner, whatsapp_accounts, workspaces
from wasup.importer.mapping import Accounts
from wasup.importer.people import own_phone
from wasup.importer.progress import TableProgress
from wasup.importer.report import Note, Skip, Tally
from wasup.importer.rows import SourceAccount, SourceWorkspace
from wasup.importer.source import ImportRefused
from wasup.ports.accounts import AccountStatus, Desired
from wasup.ports.disconnects import DisconnectReason

__all__ = ["check_target", "write_accounts", "write_workspaces"]

_LOGIN_STAYS: Final = "imported: the old service's login cannot be taken over"
_UUID: Final = 36


def check_target(connection: Connection, theirs: Sequence[SourceWorkspace], accounts: Sequence[SourceAccount]) -> None:
    """Make sure that whatever the target has under the same ids is the same, and that it has no other accounts.

    Raises:
        ImportRefused: it is not so.
    """
    identities = {workspace.id: _uuid(workspace.uuid) for workspace in theirs}
    taken = set(identities.values())
    for row in connection.execute(select(workspaces.c.id, workspaces.c.uuid, workspaces.c.name)):
        if identities.get(row.id, row.uuid) != row.uuid or (row.id not in identities and row.uuid in taken):
            raise ImportRefused(
                f"workspace {row.id} ({row.name}) of the target is another than the back end's workspace {row.id}:"
                " import into a new database (`wasup migrate` makes one)"
            )
    numbers = {account.id: _uuid(account.uuid) for account in accounts}
    for number, identity in connection.execute(select(whatsapp_accounts.c.id, whatsapp_accounts.c.uuid)):
        if numbers.get(number) != identity:
            raise ImportRefused(
                f"account {number} of the target did not come from this back end, and its accounts keep their ids:"
                " import into a new database (`wasup migrate` makes one)"
            )


def write_workspaces(connection: Connection, progress: TableProgress, *, theirs: Sequence[SourceWorkspace]) -> Tally:
    """Copy the workspaces that are not deleted; returns the tally with them."""
    tally = progress.fresh_tally()
    known = set(connection.execute(select(workspaces.c.id)).scalars())
    for workspace in theirs:
        if workspace.deleted:
            tally.skip(Skip.DELETED, workspace.id)
        elif workspace.id in known:
            tally.already_there += 1
        else:
            tally.copied += 1
            connection.execute(
                insert(workspaces).values(
                    id=workspace.id,
                    uuid=_uuid(workspace.uuid),
                    name=workspace.name[:NAME],
                    created_at=workspace.created_at,
                )
            )
    return tally


def write_accounts(
    connection: Connection,
    progress: TableProgress,
    *,
    theirs: Sequence[SourceAccount],
    accounts: Accounts,
    now: int,
) -> Tally:
    """Copy the accounts of these workspaces, deleted ones too: their history is kept. Returns the tally with them.

    Nothing runs afterwards: each is wanted disconnected, and waits for its login.
    """
    tally = progress.fresh_tally()
    table = whatsapp_accounts
    known = set(connection.execute(select(table.c.id)).scalars())
    led = set(connection.execute(select(table.c.workspace_id).where(table.c.is_primary.is_(True))).scalars())
    primaries = accounts.primaries()
    for account in theirs:
        if accounts.get(account.id) is None:
            tally.skip(Skip.WORKSPACE_NOT_IMPORTED, account.id)
            continue
        phone = own_phone(account.phone_number)
        if account.phone_number and phone is None:
            tally.note(Note.PHONE_UNREADABLE, account.id)
        if account.id in known:
            tally.already_there += 1
            continue
        tally.copied += 1
        paired = account.provider_type == "webjs"
        connection.execute(
            insert(table).values(
                id=account.id,
                uuid=_uuid(account.uuid),
                workspace_id=account.workspace_id,
                provider_type=account.provider_type,
                session_id=account.session_id,
                session_pinned=True,
                phone_number=phone,
                status=AccountStatus.NEEDS_PAIRING if paired else AccountStatus.DISCONNECTED,
                status_reason=DisconnectReason.LOGGED_OUT if paired else None,
                status_detail=_LOGIN_STAYS if paired else None,
                status_since=now,
                desired=Desired.DISCONNECTED,
                is_primary=account.id in primaries and account.workspace_id not in led,
                last_activity_at=account.last_activity_at,
                last_connected_at=account.last_connected_at,
                created_at=account.created_at,
                updated_at=account.updated_at,
                deleted_at=account.deleted_at,
            )
        )
        connection.execute(insert(account_owner).values(whatsapp_account_id=account.id, epoch=0, event_seq=0))
    return tally


def _uuid(text: str) -> str:
    """The uuid, which some of the back end's columns give more room than it needs."""
    return text if len(text) <= _UUID else str(uuid.uuid5(uuid.NAMESPACE_OID, text))
