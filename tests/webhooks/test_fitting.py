"""Payloads that are too large are cut where it hurts least, and at a cost that grows no faster than they do."""

from typing import Any

import msgspec
import pytest

from wasup.ports.outbox import PendingEvent
from wasup.ports.webhooks import EVENT_LIMIT
from wasup.webhooks import fitting
from wasup.webhooks.fitting import fit

LINK = "https://wasup.example/api/events"


def pending(data: Any) -> PendingEvent:
    """An event with this payload."""
    return PendingEvent(
        id="evt_7_1_ab",
        account_id=7,
        account_seq=1,
        previous_seq=0,
        type="any",
        body=msgspec.json.encode(data),
        created_at=0,
    )


def fitted(data: Any) -> Any:
    """What is delivered of this payload."""
    body = fit(pending(data), LINK)
    assert len(body) <= EVENT_LIMIT
    return msgspec.json.decode(body)


def members(count: int) -> list[dict[str, Any]]:
    """Members of a group."""
    return [{"id": f"{number:015d}@lid", "alt": f"55{number:011d}@c.us", "admin": False} for number in range(count)]


def test_of_a_huge_group_the_first_members_are_told_and_how_many_are_missing() -> None:
    """Their ids are whole, and the payload links to all of them."""
    group = {"group": "120363@g.us", "subject": "All", "participants": 20_000, "members": members(20_000)}
    told = fitted(group)
    assert told["truncated"] == f"{LINK}/evt_7_1_ab"
    kept = len(told["members"])
    assert told["members"] == members(kept)
    assert told["left_out"] == {"members": 20_000 - kept}
    assert len(msgspec.json.encode(told)) > EVENT_LIMIT - 1000, "no more is left out than must be"
    assert (told["group"], told["subject"], told["participants"]) == ("120363@g.us", "All", 20_000)


def test_what_people_wrote_goes_before_lists_and_the_longest_of_it_first() -> None:
    """Two long texts are cut to the same length, a short one stays; ids and references are never touched."""
    ref = "r" * 5000
    content = {"body": "b" * 300_000, "caption": "c" * 200_000, "raw": "short", "media": {"ref": ref}}
    told = fitted({"message_id": "m" * 190, "content": content, "members": members(10)})
    assert len(told["content"]["body"]) == len(told["content"]["caption"]) > 100_000
    assert told["content"]["raw"] == "short"
    assert told["content"]["media"]["ref"] == ref
    assert (told["message_id"], told["members"]) == ("m" * 190, members(10))
    assert "left_out" not in told


@pytest.mark.parametrize(("size", "kept"), [(300, 800), (40_000, 6), (300_000, 0)])
def test_contact_cards_are_left_out_whole(size: int, kept: int) -> None:
    """As many are told as there is room for."""
    card, count = "x" * size, 600_000 // size
    told = fitted({"message_id": "m", "content": {"vcards": [card] * count}})
    assert told["message_id"] == "m"
    assert kept <= len(told["content"]["vcards"]) == count - told["left_out"]["vcards"]
    assert all(one == card for one in told["content"]["vcards"])


def test_names_that_are_too_long_go_last() -> None:
    """Whatever a provider may hand over as a name."""
    told = fitted({"message_id": "m" * 190, "sender_name": "n" * 400_000, "content": {"body": "hi"}})
    assert told["message_id"] == "m" * 190
    assert 0 < len(told["sender_name"]) <= 1000


def test_the_work_grows_with_the_payload_and_no_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes encoded, for each byte of the payload: a few, and the same for a large and for a very large one."""
    real, encoded = fitting._encode, 0

    def counting(value: Any) -> bytes:
        nonlocal encoded
        body = real(value)
        encoded += len(body)
        return body

    monkeypatch.setattr(fitting, "_encode", counting)
    costs = []
    for size in (5_000, 40_000):
        group = pending({"members": members(size), "content": {"body": "b" * size * 40, "vcards": ["c" * 40] * size}})
        encoded = 0
        assert len(fit(group, LINK)) <= EVENT_LIMIT
        costs.append(encoded / len(group.body))
    assert max(costs) < 15
    assert costs[1] < costs[0] * 1.5
