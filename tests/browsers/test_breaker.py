"""Accounts are held back while WhatsApp refuses all of them."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from wasup.browsers import Browser
from wasup.ports.disconnects import Disconnected, DisconnectReason as R
from wasup.ports.session import Login
from wasup.providers.breaker import Breaker
from wasup.providers.webjs import WebjsProvider


def _is_held_back(breaker: Breaker, account_id: int) -> bool:
    try:
        breaker.enter(account_id)
    except Disconnected as end:
        return end.reason is R.UNAVAILABLE
    return False


@pytest.mark.parametrize(
    ("ends", "opens"),
    [
        ([(1, R.UNAVAILABLE), (2, R.UNAVAILABLE), (3, R.UNAVAILABLE)], True),
        ([(1, R.CLIENT_OUTDATED), (2, R.CLIENT_OUTDATED), (3, R.CLIENT_OUTDATED)], True),
        ([(1, R.UNAVAILABLE), (1, R.UNAVAILABLE), (1, R.UNAVAILABLE)], False),
        ([(1, R.UNAVAILABLE), (2, R.CLIENT_OUTDATED), (3, R.UNAVAILABLE)], False),
        ([(1, R.LOGGED_OUT), (2, R.LOGGED_OUT), (3, R.LOGGED_OUT)], False),
        ([(1, R.CONNECTION_LOST), (2, R.HOST_CRASHED), (3, R.BANNED)], False),
    ],
)
async def test_it_opens_when_several_accounts_end_for_one_reason_that_concerns_all(
    ends: list[tuple[int, R]], opens: bool
) -> None:
    """Not for one account alone, nor for what is an account's own."""
    breaker = Breaker()
    for account_id, reason in ends:
        assert not _is_held_back(breaker, account_id)
        breaker.ended(account_id, reason)
    assert _is_held_back(breaker, 9) is opens


async def test_refusals_that_lie_far_apart_do_not_open_it(autojump_clock: MockClock) -> None:
    """Only what comes within half a minute counts, and what has been let in since ends the count."""
    breaker = Breaker()
    for account_id in range(1, 9):
        breaker.ended(account_id, R.UNAVAILABLE)
        assert not _is_held_back(breaker, 9)
        await trio.sleep(16)
    for account_id in range(1, 9):
        breaker.ended(account_id, R.UNAVAILABLE)
        breaker.reached()
    assert not _is_held_back(breaker, 9)


async def test_after_a_pause_one_account_tries_and_decides_for_all(autojump_clock: MockClock) -> None:
    """Refused, the pause is twice as long; ready, or simply not refused for a minute, everybody may connect."""
    breaker = Breaker()
    for account_id in (1, 2, 3):
        breaker.ended(account_id, R.UNAVAILABLE)
    for pause in (10, 20, 40, 80, 160, 300, 300):
        await trio.sleep(pause - 0.1)
        assert _is_held_back(breaker, 4)
        await trio.sleep(0.2)
        assert not _is_held_back(breaker, 4)
        assert _is_held_back(breaker, 5)
        breaker.ended(1, R.UNAVAILABLE)  # it had been let in before
        assert _is_held_back(breaker, 5)
        breaker.ended(4, R.UNAVAILABLE)
    await trio.sleep(300)
    assert not _is_held_back(breaker, 4)
    breaker.reached()
    assert not _is_held_back(breaker, 5)
    for account_id in (1, 2, 3):
        breaker.ended(account_id, R.UNAVAILABLE)
    await trio.sleep(10)  # not 600
    assert not _is_held_back(breaker, 4)
    breaker.ended(1, R.UNAVAILABLE)  # not the one that tries
    await trio.sleep(60)
    assert [_is_held_back(breaker, account_id) for account_id in (5, 6)] == [False, False]


@dataclass
class _Refusing:
    """A host whose browsers all come back with the same answer of WhatsApp's."""

    asked: list[str] = field(default_factory=list)

    def browser(self, name: str, **_: Any) -> AbstractAsyncContextManager[Browser]:
        self.asked.append(name)
        raise ExceptionGroup("as out of a nursery", [Disconnected(R.UNAVAILABLE, "503")])

    async def forget(self, name: str) -> None:
        raise NotImplementedError(name)


async def test_the_provider_starts_no_browser_for_an_account_that_is_held_back(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Three are refused; the others are told at once, until the pause is over."""
    host = _Refusing()
    provider = WebjsProvider(lambda: host, uploads=tmp_path)

    async def connect(account_id: int) -> None:
        async with provider.open(Login(account_id=account_id, session_id="any")):
            pass

    for account_id in (1, 2, 3):
        with pytest.raises(ExceptionGroup):
            await connect(account_id)
    with pytest.raises(Disconnected, match=r"unavailable: held back, .* the next try is in 10 s"):
        await connect(4)
    autojump_clock.jump(10)
    with pytest.raises(ExceptionGroup):
        await connect(5)
    assert host.asked == [f"account-{account_id}" for account_id in (1, 2, 3, 5)]
