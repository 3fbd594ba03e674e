"""What every provider must do, as a class of tests.

A provider's test module subclasses `ProviderConformance` and gives a fixture `harness`: the provider under
test, and somebody who plays the phones and the other people. What a provider cannot do by its `Capabilities`
is skipped.
"""

import hashlib
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar, TypeAlias, TypeVar

import msgspec
import pytest
import trio
import trio.testing

from wasup.emulator.client import EmulatorClient
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import (
    Audio,
    ContactCards,
    Content,
    Document,
    Edit,
    GroupChanged,
    Image,
    Location,
    MediaRef,
    Message,
    MessageStatus,
    Reaction,
    Receipt,
    Revoke,
    Sticker,
    Text,
    Unsupported,
    Video,
    Voice,
)
from wasup.ports.session import (
    Delivery,
    Handover,
    Login,
    Paired,
    PairingCodeIssued,
    PairingRefused,
    Provider,
    QrIssued,
    Ready,
    SendFailed,
    Session,
    SessionEvent,
    Typing,
)

__all__ = ["PATIENCE", "Harness", "ProviderConformance", "collect", "the_end", "until"]

PATIENCE = 8.0  # seconds that any one thing may take here; a bound for real I/O, never waited out in a good run

ADA = "15550001111@c.us"  # addressed by phone number, LID known
GRACE = "15550002222@c.us"  # addressed by LID
LINUS = "15550003333@c.us"  # LID not known
NOBODY = "00012345678@c.us"

_VCARD = "BEGIN:VCARD\nVERSION:3.0\nFN:{}\nEND:VCARD"
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
_T = TypeVar("_T")
Ends: TypeAlias = list[tuple[str, dict[str, object], DisconnectReason]]


def contents(target: str, media: Callable[[str], MediaRef]) -> list[Content]:
    """One content of each type, or more where they differ; the last ones are about the message `target`."""
    return [
        Text(body="plain, naïve, 你好, 👩🏽‍🚀, \u202eback\u202c"),
        Image(media=media("image/png"), caption="a picture"),
        Image(media=media("image/jpeg")),
        Video(media=media("video/mp4"), caption="a film"),
        Audio(media=media("audio/mpeg"), seconds=3),
        Voice(media=media("audio/ogg; codecs=opus"), seconds=7),
        Document(media=media("application/pdf"), caption="a file"),
        Sticker(media=media("image/webp")),
        Location(latitude=-23.5505, longitude=-46.6333, name="Sé", address="Praça da Sé"),
        ContactCards(vcards=(_VCARD.format("Ada"),)),
        ContactCards(vcards=(_VCARD.format("Ada"), _VCARD.format("Grace"))),
        Reaction(target_id=target, emoji="🎉"),
        Reaction(target_id=target, emoji=""),
        Edit(target_id=target, body="better"),
        Revoke(target_id=target),
    ]


def shown(content: Content) -> Any:
    """A content as it can be compared: where its bytes are is the provider's own affair."""
    plain = msgspec.to_builtins(content)
    return plain | {"media": plain["media"] | {"ref": "…"}} if "media" in plain else plain


async def until(session: Session, kind: type[_T], wanted: Callable[[_T], bool] = lambda _: True) -> _T:
    """The next event of a kind; others are passed over."""
    with trio.fail_after(PATIENCE):
        while True:
            event: SessionEvent = await session.receive()
            if isinstance(event, kind) and wanted(event):
                return event


async def collect(session: Session, kind: type[_T], count: int, *, acknowledge: bool = True) -> list[_T]:
    """So many items of a kind, in order; deliveries are acknowledged as they come."""
    found: list[_T] = []
    while len(found) < count:
        delivery = await until(session, Delivery)
        found += [item for item in delivery.items if isinstance(item, kind)]
        if acknowledge:
            await session.acknowledge([delivery.token])
    return found


async def the_end(session: Session) -> Disconnected:
    """How the session ends."""
    with trio.fail_after(PATIENCE):
        try:
            while True:
                await session.receive()
        except Disconnected as end:
            return end


async def how_it_ends(provider: Provider, login: Login) -> Disconnected:
    """How a session ends that is opened only to see that; on entering, or later."""
    try:
        async with provider.open(login) as session:
            return await the_end(session)
    except Disconnected as end:
        return end


class Harness:
    """The provider under test, and an emulator that plays WhatsApp for it.

    Attributes:
        provider: with the emulator's ordinary behaviour.
        brisk: the same with QR codes that run out within a second, and two pairing codes an hour at most.
        watchful: the same, noticing a silent far side within a second; None where that is left to `probe`.
        ends_after_pairing: WhatsApp's 515 ends the session in which a phone was paired. A client that hides it
            goes on to `Ready`.
        mends_lines: a line that was cut is opened again below the port, and the session goes on.
        transient_refusal: what WhatsApp says to a send that is worth another try, and the code of that.
        reads_single_messages: a read mark is for the messages it names; else for all of the chat.
        quotes_actions: a reaction, an edit or a deletion can be an answer, and has an id of ours.
    """

    ends_after_pairing = True
    mends_lines = False
    quotes_actions = True
    reads_single_messages = True
    transient_refusal = ("busy", "busy")

    _numbers = itertools.count(551_199_000_0000)

    def __init__(
        self,
        emulator: EmulatorClient,
        provider: Provider,
        *,
        brisk: Provider,
        watchful: Provider | None,
    ) -> None:
        self.emulator = emulator
        self.provider = provider
        self.brisk = brisk
        self.watchful = watchful

    def new_phone(self) -> str:
        """A number that no other test uses."""
        return str(next(self._numbers))

    def login(self, secret: bytes | None = None) -> Login:
        """What a session starts from."""
        return Login(account_id=1, session_id="webjs_1_1700000000000_abcdefgh", secret=secret)

    async def paired(self) -> tuple[str, Login]:
        """An account that is linked already: its number, and a login to be restored."""
        phone = self.new_phone()
        [(phone, secret)] = await self.emulator.make_accounts(1, phone)
        return phone, self.login(secret)

    @asynccontextmanager
    async def ready(self, provider: Provider | None = None) -> AsyncIterator[tuple[str, Session]]:
        """A session of a new account, ready."""
        phone, login = await self.paired()
        async with self.opened(login, provider) as session:
            yield phone, session

    @asynccontextmanager
    async def opened(self, login: Login, provider: Provider | None = None) -> AsyncIterator[Session]:
        """A restored session, ready."""
        async with (provider or self.provider).open(login) as session:
            await until(session, Ready)
            yield session

    async def write(self, phone: str, chat: str, content: Content | str, **more: Any) -> str:
        """Somebody writes to the account; the message's id."""
        if isinstance(content, str):
            [message_id] = await self.emulator.incoming(chat, content, phone=phone, **more)
        else:
            said = msgspec.to_builtins(content)
            [message_id] = await self.emulator.incoming(chat, phone=phone, content=said, **more)
        return message_id

    async def media(self, mime: str, data: bytes = b"abc") -> MediaRef:
        """Bytes that somebody has sent, as the far side knows them."""
        ref = await self.emulator.upload(data, mime)
        return MediaRef(ref=ref, mime=mime, size=len(data), sha256=hashlib.sha256(data).hexdigest(), filename="a.bin")

    def as_sent(self, content: Content) -> Any:
        """A content as it is the same on both sides; what a client finds out about a file itself is left out."""
        return shown(content)

    async def lose(self, ref: str) -> None:
        """What was uploaded is gone."""
        await self.emulator.ctl("forget_media", ref=ref)

    async def cut(self, phone: str, login: Login) -> DisconnectReason:
        """End a session's connection from outside, without a word; how that is told."""
        del login
        await self.emulator.ctl("drop", phone=phone)
        return DisconnectReason.CONNECTION_LOST

    async def noted(self, kind: str, phone: str, **wanted: object) -> list[dict[str, Any]]:
        """What the far side's log says of the account."""
        rows = await self.emulator.log(kind=kind, phone=phone)
        return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]

    async def comes_to(self, condition: Callable[[], Any]) -> None:
        """Wait, bounded, until an asynchronous condition of the far side holds."""
        with trio.fail_after(PATIENCE):
            while not await condition():
                await trio.sleep(0.01)


class ProviderConformance:
    """Subclass it with a fixture `harness`.

    Attributes:
        ends: what the far side does to a session (a control and its body), and how that is told.
    """

    ends: ClassVar[Ends] = [
        ("restart_required", {}, DisconnectReason.RESTART_REQUIRED),
        ("drop", {}, DisconnectReason.CONNECTION_LOST),
        ("disconnect", {"code": 428}, DisconnectReason.CONNECTION_LOST),
        ("disconnect", {"code": 500}, DisconnectReason.BAD_SESSION),
        ("disconnect", {"code": 503}, DisconnectReason.UNAVAILABLE),
        ("unlink", {}, DisconnectReason.LOGGED_OUT),
        ("ban", {"temporary": 60}, DisconnectReason.TEMPORARILY_BANNED),
        ("lock", {}, DisconnectReason.LOCKED),
        ("ban", {}, DisconnectReason.BANNED),
        ("proxy_block", {}, DisconnectReason.PROXY_BLOCKED),
        ("disconnect", {"code": 405}, DisconnectReason.CLIENT_OUTDATED),
        ("conflict", {}, DisconnectReason.REPLACED),
        ("garble", {}, DisconnectReason.PROTOCOL_ERROR),
        ("garble", {"text": '{"t":"no such frame"}'}, DisconnectReason.PROTOCOL_ERROR),
        ("disconnect", {"code": 599}, DisconnectReason.PROTOCOL_ERROR),
    ]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test for each of the ends."""
        if "control" in metafunc.fixturenames:
            metafunc.parametrize(("control", "body", "reason"), self.ends)

    # -- logins -------------------------------------------------------------------------------------------------

    async def test_without_a_secret_a_qr_code_is_offered(self, harness: Harness) -> None:
        """The first event of a new login is the first code, with its time."""
        async with harness.provider.open(harness.login()) as session:
            offer = await until(session, QrIssued)
        assert offer.attempt == 1
        assert offer.expires_in > 0
        assert offer.code

    async def test_qr_codes_rotate_until_they_are_exhausted(self, harness: Harness) -> None:
        """Six different codes, numbered, then the attempt has expired."""
        offers: list[QrIssued] = []
        async with harness.brisk.open(harness.login()) as session:
            with trio.fail_after(PATIENCE), pytest.raises(Disconnected) as end:  # noqa: PT012
                while True:
                    event = await session.receive()
                    assert isinstance(event, QrIssued)
                    offers.append(event)
        assert end.value.reason is DisconnectReason.QR_EXPIRED
        assert [offer.attempt for offer in offers] == [1, 2, 3, 4, 5, 6]
        assert len({offer.code for offer in offers}) == 6

    async def test_a_scanned_code_pairs_and_the_secret_restores_the_login(self, harness: Harness) -> None:
        """After the scan comes `Paired`; its secret makes the next session ready without a QR code."""
        phone = harness.new_phone()
        async with harness.provider.open(harness.login()) as session:
            offer = await until(session, QrIssued)
            await harness.emulator.scan(offer.code, phone)
            paired = await until(session, Paired)
            assert paired.me.id == f"{phone}@c.us"
            if harness.ends_after_pairing:
                assert (await the_end(session)).reason is DisconnectReason.RESTART_REQUIRED
            else:
                assert (await until(session, Ready)).me.id == paired.me.id
        async with harness.provider.open(harness.login(paired.secret)) as session:
            ready = await until(session, Ready)
        assert (ready.me.id, ready.me.lid) == (paired.me.id, paired.me.lid)
        assert ready.me.push_name

    async def test_a_pairing_code_pairs(self, harness: Harness) -> None:
        """The code asked for arrives as an event, and typing it on the phone links the account."""
        self._needs(harness, "pairing_code")
        phone = harness.new_phone()
        async with harness.provider.open(harness.login()) as session:
            await until(session, QrIssued)
            await session.request_pairing_code(phone)
            issued = await until(session, PairingCodeIssued)
            assert issued.phone == phone
            assert len(issued.code) == 8
            await harness.emulator.enter_code(issued.code)
            paired = await until(session, Paired)
        assert paired.me.id == f"{phone}@c.us"

    async def test_a_pairing_code_is_refused_without_an_international_number(self, harness: Harness) -> None:
        """A refusal is an exception of its own, and the QR code stays on offer."""
        self._needs(harness, "pairing_code")
        async with harness.provider.open(harness.login()) as session:
            offer = await until(session, QrIssued)
            with pytest.raises(PairingRefused):
                await session.request_pairing_code("12")
            await harness.emulator.scan(offer.code, harness.new_phone())
            await until(session, Paired)

    async def test_too_many_pairing_codes_are_refused_with_a_time(self, harness: Harness) -> None:
        """`rate-overlimit` tells how long to wait."""
        self._needs(harness, "pairing_code")
        phone = harness.new_phone()
        async with harness.brisk.open(harness.login()) as session:
            await until(session, QrIssued)
            await session.request_pairing_code(phone)
            await session.request_pairing_code(phone)
            with pytest.raises(PairingRefused) as refusal:
                await session.request_pairing_code(phone)
        assert refusal.value.retry_after is not None
        assert refusal.value.retry_after > 60

    async def test_a_login_that_the_phone_has_unlinked_is_logged_out(self, harness: Harness) -> None:
        """An unlinked secret ends the session at once, and for good."""
        phone, login = await harness.paired()
        await harness.emulator.ctl("unlink", phone=phone)
        async with harness.provider.open(login) as session:
            assert (await the_end(session)).reason is DisconnectReason.LOGGED_OUT

    async def test_a_secret_that_is_rubbish_is_told_as_a_damaged_login(self, harness: Harness) -> None:
        """Whatever lies in the secret, the end is a typed one."""
        for rubbish in (b"", b"\xff\x00", b"x" * 10_000):
            with pytest.raises(Disconnected) as end:  # noqa: PT012
                async with harness.provider.open(harness.login(rubbish)) as session:
                    with trio.fail_after(PATIENCE):
                        while True:
                            await session.receive()
            assert end.value.reason in {DisconnectReason.LOGGED_OUT, DisconnectReason.BAD_SESSION}

    # -- incoming -----------------------------------------------------------------------------------------------

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
        self._needs(harness, "media")
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
        self._needs(harness, "groups")
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
        self._needs(harness, "typing")
        async with harness.ready() as (phone, session):
            await harness.emulator.ctl("typing", phone=phone, chat=ADA)
            assert (await until(session, Typing)).active
            await harness.emulator.ctl("typing", phone=phone, chat=ADA, active=False)
            stopped = await until(session, Typing)
        assert (stopped.chat, stopped.active) == (ADA, False)

    # -- acknowledging ------------------------------------------------------------------------------------------

    async def test_what_was_not_acknowledged_is_handed_over_again(self, harness: Harness) -> None:
        """After a lost connection the unacknowledged comes again, the acknowledged does not."""
        self._acknowledges(harness)
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
        self._acknowledges(harness)
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
        self._acknowledges(harness)
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

    # -- sending ------------------------------------------------------------------------------------------------

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
        self._needs(harness, "groups")
        async with harness.ready() as (phone, session):
            [group] = await session.groups()
            await session.send(group.id, Text(body="hi all"), message_id=f"3EB0{phone}")
            receipts = await collect(session, Receipt, 4)
        assert {receipt.chat for receipt in receipts} == {group.id}
        assert len({receipt.participant for receipt in receipts}) == 2
        assert None not in {receipt.participant for receipt in receipts}

    async def test_the_same_id_sent_twice_arrives_once(self, harness: Harness) -> None:
        """A repeat is answered like the first, and the far side has one message."""
        self._own_ids(harness)
        async with harness.ready() as (phone, session):
            key = f"3EB0{phone}"
            first = await session.send(ADA, Text(body="once"), message_id=key)
            second = await session.send(ADA, Text(body="once"), message_id=key)
            assert first == second
            assert len(await harness.noted("send", phone)) == 1
            assert len(await harness.noted("repeat", phone, id=key)) == (0 if harness.mends_lines else 1)

    async def test_a_send_whose_answer_was_lost_can_be_repeated(self, harness: Harness) -> None:
        """The line is cut before the answer; sent again on a new connection, it has arrived once."""
        self._own_ids(harness)
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
        self._needs(harness, "read_marks")
        async with harness.ready() as (phone, session):
            key = await harness.write(phone, ADA, "read me")
            await collect(session, Message, 1)
            await session.mark_read(ADA, [key])
            [row] = await harness.noted("read", phone)
        assert row["chat"] == ADA
        assert row["ids"] == [key] if harness.reads_single_messages else key in row["ids"]

    async def test_typing_reaches_the_far_side(self, harness: Harness) -> None:
        """Others see that the account writes."""
        self._needs(harness, "typing")
        async with harness.ready() as (phone, session):
            await session.set_typing(ADA, active=True)
            await session.set_typing(ADA, active=False)
            rows = await harness.noted("typing", phone, chat=ADA)
        assert [row["active"] for row in rows] == [True, False]

    # -- looking up ---------------------------------------------------------------------------------------------

    async def test_chats_contacts_and_groups_are_listed(self, harness: Harness) -> None:
        """Everything that the phone knows, with both identities where there are two."""
        self._needs(harness, "groups")
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
        self._needs(harness, "groups")
        async with harness.ready() as (phone, session):
            [group] = await session.groups()
            await harness.emulator.ctl("group", phone=phone, id=group.id, subject="Renamed 🎈", add=["15550003333"])
            [changed] = await collect(session, GroupChanged, 1)
        assert (changed.id, changed.subject) == (group.id, "Renamed 🎈")
        assert changed.participants is not None
        assert LINUS in {person.id for person in changed.participants}

    async def test_history_gives_what_came_after_a_message(self, harness: Harness) -> None:
        """From the beginning, after an id, and page by page."""
        self._needs(harness, "history")
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
        self._needs(harness, "history")
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
        self._needs(harness, "history")
        async with harness.ready() as (phone, session):
            theirs = await harness.write(phone, LINUS, "hi")
            mine = (await session.send(LINUS, Text(body="ho"), message_id=f"3EB0{phone}")).id
            page = await session.history(LINUS, after_id=None, limit=10)
        assert [(m.id, m.from_me) for m in page.messages] == [(theirs, False), (mine, True)]

    async def test_media_go_up_and_down(self, harness: Harness) -> None:
        """The bytes that come back are those that went in."""
        self._needs(harness, "media")
        data = bytes(range(256)) * 1000
        async with harness.ready() as (_, session):
            ref = await session.upload(data, mime="image/png", filename="ä b.png")
            assert await session.download(ref) == data

    async def test_media_that_are_gone_are_told_as_such(self, harness: Harness) -> None:
        """Lost media is a LookupError, not the end of the session."""
        self._needs(harness, "media")
        async with harness.ready() as (_, session):
            ref = await session.upload(b"abc", mime="text/plain")
            await harness.lose(ref)
            for lost in (ref, "../../etc/passwd", ""):
                with pytest.raises(LookupError):
                    await session.download(lost)
            await session.probe()

    # -- ends ---------------------------------------------------------------------------------------------------

    async def test_every_end_has_its_reason(
        self, harness: Harness, control: str, body: dict[str, object], reason: DisconnectReason
    ) -> None:
        """What WhatsApp does is told as the one reason that names it, from then on in every call."""
        async with harness.ready() as (phone, session):
            await harness.emulator.ctl(control, phone=phone, **body)
            end = await the_end(session)
            assert end.reason is reason
            assert end.detail
            for _ in range(2):
                with pytest.raises(Disconnected) as again:
                    await session.receive()
                assert again.value.reason is reason
            with pytest.raises(Disconnected) as again:
                await session.send(ADA, Text(body="hi"), message_id="3EB0")
            assert again.value.reason is reason
            with pytest.raises(Disconnected):
                await session.probe()
            with pytest.raises(Disconnected):
                await session.acknowledge([1])

    async def test_events_before_the_end_are_told_before_it(self, harness: Harness) -> None:
        """A message handed over just before the line was closed is not lost to the end."""
        async with harness.ready() as (phone, session):
            key = await harness.write(phone, ADA, "last words")
            await harness.comes_to(lambda: harness.noted("handed_over", phone, id=key))
            await harness.emulator.ctl("unlink", phone=phone)
            [message] = await collect(session, Message, 1, acknowledge=False)
            assert message.id == key
            assert (await the_end(session)).reason is DisconnectReason.LOGGED_OUT

    async def test_a_temporary_ban_tells_until_when_and_holds(self, harness: Harness) -> None:
        """The time is told, the next connection gets the same answer, and a pardon lets it in again."""
        phone, login = await harness.paired()
        answer = await harness.emulator.ctl("ban", phone=phone, temporary=3600)
        async with harness.provider.open(login) as session:
            end = await the_end(session)
        assert end.reason is DisconnectReason.TEMPORARILY_BANNED
        assert end.until == pytest.approx(answer["until"])
        await harness.emulator.ctl("pardon", phone=phone)
        async with harness.opened(login):
            pass

    async def test_a_second_connection_replaces_the_first(self, harness: Harness) -> None:
        """The older one is told so and the newer one works."""
        phone, login = await harness.paired()
        async with harness.opened(login) as first, harness.opened(login) as second:
            assert (await the_end(first)).reason is DisconnectReason.REPLACED
            await harness.write(phone, ADA, "to the second")
            await collect(second, Message, 1)

    async def test_whatsapp_unavailable_is_told_on_connecting(self, harness: Harness) -> None:
        """503 at the door."""
        _, login = await harness.paired()
        await harness.emulator.ctl("unavailable", count=1)
        if not harness.mends_lines:
            end = await how_it_ends(harness.provider, login)
            assert end.reason is DisconnectReason.UNAVAILABLE
        async with harness.opened(login):
            pass

    async def test_an_outdated_client_is_told_so(self, harness: Harness) -> None:
        """405, for open connections and new ones."""
        _, login = await harness.paired()
        async with harness.opened(login) as session:
            await harness.emulator.ctl("outdated")
            try:
                assert (await the_end(session)).reason is DisconnectReason.CLIENT_OUTDATED
                async with harness.provider.open(login) as second:
                    assert (await the_end(second)).reason is DisconnectReason.CLIENT_OUTDATED
            finally:
                await harness.emulator.ctl("outdated", active=False)

    async def test_a_probe_comes_back(self, harness: Harness) -> None:
        """A live far side answers."""
        async with harness.ready() as (_, session):
            with trio.fail_after(PATIENCE):
                await session.probe()

    async def test_a_probe_of_a_hung_far_side_does_not_come_back(self, harness: Harness) -> None:
        """The caller's deadline decides; the session survives the given-up probe."""
        async with harness.ready() as (phone, session):
            await harness.emulator.ctl("hang", phone=phone)
            with pytest.raises(trio.TooSlowError), trio.fail_after(0.1):
                await session.probe()
            with pytest.raises(trio.TooSlowError), trio.fail_after(0.1):
                await session.send(ADA, Text(body="hi"), message_id="3EB0")
            await harness.emulator.ctl("hang", phone=phone, active=False)
            with trio.fail_after(PATIENCE):
                await session.probe()

    async def test_a_silent_far_side_is_noticed(self, harness: Harness) -> None:
        """A socket that stays open and says nothing ends as a lost connection."""
        if harness.watchful is None:
            pytest.skip("this provider leaves that to `probe`")
        async with harness.ready(harness.watchful) as (phone, session):
            await harness.emulator.ctl("hang", phone=phone)
            assert (await the_end(session)).reason is DisconnectReason.CONNECTION_LOST

    async def test_a_quiet_connection_is_kept(self, harness: Harness) -> None:
        """Silence alone is no end as long as the far side answers when asked."""
        async with harness.ready(harness.watchful) as (phone, session):
            with trio.move_on_after(1.0):
                await session.receive()
            await harness.write(phone, ADA, "still here?")
            await collect(session, Message, 1)

    async def test_waiting_calls_learn_of_the_end_at_once(self, harness: Harness) -> None:
        """A call in flight and a waiting receive both end when the line is cut."""
        phone, login = await harness.paired()
        async with harness.opened(login) as session:
            await harness.emulator.ctl("hang", phone=phone)
            felt = False
            with trio.fail_after(PATIENCE):
                while not felt:  # it may take a moment to reach the far side
                    with trio.move_on_after(0.2) as scope:
                        await session.chats()
                    felt = scope.cancelled_caught
            ends: list[DisconnectReason] = []

            async def fails(call: Callable[[], Any]) -> None:
                with pytest.raises(Disconnected) as end:
                    await call()
                ends.append(end.value.reason)

            with trio.fail_after(PATIENCE):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(fails, session.receive)
                    nursery.start_soon(fails, session.probe)
                    nursery.start_soon(fails, session.chats)
                    await trio.testing.wait_all_tasks_blocked(0.02)
                    reason = await harness.cut(phone, login)
        assert ends == [reason] * 3

    async def test_logging_out_ends_the_session_and_the_login(self, harness: Harness) -> None:
        """The session ends as logged out, and the secret is worthless."""
        _, login = await harness.paired()
        async with harness.opened(login) as session:
            with trio.fail_after(PATIENCE):
                await session.logout()
            assert (await the_end(session)).reason is DisconnectReason.LOGGED_OUT
        again = await how_it_ends(harness.provider, login)
        assert again.reason in {DisconnectReason.LOGGED_OUT, DisconnectReason.LOGIN_LOST}
        assert again.response.forget_login

    async def test_leaving_closes_the_connection_and_keeps_the_login(self, harness: Harness) -> None:
        """The far side sees the connection go, and the login comes back."""
        phone, login = await harness.paired()
        async with harness.opened(login) as session:
            pass
        await harness.comes_to(lambda: harness.noted("disconnected", phone))
        with pytest.raises(Disconnected):
            await session.receive()
        with pytest.raises(Disconnected):
            await session.probe()
        async with harness.opened(login):
            pass

    async def test_exceptions_of_the_user_come_out_as_they_are(self, harness: Harness) -> None:
        """No group around what was raised inside, whether it is the caller's or a `Disconnected`."""
        phone, login = await harness.paired()
        with pytest.raises(ZeroDivisionError):
            async with harness.opened(login):
                _ = 1 / 0
        with pytest.raises(Disconnected):  # noqa: PT012
            async with harness.opened(login) as session:
                await harness.cut(phone, login)
                await until(session, QrIssued)

    async def test_cancelling_a_session_leaves_nothing_behind(self, harness: Harness) -> None:
        """However early a session is cancelled, the far side sees every connection end."""
        phone, login = await harness.paired()
        for moment in range(20):
            with trio.move_on_after(moment / 2000):
                async with harness.opened(login) as session:
                    await session.receive()

        async def all_gone() -> bool:
            accounts = await harness.emulator.accounts()
            return all(not account["connected"] for account in accounts if account["phone"] == phone)

        await harness.comes_to(all_gone)

    # -- helpers ------------------------------------------------------------------------------------------------

    @staticmethod
    def _needs(harness: Harness, capability: str | None) -> None:
        if capability is not None and not getattr(harness.provider.capabilities, capability):
            pytest.skip(f"this provider has no {capability}")

    @staticmethod
    def _acknowledges(harness: Harness) -> None:
        if harness.provider.capabilities.handover is not Handover.ACKNOWLEDGES:
            pytest.skip("this provider refetches instead of acknowledging")

    @staticmethod
    def _own_ids(harness: Harness) -> None:
        if not harness.provider.capabilities.own_message_ids:
            pytest.skip("this provider does not take message ids of ours")
