"""Pairing, and logins that are restored."""

import pytest
import trio
import trio.testing

from tests.providers.conformance.harness import Harness, Theme
from tests.providers.conformance.talk import (
    PATIENCE,
    the_end,
    until,
)
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.session import (
    Paired,
    PairingCodeIssued,
    PairingRefused,
    QrIssued,
    Ready,
)

__all__ = ["Logins"]


class Logins(Theme):
    """Pairing, and logins that are restored."""

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
        self.needs(harness, "pairing_code")
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
        self.needs(harness, "pairing_code")
        async with harness.provider.open(harness.login()) as session:
            offer = await until(session, QrIssued)
            with pytest.raises(PairingRefused):
                await session.request_pairing_code("12")
            await harness.emulator.scan(offer.code, harness.new_phone())
            await until(session, Paired)

    async def test_too_many_pairing_codes_are_refused_with_a_time(self, harness: Harness) -> None:
        """`rate-overlimit` tells how long to wait."""
        self.needs(harness, "pairing_code")
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
