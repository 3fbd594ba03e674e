"""Databases of every point and variant, with rows of every kind: each row's fate, one by one."""

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import text

from tests.db.servers import DatabaseServer
from tests.importer.backend import POINTS, VARIANTS, Backend
from tests.importer.content import read_content
from tests.importer.samples import CONTACTS, MESSAGES, Row, fill
from wasup.bridge import Bridge
from wasup.db.engine import Engine
from wasup.importer import ImportReport, Tally, run_import
from wasup.ports.clock import SystemClock


@pytest.fixture(params=[(point, variant) for point in POINTS for variant in VARIANTS], ids=lambda p: f"p{p[0]}-{p[1]}")
async def backend(request: Any, server: DatabaseServer, bridge: Bridge) -> Backend:
    """A filled database of the back end."""
    point, variant = request.param
    backend = await Backend(server, bridge, f"sample_{point}_{variant}", point, variant).create()
    await fill(backend)
    return backend


async def rows(url: str, bridge: Bridge, sql: str) -> list[dict[str, Any]]:
    """Rows of a query on wasup's database."""
    engine = Engine(url, bridge, pool_size=1)
    try:
        await engine.open()
        return await engine.run(lambda c: [dict(row) for row in c.execute(text(sql)).mappings()], mode="read")
    finally:
        await engine.close()


def check_tally(tally: Tally, expected: Iterable[Row], *, merged: set[int]) -> None:
    """Each row is counted where it belongs, and skipped ones are listed by reason."""
    expected = list(expected)
    skipped: dict[str, list[int]] = {}
    for row in expected:
        if row.skip is not None:
            skipped.setdefault(row.skip.value, []).append(row.id)
    assert {reason: examples.ids for reason, examples in tally.skipped.items()} == skipped
    assert tally.source == len(expected) == tally.accounted
    assert tally.merged == len(merged)
    assert tally.copied == len(expected) - tally.skipped_rows - len(merged)


async def test_every_row_has_its_fate(backend: Backend, bridge: Bridge, target: str) -> None:
    """What can be copied is, under the right account and id; what cannot is listed with its reason."""
    before = await backend.checksums()
    report = await run_import(backend.url, target, bridge, clock=SystemClock())
    assert (report.point, report.variant, report.mismatches) == (backend.point, backend.variant, [])
    assert await backend.checksums() == before, "the back end's tables were written to"

    contacts = [row for row in CONTACTS if row.applies(backend)]
    messages = [row for row in MESSAGES if row.applies(backend)]
    # Where there is a table of groups, the contact that stands for one tells nothing new.
    grouped = {3} if backend.point >= 2 else set()
    check_tally(report.tables["contacts"], contacts, merged=grouped | {row.id for row in contacts if row.merged})
    check_tally(report.tables["chats"], messages, merged={row.id for row in messages if row.merged})
    await check_owners(backend, bridge, target, report)
    await check_people(bridge, target, contacts)
    await check_messages(bridge, target, messages)

    first = await read_content(target, bridge)
    again = await run_import(backend.url, target, bridge, clock=SystemClock())
    assert again.mismatches == []
    assert [t.copied + t.updated + t.merged for t in again.tables.values()] == [0] * len(again.tables)
    assert await read_content(target, bridge) == first, "a second import changed something"


async def check_owners(backend: Backend, bridge: Bridge, target: str, report: ImportReport) -> None:
    """Workspaces and accounts keep their ids; nothing runs, and each workspace has one primary account."""
    assert [row["name"] for row in await rows(target, bridge, "SELECT name FROM workspaces ORDER BY id")] == [
        "Shop 1",
        "Shop 2",
    ]
    accounts = await rows(target, bridge, "SELECT * FROM whatsapp_accounts ORDER BY id")
    found = [(a["id"], a["workspace_id"], a["phone_number"], a["status"], bool(a["is_primary"])) for a in accounts]
    assert found == [
        (1, 1, "+6281200000001", "needs_pairing", True),
        (2, 1, None, "needs_pairing", False),
        (3, 2, "+6281200000003", "needs_pairing", True),
        (4, 2, "+15550783881", "disconnected", False),
        (6, 1, None, "needs_pairing", False),
    ]
    assert {a["desired"] for a in accounts} == {"disconnected"}
    theirs = await backend.run(f"SELECT session_id FROM {backend.accounts} WHERE id <> 5 ORDER BY id")
    assert [a["session_id"] for a in accounts] == [row[0] for row in theirs]
    assert [a["id"] for a in accounts if a["deleted_at"] is not None] == [6]
    assert {a["qr_code"] for a in accounts} == {None}
    fences = await rows(target, bridge, "SELECT whatsapp_account_id AS id FROM account_owner")
    assert sorted(row["id"] for row in fences) == [1, 2, 3, 4, 6]
    assert report.tables[backend.accounts].skipped["workspace_not_imported"].ids == [5]
    assert report.tables[backend.accounts].notes["phone_unreadable"].ids == [6]
    assert any("paired again" in words for words in report.advice)


async def check_people(bridge: Bridge, target: str, contacts: list[Row]) -> None:
    """Contacts and groups are there once for each account, with E.164 numbers."""
    people = await rows(target, bridge, "SELECT * FROM contacts")
    groups = await rows(target, bridge, "SELECT * FROM whatsapp_groups")
    jids = {row["jid"] for row in people} | {row["group_jid"] for row in groups}
    assert {row.becomes for row in contacts if row.becomes is not None} <= jids
    assert all(row["phone"] == "+" + row["jid"].removesuffix("@c.us") for row in people if row["jid"][-5:] == "@c.us")
    assert {(row["jid"], row["lid"], row["phone"]) for row in people if row["lid"]} == {
        ("123456789012345@lid", "123456789012345@lid", None)
    }
    names = {(row["jid"], row["whatsapp_account_id"]): row["name"] for row in people}
    assert names["6281311110001@c.us", 1] == "Ana Sari"
    assert names["14155550103@c.us", 1] is None, "a number is no name"
    assert names["6281311110007@c.us", 2] == "Old spelling", "the account that it has written with"
    assert names["34600000005@c.us", 4] == "Zoë 🌸"


async def check_messages(bridge: Bridge, target: str, messages: list[Row]) -> None:
    """Messages are there once, with what they have become, and their chats tell the truth of them."""
    stored = {row["message_id"]: row for row in await rows(target, bridge, "SELECT * FROM messages")}
    wanted = {row.becomes: row for row in messages if row.becomes is not None and not row.merged}
    assert stored.keys() == wanted.keys()
    for message_id, row in wanted.items():
        found = stored[message_id]
        account = row.values["account"]
        expected = {"whatsapp_account_id": account} if account else {}
        expected |= {"status": "received"} if row.values["type"] == "inbound" else {}
        assert {name: found[name] for name in expected | row.more} == expected | row.more, f"row {row.id}"
        assert found["queue_account_id"] is None, "an old message would be sent again"
    chats = await rows(target, bridge, "SELECT * FROM chats")
    for chat in chats:
        own = [row for row in stored.values() if row["chat_id"] == chat["id"]]
        assert max(row["timestamp"] for row in own) == chat["last_message_at"]
        assert chat["unread_count"] == sum(row["status"] == "received" for row in own)
        assert chat["provider_type"] == ("meta" if chat["whatsapp_account_id"] == 4 else "webjs")
        assert (chat["chat_type"] == "group") == (chat["group_id"] is not None) == (chat["contact_id"] is None)
        if chat["jid"].endswith("@c.us"):
            assert chat["contact_phone"] == "+" + chat["jid"].removesuffix("@c.us")
        outgoing = next((row for row in own if row["message_id"] == chat["last_outgoing_id"]), None)
        assert (chat["message_status"], bool(outgoing)) == (outgoing and outgoing["status"], bool(outgoing))
    for table in ("events", "outbox", "pending_changes", "account_transitions"):
        assert await rows(target, bridge, f"SELECT * FROM {table}") == []
