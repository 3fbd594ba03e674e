"""Reads the JSON of the driver: events, and the items of answers, one by one where that is needed.

A message that is not as messages are is kept raw, and what is worth less is left out and logged: WhatsApp would tell
it again at every connection, and none of them would last.
"""

import time
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec
import structlog

from wasup.providers.webjs import raw

__all__ = ["decode_changes", "decode_each", "decode_events", "decode_messages"]

_T = TypeVar("_T")

log = structlog.get_logger("wasup.webjs")

_LATEST: Final = 10_000_000_000.0  # seconds: in the year 2286
_SPARED: Final = frozenset({"message", "receipt", "reaction", "edit", "revoke", "typing", "contact", "group"})
"""Events without which the session is as well known as before."""
_EVENT: Final = msgspec.json.Decoder(tuple[raw.Event])
_EVENTS: Final = msgspec.json.Decoder(tuple[raw.Event, ...])
_EACH: Final = msgspec.json.Decoder(tuple[msgspec.Raw, ...])
_MESSAGE: Final = msgspec.json.Decoder(raw.Message)


def decode_events(text: str) -> tuple[raw.Event, ...]:
    """What the driver told in one go.

    Raises:
        msgspec.DecodeError: it is nothing that we know.
    """
    try:
        return _EVENTS.decode(text)
    except msgspec.DecodeError:
        return tuple(_decode_event(one) for one in _EACH.decode(text))


def _decode_event(text: msgspec.Raw) -> raw.Event:
    try:
        [event] = _EVENT.decode(b"[%b]" % bytes(text))
    except msgspec.DecodeError as error:
        plain = _plain(text)
        kind = plain.get("kind")
        if kind not in _SPARED:
            raise
        if kind == "message" and (message := _unreadable(plain.get("message"))) is not None:
            return raw.Happened(message=message)
        return raw.Trouble(where=str(kind), detail=f"it cannot be read: {error}")
    return event


def decode_changes(given: Sequence[msgspec.Raw]) -> list[raw.Event]:
    """What has become of messages; what cannot be read is left out, and logged.

    Raises:
        msgspec.DecodeError: it is nothing that we know.
    """
    events = [_decode_event(text) for text in given]
    for event in events:
        if isinstance(event, raw.Trouble):
            log.warning("webjs.unreadable", what=event.where, why=event.detail)
    return events


def decode_messages(given: Sequence[msgspec.Raw]) -> list[raw.Message]:
    """Messages; of one whose fields are not what we know, whose it is and the rest raw."""
    messages: list[raw.Message] = []
    for text in given:
        try:
            messages.append(_MESSAGE.decode(text))
        except msgspec.DecodeError as error:
            unreadable = _unreadable(_plain(text))
            if unreadable is None:
                log.warning("webjs.unreadable", what="a message", why=str(error))
            else:
                messages.append(unreadable)
    return messages


def decode_each(given: Sequence[msgspec.Raw], kind: type[_T]) -> list[_T]:
    """Those that are of this kind; what is not as we know it is left out, and logged."""
    found: list[_T] = []
    for text in given:
        try:
            found.append(msgspec.json.decode(text, type=kind))
        except msgspec.DecodeError as error:
            log.warning("webjs.unreadable", what=getattr(kind, "__name__", "an event"), why=str(error))
    return found


def _plain(text: msgspec.Raw) -> dict[str, Any]:
    plain = msgspec.json.decode(text)
    return plain if isinstance(plain, dict) else {}


def _unreadable(fields: object) -> raw.Message | None:
    """A message of which only its place is known; None if not even that."""
    if not isinstance(fields, dict):
        return None
    key, chat, sender, t = (fields.get(name) for name in ("id", "chat", "sender", "t"))
    if not isinstance(key, str) or not isinstance(chat, str):
        return None
    return raw.Message(
        id=key,
        key=str(fields.get("key")),
        from_me=fields.get("from_me") is True,
        chat=chat,
        sender=sender if isinstance(sender, str) else None,
        t=t if isinstance(t, int | float) and 0 < t < _LATEST else time.time(),
        type="unreadable",
        raw=msgspec.json.encode(fields).decode(),
    )
