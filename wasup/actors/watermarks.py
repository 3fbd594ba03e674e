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

    def expect(self, chats: Iterable[ChatChanged]) -> None:
        """These chats may have a gap, and no others: what is not in the provider's list has just begun."""
        self._open = {name for chat in chats for name in _names(chat)}

    def close(self, chat: ChatChanged) -> None:
        """The gap of this chat is closed: everything that the provider had is handed over for storage."""
        if self._open is not None:
            self._open.difference_update(_names(chat))

    def follow(self, items: Sequence[Item]) -> tuple[StoreItem, ...]:
        """The items of a delivery, and after them the watermarks that they move."""
        if self._open is None:
            return tuple(items)
        last: dict[str, Message] = {}
        for item in items:
            if not isinstance(item, Message) or isinstance(item.content, _ABOUT_OTHERS):
                continue
            if item.chat not in self._open and item.chat_alt not in self._open:
                known = last.get(item.chat)
                if known is None or item.timestamp >= known.timestamp:
                    last[item.chat] = item
        return (*items, *(mark_of(message) for message in last.values()))


def mark_of(message: Message) -> Watermark:
    """The watermark that stands at this message."""
    return Watermark(chat=message.chat, message_id=message.id, timestamp=message.timestamp)


def _names(chat: ChatChanged) -> set[str]:
    return {chat.id} if chat.alt is None else {chat.id, chat.alt}
