"""Brings what a provider still has and the database has not, chat by chat, a bounded number of pages at a time."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeAlias

import structlog
import trio
from msgspec.structs import replace

from wasup.actors.watermarks import Watermarks, mark_of
from wasup.ports.messages import ChatChanged, Message, Receipt
from wasup.ports.session import HistoryPage, NotSupported, Session, TryLater
from wasup.ports.sync import StoreItem, Watermark
from wasup.settings import SyncSection

__all__ = ["DAY", "HistoryReader", "Patience", "StoreItems"]

DAY = 86_400_000  # ms
_HOUR = 3_600_000  # ms
_NARROWER = 4
_SKEW = 60_000  # ms by which WhatsApp's clock may be behind ours

StoreItems: TypeAlias = Callable[[Sequence[StoreItem]], Awaitable[None]]
"""Hands items to the writer; waits while there is no room."""
Patience: TypeAlias = Callable[[str], AbstractContextManager[None]]
"""A context in which the far side has to answer what is named; else the session ends."""

log = structlog.get_logger("wasup.chat_history")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryReader:
    """Merges the history of one session's chats.

    Attributes:
        session: to be asked.
        settings: how much is asked for.
        account_id: whose session it is.
        paired_at: UTC epoch milliseconds of the login; what is older is history, of which nobody is told.
        now: the time of day when the session began.
        watermarks: of a provider that refetches; None for one that hands over again what was not acknowledged.
        store: hands over what was found.
        patience: how long answers may take.
    """

    session: Session
    settings: SyncSection
    account_id: int
    paired_at: int
    now: int
    watermarks: Watermarks | None
    store: StoreItems
    patience: Patience

    @property
    def begins(self) -> int:
        """Messages of a chat without a watermark are asked for from this time on."""
        return self.now - int(self.settings.history_days * DAY)

    def is_old(self, message: Message) -> bool:
        """Whether it was written before this login."""
        return message.timestamp < self.paired_at - _SKEW

    def has_gap(self, chat: ChatChanged, mark: Watermark | None) -> bool:
        """Whether there may be something that is not stored.

        Of every chat with recent messages: what became of these is not seen in the list of chats, nor is another
        message of the same second. Of chats that have been silent for long that is not asked at every connection.
        """
        at = chat.last_message_at
        return at is None or at >= self.begins or (mark is not None and at > mark.timestamp)

    async def merge_all(
        self,
        chats: Sequence[tuple[ChatChanged, Watermark | None]],
        *,
        first: bool,
        merged: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        """Merge the history of these chats, some of them at a time.

        Args:
            chats: with their watermarks.
            first: a first synchronisation, which may leave out the older part of what a busy chat has.
            merged: called after each chat with how many are done.
        """
        waiting = iter(chats)
        done = 0

        async def work() -> None:
            nonlocal done
            for chat, mark in waiting:
                await self.merge(chat, mark, first=first)
                done += 1
                if merged is not None:
                    await merged(done)

        async with trio.open_nursery() as nursery:
            for _ in range(min(self.settings.history_concurrency, len(chats))):
                nursery.start_soon(work)

    async def merge(self, chat: ChatChanged, mark: Watermark | None, *, first: bool) -> None:
        """Hand over what follows the watermark, or what is recent, and after it how the chat is now.

        The chat comes last since its unread count has the messages in it already.
        """
        newest = last = mark
        complete = True
        try:
            page = await self._first_page(chat, mark, first=first)
            while True:
                moves_on = bool(page.messages) and (last is None or last.message_id != page.messages[-1].id)
                # Whoever has more, and shows nothing of it, has a hole in its history.
                complete = complete and page.readable and (moves_on or not page.more)
                if moves_on:
                    last = mark_of(page.messages[-1])
                    newest = last if complete else newest
                await self._hand_over(page, newest if complete else None, is_news=mark is not None)
                if last is None or not (page.more and moves_on):
                    break
                page = await self.page(chat.id, after_id=last.message_id, since=last.timestamp)
        except (LookupError, TryLater) as error:
            complete = False
            log.warning("history.given_up", account_id=self.account_id, chat=chat.id, why=str(error))
        except NotSupported:
            pass
        if self.watermarks is None:
            await self.store((chat,))
            return
        if complete:  # else the watermark stays where it is, and the next session asks again
            self.watermarks.close(chat)
        begin = Watermark(chat=chat.id, message_id=None, timestamp=self.begins)
        await self.store((chat, begin) if newest is None else (chat,))

    async def _first_page(self, chat: ChatChanged, mark: Watermark | None, *, first: bool) -> HistoryPage:
        if mark is not None:
            return await self.page(chat.id, after_id=mark.message_id, since=mark.timestamp)
        window = self.now - self.begins
        while True:
            # Pages begin with the oldest: the recent part of a busy chat is had by a narrower window.
            since = min(self.now - window, self.paired_at - _SKEW) if first else self.begins
            page = await self.page(chat.id, after_id=None, since=since)
            if not first or not page.more or window <= _HOUR or since < self.now - window:
                return page
            window //= _NARROWER

    async def page(self, chat: str, *, after_id: str | None, since: int) -> HistoryPage:
        """What follows this message; by time where the provider does not have it (any more).

        Raises:
            LookupError: there is no such chat.
            TryLater: it could not be looked up.
        """
        limit = self.settings.history_messages
        with self.patience("a question for history"):
            if after_id is not None:
                try:
                    return await self.session.history(chat, after_id=after_id, limit=limit, since=since)
                except LookupError:
                    log.info("history.by_time", account_id=self.account_id, chat=chat)
            return await self.session.history(chat, after_id=None, limit=limit, since=since)

    async def _hand_over(self, page: HistoryPage, mark: Watermark | None, *, is_news: bool) -> None:
        """Store a page, what has become of its messages, and then the watermark.

        Receipts come first: one that waits for a message of before this login tells nobody when that is stored. The
        other changes may be about messages that were such history, however much this page is news.
        """
        receipts = [change for change in page.changes if isinstance(change, Receipt)]
        messages = [replace(message, history=not is_news and self.is_old(message)) for message in page.messages]
        changes = [
            replace(change, history=self.is_old(change)) for change in page.changes if isinstance(change, Message)
        ]
        told: list[StoreItem] = [*receipts, *messages, *changes]
        if self.watermarks is not None and mark is not None:
            told.append(mark)
        if told:
            await self.store(told)
