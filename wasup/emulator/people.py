"""Numbers, names and ids of the people that the emulator plays."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

__all__ = [
    "SEEDED",
    "Person",
    "incoming_message_id",
    "lid_of",
    "new_device_secret",
    "new_group_id",
    "new_pairing_code",
    "new_qr_text",
    "qr_reference",
]

_CODE_LETTERS: Final = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
_QR_PREFIX: Final = "https://wa.me/settings/linked_devices#"


def lid_of(phone: str) -> str:
    """The LID of the person with this number: always the same, and not to be guessed from it by text."""
    digest = hashlib.blake2b(phone.encode(), digest_size=6).digest()
    return f"{100_000_000_000_000 + int.from_bytes(digest):015d}@lid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody. `lid` None: this person has shown no LID; `by_lid`: WhatsApp addresses them by it."""

    phone: str
    name: str | None = None
    push_name: str | None = None
    lid: str | None = None
    by_lid: bool = False

    @property
    def pn(self) -> str:
        """The phone-number id."""
        return f"{self.phone}@c.us"

    @property
    def id(self) -> str:
        """The identity that chats and messages carry."""
        return self.lid if self.by_lid and self.lid is not None else self.pn

    @property
    def alt(self) -> str | None:
        """The other identity."""
        return self.pn if self.by_lid else self.lid


SEEDED: Final = (
    Person(phone="15550001111", name="Ada", push_name="ada", lid=lid_of("15550001111")),
    Person(phone="15550002222", name="Grace", push_name="grace", lid=lid_of("15550002222"), by_lid=True),
    Person(phone="15550003333", name="Linus", push_name="linus"),
)
"""The people whom every account knows: one with both identities, one addressed by LID, one without a LID."""


def incoming_message_id() -> str:
    """An id as other people's phones make them."""
    return "3A" + secrets.token_hex(9).upper()


def new_device_secret() -> str:
    """What a paired client shows to be known again."""
    return secrets.token_hex(16)


def new_pairing_code() -> str:
    """8 characters, as WhatsApp makes them."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))


def new_qr_text() -> str:
    """The text of a QR code: a link, then reference, two keys and a secret."""
    parts = ["2@" + secrets.token_urlsafe(40), *(secrets.token_urlsafe(32) for _ in range(3))]
    return _QR_PREFIX + ",".join(parts)


def qr_reference(text: str) -> str:
    """The reference inside a QR text, be it the whole text or the reference alone."""
    return text.strip().removeprefix(_QR_PREFIX).split(",", 1)[0]


def new_group_id() -> str:
    """A group id of the present form."""
    return f"1203630{secrets.randbelow(10**11):011d}@g.us"
