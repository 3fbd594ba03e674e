"""Schemathesis over the whole document and a real database: bounded here, at length with `make fuzz`."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import requests
import schemathesis
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.http.conftest import Answer, Client
from tests.http.fakes import NOW, stored_message
from tests.http.test_database import stored
from wasup.actors.messages import (
    DownloadMedia,
    ErrandDone,
    GetQr,
    MarkRead,
    MediaBytes,
    PairingCode,
    Qr,
    Queued,
    RequestPairingCode,
    SendMessage,
    SetTyping,
)

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
LASTING = "DELETE /api/keys/{key_id}"  # it would lock us out: the key of these requests is among them


async def test_nothing_in_the_document_can_be_asked_so_that_the_answer_is_not_in_it(tmp_path: Path) -> None:
    """Valid and senseless requests to every operation: no 5xx, and every answer is one that is documented."""
    async with stored(tmp_path) as (client, database), trio.open_nursery() as nursery:
        plan(client)
        hub = client.world.hub
        nursery.start_soon(hub.run, database.event_log, client.world.history)
        await trio.testing.wait_all_tasks_blocked()
        hub.close("shutting_down")  # a stream that is opened says goodbye at once, and so its answer has an end
        account_id = await client.account()
        assert account_id == 1
        document = (await client.get("/openapi.json", key=None)).json()
        failures = await trio.to_thread.run_sync(fuzz_all, client, document)
        nursery.cancel_scope.cancel()
        assert not failures, "\n\n".join(failures)


def plan(client: Client) -> None:
    """What the accounts' actors answer."""
    client.world.directory.planned = {
        SendMessage: Queued(message=stored_message(7), new=True),
        GetQr: Qr(code="2@abc", attempt=1, expires_at=NOW),
        RequestPairingCode: PairingCode(code="ABCD1234", phone="5511999998888"),
        SetTyping: ErrandDone(),
        MarkRead: ErrandDone(),
        DownloadMedia: MediaBytes(data=b"\x89PNG\r\n\x1a\n"),
    }


def fuzz_all(client: Client, document: dict[str, Any]) -> list[str]:
    """Send requests to every operation; what went wrong."""
    failures: list[str] = []
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                fuzz(client, operation, mode)
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE  # nothing can be wrong with a request that takes nothing
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - all are told at the end
                failures.append(f"{operation.label} ({mode.name}): {error}"[:1500])
    return failures


def fuzz(client: Client, operation: Any, mode: GenerationMode) -> None:
    """Send requests to one operation, valid or senseless ones."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=EXAMPLES < 50,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Case[Any]) -> None:
        kwargs = case.as_transport_kwargs(base_url="http://localhost")
        wanted = ("method", "url", "headers", "params", "data", "json", "cookies", "files")
        request = requests.Request(**{name: kwargs[name] for name in wanted if kwargs.get(name) is not None}).prepare()
        key = client.world.key if operation.label == LASTING else client.world.admin
        request.headers["Authorization"] = f"Bearer {key}"
        answer = trio.from_thread.run(partial(send, client, request))
        headers: dict[str, list[str]] = {name: answer.headers.getlist(name) for name in dict(answer.headers)}
        response = Response(answer.status, headers, answer.body, request, 0.01, False)
        case.validate_response(response, checks=CHECKS)

    check()


async def send(client: Client, request: requests.PreparedRequest) -> Answer:
    """Carry a request over."""
    body = request.body.encode() if isinstance(request.body, str) else request.body
    assert body is None or isinstance(body, bytes)
    headers = {str(name): str(value) for name, value in request.headers.items()}
    headers.pop("Content-Length", None)
    headers["Accept-Encoding"] = "identity"
    return await client.send(str(request.method), request.path_url, data=body or None, headers=headers)
