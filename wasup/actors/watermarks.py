"""Which chats of a session are complete, so that their watermarks may move: no I/O.

A provider that refetches has told WhatsApp already that it has a message. What was not stored when wasup died is found
by its chat's watermark alone: everything up to it is stored, what follows is asked for at the next connection. A
message that comes in live must therefore not move the watermark of a chat whose gap is not closed yet.
"""

from collections.abc import Iterable, Sequence

from wasup.ports.messages import ChatChanged, Edit, Item, Message, Reaction, Revoke
from wasup.ports.sync import StoreItem, Watermark

__all__ = ["Watermarks"]


_ABOUT_OTHERS = (Reaction, Edit, Revoke)
"""In a provider's history these are no messages of their own: nothing could be asked for that follows them."""


class Watermarks:
    """The chats of one session that may have a gap. Until it is known which those are, all may."""

    def __init__(self) -> None:
        self._open: set[str] | None = None
        self._early: dict[str, Message] = {}  # by chat, the last one that came before it was known

    def expect(self, chats: Iterable[ChatChanged]) -> list[Watermark]:
        """These chats may have a gap, and no others: what is not in the provider's list has just begun.

        Returns:
            The watermarks that messages of the others have moved meanwhile.
        """
        self._open = {name for chat in chats for name in _names(chat)}
        early, self._early = self._early, {}
        return [mark_of(message) for message in early.values() if self._is_complete(message)]

    def close(self, chat: ChatChanged) -> None:
        """The gap of this chat is closed: everything that the provider had is handed over for storage."""
        if self._open is not None:
            self._open.difference_update(_names(chat))

    def follow(self, items: Sequence[Item]) -> tuple[StoreItem, ...]:
        """The items of a delivery, and after them the watermarks that they move."""
        last = self._early if self._open is None else {}
        for item in items:
            if not isinstance(item, Message) or isinstance(item.content, _ABOUT_OTHERS):
                continue
            if self._is_complete(item):
                known = last.get(item.chat)
                if known is None or item.timestamp >= known.timestamp:
                    last[item.chat] = item
        if self._open is None:
            return tuple(items)
        return (*items, *(mark_of(message) for message in last.values()))

    def _is_complete(self, message: Message) -> bool:
        """Whether nothing is missing before this message, as far as is known."""
        return self._open is None or (message.chat not in self._open and message.chat_alt not in self._open)


def mark_of(message: Message) -> Watermark:
    """The watermark that stands at this message."""
    return Watermark(chat=message.chat, message_id=message.id, timestamp=message.timestamp)


def _names(chat: ChatChanged) -> set[str]:
    return {chat.id} if chat.alt is None else {chat.id, chat.alt}
