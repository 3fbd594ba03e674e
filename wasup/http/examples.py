"""Examples for the OpenAPI document, as values: they cannot disagree with the schemas."""

from typing import Any, Final

import msgspec

from wasup.actors.history import Happening
from wasup.actors.messages import AccountState, PairingCode, Qr
from wasup.http.auth import Scope
from wasup.http.cursors import Page, cursor_of
from wasup.http.dashboard.routes import LogIn, Login
from wasup.http.nodes import ActorNode, MailboxState
from wasup.http.problems import TITLES, FieldError, Problem, ProblemDetails
from wasup.http.routes.accounts import AccountHealth
from wasup.http.routes.actors import Restarting
from wasup.http.routes.chats import MarkReadBody, SetTypingBody
from wasup.http.routes.events import EventSchemas
from wasup.http.routes.health import Alive, HealthView
from wasup.http.routes.keys import CreateKey, NewKey
from wasup.http.routes.media import Uploaded
from wasup.http.routes.messages import Progress
from wasup.http.routes.overview import (
    AccountCounts,
    LatencyView,
    OverviewView,
    Point,
    Queues,
    Rates,
    Restarts,
    SeriesView,
)
from wasup.http.routes.rejected import Retried
from wasup.http.running import Changes, Values
from wasup.http.schemas import (
    AccountView,
    CreateAccount,
    CreateWorkspace,
    PairingRequest,
    TransitionView,
    UpdateAccount,
)
from wasup.http.sends import Captioned, SendImage, SendRequest, SendText, TextBody
from wasup.http.services import HealthPart
from wasup.http.webhook_schemas import (
    CreateEndpoint,
    EndpointDetail,
    EndpointView,
    Replay,
    ReplayAnswer,
    RotateSecret,
    TestAnswer,
)
from wasup.media import MediaKind
from wasup.ports.accounts import AccountStatus, Desired
from wasup.ports.events import MessageStatusChanged
from wasup.ports.messages import MessageStatus, Participant, Text
from wasup.ports.outbox import Attempt, DeadLetter, EndpointFormat
from wasup.ports.rejected import RejectedItem
from wasup.ports.resources import AuditEntry, Contact, Group, KeyRecord
from wasup.ports.store import AccountStats, Chat, StoredEvent, StoredMessage, Workspace

__all__ = ["EXAMPLES", "MEDIA", "problem_example"]

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
    id=815,
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
    format=EndpointFormat.NATIVE,
    headers={"X-Tenant": "acme"},
    batch_events=1,
    batch_wait_ms=0,
    state="active",
    disabled_reason=None,
    failing_since=None,
    old_secret_until=None,
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
    id="evt_42_17_1f3a9c21",
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

_ATTEMPT: Final = Attempt(
    id=900,
    endpoint_id=3,
    account_id=42,
    event_id="evt_42_17_1f3a9c21",
    events=1,
    attempt=2,
    outcome="failed",
    detail="500",
    seconds=0.12,
    replay=False,
    at=_AT,
)
_LETTER: Final = DeadLetter(
    id=5,
    endpoint_id=3,
    account_id=42,
    account_seq=17,
    event_id="evt_42_17_1f3a9c21",
    reason="500",
    attempts=10,
    created_at=_AT,
)

_REJECTED: Final = RejectedItem(
    id=3,
    workspace_id=1,
    account_id=42,
    kind="message",
    message_id="3EB0AA",
    reason="DataError: (1406, \"Data too long for column 'push_name' at row 1\")",
    size=912,
    created_at=_AT,
)

_HAPPENING: Final = Happening(
    number=812, at=_AT, path="root/accounts/42/session", incarnation=2, kind="ended", exit="crash",
    reason="crash: Disconnected('host_crashed')", seconds=12.5,
)  # fmt: skip
_CONTACT: Final = Contact(
    id=5,
    workspace_id=1,
    whatsapp_account_id=42,
    jid="5511988887777@c.us",
    lid="123456789012345@lid",
    phone="+5511988887777",
    name="Ana",
    push_name="Ana B.",
    created_at=_AT,
    updated_at=_AT,
)
_GROUP: Final = Group(
    id=6,
    workspace_id=1,
    whatsapp_account_id=42,
    group_jid="120363012345678901@g.us",
    name="Team",
    owner="5511988887777@c.us",
    participants_count=1,
    group_created_at=_AT,
    created_at=_AT,
    updated_at=_AT,
)
_KEY: Final = KeyRecord(
    id=9,
    workspace_id=1,
    prefix="wsp_01234567",
    name="Back end",
    scopes=("read", "send"),
    legacy=False,
    expires_at=None,
    revoked_at=None,
    created_at=_AT,
)
_CHANGE: Final = AuditEntry(
    id=77,
    at=_AT,
    workspace_id=1,
    key_id=9,
    action="connect",
    path="/api/accounts/42/connect",
    status=202,
    address="203.0.113.9",
    request_id="5f0c4bb0a8d34c3f9d5c0f8f6f0d7f11",
)
_DIGEST: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

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
    SendImage: SendImage(to="+55 11 98888-7777", image=Captioned(id=_DIGEST, caption="The new one")),
    SendRequest: SendText(account_id=42, to="+55 11 98888-7777", text=TextBody(body="Good morning!")),
    Progress: Progress(
        id=1001,
        message_id="3EB0A1B2C3D4E5F6071829",
        status=MessageStatus.DELIVERED,
        error=None,
        attempts=1,
        sent_at=_AT,
        delivered_at=_AT + 900,
        read_at=None,
    ),
    Uploaded: Uploaded(id=_DIGEST, size=48_213, mime="image/jpeg", kind=MediaKind.IMAGE),
    SetTypingBody: SetTypingBody(active=True),
    MarkReadBody: MarkReadBody(message_ids=("3EB0A1B2C3D4E5F6071829",)),
    UpdateAccount: UpdateAccount(name="Support"),
    LogIn: LogIn(key="wsp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR"),
    Login: Login(csrf="8f14e45fceea167a5a36dedd4bea2543", workspace_id=1, scopes=("read", "send"), expires_at=_AT),
    OverviewView: OverviewView(
        at=_AT,
        accounts=AccountCounts(total=3, by_status={"connected": 2, "qr": 1}),
        rates=Rates(messages_in=12.4, messages_out=3.2, events=31.0, deliveries=30.8),
        latency_ms=LatencyView(commit_p50=8.9, commit_p99=22.1, webhook_p50=95.0, webhook_p99=None),
        queues=Queues(unacknowledged=4, writer_mailbox=0, outbox=12, dead_letters=1),
        restarts=Restarts(last_hour=2, total=7),
        memory_mb=143.2,
        cpu=0.18,
        uptime_seconds=86_400.0,
        series=SeriesView(
            step_seconds=5.0,
            points=(Point(at=_AT, messages_in=12.4, messages_out=3.2, commit_p99=22.1, outbox=12, restarts=0),),
        ),
        provider_types=("emulated", "webjs"),
        emulator_url=None,
    ),
    AccountHealth: AccountHealth(
        account_id=42,
        healthy=True,
        desired=Desired.CONNECTED,
        status=AccountStatus.CONNECTED,
        status_reason="progress",
        status_since=_AT,
        last_activity_at=_AT,
        last_connected_at=_AT,
        actors=(_NODE,),
    ),
    Page[Happening]: Page(data=(_HAPPENING,), next_cursor=cursor_of(812)),
    Contact: _CONTACT,
    Page[Contact]: Page(data=(_CONTACT,), next_cursor=cursor_of(5)),
    Group: msgspec.structs.replace(_GROUP, participants=(Participant(id="5511988887777@c.us", admin=True),)),
    Page[Group]: Page(data=(_GROUP,), next_cursor=cursor_of(6)),
    CreateKey: CreateKey(name="Back end", scopes=(Scope.READ, Scope.SEND)),
    NewKey: NewKey(key="wsp_0123456789ABCDEFGHIJKLMNOPQ", record=_KEY),
    KeyRecord: _KEY,
    Page[KeyRecord]: Page(data=(_KEY,)),
    Values: Values(
        default_region=None,
        rate_per_key=600.0,
        rate_per_address=1000.0,
        wrong_keys_per_minute=20.0,
        legacy_enabled=False,
    ),
    Changes: Changes(default_region="BR", legacy_enabled=True),
    Page[AuditEntry]: Page(data=(_CHANGE,)),
    StoredMessage: _MESSAGE,
    Page[StoredMessage]: Page(data=(_MESSAGE,), next_cursor=cursor_of(1001)),
    Chat: _CHAT,
    Page[Chat]: Page(data=(_CHAT,), next_cursor=cursor_of(_AT, 7)),
    CreateEndpoint: CreateEndpoint(url="https://backend.example/webhooks/whatsapp", events=("message.received",)),
    EndpointDetail: EndpointDetail(endpoint=_ENDPOINT, waiting=12, dead_letters=1),
    RotateSecret: RotateSecret(overlap_hours=24),
    TestAnswer: TestAnswer(outcome="delivered", detail="204"),
    Attempt: _ATTEMPT,
    Page[Attempt]: Page(data=(_ATTEMPT,), next_cursor=cursor_of(900)),
    DeadLetter: _LETTER,
    Page[DeadLetter]: Page(data=(_LETTER,)),
    RejectedItem: msgspec.structs.replace(_REJECTED, item='{"item":"message","id":"3EB0AA","push_name":"…"}'),
    Page[RejectedItem]: Page(data=(_REJECTED,)),
    Retried: Retried(new_messages=1),
    Replay: Replay(account_id=42, after_seq=17),
    ReplayAnswer: ReplayAnswer(queued=12, waiting=0),
    StoredEvent: _EVENT,
    EventSchemas: EventSchemas(
        version=1,
        types={"message.received": {"title": "MessageReceived", "type": "object"}},
        components={"Text": {"title": "Text", "type": "object"}},
    ),
    EndpointView: _ENDPOINT,
    Page[EndpointView]: Page(data=(_ENDPOINT,)),
    ActorNode: _NODE,
    Restarting: Restarting(path=_NODE.path),
    Page[StoredEvent]: Page(data=(_EVENT,), next_cursor=cursor_of(17)),
    CreateWorkspace: CreateWorkspace(name="Acme"),
    Workspace: Workspace(id=1, uuid="0198c9d4-0000-7000-8000-000000000001", name="Acme"),
    Page[Workspace]: Page(data=(Workspace(id=1, uuid="0198c9d4-0000-7000-8000-000000000001", name="Acme"),)),
    HealthView: HealthView(
        status="ok",
        parts={"database": HealthPart(status="ok", detail="answers in 2 ms")},
        uptime=86_400.0,
        timestamp="2025-10-09T08:53:20.000Z",
    ),
    Alive: Alive(),
}


_STREAMED: Final[dict[str, Any]] = {
    "type": "object",
    "description": "One event of the stream; `data` is JSON.",
    "properties": {
        "event": {"type": "string", "description": "An event's type, `supervision`, `gap` or `bye`."},
        "id": {"type": "string", "description": "The cursor: where to resume after this event."},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
}
_CURSOR: Final = "WzcsMCwwLHsiNDIiOjYxfV0"

MEDIA: Final[dict[str, dict[str, Any]]] = {
    "text/event-stream": {
        "schema": _STREAMED,
        "examples": {
            "event": {
                "value": {
                    "event": "message.status",
                    "id": _CURSOR,
                    "data": '{"id":"evt_42_61_1f3a9c21","account_id":42,"account_seq":61,"type":"message.status",...}',
                }
            },
            "gap": {
                "value": {
                    "event": "gap",
                    "id": _CURSOR,
                    "data": f'{{"reason":"wasup has been restarted since.","of":"supervision","resume":"{_CURSOR}"}}',
                }
            },
            "bye": {
                "value": {
                    "event": "bye",
                    "id": _CURSOR,
                    "data": f'{{"reason":"slow_reader","detail":"It is taken too slowly.","resume":"{_CURSOR}"}}',
                }
            },
        },
    }
}
"""Of answers that are neither JSON nor a plain text or file: schema and examples by media type."""


def problem_example(status: int) -> ProblemDetails:
    """An error with this status."""
    problem = Problem(status, TITLES[status] + ".")
    if status == 409:
        problem.name, problem.state = "wrong-state", "qr_scanning"
    if status == 422:
        problem.name = "invalid"
        problem.errors = (FieldError(detail="must be a whole number", pointer="#/account_id"),)
    return problem.details("5f0c4bb0a8d34c3f9d5c0f8f6f0d7f11")
