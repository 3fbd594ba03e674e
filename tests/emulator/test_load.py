"""The load generator: its counts, its ids, and what it refuses."""

from collections import defaultdict

import pytest
import trio

from tests.emulator.process import running_emulator
from wasup.emulator.client import ControlError, EmulatorClient
from wasup.ports.messages import Message
from wasup.ports.session import Delivery, Login
from wasup.providers.emulated import EmulatedProvider


async def _ended(emulator: EmulatorClient) -> dict[str, object]:
    with trio.fail_after(15):
        while (progress := await emulator.load())["running"]:
            await trio.sleep(0.02)
    return progress


async def test_every_generated_message_is_counted_on_its_way() -> None:
    """Given, handed over and acknowledged agree with what 20 clients got, in order per chat."""
    async with running_emulator() as emulator:
        accounts = await emulator.make_accounts(20)
        provider = EmulatedProvider(emulator.url)
        got: dict[str, list[str]] = defaultdict(list)
        total = 0

        async def client(phone: str, secret: bytes) -> None:
            nonlocal total
            login = Login(account_id=1, session_id="x", secret=secret)
            async with provider.open(login) as session:
                while True:
                    event = await session.receive()
                    if isinstance(event, Delivery):
                        for item in event.items:
                            assert isinstance(item, Message)
                            got[f"{phone} {item.chat}"].append(item.id)
                            total += 1
                        await session.acknowledge([event.token])

        async with trio.open_nursery() as nursery:
            for phone, secret in accounts:
                nursery.start_soon(client, phone, secret)
            await emulator.start_load(rate=4000, count=2000, chats_per_account=4)
            await _ended(emulator)
            with trio.fail_after(15):
                while (progress := await emulator.load())["acknowledged"] < 2000:
                    await trio.sleep(0.02)
            nursery.cancel_scope.cancel()
    assert progress["given"] == progress["handed_over"] == total == 2000
    assert progress["handed_again"] == 0
    assert progress["given_to_acknowledged_ms"]["p50"] > 0
    assert len(got) == 80
    assert all(ids == sorted(ids) for ids in got.values())
    assert len({key for ids in got.values() for key in ids}) == 2000


async def test_load_goes_to_the_chosen_accounts_at_the_rate_asked_for() -> None:
    """`phones` chooses, `rate` and `seconds` make the count, and it waits for those who are away."""
    async with running_emulator() as emulator:
        await emulator.make_accounts(3, "551170000000")
        await emulator.start_load(rate=1000, seconds=0.3, phones=["551170000001"], body_size=10)
        progress = await _ended(emulator)
        accounts = {account["phone"]: account["waiting"] for account in await emulator.accounts()}
    assert progress["given"] == 300
    assert accounts == {"551170000000": 0, "551170000001": 300, "551170000002": 0}
    assert progress["handed_over"] == progress["acknowledged"] == 0
    assert 200 < progress["given_per_second"] < 1300  # type: ignore[operator]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"rate": 10}, 409),
        ({"rate": 10, "count": 1, "seconds": 1}, 409),
        ({"rate": 10, "count": 1, "phones": ["551"]}, 404),
        ({"rate": -1, "count": 1}, 400),
    ],
    ids=str,
)
async def test_a_load_that_makes_no_sense_is_refused(body: dict[str, object], status: int) -> None:
    """No end, two ends, nobody, or a rate below nothing."""
    async with running_emulator() as emulator:
        await emulator.make_accounts(1)
        with pytest.raises(ControlError) as refusal:
            await emulator.ctl("load", **body)
    assert refusal.value.status == status


async def test_there_is_one_load_at_a_time_and_it_can_be_stopped() -> None:
    """A second one is 409 until the first was stopped."""
    async with running_emulator() as emulator:
        with pytest.raises(ControlError) as refusal:
            await emulator.start_load(rate=10, count=10)
        assert refusal.value.status == 409  # nobody to write to
        await emulator.make_accounts(1)
        await emulator.start_load(rate=10, seconds=100)
        with pytest.raises(ControlError) as refusal:
            await emulator.start_load(rate=10, count=10)
        assert refusal.value.status == 409
        await emulator.ctl("load/stop")
        await _ended(emulator)
        await emulator.start_load(rate=10, count=1)
