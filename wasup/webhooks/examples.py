"""One event of each type, as documentation shows it and as tests check it."""

from typing import Any, Final

from wasup.ports.events import (
    AccountQr,
    AccountStatusChanged,
    ChatSynced,
    ContactSynced,
    EndpointDisabled,
    EventData,
    GroupUpdated,
    MessageReceived,
    MessageSent,
    MessageStatusChanged,
    SyncedChat,
    SyncedContact,
    SyncProgressed,
)
from wasup.ports.messages import Image, MediaRef, Participant, Text

__all__ = ["EXAMPLES"]

_AT: Final = 1_760_000_000_000


def _of(seq: int) -> dict[str, Any]:
    return {"workspace_id": 1, "whatsapp_account_id": 42, "provider_type": "webjs", "account_seq": seq}


_PERSON: Final[dict[str, Any]] = {
    "chat": "5511988887777@c.us",
    "chat_type": "private",
    "chat_phone": "+5511988887777",
    "chat_lid": "123456789012345@lid",
}

EXAMPLES: Final[tuple[EventData, ...]] = (
    AccountQr(**_of(1), qr_code="2@ABCdef…,keys,…", attempt=1, expires_at=_AT + 20_000),
    AccountStatusChanged(
        **_of(2),
        status="connected",
        previous="authenticated",
        reason="progress",
        detail="",
        phone_number="+5511999998888",
        timestamp=_AT,
    ),
    ChatSynced(
        **_of(3),
        count=1,
        chats=(
            SyncedChat(
                **_PERSON,
                name="Ana",
                unread_count=2,
                archived=False,
                last_message="Good morning!",
                last_message_at=_AT,
                message_status=None,
            ),
        ),
        timestamp=_AT,
    ),
    ContactSynced(
        **_of(4),
        count=1,
        contacts=(
            SyncedContact(
                contact="5511988887777@c.us",
                phone="+5511988887777",
                lid="123456789012345@lid",
                name="Ana Souza",
                push_name="Ana",
            ),
        ),
        timestamp=_AT,
    ),
    GroupUpdated(
        **_of(5),
        group="120363025246125016@g.us",
        subject="Neighbours",
        participants=2,
        members=(Participant(id="5511988887777@c.us", alt="123456789012345@lid", admin=True),
                 Participant(id="987654321098765@lid")),
        timestamp=_AT,
    ),
    MessageReceived(
        **_of(6),
        message_id="3EB0A1B2C3D4E5F6071829",
        **_PERSON,
        sender="5511988887777@c.us",
        sender_lid="123456789012345@lid",
        sender_phone="+5511988887777",
        sender_name="Ana",
        chat_name="Ana",
        quoted_id=None,
        timestamp=_AT,
        content=Text(body="Good morning!"),
    ),
    MessageSent(
        **_of(7),
        message_id="3EB0FFEEDDCCBBAA998877",
        **_PERSON,
        chat_name="Ana",
        source="phone",
        quoted_id="3EB0A1B2C3D4E5F6071829",
        timestamp=_AT,
        content=Image(media=MediaRef(ref="m-1", mime="image/jpeg", size=48_213), caption="The invoice"),
    ),
    MessageStatusChanged(
        **_of(8), message_id="3EB0FFEEDDCCBBAA998877", **_PERSON, status="delivered", error=None, timestamp=_AT
    ),
    SyncProgressed(**_of(9), phase="history", done=120, total=400, timestamp=_AT),
    EndpointDisabled(
        **_of(10), endpoint_id=3, url="https://backend.example/webhooks", reason="it answered 410 Gone", timestamp=_AT
    ),
)  # fmt: skip
