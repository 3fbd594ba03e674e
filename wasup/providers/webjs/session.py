"""`WebjsSession`: one account's connection, in a Chromium of its own.

Its parts: `listening` hears what the page tells, `calling` asks it, `sending` hands over what goes out, `watching`
finds out when it is of no use any more. A method of the port is one call of the driver, and so one crossing of the
bridge.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import structlog
import trio

from wasup.bridge import Bridge
from wasup.ports.messages import ChatChanged, ContactChanged, Content, GroupChanged, Message, Receipt
from wasup.ports.session import HistoryPage, PairingCodeIssued, PairingRefused, Sent, SessionEvent, TryLater
from wasup.providers.webjs import raw, reading, translate
from wasup.providers.webjs.activity import Activity
from wasup.providers.webjs.calling import NOT_THERE, Calls
from wasup.providers.webjs.ending import Ending
from wasup.providers.webjs.life import Life
from wasup.providers.webjs.limits import Limits
from wasup.providers.webjs.line import Line
from wasup.providers.webjs.listening import Listener
from wasup.providers.webjs.page import CallRefused, WhatsAppPage
from wasup.providers.webjs.sending import Sender
from wasup.providers.webjs.uploads import Uploads
from wasup.providers.webjs.watching import Watch

__all__ = ["WebjsSession"]

_RATE_LIMITED: Final = 4 * 3600.0  # `rate-overlimit` means hours (WhatsApp does not say how many)
_RATE: Final = re.compile(r"\brate[-_ ]?(over)?limit|\b429\b", re.IGNORECASE)

log = structlog.get_logger("wasup.webjs")


class _Page(msgspec.Struct):
    messages: tuple[msgspec.Raw, ...]
    changes: tuple[msgspec.Raw, ...]
    more: bool
    readable: bool


class WebjsSession:
    """See `wasup.ports.session.Session`. Made by `WebjsProvider.open` only, which runs its tasks.

    Args:
        bridge: to the asyncio side.
        page: WhatsApp's, not loaded yet.
        life: what its connection goes through.
        uploads: bytes that wait to be sent.
        limits: deadlines.
        may_hang: whether the page should be asked if it lives.

    Attributes:
        became_ready: set when it is ready for the first time.
        read: a task: hears what the page tells.
        watch_start: a task: the driver must find its way into the page.
        watch_line: a task: a page without a connection has its time to mend it.
        finish: the session has ended for this reason, and everybody who waits learns it; the first one counts.
        tell: something that is not the page's to tell: how much memory the browser uses.
    """

    def __init__(
        self,
        bridge: Bridge,
        page: WhatsAppPage,
        life: Life,
        uploads: Uploads,
        limits: Limits,
        may_hang: Callable[[], bool] = lambda: True,
    ) -> None:
        self._life = life
        self._limits = limits
        self._uploads = uploads
        self._ending = Ending()
        self._activity = Activity()
        line = Line(life)
        self._calls = Calls(bridge, page, life, self._ending, limits)
        self._listener = Listener(bridge, self._calls, life, line, self._ending, self._activity)
        self._watch = Watch(bridge, self._calls, life, line, self._ending, self._listener, may_hang)
        self._sender = Sender(self._calls, uploads, self._ending, self._activity)
        self.became_ready = self._listener.became_ready
        self.read = self._listener.read
        self.watch_start = self._watch.start
        self.watch_line = self._watch.line
        self.finish = self._ending.come
        self.tell = self._listener.tell_if_room

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left of it but what was told before the end."""
        return self._ending.has_come

    @property
    def page_version(self) -> str | None:
        """Version of WhatsApp's page, once it is known."""
        return self._life.version

    @property
    def blocked_requests(self) -> dict[str, int]:
        """How often the page asked hosts that are none of WhatsApp's, by host. Nothing has reached them."""
        return dict(self._calls.page.outward.blocked)

    def is_quiet(self, seconds: float) -> bool:
        """Ready, nothing is on its way in or out, and nothing has come for some time."""
        return self.became_ready.is_set() and self._activity.is_quiet(seconds)

    # -- the port -----------------------------------------------------------------------------------------------

    async def receive(self) -> SessionEvent:
        """The next event; what came before the end is told before the end."""
        return await self._listener.receive()

    async def acknowledge(self, tokens: Sequence[int]) -> None:  # noqa: ARG002 - WhatsApp has been told by the page
        """Nothing to do: the page has acknowledged to WhatsApp already, and history is merged at every connect."""
        self._ending.check()
        await trio.lowlevel.checkpoint()

    async def request_pairing_code(self, phone: str) -> None:
        """Ask for a pairing code; it arrives as an event."""
        try:
            code = await self._calls.ask("pairing_code", {"phone": phone}, str)
        except CallRefused as refused:
            limited = _RATE.search(f"{refused.code} {refused.detail}") is not None
            raise PairingRefused(refused.detail, retry_after=_RATE_LIMITED if limited else None) from None
        self._listener.tell(PairingCodeIssued(code=code.replace("-", ""), phone=phone))

    async def send(self, chat: str, content: Content, *, message_id: str, quoted_id: str | None = None) -> Sent:
        """Hand over a message under our id; a repeated id arrives once."""
        return await self._sender.send(chat, content, message_id, quoted_id)

    async def mark_read(self, chat: str, message_ids: Sequence[str]) -> None:  # noqa: ARG002 - see below
        """Tell the sender: WhatsApp Web marks a whole chat as read, not single messages."""
        await self._sender.do("read", {"chat": chat})

    async def set_typing(self, chat: str, *, active: bool) -> None:
        """Show, or stop showing, that this account writes."""
        await self._sender.do("typing", {"chat": chat, "active": active})

    async def chats(self) -> Sequence[ChatChanged]:
        """All private chats and groups, as they are now."""
        chats = reading.decode_each(await self._calls.ask_known("chats", tuple[msgspec.Raw, ...]), raw.Chat)
        return [chat for given in chats if (chat := translate.chat_of(given)) is not None]

    async def contacts(self) -> Sequence[ContactChanged]:
        """All contacts, as they are now."""
        contacts = reading.decode_each(await self._calls.ask_known("contacts", tuple[msgspec.Raw, ...]), raw.Contact)
        return [contact for given in contacts if (contact := translate.contact_of(given)) is not None]

    async def groups(self) -> Sequence[GroupChanged]:
        """All groups with their participants, as they are now."""
        # Of each that the page does not know well it asks WhatsApp.
        found = await self._calls.ask_known("groups", tuple[msgspec.Raw, ...], within=self._limits.transfer)
        groups = reading.decode_each(found, raw.Group)
        return [group for given in groups if (group := translate.group_of(given)) is not None]

    async def history(self, chat: str, *, after_id: str | None, limit: int, since: int | None = None) -> HistoryPage:
        """Messages of a chat as the page's own database has them, oldest first.

        Among the changes are, too, the messages of the second of `after_id`: which of them came first is not sure.
        """
        seconds = None if since is None else since / 1000
        args = {"chat": chat, "after": after_id, "limit": limit, "since": seconds}
        with self._activity.in_hand():
            try:
                page = await self._calls.ask("history", args, _Page, within=self._limits.transfer)
            except CallRefused as refused:
                if refused.code in NOT_THERE:
                    raise LookupError(refused.detail) from None
                raise TryLater(str(refused)) from None
        me = self._life.me
        if me is None:  # nobody is logged in, so there is no history
            return HistoryPage(messages=(), more=False, readable=False)
        found = (translate.message_of(message, me) for message in reading.decode_messages(page.messages))
        became = (translate.item_of(event, me) for event in reading.decode_changes(page.changes))
        return HistoryPage(
            messages=tuple(message for message in found if message is not None),
            more=page.more,
            changes=tuple(change for change in became if isinstance(change, Message | Receipt)),
            readable=page.readable,
        )

    async def upload(self, data: bytes, *, mime: str, filename: str | None = None) -> str:  # noqa: ARG002
        """Keep bytes until they are sent: WhatsApp Web uploads a file together with its message."""
        self._ending.check()
        return await self._uploads.keep(data)

    async def download(self, ref: str) -> bytes:
        """The bytes of a received message (the page downloads them), or of what was uploaded."""
        return await self._sender.download(ref)

    async def probe(self) -> None:
        """Find out whether page, line, server and the way back work."""
        await self._watch.probe()

    async def logout(self) -> None:
        """Unlink this client; the page then tells that it is logged out, which ends the session."""
        try:
            await self._calls.ask("logout", {}, msgspec.Raw)
        except CallRefused as refused:
            log.warning("webjs.not_logged_out", why=str(refused))
            return
        with trio.move_on_after(self._limits.farewell) as patience:  # until then the browser must not be closed
            await self._ending.over.wait()
        if patience.cancelled_caught:
            log.warning("webjs.not_logged_out", why=f"no answer within {self._limits.farewell:g} s")
