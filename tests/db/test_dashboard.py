"""What the dashboard asks of a database, on every kind of it."""

from typing import Any

from tests.db.test_outbox import claim, endpoint_of, settle
from wasup.db import Database
from wasup.ports.resources import BrowserSession, KeyRecord
from wasup.ports.store import NewAccount, Waiting

LATER = 4_000_000_000_000


async def key(db: Database, digest: bytes, *, expires_at: int | None = None) -> KeyRecord:
    """A new key of a new workspace."""
    workspace = await db.keys.create_workspace("Acme")
    record = KeyRecord(
        id=0,
        workspace_id=workspace.id,
        prefix="wsp_0123",
        name="x",
        scopes=("read", "send"),
        legacy=False,
        expires_at=expires_at,
        revoked_at=None,
        created_at=0,
    )
    return await db.keyring.add_key(digest, record)


def digest(number: int) -> bytes:
    """Of a token."""
    return bytes([number]) * 32


async def test_a_login_is_kept_until_it_is_over_or_its_key_is(world: Any) -> None:
    """Found with its key, extended, closed; gone with a key that is revoked or expired."""
    db: Database = world.db
    now = world.clock.now_ms()
    stored = await key(db, digest(1))
    opened = {"key_id": stored.id, "began_at": now}
    await db.browser_sessions.open_session(digest(7), **opened, expires_at=now + 60_000)
    found = await db.browser_sessions.session(digest(7))
    known = await db.keys.key(digest(1))
    assert known is not None
    assert found == BrowserSession(key=known, began_at=now, expires_at=now + 60_000)
    assert await db.browser_sessions.session(digest(8)) is None
    await db.browser_sessions.extend_session(digest(7), expires_at=LATER)
    found = await db.browser_sessions.session(digest(7))
    assert found is not None
    assert (found.began_at, found.expires_at) == (now, LATER)
    for _ in range(2):
        await db.browser_sessions.close_session(digest(7))
        assert await db.browser_sessions.session(digest(7)) is None
    await db.browser_sessions.open_session(digest(2), **opened, expires_at=now)
    assert await db.browser_sessions.session(digest(2)) is None
    await db.browser_sessions.open_session(digest(3), **opened, expires_at=LATER)
    assert await db.keyring.revoke_key(stored.id, workspace_id=None)
    assert await db.browser_sessions.session(digest(3)) is None
    short = await key(db, digest(4), expires_at=now - 1)
    await db.browser_sessions.open_session(digest(5), key_id=short.id, began_at=now, expires_at=LATER)
    assert await db.browser_sessions.session(digest(5)) is None


async def test_logins_do_not_pile_up(world: Any) -> None:
    """A key has a hundred, its newest; what is over goes, whosever it was."""
    db: Database = world.db
    mine, other = await key(db, digest(1)), await key(db, digest(2))
    await db.browser_sessions.open_session(digest(200), key_id=other.id, began_at=0, expires_at=LATER)
    await db.browser_sessions.open_session(digest(201), key_id=other.id, began_at=0, expires_at=1)
    for number in range(103):
        await db.browser_sessions.open_session(digest(number), key_id=mine.id, began_at=number, expires_at=LATER)
    alive = [number for number in range(103) if await db.browser_sessions.session(digest(number)) is not None]
    assert alive == list(range(3, 103))
    assert await db.browser_sessions.session(digest(200)) is not None
    rows = await db.engine.run(
        lambda connection: db.engine.driver.query(connection, "SELECT COUNT(*) FROM browser_sessions"), mode="read"
    )
    assert rows[0][0] == 101


async def test_accounts_and_deliveries_are_counted_by_workspace(world: Any, message: Any) -> None:
    """Those that wait and those that were given up."""
    db: Database = world.db
    endpoint = await endpoint_of(world)
    one, two = await world.accounts(2)
    elsewhere = (await db.keys.create_workspace("Elsewhere")).id
    await db.accounts.create_account(NewAccount(workspace_id=elsewhere, provider_type="emulated", name=None))
    assert sum((await db.upkeep.count_accounts()).values()) == 3
    assert sum((await db.upkeep.count_accounts(world.workspace_id)).values()) == 2
    assert await db.upkeep.count_accounts(elsewhere) == {"disconnected": 1}
    assert await db.upkeep.count_accounts(99) == {}
    assert await db.stats.waiting() == {}
    await world.commit(one, message(1), message(2))
    await world.commit(two, message(1))
    await claim(world, endpoint)
    await settle(world, endpoint, one, failed="gave up", failed_seq=1, dead=True)
    assert await db.stats.waiting() == {world.workspace_id: Waiting(outbox=2, dead_letters=1)}
