"""EXPLAIN of whatever the hot paths run, with 100,000 messages and fresh statistics: keys everywhere.

What is recorded is what really runs: statements are caught on their way to the driver.
"""

from typing import Any, Final

import pytest
from sqlalchemy import Connection

from tests.db.plans import recorded, scans
from wasup.db import metadata
from wasup.ports.accounts import AccountStatus, Fence
from wasup.ports.messages import ChatChanged, ContactChanged, Edit, GroupChanged, Message, MessageStatus, Receipt, Text
from wasup.ports.outbox import ReplayRange
from wasup.ports.store import LaneOutcome, OutgoingMessage, SyncPhase, SyncStep, Watermark

_MESSAGES: Final = 100_000
_ACCOUNTS: Final = 400
_WRITTEN: Final = 40  # accounts whose messages are committed in the ordinary way, and then multiplied


async def fill(world: Any, message: Any) -> list[Fence]:
    """So many messages of so many accounts, and everything that belongs to them; statistics are fresh."""
    db, driver = world.db, world.db.engine.driver
    await db.outbox.save_endpoint(world.workspace_id, url="https://x", secret="whsec_a")
    fences: list[Fence] = await world.accounts(_WRITTEN)
    for turn in range(4):
        world.clock.now += 60_000
        await db.sync.commit([
            world.batch(fence, *(message(n, id=f"{fence.account_id}-{n}", chat=f"55119{n:08d}@c.us")
                                 for n in range(turn * 15, turn * 15 + 15)))
            for fence in fences
        ])  # fmt: skip
    for fence in fences:
        receipts = Receipt(chat="1@c.us", message_ids=tuple(f"later{fence.account_id}-{n}" for n in range(20)),
                           status=MessageStatus.READ, timestamp=1_780_000_000_000)  # fmt: skip
        groups = [GroupChanged(id=f"12036{number}@g.us", subject="Team") for number in range(10)]
        await world.commit(fence, receipts, *groups)
    world.clock.now += 60_000
    for number in range(30):
        await db.sync.reject(world.batch(fences[0], message(number, id=f"bad{number}")), "odd")
    await db.engine.run(lambda c: _multiply(c, driver))
    if driver.kind == "sqlite":
        await db.engine.run(lambda c: c.exec_driver_sql("ANALYZE") and None)
    else:
        tables = ", ".join(metadata.tables)
        await db.engine.run(lambda c: c.exec_driver_sql(f"ANALYZE TABLE {tables}").fetchall() and None)
    assert await world.value("SELECT COUNT(*) FROM messages") >= _MESSAGES
    return fences


def _multiply(connection: Connection, driver: Any) -> None:
    """Copies of accounts, messages, events, chats and contacts, by the database itself."""

    def joined(*parts: str) -> str:
        return " || ".join(parts) if driver.kind == "sqlite" else f"CONCAT({', '.join(parts)})"

    def copy(table: str, times: int, **changed: str) -> None:
        found = metadata.tables[table]
        columns = [column.name for column in found.columns if column.name != "id"]
        limit = driver.query(connection, f"SELECT COUNT(*) FROM {table}")[0][0]
        for turn in range(1, times):
            values = [changed.get(name, name).replace("{n}", str(turn)) for name in columns]
            driver.execute(
                connection,
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} LIMIT {limit}",
            )

    written = driver.query(connection, "SELECT COUNT(*) FROM messages")[0][0]
    copy("messages", -(-_MESSAGES // written), message_id=joined("'{n}-'", "message_id"))
    copy("whatsapp_accounts", _ACCOUNTS // _WRITTEN, uuid=joined("SUBSTR(uuid, 1, 30)", "'-{n}'"))
    copy("account_owner", _ACCOUNTS // _WRITTEN, whatsapp_account_id="whatsapp_account_id + {n}00000")
    copy("chats", 10, jid=joined("'{n}'", "jid"))
    copy("contacts", 10, jid=joined("'{n}'", "jid"))
    for table, own in (
        ("dead_letters", {"account_seq": "account_seq", "previous_seq": "0", "reason": "'x'", "attempts": "1"}),
        ("delivery_attempts", {"events": "1", "attempt": "1", "outcome": "'failed'", "detail": "'x'",
                               "milliseconds": "1", "replay": "0"}),
    ):  # fmt: skip
        values = {"endpoint_id": "99", "whatsapp_account_id": "whatsapp_account_id", "event_id": "event_id",
                  "created_at": "created_at", **own}  # fmt: skip
        driver.execute(
            connection,
            f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM events",
        )


async def write_in(world: Any, message: Any, fences: list[Fence]) -> None:
    """What comes in: batches, merges, watermarks, progress, rejects."""
    db = world.db
    items: list[Any] = [
        message(900),
        message(901, content=Edit(target_id="laterX", body="e"), from_me=True),
        message(902, chat="77@lid", push_name="P"),
        message(903, id="later3", from_me=True),
        message(904, chat="55119@g.us", sender="77@lid", chat_name="Team"),
        ContactChanged(id="5511900000002@c.us", alt="77@lid", name="One"),
        ChatChanged(id="5511900000003@c.us", unread_count=3),
        GroupChanged(id="55119@g.us", subject="Other team"),
        Receipt(chat="1@c.us", message_ids=("OUT",), status=MessageStatus.READ, timestamp=1),
        Watermark(chat="77@lid", message_id="IN902", timestamp=1_780_000_000_902),
        SyncStep(phase=SyncPhase.DONE, done=1, total=1),
    ]
    await db.sync.commit([world.batch(fence, *items) for fence in fences])
    await db.sync.reject(world.batch(fences[0], message(905)), "odd")
    await db.sync.watermarks(fences[0].account_id)
    asked: list[Message] = [message(n) for n in range(40)]
    await db.sync.missing(fences[0].account_id, asked)
    await db.sync.prune_pending(1_000, limit=100)


async def send_out(world: Any, fence: Fence) -> None:
    """What goes out: sends, and deliveries to the endpoint."""
    db = world.db
    out = OutgoingMessage(fence=fence, workspace_id=world.workspace_id, provider_type="emulated",
                          chat="5511900000001@c.us", message_id="OUT", content=Text(body="x"),
                          idempotency_key="k")  # fmt: skip
    await db.messages.queue_message(out)
    await db.messages.claim_outgoing(fence, unfinished=True, limit=5)
    endpoint = (await db.outbox.endpoints())[0]
    lanes = await db.outbox.claim_lanes(endpoint.id, incarnation=1, lanes=5, per_lane=5)
    await db.outbox.settle(
        [
            LaneOutcome(endpoint_id=endpoint.id, account_id=lane.account_id, claim=lane.claim, delivered=(1, 2))
            for lane in lanes
        ],
    )
    await db.outbox.next_due(endpoint.id)


async def merge(world: Any, message: Any, fence: Fence) -> None:
    """Two stored chats and contacts that prove to be one person's."""
    await world.commit(fence, message(950, chat="78@lid", push_name="P"), message(951, chat="5511988880000@c.us"))
    await world.commit(fence, ContactChanged(id="5511988880000@c.us", alt="78@lid"))


async def deliver(world: Any, fence: Fence) -> None:
    """What goes on around deliveries: failures, replays and pulls."""
    db, workspace, account = world.db, world.workspace_id, fence.account_id
    await db.outbox.change_endpoint((await db.outbox.endpoints())[0].id, {"events": ("message.received",)})
    (endpoint,) = await db.outbox.endpoints()
    (lane, *_) = await db.outbox.claim_lanes(endpoint.id, incarnation=1, lanes=1, per_lane=5)
    outcome = LaneOutcome(endpoint_id=endpoint.id, account_id=lane.account_id, claim=lane.claim, failed="x",
                          failed_seq=lane.events[0].account_seq, dead=True)  # fmt: skip
    await db.outbox.settle([outcome])
    await db.outbox.release_claims()
    await db.outbox.legacy_facts([account], lids=[(account, "77@lid")], groups=[(account, "55119@g.us")])
    log = db.deliveries
    for failed in (None, True):
        await log.attempts(endpoint.id, failed=failed, before_id=10**6)
    (letter,) = await log.dead_letters(endpoint.id, before_id=10**6)
    await log.dead_letter(endpoint.id, letter.id)
    await log.waiting([endpoint.id])
    await log.replay(endpoint, ReplayRange(event_ids=(letter.event_id,)))
    await log.replay(endpoint, ReplayRange(account_id=account, after_seq=2, until_seq=9))
    await log.replay(endpoint, ReplayRange(dead=True))
    events = db.event_log
    await events.event(letter.event_id, workspace_id=workspace)
    await events.logged(account, 3, limit=10)
    now = world.clock.now
    world.clock.now += 1000  # what was written in this very moment is held back
    last = (await events.workspace_events(workspace, (now, 0, 0), limit=10))[-1]
    await events.workspace_events(workspace, (last.created_at, last.account_id, last.account_seq), limit=10)
    await events.first_since(workspace, now)
    replayed = await log.replay(endpoint, ReplayRange(since=now), limit=2)
    await log.replay(endpoint, ReplayRange(since=now), after=replayed.next, limit=2)


async def read(world: Any, fence: Fence) -> None:
    """What the API, the actors and the cache ask for."""
    db, workspace = world.db, world.workspace_id
    page = await db.messages.chats(workspace_id=workspace, account_id=fence.account_id)
    await db.messages.chats(workspace_id=workspace, account_id=fence.account_id, before=(page[-1].last_message_at, 5))
    await db.messages.chats(workspace_id=None, account_id=fence.account_id, limit=50)
    await db.messages.chat(page[0].id, workspace_id=workspace)
    spoken = await world.value("SELECT MAX(chat_id) FROM messages WHERE whatsapp_account_id=?", fence.account_id)
    for where in ({"chat_id": spoken}, {"account_id": fence.account_id}, {}):
        first = await db.messages.messages(workspace_id=workspace, limit=5, **where)
        await db.messages.messages(workspace_id=workspace, before_id=first[-1].id, limit=5, **where)
        await db.messages.message(first[0].id, workspace_id=workspace)
    await db.stats.events(None, fence.account_id, 3, 10)
    await db.stats.account_stats([fence.account_id])
    accounts = db.accounts
    await accounts.account(fence.account_id)
    await accounts.accounts(workspace_id=None, after_id=100)
    await accounts.accounts(workspace_id=workspace, status=AccountStatus.BANNED)
    await accounts.accounts(workspace_id=None, status=AccountStatus.CONNECTED)
    await accounts.transitions(fence.account_id)
    await accounts.login_secrets([fence.account_id])
    await accounts.logins_to_forget()
    await db.ownership.claim([fence.account_id])
    await db.ownership.hold()
    await db.keys.key(b"\1" * 32)


@pytest.fixture
async def filled(world: Any, message: Any) -> tuple[Any, list[Fence]]:
    """A world with many rows."""
    return world, await fill(world, message)


async def test_no_hot_query_scans_a_table(filled: Any, message: Any) -> None:
    """Inbound, outbound and reads; counting everything goes through an index alone."""
    world, fences = filled
    with recorded(world.db) as seen:
        await send_out(world, fences[7])
        await write_in(world, message, fences[7:9])
        await merge(world, message, fences[8])
        await read(world, fences[9])
        await deliver(world, fences[10])
    assert len(seen) > 90
    assert await scans(world.db, seen) == []
    with recorded(world.db) as counts:
        await world.db.stats.totals()
    assert len(counts) == 1, "one aggregate"
    assert await scans(world.db, counts, counting=True) == []
    with recorded(world.db) as figures:
        await world.db.stats.account_stats([fence.account_id for fence in fences[:20]])
    assert len(figures) == 1, "one aggregate, however many accounts"
