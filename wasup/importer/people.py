"""Whose chat it is: contacts, groups and message ids of the back end, as WhatsApp ids. Pure functions."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from wasup.identifiers import InvalidIdentifier, jid_of_phone, parse_jid, phone_of, to_e164

__all__ = [
    "Identity",
    "Serialized",
    "best_identity",
    "group_jid",
    "identity_of",
    "jid_identity",
    "own_phone",
    "split_id",
]

_SERIALIZED: Final = re.compile(r"(true|false)_([^_@]+@[^_]+)_([^_]+)(?:_(.+))?")
_GROUP_DIGITS: Final = re.compile(r"[0-9]{5,15}-[0-9]{5,15}|[0-9]{16,30}")


@dataclass(frozen=True, slots=True)
class Identity:
    """A person or a group.

    Attributes:
        jid: WhatsApp id in normal form.
        phone: E.164, of a person whose number is known.
    """

    jid: str
    phone: str | None = None

    @property
    def is_group(self) -> bool:
        """Whether it is a group."""
        return self.jid.endswith("@g.us")

    @property
    def lid(self) -> str | None:
        """The LID, of a person who is known by it."""
        return self.jid if self.jid.endswith("@lid") else None


@dataclass(frozen=True, slots=True)
class Serialized:
    """A message id as whatsapp-web.js spells it: `true_5511999998888@c.us_3EB0…[_participant]`."""

    from_me: bool
    chat: str
    id: str
    participant: str | None


def split_id(text: str) -> Serialized | None:
    """The parts of a message id; None if it is of another kind (the Cloud API's `wamid.…`)."""
    match = _SERIALIZED.fullmatch(text)
    if match is None:
        return None
    return Serialized(match[1] == "true", match[2], match[3], match[4])


@lru_cache(maxsize=8192)
def jid_identity(text: str) -> Identity | None:
    """The person or group of a WhatsApp id in any spelling; None if it is no id, or nobody one can write to."""
    try:
        jid = parse_jid(text)
    except InvalidIdentifier:
        return None
    if jid.kind not in {"user", "lid", "group"}:
        return None
    return Identity(str(jid), phone_of(str(jid)))


def group_jid(text: str) -> str | None:
    """The id of a group from any of the spellings in use: with or without `@g.us`, after a stray `+`."""
    identity = jid_identity(text.strip().removeprefix("+").removesuffix("@g.us") + "@g.us")
    return None if identity is None else identity.jid


@lru_cache(maxsize=8192)
def identity_of(phone: str | None, *, group: bool) -> Identity | None:
    """The person or group that a contact stands for; None if its number cannot be read.

    Args:
        phone: E.164, or a group's id without its `@g.us`, or (older rows) either with or without more.
        group: whether the contact is marked as a group.
    """
    text = (phone or "").strip()
    if not text:
        return None
    bare = text.removeprefix("+")
    if group or text.endswith("@g.us") or _GROUP_DIGITS.fullmatch(bare):
        jid = group_jid(text)
        return None if jid is None else Identity(jid)
    if "@" in text:
        return jid_identity(bare)
    try:
        number = to_e164(text)
        return Identity(jid_of_phone(number), number)
    except InvalidIdentifier:
        return None


def best_identity(contact: Identity | None, chat_jid: str | None) -> Identity | None:
    """Whose chat it is, by the contact and by the WhatsApp id in a message's id.

    The contact is the back end's own word and wins, but for two things that only the id knows: that the chat is a
    group, and how WhatsApp spells a number (some countries' numbers have changed, the ids have not).
    """
    told = jid_identity(chat_jid) if chat_jid is not None else None
    if contact is None or told is None or told.is_group:
        return told or contact
    if contact.phone is not None and told.phone is not None and told.jid != contact.jid:
        respelt = identity_of(told.phone, group=False)
        if respelt is not None and respelt.phone == contact.phone:
            return Identity(told.jid, contact.phone)
    return contact


def own_phone(text: str | None) -> str | None:
    """An account's own number, which the old service told as bare digits; None if it is none."""
    if not text:
        return None
    identity = identity_of(text.partition("@")[0], group=False)
    return None if identity is None else identity.phone
