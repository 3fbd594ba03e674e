"""Who plays WhatsApp for a provider under test, and what all themes have in common."""

import hashlib
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from tests.providers.conformance.talk import (
    PATIENCE,
    shown,
    until,
)
from wasup.emulator.client import EmulatorClient
from wasup.ports.disconnects import DisconnectReason
from wasup.ports.messages import (
    Content,
    MediaRef,
)
from wasup.ports.session import (
    Handover,
    Login,
    Provider,
    Ready,
    Session,
)

__all__ = ["Harness", "Theme"]


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


class Theme:
    """A class of tests about one thing; what a provider cannot do by its `Capabilities` is skipped."""

    @staticmethod
    def needs(harness: Harness, capability: str | None) -> None:
        """Skip if the provider cannot do this."""
        if capability is not None and not getattr(harness.provider.capabilities, capability):
            pytest.skip(f"this provider has no {capability}")

    @staticmethod
    def acknowledges(harness: Harness) -> None:
        """Skip if nothing is handed over again."""
        if harness.provider.capabilities.handover is not Handover.ACKNOWLEDGES:
            pytest.skip("this provider refetches instead of acknowledging")

    @staticmethod
    def own_ids(harness: Harness) -> None:
        """Skip if WhatsApp makes the ids of what is sent."""
        if not harness.provider.capabilities.own_message_ids:
            pytest.skip("this provider does not take message ids of ours")
