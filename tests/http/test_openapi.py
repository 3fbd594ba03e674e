"""The OpenAPI document and the page that shows it."""

import re
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

import wasup.http
from tests.http.conftest import Client
from tests.http.fakes import World
from wasup.http import create_app
from wasup.http.problems import TITLES

WEB = Path(wasup.http.__file__).parent / "dashboard" / "web"
DOCS = Path(wasup.http.__file__).parents[2] / "docs"
PAGES = {"/", "/dashboard", "/dashboard/", "/dashboard/<path:path>"}
UNDOCUMENTED = {"/openapi.json", "/docs", "/docs/<name>", "/metrics", *PAGES}


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    """The document, as a client gets it."""
    answer = trio.run(partial(client.get, "/openapi.json", key=None))
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every operation, by a name for messages."""
    return [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_is_documented(document: dict[str, Any]) -> None:
    """Path by path and method by method."""
    served = set()
    for rule in create_app(World().services).url_map.iter_rules():
        if rule.rule not in UNDOCUMENTED and not rule.endpoint.startswith("legacy."):
            path = re.sub(r"<(?:[^:<>]+:)?([a-z_]+)>", r"{\1}", rule.rule)
            served |= {f"{method.lower()} {path}" for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert served == {name for name, _ in operations(document)}


def test_every_operation_has_its_errors_with_examples(document: dict[str, Any]) -> None:
    """All of them problem details; ids unique; a summary each."""
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for name, operation in operations(document):
        answers = operation["responses"]
        assert operation["summary"], name
        assert {"500", "503"} <= answers.keys(), name
        if "security" not in operation:
            assert {"401", "403"} <= answers.keys(), name
        if "application/json" in operation.get("requestBody", {}).get("content", {}):
            assert {"400", "413", "415", "422"} <= answers.keys(), name
        if "{" in name:
            assert "404" in answers, name
        for status, answer in answers.items():
            content = answer.get("content", {})
            if status in {"101", "204", "304"} or "application/octet-stream" in content:
                assert "application/json" not in content, (name, status)
            elif "text/event-stream" in content:
                assert content["text/event-stream"]["examples"].keys() >= {"event", "gap", "bye"}, (name, status)
            elif status.startswith("2") or "application/json" in content:
                assert "example" in content["application/json"], (name, status)
            else:
                assert content["application/problem+json"]["example"]["status"] == int(status)
                assert int(status) in TITLES


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    """By the schema of OpenAPI 3.1 and by JSON Schema 2020-12, examples included."""
    OpenAPIV31SpecValidator(document).validate()
    resources = Registry().with_resource("urn:wasup", Resource.from_contents(document, DRAFT202012))
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                if "example" in content:
                    schema = {"$ref": "urn:wasup" + content["schema"]["$ref"]}
                    errors = list(Draft202012Validator(schema, registry=resources).iter_errors(content["example"]))
                    assert not errors, (name, status, errors)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """And the document has the shape that OpenAPI 3.1 wants."""
    assert document["openapi"] == "3.1.0"
    references = set(re.findall(r'"\$ref":"([^"]+)"', msgspec.json.encode(document).decode()))
    schemas = document["components"]["schemas"]
    assert references == {f"#/components/schemas/{name}" for name in schemas if name in str(references)}
    assert all(reference.rpartition("/")[2] in schemas for reference in references)
    for name, operation in operations(document):
        declared = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", name)), name
        assert all("$ref" not in str(one["schema"]) for one in operation["parameters"]), name
        assert {tag["name"] for tag in document["tags"]} >= set(operation["tags"])


def test_what_the_library_has_no_word_for_is_there(document: dict[str, Any]) -> None:
    """Media types of pictures, headers of answers, an answer without a body, what a query must have, bounds of ids."""
    paths = document["paths"]
    pictures = paths["/api/accounts/{account_id}/qr"]["get"]["responses"]["200"]["content"]
    assert pictures.keys() == {"application/json", "text/plain", "image/png", "image/svg+xml"}
    account = paths["/api/accounts/{account_id}"]["delete"]
    assert account["responses"]["204"].keys() == {"description", "headers"}
    assert account["parameters"][0]["schema"] == {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
    events = {one["name"]: one for one in paths["/api/events"]["get"]["parameters"]}
    assert {name for name, one in events.items() if one["required"]} <= {"account_id"}
    upload = paths["/api/media"]["post"]["requestBody"]
    assert upload == {"required": True, "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
    assert paths["/api/accounts"]["get"]["responses"]["304"]["headers"].keys() == {"X-Request-Id", "ETag"}
    sent = paths["/api/messages"]["post"]
    assert [one["name"] for one in sent["parameters"]] == ["Idempotency-Key"]
    assert sent["requestBody"]["required"]
    for status, header in (("202", "Location"), ("401", "WWW-Authenticate"), ("429", "Retry-After")):
        assert sent["responses"][status]["headers"].keys() == {"X-Request-Id", header}
    assert paths["/health"]["get"]["security"] == []


def test_the_operations_that_the_docs_name_are_there(document: dict[str, Any]) -> None:
    """All that they name as ours; another service's stand in the first column of a table, by themselves."""
    there = {re.sub(r"{\w+}", "{}", name).upper() for name, _ in operations(document)}
    named: dict[str, str] = {}
    for page in sorted(DOCS.glob("*.md")):
        text = re.sub(r"(?m)^\| `[A-Z]+[` ,].*?\|(?= .+\|$)", "|", page.read_text())
        for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/api/[^`? ]+)", text):
            named[re.sub(r"{\w+}", "{}", f"{method} {path}").upper()] = page.name
    assert len(named) > 25
    assert {name: page for name, page in named.items() if name not in there and "/SESSIONS" not in name} == {}


def test_the_dashboards_types_are_those_of_the_document(document: dict[str, Any], tmp_path: Path) -> None:
    """They are made of it by `npm run types`, and a change of the API must not get past the compiler."""
    source = tmp_path / "openapi.json"
    source.write_bytes(msgspec.json.encode(document))
    command = ["node", "tools/types.mjs", str(source), "--check"]
    checked = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=60, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


async def test_the_docs_page_needs_no_other_host(client: Client) -> None:
    """Everything that the page names is served from here."""
    page = await client.get("/docs", key=None)
    assert page.status == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert b"http://" not in page.body
    assert b"https://" not in page.body
    addresses = re.findall(rb'(?:src|href)="([^"]+)"', page.body)
    assert len(addresses) >= 4
    for address in addresses:
        assert (await client.get(address.decode(), key=None)).status == 200


async def test_the_document_is_not_sent_twice(client: Client) -> None:
    """A client that has it is told so."""
    first = await client.get("/openapi.json", key=None)
    assert first.json()["info"]["title"] == "wasup"
    again = await client.get("/openapi.json", key=None, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status == 304
    assert again.body == b""


async def test_without_its_files_the_docs_page_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    """Instead of a blank page."""
    monkeypatch.setattr("wasup.http.docs._assets", lambda: None)
    client = Client(world)
    page = await client.get("/docs", key=None)
    assert b"flask-swagger-ui" in page.body
    (await client.get("/docs/swagger-ui.css", key=None)).problem(404)
