"""What a session in a browser makes of a page that is slow, silent or wrong: no browser, and a clock that jumps."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest
import trio
from trio.testing import MockClock

from wasup.bridge import BridgeDied
from wasup.browsers import Budget
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import Image, MediaRef, Message, Text
from wasup.ports.session import Delivery, PairingRefused, QrIssued, Ready, SendFailed, TryLater, Usage
from wasup.providers.webjs import Limits, raw
from wasup.providers.webjs.life import Life, Secret
from wasup.providers.webjs.page import CallRefused, PageCrashed, WhatsAppPage
from wasup.providers.webjs.provider import _measure
from wasup.providers.webjs.session import WebjsSession
from wasup.providers.webjs.uploads import Uploads

R = DisconnectReason
ORIGIN = "https://web.whatsapp.com"
ME = {"id": "5511999998888@c.us"}
ADA = "15550001111@c.us"
Answer: TypeAlias = Callable[[dict[str, Any]], Any]


class FakePage:
    """A page whose driver answers what a test says.

    Attributes:
        answers: by name of the call: what is answered, a function of its arguments, an exception, or `...` for never.
        called: names of the calls so far.
        deadlines: of each of them, in seconds.
        delay: seconds until an answer.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"state": None, "beat": None, "probe": 1, "drop": None}
        self.called: list[str] = []
        self.deadlines: list[tuple[str, float]] = []
        self.delay = 0.0
        self._tell, self._told = trio.open_memory_channel[str](100)

    def tell(self, *events: dict[str, Any]) -> None:
        """What the driver tells in one go."""
        self._tell.send_nowait(msgspec.json.encode(events).decode())

    async def next_batch(self) -> str:
        """See `WhatsAppPage`."""
        return await self._told.receive()

    async def call(self, name: str, args: dict[str, Any], within: float, kind: type[Any]) -> Any:
        """See `WhatsAppPage`; a deadline of its own, too."""
        self.called.append(name)
        self.deadlines.append((name, within))
        await trio.sleep(self.delay)
        answer = self.answers.get(name)
        if answer is ...:
            await trio.sleep(within)
            raise PageCrashed(f"no answer to {name!r}", hung=True)
        if callable(answer) and not isinstance(answer, type):
            answer = answer(args)
        if isinstance(answer, Exception):
            raise answer
        return msgspec.json.decode(msgspec.json.encode(answer), type=kind)

    async def fetch(self, _key: str, *, within: float, answer_within: float) -> bytes:
        """See `WhatsAppPage`."""
        del answer_within
        data: bytes = await self.call("fetch", {}, within, bytes)
        return data

    async def put(self, data: bytes, *, mime: str, filename: str, within: float) -> str:
        """See `WhatsAppPage`."""
        del data, mime, filename
        handle: str = await self.call("put", {}, within, str)
        return handle


class FakeBridge:
    """Runs everything where it is asked for, unless it is dead."""

    died = False

    async def run(self, fn: Callable[..., Any], *args: Any) -> Any:
        """See `Bridge`."""
        if self.died:
            raise BridgeDied("the thread has ended")
        return await fn(*args)


class Rig:
    """A session on a page that is played."""

    def __init__(self, folder: Path, *, paired: bool = True) -> None:
        self.page = FakePage()
        self.bridge = FakeBridge()
        secret = Secret(profile="account-1", wid=ME["id"]) if paired else None
        self.life = Life(origin=ORIGIN, profile="account-1", secret=secret)
        page: Any = self.page
        bridge: Any = self.bridge
        self.may_hang = False
        self.session = WebjsSession(bridge, page, self.life, Uploads(folder), Limits(), may_hang=lambda: self.may_hang)

    @asynccontextmanager
    async def running(self, *, ready: bool = True) -> AsyncIterator["Rig"]:
        """With the tasks that the provider runs beside it."""
        async with trio.open_nursery() as nursery:
            for task in (self.session.read, self.session.watch_start, self.session.watch_line):
                nursery.start_soon(task)
            self.page.tell({"kind": "boot", "url": f"{ORIGIN}/"})
            if ready:
                self.page.tell({"kind": "injected", "missing": []}, self.state())
                assert isinstance(await self.session.receive(), Ready)
            yield self
            nursery.cancel_scope.cancel()

    @staticmethod
    def state(socket: str = "CONNECTED", **more: Any) -> dict[str, Any]:
        """A state of the page, logged in and connected if nothing else is said."""
        mode = "MAIN" if socket == "CONNECTED" else "OFFLINE"
        return {"kind": "state", "authenticated": True, "synced": True, "socket": socket, "mode": mode, "me": ME} | more

    async def end(self) -> Disconnected:
        """How the session ends."""
        try:
            while True:
                await self.session.receive()
        except Disconnected as end:
            return end


@pytest.fixture
async def rig(tmp_path: Path) -> Rig:
    """A session with a login."""
    return Rig(tmp_path)


def refused(code: str = "failed", detail: str = "no", *, transient: bool = False) -> CallRefused:
    """The driver does not do it."""
    return CallRefused(raw.Error(code=code, detail=detail, transient=transient))


# ---- what ends a session, and how it is called ---------------------------------------------------


async def test_a_page_that_hangs_is_noticed_within_fifteen_seconds(rig: Rig, autojump_clock: MockClock) -> None:
    """Although nobody asks it for anything."""
    async with rig.running():
        await trio.sleep(120)
        assert "beat" not in rig.page.called, "a page at rest is not disturbed"
        rig.may_hang = True
        rig.page.answers |= {"beat": ..., "state": ...}
        begun = trio.current_time()
        assert (await rig.end()).reason is R.HOST_CRASHED
        assert trio.current_time() - begun <= 15


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ({"loaded": False, "missing": ["require"]}, R.TIMED_OUT),
        ({"loaded": True, "missing": []}, R.TIMED_OUT),
        ({"loaded": True, "missing": ["require"]}, R.CLIENT_OUTDATED),
        (..., R.TIMED_OUT),
        ({"unexpected": 1}, R.TIMED_OUT),
    ],
)
async def test_a_slow_start_is_no_change_of_whatsapps(
    rig: Rig, start: Any, reason: DisconnectReason, autojump_clock: MockClock
) -> None:
    """Only a page that has loaded and lacks something says that WhatsApp has changed."""
    rig.page.answers["start"] = start
    async with rig.running(ready=False):
        assert (await rig.end()).reason is reason


async def test_a_bridge_that_dies_ends_the_session_by_its_name(rig: Rig, autojump_clock: MockClock) -> None:
    """For whoever calls, and for whoever reads."""
    async with rig.running():
        rig.bridge.died = True
        with pytest.raises(Disconnected) as end:
            await rig.session.probe()
        assert end.value.reason is R.HOST_CRASHED
        assert (await rig.end()).reason is R.HOST_CRASHED


async def test_a_bridge_that_dies_under_the_reader_ends_the_session(rig: Rig, autojump_clock: MockClock) -> None:
    """Nothing escapes into the tasks around it."""
    rig.bridge.died = True
    async with rig.running(ready=False):
        assert (await rig.end()).reason is R.HOST_CRASHED


@pytest.mark.parametrize("name", ["chats", "contacts", "groups"])
async def test_lists_that_are_refused_or_unreadable_end_the_session(
    rig: Rig, name: str, autojump_clock: MockClock
) -> None:
    """They are never refused as long as WhatsApp is as we know it."""
    async with rig.running():
        for answer in ({"not": "a list"}, refused()):
            rig.page.answers[name] = answer
            with pytest.raises(Disconnected) as end:
                await getattr(rig.session, name)()
            assert end.value.reason is R.PROTOCOL_ERROR


async def test_a_new_code_that_is_refused_ends_the_session(tmp_path: Path, autojump_clock: MockClock) -> None:
    """The page begins without codes, and gives none."""
    rig = Rig(tmp_path, paired=False)
    rig.page.answers["refresh_qr"] = refused()
    async with rig.running(ready=False):
        rig.page.tell({"kind": "injected", "missing": []}, {"kind": "qr_exhausted"})
        assert (await rig.end()).reason is R.PROTOCOL_ERROR


async def test_a_session_that_cannot_see_typing_goes_on(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Right after a pairing that is asked for."""
    rig = Rig(tmp_path, paired=False)
    rig.page.answers["watch_typing"] = refused()
    async with rig.running(ready=False):
        rig.page.tell({"kind": "injected", "missing": []}, {"kind": "qr", "code": "a"}, rig.state())
        assert isinstance(await rig.session.receive(), QrIssued)
        while not isinstance(await rig.session.receive(), Ready):
            pass
        rig.page.tell({"kind": "receipt", "ack": 3, "chat": ADA, "ids": ["3A"], "t": 1})
        assert isinstance(await rig.session.receive(), Delivery)
        assert "watch_typing" in rig.page.called


async def test_many_groups_have_more_time_to_be_listed(rig: Rig, autojump_clock: MockClock) -> None:
    """The page asks WhatsApp for each that it does not know well, and is not deaf for that."""
    async with rig.running():
        rig.page.answers["groups"] = []
        rig.page.delay = 60
        assert await rig.session.groups() == []
        [within] = [within for name, within in rig.page.deadlines if name == "groups"]
        assert within > rig.page.delay


# ---- probes and cuts -----------------------------------------------------------------------------


async def test_a_probe_needs_the_way_back(rig: Rig, autojump_clock: MockClock) -> None:
    """An answer alone does not prove that what the page tells arrives."""
    async with rig.running():
        rig.page.answers["probe"] = 1
        rig.page.tell({"kind": "echo", "number": 1})
        await rig.session.probe()
        rig.page.answers["probe"] = 2
        with pytest.raises(Disconnected) as end:
            await rig.session.probe()
        assert end.value.reason is R.DEAF


async def test_a_probe_during_a_cut_ends_nothing(rig: Rig, autojump_clock: MockClock) -> None:
    """The page mends its line by itself; a probe that was under way is given up, and a new one does not begin."""
    async with rig.running():
        rig.page.answers["probe"] = ...
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.session.probe)
            await trio.sleep(1)
            begun = trio.current_time()
            rig.page.tell(rig.state("TIMEOUT"))
        await rig.session.probe()
        assert trio.current_time() == begun
        assert rig.page.called.count("probe") == 1
        await trio.sleep(30)
        rig.page.tell(rig.state())
        rig.page.answers["probe"] = 1
        rig.page.tell({"kind": "echo", "number": 1})
        await rig.session.probe()
        assert not rig.session.has_ended


async def test_what_is_asked_during_a_cut_is_refused_for_now(rig: Rig, autojump_clock: MockClock) -> None:
    """The page answers, WhatsApp cannot: that is known, and no reason to begin anew."""
    async with rig.running():
        rig.page.answers["read"] = ...
        rig.page.tell(rig.state("TIMEOUT"))
        with pytest.raises(SendFailed, match="network") as failure:
            await rig.session.mark_read(ADA, ["3A"])
        assert failure.value.transient
        rig.page.tell(rig.state())
        await trio.sleep(1)
        with pytest.raises(Disconnected) as end:
            await rig.session.mark_read(ADA, ["3A"])
        assert end.value.reason is R.DEAF


async def test_a_log_out_waits_for_whatsapp_and_not_for_ever(rig: Rig, autojump_clock: MockClock) -> None:
    """The browser is closed when it returns: WhatsApp would not have heard of it."""
    async with rig.running():
        begun = trio.current_time()
        await rig.session.logout()
        assert 3 < trio.current_time() - begun < 10
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.session.logout)
            await trio.sleep(1)
            begun = trio.current_time()
            rig.page.tell({"kind": "logout", "reason": "user_initiated"}, {"kind": "logout"})
        assert trio.current_time() == begun
        assert (await rig.end()).reason is R.LOGGED_OUT


# ---- answers -------------------------------------------------------------------------------------


async def test_only_what_is_not_there_is_a_lookup_error(rig: Rig, autojump_clock: MockClock) -> None:
    """Whatever else went wrong, history and media may be there the next time."""
    async with rig.running():
        for code in ("unknown_chat", "unknown_message"):
            rig.page.answers["history"] = refused(code)
            with pytest.raises(LookupError):
                await rig.session.history(ADA, after_id="3A", limit=10)
        rig.page.answers["fetch"] = refused("no_media")
        with pytest.raises(LookupError):
            await rig.session.download("a key")
        for code in ("failed", "too_far_back", "media_unavailable"):
            rig.page.answers |= {"history": refused(code), "fetch": refused(code)}
            with pytest.raises(TryLater):
                await rig.session.history(ADA, after_id="3A", limit=10)
            with pytest.raises(TryLater):
                await rig.session.download("a key")
        rig.page.answers["send"] = {"t": 1}
        picture = Image(media=MediaRef(ref="false_1@c.us_3A", mime="image/png"))
        with pytest.raises(SendFailed, match="media_unavailable") as failure:
            await rig.session.send(ADA, picture, message_id="3B")
        assert failure.value.transient


async def test_one_message_that_cannot_be_read_does_not_hide_the_others(rig: Rig, autojump_clock: MockClock) -> None:
    """It is passed on raw, at its place."""
    good = {"id": "3A01", "key": "k", "from_me": False, "chat": ADA, "t": 7, "type": "chat", "body": "hi"}
    page = {"messages": [good, good | {"id": "3A02", "body": []}], "changes": [], "more": False, "readable": True}
    async with rig.running():
        rig.page.answers["history"] = page
        found = await rig.session.history(ADA, after_id=None, limit=10)
        assert [message.content.__class__.__name__ for message in found.messages] == ["Text", "Unsupported"]
        rig.page.tell(*({"kind": "message", "message": message} for message in page["messages"]))  # type: ignore[attr-defined]
        delivery = await rig.session.receive()
        assert isinstance(delivery, Delivery)
        assert [item.id for item in delivery.items if isinstance(item, Message)] == ["3A01", "3A02"]


@pytest.mark.parametrize(
    ("detail", "limited"),
    [("cannot generate a code", False), ("rate-overlimit", True), ("HTTP 429", True), ("Rate limit reached", True)],
)
async def test_only_a_rate_limit_is_one(rig: Rig, detail: str, limited: bool, autojump_clock: MockClock) -> None:
    """It means hours."""
    async with rig.running():
        rig.page.answers["pairing_code"] = refused(detail=detail)
        with pytest.raises(PairingRefused) as refusal:
            await rig.session.request_pairing_code("5511999998888")
        assert (refusal.value.retry_after is not None) is limited


async def test_a_download_is_no_quiet_moment(rig: Rig, autojump_clock: MockClock) -> None:
    """Its browser is not recycled under it."""
    async with rig.running():
        await trio.sleep(60)
        assert rig.session.is_quiet(5)
        rig.page.answers["fetch"] = ...
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.session.download, "a key")
            await trio.sleep(60)
            assert not rig.session.is_quiet(5)
            nursery.cancel_scope.cancel()
        assert not rig.session.is_quiet(5)
        await trio.sleep(6)
        assert rig.session.is_quiet(5)


async def test_a_large_file_has_more_time_to_be_sent(rig: Rig, autojump_clock: MockClock) -> None:
    """2 MB by a slow line take longer than any text."""
    async with rig.running():
        ref = await rig.session.upload(bytes(2_000_000), mime="video/mp4")
        rig.page.answers |= {"put": "media-1", "send": {"t": 1}}
        for content in (Text(body="hi"), Image(media=MediaRef(ref=ref, mime="video/mp4"))):
            await rig.session.send(ADA, content, message_id="3B")
        text, picture = (within for name, within in rig.page.deadlines if name == "send")
        assert picture - text == pytest.approx(40)


# ---- memory --------------------------------------------------------------------------------------


class _Large:
    """A browser over its budget."""

    def __init__(self, over: Budget) -> None:
        self.over_budget = over

    async def usage(self) -> Usage:
        """See `Browser`."""
        return Usage(memory=700 << 20, cpu_seconds=1.0, processes=7)


@pytest.mark.parametrize(("over", "seconds"), [(Budget.SOFT, 1800), (Budget.HARD, 30)])
async def test_a_browser_that_needs_much_from_the_start_is_not_recycled_again_and_again(
    rig: Rig, over: Budget, seconds: float, autojump_clock: MockClock
) -> None:
    """The next one would need as much: only one that has run for long is, unless there is no time to lose."""
    browser: Any = _Large(over)
    async with rig.running(), trio.open_nursery() as nursery:
        begun = trio.current_time()
        nursery.start_soon(_measure, browser, rig.session, Limits())
        assert (await rig.end()).reason is R.RECYCLED
        assert trio.current_time() - begun == seconds


# ---- bytes in the page ---------------------------------------------------------------------------


class _Evaluations:
    """A page of Playwright's in which pieces take their time."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.second = asyncio.Event()

    async def evaluate(self, _script: str, call: tuple[str, dict[str, Any]]) -> str:
        """Take note; the second piece never arrives."""
        self.calls.append((call[0], call[1]))
        if len(self.calls) == 2:
            self.second.set()
            await asyncio.sleep(3600)
        return '{"ok":null}'


def test_bytes_that_nobody_waits_for_are_dropped() -> None:
    """A put that is cancelled in the middle leaves nothing in the page."""

    async def cancelled() -> list[tuple[str, dict[str, Any]]]:
        page: Any = _Evaluations()
        outward: Any = None
        put = WhatsAppPage(page, outward).put(bytes(3 << 20), mime="a/b", filename="x", within=60)
        task = asyncio.create_task(put)
        await page.second.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        calls: list[tuple[str, dict[str, Any]]] = page.calls
        return calls

    calls = asyncio.run(cancelled())
    assert [name for name, _ in calls] == ["put", "put", "drop"]
    assert len({args["handle"] for _, args in calls}) == 1
