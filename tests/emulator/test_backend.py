"""The played back end: signatures, counting, and its ways of failing."""

import base64
import datetime as dt
import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from tests.emulator.process import emulator_at
from wasup.emulator.client import EmulatorClient

_SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
_OTHER = "whsec_" + base64.b64encode(b"fedcba98765432100123456789").decode()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of an emulator for this module."""
    with emulator_at() as url:
        yield url


@pytest.fixture
async def emulator(address: str) -> AsyncIterator[EmulatorClient]:
    """Its controls, with an empty back end that checks signatures."""
    async with EmulatorClient(address) as client:
        await client.ctl("backend/clear")
        await client.backend(secret=_SECRET, fail=None)
        yield client


def _event(number: int, *, account: int = 7) -> str:
    data = {"whatsapp_account_id": account, "account_seq": number, "message_id": f"3A{number}", "body": "hi"}
    return json.dumps({"type": "message.received", "timestamp": "2026-11-22T00:00:00Z", "data": data})


async def _post(
    url: str, body: str, *, webhook_id: str = "evt_1", secret: str = _SECRET, age: int = 0
) -> httpx.Response:
    moment = dt.datetime.now(tz=dt.UTC) - dt.timedelta(seconds=age)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, moment.replace(tzinfo=None), body),
    }
    async with httpx.AsyncClient(timeout=0.5) as client:
        return await client.post(f"{url}/backend/webhooks", content=body, headers=headers)


async def test_a_signed_event_is_taken_and_remembered(emulator: EmulatorClient) -> None:
    """Id, type, account, sequence, message and time of arrival."""
    assert (await _post(emulator.url, _event(1))).status_code == 204
    [row] = await emulator.backend_log()
    assert (row["id"], row["type"]) == ("evt_1", "message.received")
    assert (row["account_id"], row["account_seq"], row["message_id"]) == (7, 1, "3A1")
    assert row["at"] > 0
    assert not row["again"]


@pytest.mark.parametrize(
    ("change", "detail"),
    [({"secret": _OTHER}, "another secret"), ({"age": 600}, "too old"), ({"age": -600}, "from the future")],
    ids=["another secret", "too old", "from the future"],
)
async def test_a_bad_signature_is_refused(emulator: EmulatorClient, change: dict[str, object], detail: str) -> None:
    """401, counted, and nothing remembered."""
    assert (await _post(emulator.url, _event(1), **change)).status_code == 401, detail  # type: ignore[arg-type]
    assert await emulator.backend_log() == []
    assert (await emulator.backend())["bad_signature"] == 1


@pytest.mark.parametrize("signature", ["", "v1", "v1,", "v1,%%%", "v2,aaaa", "rubbish"], ids=repr)
async def test_a_malformed_signature_is_refused(emulator: EmulatorClient, signature: str) -> None:
    """No header makes the receiver stumble."""
    headers = {"webhook-id": "x", "webhook-timestamp": "now", "webhook-signature": signature}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{emulator.url}/backend/webhooks", content=_event(1), headers=headers)
    assert answer.status_code == 401


async def test_a_repeated_event_is_counted_as_such(emulator: EmulatorClient) -> None:
    """At least once: the second arrival is marked, and does not count as out of order."""
    for number in (1, 2, 1):
        await _post(emulator.url, _event(number), webhook_id=f"evt_{number}")
    figures = await emulator.backend()
    assert (figures["accepted"], figures["again"], figures["distinct"]) == (3, 1, 2)
    assert figures["out_of_order"] == 0
    assert [row.get("again", False) for row in await emulator.backend_log()] == [False, False, True]


async def test_first_arrivals_out_of_order_are_counted(emulator: EmulatorClient) -> None:
    """A sequence number below the account's last one; other accounts have their own."""
    for key, number, account in (("a", 2, 7), ("b", 1, 7), ("c", 1, 8)):
        await _post(emulator.url, _event(number, account=account), webhook_id=key)
    assert (await emulator.backend())["out_of_order"] == 1


async def test_both_secrets_are_good_during_a_rotation(emulator: EmulatorClient) -> None:
    """Several secrets may be set."""
    await emulator.backend(secrets=[_OTHER, _SECRET])
    assert (await _post(emulator.url, _event(1))).status_code == 204
    assert (await _post(emulator.url, _event(2), secret=_OTHER, webhook_id="evt_2")).status_code == 204


async def test_a_batch_is_taken_event_by_event(emulator: EmulatorClient) -> None:
    """`{"events": […]}` whose events carry their ids."""
    events = [{**json.loads(_event(number)), "id": f"evt_{number}"} for number in range(1, 6)]
    body = json.dumps({"events": events}, separators=(",", ":"))
    assert (await _post(emulator.url, body, webhook_id="batch_1")).status_code == 204
    assert [row["id"] for row in await emulator.backend_log()] == [f"evt_{n}" for n in range(1, 6)]


async def test_what_is_no_event_is_400(emulator: EmulatorClient) -> None:
    """Malformed bodies are counted."""
    for body in ("{", "[]", '{"data": {}}'):
        assert (await _post(emulator.url, body)).status_code == 400
    assert (await emulator.backend())["malformed"] == 3


async def test_it_fails_as_often_as_it_was_told(emulator: EmulatorClient) -> None:
    """A status with `Retry-After`, twice; then it works again."""
    await emulator.backend(fail={"mode": "status", "status": 429, "retry_after": "3", "count": 2})
    answers = [await _post(emulator.url, _event(1)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 204]
    assert answers[0].headers["Retry-After"] == "3"
    assert (await emulator.backend())["failed"] == 2


async def test_it_can_hang_and_cut(emulator: EmulatorClient) -> None:
    """No answer at all, or a connection that goes away."""
    await emulator.backend(fail={"mode": "hang", "count": 1})
    with pytest.raises(httpx.ReadTimeout):
        await _post(emulator.url, _event(1))
    await emulator.backend(fail={"mode": "reset", "count": 1})
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await _post(emulator.url, _event(1))


async def test_it_can_be_slow(emulator: EmulatorClient) -> None:
    """The answer is good, and late."""
    await emulator.backend(fail={"mode": "slow", "seconds": 0.1, "count": 1})
    answer = await _post(emulator.url, _event(1))
    assert answer.status_code == 204
    assert answer.elapsed.total_seconds() >= 0.1
