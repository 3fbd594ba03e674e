"""Two identities of one person: whenever the mapping is learned, one chat and one contact are left, with everything."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.fuzzing import examples
from wasup.ports.messages import (
    ChatChanged,
    ContactChanged,
    GroupChanged,
    Message,
    MessageStatus,
    Participant,
    Receipt,
    Text,
)
from wasup.ports.store import OutgoingMessage

PHONE, LID = "5511999990001@c.us", "77001122@lid"
OTHER = "5511999990002@c.us"
GROUP = "120363000000000001@g.us"


def script(message: Any) -> list[Any]:
    """What happens around one person, told now by phone, now by LID, now by both."""
    return [
        message(1, chat=LID, push_name="Ann"),
        message(2, chat=PHONE),
        message(3, chat=LID, from_me=True, sender="me@c.us"),
        message(4, chat=PHONE, from_me=True, sender="me@c.us"),
        message(5, chat=LID, body="newest"),
        message(6, chat=GROUP, sender=PHONE, push_name="Ann"),
        message(7, chat=GROUP, sender=LID, push_name="Ann"),
        message(8, chat=OTHER),
        ContactChanged(id=PHONE, name="Ann Saved"),
        ContactChanged(id=LID, push_name="Ann"),
        ChatChanged(id=LID, archived=False),
        Receipt(chat=LID, message_ids=("IN3", "IN4"), status=MessageStatus.READ, timestamp=1_780_000_000_050),
    ]


def mappings(message: Any) -> list[Any]:
    """The ways in which a mapping is told."""
    return [
        message(20, chat=LID, chat_alt=PHONE, sender_alt=PHONE, history=True),
        message(21, chat=PHONE, chat_alt=LID, history=True),
        message(22, chat=GROUP, sender=LID, sender_alt=PHONE, history=True),
        ContactChanged(id=PHONE, alt=LID),
        ContactChanged(id=LID, alt=PHONE),
        ChatChanged(id=LID, alt=PHONE),
    ]


async def check(world: Any, fence: Any, items: list[Any]) -> None:
    """One row of each for the person, and every message in its chat."""
    sent = [item for item in items if isinstance(item, Message)]
    rows = await world.rows(
        "SELECT m.message_id, c.jid FROM messages m JOIN chats c ON c.id=m.chat_id WHERE m.whatsapp_account_id=?",
        fence.account_id,
    )
    where = {PHONE: PHONE, LID: PHONE, OTHER: OTHER, GROUP: GROUP}
    assert sorted(tuple(row) for row in rows) == sorted((item.id, where[item.chat]) for item in sent)
    chats = await world.rows("SELECT jid, lid, unread_count, last_message_id, contact_name, contact_id FROM chats"
                             " WHERE chat_type='private' ORDER BY jid")  # fmt: skip
    assert [(row[0], row[1]) for row in chats] == [(PHONE, LID), (OTHER, None)]
    last = max((item for item in sent if item.chat in {PHONE, LID}), key=lambda item: item.timestamp)
    assert (chats[0][2], chats[0][3], chats[0][4]) == (3, last.id, "Ann")
    contacts = await world.rows("SELECT id, jid, lid, name, push_name FROM contacts WHERE jid IN (?, ?)", PHONE, LID)
    assert [tuple(row[1:]) for row in contacts] == [(PHONE, LID, "Ann Saved", "Ann")]
    assert chats[0][5] == contacts[0][0]
    assert await world.value("SELECT COUNT(*) FROM messages WHERE status='read'") == 2
    found = await world.sequences(fence)
    assert found == list(range(1, len(found) + 1))


@examples(25)
@given(
    order=st.permutations(range(12)),
    mapping=st.integers(0, 5),
    place_of_it=st.integers(0, 12),
    cuts=st.sets(st.integers(1, 12), max_size=4),
    repeat=st.booleans(),
)
def test_whenever_the_mapping_is_learned_one_person_is_left(
    place: Any,
    run_world: Any,
    message: Any,
    order: list[int],
    mapping: int,
    place_of_it: int,
    cuts: set[int],
    repeat: bool,
) -> None:
    """Any order, any batches, the mapping told in any way at any time, everything once or twice: the same end."""
    items = [script(message)[index] for index in order]
    items.insert(place_of_it, mappings(message)[mapping])

    async def play(world: Any) -> None:
        (fence,) = await world.accounts(1)
        edges = [0, *sorted(cuts), len(items)]
        for _ in range(1 + repeat):
            for start, end in pairwise(edges):
                if items[start:end]:
                    await world.commit(fence, *items[start:end])
        await check(world, fence, items)

    run_world(place, play)


@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "two"])
async def test_a_groups_list_of_members_tells_who_is_one_person(world: Any, message: Any, at_once: bool) -> None:
    """Of those who are known by one of their ids at least; nobody becomes a contact merely by being a member."""
    (fence,) = await world.accounts(1)
    members = (Participant(id=LID, alt=PHONE), Participant(id="9@lid", alt="551@c.us"), Participant(id="8@lid"))
    items, group = script(message), GroupChanged(id=GROUP, participants=members)
    for batch in [(*items, group)] if at_once else [items, (group,)]:
        await world.commit(fence, *batch)
    await check(world, fence, items)
    assert await world.value("SELECT COUNT(*) FROM contacts WHERE jid IN ('551@c.us', '9@lid', '8@lid')") == 0


async def test_a_mapping_moves_a_queued_message_along_and_learning_it_again_changes_nothing(
    world: Any, message: Any
) -> None:
    """What waits to be sent stays in the queue, under its id, in the chat that is left."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1, chat=LID), message(2, chat=PHONE))
    out = OutgoingMessage(fence=fence, workspace_id=world.workspace_id, provider_type="emulated", chat=LID,
                          message_id="OUT", content=Text(body="x"))  # fmt: skip
    stored, _ = await world.db.messages.queue_message(out)
    for _ in range(3):
        await world.commit(fence, ContactChanged(id=LID, alt=PHONE))
    (claimed,) = await world.db.messages.claim_outgoing(fence, unfinished=False, limit=5)
    assert (claimed.id, claimed.message_id, claimed.chat) == (stored.id, "OUT", PHONE)
    assert await world.value("SELECT COUNT(*) FROM chats") == 1


async def test_a_chat_without_lid_is_found_through_its_contact(world: Any, message: Any) -> None:
    """The contact knows both identities and the chat one, as an import may leave it: no second chat is made."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, message(1, chat=PHONE, chat_alt=LID))
    driver = world.db.engine.driver
    await world.db.engine.run(lambda c: driver.execute(c, "UPDATE chats SET lid=NULL"))
    world.db.sync._known.clear()
    await world.commit(fence, message(2, chat=LID))
    assert [tuple(row) for row in await world.rows("SELECT jid, lid FROM chats")] == [(PHONE, LID)]
