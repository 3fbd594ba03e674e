"""What the account itself writes."""

from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from tests.providers.conformance.harness import Harness, Theme
from tests.providers.conformance.talk import (
    ADA,
    NOBODY,
    PATIENCE,
    collect,
    contents,
)
from wasup.ports.disconnects import Disconnected
from wasup.ports.messages import (
    Audio,
    Content,
    Document,
    Edit,
    Image,
    MediaRef,
    Message,
    MessageStatus,
    Reaction,
    Receipt,
    Revoke,
    Sticker,
    Text,
    Video,
    Voice,
)
from wasup.ports.session import (
    SendFailed,
)

__all__ = ["Sending"]

_MEDIA = (Image, Video, Audio, Voice, Document, Sticker)
_ACTIONS = (Reaction, Edit, Revoke)
_MIMES = (
    "image/png",
    "image/jpeg",
    "video/mp4",
    "audio/mpeg",
    "audio/ogg; codecs=opus",
    "application/pdf",
    "image/webp",
)
_NEEDS: dict[Any, str] = {Reaction: "reactions", Edit: "edits", Revoke: "revokes"} | dict.fromkeys(_MEDIA, "media")


class Sending(Theme):
    """What the account itself writes."""

    async def test_sends_of_every_type_arrive_as_said(self, harness: Harness) -> None:
        """The far side has what was sent, under the id it was sent with, as an answer to what it answers."""
        capabilities = harness.provider.capabilities
        async with harness.ready() as (phone, session):
            question = await harness.write(phone, ADA, "well?")
            await collect(session, Message, 1)
            mine = await session.send(ADA, Text(body="first"), message_id=f"3EB0{phone}00")
            refs = {
                mime: await session.upload(b"abc", mime=mime, filename="a.bin") if capabilities.media else ""
                for mime in _MIMES
            }
            for number, content in enumerate(
                contents(mine.id, lambda mime: MediaRef(ref=refs[mime], mime=mime, size=3, filename="a.bin")), 1
            ):
                needed = _NEEDS.get(type(content))
                if needed is not None and not getattr(capabilities, needed):
                    continue
                plain = harness.quotes_actions or not isinstance(content, _ACTIONS)
                sent = await session.send(
                    ADA, content, message_id=f"3EB0{phone}{number:02}", quoted_id=question if plain else None
                )
                row = (await harness.noted("send", phone))[-1]
                assert harness.as_sent(msgspec.convert(row["content"], Content)) == harness.as_sent(content)
                assert row["chat"] == ADA
                assert sent.timestamp > 1_600_000_000_000
                if plain:
                    assert row["id"] == sent.id
                    assert row["quoted_id"] == question

    async def test_what_a_session_sends_is_not_handed_over_to_it(self, harness: Harness) -> None:
        """Whoever sent it knows it already; it is news to other clients alone."""
        capabilities = harness.provider.capabilities
        async with harness.ready() as (phone, session):
            theirs = await harness.write(phone, ADA, "first")
            await collect(session, Message, 1)
            mine = (await session.send(ADA, Text(body="hi"), message_id=f"3EB0{phone}1")).id
            if capabilities.reactions:
                reaction = Reaction(target_id=theirs, emoji="🎉")
                await session.send(ADA, reaction, message_id=f"3EB0{phone}2")
            if capabilities.edits:
                await session.send(ADA, Edit(target_id=mine, body="better"), message_id=f"3EB0{phone}3")
            if capabilities.revokes:
                await session.send(ADA, Revoke(target_id=mine), message_id=f"3EB0{phone}4")
            last = await harness.write(phone, ADA, "last")
            [message] = await collect(session, Message, 1)
        assert message.id == last

    async def test_a_send_is_followed_by_its_receipts(self, harness: Harness) -> None:
        """Delivered, then read."""
        async with harness.ready() as (phone, session):
            sent = await session.send(ADA, Text(body="hi"), message_id=f"3EB0{phone}")
            receipts = await collect(session, Receipt, 2)
        assert [receipt.status for receipt in receipts] == [MessageStatus.DELIVERED, MessageStatus.READ]
        assert {(receipt.chat, receipt.message_ids) for receipt in receipts} == {(ADA, (sent.id,))}

    async def test_receipts_of_a_group_name_who_they_are_from(self, harness: Harness) -> None:
        """Each participant's phone tells for itself."""
        self.needs(harness, "groups")
        async with harness.ready() as (phone, session):
            [group] = await session.groups()
            await session.send(group.id, Text(body="hi all"), message_id=f"3EB0{phone}")
            receipts = await collect(session, Receipt, 4)
        assert {receipt.chat for receipt in receipts} == {group.id}
        assert len({receipt.participant for receipt in receipts}) == 2
        assert None not in {receipt.participant for receipt in receipts}

    async def test_the_same_id_sent_twice_arrives_once(self, harness: Harness) -> None:
        """A repeat is answered like the first, and the far side has one message."""
        self.own_ids(harness)
        async with harness.ready() as (phone, session):
            key = f"3EB0{phone}"
            first = await session.send(ADA, Text(body="once"), message_id=key)
            second = await session.send(ADA, Text(body="once"), message_id=key)
            assert first == second
            assert len(await harness.noted("send", phone)) == 1
            assert len(await harness.noted("repeat", phone, id=key)) == (0 if harness.mends_lines else 1)

    async def test_a_send_whose_answer_was_lost_can_be_repeated(self, harness: Harness) -> None:
        """The line is cut before the answer; sent again on a new connection, it has arrived once."""
        self.own_ids(harness)
        phone, login = await harness.paired()
        key = f"3EB0{phone}"
        await harness.emulator.ctl("lose_answers", phone=phone)
        async with harness.opened(login) as session:
            with trio.fail_after(PATIENCE):
                if harness.mends_lines:
                    await session.send(ADA, Text(body="once"), message_id=key)
                else:
                    with pytest.raises(Disconnected):
                        await session.send(ADA, Text(body="once"), message_id=key)
        async with harness.opened(login) as session:
            sent = await session.send(ADA, Text(body="once"), message_id=key)
        assert sent.id == key
        assert len(await harness.noted("send", phone)) == 1

    async def test_an_unknown_recipient_is_refused(self, harness: Harness) -> None:
        """A number that is not on WhatsApp, and a group that this account is not in."""
        async with harness.ready() as (phone, session):
            for chat in (NOBODY, "120363000000000000@g.us", "123456789@lid"):
                with pytest.raises(SendFailed) as refusal:
                    await session.send(chat, Text(body="hi"), message_id=f"3EB0{phone}")
                assert refusal.value.code == "unknown_recipient"
                assert not refusal.value.transient
            await session.probe()

    async def test_a_refused_send_tells_whether_it_is_worth_another_try(self, harness: Harness) -> None:
        """Refusals carry a word and whether they are transient."""
        async with harness.ready() as (phone, session):
            said, told = harness.transient_refusal
            await harness.emulator.ctl("fail_sends", phone=phone, code=said, transient=True)
            with pytest.raises(SendFailed) as refusal:
                await session.send(ADA, Text(body="hi"), message_id=f"3EB0{phone}")
            assert refusal.value.code == told
            assert refusal.value.transient
            await session.send(ADA, Text(body="hi"), message_id=f"3EB0{phone}")

    async def test_a_restricted_account_cannot_begin_new_chats(self, harness: Harness) -> None:
        """463: answers go out, first contacts do not."""
        async with harness.ready() as (phone, session):
            await harness.emulator.ctl("restrict", phone=phone, seconds=60)
            with pytest.raises(SendFailed) as refusal:
                await session.send("4915112345678@c.us", Text(body="hi"), message_id=f"3EB1{phone}")
            assert refusal.value.code == "restricted"
            await session.send(ADA, Text(body="hi"), message_id=f"3EB2{phone}")

    async def test_many_sends_at_once_get_their_own_answers(self, harness: Harness) -> None:
        """Answers are not mixed up between concurrent calls."""
        async with harness.ready() as (phone, session):

            async def one(number: int) -> None:
                key = f"3EB0{phone}{number}"
                assert (await session.send(ADA, Text(body=str(number)), message_id=key)).id == key

            with trio.fail_after(PATIENCE):
                async with trio.open_nursery() as nursery:
                    for number in range(100):
                        nursery.start_soon(one, number)
            rows = await harness.noted("send", phone)
        assert len({row["id"] for row in rows}) == len(rows) == 100

    async def test_read_marks_reach_the_far_side(self, harness: Harness) -> None:
        """Marking as read tells the senders."""
        self.needs(harness, "read_marks")
        async with harness.ready() as (phone, session):
            key = await harness.write(phone, ADA, "read me")
            await collect(session, Message, 1)
            await session.mark_read(ADA, [key])
            [row] = await harness.noted("read", phone)
        assert row["chat"] == ADA
        assert row["ids"] == [key] if harness.reads_single_messages else key in row["ids"]

    async def test_typing_reaches_the_far_side(self, harness: Harness) -> None:
        """Others see that the account writes."""
        self.needs(harness, "typing")
        async with harness.ready() as (phone, session):
            await session.set_typing(ADA, active=True)
            await session.set_typing(ADA, active=False)
            rows = await harness.noted("typing", phone, chat=ADA)
        assert [row["active"] for row in rows] == [True, False]
