"""Examples for the OpenAPI document, as values: they cannot disagree with the schemas."""

from typing import Any, Final

from wasup.actors.messages import AccountState, PairingCode, Qr
from wasup.http.cursors import Page, cursor_of
from wasup.http.problems import TITLES, FieldError, Problem, ProblemDetails
from wasup.http.routes.actors import ActorNode, MailboxState, Restarting
from wasup.http.routes.health import Alive
from wasup.http.schemas import (
    AccountView,
    CreateAccount,
    CreateWorkspace,
    EndpointView,
    PairingRequest,
    PutEndpoint,
    SendText,
    TextBody,
    TransitionView,
)
from wasup.http.services import HealthPart, HealthReport
from wasup.ports.accounts import AccountStatus, Desired
from wasup.ports.events import MessageStatusChanged
from wasup.ports.messages import MessageStatus, Text
from wasup.ports.store import AccountStats, Chat, StoredEvent, StoredMessage, Workspace

__all__ = ["EXAMPLES", "problem_example"]

_AT: Final = 1_760_000_000_000

_ACCOUNT: Final = AccountView(
    id=42,
    uuid="0198c9d4-7a1e-7c3e-9a55-3f2f6c1d8e01",
    workspace_id=1,
    provider_type="webjs",
    name="Support",
    session_id="webjs_42_1760000000000_a1b2c3d4",
    phone_number="+5511999998888",
    lid="123456789012345@lid",
    push_name="Support",
    status=AccountStatus.CONNECTED,
    status_reason="progress",
    status_detail="",
    status_since=_AT,
    suspended_until=None,
    desired=Desired.CONNECTED,
    is_primary=True,
    last_activity_at=_AT,
    last_connected_at=_AT,
    created_at=_AT,
    updated_at=_AT,
)
_MESSAGE: Final = StoredMessage(
    id=1001,
    workspace_id=1,
    whatsapp_account_id=42,
    chat_id=7,
    chat="5511988887777@c.us",
    message_id="3EB0A1B2C3D4E5F6071829",
    from_me=True,
    sender=None,
    type="text",
    content=Text(body="Good morning!"),
    quoted_id=None,
    status=MessageStatus.QUEUED,
    error=None,
    attempts=0,
    timestamp=_AT,
    sent_at=None,
    delivered_at=None,
    read_at=None,
    edited_at=None,
    revoked_at=None,
    created_at=_AT,
)
_CHAT: Final = Chat(
    id=7,
    workspace_id=1,
    whatsapp_account_id=42,
    jid="5511988887777@c.us",
    lid=None,
    chat_type="private",
    provider_type="webjs",
    group_id=None,
    contact_phone="+5511988887777",
    contact_name="Ana",
    last_message="Good morning!",
    last_message_at=_AT,
    unread_count=0,
    message_status="queued",
)
_STEP: Final = TransitionView(
    account_id=42,
    old=AccountStatus.AUTHENTICATED,
    new=AccountStatus.CONNECTED,
    reason="progress",
    detail="",
    at=_AT,
)
_STATE: Final = AccountState(
    account_id=42,
    desired=Desired.CONNECTED,
    status=AccountStatus.STARTING,
    reason="requested",
    detail="",
    since=_AT,
)
_ENDPOINT: Final = EndpointView(
    id=3,
    workspace_id=1,
    url="https://backend.example/webhooks/whatsapp",
    events=("message.received", "message.status"),
    enabled=True,
    disabled_reason=None,
    secret="whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",  # noqa: S106 - the bytes 0 to 31
)
_NODE: Final = ActorNode(
    id="session",
    path="root/accounts/42/session",
    type="worker",
    state="running",
    incarnation=2,
    restarts=1,
    up_seconds=12.5,
    mailbox=MailboxState(depth=0, high_water=3, capacity=64, dropped=0, handled=120, handler_seconds=0.031),
)

_EVENT: Final = StoredEvent(
    id="evt_0198c9d47a1e7c3e",
    account_id=42,
    account_seq=17,
    type="message.status",
    data=MessageStatusChanged(
        workspace_id=1,
        whatsapp_account_id=42,
        provider_type="webjs",
        account_seq=17,
        message_id="3EB0A1B2C3D4E5F6071829",
        chat="5511988887777@c.us",
        status="sent",
        error=None,
        timestamp=_AT,
    ),
    created_at=_AT,
)

EXAMPLES: Final[dict[Any, Any]] = {
    AccountView: _ACCOUNT,
    Page[AccountView]: Page(data=(_ACCOUNT,), next_cursor=cursor_of(42)),
    CreateAccount: CreateAccount(name="Support"),
    Page[TransitionView]: Page(data=(_STEP,)),
    AccountStats: AccountStats(account_id=42, chats=12, messages_in=340, messages_out=120, unread=3),
    AccountState: _STATE,
    Qr: Qr(code="2@ABCdef…,keys,…", attempt=1, expires_at=_AT + 20_000),
    PairingRequest: PairingRequest(phone="+55 11 99999-8888"),
    PairingCode: PairingCode(code="ABCD1234", phone="5511999998888"),
    SendText: SendText(account_id=42, to="+55 11 98888-7777", text=TextBody(body="Good morning!")),
    StoredMessage: _MESSAGE,
    Page[StoredMessage]: Page(data=(_MESSAGE,), next_cursor=cursor_of(1001)),
    Chat: _CHAT,
    Page[Chat]: Page(data=(_CHAT,), next_cursor=cursor_of(_AT, 7)),
    PutEndpoint: PutEndpoint(url="https://backend.example/webhooks/whatsapp", events=("message.received",)),
    EndpointView: _ENDPOINT,
    Page[EndpointView]: Page(data=(_ENDPOINT,)),
    ActorNode: _NODE,
    Restarting: Restarting(path=_NODE.path),
    Page[StoredEvent]: Page(data=(_EVENT,), next_cursor=cursor_of(17)),
    CreateWorkspace: CreateWorkspace(name="Acme"),
    Workspace: Workspace(id=1, uuid="0198c9d4-0000-7000-8000-000000000001", name="Acme"),
    Page[Workspace]: Page(data=(Workspace(id=1, uuid="0198c9d4-0000-7000-8000-000000000001", name="Acme"),)),
    HealthReport: HealthReport(status="ok", parts={"database": HealthPart(status="ok", detail="answers in 2 ms")}),
    Alive: Alive(),
}


def problem_example(status: int) -> ProblemDetails:
    """An error with this status."""
    problem = Problem(status, TITLES[status] + ".")
    if status == 409:
        problem.name, problem.state = "wrong-state", "qr_scanning"
    if status == 422:
        problem.name = "invalid"
        problem.errors = (FieldError(detail="Expected `int`, got `str`", pointer="#/account_id"),)
    return problem.details("5f0c4bb0a8d34c3f9d5c0f8f6f0d7f11")
