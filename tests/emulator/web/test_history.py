"""Folding what happened into messages as they are now, without a browser."""

import msgspec
import pytest

from wasup.emulator import wire
from wasup.emulator.account import Chat
from wasup.emulator.web.frames import Shown
from wasup.emulator.web.history import find, latest
from wasup.ports.messages import Content, Edit, Message, MessageStatus, Reaction, Revoke, Text


def text(body: str) -> Content:
    """A text."""
    return Text(body=body)


def kept_chat(*happened: tuple[str, Content, bool]) -> Chat:
    """A chat in which this happened: id, content, whether it was written here."""
    chat = Chat("15550001111@c.us", name=None, person=None, keep=100)
    for place, (message_id, content, from_me) in enumerate(happened):
        sender = "15557654321@c.us" if from_me else chat.id
        message = Message(id=message_id, chat=chat.id, sender=sender, from_me=from_me, timestamp=place, content=content)
        chat.kept.append((message_id, wire.encode(message), from_me))
    return chat


def ids(found: list[Shown]) -> str:
    """Ids of what was found, in a row."""
    return "".join(msgspec.json.decode(shown.message, type=Message).id for shown in found)


def test_edits_revokes_and_reactions_are_folded_into_their_targets() -> None:
    """In the order in which they happened; the last word counts."""
    chat = kept_chat(
        ("a", text("one"), False),
        ("b", text("two"), True),
        ("e1", Edit(target_id="a", body="1"), False),
        ("e2", Edit(target_id="a", body="I"), False),
        ("x", Revoke(target_id="b"), True),
        ("r1", Reaction(target_id="a", emoji="+"), True),
        ("r2", Reaction(target_id="a", emoji="-"), True),
    )
    first, second = find(chat, "before", None, 10)[0]
    assert first.edit is not None
    assert (first.edit.id, first.edit.body, first.revoked) == ("e2", "I", False)
    assert [(reaction.emoji, reaction.from_me) for reaction in first.reactions] == [("-", True)]
    assert second.revoked


def test_an_edit_by_the_other_side_does_not_reach_ours() -> None:
    """One id may be in both directions."""
    chat = kept_chat(
        ("a", text("mine"), True), ("a", text("theirs"), False), ("e", Edit(target_id="a", body="!"), False)
    )
    mine, theirs = find(chat, "before", None, 10)[0]
    assert mine.edit is None
    assert theirs.edit is not None


def test_statuses_are_those_of_own_messages() -> None:
    """What came in has none."""
    chat = kept_chat(("a", text("mine"), True), ("b", text("theirs"), False))
    chat.statuses["a"] = chat.statuses["b"] = MessageStatus.READ
    assert [shown.status for shown in find(chat, "before", None, 10)[0]] == [MessageStatus.READ, None]


@pytest.mark.parametrize(
    ("direction", "anchor", "count", "expected", "known"),
    [
        ("before", None, 2, "de", True),
        ("after", None, 2, "ab", True),
        ("before", "c", 1, "b", True),
        ("before", "a", 5, "", True),
        ("after", "c", 5, "de", True),
        ("at", "c", 1, "c", True),
        ("after", "z", 5, "", False),
    ],
)
def test_messages_are_found_on_either_side(
    direction: str, anchor: str | None, count: int, expected: str, known: bool
) -> None:
    """Oldest first, without the anchor; an unknown one is told."""
    chat = kept_chat(*((letter, text(letter), False) for letter in "abcde"))
    found, is_known = find(chat, direction, anchor, count)
    assert ids(found) == expected
    assert is_known is known


def test_the_last_message_is_as_it_is_now() -> None:
    """Past what is about others; none in an empty chat."""
    chat = kept_chat(("a", text("one"), False), ("b", text("two"), False), ("e", Edit(target_id="b", body="2"), False))
    shown = latest(chat)
    assert shown is not None
    assert shown.edit is not None
    assert shown.edit.body == "2"
    assert latest(kept_chat()) is None
