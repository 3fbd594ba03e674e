"""The old service's sends. A back end repeats what ends in a 5xx, so a send that may have happened ends in none."""

import contextlib
import re
import uuid
from typing import Final

import trio

from wasup.actors.messages import MarkRead, Queued, Refusal, Refused, SendMessage
from wasup.http.contents import media_content
from wasup.http.legacy.requests import LegacyCall, LegacyError
from wasup.http.legacy.sessions import Answer, iso_time, known_session, legacy_status, phone_digits
from wasup.http.problems import Problem
from wasup.http.sends import MediaSource
from wasup.identifiers import InvalidIdentifier, parse_recipient
from wasup.media import MediaKind
from wasup.ports.accounts import Account, AccountStatus
from wasup.ports.messages import Content, Text
from wasup.webhooks.legacy import serialized_id

__all__ = ["bulk_send", "mark_read", "message_status", "recipient_of", "send_media", "send_message", "validate_session"]

_PHONE: Final = re.compile(r"\+?[\d\s\-()]+", re.ASCII)
_OLD_GROUP: Final = re.compile(r"[0-9]{8,15}-[0-9]{9,11}")
_GROUP: Final = re.compile(r"[0-9]{16,30}")
_SERIALIZED: Final = re.compile(r"(true|false)_([^_]+@[a-z.]+)_([^_]+)(?:_.*)?")
_NOT_CONNECTED: Final = "Session not connected. Please check session status."
_BULK: Final = 500
_KINDS: Final = {kind.value: kind for kind in MediaKind} | {"ptt": MediaKind.VOICE}


def recipient_of(text: str, region: str | None) -> str:
    """The WhatsApp id that a recipient stands for: digits with or without plus, or a group's raw id.

    Raises:
        LegacyError: 400.
    """
    plain = text.strip()
    try:
        if "@" in plain:
            return parse_recipient(plain, region)
        if _OLD_GROUP.fullmatch(plain) or _GROUP.fullmatch(plain):
            return parse_recipient(f"{plain}@g.us")
        if _PHONE.fullmatch(plain):
            # What the back end stores has its country; it only strips the plus.
            return parse_recipient(plain if plain.startswith("+") else f"+{plain}", region)
    except InvalidIdentifier:
        pass
    raise LegacyError(400, "Invalid phone number format")


async def send_message(call: LegacyCall) -> Answer:
    """A text; or media by its address, where `type` says so."""
    call.require("session_id", "recipient_phone", "message")
    chat = _recipient(call)
    kind = call.text("type") or "text"
    message = call.text("message")
    if message is None:
        raise LegacyError(400, "Invalid message")
    if kind not in {"text", *_KINDS}:
        raise LegacyError(400, f"Unknown message type {kind[:20]}")
    account = await _sender(call)
    if kind == "text":
        return await _sent(call, account, chat, Text(body=message))
    content = await _media(call, account, message, _KINDS[kind], call.text("caption") or "")
    return await _sent(call, account, chat, content)


async def send_media(call: LegacyCall) -> Answer:
    """Media by its address; what it is, its content tells."""
    call.require("session_id", "recipient_phone", "media_url")
    chat = _recipient(call)
    account = await _sender(call)
    content = await _media(call, account, str(call.given["media_url"]), None, call.text("caption") or "")
    return await _sent(call, account, chat, content)


async def bulk_send(call: LegacyCall) -> Answer:
    """The same text to several people, each with a result of its own."""
    call.require("session_id", "recipients", "message")
    recipients = call.given["recipients"]
    message = call.text("message")
    if not isinstance(recipients, list) or not 0 < len(recipients) <= _BULK or message is None:
        raise LegacyError(400, "Missing required fields", {"required": ["session_id", "recipients", "message"]})
    if call.text("type") not in {None, "text"}:
        raise LegacyError(400, "Only text is sent in bulk")
    region = call.running.values.default_region
    chats: list[tuple[str, str]] = []
    invalid: list[str] = []
    for recipient in recipients:
        try:
            chats.append((str(recipient), recipient_of(str(recipient), region)))
        except LegacyError:
            invalid.append(str(recipient)[:100])
    if invalid:
        raise LegacyError(400, "Invalid phone number format", {"invalid_recipients": invalid})
    account = await _sender(call)
    results: list[Answer] = []
    for recipient, chat in chats:
        try:
            done = await _sent(call, account, chat, Text(body=message))
        except LegacyError as error:
            results.append({"recipient": recipient, "success": False, "error": error.error})
        else:
            results.append({"recipient": recipient, **done})
    failed = sum(1 for result in results if not result["success"])
    return {
        "success": True,
        "total": len(results),
        "successful": len(results) - failed,
        "failed": failed,
        "results": results,
        "errors": [result for result in results if not result["success"]],
    }


async def mark_read(call: LegacyCall) -> Answer:
    """Tell the sender of a message that it was read."""
    call.require("session_id", "message_id")
    account = await known_session(call, call.text("session_id") or "")
    found = _SERIALIZED.fullmatch(call.text("message_id") or "")
    if found is None:
        raise LegacyError(400, "Invalid message id")
    errand = MarkRead(chat=recipient_of(found[2], None), message_ids=(found[3],))
    answer = await call.services.directory.ask(account.id, errand, timeout=call.services.settings.command_timeout)
    if isinstance(answer, Refused):
        raise LegacyError(400, _NOT_CONNECTED)
    return {"success": True}


async def message_status(call: LegacyCall, name: str) -> Answer:
    """How far a message got: `name` is the message when the query names the session, else the session."""
    session_id = call.text("session_id")
    message_id = name if session_id is not None else call.text("message_id")
    if message_id is None:
        raise LegacyError(400, "Missing required fields", {"required": ["message_id"]})
    account = await known_session(call, session_id or name)
    found = _SERIALIZED.fullmatch(message_id)
    message = await call.services.message_media.message_called(account.id, found[3] if found else message_id)
    if message is None and session_id is not None:
        raise LegacyError(404, "Message not found")
    return {
        "success": True,
        "session_id": session_id or name,
        "message_id": message_id,
        "status": _STATUS.get(message.status, str(message.status)) if message is not None else None,
        "session_status": legacy_status(account.status),
        "connected_at": iso_time(account.last_connected_at),
        "last_activity": iso_time(account.last_activity_at),
    }


_STATUS: Final = {"queued": "pending", "sending": "pending", "received": "delivered"}


async def validate_session(call: LegacyCall, session_id: str) -> Answer:
    """Whether a session can send."""
    try:
        account = await known_session(call, session_id)
    except LegacyError as error:
        raise LegacyError(404, error.error, {"success": False, "can_send": False}) from None
    ready = account.status is AccountStatus.CONNECTED
    return {
        "success": True,
        "session_id": session_id,
        "status": legacy_status(account.status),
        "can_send": ready,
        "is_healthy": ready,
        "last_activity": iso_time(account.last_activity_at),
        "phone_number": phone_digits(account),
        "recommendations": [] if ready else ["Connect the session before sending"],
    }


def _recipient(call: LegacyCall) -> str:
    return recipient_of(str(call.given["recipient_phone"]), call.running.values.default_region)


async def _sender(call: LegacyCall) -> Account:
    if not call.caller.has("send"):
        raise LegacyError(401, "Invalid API key")
    account = await known_session(call, call.text("session_id") or "")
    if account.status not in {AccountStatus.CONNECTED, AccountStatus.RECONNECTING}:
        raise LegacyError(400, _NOT_CONNECTED)
    return account


async def _media(call: LegacyCall, account: Account, url: str, kind: MediaKind | None, caption: str) -> Content:
    try:
        return await media_content(
            call.services,
            account.workspace_id,
            MediaSource(url=url, filename=call.text("filename", limit=255)),
            kind=kind,
            caption=caption,
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        raise LegacyError(400, problem.detail) from None


async def _sent(call: LegacyCall, account: Account, chat: str, content: Content) -> Answer:
    """Queue a message under a key of this request's own, so that asking again cannot make a second one."""
    services = call.services
    request = SendMessage(chat=chat, content=content, idempotency_key=f"legacy {uuid.uuid4()}")
    deadline = trio.current_time() + services.settings.legacy_patience
    while True:
        answer: Queued | Refused | None = None
        with contextlib.suppress(trio.TooSlowError):
            answer = await services.directory.ask(account.id, request, timeout=services.settings.command_timeout)
        if isinstance(answer, Queued):
            message = answer.message
            message_id = serialized_id(message.message_id, from_me=True, chat=message.chat)
            return {"success": True, "message_id": message_id, "timestamp": message.timestamp // 1000}
        if answer is not None and answer.refusal not in {Refusal.UNAVAILABLE, Refusal.RATE_LIMITED}:
            words = _NOT_CONNECTED if answer.refusal is Refusal.WRONG_STATE else answer.detail
            raise LegacyError(400, words)
        if trio.current_time() >= deadline:
            if answer is not None and answer.refusal is Refusal.RATE_LIMITED:
                raise LegacyError(429, "Too many messages wait for this session", headers={"Retry-After": "5"})
            raise LegacyError(409, "It is not known whether the message was queued; it must not be sent again")
        await trio.sleep(0.5)
