"""What the page tells, as events for whoever reads the session."""

from collections import deque
from typing import Final

import msgspec
import structlog
import trio

from wasup.bridge import Bridge, BridgeError
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import Item
from wasup.ports.session import Delivery, Ready, SessionEvent
from wasup.providers.webjs import raw, reading, translate
from wasup.providers.webjs.activity import Activity
from wasup.providers.webjs.calling import Calls
from wasup.providers.webjs.ending import Ending
from wasup.providers.webjs.life import Life
from wasup.providers.webjs.line import Line
from wasup.providers.webjs.page import CallRefused

__all__ = ["Listener"]

_ROOM: Final = 2_000  # events that may wait for `receive`; then the page keeps what comes

log = structlog.get_logger("wasup.webjs")


class Listener:
    """Reads what the driver tells, and keeps it until it is received.

    Attributes:
        became_ready: set when the session is ready for the first time.
    """

    def __init__(
        self, bridge: Bridge, calls: Calls, life: Life, line: Line, ending: Ending, activity: Activity
    ) -> None:
        self.became_ready = trio.Event()
        self._bridge = bridge
        self._calls = calls
        self._life = life
        self._line = line
        self._ending = ending
        self._activity = activity
        self._events: deque[SessionEvent] = deque()
        self._news: trio.Event | None = None  # somebody waits in `receive`
        self._room: trio.Event | None = None  # `read` waits for `receive`
        self._tokens = 0

    @property
    def has_room(self) -> bool:
        """Whether the page is listened to just now: not while too much waits to be received."""
        return self._room is None

    async def read(self) -> None:
        """Hear what the page tells, until the session ends."""
        try:
            while not self._ending.has_come:
                if len(self._events) >= _ROOM:
                    self._room = trio.Event()
                    await self._room.wait()
                told = await self._bridge.run(self._calls.page.next_batch)
                await self._hear(reading.decode_events(told))
        except msgspec.DecodeError as error:
            detail = f"the page told what we do not know: {error}"
            self._ending.come(Disconnected(DisconnectReason.PROTOCOL_ERROR, detail))
        except BridgeError as error:
            self._ending.come(Disconnected(DisconnectReason.HOST_CRASHED, str(error)))
        except Disconnected as end:
            self._ending.come(end)

    async def _hear(self, events: tuple[raw.Event, ...]) -> None:
        """Pass a batch on in its order; items that follow each other are one delivery."""
        items: list[Item] = []
        for event in events:
            if isinstance(event, raw.Writing):
                typing = translate.typing_of(event)
                if typing is not None and len(self._events) < _ROOM // 2:  # never stored, so the first to go
                    self.tell(typing)
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
            await self._calls.ask_known("refresh_qr", msgspec.Raw)
            return
        if isinstance(event, raw.Trouble):
            log.warning("webjs.driver_trouble", where=event.where, detail=event.detail)
        if isinstance(event, raw.Echo):
            self._line.echo = event.number
        fresh = self._life.attempts > 0
        for told in self._life.hear(event):
            self.tell(told)
            if isinstance(told, Ready):
                self.became_ready.set()
                if fresh:
                    await self._watch_typing()
        self._line.has_changed()

    async def _watch_typing(self) -> None:
        """wa-js asks for typing once, when the page starts, and after a pairing there were no chats then."""
        try:
            await self._calls.ask("watch_typing", {}, msgspec.Raw)
        except CallRefused as refused:  # nobody is seen typing
            log.warning("webjs.no_typing", why=str(refused))

    def _deliver(self, items: list[Item]) -> None:
        if items:
            self._tokens += 1
            self._activity.happened()
            self.tell(Delivery(token=self._tokens, items=tuple(items)))

    def tell(self, event: SessionEvent) -> None:
        """Keep an event until it is received."""
        self._events.append(event)
        if self._news is not None:
            self._news.set()
            self._news = None

    def tell_if_room(self, event: SessionEvent) -> None:
        """Something that the next one of its kind makes up for."""
        if len(self._events) < _ROOM:
            self.tell(event)

    async def receive(self) -> SessionEvent:
        """The next event; what came before the end is told before the end."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._events:
            self._ending.check()
            if self._news is None:
                self._news = trio.Event()
            with self._ending.cuts_short():
                await self._news.wait()
        event = self._events.popleft()
        if self._room is not None and len(self._events) < _ROOM // 2:
            self._room.set()
            self._room = None
        return event
