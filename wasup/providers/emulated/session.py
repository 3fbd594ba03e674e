"""`EmulatedSession`: one connection of one account with the emulator.

One task (`read`) reads frames: answers go to whoever asked, everything else into a bounded buffer that
`receive` empties. A full buffer stops the reading, and so the socket. The buffer is wider than the window of
unacknowledged items, so a slow consumer of deliveries does not hold up the answers to requests and probes.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec
import trio

from wasup.emulator import wire
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import ChatChanged, ContactChanged, Content, GroupChanged
from wasup.ports.session import (
    Delivery,
    HistoryPage,
    Paired,
    PairingCodeIssued,
    PairingRefused,
    QrIssued,
    Ready,
    SendFailed,
    Sent,
    SessionEvent,
    SyncProgress,
    Typing,
)
from wasup.providers.emulated._link import from_close
from wasup.providers.emulated._media import MediaDoor
from wasup.providers.emulated._websocket import Closed, WebSocket

__all__ = ["EmulatedSession"]

_DECODER: Final = wire.server_decoder()
_READER_KNOWS: Final = 1.0  # seconds in which the reader must have found out why a connection ended
_UNASKED: Final = 0  # the number of our own pings: nobody waits for their answers

_Answer = wire.Done | wire.SentOk | wire.Page | wire.Chats | wire.Contacts | wire.Groups
_A = TypeVar("_A", bound=_Answer)


class _Refused(Exception):  # noqa: N818 - an answer
    def __init__(self, frame: wire.Failed) -> None:
        super().__init__(frame.code)
        self.frame = frame


class _Call:
    """A request that waits for its answer."""

    __slots__ = ("answer", "answered")

    def __init__(self) -> None:
        self.answered = trio.Event()
        self.answer: _Answer | wire.Failed | None = None


class EmulatedSession:
    """See `wasup.ports.session.Session`. Made by `EmulatedProvider.open` only."""

    __slots__ = (
        "_buffer",
        "_calls",
        "_end",
        "_events",
        "_heard",
        "_keepalive",
        "_link",
        "_media",
        "_news",
        "_numbers",
        "_over",
        "_patience",
        "_room",
        "is_silent",
    )

    def __init__(
        self,
        link: WebSocket,
        media: MediaDoor,
        *,
        keepalive: float,
        answer_within: float,
        buffer: int,
    ) -> None:
        self._link = link
        self._media = media
        self._keepalive = keepalive
        self._patience = answer_within
        self._buffer = buffer
        self._events: deque[SessionEvent] = deque()
        self._news: trio.Event | None = None  # somebody waits in `receive`
        self._room: trio.Event | None = None  # the reader waits for `receive`
        self._calls: dict[int, _Call] = {}
        self._numbers = _UNASKED
        self._end: Disconnected | None = None
        self._over = trio.Event()
        self.is_silent = False  # the far side gave no sign of life: do not wait for its goodbye either
        self._heard = True

    # -- reading ----------------------------------------------------------------------------------------------

    async def read(self) -> None:
        """The reader's task: until the connection ends."""
        try:
            await self._read_until_silent()
        except Closed as closed:
            self._finish(from_close(closed))
        except msgspec.DecodeError as error:
            detail = f"not a frame that we know: {error}"
            self._finish(Disconnected(DisconnectReason.PROTOCOL_ERROR, detail))
        except Disconnected as end:
            self._finish(end)

    async def _read_until_silent(self) -> None:
        """Read; returns never, raises what ended it.

        One timer per stretch of silence, not one per frame: when it runs out and something was heard
        meanwhile, it is simply set again.
        """
        asked = False
        while True:
            while len(self._events) >= self._buffer:
                self._room = trio.Event()
                await self._room.wait()
                self._heard = True  # the silence was ours
            with trio.move_on_after(self._patience if asked else self._keepalive):
                await self._read_frames()
                continue
            if self._heard:
                self._heard = asked = False
            elif asked:
                self.is_silent = True
                raise Disconnected(
                    DisconnectReason.CONNECTION_LOST,
                    f"no sign of life for {self._keepalive + self._patience:g} s",
                )
            else:
                asked = True
                with trio.move_on_after(self._patience):
                    await self.say(wire.Ping(n=_UNASKED))

    async def _read_frames(self) -> None:
        """Read until the buffer is full."""
        get, decode = self._link.get_message, _DECODER.decode
        while len(self._events) < self._buffer:
            frame = decode(await get())
            self._heard = True
            if type(frame) is wire.Deliver:
                self._tell(Delivery(token=frame.token, items=frame.items))
            else:
                self._hear(frame)

    def _hear(self, frame: wire.ServerFrame) -> None:
        match frame:
            case wire.Deliver():
                self._tell(Delivery(token=frame.token, items=frame.items))
            case wire.Qr():
                event = QrIssued(code=frame.code, expires_in=frame.expires_in, attempt=frame.attempt)
                self._tell(event)
            case wire.Code():
                self._tell(PairingCodeIssued(code=frame.code, phone=frame.phone))
            case wire.Paired():
                self._tell(Paired(me=frame.me, secret=frame.device.encode("ascii")))
            case wire.Progress():
                self._tell(SyncProgress(done=frame.done, total=frame.total))
            case wire.Ready():
                self._tell(Ready(me=frame.me))
            case wire.NowTyping():
                if len(self._events) < self._buffer // 2:  # never stored, so the first to go
                    self._tell(Typing(chat=frame.chat, participant=frame.participant, active=frame.active))
            case wire.Bye():
                raise _from_bye(frame)
            case _:
                call = self._calls.get(frame.n)
                if call is not None:
                    call.answer = frame
                    call.answered.set()

    def _tell(self, event: SessionEvent) -> None:
        self._events.append(event)
        if self._news is not None:
            self._news.set()
            self._news = None

    def _finish(self, end: Disconnected) -> None:
        """The session has ended: everybody who waits learns it."""
        if self._end is None:
            self._end = end
            self._over.set()
        for call in self._calls.values():
            call.answered.set()
        if self._news is not None:
            self._news.set()
            self._news = None

    def close(self) -> None:
        """The context is left: nobody shall wait for anything any more."""
        self._finish(Disconnected(DisconnectReason.CONNECTION_LOST, "the session was closed"))

    def _raise_end(self) -> None:
        """Raise the end, each time as a new exception: it is raised in many tasks."""
        end = self._end
        if end is not None:
            raise Disconnected(end.reason, end.detail, until=end.until)

    async def receive(self) -> SessionEvent:
        """The next event; what came before the end is told before the end."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._events:
            self._raise_end()
            if self._news is None:
                self._news = trio.Event()
            await self._news.wait()
        event = self._events.popleft()
        if self._room is not None and len(self._events) < self._buffer // 2:
            self._room.set()
            self._room = None
        return event

    # -- saying -----------------------------------------------------------------------------------------------

    async def say(self, frame: wire.ClientFrame) -> None:
        """Put a frame on the wire.

        Raises:
            Disconnected: the connection has ended.
        """
        self._raise_end()
        try:
            await self._link.send_message(wire.encode(frame))
        except Closed as closed:
            if self._room is None:  # the reader is at work, knows better why, and is about to say so
                with trio.move_on_after(_READER_KNOWS):
                    await self._over.wait()
            self._finish(from_close(closed))
            self._raise_end()

    async def _ask(self, frame: wire.ClientFrame, number: int, kind: type[_A]) -> _A:
        """Say something and wait for the answer.

        Raises:
            _Refused: it is a refusal.
            Disconnected: the connection ended first.
        """
        call = self._calls[number] = _Call()
        try:
            await self.say(frame)
            await call.answered.wait()
        finally:
            del self._calls[number]
        answer = call.answer
        if answer is None:
            self._raise_end()
        if isinstance(answer, kind):
            return answer
        if isinstance(answer, wire.Failed):
            raise _Refused(answer)
        raise Disconnected(DisconnectReason.PROTOCOL_ERROR, f"{type(answer).__name__} answers {kind.__name__}")

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    # -- the port ---------------------------------------------------------------------------------------------

    async def acknowledge(self, tokens: Sequence[int]) -> None:
        """Several deliveries are told in one frame."""
        if tokens:
            await self.say(wire.Ack(tokens=tuple(tokens)))
        else:
            await trio.lowlevel.checkpoint()

    async def request_pairing_code(self, phone: str) -> None:
        """Ask for a pairing code; it arrives as an event."""
        n = self._number()
        try:
            await self._ask(wire.RequestCode(n=n, phone=phone), n, wire.Done)
        except _Refused as refused:
            frame = refused.frame
            raise PairingRefused(frame.detail or frame.code, retry_after=frame.retry_after) from None

    async def send(self, chat: str, content: Content, *, message_id: str, quoted_id: str | None = None) -> Sent:
        """Hand over a message; a repeated id arrives once."""
        n = self._number()
        frame = wire.Send(n=n, id=message_id, chat=chat, content=content, quoted_id=quoted_id)
        try:
            answer = await self._ask(frame, n, wire.SentOk)
        except _Refused as refused:
            failed = refused.frame
            raise SendFailed(failed.code, failed.detail, transient=failed.transient) from None
        return Sent(id=answer.id, timestamp=answer.timestamp)

    async def mark_read(self, chat: str, message_ids: Sequence[str]) -> None:
        """Tell the senders that their messages were read."""
        n = self._number()
        await self._carry_out(wire.Read(n=n, chat=chat, ids=tuple(message_ids)), n)

    async def set_typing(self, chat: str, *, active: bool) -> None:
        """Show, or stop showing, that this account writes."""
        n = self._number()
        await self._carry_out(wire.SetTyping(n=n, chat=chat, active=active), n)

    async def chats(self) -> Sequence[ChatChanged]:
        """All chats, as they are now."""
        n = self._number()
        return (await self._look_up(wire.ListAll(n=n, what="chats"), n, wire.Chats)).chats

    async def contacts(self) -> Sequence[ContactChanged]:
        """All contacts, as they are now."""
        n = self._number()
        return (await self._look_up(wire.ListAll(n=n, what="contacts"), n, wire.Contacts)).contacts

    async def groups(self) -> Sequence[GroupChanged]:
        """All groups with their participants, as they are now."""
        n = self._number()
        return (await self._look_up(wire.ListAll(n=n, what="groups"), n, wire.Groups)).groups

    async def history(self, chat: str, *, after_id: str | None, limit: int, since: int | None = None) -> HistoryPage:
        """Messages of a chat after the given one, oldest first."""
        n = self._number()
        frame = wire.History(n=n, chat=chat, after_id=after_id, limit=limit, since=since)
        page = await self._look_up(frame, n, wire.Page)
        return HistoryPage(messages=page.messages, more=page.more)

    async def _look_up(self, frame: wire.ClientFrame, number: int, kind: type[_A]) -> _A:
        """Ask for something that may not exist."""
        try:
            return await self._ask(frame, number, kind)
        except _Refused as refused:
            raise LookupError(refused.frame.detail or refused.frame.code) from None

    async def _carry_out(self, frame: wire.ClientFrame, number: int) -> None:
        """Ask for something to be done."""
        try:
            await self._ask(frame, number, wire.Done)
        except _Refused as refused:
            failed = refused.frame
            code = "unknown_recipient" if failed.code == "unknown" else failed.code
            raise SendFailed(code, failed.detail, transient=failed.transient) from None

    async def upload(self, data: bytes, *, mime: str, filename: str | None = None) -> str:
        """Store bytes to be sent."""
        self._raise_end()
        return await self._media.upload(data, mime=mime, filename=filename)

    async def download(self, ref: str) -> bytes:
        """The bytes behind a reference."""
        self._raise_end()
        return await self._media.download(ref)

    async def probe(self) -> None:
        """A round trip to the emulator."""
        n = self._number()
        await self._carry_out(wire.Ping(n=n), n)

    async def logout(self) -> None:
        """Unlink this client."""
        n = self._number()
        await self._carry_out(wire.Logout(n=n), n)


def _from_bye(bye: wire.Bye) -> Disconnected:
    reason = wire.REASONS.get(bye.code)
    if reason is None:
        return Disconnected(DisconnectReason.PROTOCOL_ERROR, f"unknown goodbye {bye.code}: {bye.detail}")
    return Disconnected(reason, bye.detail, until=bye.until)
