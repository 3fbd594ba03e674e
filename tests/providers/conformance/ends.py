"""How sessions end, and how that is told."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import pytest
import trio
import trio.testing

from tests.providers.conformance.harness import Harness, Theme
from tests.providers.conformance.talk import (
    ADA,
    PATIENCE,
    collect,
    how_it_ends,
    the_end,
    until,
)
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import (
    Message,
    Text,
)
from wasup.ports.session import (
    QrIssued,
)

__all__ = ["Endings", "Ends"]

Endings: TypeAlias = list[tuple[str, dict[str, object], DisconnectReason]]


class Ends(Theme):
    """How sessions end, and how that is told.

    Attributes:
        ends: what the far side does to a session (a control and its body), and how that is told.
    """

    ends: ClassVar[Endings] = [
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
