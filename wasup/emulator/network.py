"""The network door: WebSockets of the `emulated` provider (frames in `wire`).

Everything that goes out passes one task, which serves the connections that have something to say in turn and
skips those whose socket is full; so there is no task per message, and no connection can hold up another.
"""

import asyncio
import contextlib
import itertools
import time
from collections import deque
from collections.abc import Callable

import msgspec
from aiohttp import WSMsgType, web

from wasup.emulator import wire
from wasup.emulator.account import Account, Chat, Device, Unknown, now_ms
from wasup.emulator.logins import Logins, NoCode
from wasup.emulator.settings import EmulatorSettings
from wasup.emulator.world import World
from wasup.ports.messages import ContactChanged, MessageStatus, Text

__all__ = ["Connection", "Network"]

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


class Connection:
    """One WebSocket: an applicant for a login at first, a device's door later."""

    _numbers = itertools.count(1)

    def __init__(self, network: "Network", ws: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self.number = next(self._numbers)
        self.network = network
        self.ws = ws
        self.transport = transport
        self.device: Device | None = None
        self.is_ready = False
        self.hung = False
        self.ended = False
        self.window = network.settings.window
        self.queued = False
        self.outbox: list[bytes] = []
        self.close_code: int | None = None
        self._attempt = 0
        self._timer: asyncio.TimerHandle | None = None

    # -- what it says -----------------------------------------------------------------------------------------

    def post(self, frame: wire.ServerFrame) -> None:
        """Say something as soon as the socket takes it."""
        self.post_raw(wire.encode(frame))

    def post_raw(self, data: bytes) -> None:
        """Say bytes, which need not even be a frame."""
        if not self.ended:
            self.outbox.append(data)
            self.wake()

    def wake(self) -> None:
        """Have the sender look at this connection."""
        if not self.queued:
            self.queued = True
            self.network.look_at(self)

    def typing(self, chat: str, participant: str | None, *, active: bool) -> None:
        """Somebody writes, or has stopped."""
        if self.is_ready:
            self.post(wire.NowTyping(chat=chat, participant=participant, active=active))

    def end(self, code: int, detail: str = "", until: float | None = None) -> bool:
        """Say goodbye and close."""
        if self.ended:
            return False
        self.post(wire.Bye(code=code, detail=detail, until=until))
        self.ended = True
        self.close_code = 4000 + code
        self.forget_timer()
        return True

    def drop(self) -> None:
        """Cut the line without a word."""
        self.ended = True
        self.outbox.clear()
        self.transport.abort()

    # -- pairing ----------------------------------------------------------------------------------------------

    def next_qr(self) -> None:
        """Offer the next QR code, or end the attempt after the last."""
        settings = self.network.settings
        if self._attempt >= settings.qr_count:
            self.network.logins.withdraw(self)
            self.end(408, "QR attempts ended: nobody scanned")
            return
        ttl = settings.qr_first_ttl if self._attempt == 0 else settings.qr_ttl
        self._attempt += 1
        text = self.network.logins.offer(self)
        self.network.world.journal.note("qr", attempt=self._attempt)
        self.post(wire.Qr(code=text, expires_in=ttl, attempt=self._attempt))
        self._timer = self.network.later(ttl, self.next_qr)

    def paired(self, device: Device) -> None:
        """A phone took this client."""
        self.forget_timer()
        self.device = device
        device.door = self
        self.post(wire.Paired(me=device.account.me, device=device.secret))
        if self.network.settings.restart_after_pairing:
            self.end(515, "restart required after pairing")
        else:
            self.synchronise()

    def synchronise(self) -> None:
        """From a login to ready."""
        self.post(wire.Progress(done=0, total=1))
        delay = self.network.settings.sync_delay
        if delay:
            self._timer = self.network.later(delay, self.now_ready)
        else:
            self.now_ready()

    def now_ready(self) -> None:
        """Messages flow from here on."""
        device = self.device
        if device is None or self.ended:
            return
        self.is_ready = True
        self.post(wire.Progress(done=1, total=1))
        self.post(wire.Ready(me=device.account.me))

    def forget_timer(self) -> None:
        """Stop whatever would have happened by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- what it hears ----------------------------------------------------------------------------------------

    def hear(self, frame: wire.ClientFrame) -> None:
        """One frame from the client."""
        device = self.device
        if isinstance(frame, wire.Ack):
            if device is not None and device.door is self:
                device.acknowledge(frame.tokens, self.network.world.journal)
                if device.waiting:
                    self.wake()
        elif isinstance(frame, wire.Ping):
            self.post(wire.Done(n=frame.n))
        elif isinstance(frame, wire.Hello):
            self._hello(frame)
        elif isinstance(frame, wire.RequestCode):
            self._request_code(frame)
        elif device is None or not self.is_ready:
            self.post(wire.Failed(n=frame.n, code="not_ready", detail="not logged in", transient=True))
        else:
            self.network.serve(self, device, frame)

    def _hello(self, hello: wire.Hello) -> None:
        network = self.network
        if self.device is not None or self._attempt:
            self.end(500, "hello was said already")
            return
        if hello.window is not None:
            self.window = max(1, min(hello.window, network.settings.window))
        if network.outdated or hello.version < wire.VERSION:
            self.end(405, "client outdated")
            return
        if hello.device is None:
            self.next_qr()
            return
        device = network.world.devices.get(hello.device)
        if device is None:
            self.end(401, "device_removed")
            return
        barred = _barred(device.account)
        if barred is not None:
            self.end(*barred)
            return
        if device.door is not None and device.door.end(440, "replaced by another connection of this device"):
            network.world.journal.note("fault", what="conflict", phone=device.account.phone)
        device.put_back()
        self.device = device
        device.door = self
        network.world.journal.note(
            "resumed",
            phone=device.account.phone,
            device=device.name,
            connection=self.number,
            session_id=hello.session_id,
        )
        self.synchronise()

    def _request_code(self, frame: wire.RequestCode) -> None:
        try:
            code = self.network.logins.request_code(self, frame.phone)
        except NoCode as refusal:
            self.post(wire.Failed(n=frame.n, code=refusal.code, detail=str(refusal), retry_after=refusal.retry_after))
            return
        self.network.world.journal.note("code", phone=frame.phone)
        self.post(wire.Code(code=code, phone=frame.phone))
        self.post(wire.Done(n=frame.n))

    def gone(self) -> None:
        """The socket is closed: everything that it had in hand waits for the next."""
        self.ended = True
        self.is_ready = False
        self.forget_timer()
        self.network.logins.withdraw(self)
        device = self.device
        if device is not None and device.door is self:
            device.door = None
            device.put_back()


def _barred(account: Account) -> tuple[int, str, float | None] | None:
    """Why WhatsApp lets no client of this account in, if so."""
    if account.banned:
        return 406, "banned", None
    if account.banned_until is not None and account.banned_until > time.time():
        return 402, "temporarily banned", account.banned_until
    if account.locked:
        return 403, "locked", None
    if account.proxy_blocked:
        return 407, "PROXYBLOCK", None
    return None


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
        self._decoder = wire.client_decoder()

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
        if self._turned_away():
            self.world.journal.note("fault", what="unavailable")
            return web.Response(status=503, text="service unavailable")
        ws = web.WebSocketResponse(compress=False, max_msg_size=16 * 2**20, timeout=2.0, decode_text=False)
        await ws.prepare(request)
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):
            return ws  # gone already
        connection = Connection(self, ws, transport)
        self.connections.add(connection)
        self.world.journal.note("connected", connection=connection.number)
        try:
            async for message in ws:
                if message.type not in {WSMsgType.BINARY, WSMsgType.TEXT}:
                    break
                if connection.hung or connection.ended:
                    continue
                try:
                    frame = self._decoder.decode(message.data)
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
