"""`/api/messages`: send, list and show."""

import re
from typing import Final

import msgspec

from wasup.actors.messages import Refused, SendMessage
from wasup.http.auth import Scope
from wasup.http.cursors import Id, Limit, Page, page_of, read_cursor
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import invalid_field, not_found, refused
from wasup.http.schemas import SendText
from wasup.http.tenancy import owned_account
from wasup.identifiers import InvalidIdentifier, parse_recipient
from wasup.ports.messages import Text
from wasup.ports.store import StoredMessage

__all__ = ["ROUTES"]

ROUTES: Final = Routes("messages", "Messages, sent and received.")

_KEY: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,188}[\x21-\x7e])?")


class ListMessages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters of the list of messages."""

    account_id: Id | None = None
    chat_id: Id | None = None
    cursor: str | None = None
    limit: Limit = 50


@ROUTES.add(
    "POST",
    "/api/messages",
    scope=Scope.SEND,
    answers={
        202: ("Stored durably, and sent as soon as the account is connected.", StoredMessage),
        200: ("The idempotency key was known: the message that it stands for.", StoredMessage),
    },
    errors=(404, 409, 429, 507),
    headers={"Idempotency-Key": "Up to 190 printable ASCII characters; a repeat with the same key sends nothing new."},
)
async def send_message(call: Call[NoQuery, SendText]) -> Reply:
    """Send a message.

    The answer comes once the message is committed with status `queued`; from then on it is sent exactly once,
    whatever crashes. Its progress is told by `message.status` events.
    """
    services, body = call.services, call.body
    key = call.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise invalid_field("must be 1 to 190 printable ASCII characters", parameter="Idempotency-Key")
    try:
        chat = parse_recipient(body.to, services.settings.default_region)
    except InvalidIdentifier as error:
        raise invalid_field(str(error), pointer="#/to") from None
    await owned_account(services, call.caller, body.account_id)
    request = SendMessage(chat=chat, content=Text(body=body.text.body), quoted_id=body.quoted_id, idempotency_key=key)
    answer = await services.directory.ask(body.account_id, request, timeout=services.settings.command_timeout)
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
    message = await call.services.messages.message(message_id, workspace_id=call.caller.workspace_id)
    if message is None:
        raise not_found("message")
    return Reply(message)
