"""Rules of linking that a client does not see from inside one session."""

from collections.abc import AsyncIterator, Iterator

import pytest
import trio

from tests.emulator.process import emulator_at
from wasup.emulator.client import ControlError, EmulatorClient
from wasup.ports.disconnects import Disconnected
from wasup.ports.messages import Message, Text
from wasup.ports.session import (
    Delivery,
    Login,
    Paired,
    PairingCodeIssued,
    PairingRefused,
    QrIssued,
    Ready,
    Session,
    SessionEvent,
)
from wasup.providers.emulated import EmulatedProvider

_LOGIN = Login(account_id=1, session_id="webjs_1_1700000000000_abcdefgh")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """An emulator with short-lived codes that lets clients in without a restart."""
    with emulator_at(restart_after_pairing=False, qr_first_ttl=0.15, qr_ttl=5, echo=True) as url:
        yield url


@pytest.fixture
async def emulator(address: str) -> AsyncIterator[EmulatorClient]:
    """Its controls."""
    async with EmulatorClient(address) as client:
        yield client


async def _next(session: Session) -> SessionEvent:
    with trio.fail_after(5):
        return await session.receive()


async def test_only_the_code_on_offer_can_be_scanned(emulator: EmulatorClient) -> None:
    """A code that has rotated away, or was used, is not known any more; the reference alone will do."""
    async with EmulatedProvider(emulator.url).open(_LOGIN) as session:
        first = await _next(session)
        second = await _next(session)
        assert isinstance(first, QrIssued)
        assert isinstance(second, QrIssued)
        with pytest.raises(ControlError) as refusal:
            await emulator.scan(first.code, "5511999990001")
        assert refusal.value.status == 404
        reference = second.code.partition("#")[2].split(",")[0]
        answer = await emulator.scan(reference, "5511999990001")
        assert answer["pn"] == "5511999990001@c.us"
        with pytest.raises(ControlError):
            await emulator.scan(second.code, "5511999990002")
        assert isinstance(await _next(session), Paired)


async def test_without_the_restart_a_paired_client_becomes_ready(emulator: EmulatorClient) -> None:
    """`--no-restart-after-pairing` goes straight on."""
    async with EmulatedProvider(emulator.url).open(_LOGIN) as session:
        offer = await _next(session)
        assert isinstance(offer, QrIssued)
        await emulator.scan(offer.code, "5511999990003")
        while not isinstance(await _next(session), Ready):
            pass


async def test_a_code_is_for_the_number_it_was_made_for(emulator: EmulatorClient) -> None:
    """Typed on another phone it is refused, and remains good for its own, dashes and case aside."""
    async with EmulatedProvider(emulator.url).open(_LOGIN) as session:
        await _next(session)
        await session.request_pairing_code("5511999990004")
        issued = await _next(session)
        while not isinstance(issued, PairingCodeIssued):
            issued = await _next(session)
        with pytest.raises(ControlError):
            await emulator.enter_code(issued.code, "5511999990005")
        typed = f"{issued.code[:4]}-{issued.code[4:]}".lower()
        assert (await emulator.enter_code(typed, "5511999990004"))["phone"] == "5511999990004"


async def test_codes_end_with_their_connection(emulator: EmulatorClient) -> None:
    """Whoever is gone cannot be paired any more."""
    async with EmulatedProvider(emulator.url).open(_LOGIN) as session:
        offer = await _next(session)
        assert isinstance(offer, QrIssued)
    with trio.fail_after(5):
        while (await emulator.state())["qr_on_offer"]:
            await trio.sleep(0.01)
    with pytest.raises(ControlError):
        await emulator.scan(offer.code, "5511999990006")


async def test_a_client_that_is_logged_in_gets_no_pairing_code(emulator: EmulatorClient) -> None:
    """Codes are given only while a QR code is on offer."""
    [(_, secret)] = await emulator.make_accounts(1, "551160000000")
    login = Login(account_id=1, session_id="x", secret=secret)
    async with EmulatedProvider(emulator.url).open(login) as session:
        while not isinstance(await _next(session), Ready):
            pass
        with pytest.raises(PairingRefused):
            await session.request_pairing_code("551160000000")


async def test_a_lock_lasts_until_the_phone_is_linked_anew(emulator: EmulatorClient) -> None:
    """A locked phone's clients are turned away; scanning with it again shows that it is back."""
    [(phone, secret)] = await emulator.make_accounts(1, "551160000100")
    await emulator.ctl("lock", phone=phone)
    login = Login(account_id=1, session_id="x", secret=secret)
    provider = EmulatedProvider(emulator.url)
    async with provider.open(login) as session:
        with pytest.raises(Disconnected):
            await _next(session)
    await emulator.make_accounts(1, phone)
    async with provider.open(login) as session:
        while not isinstance(await _next(session), Ready):
            pass


async def test_people_answer_with_an_echo(emulator: EmulatorClient) -> None:
    """A text comes back as `echo: …` from the person it went to."""
    [(_, secret)] = await emulator.make_accounts(1, "551160000200")
    login = Login(account_id=1, session_id="x", secret=secret)
    async with EmulatedProvider(emulator.url).open(login) as session:
        while not isinstance(await _next(session), Ready):
            pass
        await session.send("4915112345678@c.us", Text(body="hallo"), message_id="3EB0")
        echo: Message | None = None
        while echo is None:
            event = await _next(session)
            items = event.items if isinstance(event, Delivery) else ()
            echo = next((item for item in items if isinstance(item, Message)), None)
    assert echo.content == Text(body="echo: hallo")
    assert echo.chat == "4915112345678@c.us"


async def test_every_device_of_an_account_gets_its_messages(emulator: EmulatorClient) -> None:
    """Two linked clients have a queue each, and see what the other one sends."""
    [(phone, first_secret)] = await emulator.make_accounts(1, "551160000300")
    [(_, second_secret)] = await emulator.make_accounts(1, phone)
    provider = EmulatedProvider(emulator.url)
    first_login = Login(account_id=1, session_id="a", secret=first_secret)
    second_login = Login(account_id=1, session_id="b", secret=second_secret)
    async with provider.open(first_login) as first, provider.open(second_login) as second:
        for session in (first, second):
            while not isinstance(await _next(session), Ready):
                pass
        await first.send("15550001111@c.us", Text(body="hi"), message_id="3EB0FF")
        event = await _next(second)
        while not isinstance(event, Delivery):
            event = await _next(second)
    message = event.items[0]
    assert isinstance(message, Message)
    assert (message.id, message.from_me) == ("3EB0FF", True)
