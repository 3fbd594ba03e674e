"""What the decoder says of a wrong value, in plain words."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
import pytest

from wasup.http.mistakes import mistake_of


class Size(StrEnum):
    """Some values."""

    LARGE = "large"


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    """A part."""

    must: int


class Example(msgspec.Struct, forbid_unknown_fields=True):
    """All kinds of bounds."""

    whole: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    rate: Annotated[float, msgspec.Meta(ge=0.01, le=1_000_000)] = 1
    above: Annotated[float, msgspec.Meta(gt=0)] = 1
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=4)] = "x"
    region: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] = "BR"
    many: Annotated[tuple[int, ...], msgspec.Meta(min_length=1, max_length=2)] = (1,)
    pair: tuple[int, int] = (1, 2)
    maybe: int | None = None
    size: Size = Size.LARGE
    flag: bool = True
    headers: Annotated[dict[str, str], msgspec.Meta(max_length=1)] = {}
    inner: Inner | None = None


WORDS: list[tuple[Any, str, str]] = [
    ({"whole": 0}, "#/whole", "must be at least 1"),
    ({"whole": 10}, "#/whole", "must be at most 9"),
    ({"whole": "1"}, "#/whole", "must be a whole number"),
    ({"rate": -1}, "#/rate", "must be at least 0.01"),
    ({"rate": 1e9}, "#/rate", "must be at most 1000000"),
    ({"rate": "fast"}, "#/rate", "must be a number"),
    ({"above": 0}, "#/above", "must be more than 0"),
    ({"text": ""}, "#/text", "must have at least 1 character"),
    ({"text": "xxxxx"}, "#/text", "must have at most 4 characters"),
    ({"text": None}, "#/text", "must be a text"),
    ({"region": "Brazil"}, "#/region", "must match the pattern ^[A-Z]{2}$"),
    ({"many": []}, "#/many", "must have at least 1 entry"),
    ({"many": [1, "b"]}, "#/many/1", "must be a whole number"),
    ({"pair": [1]}, "#/pair", "must have 2 entries"),
    ({"maybe": "x"}, "#/maybe", "must be a whole number or null"),
    ({"size": "small"}, "#/size", "'small' is none of the possible values"),
    ({"flag": 1}, "#/flag", "must be true or false"),
    ({"headers": {"a": "b", "c": "d"}}, "#/headers", "must have at most 1 field"),
    ({"inner": {}}, "#/inner/must", "is missing"),
    ({"inner": {"must": 1, "a/b": 2}}, "#/inner/a~1b", "there is no such field"),
    ([], "#", "must be an object"),
]


@pytest.mark.parametrize(("value", "pointer", "words"), WORDS)
def test_a_mistake_is_told_in_plain_words_and_with_its_place(value: Any, pointer: str, words: str) -> None:
    """As people read them on the dashboard; no name of a type of Python's, no backtick."""
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(value, Example)
    assert mistake_of(str(raised.value)) == (words, pointer)


def test_a_message_that_nobody_knows_is_passed_on() -> None:
    """A newer decoder may say something else."""
    assert mistake_of("Something is odd - at `$.a[2]`") == ("Something is odd", "#/a/2")
