"""First synchronisation, catch-up of providers that refetch, and comparisons: no gap, no second event, no old news."""

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from tests.actors.fakes import FakeSession, RefetchingProvider, message
from tests.actors.world import World, until
from wasup.actors.messages import Logout
from wasup.actors.session_messages import CompareChats
from wasup.ports.accounts import AccountStatus
from wasup.ports.disconnects import DisconnectReason
from wasup.ports.messages import ContactChanged, Message, MessageStatus, Reaction, Receipt, Revoke
from wasup.ports.session import HistoryPage, TryLater

S = AccountStatus
DAY = 86_400_000
ANN, BOB, EVE = "5511777776666@c.us", "5511777775555@c.us", "5511777774444@c.us"
NAMES = {ANN: "ann", BOB: "bob"}


def refetching(**settings: object) -> tuple[World, RefetchingProvider]:
    """A world whose provider does not hand over twice."""
    provider = RefetchingProvider()
    return World(provider=provider, **settings), provider


def old(world: World, *days: float, chat: str = ANN) -> list[Message]:
    """Messages so many days old, oldest first."""
    now = world.clock.now_ms()
    ages = sorted(days, reverse=True)
    return [message(f"{NAMES[chat]}-{age:g}d", chat=chat, timestamp=now - round(age * DAY)) for age in ages]


def new(world: World, *ids: str, chat: str = ANN) -> list[Message]:
    """Messages of this moment, in the order of their ids."""
    return [message(id_, chat=chat, timestamp=world.clock.now_ms() + at) for at, id_ in enumerate(ids)]


async def lose_connection(world: World, account: int) -> None:
    """The connection ends; the next one is on its way."""
    world.session(account).end(DisconnectReason.CONNECTION_LOST)
    await world.step(account, S.RECONNECTING)


def synchronised(world: World) -> list[int]:
    """The accounts whose contacts were stored, once for each time."""
    return [account for batch in world.memory.commits for account, item in batch if isinstance(item, ContactChanged)]


# ---- first synchronisation ----------------------------------------------------------------------


async def test_a_new_login_brings_contacts_chats_and_recent_history_with_progress(autojump_clock: MockClock) -> None:
    """Old messages are stored without telling anybody; every phase tells its steps; it is done once."""
    world = World()
    provider = world.provider
    account = world.add(linked=False)
    async with world.running():
        await world.becomes(account, S.QR_SCANNING)
        provider.chats[account] = {ANN: old(world, 30, 6, 1), BOB: old(world, 20, chat=BOB)}
        world.session(account).scan()
        await until(lambda: world.row(account).synchronised_at is not None)
        assert sorted(world.memory.stored[account]) == ["ann-1d", "ann-6d"]
        assert world.memory.told[account] == []
        phases = [phase for _, phase, _, _ in world.memory.progress]
        assert phases == ["contacts", "chats", "history", "done"]
        assert world.memory.progress[-2][2:] == (1, 1), "the chat without anything recent is not asked for"
        await lose_connection(world, account)
        await world.connected(account)
        await trio.sleep(5)
        assert synchronised(world) == [account]


async def test_contacts_are_not_asked_for_where_they_were_stored_before(autojump_clock: MockClock) -> None:
    """The first synchronisation belongs to a new login; one that has had it needs no other."""
    world = World()
    account = world.add(synchronised_at=1)
    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        assert synchronised(world) == []
        assert world.memory.progress == []


async def test_a_first_synchronisation_that_was_cut_off_is_done_by_the_next_session(autojump_clock: MockClock) -> None:
    """The connection is lost while contacts are on their way: they are asked for again."""
    world = World()
    account = world.add(linked=False)
    async with world.running():
        await world.becomes(account, S.QR_SCANNING)
        session = world.session(account)
        session.contacts = trio.sleep_forever  # type: ignore[method-assign]
        session.scan()
        await world.connected(account)
        session.end(DisconnectReason.CONNECTION_LOST)
        await until(lambda: synchronised(world) == [account])


async def test_a_first_synchronisation_survives_the_end_of_the_process(autojump_clock: MockClock) -> None:
    """Killed in the middle of the history: the next boot does it again, whole, and nothing is stored twice."""
    world = World(sync={"history_concurrency": 1})
    account = world.add(linked=False)
    async with world.running():
        await world.becomes(account, S.QR_SCANNING)
        world.provider.chats[account] = {ANN: old(world, 2, 1), BOB: old(world, 3, chat=BOB)}

        async def hang_at_bob(chat: str) -> None:
            if chat == BOB:
                await trio.sleep_forever()

        world.session(account).on_history = hang_at_bob
        world.session(account).scan()
        await until(lambda: len(world.memory.stored[account]) == 2)
        assert world.row(account).synchronised_at is None
    async with world.running():
        await until(lambda: world.row(account).synchronised_at is not None)
        assert sorted(world.memory.stored[account]) == ["ann-1d", "ann-2d", "bob-3d"]
        assert world.memory.told[account] == []
        assert synchronised(world) == [account, account]


async def test_the_recent_part_of_a_busy_chat_is_taken(autojump_clock: MockClock) -> None:
    """Pages begin with the oldest message: of a chat with more than a page the newest are stored, without a hole."""
    world = World(sync={"history_messages": 50})
    account = world.add(linked=False)
    async with world.running():
        await world.becomes(account, S.QR_SCANNING)
        kept = old(world, *(7 * hour / 24 for hour in range(1, 24)), *(minute / 1440 for minute in range(1, 200)))
        world.provider.chats[account] = {ANN: kept}
        world.session(account).scan()
        await until(lambda: world.row(account).synchronised_at is not None)
        stored = world.memory.stored[account]
        assert [written.id for written in kept[-len(stored) :]] == stored
        assert 30 < len(stored) < 150


# ---- a provider that refetches ------------------------------------------------------------------


async def test_what_was_missed_while_away_is_fetched_and_told_once(autojump_clock: MockClock) -> None:
    """History since the watermark of each chat: what is stored already makes no second event."""
    world, provider = refetching()
    account = world.add(synchronised_at=1, paired_at=1)
    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        provider.write(account, *new(world, "a1", "a2"))
        provider.write(account, *new(world, "b1", chat=BOB))
        await until(lambda: len(world.memory.stored[account]) == 3)
        await lose_connection(world, account)
        provider.write(account, *new(world, "a3", "a4"), live=False)
        provider.write(account, *new(world, "e1", chat=EVE), live=False)  # a chat that had no watermark
        await until(lambda: len(world.memory.stored[account]) == 6)
        provider.write(account, *new(world, "a5"))
        await until(lambda: len(world.memory.stored[account]) == 7)
        assert sorted(world.memory.told[account]) == ["a1", "a2", "a3", "a4", "a5", "b1", "e1"]
        assert world.memory.duplicates == 0
        assert {chat: mark.message_id for chat, mark in world.memory.marks[account].items()} == {
            ANN: "a5",
            BOB: "b1",
            EVE: "e1",
        }


async def test_a_live_message_does_not_move_the_watermark_over_a_gap(autojump_clock: MockClock) -> None:
    """The process dies before the gap is closed: the next one finds it, although newer messages are stored."""
    world, provider = refetching()
    account = world.add(synchronised_at=1, paired_at=1)
    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        provider.write(account, *new(world, "a1"))
        await until(lambda: world.memory.marks[account])
    provider.write(account, *new(world, "a2", "a3"), live=False)

    async def hang(_chat: str) -> None:
        await trio.sleep_forever()

    async def slow_history(session: FakeSession) -> None:
        session.on_history = hang
        session.become_ready()

    provider.plans[account] = slow_history
    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        provider.write(account, *new(world, "a4"))
        await until(lambda: world.memory.stored[account] == ["a1", "a4"])
        assert world.memory.marks[account][ANN].message_id == "a1"
    del provider.plans[account]
    async with world.running():
        await until(lambda: len(world.memory.stored[account]) == 4)
        await until(lambda: world.memory.marks[account][ANN].message_id == "a4")
        assert sorted(world.memory.told[account]) == ["a1", "a2", "a3", "a4"]


async def test_before_the_chats_are_listed_no_watermark_moves(autojump_clock: MockClock) -> None:
    """A message that comes in while the list is on its way may stand behind a gap that nobody knows of yet."""
    world, provider = refetching()
    account = world.add(synchronised_at=1, paired_at=1)
    provider.write(account, *new(world, "missed"), live=False)

    async def without_a_list(session: FakeSession) -> None:
        session.chats = trio.sleep_forever  # type: ignore[method-assign]
        session.become_ready()

    provider.plans[account] = without_a_list
    async with world.running():
        await world.connected(account)
        provider.write(account, *new(world, "a1"))
        await until(lambda: world.memory.stored[account] == ["a1"])
        assert not world.memory.marks[account]
    del provider.plans[account]
    async with world.running():
        await until(lambda: sorted(world.memory.told[account]) == ["a1", "missed"])


async def test_a_watermark_is_stored_with_its_messages_or_not_at_all(autojump_clock: MockClock) -> None:
    """Every watermark stands behind the message that it names, in the same batch."""
    world, provider = refetching(sync={"history_messages": 3, "history_concurrency": 2})
    account = world.add(synchronised_at=1, paired_at=1)
    provider.write(account, *new(world, *(f"a{n}" for n in range(10))), live=False)
    provider.write(account, *new(world, *(f"b{n}" for n in range(10)), chat=BOB), live=False)
    async with world.running():
        await until(lambda: len(world.memory.stored[account]) == 20)
        await until(lambda: {mark.message_id for mark in world.memory.marks[account].values()} == {"a9", "b9"})
    seen: set[str] = set()
    for batch in world.memory.commits:
        for _, item in batch:
            if isinstance(item, Message):
                seen.add(item.id)
            named = getattr(item, "message_id", None)
            assert named is None or named in seen
    for chat in (ANN, BOB):
        ids = [item.id for batch in world.memory.commits for _, item in batch
               if isinstance(item, Message) and item.chat == chat]  # fmt: skip
        assert all(int(one[1:]) < int(two[1:]) for one, two in pairwise(ids)), "in the order of the chat"


async def test_a_message_that_the_provider_has_no_more_is_replaced_by_its_time(autojump_clock: MockClock) -> None:
    """The watermark's message was deleted on the phone: history is asked for by time, and overlaps harmlessly."""
    world, provider = refetching()
    account = world.add(synchronised_at=1, paired_at=1)
    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        first, second = new(world, "a1", "a2")
        provider.write(account, first, second)
        await until(lambda: len(world.memory.stored[account]) == 2)
        await lose_connection(world, account)
        provider.chats[account][ANN] = [first, *new(world, "a3", "a4")]
        await until(lambda: len(world.memory.stored[account]) == 4)
        assert world.memory.told[account] == ["a1", "a2", "a3", "a4"]


async def missed(world: World, provider: RefetchingProvider, account: int) -> None:
    """One message is stored, and two are written while nobody is there."""
    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        provider.write(account, *new(world, "a1"))
        await until(lambda: world.memory.marks[account])
    provider.write(account, *new(world, "a2", "a3"), live=False)


async def _nothing_now(_chat: str) -> None:
    raise TryLater("the page's database does not answer")


async def _no_such_chat(_chat: str) -> None:
    raise LookupError("it is not in the list any more")


@pytest.mark.parametrize("failure", [_nothing_now, _no_such_chat])
async def test_history_that_cannot_be_read_is_asked_for_again(
    failure: Callable[[str], Awaitable[None]], autojump_clock: MockClock
) -> None:
    """An error is no empty history: what comes in live does not move the watermark, and the next session finds all."""
    world, provider = refetching()
    account = world.add(synchronised_at=1, paired_at=1)
    await missed(world, provider, account)

    async def failing(session: FakeSession) -> None:
        await trio.lowlevel.checkpoint()
        session.on_history = failure
        session.become_ready()

    provider.plans[account] = failing
    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        provider.write(account, *new(world, "a4"))
        await until(lambda: world.memory.stored[account] == ["a1", "a4"])
        assert world.memory.marks[account][ANN].message_id == "a1"
        del provider.plans[account]
        await lose_connection(world, account)
        await until(lambda: len(world.memory.stored[account]) == 4)
        await until(lambda: world.memory.marks[account][ANN].message_id == "a4")
        assert sorted(world.memory.told[account]) == ["a1", "a2", "a3", "a4"]


@pytest.mark.parametrize("hole", [{"readable": False}, {"more": True, "messages": ()}], ids=["sealed", "empty"])
async def test_a_page_with_a_hole_does_not_move_the_watermark(hole: dict[str, Any], autojump_clock: MockClock) -> None:
    """What can be read is stored; what cannot yet is asked for from the same place, again and again."""
    world, provider = refetching()
    account = world.add(synchronised_at=1, paired_at=1)
    await missed(world, provider, account)

    async def with_a_hole(session: FakeSession) -> None:
        await trio.lowlevel.checkpoint()
        whole = session.history

        async def history(chat: str, **question: Any) -> HistoryPage:
            return msgspec.structs.replace(await whole(chat, **question), **hole)

        session.history = history  # type: ignore[method-assign]
        session.become_ready()

    provider.plans[account] = with_a_hole
    for live in ("b1", "b2"):
        async with world.running():
            await world.connected(account)
            await trio.sleep(1)
            provider.write(account, *new(world, live))
            await until(lambda live=live: live in world.memory.stored[account])  # type: ignore[misc]
            assert world.memory.marks[account][ANN].message_id == "a1"
            assert ("a3" in world.memory.stored[account]) is ("messages" not in hole)
    del provider.plans[account]
    async with world.running():
        await until(lambda: world.memory.marks[account][ANN].message_id == "b2")
        assert sorted(world.memory.told[account]) == ["a1", "a2", "a3", "b1", "b2"]


async def test_what_has_become_of_messages_is_merged_with_them(autojump_clock: MockClock) -> None:
    """Receipts, then messages, then the other changes; those of before the login are told to nobody."""
    world, provider = refetching()
    account = world.add(synchronised_at=1, paired_at=world.clock.now_ms())
    await missed(world, provider, account)
    [a2] = [written for written in provider.chats[account][ANN] if written.id == "a2"]
    before = world.clock.now_ms() - DAY
    receipt = Receipt(chat=ANN, message_ids=("m1",), status=MessageStatus.READ, timestamp=before)
    reaction = msgspec.structs.replace(a2, id="r1", content=Reaction(target_id="a1", emoji="+"))
    deletion = msgspec.structs.replace(a2, id="x1", content=Revoke(target_id="a0"), timestamp=before)

    async def changed(session: FakeSession) -> None:
        await trio.lowlevel.checkpoint()
        whole = session.history

        async def history(chat: str, **question: Any) -> HistoryPage:
            page = await whole(chat, **question)
            return msgspec.structs.replace(page, changes=(reaction, deletion, receipt))

        session.history = history  # type: ignore[method-assign]
        session.become_ready()

    provider.plans[account] = changed
    async with world.running():
        await until(lambda: "x1" in world.memory.stored[account])
    [batch] = [batch for batch in world.memory.commits if any(item == receipt for _, item in batch)]
    ids = [getattr(item, "id", "receipt") for _, item in batch if isinstance(item, Message | Receipt)]
    assert ids == ["receipt", "a2", "a3", "r1", "x1"]
    assert world.memory.told[account] == ["a1", "a2", "a3", "r1"]
    assert world.memory.marks[account][ANN].message_id == "a3"


async def test_a_reaction_does_not_move_the_watermark(autojump_clock: MockClock) -> None:
    """In history it is no message: nothing could be asked for that follows it."""
    world, provider = refetching()
    account = world.add(synchronised_at=1, paired_at=1)
    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        provider.write(account, *new(world, "a1"))
        [reaction] = new(world, "r1")
        provider.write(account, msgspec.structs.replace(reaction, content=Reaction(target_id="a1", emoji="+")))
        await until(lambda: world.memory.stored[account] == ["a1", "r1"])
        assert world.memory.marks[account][ANN].message_id == "a1"


async def test_while_the_database_is_away_nothing_is_lost_of_what_whatsapp_was_told(autojump_clock: MockClock) -> None:
    """Messages are taken from WhatsApp during an outage and the process is killed in it: history brings them."""
    world, provider = refetching(sync={"window": 4})
    account = world.add(synchronised_at=1, paired_at=1)
    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        provider.write(account, *new(world, "a0"))
        await until(lambda: world.memory.marks[account])
        world.memory.away = True
        provider.write(account, *new(world, *(f"a{n}" for n in range(1, 30))))
        await trio.sleep(20)
        world.root.child("accounts").child(str(account)).ref.kill()
        world.actor("writer-0").kill()
        await trio.sleep(20)
        world.memory.away = False
        await until(lambda: len(world.memory.stored[account]) == 30, within=60)
        assert sorted(world.memory.told[account]) == sorted(f"a{n}" for n in range(30))


async def test_a_first_synchronisation_sets_the_watermarks(autojump_clock: MockClock) -> None:
    """What the new login brings along is history; what follows it is news, also when it was missed."""
    world, provider = refetching()
    account = world.add(linked=False)
    async with world.running():
        await world.becomes(account, S.QR_SCANNING)
        provider.write(account, *old(world, 3, 2), live=False)
        world.session(account).scan()
        await until(lambda: world.row(account).synchronised_at is not None)
        assert world.memory.marks[account][ANN].message_id == "ann-2d"
        assert world.memory.told[account] == []
        await lose_connection(world, account)
        provider.write(account, *new(world, "a1"), live=False)
        await until(lambda: world.memory.told[account] == ["a1"])


# ---- comparisons --------------------------------------------------------------------------------


async def test_a_comparison_finds_gaps_and_fills_them(autojump_clock: MockClock) -> None:
    """A message that never came is found at the provider, stored, told and counted; what was refused is none."""
    world = World(sync={"compare_interval": 600.0, "history_messages": 2})
    account = world.add(synchronised_at=1, paired_at=1)
    async with world.running():
        await world.connected(account)
        world.memory.poisoned.add("m2")
        world.provider.chats[account] = {ANN: new(world, "m1", "m2", "lost", "m3"), BOB: old(world, 3, chat=BOB)}
        world.provider.deliver(account, "m1", "m2", "m3")
        await until(lambda: not world.provider.pending[account])
        await until(lambda: "lost" in world.memory.stored[account], within=7200)
        assert world.memory.told[account] == ["m1", "m3", "lost"]
        await trio.sleep(3600)
        pulse = world.runtime.pulse
        assert pulse.gaps == 1
        assert pulse.compared >= 8
        assert not [chat for _, chat, _, _ in world.provider.asked if chat == BOB], "nothing recent in it"


async def test_a_message_on_its_way_is_no_gap(autojump_clock: MockClock) -> None:
    """What is younger than a minute may be in a writer's hands."""
    world = World()
    account = world.add(synchronised_at=1, paired_at=1)
    async with world.running():
        await world.connected(account)
        world.provider.chats[account] = {ANN: new(world, "m1")}
        world.account_actor(account).tell_nowait(CompareChats())
        await trio.sleep(1)
        assert len(world.provider.asked) == 1
        assert world.runtime.pulse.gaps == 0
        await trio.sleep(120)
        world.account_actor(account).tell_nowait(CompareChats())
        await until(lambda: world.memory.stored[account] == ["m1"])


async def test_comparisons_reach_every_account_at_the_pace_that_is_set(autojump_clock: MockClock) -> None:
    """Forty accounts, each once in ten minutes on average."""
    world = World(sync={"compare_interval": 600.0})
    accounts = [world.add(synchronised_at=1) for _ in range(40)]
    async with world.running():
        await world.connected(*accounts)
        for account in accounts:
            world.provider.chats[account] = {ANN: old(world, 0.5)}
        await trio.sleep(6000)
        assert 350 <= len(world.provider.asked) <= 450
        assert {account for account, *_ in world.provider.asked} == set(accounts)


# ---- forgotten logins ---------------------------------------------------------------------------


async def test_the_provider_forgets_after_the_session_has_ended(autojump_clock: MockClock) -> None:
    """By logout, by being logged out, and by deletion; `FakeProvider.forget` makes sure that no session is open."""
    world = World()
    asked, thrown_out, deleted, kept = (world.add() for _ in range(4))
    async with world.running():
        await world.connected(asked, thrown_out, deleted, kept)
        await world.ask(asked, Logout())
        world.session(thrown_out).end(DisconnectReason.LOGGED_OUT)
        await world.memory.accounts.delete_account(deleted)
        await until(lambda: sorted(world.provider.forgotten) == [asked, thrown_out, deleted], within=30)
        assert world.memory.to_forget == {}
        await trio.sleep(30)
        assert len(world.provider.forgotten) == 3


async def test_what_a_provider_could_not_forget_is_tried_again(autojump_clock: MockClock) -> None:
    """Its failure hinders nobody, and the debt outlives the process."""
    world = World()
    account = world.add()
    forget = world.provider.forget

    async def fail(_account_id: int) -> None:
        await trio.lowlevel.checkpoint()
        raise OSError("a file is in use")

    world.provider.forget = fail  # type: ignore[method-assign, assignment]
    async with world.running():
        await world.connected(account)
        await world.ask(account, Logout())
        await trio.sleep(20)
        assert list(world.memory.to_forget) == [account]
    world.provider.forget = forget  # type: ignore[method-assign]
    async with world.running():
        await until(lambda: world.provider.forgotten == [account])
        assert world.memory.to_forget == {}
