"""Which messages move their chat's watermark."""

from tests.actors.fakes import message
from wasup.actors.watermarks import Watermarks
from wasup.ports.messages import ChatChanged

ANN, BOB, EVE = "5511777776666@c.us", "5511777775555@c.us", "5511777774444@c.us"


def test_what_comes_before_the_gaps_are_known_moves_the_watermarks_of_complete_chats_later() -> None:
    """Two chats may have begun after the list of chats was made: nothing asks for their history."""
    watermarks = Watermarks()
    early = (
        message("a0", chat=ANN, timestamp=1),
        message("b1", chat=BOB, timestamp=3),
        message("b0", chat=BOB, timestamp=2),
        message("e0", chat=EVE, timestamp=4),
    )
    assert watermarks.follow(early) == early
    moved = watermarks.expect([ChatChanged(id=ANN)])
    assert [(mark.chat, mark.message_id) for mark in moved] == [(BOB, "b1"), (EVE, "e0")]
    assert watermarks.expect([]) == []


def test_a_message_moves_the_watermark_of_a_chat_without_a_gap() -> None:
    """And that of the others when their gaps are closed."""
    watermarks = Watermarks()
    watermarks.expect([ChatChanged(id=ANN)])
    assert len(watermarks.follow([message("a0", chat=ANN, timestamp=1)])) == 1
    *_, mark = watermarks.follow([message("b0", chat=BOB, timestamp=1)])
    assert getattr(mark, "message_id", None) == "b0"
    watermarks.close(ChatChanged(id=ANN))
    assert len(watermarks.follow([message("a1", chat=ANN, timestamp=2)])) == 2
