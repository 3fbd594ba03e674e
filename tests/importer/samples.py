"""Rows of every kind that the back end holds, each with what has to become of it."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.importer.backend import Backend, uuid_of
from wasup.importer.report import Skip

__all__ = ["CONTACTS", "MESSAGES", "Row", "fill"]

ANA, BEN, GROUP, LID = "+6281311110001", "+14155550103", "120363000000000001", "123456789012345@lid"


@dataclass(frozen=True)
class Row:
    """A row and its fate: copied as `becomes` (a WhatsApp id, or a message id), merged, or skipped."""

    id: int
    becomes: str | None
    values: dict[str, Any]
    skip: Skip | None = None
    merged: bool = False
    since: int = 1
    only: str | None = None
    until: int = 5
    more: dict[str, Any] = field(default_factory=dict)

    def applies(self, backend: Backend) -> bool:
        """Whether this database can have such a row."""
        return self.since <= backend.point <= self.until and self.only in {None, backend.variant}


def contact(row_id: int, becomes: str | None, phone: str | None, name: str | None = None, **options: Any) -> Row:
    """A contact of workspace 1, unless `workspace_id` says otherwise."""
    fate = {key: options.pop(key) for key in ("skip", "merged", "since", "only", "until") if key in options}
    values = {"workspace_id": 1, "phone": phone, "first_name": name, **options}
    return Row(row_id, becomes, values, **fate)


CONTACTS = [
    contact(1, "6281311110001@c.us", ANA, "Ana", last_name="Sari"),
    contact(2, "14155550103@c.us", BEN, BEN),
    contact(3, f"{GROUP}@g.us", GROUP, "Gudang", type="group", chat_type="group"),
    contact(4, LID, LID, "Hidden"),
    contact(5, None, "0812 345", "No country", skip=Skip.BAD_NUMBER),
    contact(6, None, None, "No number", skip=Skip.BAD_NUMBER),
    contact(7, "6281311110007@c.us", "6281311110007", "Old spelling"),
    contact(8, "6281311110007@c.us", "+62 813-1111-0007", "The same", merged=True),
    contact(9, None, "+6281311110009", "Deleted", deleted_at="2025-11-02 00:00:00", skip=Skip.DELETED),
    contact(10, "6281311110010@c.us", "+6281311110010", "Deleted with history", deleted_at="2025-11-02 00:00:00"),
    contact(11, "6281311110011@c.us", "+6281311110011", "Never written to"),
    contact(12, "34600000005@c.us", "+34600000005", "Zoë 🌸", workspace_id=2),
    contact(13, None, "+6281311110013", "Of a deleted workspace", workspace_id=3, skip=Skip.WORKSPACE_NOT_IMPORTED),
    contact(14, None, "+6281311110014", "Of nobody", workspace_id=None, only="dump", skip=Skip.NO_ACCOUNT),
    contact(15, "6281200000099-1412345678@g.us", "6281200000099-1412345678@g.us", "Old group"),
    contact(16, None, "+6281311110016", "Of no workspace", workspace_id=99, only="migrations",
            skip=Skip.WORKSPACE_NOT_IMPORTED),
]  # fmt: skip


def web(body: str = "hello", **more: Any) -> str:
    """`metadata` as the webhook of the old service left it."""
    return json.dumps({"body": body, "type": "chat", "has_media": False, "timestamp": 1762761660, **more})


def message(row_id: int, becomes: str | None, wam_id: str | None, **options: Any) -> Row:
    """A message that Ana sent to account 1 in workspace 1, unless the options say otherwise."""
    fate = {key: options.pop(key) for key in ("skip", "merged", "since", "only", "until", "more") if key in options}
    values = {
        "workspace_id": 1, "account": 1, "contact_id": 1, "type": "inbound", "status": "received",
        "message_status": "delivered", "ack_level": 2, "provider_type": "webjs", "chat_type": "private",
        "metadata": web(), "wam_id": wam_id, "whatsapp_message_id": wam_id,
        "created_at": "2025-11-10 08:01:00", **options,
    }  # fmt: skip
    return Row(row_id, becomes, values, **fate)


OUT = {"type": "outbound", "status": "sent"}
_ANA = "6281311110001@c.us"
MESSAGES = [
    message(1, "IN1", f"false_{_ANA}_IN1", metadata=json.dumps(web("Twice encoded")),
            more={"status": "received", "content": '{"type":"text","body":"Twice encoded"}'}),
    message(2, "OUT2", f"true_{_ANA}_OUT2", **OUT, message_status="read", ack_level=4, since=3,
            read_at="2025-11-10 08:03:00", more={"status": "read"}),
    message(3, "OUT3", f"true_{_ANA}_OUT3", **OUT, until=2, more={"status": "sent"}),
    message(4, "wamid.FROM=", "wamid.FROM=", **OUT, whatsapp_message_id=None, message_status="pending",
            ack_level=None, metadata='{"text":{"body":"Meta"},"type":"text"}', account=4, workspace_id=2,
            contact_id=12, provider_type="meta", more={"status": "sent"}),
    message(5, "IMG5", f"false_{_ANA}_IMG5", metadata=web("", type="image", has_media=True), media_id=1,
            more={"type": "image"}),
    message(6, "GRP6", f"false_{GROUP}@g.us_GRP6_6281311110002@c.us", contact_id=3, chat_type="group",
            more={"sender": "6281311110002@c.us"}),
    message(7, "GRP7", f"false_{GROUP}@g.us_GRP7", contact_id=3, group_id=1, chat_type="group", since=2,
            metadata=web(sender_phone="6281311110002"), more={"sender": "6281311110002@c.us"}),
    message(8, "IN1", f"false_{_ANA}_IN1", merged=True),
    message(9, None, "6281311110001@c.us", metadata=web(type="chat"), skip=Skip.CHAT_STUB),
    message(10, None, None, metadata='{"body":"x","timestamp":1762761660,"has_media":false}', status="delivered",
            skip=Skip.CHAT_STUB),
    message(11, None, f"false_{_ANA}_DEL11", deleted_at="2025-11-11 00:00:00", skip=Skip.DELETED),
    message(12, "LATER12", f"true_{_ANA}_LATER12", account=None, **OUT, contact_id=12, workspace_id=2,
            message_status="sent", more={"whatsapp_account_id": 3}),
    message(13, None, "wamid.NOBODY=", account=None, **OUT, provider_type="meta", skip=Skip.NO_ACCOUNT),
    message(14, None, f"false_{_ANA}_OTHER14", workspace_id=2, skip=Skip.OTHER_WORKSPACE),
    message(15, "GONE15", f"false_{_ANA}_GONE15", contact_id=777),
    message(16, None, None, contact_id=777, skip=Skip.NO_CHAT),
    message(17, None, "false_status@broadcast_S17_6281311110001@c.us", skip=Skip.NOT_A_CHAT),
    message(18, None, None, type=None, skip=Skip.NO_DIRECTION),
    message(19, None, f"false_{_ANA}_WS19", workspace_id=3, account=5, skip=Skip.WORKSPACE_NOT_IMPORTED),
    message(20, "RAW20", f"false_{_ANA}_RAW20", metadata='{"body":"cut off', more={"type": "unsupported"}),
    message(21, f"import-{uuid_of('chats', 21)}", None, type="outbound", message_status="pending", ack_level=1,
            status=None, more={"status": "failed"}),
    message(22, "FAIL22", f"true_{_ANA}_FAIL22", **OUT, message_status="failed", ack_level=None, since=3,
            more={"status": "failed"}),
    message(23, "DEL23", f"true_{_ANA}_DEL23", **OUT, message_status="sent", since=3,
            delivered_at="2025-11-10 08:03:00", more={"status": "delivered"}),
    message(24, "LID24", f"false_{LID}_LID24", contact_id=4),
    message(25, "HIST25", "false_6281311110010@c.us_HIST25", contact_id=10),
    message(26, "OLD26", f"true_{_ANA}_OLD26", **OUT, account=6, more={"whatsapp_account_id": 6}),
    message(27, "LOC27", f"false_{_ANA}_LOC27", metadata='{"location":{"latitude":-6.2,"longitude":106.8}}',
            more={"type": "location"}),
    message(28, "NULL28", f"false_{_ANA}_NULL28", workspace_id=None, only="dump"),
    message(29, "TWIN29", f"true_{_ANA}_TWIN29", **OUT, message_status="pending", ack_level=1, since=3,
            more={"status": "read"}),
    message(30, "TWIN29", f"true_{_ANA}_TWIN29", **OUT, message_status="read", ack_level=4, since=3, merged=True),
    message(31, "STRANGER31", "false_6281311110002@c.us_STRANGER31", contact_id=12,
            more={"sender": "6281311110002@c.us"}),
]  # fmt: skip


async def fill(backend: Backend) -> None:
    """Insert everything that this point and variant can hold."""
    insert = backend.insert
    for row_id, deleted_at in ((1, None), (2, None), (3, "2025-11-05 00:00:00")):
        insert("workspaces", id=row_id, identifier=f"ws{row_id}", name=f"Shop {row_id}" if row_id < 3 else None,
                     deleted_at=deleted_at)  # fmt: skip
    accounts: list[tuple[int, int, str, str, str | None, int, str | None]] = [
        (1, 1, "webjs", "connected", "6281200000001", 1, None),
        (2, 1, "webjs", "qr_scanning", None, 1, None),
        (3, 2, "webjs", "disconnected", "6281200000003", 0, None),
        (4, 2, "meta", "connected", "+1 555 078 3881", 0, None),
        (5, 3, "webjs", "connected", "6281200000005", 1, None),
        (6, 1, "webjs", "failed", "not a number", 0, "2025-11-06 00:00:00"),
    ]
    for row_id, workspace_id, provider, status, phone, primary, deleted_at in accounts:
        insert("accounts", id=row_id, workspace_id=workspace_id, provider_type=provider, status=status,
                     session_id=f"{provider}_{workspace_id}_1760428800_aB3dE5f{row_id}", phone_number=phone,
                     is_primary=primary, deleted_at=deleted_at, qr_code="data:image/png;base64,AA==",
                     last_activity_at="2025-11-10 08:50:00")  # fmt: skip
    members = [{"phone": "+6281200000001", "name": "Rina", "isAdmin": True}, {"phone": "nonsense"}]
    insert("whatsapp_groups", id=1, workspace_id=1, account=1, group_jid=f"{GROUP}@g.us", name="Gudang",
                 owner_phone="+6281200000001", participants=json.dumps(members))  # fmt: skip
    insert("chat_media", id=1, name="foto.jpg", path="chats/1/received/foto.jpg", type="image/jpeg", size="204800")
    for row in CONTACTS:
        if row.applies(backend):
            insert("contacts", id=row.id, **row.values)
    for row_id, contact_id in ((1, 7), (2, 8)):
        insert("contact_sessions", id=row_id, contact_id=contact_id, account=2)
    for row in MESSAGES:
        if row.applies(backend):
            insert("chats", id=row.id, **row.values)
    await backend.write()
