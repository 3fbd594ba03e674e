"""Ids as the back end knows them: `<phone>@c.us` for people, and whatsapp-web.js' serialized message ids.

The back end strips `@c.us` and `@g.us` and takes the rest for a phone number or a group's raw id: a LID must never
reach it.
"""

from collections.abc import Mapping

__all__ = ["UnknownPhone", "digits", "person_id", "serialized_id"]


class UnknownPhone(Exception):  # noqa: N818
    """Only the LID of a person is known, and the back end understands phone numbers alone."""


def person_id(jid: str, people: Mapping[str, str], phone: str | None = None) -> str:
    """The id of a person with a phone number, or of a group.

    Args:
        jid: the id as an event has it.
        people: LIDs to ids with phone numbers.
        phone: E.164, where the event tells it.

    Raises:
        UnknownPhone: there is only a LID.
    """
    if jid.endswith("@s.whatsapp.net"):
        return jid.removesuffix("@s.whatsapp.net") + "@c.us"
    if not jid.endswith("@lid"):
        return jid
    if phone is not None:
        return f"{digits(phone)}@c.us"
    known = people.get(jid)
    if known is None:
        raise UnknownPhone(f"of {jid} only the LID is known, and this format needs a phone number")
    return known


def digits(phone: str | None) -> str | None:
    """A phone number without its plus."""
    return None if phone is None else phone.removeprefix("+")


def serialized_id(message_id: str, *, from_me: bool, chat: str, participant: str | None = None) -> str:
    """The message id that whatsapp-web.js gives: `{true|false}_{chat}_{id}`, in groups with the sender at its end.

    The id in the answer to a send must be made by this as well, so that acknowledgements find their message.
    """
    if message_id.startswith(("true_", "false_")):
        return message_id
    whole = f"{'true' if from_me else 'false'}_{chat}_{message_id}"
    return f"{whole}_{participant}" if participant is not None and chat.endswith("@g.us") and not from_me else whole
