"""What a commit of provider items does to the database."""

from typing import Any

import trio
from hypothesis import given, strategies as st

from tests.fuzzing import examples
from wasup.ports.accounts import Fence
from wasup.ports.events import MessageReceived
from wasup.ports.messages import (
    ChatChanged,
    ContactChanged,
    Content,
    Edit,
    GroupChanged,
    Message,
    MessageStatus,
    Participant,
    Reaction,
    Receipt,
    Revoke,
    SendOutcome,
    Text,
    Unsupported,
)
from wasup.ports.store import OutgoingMessage

CHAT = "5511999990001@c.us"
LID = "77001122@lid"


def receipt(message_id: str, status: MessageStatus, at: int = 5) -> Receipt:
    """A receipt for one message."""
    return Receipt(chat=CHAT, message_ids=(message_id,), status=status, timestamp=1_780_000_000_000 + at)


async def stored(world: Any) -> Any:
    """The stored messages."""
    return await world.db.messages.messages(workspace_id=world.workspace_id, limit=100)


async def chats(world: Any, fence: Fence) -> Any:
    """The account's chats."""
    return await world.db.messages.chats(workspace_id=world.workspace_id, account_id=fence.account_id)


async def test_a_message_makes_a_row_a_chat_and_an_event(world: Any, message: Any) -> None:
    """The row, its chat with every required column, and the event with what the back end needs."""
    (fence,) = await world.accounts(1)
    result = await world.commit(fence, message(1, push_name="Ann", sender_alt=LID, chat_alt=LID))
    assert (result.new_messages, result.duplicates) == (1, 0)
    (row,) = await stored(world)
    assert (row.content, row.status, row.chat) == (Text(body="hello"), MessageStatus.RECEIVED, CHAT)
    (chat,) = await chats(world, fence)
    assert (chat.chat_type, chat.provider_type, chat.contact_phone) == ("private", "emulated", "+5511999990001")
    assert (chat.contact_name, chat.last_message, chat.unread_count, chat.lid) == ("Ann", "hello", 1, LID)
    (event,) = await world.db.stats.events(world.workspace_id, fence.account_id, 0, 10)
    assert isinstance(event.data, MessageReceived)
    assert (event.account_seq, event.data.sender_phone, event.data.sender_lid) == (1, "+5511999990001", LID)


async def test_a_duplicate_makes_no_row_no_event_and_no_unread(world: Any, message: Any) -> None:
    """The same message again, in the same and in a later batch, changes nothing."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1), message(1))
    result = await world.commit(fence, message(1))
    assert (result.new_messages, result.duplicates) == (0, 1)
    assert len(await stored(world)) == 1
    assert await world.sequences(fence) == [1]
    assert (await chats(world, fence))[0].unread_count == 1


async def test_the_same_id_in_two_accounts_and_directions_is_two_messages(world: Any, message: Any) -> None:
    """Two of our accounts that write to each other have the same message id on both sides."""
    first, second = await world.accounts(2)
    await world.commit(first, message(1, from_me=True))
    await world.commit(second, message(1))
    await world.commit(second, receipt("IN1", MessageStatus.READ))
    assert len(await stored(world)) == 2
    assert await world.value("SELECT status FROM messages WHERE whatsapp_account_id=?", first.account_id) == "sent"


async def test_history_is_stored_without_events_or_unread(world: Any, message: Any) -> None:
    """Old messages of a synchronisation are stored, and nobody is told."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1, history=True))
    assert await world.sequences(fence) == []
    (chat,) = await chats(world, fence)
    assert (chat.unread_count, chat.last_message) == (0, "hello")


async def test_an_older_message_never_replaces_a_newer_last_one(world: Any, message: Any) -> None:
    """The chat's last message only moves forward."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(9, body="new"), message(3, body="old"))
    await world.commit(fence, message(5, body="older"))
    (chat,) = await chats(world, fence)
    assert (chat.last_message, chat.unread_count) == ("new", 3)


async def test_a_status_never_moves_backwards_and_late_times_are_filled_in(world: Any, message: Any) -> None:
    """Read, then delivered: the status stays read, both times are known, one event each step."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1, from_me=True), receipt("IN1", MessageStatus.READ, 9))
    await world.commit(fence, receipt("IN1", MessageStatus.DELIVERED, 7), receipt("IN1", MessageStatus.READ, 12))
    (row,) = await stored(world)
    assert row.status is MessageStatus.READ
    assert row.read_at is not None
    assert row.delivered_at == row.read_at - 2
    assert (await chats(world, fence))[0].message_status == "read"
    assert await world.sequences(fence) == [1, 2]


async def test_a_receipt_before_its_message_is_kept_for_it(world: Any, message: Any) -> None:
    """Receipts that come first are applied when the message arrives."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, receipt("IN1", MessageStatus.READ, 9))
    await world.commit(fence, receipt("IN1", MessageStatus.DELIVERED, 8))
    await world.commit(fence, message(1, from_me=True))
    (row,) = await stored(world)
    assert (row.status, row.delivered_at is None) == (MessageStatus.READ, False)
    assert await world.value("SELECT COUNT(*) FROM pending_changes") == 0


async def test_edits_and_revokes_apply_in_either_order(world: Any, message: Any) -> None:
    """An edit or revoke changes its message, also one that arrives later."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(4, content=Edit(target_id="IN1", body="second")))
    await world.commit(fence, message(3, content=Edit(target_id="IN1", body="first")))
    await world.commit(fence, message(1), message(2))
    await world.commit(fence, message(5, content=Revoke(target_id="IN2")))
    rows = {row.message_id: row for row in await stored(world)}
    assert rows["IN1"].content == Text(body="second")
    assert rows["IN1"].edited_at == rows["IN4"].timestamp
    assert rows["IN2"].revoked_at == rows["IN5"].timestamp
    assert (await chats(world, fence))[0].unread_count == 2


async def test_a_reaction_is_a_row_but_no_news_in_the_chat(world: Any, message: Any) -> None:
    """Reactions are stored and told, and leave unread count and last message alone."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1), message(2, content=Reaction(target_id="IN1", emoji="👍")))
    (chat,) = await chats(world, fence)
    assert (chat.unread_count, chat.last_message) == (1, "hello")
    assert len(await stored(world)) == 2


async def test_64_kb_of_astral_characters_are_stored_whole(world: Any, message: Any) -> None:
    """The longest body there is does not fail its batch, nor do names that are too long."""
    (fence,) = await world.accounts(1)
    body = "😀" * 65_536
    many = [message(n, body=body, push_name="N" * 400, id=f"{n}" + "x" * 300) for n in range(40)]
    await world.commit(fence, *many)
    await world.commit(fence, *many)
    rows = await stored(world)
    assert [row.content for row in rows] == [Text(body=body)] * 40


async def test_one_chat_per_person_once_the_mapping_is_known(world: Any, message: Any) -> None:
    """Chats by LID and by phone become one, with all messages."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1, chat=LID), message(2))
    assert len(await chats(world, fence)) == 2
    await world.commit(fence, ContactChanged(id=CHAT, alt=LID, name="Ann"))
    (chat,) = await chats(world, fence)
    assert (chat.jid, chat.lid, chat.unread_count, chat.contact_name) == (CHAT, LID, 2, "Ann")
    await world.commit(fence, message(3, chat=LID), message(4))
    assert [c.id for c in await chats(world, fence)] == [chat.id]
    assert len(await world.db.messages.messages(workspace_id=None, chat_id=chat.id)) == 4
    assert await world.value("SELECT COUNT(*) FROM contacts") == 1


async def test_a_chat_known_by_lid_takes_the_phone_number_when_it_is_told(world: Any, message: Any) -> None:
    """The chat keeps its row and gets the other identity."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1, chat=LID))
    await world.commit(fence, message(2, chat=LID, chat_alt=CHAT))
    (chat,) = await chats(world, fence)
    assert (chat.jid, chat.lid, chat.contact_phone) == (CHAT, LID, "+5511999990001")


async def test_groups_have_their_row_and_their_name(world: Any, message: Any) -> None:
    """A group message makes the group; a change of subject renames its chat; each change is told once."""
    (fence,) = await world.accounts(1)
    group = "120363000000000001@g.us"
    await world.commit(fence, message(1, chat=group, sender=CHAT, chat_name="Team", push_name="Ann"))
    change = GroupChanged(id=group, subject="New team", participants=(Participant(id=CHAT, admin=True),))
    await world.commit(fence, change)
    await world.commit(fence, change, message(2, chat=group, sender=CHAT))
    (chat,) = await chats(world, fence)
    assert (chat.chat_type, chat.contact_name) == ("group", "New team")
    assert chat.group_id is not None
    types = [event.type for event in await world.db.stats.events(None, fence.account_id, 0, 10)]
    assert types == ["message.received", "group.updated", "message.received"]


async def test_chat_changes_are_absolute(world: Any, message: Any) -> None:
    """An unread count that the provider tells replaces ours; the same again is no event."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1), ChatChanged(id=CHAT, unread_count=0, name="Saved"))
    await world.commit(fence, ChatChanged(id=CHAT, unread_count=0))
    (chat,) = await chats(world, fence)
    assert (chat.unread_count, chat.contact_name) == (0, "Saved")
    assert await world.sequences(fence) == [1, 2]


async def test_an_outcome_settles_a_queued_message(world: Any) -> None:
    """Sent and failed leave the queue; a failure does not come after sent."""
    (fence,) = await world.accounts(1)
    for name in ("A", "B"):
        out = OutgoingMessage(
            fence=fence, workspace_id=world.workspace_id, provider_type="emulated", chat=CHAT, message_id=name,
            content=Text(body=name),
        )  # fmt: skip
        await world.db.messages.queue_message(out)
    claimed = await world.db.messages.claim_outgoing(fence, unfinished=False, limit=5)
    assert [row.message_id for row in claimed] == ["A", "B"]
    await world.commit(
        fence,
        SendOutcome(message_id="A", status=MessageStatus.SENT, timestamp=1_780_000_000_000),
        SendOutcome(message_id="A", status=MessageStatus.FAILED, timestamp=1_780_000_000_001, error="late"),
        SendOutcome(message_id="B", status=MessageStatus.FAILED, timestamp=1_780_000_000_002, error="refused"),
    )
    rows = {row.message_id: row for row in await stored(world)}
    assert (rows["A"].status, rows["B"].status, rows["B"].error) == ("sent", "failed", "refused")
    assert await world.db.messages.claim_outgoing(fence, unfinished=True, limit=5) == []
    events = await world.db.stats.events(None, fence.account_id, 0, 10)
    assert [event.type for event in events] == ["message.status", "message.sent", "message.status"]


async def test_a_message_that_is_under_way_is_sending(world: Any) -> None:
    """In its chat, too; that is told to nobody, and does not come after the end."""
    (fence,) = await world.accounts(1)
    await world.db.messages.queue_message(
        OutgoingMessage(
            fence=fence, workspace_id=world.workspace_id, provider_type="emulated", chat=CHAT, message_id="A",
            content=Text(body="hello"), handed_over=True,
        )
    )  # fmt: skip
    under_way = SendOutcome(message_id="A", status=MessageStatus.SENDING, timestamp=1_780_000_000_000)
    await world.commit(fence, under_way)
    (row,), (chat,) = await stored(world), await world.db.messages.chats(workspace_id=None, account_id=fence.account_id)
    assert (row.status, row.attempts, chat.message_status) == ("sending", 1, "sending")
    assert await world.db.stats.events(None, fence.account_id, 0, 10) == []
    await world.commit(fence, SendOutcome(message_id="A", status=MessageStatus.FAILED, timestamp=0, error="refused"))
    await world.commit(fence, under_way)
    (row,) = await stored(world)
    assert row.status == "failed"


async def test_the_echo_settles_a_send_whose_answer_was_lost(world: Any, message: Any) -> None:
    """Our own message coming back proves that it was sent; it is no second row."""
    (fence,) = await world.accounts(1)
    await world.db.messages.queue_message(
        OutgoingMessage(
            fence=fence, workspace_id=world.workspace_id, provider_type="emulated", chat=CHAT, message_id="IN1",
            content=Text(body="hello"),
        )
    )  # fmt: skip
    await world.commit(fence, message(1, from_me=True))
    (row,) = await stored(world)
    assert row.status is MessageStatus.SENT


async def test_a_receipt_settles_a_send_whose_outcome_is_yet_to_come(world: Any) -> None:
    """What has arrived was sent: it is told as sent, once, and not sent again."""
    (fence,) = await world.accounts(1)
    await world.db.messages.queue_message(
        OutgoingMessage(
            fence=fence, workspace_id=world.workspace_id, provider_type="emulated", chat=CHAT, message_id="IN1",
            content=Text(body="hello"),
        )
    )  # fmt: skip
    await world.db.messages.claim_outgoing(fence, unfinished=False, limit=5)
    await world.commit(fence, receipt("IN1", MessageStatus.DELIVERED))
    assert await world.db.messages.claim_outgoing(fence, unfinished=True, limit=5) == []
    await world.commit(fence, SendOutcome(message_id="IN1", status=MessageStatus.SENT, timestamp=1_780_000_000_000))
    (row,) = await stored(world)
    assert (row.status, row.sent_at is None) == (MessageStatus.DELIVERED, False)
    events = await world.db.stats.events(None, fence.account_id, 0, 10)
    assert [event.type for event in events] == ["message.status", "message.sent", "message.status"]
    assert events[1].data.content == Text(body="hello")


async def test_what_we_send_to_change_a_message_changes_it_once_it_is_sent(world: Any, message: Any) -> None:
    """An edit by its outcome, a deletion by its receipt; not what failed; also of a message that comes later."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, *(message(n, from_me=True) for n in (1, 2, 3)))
    sends: dict[str, Content] = {
        "edit": Edit(target_id="IN1", body="better"),
        "deletion": Revoke(target_id="IN2"),
        "refused": Revoke(target_id="IN3"),
        "early": Edit(target_id="IN4", body="second"),
        "again": Edit(target_id="IN4", body="third"),
        "reaction": Reaction(target_id="IN3", emoji="👍"),
    }
    for name, content in sends.items():
        world.clock.now += 1
        await world.db.messages.queue_message(
            OutgoingMessage(fence=fence, workspace_id=world.workspace_id, provider_type="emulated", chat=CHAT,
                            message_id=name, content=content)
        )  # fmt: skip
    (chat,) = await chats(world, fence)
    assert (chat.last_message, chat.last_message_at) == ("hello", message(3).timestamp)
    rows = {row.message_id: row for row in await stored(world)}
    assert (rows["IN1"].content, rows["IN2"].revoked_at) == (Text(body="hello"), None)
    sent = {"status": MessageStatus.SENT, "timestamp": world.clock.now}
    await world.commit(fence, receipt("deletion", MessageStatus.DELIVERED))
    await world.commit(
        fence, SendOutcome(message_id="refused", status=MessageStatus.FAILED, timestamp=5, error="too late")
    )
    for name in ("edit", "early", "again", "reaction"):
        await world.commit(fence, SendOutcome(message_id=name, **sent))
    await world.commit(fence, message(4, from_me=True, body="first"))
    rows = {row.message_id: row for row in await stored(world)}
    assert [rows[name].content for name in ("IN1", "IN4")] == [Text(body="better"), Text(body="third")]
    assert [rows[name].revoked_at is None for name in ("IN2", "IN3")] == [False, True]
    assert rows["IN1"].edited_at == rows["edit"].timestamp


async def test_a_type_that_nobody_knows_is_stored_raw_and_passed_on(world: Any, message: Any) -> None:
    """As it came, in the row and in the event; the list of chats names it."""
    (fence,) = await world.accounts(1)
    odd = Unsupported(name="poll_creation", raw='{"options": ["☀️", "\\u0000"]}')
    await world.commit(fence, message(1, content=odd))
    (row,) = await stored(world)
    assert (row.type, row.content) == ("unsupported", odd)
    (event,) = await world.db.stats.events(None, fence.account_id, 0, 10)
    assert event.data.content == odd
    assert (await chats(world, fence))[0].unread_count == 1


async def test_a_stale_fence_writes_nothing_and_spares_the_others(world: Any, message: Any) -> None:
    """Accounts that somebody else owns by now are left out and reported."""
    stale, good = await world.accounts(2)
    await world.db.ownership.claim([stale.account_id])
    result = await world.db.sync.commit([world.batch(stale, message(1)), world.batch(good, message(2))])
    assert result.refused == {stale.account_id}
    assert [row.whatsapp_account_id for row in await stored(world)] == [good.account_id]
    assert await world.sequences(stale) == []


async def test_sequences_have_no_gaps_under_concurrent_commits(world: Any, message: Any) -> None:
    """Writers that commit the same accounts at once leave 1, 2, 3 … in each account."""
    fences = await world.accounts(6)

    async def writer(number: int) -> None:
        for turn in range(8):
            chosen = fences[number % 3 :: 2] if turn % 2 else fences
            serial = number * 100 + turn
            await world.db.sync.commit([world.batch(fence, message(serial), message(5000 + turn)) for fence in chosen])

    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(writer, number)
    for fence in fences:
        found = await world.sequences(fence)
        assert found == list(range(1, len(found) + 1))
        count = await world.value("SELECT COUNT(*) FROM messages WHERE whatsapp_account_id=?", fence.account_id)
        assert count == len(found)


Script = list[tuple[int, ...]]


@examples(12)
@given(script=st.lists(st.permutations(range(8)).map(tuple), min_size=1, max_size=3), cut=st.integers(1, 7))
def test_duplicates_and_any_order_end_in_the_same_rows(
    place: Any, run_world: Any, message: Any, script: Script, cut: int
) -> None:
    """Whatever order and however often the items come, the end is the same."""
    items: list[Message | Receipt] = [
        message(1), message(2, body="two"), message(3, from_me=True), message(4, from_me=True),
        receipt("IN3", MessageStatus.DELIVERED, 7), receipt("IN3", MessageStatus.READ, 8),
        message(6, content=Edit(target_id="IN1", body="edited")), message(7, content=Revoke(target_id="IN2")),
    ]  # fmt: skip

    async def play(world: Any) -> None:
        (fence,) = await world.accounts(1)
        for order in [*script, tuple(range(8))]:
            for part in (order[:cut], order[cut:]):
                await world.commit(fence, *(items[index] for index in part))
        rows = {row.message_id: row for row in await stored(world)}
        assert len(rows) == 6
        assert rows["IN1"].content == Text(body="edited")
        assert rows["IN2"].revoked_at is not None
        assert (rows["IN3"].status, rows["IN4"].status) == (MessageStatus.READ, MessageStatus.SENT)
        (chat,) = await chats(world, fence)
        assert (chat.unread_count, chat.last_message_at) == (2, rows["IN4"].timestamp)
        found = await world.sequences(fence)
        assert found == list(range(1, len(found) + 1))

    run_world(place, play)
