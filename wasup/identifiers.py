"""WhatsApp ids and phone numbers: the one module that makes and parses them.

Three rules hold everywhere. A phone number is E.164 text (`+5511999998888`). A WhatsApp id is kept in its normal
form (`5511999998888@c.us`), without device and agent. Phone and LID are two identities of a person joined by what
the provider tells; neither is ever derived from the other by text, and numbering plans never touch a WhatsApp id.
"""

import re
import secrets
import string
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import phonenumbers

__all__ = [
    "InvalidIdentifier",
    "Jid",
    "Kind",
    "jid_of_phone",
    "kind_of",
    "new_message_id",
    "new_session_id",
    "parse_jid",
    "parse_recipient",
    "phone_of",
    "to_e164",
]

Kind: TypeAlias = Literal["user", "lid", "group", "newsletter", "broadcast", "status", "bot", "system", "bsuid"]

_MAX_LENGTH: Final = 128
_SEPARATORS: Final = frozenset("()-./ ")
_ALPHANUMERICS: Final = string.ascii_lowercase + string.digits

# A person's id may name an agent (`.0` or `_1`) and a device (`:12`), which say which of the person's
# devices it was: mautrix-whatsapp/pkg/waid and whatsmeow/types/jid.go know both spellings of the agent.
_PERSON: Final = re.compile(r"(0|[1-9][0-9]{0,19})(?:[._][0-9]{1,3})?(?::[0-9]{1,5})?")
_GROUP: Final = re.compile(r"[0-9]{5,30}(?:-[0-9]{5,15})?")
_NUMBER: Final = re.compile(r"[0-9]{1,30}")
_LIST: Final = re.compile(r"[0-9]{1,30}|[a-z]{1,30}")
_BSUID: Final = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[0-9A-Za-z]{4,}")
_E164: Final = re.compile(r"\+[1-9][0-9]{4,14}")

_SERVERS: Final[dict[str, tuple[str, Kind, re.Pattern[str]]]] = {
    "c.us": ("c.us", "user", _PERSON),
    "s.whatsapp.net": ("c.us", "user", _PERSON),
    "hosted": ("c.us", "user", _PERSON),
    "lid": ("lid", "lid", _PERSON),
    "hosted.lid": ("lid", "lid", _PERSON),
    "g.us": ("g.us", "group", _GROUP),
    "newsletter": ("newsletter", "newsletter", _NUMBER),
    "broadcast": ("broadcast", "broadcast", _LIST),
    "bot": ("bot", "bot", _NUMBER),
}
_NOT_A_CHAT: Final[dict[str, str]] = {
    "status": "it is the status feed",
    "system": "it is WhatsApp itself",
    "broadcast": "broadcast lists live on the phone only",
}


class InvalidIdentifier(ValueError):  # noqa: N818 - reads as what it says
    """A text is no phone number or WhatsApp id; the message says what is wrong and how to mend it."""


@dataclass(frozen=True, slots=True)
class Jid:
    """A WhatsApp id in its parts; `str()` is its normal form.

    Attributes:
        user: what stands before the `@`, without device and agent; the whole text of a BSUID.
        server: what stands after it; empty for a BSUID (business-scoped user id, Cloud API only).
        kind: what it names.
    """

    user: str
    server: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.user}@{self.server}" if self.server else self.user


def _shown(text: str) -> str:
    """The text as an error message may repeat it: short, and without control characters."""
    return repr(text if len(text) <= 40 else text[:40] + "…")


@lru_cache(maxsize=8192)
def parse_jid(text: str) -> Jid:
    """Parse a WhatsApp id in any of the spellings that WhatsApp uses.

    Raises:
        InvalidIdentifier: it is none.
    """
    if len(text) > _MAX_LENGTH:
        raise InvalidIdentifier(f"A WhatsApp id has at most {_MAX_LENGTH} characters; this text has {len(text)}.")
    if not text.isascii() or not text.isprintable():
        raise InvalidIdentifier(f"{_shown(text)} holds characters that no WhatsApp id has; remove them.")
    if "@" not in text:
        if _BSUID.fullmatch(text):
            return Jid(text, "", "bsuid")
        raise InvalidIdentifier(
            f"{_shown(text)} is no WhatsApp id: the part after @ is missing, as in 5511999998888@c.us."
        )
    user, _, server = text.partition("@")
    if "@" in server:
        raise InvalidIdentifier(f"{_shown(text)} has more than one @; give one id only.")
    if server not in _SERVERS:
        known = ", ".join(_SERVERS)
        raise InvalidIdentifier(f"{_shown(text)} has an unknown server {_shown(server)}; known are {known}.")
    normal, kind, pattern = _SERVERS[server]
    match = pattern.fullmatch(user)
    if match is None:
        hint = "leave out the +" if user.startswith("+") else f"an id of this kind looks like {_EXAMPLES[kind]}"
        raise InvalidIdentifier(f"{_shown(text)} is no WhatsApp id: {hint}.")
    if pattern is _PERSON:
        user = match[1]
        if user == "0":
            kind = "system"
    elif kind == "broadcast" and user == "status":
        kind = "status"
    return Jid(user, normal, kind)


_EXAMPLES: Final[dict[str, str]] = {
    "user": "5511999998888@c.us",
    "lid": "123456789012345@lid",
    "group": "120363012345678901@g.us",
    "newsletter": "120363012345678901@newsletter",
    "broadcast": "1700000000@broadcast",
    "bot": "867051314767696@bot",
}


def kind_of(text: str) -> Kind:
    """What a WhatsApp id names.

    Raises:
        InvalidIdentifier: it is none.
    """
    return parse_jid(text).kind


def phone_of(jid_text: str) -> str | None:
    """The phone number of a person's id in normal form (`n@c.us`), else None.

    Runs once per stored message: it only looks at the text, and never consults a numbering plan.
    """
    if not jid_text.endswith("@c.us"):
        return None
    user = jid_text[:-5]
    if 5 <= len(user) <= 15 and user.isascii() and user.isdigit() and user[0] != "0":
        return "+" + user
    return None


def jid_of_phone(e164: str) -> str:
    """The WhatsApp id of a phone number.

    Raises:
        InvalidIdentifier: the number is not E.164; pass what people typed through `to_e164` first.
    """
    if not _E164.fullmatch(e164):
        raise InvalidIdentifier(f"{_shown(e164)} is not a phone number in the form +5511999998888.")
    return f"{e164[1:]}@c.us"


def to_e164(text: str, region: str | None = None) -> str:
    """The phone number that a person typed, in E.164.

    Args:
        text: the number in any usual spelling: separators, brackets, `tel:`, `00` for `+`, digits of any script.
        region: two-letter country that a number without its country belongs to; None if none is known.

    Raises:
        InvalidIdentifier: it is no number, or its country is missing.
    """
    digits, international = _digits(text)
    if region is not None and region.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise InvalidIdentifier(f"{_shown(region)} is no country; use two letters such as BR.")
    if international:
        number = _parsed("+" + digits, None)
        if number is None or not phonenumbers.is_possible_number(number):
            raise InvalidIdentifier(f"{_shown(text)} is no phone number: wrong length or unknown country code.")
        return _formatted(number)
    if region is not None:
        number = _parsed(digits, region.upper())
        if number is not None and phonenumbers.is_possible_number(number):
            return _formatted(number)
    # Without a plus and a country, only a number that exists in some country's plan is taken for one.
    number = _parsed("+" + digits, None)
    if number is not None and phonenumbers.is_valid_number(number):
        return _formatted(number)
    if region is not None:
        raise InvalidIdentifier(f"{_shown(text)} is no phone number of {region.upper()}; check its length.")
    raise InvalidIdentifier(f"The country is missing in {_shown(text)}: write it as +55 11 99999-8888.")


def _digits(text: str) -> tuple[str, bool]:
    """The ASCII digits of a typed number, and whether it begins with `+` or `00`."""
    if len(text) > _MAX_LENGTH:
        raise InvalidIdentifier(f"A phone number has at most 15 digits; this text has {len(text)} characters.")
    # Bidi marks and zero-width characters (category Cf) come along when numbers are copied from chats.
    typed = "".join(c for c in text if unicodedata.category(c) != "Cf").strip()
    if typed[:4].lower() == "tel:":
        typed = typed[4:].lstrip()
    digits = ""
    international = False
    for char in typed:
        plain = unicodedata.normalize("NFKC", char)  # full-width + and brackets
        if char.isdecimal():
            digits += str(unicodedata.decimal(char))
        elif plain == "+" and not digits and not international:
            international = True
        elif plain not in _SEPARATORS and unicodedata.category(char) != "Pd":
            raise InvalidIdentifier(f"{_shown(text)} is no phone number: {_shown(char)} does not belong in one.")
    if not digits:
        raise InvalidIdentifier(f"{_shown(text)} is no phone number: it has no digits.")
    if not international and digits.startswith("00"):
        digits, international = digits[2:], True
    # Until 2019 Mexican mobiles had a 1 after their country code; the plan has no such numbers any more.
    if len(digits) == 13 and digits.startswith("521"):
        digits = "52" + digits[3:]
    return digits, international


def _parsed(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return None if number.extension else number


def _formatted(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def parse_recipient(text: str, region: str | None = None) -> str:
    """The normal WhatsApp id of somebody to write to, given as a phone number or as a WhatsApp id.

    Raises:
        InvalidIdentifier: it is neither, or nobody can be written to there.
    """
    trimmed = text.strip()
    if "@" not in trimmed and not _BSUID.fullmatch(trimmed):
        return jid_of_phone(to_e164(trimmed, region))
    jid = parse_jid(trimmed)
    if jid.kind in _NOT_A_CHAT:
        raise InvalidIdentifier(f"Nothing can be sent to {jid}: {_NOT_A_CHAT[jid.kind]}.")
    return str(jid)


def new_message_id() -> str:
    """A new WhatsApp message id, as WhatsApp Web makes them (whatsmeow/send.go: `3EB0` and 9 random bytes)."""
    return "3EB0" + secrets.token_hex(9).upper()


def new_session_id(provider_type: str, account_id: int, now_ms: int) -> str:
    """A new name for one login of an account: `webjs_42_1700000000000_a1b2c3d4`."""
    return f"{provider_type}_{account_id}_{now_ms}_{''.join(secrets.choice(_ALPHANUMERICS) for _ in range(8))}"
