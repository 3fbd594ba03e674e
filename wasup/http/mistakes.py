"""What is wrong with a value, in plain words and with its place: msgspec's own messages are for programmers."""

import re
from collections.abc import Callable
from typing import Final

__all__ = ["mistake_of"]

_PLACE: Final = re.compile(r"^(?P<what>.*?)(?: - at `(?P<kind>key in )?\$(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(\.\.\.)\]")
_FIELD: Final = re.compile(r"^Object (?:contains unknown|missing required) field `([^`]*)`")

_TYPES: Final = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "null",
    "object": "an object",
    "str": "a text",
}
_BOUNDS: Final = {">=": "at least ", "<=": "at most ", ">": "more than ", "<": "less than ", "==": ""}
_PARTS: Final = {"str": "character", "array": "entry", "object": "field"}
_MANY: Final = {"character": "characters", "entry": "entries", "field": "fields"}


def _types(text: str) -> str:
    return " or ".join(_TYPES.get(name, name) for name in text.split(" | "))


def _sized(found: re.Match[str]) -> str:
    part = _PARTS[found[1]]
    return f"must have {_BOUNDS[found[2] or '==']}{found[3]} {part if found[3] == '1' else _MANY[part]}"


_WORDS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"Object contains unknown field `.*`"), lambda _: "there is no such field"),
    (re.compile(r"Object missing required field `.*`"), lambda _: "is missing"),
    (
        re.compile(r"Expected `(str|array|object)` of (?:at least )?length (?:(>=|<=|>|<|==) )?(\d+)(?:, got \d+)?"),
        _sized,
    ),
    (
        re.compile(r"Expected `str` matching regex '(.*)'", re.DOTALL),
        lambda found: f"must match the pattern {found[1]}",
    ),
    (
        re.compile(r"Expected `(?:int|float)` (>=|<=|>|<) (-?\d+)(\.\d+)?"),
        lambda found: f"must be {_BOUNDS[found[1]]}{found[2]}{'' if found[3] in {None, '.0'} else found[3]}",
    ),
    (re.compile(r"Expected `([^`]*)`(?:, got `[^`]*`)?"), lambda found: f"must be {_types(found[1])}"),
    (
        re.compile(r"Invalid (?:enum )?value (.*)", re.DOTALL),
        lambda found: f"{found[1]} is none of the possible values",
    ),
)


def mistake_of(message: str) -> tuple[str, str]:
    """Split a message of msgspec's into what is wrong and where, the latter as a JSON pointer (RFC 6901).

    A message that is not known is passed on as it is.
    """
    match = _PLACE.match(message)
    assert match is not None
    steps = [next(part for part in step if part) for step in _STEP.findall(match["path"] or "")]
    what = match["what"]
    named = _FIELD.match(what)
    if named:
        steps.append(named[1])
    escaped = [step.replace("~", "~0").replace("/", "~1") for step in steps if step != "..."]
    for pattern, words in _WORDS:
        found = pattern.fullmatch(what)
        if found is not None:
            what = words(found)
            break
    return what, "#" + "".join(f"/{step}" for step in escaped)
