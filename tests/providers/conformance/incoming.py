"""What others write."""

import msgspec

from tests.providers.conformance.harness import Harness, Theme
from tests.providers.conformance.talk import (
    ADA,
    GRACE,
    collect,
    contents,
    shown,
    until,
)
from wasup.ports.messages import (
    Image,
    Message,
    Text,
    Unsupported,
)
from wasup.ports.session import (
    Handover,
    Typing,
)

__all__ = ["Incoming"]


class Incoming(Theme):
    """What others write."""

    async def test_incoming_messages_of_every_type_arrive_as_written(self, harness: Harness) -> None:
        """Content comes through unchanged, with who wrote it, where and when."""
        stored = await harness.media("image/png")
        async with harness.ready() as (phone, session):
            target = await harness.write(phone, ADA, "first")
            await collect(session, Message, 1)
            for content in contents(target, lambda mime: msgspec.structs.replace(stored, mime=mime)):
                message_id = await harness.write(phone, ADA, content)
                [message] = await collect(session, Message, 1)
                assert shown(message.content) == shown(content)
                assert (message.id, message.chat, message.sender) == (message_id, ADA, ADA)
                assert not message.from_me
                assert not message.history
                assert message.timestamp > 1_600_000_000_000

    async def test_media_of_a_message_are_fetched_on_demand(self, harness: Harness) -> None:
        """The bytes are those that somebody sent, however large."""
        self.needs(harness, "media")
        data = bytes(range(256)) * 10_000
        media = await harness.media("image/png", data)
        async with harness.ready() as (phone, session):
            await harness.write(phone, ADA, Image(media=media))
            [message] = await collect(session, Message, 1)
            assert isinstance(message.content, Image)
            assert await session.download(message.content.media.ref) == data

    async def test_an_unknown_type_is_kept_raw(self, harness: Harness) -> None:
        """What nobody knows yet still arrives."""
        async with harness.ready() as (phone, session):
            poll = {"type": "poll", "name": "lunch?", "options": ["yes", "no"]}
            await harness.emulator.incoming(ADA, phone=phone, content=poll)
            [message] = await collect(session, Message, 1)
        assert isinstance(message.content, Unsupported)
        assert message.content.name.startswith("poll")
        assert "lunch?" in message.content.raw

    async def test_people_addressed_by_lid_carry_their_number_beside_it(self, harness: Harness) -> None:
        """Both identities of a private chat's person are told."""
        async with harness.ready() as (phone, session):
            await harness.write(phone, GRACE, "hi")
            [message] = await collect(session, Message, 1)
        assert message.chat.endswith("@lid")
        assert message.chat_alt == GRACE
        assert (message.sender, message.sender_alt) == (message.chat, GRACE)

    async def test_group_messages_name_chat_and_writer(self, harness: Harness) -> None:
        """In a group the chat is the group and the sender a person."""
        self.needs(harness, "groups")
        async with harness.ready() as (phone, session):
            [group] = await session.groups()
            await harness.write(phone, group.id, "hello all", sender=ADA)
            [message] = await collect(session, Message, 1)
        assert message.chat == group.id
        assert message.chat_alt is None
        assert message.sender == ADA
        assert message.chat_name == group.subject

    async def test_what_the_own_phone_writes_comes_as_own(self, harness: Harness) -> None:
        """Messages written on the phone itself are `from_me`."""
        async with harness.ready() as (phone, session):
            await harness.write(phone, ADA, "from my phone", from_me=True)
            [message] = await collect(session, Message, 1)
        assert message.from_me
        assert message.chat == ADA
        assert message.sender == f"{phone}@c.us"

    async def test_an_answer_names_the_message_it_quotes(self, harness: Harness) -> None:
        """`quoted_id` comes through."""
        async with harness.ready() as (phone, session):
            first = await harness.write(phone, ADA, "question")
            await harness.write(phone, ADA, "answer", quoted_id=first)
            messages = await collect(session, Message, 2)
        assert messages[1].quoted_id == first

    async def test_many_messages_come_in_order_and_once(self, harness: Harness) -> None:
        """Several hundred in one chat, in the order in which they were written."""
        async with harness.ready() as (phone, session):
            ids = await harness.emulator.incoming(ADA, "number {n}", phone=phone, count=500)
            messages = await collect(session, Message, 500)
        assert [message.id for message in messages] == ids

    async def test_the_longest_texts_come_through(self, harness: Harness) -> None:
        """65,536 characters that are awkward to encode, several times over."""
        body = ("\x01👩🏽‍🚀" * 13_108)[:65_536]
        async with harness.ready() as (phone, session):
            for _ in range(5):
                await harness.write(phone, ADA, Text(body=body))
            messages = await collect(session, Message, 5)
        assert all(message.content == Text(body=body) for message in messages)

    async def test_messages_that_arrive_while_away_come_at_the_next_connection(self, harness: Harness) -> None:
        """Nothing is missed offline, and the order stays; a provider that refetches has it in its history."""
        phone, login = await harness.paired()
        ids = await harness.emulator.incoming(ADA, "{n}", phone=phone, count=100)
        async with harness.opened(login) as session:
            if harness.provider.capabilities.handover is Handover.ACKNOWLEDGES:
                messages = await collect(session, Message, 100)
            else:
                messages = list((await session.history(ADA, after_id=None, limit=1000)).messages)[-100:]
        assert [message.id for message in messages] == ids

    async def test_typing_of_others_is_told(self, harness: Harness) -> None:
        """Somebody begins to write, and stops."""
        self.needs(harness, "typing")
        async with harness.ready() as (phone, session):
            await harness.emulator.ctl("typing", phone=phone, chat=ADA)
            assert (await until(session, Typing)).active
            await harness.emulator.ctl("typing", phone=phone, chat=ADA, active=False)
            stopped = await until(session, Typing)
        assert (stopped.chat, stopped.active) == (ADA, False)
