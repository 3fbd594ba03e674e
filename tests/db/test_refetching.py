"""A provider that refetches, over real databases: rows, events and watermarks after restarts in bad moments."""

from contextlib import suppress
from typing import Any

import trio

from tests.actors.fakes import FakeSession, RefetchingProvider, message
from tests.db.stage import Stage, until
from wasup.ports.disconnects import DisconnectReason
from wasup.ports.messages import Message

ANN, BOB = "5511777776666@c.us", "5511777775555@c.us"


def written(stage: Stage, *ids: str, chat: str = ANN) -> list[Message]:
    """Messages of this moment, in the order of their ids."""
    now = stage.runtime.clock.now_ms()
    return [message(id_, chat=chat, timestamp=now + at) for at, id_ in enumerate(ids)]


async def stored(stage: Stage, count: int) -> None:
    """Wait until so many messages are stored."""
    await until(stage.world, "SELECT COUNT(*) FROM messages", value=count)


async def told(stage: Stage, account: int) -> list[str]:
    """Ids of the messages that made an event, sorted."""
    events = await stage.world.db.stats.events(None, account, 0, 1000)
    return sorted(event.data.message_id for event in events if event.type == "message.received")


async def marked(stage: Stage, account: int) -> dict[str, str | None]:
    """Message ids of the watermarks."""
    found = await stage.world.db.sync.watermarks(account)
    return {chat: mark.message_id for chat, mark in found.items()}


async def test_a_gap_is_closed_before_live_messages_move_the_watermark_over_it(world: Any) -> None:
    """Three lives: one that stores, one that dies with the gap open, one that finds all of it; every event once."""
    provider = RefetchingProvider()
    stage = Stage(world, provider, history_messages=4)
    account = await stage.account()
    async with stage.running():
        await stage.connected(account)
        provider.write(account, *written(stage, "a0", "a1"), *written(stage, "b0", chat=BOB))
        await stored(stage, 3)
        with trio.fail_after(10):
            while await marked(stage, account) != {ANN: "a1", BOB: "b0"}:
                await trio.sleep(0.02)
    away = [f"c{n:02}" for n in range(25)]
    provider.write(account, *written(stage, *away), live=False)

    async def slow_history(session: FakeSession) -> None:
        async def hang(_chat: str) -> None:
            await trio.sleep_forever()

        session.on_history = hang
        session.become_ready()

    provider.plans[account] = slow_history
    async with stage.running():
        await stage.connected(account)
        provider.write(account, *written(stage, "d0"))
        await stored(stage, 4)
        assert (await marked(stage, account))[ANN] == "a1"
    del provider.plans[account]
    async with stage.running():
        await stored(stage, 29)
        await until(world, "SELECT watermark_id FROM chats WHERE jid=?", ANN, value="d0")
    assert await told(stage, account) == sorted(["a0", "a1", "b0", *away, "d0"])
    chat_ids = await world.rows("SELECT DISTINCT chat_id FROM messages")
    assert len(chat_ids) == 2


async def test_what_was_taken_while_the_database_refused_is_fetched_again(world: Any) -> None:
    """The connection ends with messages in hand that were never stored: the next session asks for them."""
    provider = RefetchingProvider()
    stage = Stage(world, provider, window=2)
    account = await stage.account()
    async with stage.running():
        await stage.connected(account)
        provider.write(account, *written(stage, "a0"))
        await until(world, "SELECT MAX(watermark_id) FROM chats", value="a0")
        provider.write(account, *written(stage, *(f"a{n}" for n in range(1, 40))))
        session = provider.live(account)
        assert session is not None
        session.end(DisconnectReason.CONNECTION_LOST)
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:
                session._receive.receive_nowait()  # WhatsApp was told, the process never saw it
        await stored(stage, 40)
        assert await told(stage, account) == sorted(f"a{n}" for n in range(40))
