"""What goes to the back end, and what must be known to make it."""

from dataclasses import dataclass, field
from typing import Any, Final

from wasup.ports.messages import MediaRef
from wasup.ports.outbox import LegacyFacts

__all__ = ["CHAT_SYNC", "WEBHOOK", "LegacyCall", "Question"]

WEBHOOK: Final = "/api/whatsapp/webhooks/webjs"
CHAT_SYNC: Final = "/api/whatsapp/chats/sync"


@dataclass(frozen=True, slots=True)
class LegacyCall:
    """One POST: the path below the back end's address, and its body."""

    path: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What an event leaves open.

    Attributes:
        lids: LIDs whose phone numbers are needed.
        groups: groups whose members are.
        media: what is to be sent along.
        qr: the code that is to be drawn.
    """

    lids: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    media: MediaRef | None = None
    qr: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The answers.

    Attributes:
        facts: sessions, phone numbers and members.
        media: the bytes, base64 without a prefix; None: they are not to be had.
        qr_image: a `data:` URL.
        now_ms: UTC epoch ms.
    """

    facts: LegacyFacts = field(default_factory=LegacyFacts)
    media: str | None = None
    qr_image: str | None = None
    now_ms: int = 0
