"""What the inbound pipeline keeps besides messages: watermarks, progress, rejects, waiting changes, owed forgetting."""

from typing import Any

import msgspec
import pytest

from wasup.ports.accounts import Fence
from wasup.ports.messages import ChatChanged, ContactChanged, Message, MessageStatus, Receipt, Text
from wasup.ports.rejected import NotRetried
from wasup.ports.store import DataRefused, SyncPhase, SyncStep, Watermark

CHAT = "5511999990001@c.us"
LID = "77001122@lid"
HALF_A_CHARACTER = "\ud83d"  # as a careless cut of a surrogate pair leaves it


def mark(number: int, *, chat: str = CHAT) -> Watermark:
    """The watermark at a message of the tests."""
    return Watermark(chat=chat, message_id=f"IN{number}", timestamp=1_780_000_000_000 + number)


async def marks(world: Any, fence: Fence) -> dict[str, str | None]:
    """The account's watermarks: message id by chat."""
    found = await world.db.sync.watermarks(fence.account_id)
    return {chat: mark.message_id for chat, mark in found.items()}


# ---- watermarks ---------------------------------------------------------------------------------


async def test_watermarks_are_stored_with_their_messages_and_move_forward_only(world: Any, message: Any) -> None:
    """An older one changes nothing; each account has its own."""
    fence, other = await world.accounts(2)
    await world.commit(fence, message(5), mark(5))
    await world.commit(fence, message(3), mark(3))
    await world.commit(other, message(1))
    assert await marks(world, fence) == {CHAT: "IN5"}
    await world.commit(fence, message(8), mark(8))
    assert await marks(world, fence) == {CHAT: "IN8"}
    assert await marks(world, other) == {}


async def test_a_person_has_one_watermark_under_both_identities(world: Any, message: Any) -> None:
    """It is found by phone and LID; when two chats become one the lower of the two counts."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(2, chat=LID), mark(2, chat=LID), message(6), mark(6))
    await world.commit(fence, ContactChanged(id=CHAT, alt=LID))
    assert await marks(world, fence) == {CHAT: "IN2", LID: "IN2"}
    await world.commit(fence, message(9, chat=LID), mark(9, chat=LID))
    assert await marks(world, fence) == {CHAT: "IN9", LID: "IN9"}


async def test_a_watermark_by_time_alone_and_one_of_a_chat_that_is_not_there(world: Any) -> None:
    """An empty chat's has no message; without a chat there is nothing to mark."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, Watermark(chat=CHAT, message_id=None, timestamp=7))
    assert await marks(world, fence) == {}
    await world.commit(fence, ChatChanged(id=CHAT), Watermark(chat=CHAT, message_id=None, timestamp=7))
    assert await marks(world, fence) == {CHAT: None}


# ---- the first synchronisation ------------------------------------------------------------------


async def test_progress_is_told_and_its_end_is_durable(world: Any) -> None:
    """Each step is an event; the last one sets `synchronised_at`, and a new login begins anew."""
    (fence,) = await world.accounts(1)
    save = {"phone_number": "+5511999990001", "lid": None, "push_name": None}
    await world.db.accounts.save_login(fence, b"one", **save)
    await world.commit(fence, SyncStep(phase=SyncPhase.HISTORY, done=3, total=9))
    account = await world.db.accounts.account(fence.account_id)
    assert (account.paired_at, account.synchronised_at) == (world.clock.now, None)
    await world.commit(fence, SyncStep(phase=SyncPhase.DONE, done=1, total=1))
    assert (await world.db.accounts.account(fence.account_id)).synchronised_at == world.clock.now
    events = await world.db.stats.events(None, fence.account_id, 0, 10)
    assert [(e.type, e.data.phase, e.data.done, e.data.total) for e in events] == [
        ("sync.progress", "history", 3, 9),
        ("sync.progress", "done", 1, 1),
    ]
    await world.db.accounts.save_login(fence, b"two", **save)
    assert (await world.db.accounts.account(fence.account_id)).synchronised_at is None


async def test_history_that_turns_out_to_be_news_is_told_once(world: Any, message: Any) -> None:
    """A synchronisation stored it quietly before the provider handed it over: its event is made up for."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1, history=True), message(2, history=True))
    await world.commit(fence, message(1), message(1))
    await world.commit(fence, message(1), message(1, history=True), message(2, history=True))
    events = await world.db.stats.events(None, fence.account_id, 0, 10)
    assert [event.data.message_id for event in events] == ["IN1"]


async def test_missing_messages_are_those_neither_stored_nor_rejected(world: Any, message: Any) -> None:
    """By id and direction, of one account."""
    fence, other = await world.accounts(2)
    await world.commit(fence, message(1))
    await world.commit(other, message(2))
    await world.db.sync.reject(world.batch(fence, message(3)), "too odd")
    asked = [message(1), message(1, from_me=True), message(2), message(3), message(4, id="x" * 300)]
    found = await world.db.sync.missing(fence.account_id, asked)
    assert [(m.id, m.from_me) for m in found] == [("IN1", True), ("IN2", False), ("x" * 300, False)]
    await world.commit(fence, asked[-1])
    assert asked[-1] not in await world.db.sync.missing(fence.account_id, asked)


# ---- rejected items -----------------------------------------------------------------------------


async def test_a_rejected_item_is_kept_raw_with_its_reason_and_once(world: Any, message: Any) -> None:
    """It can be read back; the same again adds nothing; another instance's account is left alone."""
    (fence,) = await world.accounts(1)
    item = message(1, body="kept as it is")
    result = await world.db.sync.reject(world.batch(fence, item, item), "x" * 900)
    assert result.rejected == 1
    assert (await world.db.sync.reject(world.batch(fence, item), "again")).rejected == 0
    ((kind, message_id, raw, reason),) = await world.rows(
        "SELECT item_kind, message_id, item, reason FROM rejected_items"
    )
    assert (kind, message_id, reason) == ("message", "IN1", "x" * 500)
    assert msgspec.json.decode(raw, type=Message) == item
    await world.db.ownership.claim([fence.account_id])
    assert (await world.db.sync.reject(world.batch(fence, message(2)), "late")).refused == {fence.account_id}


@pytest.mark.parametrize(
    "bad",
    [
        {"content": Text(body=HALF_A_CHARACTER)},
        {"push_name": HALF_A_CHARACTER},
        {"id": f"IN{HALF_A_CHARACTER}"},
        {"quoted_id": "q" + HALF_A_CHARACTER, "content": Text(body="x" * 70_000)},
        {"chat": "9" * 200 + "@c.us", "sender": CHAT},
        {"content": Text(body="x" * 20_000_000)},
    ],
    ids=["body", "name", "id", "quote", "chat", "packet"],
)
async def test_what_no_database_takes_is_refused_whole_and_can_be_rejected(
    world: Any, message: Any, bad: dict[str, Any]
) -> None:
    """Bad encoding and what is too long: nothing of the batch is written, and the item fits into the dead letters."""
    (fence,) = await world.accounts(1)
    poison = message(7, **bad)
    if world.db.engine.driver.kind == "sqlite" and ("chat" in bad or "x" * 1_000_000 in str(bad)):
        pytest.skip("SQLite has no limits of length")
    with pytest.raises(DataRefused) as caught:
        await world.commit(fence, message(1), poison)
    assert await world.value("SELECT COUNT(*) FROM messages") == 0
    assert await world.sequences(fence) == []
    assert (await world.db.sync.reject(world.batch(fence, poison), f"{caught.value}")).rejected == 1
    await world.commit(fence, message(1))
    assert await world.sequences(fence) == [1]


async def test_a_number_that_no_column_holds_is_refused(world: Any) -> None:
    """Whether the driver says so or the database."""
    (fence,) = await world.accounts(1)
    with pytest.raises(DataRefused):
        await world.commit(fence, ChatChanged(id=CHAT, unread_count=10**30))


async def test_the_longest_text_that_is_not_refused_fits_into_a_packet(world: Any, message: Any) -> None:
    """Every byte of it may take two in JSON, and twice that in the protocol."""
    (fence,) = await world.accounts(1)
    driver = world.db.engine.driver
    body = '"' * (min(driver.longest, 2**24) // 2 - 1000)
    await world.commit(fence, message(1, body=body))
    assert await world.sequences(fence) == [1]


async def test_a_rejected_item_is_stored_and_told_when_it_is_tried_again(world: Any, message: Any) -> None:
    """In one transaction with its removal; what is refused again, and what nobody can read back, stays."""
    fence, other = await world.accounts(2)
    store = world.db.rejected
    odd = message(1, id=f"IN{HALF_A_CHARACTER}")
    for owner, item in ((fence, message(1)), (fence, odd), (other, message(3))):
        await world.db.sync.reject(world.batch(owner, item), "the column was too narrow")
    assert [row.account_id for row in await store.rejected()] == [other.account_id, fence.account_id, fence.account_id]
    unreadable, good = await store.rejected(account_id=fence.account_id)
    assert await store.rejected(before_id=unreadable.id) == [good]
    assert (good.kind, good.message_id, good.reason) == ("message", "IN1", "the column was too narrow")
    shown = await store.rejected_item(good.id)
    assert msgspec.json.decode(shown.item)["id"] == "IN1"
    assert shown.size == len(shown.item)
    result = await store.retry(good.id)
    assert (result.new_messages, await world.sequences(fence)) == (1, [1])
    assert await store.retry(good.id) is None
    with pytest.raises(NotRetried, match="too odd"):
        await store.retry(unreadable.id)
    if world.db.engine.driver.kind != "sqlite":  # which has no limits of length
        await world.db.sync.reject(world.batch(other, message(4, chat="9" * 200 + "@c.us", sender=CHAT)), "too long")
        (refused, _) = await store.rejected(account_id=other.account_id)
        with pytest.raises(NotRetried, match="DataError"):
            await store.retry(refused.id)
        assert await store.discard(refused.id)
    assert await store.discard(unreadable.id)
    assert not await store.discard(unreadable.id)
    assert [row.account_id for row in await store.rejected()] == [other.account_id]


# ---- housekeeping -------------------------------------------------------------------------------


async def test_changes_that_wait_in_vain_are_pruned_by_age_in_portions(world: Any) -> None:
    """Younger ones stay, and no portion is larger than asked for."""
    (fence,) = await world.accounts(1)
    for number in range(7):
        await world.commit(
            fence,
            Receipt(chat=CHAT, message_ids=(f"never-{number}",), status=MessageStatus.READ, timestamp=1_000 + number),
        )
    prune = world.db.sync.prune_pending
    assert [await prune(1_005, limit=3) for _ in range(3)] == [3, 2, 0]
    left = await world.rows("SELECT message_id FROM pending_changes ORDER BY message_id")
    assert [row[0] for row in left] == ["never-5", "never-6"]


async def test_what_a_provider_owes_to_forget_is_remembered(world: Any) -> None:
    """After a logout and a deletion, until it is done; a new login owes nothing."""
    logged_out, deleted, paired_again = await world.accounts(3)
    accounts = world.db.accounts
    assert await accounts.logins_to_forget() == []
    await accounts.forget_login(logged_out)
    await accounts.delete_account(deleted.account_id)
    await accounts.forget_login(paired_again)
    await accounts.save_login(paired_again, b"new", phone_number="+5511999990001", lid=None, push_name=None)
    assert sorted(await accounts.logins_to_forget()) == [
        (logged_out.account_id, "emulated"),
        (deleted.account_id, "emulated"),
    ]
    await accounts.login_forgotten(deleted.account_id)
    assert await accounts.logins_to_forget() == [(logged_out.account_id, "emulated")]
