"""Files have the time that their size takes, and no more: sends, and downloads on demand."""

import pytest
import trio
from trio.testing import MockClock

from tests.actors.fakes import FakeProvider, FakeSession
from tests.actors.world import World, until
from wasup.actors.errands import run_errand
from wasup.actors.messages import DownloadMedia, MediaBytes, Queued, Refusal, Refused, SendMessage
from wasup.ports.messages import Document, Item, MediaRef
from wasup.ports.session import Login, TryLater

_MB = 1_000_000
_TIMEOUT = 30.0
_CHAT = "5511777776666@c.us"


class SlowSession(FakeSession):
    """Downloads take their time; a negative one fails."""

    seconds = 0.0

    async def download(self, ref: str) -> bytes:
        """The bytes, later."""
        if self.seconds < 0:
            raise TryLater("not now")
        await trio.sleep(self.seconds)
        return ref.encode()


async def _nothing(_items: tuple[Item, ...]) -> None:
    await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("size", "seconds", "comes"),
    [(10 * _MB, 200, True), (10 * _MB, 240, False), (1000, 29, True), (1000, 31, False), (None, 300, True)],
)
async def test_a_download_has_the_time_that_its_size_takes(
    size: int | None, seconds: float, comes: bool, autojump_clock: MockClock
) -> None:
    """At 50 kB a second; a file of unknown size may be one of 16 MiB."""
    session = SlowSession(FakeProvider(), Login(account_id=1, session_id="fake_1_1_abcdefgh"))
    session.seconds = seconds
    answer = await run_errand(session, DownloadMedia(ref="r", size=size), timeout=_TIMEOUT, store=_nothing)
    if comes:
        assert answer == MediaBytes(data=b"r")
    else:
        assert isinstance(answer, Refused)
        assert answer.refusal is Refusal.UNAVAILABLE


async def test_a_download_that_fails_is_not_gone(autojump_clock: MockClock) -> None:
    """Whoever asks is told to ask again."""
    session = SlowSession(FakeProvider(), Login(account_id=1, session_id="fake_1_1_abcdefgh"))
    session.seconds = -1
    answer = await run_errand(session, DownloadMedia(ref="r"), timeout=_TIMEOUT, store=_nothing)
    assert isinstance(answer, Refused)
    assert (answer.refusal, answer.retry_after) == (Refusal.UNAVAILABLE, 10.0)


@pytest.mark.parametrize(("seconds", "connections"), [(200.0, 1), (240.0, 2)])
async def test_a_send_has_the_time_that_its_file_takes(
    seconds: float, connections: int, autojump_clock: MockClock
) -> None:
    """A provider may upload a file only together with its message; beyond its time the session is deaf."""
    world = World()
    account = world.add()
    file = Document(media=MediaRef(ref="provider's own", mime="application/pdf", size=10 * _MB))

    async def slow(_id: str) -> None:
        await trio.sleep(seconds)

    async with world.running():
        await world.connected(account)
        world.session(account).on_send = slow
        assert isinstance(await world.ask(account, SendMessage(chat=_CHAT, content=file)), Queued)
        await until(lambda: world.memory.outgoing_statuses() == ["sent"], within=600)
        assert len(world.provider.opened(account)) == connections
