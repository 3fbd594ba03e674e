"""What a session does besides passing on: the first synchronisation, the catch-up after it, and comparisons."""

import random
from collections.abc import Awaitable, Callable, Sequence

import structlog
import trio
from msgspec.structs import replace

from wasup.actors.chat_history import HistoryReader
from wasup.actors.runtime import Runtime
from wasup.ports.messages import ChatChanged, Item, Message
from wasup.ports.session import Capabilities, TryLater
from wasup.ports.store import DatabaseUnavailable
from wasup.ports.sync import StoreItem, SyncPhase, SyncStep, Watermark

__all__ = ["Synchroniser"]

_CHUNK = 100
_STEPS = 20  # events of progress in one phase, about
_HOUR = 3_600_000  # ms
_IN_FLIGHT = 60_000  # ms that a message may still be on its way to the database
_RETRY = 0.5

log = structlog.get_logger("wasup.synchroniser")


class Synchroniser:
    """Keeps the database equal to what the provider has, for one session.

    Args:
        runtime: what the actors share.
        capabilities: of the session's provider.
        reader: of the session's history; it also hands over everything else.
    """

    def __init__(self, runtime: Runtime, capabilities: Capabilities, reader: HistoryReader) -> None:
        self._runtime = runtime
        self._capabilities = capabilities
        self._reader = reader
        self._comparing = False

    def follow(self, items: Sequence[Item]) -> Sequence[StoreItem]:
        """What is stored of a delivery: its items, and the watermarks that they move."""
        watermarks = self._reader.watermarks
        return items if watermarks is None else watermarks.follow(items)

    # ---- at the beginning of a session -------------------------------------------------------

    async def synchronise(self) -> None:
        """After a pairing: contacts, groups, chats and recent history, each step told as an event."""
        reader = self._reader
        with reader.patience("a question for contacts"):
            contacts = await reader.session.contacts()
        await self._store_all(SyncPhase.CONTACTS, contacts)
        if self._capabilities.groups:
            with reader.patience("a question for groups"):
                groups = await reader.session.groups()
            await self._store_all(SyncPhase.GROUPS, groups)
        chats = await self._chats()
        await self._store_all(SyncPhase.CHATS, chats)
        await self._catch_up(chats, first=True)
        await reader.store([SyncStep(phase=SyncPhase.DONE, done=1, total=1)])

    async def catch_up(self) -> None:
        """At every other connection: what was missed while away, of a provider that has told WhatsApp already."""
        if self._reader.watermarks is not None:
            chats = await self._chats()
            silent = await self._catch_up(chats, first=False)
            for start in range(0, len(silent), _CHUNK):
                await self._reader.store(silent[start : start + _CHUNK])

    async def _catch_up(self, chats: Sequence[ChatChanged], *, first: bool) -> list[ChatChanged]:
        """Close the gaps of these chats; returns those that have none."""
        reader = self._reader
        if not self._capabilities.history or (first and not reader.settings.history_days):
            gaps = []
        else:
            marks = await self._watermarks()
            known = [(chat, marks.get(chat.id) or marks.get(chat.alt or "")) for chat in chats]
            gaps = [(chat, mark) for chat, mark in known if reader.has_gap(chat, mark)]
        if reader.watermarks is not None:
            moved = reader.watermarks.expect(chat for chat, _ in gaps)
            if moved:
                await reader.store(moved)
        await reader.merge_all(gaps, first=first, merged=self._progress(len(gaps)) if first else None)
        closed = {chat.id for chat, _ in gaps}
        return [chat for chat in chats if chat.id not in closed]

    async def _store_all(self, phase: SyncPhase, items: Sequence[Item]) -> None:
        total = len(items)
        for start in range(0, total, _CHUNK):
            chunk: list[StoreItem] = [*items[start : start + _CHUNK]]
            done = start + len(chunk)
            if done == total or _moves_on(start, done, total):
                chunk.append(SyncStep(phase=phase, done=done, total=total))
            await self._reader.store(chunk)

    def _progress(self, total: int) -> Callable[[int], Awaitable[None]]:
        async def tell(done: int) -> None:
            if done == total or _moves_on(done - 1, done, total):
                await self._reader.store([SyncStep(phase=SyncPhase.HISTORY, done=done, total=total)])

        return tell

    async def _chats(self) -> Sequence[ChatChanged]:
        with self._reader.patience("a question for chats"):
            return await self._reader.session.chats()

    async def _watermarks(self) -> dict[str, Watermark]:
        """As stored now; before they are known nothing is merged, however long that takes."""
        if self._reader.watermarks is None:
            return {}
        while True:
            try:
                return await self._runtime.stores.sync.watermarks(self._reader.account_id)
            except DatabaseUnavailable:
                await trio.sleep(_RETRY)

    # ---- from time to time -------------------------------------------------------------------

    async def compare(self) -> None:
        """Compare a sample of the recently active chats with the database, and fill in what is missing there.

        What is as young as a message on its way is left out.
        """
        if self._comparing or not self._capabilities.history:
            return
        self._comparing = True
        try:
            now = self._runtime.clock.now_ms()
            since = now - int(self._reader.settings.compare_hours * _HOUR)
            active = [chat for chat in await self._chats() if (chat.last_message_at or now) >= since]
            for chat in random.sample(active, min(len(active), self._reader.settings.compare_chats)):
                await self._compare_chat(chat, since, now - _IN_FLIGHT)
        except DatabaseUnavailable as error:  # another time
            log.info("sync.not_compared", account_id=self._reader.account_id, why=str(error))
        finally:
            self._comparing = False

    async def _compare_chat(self, chat: ChatChanged, since: int, until: int) -> None:
        reader, pulse = self._reader, self._runtime.pulse
        after: Message | None = None
        while True:
            try:
                begin = since if after is None else after.timestamp
                page = await reader.page(chat.id, after_id=None if after is None else after.id, since=begin)
            except (LookupError, TryLater):  # it was deleted meanwhile, or is looked into another time
                return
            settled = [message for message in page.messages if message.timestamp < until]
            missing = await self._runtime.stores.sync.missing(reader.account_id, settled)
            pulse.compared += len(settled)
            if missing:
                pulse.gaps += len(missing)
                log.warning("sync.gap_filled", account_id=reader.account_id, chat=chat.id, messages=len(missing))
                await reader.store([replace(message, history=reader.is_old(message)) for message in missing])
            if not page.more or not settled or (after is not None and after.id == settled[-1].id):
                return
            after = settled[-1]


def _moves_on(before: int, after: int, total: int) -> bool:
    """Whether this step is worth an event."""
    return after * _STEPS // total > before * _STEPS // total
