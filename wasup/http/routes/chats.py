"""Chats of an account, and the messages of a chat."""

from typing import Annotated, Any, Final

import msgspec

from wasup.actors.messages import MarkRead, SetTyping
from wasup.http.auth import Scope
from wasup.http.commands import command
from wasup.http.cursors import Id, Limit, Page, page_of, read_cursor
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import not_found
from wasup.http.sends import MessageId
from wasup.http.tenancy import owning_workspace
from wasup.ports.store import Chat, StoredMessage

__all__ = ["ROUTES"]

_UNREAD: Final = 200

ROUTES: Final = Routes("chats", "Conversations with a person or a group.")


class ListChats(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the list."""

    cursor: str | None = None
    limit: Limit = 20


class SetTypingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the account writes; it stops by itself after some seconds."""

    active: bool


class MarkReadBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """WhatsApp ids of the messages that were read; empty for the newest that are unread."""

    message_ids: Annotated[tuple[MessageId, ...], msgspec.Meta(max_length=200)] = ()


class ListChatMessages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the list."""

    cursor: str | None = None
    limit: Limit = 50


@ROUTES.add(
    "GET",
    "/api/accounts/<id:account_id>/chats",
    scope=Scope.READ,
    answers={200: ("Chats, most recent first.", Page[Chat])},
    errors=(404,),
)
async def list_chats(call: Call[ListChats, None], account_id: Id) -> Reply:
    """List an account's chats."""
    query = call.query
    place = read_cursor(query.cursor, 2)
    await owning_workspace(call.services, call.caller, account_id)
    rows = await call.services.messages.chats(
        workspace_id=call.caller.workspace_id,
        account_id=account_id,
        before=(place[0], place[1]) if place else None,
        limit=query.limit + 1,
    )
    return Reply(page_of(rows, query.limit, place=lambda row: (row.last_message_at or 0, row.id), view=lambda row: row))


@ROUTES.add("GET", "/api/chats/<id:chat_id>", scope=Scope.READ, answers={200: ("The chat.", Chat)}, errors=(404,))
async def show_chat(call: Call[NoQuery, None], chat_id: Id) -> Reply:
    """Show a chat."""
    return Reply(await _owned_chat(call, chat_id))


@ROUTES.add(
    "GET",
    "/api/chats/<id:chat_id>/messages",
    scope=Scope.READ,
    answers={200: ("The chat's messages, newest first.", Page[StoredMessage])},
    errors=(404,),
)
async def list_chat_messages(call: Call[ListChatMessages, None], chat_id: Id) -> Reply:
    """List the messages of a chat."""
    query = call.query
    place = read_cursor(query.cursor, 1)
    await _owned_chat(call, chat_id)
    rows = await call.services.messages.messages(
        workspace_id=call.caller.workspace_id,
        chat_id=chat_id,
        before_id=place[0] if place else None,
        limit=query.limit + 1,
    )
    return Reply(page_of(rows, query.limit, place=lambda row: (row.id,), view=lambda row: row))


@ROUTES.add(
    "POST",
    "/api/chats/<id:chat_id>/typing",
    scope=Scope.SEND,
    answers={204: ("WhatsApp has been told.", None)},
    errors=(404, 409, 422),
)
async def set_typing(call: Call[NoQuery, SetTypingBody], chat_id: Id) -> Reply:
    """Show a chat that the account writes, or that it has stopped."""
    chat = await _owned_chat(call, chat_id)
    errand = SetTyping(chat=chat.jid, active=call.body.active)
    await command(call.services, call.caller, chat.whatsapp_account_id, errand)
    return Reply(status=204)


@ROUTES.add(
    "POST",
    "/api/chats/<id:chat_id>/read",
    scope=Scope.SEND,
    answers={204: ("The senders have been told.", None)},
    errors=(404, 409, 422),
)
async def mark_read(call: Call[NoQuery, MarkReadBody], chat_id: Id) -> Reply:
    """Mark messages of a chat as read.

    Those named, or the newest that are unread. The chat has nothing unread then.
    """
    chat = await _owned_chat(call, chat_id)
    ids = call.body.message_ids
    if not ids:
        newest = await call.services.messages.messages(workspace_id=chat.workspace_id, chat_id=chat.id, limit=_UNREAD)
        received = [message.message_id for message in newest if not message.from_me]
        ids = tuple(received[: max(1, chat.unread_count)])
    await command(call.services, call.caller, chat.whatsapp_account_id, MarkRead(chat=chat.jid, message_ids=ids))
    return Reply(status=204)


async def _owned_chat(call: Call[Any, Any], chat_id: int) -> Chat:
    chat = await call.services.messages.chat(chat_id, workspace_id=call.caller.workspace_id)
    if chat is None:
        raise not_found("chat")
    return chat
