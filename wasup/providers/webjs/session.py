"""`WebjsSession`: one account's connection, in a Chromium of its own.

Tasks of the provider's nursery read what the page tells (`read`), watch over browser, start and line (`watch_…`)
and measure (`measure`). A method of the port is one call of the driver, and so one crossing of the bridge.
"""

from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar, TypeVarTuple

import msgspec
import structlog
import trio

from wasup.bridge import Bridge
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import ChatChanged, ContactChanged, Content, Edit, GroupChanged, Item, Reaction, Revoke
from wasup.ports.session import (
    Delivery,
    HistoryPage,
    PairingCodeIssued,
    PairingRefused,
    Ready,
    SendFailed,
    Sent,
    SessionEvent,
)
from wasup.providers.webjs import raw, translate
from wasup.providers.webjs.life import Life
from wasup.providers.webjs.limits import Limits
from wasup.providers.webjs.outgoing import media_of, refusal_of
from wasup.providers.webjs.page import CallRefused, PageCrashed, WhatsAppPage
from wasup.providers.webjs.uploads import Uploads

__all__ = ["WebjsSession"]

_ROOM: Final = 2_000  # events that may wait for `receive`; then the page keeps what comes
_END_KNOWN: Final = 2.0  # seconds in which the page tells why it went away under a call
_RATE_LIMITED: Final = 4 * 3600.0  # `rate-overlimit` means hours (WhatsApp does not say how many)
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

log = structlog.get_logger("wasup.webjs")


class _Posted(msgspec.Struct):
    t: float
    id: str | None = None


class _Page(msgspec.Struct):
    messages: tuple[raw.Message, ...]
    more: bool


class WebjsSession:
    """See `wasup.ports.session.Session`. Made by `WebjsProvider.open` only."""

    def __init__(self, bridge: Bridge, page: WhatsAppPage, life: Life, uploads: Uploads, limits: Limits) -> None:
        self._bridge = bridge
        self._page = page
        self._life = life
        self._uploads = uploads
        self._limits = limits
        self._events: deque[SessionEvent] = deque()
        self._news: trio.Event | None = None  # somebody waits in `receive`
        self._room: trio.Event | None = None  # `read` waits for `receive`
        self._line = trio.Event()  # set at every change of the page's connection
        self._calls: set[trio.CancelScope] = set()
        self._tokens = 0
        self._end: Disconnected | None = None
        self._over = trio.Event()
        self._in_hand = 0
        self._heard_at = trio.current_time()
        self.became_ready = trio.Event()

    # -- what the page tells ------------------------------------------------------------------------------------

    async def read(self) -> None:
        """Hear what the page tells, until the session ends."""
        try:
            while self._end is None:
                if len(self._events) >= _ROOM:
                    self._room = trio.Event()
                    await self._room.wait()
                await self._hear(raw.decode_events(await self._bridge.run(self._page.next_batch)))
        except msgspec.DecodeError as error:
            self.finish(Disconnected(DisconnectReason.PROTOCOL_ERROR, f"the page told what we do not know: {error}"))
        except Disconnected as end:
            self.finish(end)

    async def _hear(self, events: tuple[raw.Event, ...]) -> None:
        """Pass a batch on in its order; items that follow each other are one delivery."""
        items: list[Item] = []
        for event in events:
            if isinstance(event, raw.Writing):
                typing = translate.typing_of(event)
                if typing is not None and len(self._events) < _ROOM // 2:  # never stored, so the first to go
                    self._tell(typing)
            elif self._life.me is not None and (item := translate.item_of(event, self._life.me)) is not None:
                items.append(item)
            else:
                self._deliver(items)
                items = []
                await self._live(event)
        self._deliver(items)

    async def _live(self, event: raw.Event) -> None:
        """An event of the connection."""
        if isinstance(event, raw.QrExhausted) and not self._life.attempts:
            await self._run(self._page.call, "refresh_qr", {}, self._limits.answer, msgspec.Raw)
            return
        if isinstance(event, raw.Trouble):
            log.warning("webjs.driver_trouble", where=event.where, detail=event.detail)
        fresh = self._life.attempts > 0
        for told in self._life.hear(event):
            self._tell(told)
            if isinstance(told, Ready):
                self.became_ready.set()
                if fresh:  # wa-js asks for typing once, when the page starts, and there were no chats then
                    await self._run(self._page.call, "watch_typing", {}, self._limits.answer, msgspec.Raw)
        self._line.set()

    def _deliver(self, items: list[Item]) -> None:
        if items:
            self._tokens += 1
            self._heard_at = trio.current_time()
            self._tell(Delivery(token=self._tokens, items=tuple(items)))

    def _tell(self, event: SessionEvent) -> None:
        self._events.append(event)
        if self._news is not None:
            self._news.set()
            self._news = None

    def tell(self, event: SessionEvent) -> None:
        """Something that is not the page's to tell: how much memory the browser uses."""
        if len(self._events) < _ROOM:
            self._tell(event)

    async def receive(self) -> SessionEvent:
        """The next event; what came before the end is told before the end."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._events:
            self._raise_end()
            if self._news is None:
                self._news = trio.Event()
            await self._news.wait()
        event = self._events.popleft()
        if self._room is not None and len(self._events) < _ROOM // 2:
            self._room.set()
            self._room = None
        return event

    # -- the end ------------------------------------------------------------------------------------------------

    def finish(self, end: Disconnected) -> None:
        """The session has ended: everybody who waits learns it. The first reason counts."""
        if self._end is None:
            self._end = end
        self._over.set()
        for scope in self._calls:
            scope.cancel()
        if self._news is not None:
            self._news.set()
            self._news = None

    def _raise_end(self) -> None:
        """Raise the end, each time as a new exception: it is raised in many tasks."""
        end = self._end
        if end is not None:
            raise Disconnected(end.reason, end.detail, until=end.until)

    async def watch_start(self) -> None:
        """The driver must find its way into the page: where it does not, WhatsApp is another than we know."""
        with trio.move_on_after(self._limits.start) as patience:
            while not self._life.injected:
                await self._line_changes()
        if patience.cancelled_caught:
            detail = f"wa-js found no way into WhatsApp's page within {self._limits.start:g} s"
            self.finish(Disconnected(DisconnectReason.CLIENT_OUTDATED, detail))

    async def watch_line(self) -> None:
        """A page that has lost its connection mends it by itself, or is given up."""
        await self.became_ready.wait()
        while True:
            while self._life.connected:
                await self._line_changes()
            with trio.move_on_after(self._limits.heal) as patience:
                while not self._life.connected:
                    await self._line_changes()
            if patience.cancelled_caught:
                detail = f"the page has had no connection for {self._limits.heal:g} s"
                self.finish(Disconnected(DisconnectReason.CONNECTION_LOST, detail))
                return

    async def _line_changes(self) -> None:
        self._line = trio.Event()
        await self._line.wait()

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left of it but what was told before the end."""
        return self._end is not None

    @property
    def page_version(self) -> str | None:
        """Version of WhatsApp's page, once it is known."""
        return self._life.version

    @property
    def blocked_requests(self) -> dict[str, int]:
        """How often the page asked hosts that are none of WhatsApp's, by host. Nothing has reached them."""
        return dict(self._page.outward.blocked)

    def is_quiet(self, seconds: float) -> bool:
        """Ready, nothing is being sent, and nothing has come for some time."""
        silence = trio.current_time() - self._heard_at
        return self.became_ready.is_set() and not self._in_hand and silence >= seconds

    # -- calls --------------------------------------------------------------------------------------------------

    async def _run(self, fn: Callable[[*_Ts], Coroutine[Any, Any, _T]], *args: *_Ts) -> _T:
        """Have something done in the page; the end of the session ends the waiting.

        Raises:
            CallRefused: it was not done.
            Disconnected: the session has ended, perhaps because the page did not answer.
        """
        self._raise_end()
        with trio.CancelScope() as scope:
            self._calls.add(scope)
            try:
                return await self._bridge.run(fn, *args)
            except PageCrashed as crash:
                await self._explain(crash)
            finally:
                self._calls.discard(scope)
        self._raise_end()
        raise AssertionError("a call was given up, and the session goes on")

    async def _explain(self, crash: PageCrashed) -> None:
        """End the session with what lies behind a call without an answer."""
        if not crash.hung:  # a page that goes away tells why, when it begins anew
            with trio.move_on_after(_END_KNOWN):
                await self._over.wait()
            self.finish(Disconnected(DisconnectReason.HOST_CRASHED, str(crash)))
            return
        try:
            await self._bridge.run(self._page.call, "state", {}, self._limits.hang, msgspec.Raw)
        except (PageCrashed, CallRefused):
            self.finish(Disconnected(DisconnectReason.HOST_CRASHED, f"the page hangs: {crash}"))
        else:
            self.finish(Disconnected(DisconnectReason.DEAF, f"WhatsApp does not answer the page: {crash}"))

    async def _ask(self, name: str, args: dict[str, Any], kind: type[_T], *, within: float | None = None) -> _T:
        """One call of the driver, and its answer."""
        return await self._run(self._page.call, name, args, within or self._limits.answer, kind)

    # -- the port -----------------------------------------------------------------------------------------------

    async def acknowledge(self, tokens: Sequence[int]) -> None:  # noqa: ARG002 - WhatsApp has been told by the page
        """Nothing to do: the page has acknowledged to WhatsApp already, and history is merged at every connect."""
        self._raise_end()
        await trio.lowlevel.checkpoint()

    async def request_pairing_code(self, phone: str) -> None:
        """Ask for a pairing code; it arrives as an event."""
        try:
            code = await self._ask("pairing_code", {"phone": phone}, str)
        except CallRefused as refused:
            limited = "rate" in f"{refused.code} {refused.detail}".lower() or "429" in refused.detail
            raise PairingRefused(refused.detail, retry_after=_RATE_LIMITED if limited else None) from None
        self._tell(PairingCodeIssued(code=code.replace("-", ""), phone=phone))

    async def send(self, chat: str, content: Content, *, message_id: str, quoted_id: str | None = None) -> Sent:
        """Hand over a message under our id; a repeated id arrives once."""
        self._in_hand += 1
        try:
            posted = await self._post(chat, content, message_id, quoted_id)
        except CallRefused as refused:
            raise refusal_of(refused) from None
        finally:
            self._in_hand -= 1
        return Sent(id=posted.id or message_id, timestamp=translate.milliseconds(posted.t))

    async def _post(self, chat: str, content: Content, message_id: str, quoted_id: str | None) -> _Posted:
        """One call for each kind of content; the ids of reactions and deletions are WhatsApp's own affair."""
        about: dict[str, Any] = {"chat": chat, "message_id": message_id}
        send = self._limits.transfer
        match content:
            case Reaction(target_id=target, emoji=emoji):
                return await self._ask("react", about | {"target": target, "emoji": emoji}, _Posted, within=send)
            case Edit(target_id=target, body=body):
                return await self._ask("edit", about | {"target": target, "body": body}, _Posted, within=send)
            case Revoke(target_id=target):
                return await self._ask("revoke", about | {"target": target}, _Posted, within=send)
            case _:
                pass
        media = media_of(content)
        said: dict[str, Any] = msgspec.to_builtins(content)
        if media is None:
            return await self._ask("send", about | {"content": said, "quoted": quoted_id}, _Posted, within=send)
        try:
            data = await self.download(media.ref)
        except LookupError as error:
            raise SendFailed("media_gone", str(error)) from None
        handle = await self._run(self._put, data, media.mime, media.filename or "file")
        try:
            said["handle"] = handle
            return await self._ask("send", about | {"content": said, "quoted": quoted_id}, _Posted, within=send)
        finally:
            if self._end is None:
                with trio.CancelScope(shield=True):
                    await self._ask("drop", {"handle": handle}, msgspec.Raw)

    async def _put(self, data: bytes, mime: str, filename: str) -> str:
        return await self._page.put(data, mime=mime, filename=filename, within=self._limits.answer)

    async def mark_read(self, chat: str, message_ids: Sequence[str]) -> None:  # noqa: ARG002 - see below
        """Tell the sender: WhatsApp Web marks a whole chat as read, not single messages."""
        await self._do("read", {"chat": chat})

    async def set_typing(self, chat: str, *, active: bool) -> None:
        """Show, or stop showing, that this account writes."""
        await self._do("typing", {"chat": chat, "active": active})

    async def _do(self, name: str, args: dict[str, Any]) -> None:
        try:
            await self._ask(name, args, msgspec.Raw)
        except CallRefused as refused:
            raise refusal_of(refused) from None

    async def chats(self) -> Sequence[ChatChanged]:
        """All private chats and groups, as they are now."""
        chats = await self._ask("chats", {}, tuple[raw.Chat, ...])
        return [chat for given in chats if (chat := translate.chat_of(given)) is not None]

    async def contacts(self) -> Sequence[ContactChanged]:
        """All contacts, as they are now."""
        contacts = await self._ask("contacts", {}, tuple[raw.Contact, ...])
        return [contact for given in contacts if (contact := translate.contact_of(given)) is not None]

    async def groups(self) -> Sequence[GroupChanged]:
        """All groups with their participants, as they are now."""
        groups = await self._ask("groups", {}, tuple[raw.Group, ...])
        return [group for given in groups if (group := translate.group_of(given)) is not None]

    async def history(self, chat: str, *, after_id: str | None, limit: int, since: int | None = None) -> HistoryPage:
        """Messages of a chat as the page's own database has them, oldest first."""
        seconds = None if since is None else since / 1000
        args = {"chat": chat, "after": after_id, "limit": limit, "since": seconds}
        try:
            page = await self._ask("history", args, _Page)
        except CallRefused as refused:
            raise LookupError(refused.detail) from None
        me = self._life.me
        found = (None if me is None else translate.message_of(message, me) for message in page.messages)
        return HistoryPage(messages=tuple(message for message in found if message is not None), more=page.more)

    async def upload(self, data: bytes, *, mime: str, filename: str | None = None) -> str:  # noqa: ARG002
        """Keep bytes until they are sent: WhatsApp Web uploads a file together with its message."""
        self._raise_end()
        return await self._uploads.keep(data)

    async def download(self, ref: str) -> bytes:
        """The bytes of a received message (the page downloads them), or of what was uploaded."""
        self._raise_end()
        if self._uploads.owns(ref):
            return await self._uploads.read(ref)
        try:
            return await self._run(self._fetch, ref)
        except CallRefused as refused:
            raise LookupError(refused.detail) from None

    async def _fetch(self, key: str) -> bytes:
        return await self._page.fetch(key, within=self._limits.transfer, answer_within=self._limits.answer)

    async def probe(self) -> None:
        """A question that the page has to ask WhatsApp: it proves page, line and server at once."""
        try:
            await self._ask("probe", {}, msgspec.Raw)
        except CallRefused as refused:
            raise Disconnected(DisconnectReason.DEAF, f"WhatsApp does not answer the page: {refused}") from None

    async def logout(self) -> None:
        """Unlink this client; the page then tells that it is logged out."""
        await self._ask("logout", {}, msgspec.Raw)
