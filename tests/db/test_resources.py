"""What the HTTP API alone asks of a database, on every kind of it."""

from functools import partial
from typing import Any

import pytest

from wasup.db import Database
from wasup.ports.accounts import Desired
from wasup.ports.outbox import EndpointFormat, NewEndpoint
from wasup.ports.resources import AccountFilter, AuditEntry, KeyRecord, MessageMedia
from wasup.ports.store import Conflict, NewAccount


async def account(db: Database, name: str | None = None, workspace_id: int = 1) -> int:
    """The id of a new account."""
    made = await db.accounts.create_account(NewAccount(workspace_id=workspace_id, provider_type="emulated", name=name))
    return made.id


async def workspaces(db: Database) -> tuple[int, int]:
    """Two of them."""
    return (await db.keys.create_workspace("Acme")).id, (await db.keys.create_workspace("Other")).id


async def test_accounts_are_found_renamed_restored_and_made_primary(world: Any) -> None:
    """There is one primary at any time, and wildcards in a search mean themselves."""
    db: Database = world.db
    mine, other = await workspaces(db)
    one, two = await account(db, "50%_off", mine), await account(db, "Sales", mine)
    foreign = await account(db, "Sales", other)
    found = await db.upkeep.find_accounts(AccountFilter(workspace_id=mine, search="%_"))
    assert [row.id for row in found] == [one]
    assert [row.id for row in await db.upkeep.find_accounts(AccountFilter(workspace_id=None))] == [one, two, foreign]
    assert await db.upkeep.rename_account(foreign, "x", workspace_id=mine) is None
    renamed = await db.upkeep.rename_account(two, None, workspace_id=mine)
    assert renamed is not None
    assert renamed.name is None
    chosen = await db.upkeep.make_primary(two, workspace_id=mine)
    assert chosen is not None
    assert chosen.is_primary
    rows = await db.upkeep.find_accounts(AccountFilter(workspace_id=mine))
    assert [row.is_primary for row in rows] == [False, True]
    sender = await db.upkeep.sending_account(mine)
    assert sender is not None
    assert sender.id == two
    assert await db.accounts.delete_account(two, workspace_id=mine)
    deleted = await db.upkeep.find_accounts(AccountFilter(workspace_id=mine, deleted=True))
    assert [row.id for row in deleted] == [two]
    assert await db.upkeep.restore_account(two, workspace_id=other) is None
    restored = await db.upkeep.restore_account(two, workspace_id=mine)
    assert restored is not None
    assert (restored.deleted_at, restored.desired, restored.is_primary) == (None, Desired.DISCONNECTED, False)
    assert await db.upkeep.count_accounts() == {"disconnected": 3}


async def test_a_back_ends_session_is_adopted_under_its_own_ids(world: Any) -> None:
    """Once made, found again by session id and uuid; the id stays when the login is forgotten."""
    db: Database = world.db
    mine, other = await workspaces(db)
    sid = "webjs_9_1732240000_AbCdEf12"
    keep: dict[str, Any] = {"workspace_id": 9, "provider_type": "emulated"}
    made = await db.upkeep.adopt_account(sid, account_id=400, **keep)
    assert (made.id, made.workspace_id, made.session_id) == (400, 9, sid)
    assert await db.upkeep.workspace(9) is not None
    assert (await db.upkeep.adopt_account(sid, account_id=None, **keep)).id == 400
    assert (await db.upkeep.adopt_account(made.uuid, account_id=400, **keep)).session_id == sid
    again = await db.upkeep.adopt_account("another", account_id=400, **keep)
    assert (again.id, again.session_id) == (400, "another")
    for wrong in ({"workspace_id": mine, "account_id": 400}, {"workspace_id": other, "account_id": None}):
        with pytest.raises(Conflict):
            await db.upkeep.adopt_account("another", provider_type="emulated", **wrong)
    found = await db.upkeep.account_of_session("another", workspace_id=9)
    assert found is not None
    assert await db.upkeep.account_of_session("another", workspace_id=mine) is None
    fence = (await db.ownership.claim([400]))[400]
    assert await db.accounts.forget_login(fence) == "another"
    own = await account(db, workspace_id=mine)
    native = await db.accounts.account(own)
    assert native is not None
    assert await db.accounts.forget_login((await db.ownership.claim([own]))[own]) != native.session_id


async def test_a_workspace_of_a_back_end_has_an_endpoint_at_it_and_keeps_its_session_ids(world: Any) -> None:
    """One that has none gets one; a workspace without accounts of the back end does not; disabled ones stay so."""
    db: Database = world.db
    (fence,) = await world.accounts(1)
    give = partial(db.outbox.give_legacy_endpoints, url="https://backend.example", secret="s" * 16)
    assert await give() == 0
    before = await db.accounts.forget_login(fence)
    await db.upkeep.adopt_account("theirs", workspace_id=9, account_id=None, provider_type="emulated")
    assert await give() == 1
    assert await give() == 0
    (made,) = await db.outbox.endpoints(workspace_id=9)
    assert (made.format, made.url, made.secret) == (EndpointFormat.LEGACY, "https://backend.example", "s" * 16)
    await db.outbox.disable_endpoint(made.id, "not wanted")
    assert await give() == 0
    own = NewEndpoint(url="https://own.example", secret="s" * 16, format=EndpointFormat.LEGACY)
    await db.outbox.create_endpoint(world.workspace_id, own)
    assert await db.accounts.forget_login(fence) == before, "the back end has been told of it by this id"


async def test_keys_audit_settings_and_media(world: Any) -> None:
    """Written, listed by pages, hidden from the other workspace, revoked, forgotten."""
    db: Database = world.db
    clock = world.clock
    mine, other = await workspaces(db)
    record = KeyRecord(
        id=0, workspace_id=mine, prefix="wsp_01234567", name="Till", scopes=("read", "send"), legacy=True,
        expires_at=clock.now + 1000, revoked_at=None, created_at=0,
    )  # fmt: skip
    stored = await db.keyring.add_key(b"\x01" * 32, record)
    known = await db.keys.key(b"\x01" * 32)
    assert known is not None
    assert known.legacy
    assert await db.keyring.keys(workspace_id=other) == []
    assert await db.keyring.keys(workspace_id=mine) == [stored]
    assert not await db.keyring.revoke_key(stored.id, workspace_id=other)
    assert await db.keyring.revoke_key(stored.id, workspace_id=mine)
    revoked = await db.keyring.key_record(stored.id, workspace_id=mine)
    assert revoked is not None
    assert revoked.revoked_at == clock.now
    assert await db.keys.key(b"\x01" * 32) is None
    for number in range(3):
        entry = AuditEntry(
            id=0, at=clock.now, workspace_id=mine if number else None, key_id=1, action="connect", path="/p" * 300,
            status=202, address="203.0.113.9", request_id="r",
        )  # fmt: skip
        await db.audit.record(entry)
    (newest, older) = await db.audit.entries(workspace_id=mine)
    assert newest.id > older.id
    assert len(newest.path) == 255
    assert await db.audit.entries(workspace_id=mine, before_id=newest.id) == [older]
    assert len(await db.audit.entries(workspace_id=None)) == 3
    await db.run_settings.write_settings({"a": "1", "b": '"x"'})
    await db.run_settings.write_settings({"a": None, "b": '"y"'})
    assert await db.run_settings.read_settings() == {"b": '"y"'}
    media = MessageMedia(message_row_id=5, digest="0" * 64, mime="image/png", size=7)
    for _ in range(2):
        await db.message_media.remember_media(media)
    assert await db.message_media.media_of(5) == media
