"""Schemas of event payloads, and the generated part of the documentation; `python -m` this to write it."""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from wasup.ports.events import EVENT_VERSION, EventData
from wasup.webhooks.examples import EXAMPLES

__all__ = ["event_schemas", "events_page"]

_PAGE: Final = Path(__file__).parents[2] / "docs" / "events.md"
_BEGIN: Final = "<!-- generated: the payloads -->\n"
_REF: Final = "#/components/{name}"


@cache
def event_schemas() -> dict[str, Any]:
    """The version, a reference for each type of event, and the schemas that these refer to."""
    kinds = sorted(get_args(EventData), key=_type_of)
    references, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    types = {_type_of(kind): reference for kind, reference in zip(kinds, references, strict=True)}
    return {"version": EVENT_VERSION, "types": types, "components": components}


def _type_of(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


def events_page(page: str) -> str:
    """The page with its generated part made anew; what comes before it is written by hand."""
    head, _, _ = page.partition(_BEGIN)
    schemas = event_schemas()
    examples = {_type_of(type(example)): example for example in EXAMPLES}
    parts = [head.rstrip("\n") + "\n\n" + _BEGIN]
    for name, reference in schemas["types"].items():
        schema = schemas["components"][reference["$ref"].rpartition("/")[2]]
        parts.append(_section(name, schema, examples[name]))
    return "\n".join(parts)


def _section(name: str, schema: dict[str, Any], example: EventData) -> str:
    required = set(schema["required"])
    rows = [
        f"| `{field}` | {_kind(given)} | {'always' if field in required else 'may be left out'} |"
        for field, given in schema["properties"].items()
    ]
    shown = json.dumps(msgspec.to_builtins(example), indent=2, ensure_ascii=False)
    about = " ".join(schema["description"].split())
    table = "\n".join(["| field | type | |", "|---|---|---|", *rows])
    return f"### `{name}`\n\n{about}\n\n{table}\n\n```json\n{shown}\n```\n"


def _kind(given: dict[str, Any]) -> str:
    """A type in words."""
    if "anyOf" in given:
        kinds = [_kind(one) for one in given["anyOf"]]
        return " or ".join(kinds) if len(kinds) <= 3 else "one of " + ", ".join(kinds)
    if "$ref" in given:
        return str(given["$ref"]).rpartition("/")[2]
    if "enum" in given:
        return ", ".join(f"`{one}`" for one in given["enum"])
    if given.get("type") == "array":
        return f"list of {_kind(given.get('items', {}))}"
    return str(given.get("type", "anything"))


if __name__ == "__main__":
    _PAGE.write_text(events_page(_PAGE.read_text()))
    print(f"wrote {_PAGE}", file=sys.stderr)  # noqa: T201 - a command
