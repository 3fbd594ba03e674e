"""The network door: WebSockets of the `emulated` provider (frames in `wire`).

Everything that goes out passes one task, which serves the connections that have something to say in turn and
skips those whose socket is full; so there is no task per message, and no connection can hold up another.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable

import msgspec
from aiohttp import WSMsgType, web

from wasup.emulator import wire
from wasup.emulator.account import Account, Chat, Device, Unknown, now_ms
from wasup.emulator.connection import Connection
from wasup.emulator.logins import Logins
from wasup.emulator.settings import EmulatorSettings
from wasup.emulator.world import World
from wasup.ports.messages import ContactChanged, MessageStatus, Text

__all__ = ["Network"]

_FULL_SOCKET = 512 * 1024  # bytes waiting in a connection's transport above which it is left alone for now
_LOOK_AGAIN = 0.02  # seconds until a full socket is looked at again


class _RawDeliver(msgspec.Struct, tag_field="t", tag="deliver", kw_only=True, gc=False):
    """`wire.Deliver` with items that are JSON already."""

    token: int
    items: list[msgspec.Raw]


class _RawPage(msgspec.Struct, tag_field="t", tag="page", kw_only=True, gc=False):
    """`wire.Page` with messages that are JSON already."""

    n: int
    messages: list[msgspec.Raw]
    more: bool


class Network:
    """All connections."""

    def __init__(self, world: World, logins: Logins, settings: EmulatorSettings) -> None:
        self.world = world
        self.logins = logins
        self.settings = settings
        self.echo = settings.echo
        self.receipts = settings.receipts
        self.outdated = False
        self.unavailable_until: float | None = None
        self.unavailable_left = 0
        self.connections: set[Connection] = set()
        self._talkers: deque[Connection] = deque()
        self._work = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()

    def later(self, delay: float, act: Callable[[], object]) -> asyncio.TimerHandle:
        """Do something after a delay."""
        return asyncio.get_running_loop().call_later(delay, act)

    # -- the door ---------------------------------------------------------------------------------------------

    def _turned_away(self) -> bool:
        if self.unavailable_until is not None and time.monotonic() < self.unavailable_until:
            return True
        if self.unavailable_left > 0:
            self.unavailable_left -= 1
            return True
        return False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`GET /ws`."""
        return await self.attend(request, Connection)

    async def attend(
        self,
        request: web.Request,
        connect: Callable[["Network", web.WebSocketResponse, asyncio.Transport], Connection],
    ) -> web.StreamResponse:
        """Serve a WebSocket for as long as it lives; `connect` makes its kind of connection."""
        if self._turned_away():
            self.world.journal.note("fault", what="unavailable")
            return web.Response(status=503, text="service unavailable")
        ws = web.WebSocketResponse(compress=False, max_msg_size=16 * 2**20, timeout=2.0, decode_text=False)
        await ws.prepare(request)
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):
            return ws  # gone already
        connection = connect(self, ws, transport)
        self.connections.add(connection)
        self.world.journal.note("connected", connection=connection.number)
        try:
            async for message in ws:
                if message.type not in {WSMsgType.BINARY, WSMsgType.TEXT}:
                    break
                if connection.hung or connection.ended:
                    continue
                try:
                    frame = connection.decoder.decode(message.data)
                except msgspec.DecodeError as error:
                    connection.end(500, f"not a frame: {error}")
                    continue
                connection.hear(frame)
        finally:
            self.connections.discard(connection)
            connection.gone()
            device = connection.device
            self.world.journal.note(
                "disconnected",
                phone=device.account.phone if device else None,
                device=device.name if device else None,
                connection=connection.number,
                code=ws.close_code,
            )
        return ws

    # -- what clients ask -------------------------------------------------------------------------------------

    def serve(self, connection: Connection, device: Device, frame: wire.ClientFrame) -> None:
        """A request of a device that is logged in."""
        account = device.account
        try:
            match frame:
                case wire.Send():
                    self._send(connection, device, frame)
                case wire.History():
                    page, more = account.history(frame.chat, frame.after_id, max(1, frame.limit), frame.since)
                    raw = [msgspec.Raw(message) for message in page]
                    connection.post_raw(wire.encode(_RawPage(n=frame.n, messages=raw, more=more)))
                case wire.ListAll():
                    self._list(connection, account, frame)
                case wire.Read():
                    account.open_chat(frame.chat).unread = 0
                    self.world.journal.note("read", phone=account.phone, chat=frame.chat, ids=frame.ids)
                    connection.post(wire.Done(n=frame.n))
                case wire.SetTyping():
                    account.open_chat(frame.chat)
                    self.world.journal.note("typing", phone=account.phone, chat=frame.chat, active=frame.active)
                    connection.post(wire.Done(n=frame.n))
                case wire.Logout():
                    connection.post(wire.Done(n=frame.n))
                    self.world.unlink(device, "user_initiated")
                case _:
                    connection.end(500, "not now")
        except Unknown as error:
            number = getattr(frame, "n", 0)
            connection.post(wire.Failed(n=number, code="unknown", detail=str(error)))

    @staticmethod
    def _list(connection: Connection, account: Account, frame: wire.ListAll) -> None:
        if frame.what == "chats":
            chats = tuple(chat.changed() for chat in account.chats.values())
            connection.post(wire.Chats(n=frame.n, chats=chats))
        elif frame.what == "contacts":
            contacts: tuple[ContactChanged, ...] = tuple(account.contacts())
            connection.post(wire.Contacts(n=frame.n, contacts=contacts))
        elif frame.what == "groups":
            groups = tuple(group.changed() for group in account.groups.values())
            connection.post(wire.Groups(n=frame.n, groups=groups))
        else:
            connection.post(wire.Failed(n=frame.n, code="unknown", detail=f"no list of {frame.what!r}"))

    def _send(self, connection: Connection, device: Device, frame: wire.Send) -> None:
        account = device.account
        new = frame.id not in account.sent
        answer = self.world.send(device, frame)
        taken = isinstance(answer, wire.SentOk)
        if taken and new:
            self._far_side_answers(account, account.open_chat(frame.chat), frame)
        if taken and account.answers_to_lose:
            account.answers_to_lose -= 1
            self.world.journal.note("fault", what="lost answer", phone=account.phone, id=frame.id)
            connection.drop()
        else:
            connection.post(answer)

    def _far_side_answers(self, account: Account, chat: Chat, frame: wire.Send) -> None:
        """Receipts, typing and an echo, each after its delay."""
        world, settings = self.world, self.settings
        if self.receipts:
            ids = (frame.id,)
            self.later(
                settings.delivered_after,
                lambda: world.receipts(account, chat, ids, MessageStatus.DELIVERED),
            )
            self.later(settings.read_after, lambda: world.receipts(account, chat, ids, MessageStatus.READ))
        if self.echo and isinstance(frame.content, Text):
            echo = Text(body=f"echo: {frame.content.body}"[:65_536])
            self.later(settings.echo_after / 2, lambda: self.show_typing(account, chat, active=True))
            self.later(settings.echo_after, lambda: world.incoming(account, chat, echo))

    def show_typing(self, account: Account, chat: Chat, *, active: bool) -> None:
        """Tell the account's clients that somebody writes in a chat."""
        participant = None
        if chat.person is None:
            group = account.groups[chat.id]
            participant = next((p.id for p in group.people.values() if p.phone != account.phone), None)
        for device in account.devices.values():
            if device.door is not None:
                device.door.typing(chat.id, participant, active=active)

    # -- sending ----------------------------------------------------------------------------------------------

    def look_at(self, connection: Connection) -> None:
        """Put a connection in the sender's line."""
        self._talkers.append(connection)
        self._work.set()

    async def run_sender(self) -> None:
        """Serve the connections that have something to say, for ever."""
        while True:
            await self._work.wait()
            self._work.clear()
            for _ in range(len(self._talkers)):
                connection = self._talkers.popleft()
                connection.queued = False
                with contextlib.suppress(ConnectionError):  # its own task notices the closed socket
                    await self._say(connection)
            await asyncio.sleep(0)

    async def _say(self, connection: Connection) -> None:
        if connection.hung:
            return
        if connection.transport.get_write_buffer_size() > _FULL_SOCKET:
            self.later(_LOOK_AGAIN, connection.wake)
            return
        send = connection.ws.send_bytes
        if connection.outbox:
            frames, connection.outbox = connection.outbox, []
            for data in frames:
                await send(data)
        device = connection.device
        if connection.is_ready and device is not None and not connection.ended:
            room = min(self.settings.batch, connection.window - device.in_hand_count)
            taken = device.take(room=room, journal=self.world.journal)
            if taken is not None:
                token, items = taken
                raw = [msgspec.Raw(item.raw) for item in items]
                await send(wire.encode(_RawDeliver(token=token, items=raw)))
                if device.waiting and device.in_hand_count < connection.window:
                    connection.wake()
        if connection.close_code is not None:
            code, connection.close_code = connection.close_code, None
            task = asyncio.create_task(self._close(connection, code))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    @staticmethod
    async def _close(connection: Connection, code: int) -> None:
        with contextlib.suppress(ConnectionError):
            await connection.ws.close(code=code)

    def summary(self) -> dict[str, object]:
        """Figures for `/ctl/state`."""
        return {
            "connections": len(self.connections),
            "ready": sum(connection.is_ready for connection in self.connections),
            "hung": sum(connection.hung for connection in self.connections),
            "outdated": self.outdated,
            "unavailable": self._turned_away_now(),
            "echo": self.echo,
            "receipts": self.receipts,
            "now_ms": now_ms(),
        }

    def _turned_away_now(self) -> bool:
        limited = self.unavailable_until is not None and time.monotonic() < self.unavailable_until
        return limited or self.unavailable_left > 0
