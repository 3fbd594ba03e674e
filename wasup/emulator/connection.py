"""One WebSocket of the network door: an applicant for a login at first, a device's door later."""

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from aiohttp import web

from wasup.emulator import wire
from wasup.emulator.account import Account, Device
from wasup.emulator.logins import NoCode

if TYPE_CHECKING:
    from wasup.emulator.network import Network

__all__ = ["Connection"]


class Connection:
    """One WebSocket: an applicant for a login at first, a device's door later."""

    decoder: ClassVar[msgspec.json.Decoder[Any]] = wire.client_decoder()
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

    def hang(self, *, active: bool) -> None:
        """Stop answering and keep the socket open, or answer again."""
        self.hung = active
        if not active:
            self.wake()

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
        delay = self.sync_delay()
        if delay:
            self._timer = self.network.later(delay, self.now_ready)
        else:
            self.now_ready()

    def sync_delay(self) -> float:
        """Seconds from a login to ready."""
        return self.network.settings.sync_delay

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
            self.refuse(frame.n, "not_ready", "not logged in", transient=True)
        else:
            self.network.serve(self, device, frame)

    def refuse(self, number: int, code: str, detail: str, *, transient: bool = False) -> None:
        """Answer a request by saying no."""
        self.post(wire.Failed(n=number, code=code, detail=detail, transient=transient))

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
