"""Messages of a chat as a client shows them: edited, taken back, reacted to, delivered and read.

The world keeps what happened, one message after the other; an edit is a message of its own there. Here it is folded
into its target.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

import msgspec

from wasup.emulator.account import Chat
from wasup.emulator.web.frames import LatestEdit, Reacted, Shown
from wasup.ports.messages import Edit, Message, MessageStatus, Reaction, Revoke

__all__ = ["find", "fold", "latest"]

_decode: Final = msgspec.json.Decoder(Message).decode


def fold(kept: Iterable[bytes], statuses: dict[str, MessageStatus]) -> list[tuple[str, Shown]]:
    """Messages by id, oldest first; what is about a message that is not among them is left out."""
    shown: dict[tuple[str, bool], Shown] = {}
    for raw in kept:
        message = _decode(raw)
        match message.content:
            case Edit(target_id=target, body=body):
                edited = shown.get((target, message.from_me))
                if edited is not None:
                    edited.edit = LatestEdit(id=message.id, body=body, at=message.timestamp)
            case Revoke(target_id=target):
                for from_me in (message.from_me, True, False):  # an admin takes back what others wrote
                    revoked = shown.get((target, from_me))
                    if revoked is not None:
                        revoked.revoked = True
                        break
            case Reaction(target_id=target, emoji=emoji):
                _react(shown.get((target, True)) or shown.get((target, False)), message, emoji)
            case _:
                status = statuses.get(message.id) if message.from_me else None
                shown[message.id, message.from_me] = Shown(message=msgspec.Raw(raw), status=status)
    return [(key, one) for (key, _), one in shown.items()]


def _react(target: Shown | None, message: Message, emoji: str) -> None:
    if target is None:
        return
    target.reactions = [reacted for reacted in target.reactions if reacted.sender != message.sender]
    if emoji:
        target.reactions.append(
            Reacted(id=message.id, sender=message.sender, from_me=message.from_me, emoji=emoji, at=message.timestamp)
        )


def find(chat: Chat, direction: str, anchor: str | None, count: int) -> tuple[list[Shown], bool]:
    """So many messages on that side of the anchor, oldest first, and whether the chat has the anchor."""
    every = fold((raw for _, raw, _ in chat.kept), chat.statuses)
    if anchor is None:
        chosen = every[-count:] if direction == "before" else every[:count]
        return [shown for _, shown in chosen], True
    place = next((place for place, (key, _) in enumerate(every) if key == anchor), None)
    if place is None:
        return [], False
    if direction == "at":
        chosen = every[place : place + 1]
    elif direction == "before":
        chosen = every[max(0, place - count) : place]
    else:
        chosen = every[place + 1 : place + 1 + count]
    return [shown for _, shown in chosen], True


def latest(chat: Chat) -> Shown | None:
    """The last message, found from the end: most chats are never looked into any further."""
    for back, (_, raw, _) in enumerate(reversed(chat.kept), start=1):
        if not isinstance(_decode(raw).content, Edit | Revoke | Reaction):
            tail = islice(chat.kept, len(chat.kept) - back, None)
            return fold((raw for _, raw, _ in tail), chat.statuses)[0][1]
    return None
