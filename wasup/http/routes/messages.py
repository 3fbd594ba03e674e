"""`/api/messages`: send, list and show; and the media of messages."""

import re
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec

from wasup.actors.messages import DownloadMedia, Refused, SendMessage
from wasup.http.auth import Scope
from wasup.http.contents import content_of, store_media
from wasup.http.cursors import Id, Limit, Page, page_of, read_cursor
from wasup.http.operations import Call, NoQuery, Raw, Reply, Routes
from wasup.http.problems import Problem, invalid_field, not_found, refused
from wasup.http.sends import SendRequest
from wasup.http.tenancy import owning_workspace, sending_account
from wasup.identifiers import InvalidIdentifier, parse_recipient
from wasup.media import sniff
from wasup.ports.media import digest_of_ref, transfer_time
from wasup.ports.messages import Audio, Document, Image, MediaRef, MessageStatus, Sticker, Video, Voice
from wasup.ports.resources import MessageMedia
from wasup.ports.store import StoredMessage

__all__ = ["ROUTES", "file_answer"]

ROUTES: Final = Routes("messages", "Messages, sent and received.")

_KEY: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,188}[\x21-\x7e])?")
_ANY: Final = "application/octet-stream"


class ListMessages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters of the list of messages."""

    account_id: Id | None = None
    chat_id: Id | None = None
    cursor: str | None = None
    limit: Limit = 50


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a message got; times are UTC epoch milliseconds."""

    id: int
    message_id: str
    status: MessageStatus
    error: str | None
    attempts: int
    sent_at: int | None
    delivered_at: int | None
    read_at: int | None


@ROUTES.add(
    "POST",
    "/api/messages",
    scope=Scope.SEND,
    answers={
        202: ("Stored durably, and sent as soon as the account is connected.", StoredMessage),
        200: ("The idempotency key was known: the message that it stands for.", StoredMessage),
    },
    errors=(404, 409, 507),
    headers={"Idempotency-Key": "Up to 190 printable ASCII characters; a repeat with the same key sends nothing new."},
    media_body=True,
    located=True,
)
async def send_message(call: Call[NoQuery, SendRequest]) -> Reply:
    """Send a message.

    The answer comes once the message is committed with status `queued`, and its media is stored; from then on it is
    sent exactly once, whatever crashes. Its progress is told by `message.status` events.
    """
    services, body = call.services, call.body
    key = call.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise invalid_field("must be 1 to 190 printable ASCII characters", parameter="Idempotency-Key")
    try:
        chat = parse_recipient(body.to, call.running.values.default_region)
    except InvalidIdentifier as error:
        raise invalid_field(str(error), pointer="#/to") from None
    account_id, workspace_id = await sending_account(services, call.caller, body.account_id)
    content = await content_of(services, workspace_id, body)
    request = SendMessage(chat=chat, content=content, quoted_id=body.quoted_id, idempotency_key=key)
    answer = await services.directory.ask(account_id, request, timeout=services.settings.command_timeout)
    if isinstance(answer, Refused):
        raise refused(answer)
    message = answer.message
    return Reply(message, 202 if answer.new else 200, {"Location": f"/api/messages/{message.id}"})


@ROUTES.add("GET", "/api/messages", scope=Scope.READ, answers={200: ("Messages, newest first.", Page[StoredMessage])})
async def list_messages(call: Call[ListMessages, None]) -> Reply:
    """List messages."""
    query = call.query
    place = read_cursor(query.cursor, 1)
    rows = await call.services.messages.messages(
        workspace_id=call.caller.workspace_id,
        account_id=query.account_id,
        chat_id=query.chat_id,
        before_id=place[0] if place else None,
        limit=query.limit + 1,
    )
    return Reply(page_of(rows, query.limit, place=lambda row: (row.id,), view=lambda row: row))


@ROUTES.add(
    "GET",
    "/api/messages/<id:message_id>",
    scope=Scope.READ,
    answers={200: ("The message.", StoredMessage)},
    errors=(404,),
)
async def show_message(call: Call[NoQuery, None], message_id: Id) -> Reply:
    """Show a message and how far it got."""
    return Reply(await _owned(call, message_id))


@ROUTES.add(
    "GET",
    "/api/messages/<id:message_id>/status",
    scope=Scope.READ,
    answers={200: ("How far it got.", Progress)},
    errors=(404,),
)
async def show_message_status(call: Call[NoQuery, None], message_id: Id) -> Reply:
    """Show how far a message got."""
    return Reply(msgspec.convert(await _owned(call, message_id), Progress, from_attributes=True))


@ROUTES.add(
    "GET",
    "/api/messages/<id:message_id>/media",
    scope=Scope.READ,
    answers={200: ("The file.", None)},
    media=(_ANY,),
    errors=(404, 409, 410, 507),
)
async def show_media(call: Call[NoQuery, None], message_id: Id) -> Reply:
    """Fetch the media of a message.

    Received media is asked of WhatsApp the first time, for which the account must be connected, and kept.
    """
    services = call.services
    message = await _owned(call, message_id)
    media = _media_of(message)
    if media is None:
        raise not_found("media")
    digest = digest_of_ref(media)
    kept = None if digest is not None else await services.message_media.media_of(message.id)
    digest = digest or (kept.digest if kept is not None else None)
    if digest is not None:
        try:
            data = await services.media.get(message.workspace_id, digest)
        except LookupError:
            if kept is None:
                raise Problem(410, "This file was removed.", "gone") from None
        else:
            return file_answer(data, media.filename, digest)
    return await _fetched(call, message, media)


async def _fetched(call: Call[Any, Any], message: StoredMessage, media: MediaRef) -> Reply:
    """Have the account's session download it, and keep it."""
    services = call.services
    await owning_workspace(services, call.caller, message.whatsapp_account_id)
    answer = await services.directory.ask(
        message.whatsapp_account_id,
        DownloadMedia(ref=media.ref, size=media.size),
        timeout=services.settings.media_timeout + transfer_time(media.size),
    )
    if isinstance(answer, Refused):
        raise refused(answer)
    digest = await store_media(services, message.workspace_id, answer.data)
    size = len(answer.data)
    await services.message_media.remember_media(
        MessageMedia(message_row_id=message.id, digest=digest, mime=sniff(answer.data) or _ANY, size=size)
    )
    return file_answer(answer.data, media.filename, digest)


def file_answer(data: bytes, filename: str | None, digest: str) -> Reply:
    """A file of somebody else's making: of the type that its content shows, and never shown as a page of ours."""
    mime = sniff(data) or _ANY
    shown: Literal["inline", "attachment"] = "attachment"
    if mime.startswith(("image/", "video/", "audio/")):
        shown = "inline"
    named = f"; filename*=UTF-8''{quote(filename, safe='')}" if filename else ""
    return Reply(
        Raw(data, mime),
        headers={
            "Content-Disposition": shown + named,
            "ETag": f'"{digest}"',
            "Cache-Control": "private, max-age=31536000, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        },
    )


async def _owned(call: Call[Any, Any], message_id: int) -> StoredMessage:
    message = await call.services.messages.message(message_id, workspace_id=call.caller.workspace_id)
    if message is None:
        raise not_found("message")
    return message


def _media_of(message: StoredMessage) -> MediaRef | None:
    match message.content:
        case Image() | Video() | Audio() | Voice() | Document() | Sticker():
            return message.content.media
        case _:
            return None
