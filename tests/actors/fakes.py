"""A provider that does what a test says, and nothing by itself that WhatsApp would not do."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import trio

from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import ChatChanged, ContactChanged, Content, GroupChanged, Message, Text
from wasup.ports.session import (
    Capabilities,
    Delivery,
    Handover,
    HistoryPage,
    Login,
    Me,
    Paired,
    PairingCodeIssued,
    QrIssued,
    Ready,
    Sent,
    SessionEvent,
)

_HAMMERED = 2000
Plan: TypeAlias = "Callable[[FakeSession], Awaitable[None]]"


def me_of(account_id: int) -> Me:
    """Who an account is."""
    return Me(id=f"55119{account_id:08}@c.us", push_name=f"Account {account_id}")


def message(message_id: str, body: str = "hello", *, chat: str = "5511777776666@c.us", timestamp: int = 1) -> Message:
    """Somebody writes."""
    return Message(id=message_id, chat=chat, sender=chat, from_me=False, timestamp=timestamp, content=Text(body=body))


class FakeSession:
    """One connection.

    Attributes:
        open: whether its context has not been left.
        acknowledged: tokens, in order.
        frames: how many tokens were told at a time.
        sent: what was handed over, as (message id, content).
        answers_probes: False makes it deaf.
        on_send: called instead of sending; what it raises, the sender gets.
    """

    def __init__(self, provider: "FakeProvider", login: Login) -> None:
        self.provider = provider
        self.login = login
        self.account_id = login.account_id
        self.open = True
        self.opened_at = trio.current_time()
        self.acknowledged: list[int] = []
        self.frames: list[int] = []
        self.sent: list[tuple[str, Content]] = []
        self.answers_probes = True
        self.probes = 0
        self.unlinked = False
        self.on_send: Callable[[str], Awaitable[None]] | None = None
        self.on_code: Callable[[str], Awaitable[None]] | None = None
        self.on_history: Callable[[str], Awaitable[None]] | None = None
        self._end: Disconnected | None = None
        self._send, self._receive = trio.open_memory_channel[SessionEvent](10_000)

    # ---- for the test ------------------------------------------------------------------------

    def tell(self, *events: SessionEvent) -> None:
        """Have these events received."""
        for event in events:
            self._send.send_nowait(event)

    def end(self, reason: DisconnectReason, detail: str = "", *, until: float | None = None) -> None:
        """End once everything before has been received."""
        self._end = Disconnected(reason, detail, until=until)
        self._send.close()

    def offer_qr(self, attempt: int = 1) -> None:
        """A QR code."""
        self.tell(QrIssued(code=f"2@{self.account_id}-{attempt}", expires_in=60.0, attempt=attempt))

    def scan(self, *, ready: bool = True) -> None:
        """A phone scans the code."""
        secret = f"login-{self.account_id}-{next(self.provider.logins)}".encode()
        self.provider.linked.add(secret)
        self.tell(Paired(me=me_of(self.account_id), secret=secret))
        if ready:
            self.become_ready()

    def become_ready(self) -> None:
        """Ready; then everything that was never acknowledged is handed over again."""
        self.tell(Ready(me=me_of(self.account_id)))
        for token, items in sorted(self.provider.pending.setdefault(self.account_id, {}).items()):
            self.tell(Delivery(token=token, items=items))

    # ---- the port ----------------------------------------------------------------------------

    def _check(self) -> None:
        if self._end is not None:
            raise self._end

    async def receive(self) -> SessionEvent:
        """The next event."""
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            assert self._end is not None
            raise self._end from None

    async def acknowledge(self, tokens: Sequence[int]) -> None:
        """Take note."""
        await trio.lowlevel.checkpoint()
        self._check()
        self.frames.append(len(tokens))
        for token in tokens:
            self.acknowledged.append(token)
            self.provider.pending.get(self.account_id, {}).pop(token, None)

    async def request_pairing_code(self, phone: str) -> None:
        """A code, unless the test has other plans."""
        if self.on_code is not None:
            await self.on_code(phone)
        self.tell(PairingCodeIssued(code="ABCD1234", phone=phone))

    async def send(self, chat: str, content: Content, *, message_id: str, quoted_id: str | None = None) -> Sent:
        """Taken, unless the test has other plans."""
        await trio.lowlevel.checkpoint()
        self._check()
        if self.on_send is not None:
            await self.on_send(message_id)
        self.sent.append((message_id, content))
        self.provider.arrived.append((self.account_id, message_id))
        return Sent(id=message_id, timestamp=int(trio.current_time() * 1000))

    async def mark_read(self, chat: str, message_ids: Sequence[str]) -> None:
        """Nothing."""

    async def set_typing(self, chat: str, *, active: bool) -> None:
        """Nothing."""

    async def chats(self) -> Sequence[ChatChanged]:
        """Those that have messages."""
        await trio.lowlevel.checkpoint()
        self._check()
        kept = self.provider.chats.get(self.account_id, {})
        return [ChatChanged(id=chat, last_message_at=messages[-1].timestamp) for chat, messages in kept.items()]

    async def contacts(self) -> Sequence[ContactChanged]:
        """One."""
        return (ContactChanged(id="5511777776666@c.us", name="Somebody"),)

    async def groups(self) -> Sequence[GroupChanged]:
        """None."""
        return ()

    async def history(self, chat: str, *, after_id: str | None, limit: int, since: int | None = None) -> HistoryPage:
        """What the provider keeps of the chat; every question is noted."""
        await trio.lowlevel.checkpoint()
        self._check()
        self.provider.asked.append((self.account_id, chat, after_id, since))
        if self.on_history is not None:
            await self.on_history(chat)
        kept = self.provider.chats.get(self.account_id, {})[chat]  # a KeyError is a LookupError
        if after_id is not None:
            ids = [message.id for message in kept]
            if after_id not in ids:
                raise LookupError(after_id)
            kept = kept[ids.index(after_id) + 1 :]
        kept = [message for message in kept if since is None or message.timestamp >= since]
        return HistoryPage(messages=tuple(kept[:limit]), more=len(kept) > limit)

    async def upload(self, data: bytes, *, mime: str, filename: str | None = None) -> str:
        """Nothing."""
        raise NotImplementedError

    async def download(self, ref: str) -> bytes:
        """Nothing."""
        raise NotImplementedError

    async def probe(self) -> None:
        """An answer, unless deaf."""
        self.probes += 1
        if not self.answers_probes:
            await trio.sleep_forever()

    async def logout(self) -> None:
        """Unlink."""
        await trio.lowlevel.checkpoint()
        self.unlinked = True
        if self.login.secret is not None:
            self.provider.linked.discard(self.login.secret)
        self.end(DisconnectReason.LOGGED_OUT, "asked for")


async def ordinary(session: FakeSession) -> None:
    """What WhatsApp does: a login that it knows becomes ready, none gets a QR code, an unknown one is logged out."""
    if session.login.secret is None:
        session.offer_qr()
    elif session.login.secret in session.provider.linked:
        session.become_ready()
    else:
        session.end(DisconnectReason.LOGGED_OUT, "this device is not linked")


class FakeProvider:
    """Opens fake sessions.

    Attributes:
        plans: what a session of an account does when it is opened, if not the ordinary; it may raise or hang.
        sessions: all that were ever opened.
        pending: what an account was given and has not acknowledged, by token.
        arrived: (account, message id) of what WhatsApp's server got, repeats included.
        chats: what it keeps of an account's chats, oldest first, for `history`.
        body: of the messages that it hands over.
        asked: every question for history, as (account, chat, after_id, since).
    """

    def __init__(
        self, handover: Handover = Handover.ACKNOWLEDGES, *, body: str = "hello", own_message_ids: bool = True
    ) -> None:
        self.body = body
        self.type = "fake"
        self.capabilities = Capabilities(handover=handover, own_message_ids=own_message_ids)
        self.asked: list[tuple[int, str, str | None, int | None]] = []
        self.plans: dict[int, Plan] = {}
        self.sessions: list[FakeSession] = []
        self.linked: set[bytes] = set()
        self.pending: dict[int, dict[int, tuple[Message, ...]]] = {}
        self.arrived: list[tuple[int, str]] = []
        self.logins = itertools.count(1)
        self.forgotten: list[int] = []
        self.chats: dict[int, dict[str, list[Message]]] = {}
        self._tokens = itertools.count(1)

    async def forget(self, account_id: int) -> None:
        """See the port."""
        await trio.lowlevel.checkpoint()
        assert not any(session.open for session in self.opened(account_id)), "its session is still open"
        self.forgotten.append(account_id)

    def open(self, login: Login) -> AbstractAsyncContextManager[FakeSession]:
        """See the port."""
        return self._open(login)

    @asynccontextmanager
    async def _open(self, login: Login) -> AsyncIterator[FakeSession]:
        session = FakeSession(self, login)
        self.sessions.append(session)
        if len(self.sessions) > _HAMMERED:  # without this a loop without a wait would never let the clock go on
            raise RuntimeError("far too many connections")
        try:
            await trio.lowlevel.checkpoint()
            await self.plans.get(login.account_id, ordinary)(session)
            yield session
        finally:
            session.open = False

    def opened(self, account_id: int) -> list[FakeSession]:
        """Every session of an account, oldest first."""
        return [session for session in self.sessions if session.account_id == account_id]

    def live(self, account_id: int) -> FakeSession | None:
        """The session that is open now; two at once are never right."""
        live = [session for session in self.opened(account_id) if session.open]
        assert len(live) <= 1, "two sessions of one account at once"
        return live[0] if live else None

    def deliver(self, account_id: int, *message_ids: str) -> list[int]:
        """Hand over one message per delivery, now or at the next connection; returns the tokens."""
        tokens = []
        for message_id in message_ids:
            token = next(self._tokens)
            self.pending.setdefault(account_id, {})[token] = (message(message_id, self.body),)
            tokens.append(token)
            session = self.live(account_id)
            if session is not None:
                session.tell(Delivery(token=token, items=(message(message_id, self.body),)))
        return tokens


class RefetchingProvider(FakeProvider):
    """Tells WhatsApp at once that it has a message: only history brings it again."""

    def __init__(self) -> None:
        super().__init__(Handover.REFETCHES)

    def write(self, account_id: int, *messages: Message, live: bool = True) -> None:
        """Somebody writes; handed over once, to the session that is open and ready if there is one."""
        for written in messages:
            self.chats.setdefault(account_id, {}).setdefault(written.chat, []).append(written)
            session = self.live(account_id)
            if session is not None and live:
                session.tell(Delivery(token=next(self._tokens), items=(written,)))


def plan(*steps: Any) -> Plan:
    """A plan for each opening in turn, the last one for all that follow; an exception is raised, a reason ends."""
    turns = itertools.count()

    async def run(session: FakeSession) -> None:
        step = steps[min(next(turns), len(steps) - 1)]
        if isinstance(step, DisconnectReason):
            session.end(step, "as planned")
        elif isinstance(step, BaseException):
            raise step
        else:
            await step(session)

    return run
