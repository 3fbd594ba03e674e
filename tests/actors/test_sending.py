"""What is sent: durable before it is answered, in order, under the id that it was stored with."""

from typing import NoReturn

import pytest
import trio
from trio.testing import MockClock

from tests.actors.fakes import FakeProvider
from tests.actors.world import World, until
from wasup.actors.messages import Queued, Refusal, Refused, SendMessage
from wasup.ports.accounts import AccountStatus
from wasup.ports.disconnects import DisconnectReason
from wasup.ports.messages import Text
from wasup.ports.session import NotSupported, SendFailed
from wasup.ports.store import DatabaseUnavailable, OutgoingMessage

S = AccountStatus
CHAT = "5511777776666@c.us"


async def send(world: World, account: int, body: str, key: str | None = None) -> Queued | Refused:
    """Ask for a text to be sent."""
    answer = await world.ask(account, SendMessage(chat=CHAT, content=Text(body=body), idempotency_key=key))
    assert isinstance(answer, Queued | Refused)
    return answer


def bodies(world: World, account: int) -> list[str]:
    """The texts that WhatsApp got, in order."""
    found = []
    for session in world.provider.opened(account):
        for _, content in session.sent:
            assert isinstance(content, Text)
            found.append(content.body)
    return found


async def test_a_message_goes_from_queued_to_sent(autojump_clock: MockClock) -> None:
    """It is stored as queued when it is answered, and sent under the id that it was stored with."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        answer = await send(world, account, "hello")
        assert isinstance(answer, Queued)
        assert answer.new
        assert answer.message.status == "queued"
        await until(lambda: world.memory.outgoing_statuses() == ["sent"])
        assert world.provider.arrived == [(account, answer.message.message_id)]


async def test_the_order_is_kept(autojump_clock: MockClock) -> None:
    """Two hundred messages leave in the order in which they were accepted."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        for number in range(200):
            assert isinstance(await send(world, account, str(number)), Queued)
        await until(lambda: world.memory.outgoing_statuses() == ["sent"] * 200)
        assert bodies(world, account) == [str(number) for number in range(200)]


async def test_a_message_before_which_nothing_waits_is_handed_over(autojump_clock: MockClock) -> None:
    """It costs no claim; it is `sending` while it is under way, and has been taken up once."""
    world = World()
    account = world.add()
    seen: list[str] = []

    async def look(_message_id: str) -> None:
        await trio.sleep(1)
        seen.extend(world.memory.outgoing_statuses())

    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        claims = world.memory.claims
        world.session(account).on_send = look
        for count in range(1, 4):
            await send(world, account, "hello")
            await until(lambda count=count: world.memory.outgoing_statuses() == ["sent"] * count)  # type: ignore[misc]
        assert seen == ["sending", "sent", "sending", "sent", "sent", "sending"]
        assert world.memory.claims == claims
        assert [row.attempts for row in world.memory.outgoing] == [1, 1, 1]


async def test_what_comes_behind_a_message_that_was_handed_over_keeps_its_place(autojump_clock: MockClock) -> None:
    """It is queued; when all of it is sent, the next one is handed over again."""
    world = World()
    account = world.add()
    go_on = trio.Event()

    async def slow(_message_id: str) -> None:
        await go_on.wait()

    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        claims = world.memory.claims
        world.session(account).on_send = slow
        for body in "abc":
            await send(world, account, body)
        await trio.sleep(1)
        assert world.memory.outgoing_statuses() == ["sending", "queued", "queued"]
        go_on.set()
        await until(lambda: world.memory.outgoing_statuses() == ["sent"] * 3)
        assert world.memory.claims == claims + 1
        await trio.sleep(1)
        await send(world, account, "d")
        await until(lambda: world.memory.outgoing_statuses() == ["sent"] * 4)
        assert world.memory.claims == claims + 1
        assert bodies(world, account) == list("abcd")


async def test_nothing_is_handed_over_where_it_could_go_out_twice(autojump_clock: MockClock) -> None:
    """A provider that makes its own ids cannot drop a repeat: it is stored as `sending` before it is sent."""
    world = World(provider=FakeProvider(own_message_ids=False))
    account = world.add()
    seen: list[str] = []

    async def look(_message_id: str) -> None:
        seen.extend(world.memory.outgoing_statuses())

    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        world.session(account).on_send = look
        await send(world, account, "hello")
        await until(lambda: world.memory.outgoing_statuses() == ["sent"])
        assert seen == ["sending"]


async def test_a_message_that_is_handed_over_to_a_session_that_ends_is_sent_by_the_next(
    autojump_clock: MockClock,
) -> None:
    """It waits in the database all the while, and was taken up twice then."""
    world = World()
    account = world.add()

    async def die(_id: str) -> None:
        world.session(account).end(DisconnectReason.CONNECTION_LOST)
        await trio.sleep_forever()

    async with world.running():
        await world.connected(account)
        await trio.sleep(1)
        world.session(account).on_send = die
        answer = await send(world, account, "hello")
        assert isinstance(answer, Queued)
        await until(lambda: world.memory.outgoing_statuses() == ["sent"])
        assert world.provider.arrived == [(account, answer.message.message_id)]
        assert [row.attempts for row in world.memory.outgoing] == [2]


async def test_what_is_queued_behind_a_slow_send_goes_with_one_ring(autojump_clock: MockClock) -> None:
    """More than is claimed at a time, in order."""
    world = World()
    account = world.add()
    go_on = trio.Event()

    async def slow(_message_id: str) -> None:
        await go_on.wait()

    async with world.running():
        await world.connected(account)
        world.session(account).on_send = slow
        for number in range(120):
            assert isinstance(await send(world, account, str(number)), Queued)
        go_on.set()
        await until(lambda: world.memory.outgoing_statuses() == ["sent"] * 120)
        assert bodies(world, account) == [str(number) for number in range(120)]


async def test_a_message_that_may_have_been_stored_is_not_forgotten(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to COMMIT is lost, so the caller is refused: if it was carried out, the message goes nevertheless."""
    world = World()
    account = world.add()
    queue = world.memory.queue_message

    async def lost(message: OutgoingMessage) -> NoReturn:
        await queue(message)
        raise DatabaseUnavailable("the connection broke")

    async with world.running():
        await world.connected(account)
        await trio.sleep(5)
        monkeypatch.setattr(world.memory, "queue_message", lost)
        answer = await send(world, account, "hello")
        assert isinstance(answer, Refused)
        await until(lambda: bodies(world, account) == ["hello"], within=5)


async def test_a_transient_refusal_is_tried_again(autojump_clock: MockClock) -> None:
    """Twice refused for the moment, taken at the third try, with a growing wait in between."""
    world = World(send_attempts=3)
    account = world.add()
    tries: list[float] = []

    async def twice(_id: str) -> None:
        tries.append(trio.current_time())
        if len(tries) < 3:
            raise SendFailed("rate", transient=True)

    async with world.running():
        await world.connected(account)
        world.session(account).on_send = twice
        await send(world, account, "hello")
        await until(lambda: world.memory.outgoing_statuses() == ["sent"])
        assert len(tries) == 3
        assert 0.5 <= tries[1] - tries[0] <= 1.0 <= tries[2] - tries[1] <= 2.0


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (SendFailed("unknown_recipient", "nobody"), 1),
        (SendFailed("rate", transient=True), 3),
        (NotSupported("no stickers here"), 1),
        (ZeroDivisionError("a defect of the provider"), 3),
        (ExceptionGroup("several", [KeyError("x")]), 3),
    ],
)
async def test_a_message_that_is_refused_fails_with_the_reason_and_the_next_one_goes(
    error: Exception, tries: int, autojump_clock: MockClock
) -> None:
    """It costs neither the session nor the messages behind it."""
    world = World(send_attempts=3)
    account = world.add()
    tried: list[str] = []

    async with world.running():
        await world.connected(account)
        first = await send(world, account, "bad")
        assert isinstance(first, Queued)
        await until(lambda: world.memory.outgoing_statuses() == ["sent"])

        async def refuse(message_id: str) -> None:
            tried.append(message_id)
            if message_id == world.memory.outgoing[1].message_id:
                raise error

        world.session(account).on_send = refuse
        await send(world, account, "bad")
        await send(world, account, "good")
        await until(lambda: world.memory.outgoing_statuses() == ["sent", "failed", "sent"])
        assert tried.count(world.memory.outgoing[1].message_id) == tries
        words = str(error) if isinstance(error, SendFailed | NotSupported) else type(error).__name__
        assert words in (world.memory.outgoing[1].error or "")
        assert len(world.provider.sessions) == 1


async def test_unfinished_messages_go_out_again_with_the_same_id(autojump_clock: MockClock) -> None:
    """The session dies with messages in hand: they go first in the next one, in order, under their old ids."""
    world = World()
    account = world.add()

    async def die(_id: str) -> None:
        world.session(account).end(DisconnectReason.CONNECTION_LOST)
        await trio.sleep_forever()

    async with world.running():
        await world.connected(account)
        world.session(account).on_send = die
        for body in "abc":
            await send(world, account, body)
        await until(lambda: len(world.provider.sessions) == 2)
        await send(world, account, "d")
        await until(lambda: world.memory.outgoing_statuses() == ["sent"] * 4)
        assert bodies(world, account) == list("abcd")
        assert [id_ for _, id_ in world.provider.arrived] == [row.message_id for row in world.memory.outgoing]


async def test_a_crash_in_the_middle_leaves_nothing_behind(autojump_clock: MockClock) -> None:
    """What was handed over when wasup died goes out again at the next boot, with the same id."""
    world = World()
    account = world.add()

    async def slow(_id: str) -> None:
        await trio.sleep_forever()

    async with world.running():
        await world.connected(account)
        world.session(account).on_send = slow
        answer = await send(world, account, "hello")
        await until(lambda: world.memory.outgoing_statuses() == ["sending"])
    async with world.running():
        await until(lambda: world.memory.outgoing_statuses() == ["sent"])
        assert isinstance(answer, Queued)
        assert world.provider.arrived == [(account, answer.message.message_id)]


async def test_a_claim_whose_answer_is_lost_leaves_no_message_behind(autojump_clock: MockClock) -> None:
    """The database marked them as `sending` and could not say so: they are sent all the same, each once."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        await send(world, account, "a")
        await until(lambda: world.memory.outgoing_statuses() == ["sent"])
        world.memory.answers_lost = 1
        await send(world, account, "b")
        await send(world, account, "c")
        await until(lambda: world.memory.outgoing_statuses() == ["sent"] * 3)
        assert bodies(world, account) == list("abc")


async def test_what_is_sent_and_not_yet_stored_as_that_is_not_sent_again(autojump_clock: MockClock) -> None:
    """A slow writer and a lost answer together make no second send within a session."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        world.memory.latency = 3.0
        await send(world, account, "a")
        await until(lambda: bodies(world, account) == ["a"])
        world.memory.answers_lost = 1
        await send(world, account, "b")
        await until(lambda: world.memory.outgoing_statuses() == ["sent"] * 2, within=30)
        assert bodies(world, account) == list("ab")


async def test_a_far_side_that_never_answers_a_send_is_deaf(autojump_clock: MockClock) -> None:
    """The session is replaced, and the message goes out on the next one."""
    world = World(send_timeout=30.0)
    account = world.add()

    async def never(_id: str) -> None:
        await trio.sleep_forever()

    async with world.running():
        await world.connected(account)
        world.session(account).on_send = never
        await send(world, account, "hello")
        row = await world.becomes(account, S.RECONNECTING, within=31)
        assert row.status_reason == "deaf"
        await until(lambda: world.memory.outgoing_statuses() == ["sent"])


async def test_an_idempotency_key_sends_once(autojump_clock: MockClock) -> None:
    """A repeat returns the first message; the same key for something else is invalid."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        first = await send(world, account, "hello", key="k")
        again = await send(world, account, "hello", key="k")
        assert isinstance(first, Queued)
        assert isinstance(again, Queued)
        assert (first.new, again.new) == (True, False)
        assert first.message.message_id == again.message.message_id
        other = await send(world, account, "something else", key="k")
        assert isinstance(other, Refused)
        assert other.refusal is Refusal.INVALID
        await trio.sleep(5)
        assert bodies(world, account) == ["hello"]


async def test_messages_wait_while_the_account_reconnects(autojump_clock: MockClock) -> None:
    """They are accepted, and go out when it is back."""
    world = World()
    account = world.add()
    async with world.running():
        await world.connected(account)
        world.session(account).end(DisconnectReason.CONNECTION_LOST)
        await world.becomes(account, S.RECONNECTING)
        assert isinstance(await send(world, account, "later"), Queued)
        await until(lambda: world.memory.outgoing_statuses() == ["sent"])


@pytest.mark.parametrize("status", [S.DISCONNECTED, S.NEEDS_PAIRING, S.SUSPENDED, S.BANNED, S.QR_SCANNING])
async def test_an_account_that_cannot_send_says_so(status: AccountStatus, autojump_clock: MockClock) -> None:
    """The refusal names the state, and nothing is queued."""
    world = World()
    account = world.add(linked=status is not S.QR_SCANNING, desired=status is not S.DISCONNECTED, status=status)
    async with world.running():
        await until(lambda: status is S.DISCONNECTED or world.registry.whereis(f"account-{account}"))
        await world.becomes(account, status)
        answer = await send(world, account, "hello")
        assert isinstance(answer, Refused)
        assert answer.refusal is Refusal.WRONG_STATE
        assert answer.status is status
        assert world.memory.outgoing == []
