"""What is written of events is what they are."""

from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest

from wasup.ports.events import EVENT_TYPES, EventData, event_type
from wasup.webhooks.documentation import event_schemas, events_page
from wasup.webhooks.examples import EXAMPLES

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


def test_the_page_is_up_to_date() -> None:
    """`python -m wasup.webhooks.documentation` writes it."""
    page = PAGE.read_text()
    assert events_page(page) == page


def test_every_type_has_a_schema_and_an_example() -> None:
    """And no other."""
    assert sorted(event_schemas()["types"]) == sorted(EVENT_TYPES)
    assert sorted(event_type(example) for example in EXAMPLES) == sorted(EVENT_TYPES)


@pytest.mark.parametrize("example", EXAMPLES, ids=event_type)
def test_examples_fit_their_schemas(example: EventData) -> None:
    """By an independent validator; without a required field they do not."""
    schemas = event_schemas()
    schema = schemas["types"][event_type(example)] | {"components": schemas["components"]}
    data = msgspec.json.decode(msgspec.json.encode(example))
    jsonschema.validate(data, schema)
    assert msgspec.json.decode(msgspec.json.encode(example), type=EventData) == example
    for name in ("workspace_id", "whatsapp_account_id", "account_seq"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: value for key, value in data.items() if key != name}, schema)
