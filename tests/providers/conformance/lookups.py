"""Chats, people, history and files that are asked for."""

import pytest

from tests.providers.conformance.harness import Harness, Theme
from tests.providers.conformance.talk import (
    ADA,
    GRACE,
    LINUS,
    collect,
)
from wasup.ports.messages import (
    GroupChanged,
    Message,
    Text,
)

__all__ = ["Lookups"]


class Lookups(Theme):
    """Chats, people, history and files that are asked for."""

    async def test_chats_contacts_and_groups_are_listed(self, harness: Harness) -> None:
        """Everything that the phone knows, with both identities where there are two."""
        self.needs(harness, "groups")
        async with harness.ready() as (phone, session):
            chats = {chat.id: chat for chat in await session.chats()}
            contacts = {contact.id: contact for contact in await session.contacts()}
            [group] = await session.groups()
        assert chats[ADA].name == contacts[ADA].name == "Ada"
        assert group.id in chats
        [grace] = [contact for contact in contacts.values() if contact.name == "Grace"]
        assert grace.id.endswith("@lid")
        assert grace.alt == GRACE
        assert contacts[LINUS].alt is None
        assert group.participants is not None
        admins = {person.id for person in group.participants if person.admin}
        assert admins == {f"{phone}@c.us"}
        assert len(group.participants) == 3

    async def test_a_changed_group_is_told(self, harness: Harness) -> None:
        """A new subject and a new member arrive as an item."""
        self.needs(harness, "groups")
        async with harness.ready() as (phone, session):
            [group] = await session.groups()
            await harness.emulator.ctl("group", phone=phone, id=group.id, subject="Renamed 🎈", add=["15550003333"])
            [changed] = await collect(session, GroupChanged, 1)
        assert (changed.id, changed.subject) == (group.id, "Renamed 🎈")
        assert changed.participants is not None
        assert LINUS in {person.id for person in changed.participants}

    async def test_history_gives_what_came_after_a_message(self, harness: Harness) -> None:
        """From the beginning, after an id, and page by page."""
        self.needs(harness, "history")
        async with harness.ready() as (phone, session):
            ids = await harness.emulator.incoming(LINUS, "{n}", phone=phone, count=25)
            await collect(session, Message, 25)
            whole = await session.history(LINUS, after_id=None, limit=100)
            assert [message.id for message in whole.messages] == ids
            assert not whole.more
            page = await session.history(LINUS, after_id=ids[4], limit=10)
            assert [message.id for message in page.messages] == ids[5:15]
            assert page.more
            nothing = await session.history(LINUS, after_id=ids[-1], limit=10)
        assert nothing.messages == ()
        assert not nothing.more

    async def test_history_after_a_message_that_is_gone_is_a_lookup_error(self, harness: Harness) -> None:
        """Whoever asks can then ask by time."""
        self.needs(harness, "history")
        async with harness.ready() as (phone, session):
            ids = await harness.emulator.incoming(LINUS, "{n}", phone=phone, count=3)
            messages = await collect(session, Message, 3)
            with pytest.raises(LookupError):
                await session.history(LINUS, after_id="3EB0FFFFFFFFFFFFFFFF", limit=10)
            page = await session.history(LINUS, after_id=None, limit=10, since=messages[-1].timestamp)
            assert ids[-1] in {message.id for message in page.messages}
            assert all(message.timestamp >= messages[-1].timestamp for message in page.messages)
            late = await session.history(LINUS, after_id=None, limit=10, since=messages[-1].timestamp + 3_600_000)
        assert (late.messages, late.more) == ((), False)

    async def test_history_has_both_directions(self, harness: Harness) -> None:
        """What the account wrote itself is part of the chat."""
        self.needs(harness, "history")
        async with harness.ready() as (phone, session):
            theirs = await harness.write(phone, LINUS, "hi")
            mine = (await session.send(LINUS, Text(body="ho"), message_id=f"3EB0{phone}")).id
            page = await session.history(LINUS, after_id=None, limit=10)
        assert [(m.id, m.from_me) for m in page.messages] == [(theirs, False), (mine, True)]

    async def test_media_go_up_and_down(self, harness: Harness) -> None:
        """The bytes that come back are those that went in."""
        self.needs(harness, "media")
        data = bytes(range(256)) * 1000
        async with harness.ready() as (_, session):
            ref = await session.upload(data, mime="image/png", filename="ä b.png")
            assert await session.download(ref) == data

    async def test_media_that_are_gone_are_told_as_such(self, harness: Harness) -> None:
        """Lost media is a LookupError, not the end of the session."""
        self.needs(harness, "media")
        async with harness.ready() as (_, session):
            ref = await session.upload(b"abc", mime="text/plain")
            await harness.lose(ref)
            for lost in (ref, "../../etc/passwd", ""):
                with pytest.raises(LookupError):
                    await session.download(lost)
            await session.probe()
