"""What becomes of messages that are not acknowledged."""

import itertools

import trio
import trio.testing

from tests.providers.conformance.harness import Harness, Theme
from tests.providers.conformance.talk import (
    ADA,
    PATIENCE,
    collect,
    the_end,
    until,
)
from wasup.ports.disconnects import DisconnectReason
from wasup.ports.messages import (
    Message,
    Text,
)
from wasup.ports.session import (
    Delivery,
    SessionEvent,
)

__all__ = ["Acknowledging"]


class Acknowledging(Theme):
    """What becomes of messages that are not acknowledged."""

    async def test_what_was_not_acknowledged_is_handed_over_again(self, harness: Harness) -> None:
        """After a lost connection the unacknowledged comes again, the acknowledged does not."""
        self.acknowledges(harness)
        phone, login = await harness.paired()
        async with harness.opened(login) as session:
            first = await harness.write(phone, ADA, "stored")
            [_] = await collect(session, Message, 1)
            second = await harness.write(phone, ADA, "not stored")
            [_] = await collect(session, Message, 1, acknowledge=False)
            await harness.comes_to(lambda: harness.noted("acknowledged", phone, id=first))
            await harness.emulator.ctl("drop", phone=phone)
            assert (await the_end(session)).reason is DisconnectReason.CONNECTION_LOST
        third = await harness.write(phone, ADA, "while away")
        async with harness.opened(login) as session:
            messages = await collect(session, Message, 2)
        assert [message.id for message in messages] == [second, third]

    async def test_the_unacknowledged_are_bounded(self, harness: Harness) -> None:
        """A window of items is out at most; acknowledging opens it again."""
        self.acknowledges(harness)
        async with harness.ready() as (phone, session):
            await harness.emulator.incoming(ADA, "{n}", phone=phone, count=300)
            first = await until(session, Delivery)
            tokens, held = [first.token], len(first.items)
            with trio.move_on_after(0.3):
                while True:
                    delivery = await until(session, Delivery)
                    tokens.append(delivery.token)
                    held += len(delivery.items)
            assert 0 < held <= 64
            await session.acknowledge(tokens)
            rest = await collect(session, Message, 300 - held)
        assert len(rest) == 300 - held

    async def test_acknowledging_again_does_no_harm(self, harness: Harness) -> None:
        """Repeated, unknown and empty acknowledgements are ignored."""
        self.acknowledges(harness)
        async with harness.ready() as (phone, session):
            await harness.write(phone, ADA, "one")
            delivery = await until(session, Delivery)
            await session.acknowledge([delivery.token])
            await session.acknowledge([delivery.token, delivery.token, 10_000_000])
            await session.acknowledge([])
            await harness.write(phone, ADA, "two")
            [_] = await collect(session, Message, 1)

    async def test_cancelling_receive_loses_nothing(self, harness: Harness) -> None:
        """Receive given up hundreds of times at odd moments: every message still comes, in order."""
        async with harness.ready() as (phone, session):
            ids: list[str] = []

            async def write() -> None:
                for _ in range(20):
                    ids.extend(await harness.emulator.incoming(ADA, "{n}", phone=phone, count=10))

            got: list[str] = []
            async with trio.open_nursery() as nursery:
                nursery.start_soon(write)
                with trio.fail_after(PATIENCE):
                    patience = itertools.cycle((0, 0.0002, 0.001, 0.003))
                    while len(got) < 200:
                        event: SessionEvent | None = None
                        with trio.move_on_after(next(patience)):
                            event = await session.receive()
                        if isinstance(event, Delivery):
                            got += [item.id for item in event.items if isinstance(item, Message)]
                            await session.acknowledge([event.token])
        assert got == ids

    async def test_a_slow_consumer_does_not_hold_up_requests(self, harness: Harness) -> None:
        """With deliveries piled up unread, a probe and a send are answered all the same."""
        async with harness.ready() as (phone, session):
            await harness.emulator.incoming(ADA, "{n}", phone=phone, count=500)
            with trio.fail_after(PATIENCE):
                await session.probe()
                await session.send(ADA, Text(body="hi"), message_id=f"3EB0{phone}")
