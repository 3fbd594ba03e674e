"""Rules of the world: queues, hand-overs, chats and history, without any socket."""

import pytest

from wasup.emulator.account import Account, Unknown
from wasup.emulator.journal import Journal
from wasup.emulator.settings import EmulatorSettings
from wasup.emulator.wire import Failed, Send, SentOk
from wasup.emulator.world import World
from wasup.ports.messages import MessageStatus, Text

ADA = "15550001111@c.us"


@pytest.fixture
def world() -> World:
    """An empty world."""
    return World(EmulatorSettings(history_per_chat=10), Journal())


def _write(world: World, account: Account, count: int) -> list[str]:
    chat = account.open_chat(ADA)
    return [world.incoming(account, chat, Text(body=str(number))).id for number in range(count)]


def test_what_was_in_hand_goes_back_in_order(world: World) -> None:
    """Several unacknowledged deliveries return to the head of the queue as they were."""
    device = world.link("551100000001")
    ids = _write(world, device.account, 10)
    tokens = []
    for _ in range(3):
        taken = device.take(room=3, journal=world.journal)
        assert taken is not None
        tokens.append(taken[0])
    device.acknowledge([tokens[1]], world.journal)
    device.put_back()
    assert [item.key for item in device.waiting] == ids[:3] + ids[6:]
    assert device.in_hand_count == 0


def test_tokens_of_an_earlier_connection_are_ignored(world: World) -> None:
    """A late acknowledgement after a reconnect touches nothing: the item comes again."""
    device = world.link("551100000001")
    _write(world, device.account, 1)
    taken = device.take(room=3, journal=world.journal)
    assert taken is not None
    device.put_back()
    device.acknowledge([taken[0]], world.journal)
    assert len(device.waiting) == 1
    again = device.take(room=3, journal=world.journal)
    assert again is not None
    assert again[0] != taken[0]
    assert again[1][0].times == 2


def test_a_delivery_is_cut_by_its_size(world: World) -> None:
    """Long texts do not make endless frames, and one too long for the limit still goes."""
    device = world.link("551100000001")
    chat = device.account.open_chat(ADA)
    for _ in range(20):
        world.incoming(device.account, chat, Text(body="x" * 65_536))
    taken = device.take(room=32, journal=world.journal)
    assert taken is not None
    assert 1 <= len(taken[1]) <= 5


def test_no_room_and_nothing_to_take_give_no_delivery(world: World) -> None:
    """Neither takes a token."""
    device = world.link("551100000001")
    assert device.take(room=5, journal=world.journal) is None
    _write(world, device.account, 1)
    assert device.take(room=0, journal=world.journal) is None


def test_both_identities_and_the_bare_number_lead_to_one_chat(world: World) -> None:
    """A person has one chat, under the identity by which WhatsApp addresses them."""
    account = world.account("551100000001")
    grace = account.somebody("15550002222")
    assert grace.by_lid
    assert account.open_chat("15550002222@c.us") is account.open_chat(grace.id)
    assert account.open_chat("15550002222") is account.open_chat(grace.id)


@pytest.mark.parametrize("who", ["0001@c.us", "000123456", "5@lid", "x@c.us", "", "@c.us", "1@g.us", "\u0665" * 6])
def test_nobody_is_made_of_nonsense(world: World, who: str) -> None:
    """Only plausible numbers become people."""
    with pytest.raises(Unknown):
        world.account("551100000001").open_chat(who)


def test_a_repeat_is_answered_like_the_first_and_noted(world: World) -> None:
    """Whatever the second one says, the first counts."""
    device = world.link("551100000001")
    first = world.send(device, Send(n=1, id="3EB0", chat=ADA, content=Text(body="a")))
    again = world.send(device, Send(n=2, id="3EB0", chat=ADA, content=Text(body="b")))
    assert isinstance(first, SentOk)
    assert isinstance(again, SentOk)
    assert (again.id, again.timestamp) == (first.id, first.timestamp)
    assert [row["kind"] for row in world.journal.rows(kinds=frozenset({"send", "repeat"}))] == ["send", "repeat"]


def test_a_refused_send_may_be_tried_again_under_its_id(world: World) -> None:
    """A refusal does not use the id up."""
    device = world.link("551100000001")
    device.account.sends_to_fail.append(("busy", True))
    frame = Send(n=1, id="3EB0", chat=ADA, content=Text(body="a"))
    assert isinstance(world.send(device, frame), Failed)
    assert isinstance(world.send(device, frame), SentOk)


def test_a_text_that_is_too_long_is_refused(world: World) -> None:
    """65,536 characters go, one more does not."""
    device = world.link("551100000001")
    for length, kind in ((65_536, SentOk), (65_537, Failed)):
        frame = Send(n=1, id=f"3EB{length}", chat=ADA, content=Text(body="x" * length))
        assert isinstance(world.send(device, frame), kind)


def test_old_history_is_forgotten_and_an_unknown_id_is_refused(world: World) -> None:
    """So that whoever asks can ask by time."""
    account = world.account("551100000001")
    ids = _write(world, account, 25)
    with pytest.raises(Unknown, match=ids[0]):
        account.history(ADA, ids[0], 100)
    kept, more = account.history(ADA, None, 100)
    assert len(kept) == 10
    assert not more
    rest, _ = account.history(ADA, ids[-2], 100)
    assert len(rest) == 1


def test_others_read_what_the_account_wrote(world: World) -> None:
    """All of its messages in the chat, and none of theirs."""
    device = world.link("551100000001")
    account = device.account
    _write(world, account, 2)
    world.send(device, Send(n=1, id="3EB0", chat=ADA, content=Text(body="a")))
    chat = account.open_chat(ADA)
    assert world.read_by_others(account, chat, None) == ["3EB0"]
    assert device.waiting[-1].kind == "receipt"
    [receipt] = world.receipts(account, chat, ["3EB0"], MessageStatus.READ)
    assert receipt.participant is None


def test_messages_for_an_account_without_clients_are_noted_as_given_to_nobody(world: World) -> None:
    """They are part of the chat's history, and in nobody's queue."""
    account = world.account("551100000001")
    [key] = _write(world, account, 1)
    [row] = world.journal.rows()
    assert (row["id"], row["device"]) == (key, None)


def test_the_clock_never_goes_back(world: World) -> None:
    """No message is older than the one before it."""
    world._last_ms = 10**15
    assert world.clock() == 10**15
