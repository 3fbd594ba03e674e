"""Commits whose answer is lost: what is repeated is stored and told once."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from sqlalchemy import Connection

from wasup.ports.accounts import AccountStatus, Fence, StatusReason, Transition
from wasup.ports.store import DatabaseUnavailable, QrOffer, StatusChange, SyncPhase, SyncStep

S = AccountStatus


def step(fence: Fence, old: AccountStatus, new: AccountStatus, at: int) -> StatusChange:
    """A transition of an account."""
    return StatusChange(
        transition=Transition(
            account_id=fence.account_id, old=old, new=new, reason=StatusReason.PROGRESS, detail="", at=at
        )
    )


def lose_answers(world: Any, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The next transactions are carried out, and then fail all the same."""
    real, left = world.db.engine.run, count

    async def run(work: Callable[[Connection], Any], **mode: Any) -> Any:
        nonlocal left
        result = await real(work, **mode)
        if left:
            left -= 1
            raise DatabaseUnavailable("the connection broke before the answer came")
        return result

    monkeypatch.setattr(world.db.engine, "run", run)


async def told(world: Any, fence: Fence) -> list[str]:
    """Types of an account's events."""
    return [event.type for event in await world.db.stats.events(None, fence.account_id)]


async def test_what_may_happen_twice_is_stored_once_when_an_answer_is_lost(
    world: Any, message: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transitions of one millisecond, QR codes and steps; more than the repeat may come with it, and be lost too."""
    fence, other = await world.accounts(2)
    at = world.clock.now
    flip = (step(fence, S.DISCONNECTED, S.STARTING, at), step(fence, S.STARTING, S.DISCONNECTED, at))
    first = (
        *flip,
        *flip,
        QrOffer(code="2@a", attempt=1, expires_at=at + 1),
        message(1),
        SyncStep(phase=SyncPhase.CHATS, done=1, total=2),
    )
    second = (*first, step(fence, S.DISCONNECTED, S.STARTING, at), QrOffer(code="2@b", attempt=2, expires_at=at + 1))
    lose_answers(world, monkeypatch, 3)
    for items in (first, first, second):
        with pytest.raises(DatabaseUnavailable):
            await world.db.sync.commit([world.batch(fence, *items), world.batch(other, message(1))])
    await world.db.sync.commit([world.batch(fence, *second), world.batch(other, message(1), message(2))])
    status = "account.status"
    whole = [*[status] * 4, "account.qr", "message.received", "sync.progress", status, "account.qr"]
    assert await told(world, fence) == whole
    assert await told(world, other) == ["message.received"] * 2
    history = "SELECT COUNT(*) FROM account_transitions WHERE whatsapp_account_id=?"
    assert await world.value(history, fence.account_id) == 5
    # The very same once more is news: only a repeat is left out.
    await world.commit(fence, *flip)
    assert await told(world, fence) == [*whole, status, status]


async def test_a_commit_that_failed_is_written_by_its_repeat(
    world: Any, message: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every error is a lost answer; what others write about the account meanwhile changes nothing."""
    (fence,) = await world.accounts(1)
    items = (step(fence, S.DISCONNECTED, S.STARTING, world.clock.now), message(1))
    real = world.db.engine.run

    async def away(*_: Any, **__: Any) -> Any:
        raise DatabaseUnavailable("nobody there")

    monkeypatch.setattr(world.db.engine, "run", away)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            await world.commit(fence, *items)
    monkeypatch.setattr(world.db.engine, "run", real)
    endpoint = await world.db.outbox.save_endpoint(world.workspace_id, url="https://x", secret="whsec_a")
    await world.db.outbox.disable_endpoint(endpoint.id, "it answered 410")
    await world.commit(fence, *items)
    assert await told(world, fence) == ["webhook.disabled", "account.status", "message.received"]


async def test_a_commit_whose_caller_was_cancelled_right_after_it_is_told_once(
    world: Any, message: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that is stopped while the cache is told of what was committed writes the same again."""
    (fence,) = await world.accounts(1)
    items = (step(fence, S.DISCONNECTED, S.STARTING, world.clock.now), message(1))
    asked = trio.Event()

    async def dawdle(_: object) -> None:
        asked.set()
        await trio.sleep_forever()

    with monkeypatch.context() as slow:
        slow.setattr(world.db.recent_chats, "changed", dawdle)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.commit, fence, *items)
            await asked.wait()
            nursery.cancel_scope.cancel()
    await world.commit(fence, *items)
    assert await told(world, fence) == ["account.status", "message.received"]
