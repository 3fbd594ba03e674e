"""The control API: what it refuses, and what it tells."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.emulator.process import emulator_at
from wasup.emulator.client import ControlError, EmulatorClient


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of an emulator for this module."""
    with emulator_at(restart_after_pairing=False) as url:
        yield url


@pytest.fixture
async def emulator(address: str) -> AsyncIterator[EmulatorClient]:
    """Its controls."""
    async with EmulatorClient(address) as client:
        yield client


@pytest.mark.parametrize(
    ("control", "body", "status", "word"),
    [
        ("nothing", {}, 404, "no control"),
        ("scan", {}, 400, "qr"),
        ("scan", {"qr": 1, "phone": "5511999998888"}, 400, "str"),
        ("scan", {"qr": "2@x", "phone": "5511999998888", "colour": "red"}, 400, "colour"),
        ("scan", {"qr": "2@x", "phone": "55 11"}, 400, "international"),
        ("scan", {"qr": "2@x", "phone": "5511999998888"}, 404, "bad ref"),
        ("enter_code", {"code": "ABCD-EFGH"}, 404, "not on offer"),
        ("incoming", {"chat": "15550001111", "body": "x", "phone": "999"}, 404, "no account"),
        ("incoming", {"chat": "15550001111"}, 400, "body"),
        ("incoming", {"chat": "15550001111", "body": "x", "content": {"type": "text"}}, 400, "body"),
        ("incoming", {"chat": "15550001111", "body": "x", "count": 2, "id": "3A"}, 400, "count"),
        ("incoming", {"chat": "15550001111", "body": "x", "count": 0}, 400, "count"),
        ("incoming", {"chat": "15550001111", "body": "x" * 65_537}, 400, "65,536"),
        ("drop", {"phone": "999"}, 404, "no account"),
        ("ban", {"temporary": -1}, 400, "temporary"),
        ("disconnect", {}, 400, "code"),
        ("disconnect", {"code": 9}, 400, "code"),
        ("break", {"what": "everything"}, 400, "everything"),
        ("break", {"what": "module_missing"}, 400, "module"),
        ("break", {"what": "slow_sync", "seconds": -1}, 400, "seconds"),
        ("picture", {"phone": "999", "who": "15550001111"}, 404, "no account"),
        ("accounts", {"count": 0}, 400, "count"),
        ("accounts", {"count": 1, "start_phone": "x"}, 400, "international"),
        ("load", {"rate": 0, "count": 1}, 400, "rate"),
        ("backend", {"secret": "whsec_"}, 400, "empty"),
        ("backend", {"fail": {"mode": "explode"}}, 400, "explode"),
    ],
)
async def test_controls_that_make_no_sense_are_refused(
    emulator: EmulatorClient, control: str, body: dict[str, object], status: int, word: str
) -> None:
    """A clear JSON error and the right status."""
    with pytest.raises(ControlError) as refusal:
        await emulator.ctl(control, **body)
    assert refusal.value.status == status
    assert word in refusal.value.detail


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"chat":'], ids=repr)
async def test_bodies_that_cannot_be_read_are_400(address: str, body: bytes) -> None:
    """Bytes that are no JSON object."""
    async with httpx.AsyncClient(base_url=address) as client:
        answer = await client.post("/ctl/incoming", content=body)
    assert answer.status_code == 400
    assert "error" in answer.json()


async def test_pages_of_other_origins_cannot_use_the_controls(address: str) -> None:
    """A web page elsewhere in the browser gets 403; the emulator's own page does not."""
    async with httpx.AsyncClient(base_url=address) as client:
        foreign = await client.post("/ctl/drop", json={}, headers={"Origin": "https://example.com"})
        own = await client.post("/ctl/drop", json={}, headers={"Origin": address})
    assert (foreign.status_code, own.status_code) == (403, 200)


async def test_unknown_people_and_groups_are_404(emulator: EmulatorClient) -> None:
    """Nobody can write from a number that is not on WhatsApp, a strange LID, or a group one is not in."""
    [(phone, _)] = await emulator.make_accounts(1, "551130000001")
    for chat in ("00012345678@c.us", "77@lid", "120363000@g.us", "me@example.com"):
        with pytest.raises(ControlError) as refusal:
            await emulator.incoming(chat, "x", phone=phone)
        assert refusal.value.status == 404


async def test_without_a_phone_all_accounts_are_meant(emulator: EmulatorClient) -> None:
    """One control reaches every account."""
    made = await emulator.make_accounts(3, "551130000100")
    ids = await emulator.incoming("15550001111", "to all")
    accounts = await emulator.accounts()
    assert len(ids) == len(accounts)
    waiting = {account["phone"]: account["waiting"] for account in accounts}
    assert all(waiting[phone] >= 1 for phone, _ in made)


async def test_the_log_can_be_read_on_from_where_one_was(emulator: EmulatorClient) -> None:
    """Rows are numbered without gaps; `after`, `kind` and `phone` choose among them."""
    [(phone, _)] = await emulator.make_accounts(1, "551130000200")
    before = (await emulator.state())["log_next"]
    ids = await emulator.incoming("15550001111", "x", phone=phone, count=5)
    rows = await emulator.log(after=before - 1)
    assert [row["seq"] for row in rows] == list(range(before, before + 5))
    assert [row["id"] for row in rows if row["kind"] == "given"] == ids
    assert await emulator.log(after=before + 4) == []
    assert [row["id"] for row in await emulator.log(kind="given", phone=phone)] == ids
    assert all(row["utc_ms"] > 1_600_000_000_000 and row["t"] > 0 for row in rows)
    with pytest.raises(ControlError):
        await emulator.log(kind="gossip")


async def test_the_log_is_exported_line_by_line(emulator: EmulatorClient, address: str) -> None:
    """NDJSON has the same rows, however many."""
    [(phone, _)] = await emulator.make_accounts(1, "551130000300")
    await emulator.incoming("15550001111", "x", phone=phone, count=5_000)
    async with httpx.AsyncClient(base_url=address) as client:
        answer = await client.get("/ctl/log.ndjson", params={"phone": phone})
    assert answer.text.splitlines()[-1].startswith('{"seq":')
    assert len(answer.text.splitlines()) == len(await emulator.log(phone=phone)) == 5_001


async def test_clearing_the_log_keeps_its_numbers(emulator: EmulatorClient) -> None:
    """A bench can forget the warm-up; numbers go on."""
    await emulator.make_accounts(1, "551130000400")
    answer = await emulator.ctl("clear_log")
    assert await emulator.log() == []
    await emulator.make_accounts(1, "551130000401")
    [row] = await emulator.log()
    assert row["seq"] == answer["next"]


async def test_accounts_are_made_in_bulk(emulator: EmulatorClient) -> None:
    """A thousand numbers with a secret each, all different."""
    made = await emulator.make_accounts(1000, "551140000000")
    assert len({secret for _, secret in made}) == 1000
    assert made[0][0] == "551140000000"
    assert made[-1][0] == "551140000999"


async def test_a_fifth_device_unlinks_the_first(emulator: EmulatorClient) -> None:
    """A phone has four linked devices at most."""
    for _ in range(5):
        await emulator.make_accounts(1, "551150000000")
    [account] = [account for account in await emulator.accounts() if account["phone"] == "551150000000"]
    assert account["devices"] == 4
    [row] = await emulator.log(kind="unlinked", phone="551150000000")
    assert row["reason"] == "too_many_devices"


async def test_the_page_needs_nothing_from_elsewhere(address: str) -> None:
    """The phones' page and its parts come from the emulator alone."""
    async with httpx.AsyncClient(base_url=address) as client:
        page = await client.get("/")
        parts = [await client.get(f"/static/phones.{kind}") for kind in ("js", "css")]
    assert all(answer.status_code == 200 for answer in (page, *parts))
    for answer in (page, *parts):
        assert "http://" not in answer.text
        assert "https://" not in answer.text
