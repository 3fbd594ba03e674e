"""Streams on real sockets: carried, resumed, refused, cut, and ended with a reason."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import h11
import httpx
import msgspec
import pytest
import trio
import trio.testing
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Ping, RejectConnection, RejectData, Request, TextMessage

from tests.eventlog import MemoryLog
from tests.http.conftest import Client
from tests.http.fakes import World
from tests.http.test_server import Server, running
from wasup.actors.event_hub import EventHub
from wasup.http import create_app
from wasup.ports.store import NewAccount
from wasup.supervisor import ChildStarted, EventStream

STREAM = "/api/events/stream"
SOCKET = "/api/events/ws"


@dataclass(frozen=True, slots=True)
class Told:
    """A frame, as a client reads it."""

    event: str
    cursor: str
    data: Any = None

    @property
    def number(self) -> int:
        """Sequence of an event."""
        return int(self.data["account_seq"])


class SseClient:
    """Reads server-sent events from a socket."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.connection = h11.Connection(h11.CLIENT)
        self.text = ""

    async def ask(self, target: str, headers: dict[str, str]) -> h11.Response:
        """Send a request; its answer's head."""
        given = [("Host", "x"), *headers.items()]
        await self.stream.send_all(self.connection.send(h11.Request(method="GET", target=target, headers=given)) or b"")
        self.connection.send(h11.EndOfMessage())
        answer = await self._event()
        assert isinstance(answer, h11.Response)
        return answer

    async def _event(self) -> Any:
        while (event := self.connection.next_event()) is h11.NEED_DATA:
            self.connection.receive_data(await self.stream.receive_some(65_536))
        return event

    async def next(self) -> Told | None:
        """The next frame; None at the end."""
        while "\n\n" not in self.text:
            event = await self._event()
            if not isinstance(event, h11.Data):
                return None
            self.text += bytes(event.data).decode()
        block, _, self.text = self.text.partition("\n\n")
        lines = dict(line.split(": ", 1) for line in block.split("\n"))
        return Told(lines["event"], lines["id"], msgspec.json.decode(lines["data"]))


class SocketClient:
    """A client of a WebSocket."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.connection = WSConnection(ConnectionType.CLIENT)
        self.events: list[Any] = []

    async def ask(self, target: str, headers: dict[str, str]) -> Any:
        """Shake hands; the answer."""
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.send(Request(host="x", target=target, extra_headers=extra))
        return await self.event()

    async def send(self, event: Any) -> None:
        """Say something."""
        await self.stream.send_all(self.connection.send(event))

    async def event(self) -> Any:
        """What comes next; None at the end."""
        while not self.events:
            data = await self.stream.receive_some(65_536)
            if not data:
                return None
            self.connection.receive_data(data)
            self.events += [event for event in self.connection.events() if not isinstance(event, Ping)]
        return self.events.pop(0)

    async def next(self) -> Told:
        """The next message."""
        with trio.fail_after(10):
            event = await self.event()
        assert isinstance(event, TextMessage), event
        found = msgspec.json.decode(event.data)
        return Told(found["event"], found["id"], found.get("data"))


class Stage:
    """A server, a hub over a log in memory, and clients of both carriers."""

    def __init__(self, world: World, log: MemoryLog, server: Server) -> None:
        self.world = world
        self.log = log
        self.hub = world.services.hub
        self.server = server
        self.url = f"127.0.0.1:{server.port}"
        self.http = httpx.AsyncClient(base_url=f"http://{self.url}", timeout=10)

    def commit(self, account_id: int, count: int = 1, **more: Any) -> None:
        """Commit events and tell the hub."""
        self.hub.publish(self.log.commit(account_id, count, **more))

    async def log_in(self) -> dict[str, str]:
        """The header with the dashboard's cookie."""
        login = await self.http.post("/api/dashboard/session", json={"key": self.world.key})
        return {"Cookie": login.headers["Set-Cookie"].partition(";")[0]}

    @asynccontextmanager
    async def sse(self, query: str = "", *, headers: dict[str, str] | None = None) -> AsyncIterator[SseClient]:
        """A stream that is open already."""
        async with await self.server.connect() as stream:
            client = SseClient(stream)
            answer = await client.ask(f"{STREAM}?{query}", {"X-Api-Key": self.world.key} | (headers or {}))
            assert answer.status_code == 200
            told = dict(answer.headers)
            assert told[b"content-type"].startswith(b"text/event-stream")
            assert told[b"cache-control"] == b"no-store"
            first = await client.next()
            assert first is not None
            assert first.event == "heartbeat"
            yield client

    @asynccontextmanager
    async def socket(self, query: str = "", *, headers: dict[str, str] | None = None) -> AsyncIterator[SocketClient]:
        """A WebSocket that is open already."""
        async with await self.server.connect() as stream:
            client = SocketClient(stream)
            answer = await client.ask(f"{SOCKET}?{query}", headers or {"X-Api-Key": self.world.key})
            assert isinstance(answer, AcceptConnection), answer
            assert (await client.next()).event == "heartbeat"
            yield client

    async def refusal(self, headers: dict[str, str], query: str = "") -> tuple[int, dict[str, Any]]:
        """How a WebSocket is refused."""
        async with await self.server.connect() as stream:
            client = SocketClient(stream)
            answer = await client.ask(f"{SOCKET}?{query}", headers)
            assert isinstance(answer, RejectConnection), answer
            told = dict(answer.headers)
            assert told[b"x-content-type-options"] == b"nosniff"
            assert told[b"content-type"] == b"application/problem+json"
            body = b""
            while isinstance(event := await client.event(), RejectData):
                body += event.data
                if event.body_finished:
                    break
            problem: dict[str, Any] = msgspec.json.decode(body)
            assert problem["request_id"].encode() == told[b"x-request-id"]
            # As RFC 9110 wants it of every 401, and of no other answer.
            assert (b"www-authenticate" in told) == (answer.status_code == 401)
            return answer.status_code, problem

    async def wait_alone(self) -> None:
        """Wait until no stream is open."""
        with trio.fail_after(10):
            while self.hub.followers:
                await trio.sleep(0.01)


async def some(frames: SseClient, count: int) -> list[Told]:
    """The next frames."""
    with trio.fail_after(10):
        found = [await frames.next() for _ in range(count)]
    return [told for told in found if told is not None]


async def opened(stream: trio.SocketStream) -> None:
    """Wait until a stream has begun."""
    received = b""
    while b"heartbeat" not in received:
        received += await stream.receive_some(4096)


@asynccontextmanager
async def staged(
    hub: EventHub | None = None, limits: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Stage]:
    """Accounts 1 and 2 of workspace 1, account 3 of workspace 2."""
    world = World(**settings)
    log = MemoryLog({1: 1, 2: 1, 3: 2})
    event_log: Any = log
    world.services = replace(world.services, hub=hub or world.hub, event_log=event_log)
    for workspace_id in log.workspaces.values():
        await world.rows.create_account(NewAccount(workspace_id=workspace_id, provider_type="emulated"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.services.hub.run, log, world.history)
        async with running(create_app(world.services), **(limits or {})) as server:
            stage = Stage(world, log, server)
            async with stage.http:
                yield stage
                stage.hub.close("shutting_down")
        nursery.cancel_scope.cancel()


async def test_a_stream_that_was_cut_goes_on_where_it_was() -> None:
    """With the id of the last event, which counts more than what the address says."""
    async with staged() as stage:
        async with stage.sse("account_id=1&account_id=2&types=message.*") as frames:
            stage.commit(1, 3)
            stage.commit(3)
            stage.commit(1, kind="chat.synced")
            stage.commit(2)
            first = await some(frames, 4)
        assert [(told.data["account_id"], told.number) for told in first] == [(1, 1), (1, 2), (1, 3), (2, 1)]
        shown = first[0].data
        assert shown.keys() == {"id", "account_id", "account_seq", "type", "data", "created_at"}
        assert (first[0].event, shown["id"], shown["data"]["account_seq"]) == ("message.received", "evt_1_1", 1)

        stage.commit(1, 2)
        query = f"account_id=1,2&cursor={first[0].cursor}"
        async with stage.sse(query, headers={"Last-Event-ID": first[2].cursor}) as frames:
            stage.commit(2)
            again = await some(frames, 5)
            assert sorted((told.data["account_id"], told.number) for told in again) == [
                (1, 4),
                (1, 5),
                (1, 6),
                (2, 1),
                (2, 2),
            ]
        async with stage.sse("types=chat.synced&account_id=1", headers={"Last-Event-ID": first[0].cursor}) as frames:
            assert [told.number for told in await some(frames, 1)] == [4]


async def test_a_whole_workspace_and_everything() -> None:
    """A workspace's key is told of its own accounts, an admin's of all, or of those of one workspace."""
    tree = EventStream()
    async with staged() as stage:
        stage.world.history.listen(tree)
        admin = {"X-Api-Key": stage.world.admin}
        async with (
            stage.sse() as own,
            stage.sse(headers=admin) as everything,
            stage.sse("workspace_id=2", headers=admin) as other,
            stage.sse("types=supervision") as own_tree,
            stage.sse("types=supervision,message.*", headers=admin) as both,
        ):
            for account_id in (3, 1, 2):
                stage.commit(account_id)
            for path in ("root/sync", "root/accounts/3/session", "root/accounts/1/session"):
                tree.emit(ChildStarted, path, 1)
            assert [told.data["account_id"] for told in await some(own, 2)] == [1, 2]
            assert [told.data["account_id"] for told in await some(everything, 3)] == [3, 1, 2]
            assert [told.data["account_id"] for told in await some(other, 1)] == [3]
            (happening,) = await some(own_tree, 1)
            assert (happening.event, happening.data["path"]) == ("supervision", "root/accounts/1/session")
            assert [told.event for told in await some(both, 6)] == ["message.received"] * 3 + ["supervision"] * 3
        await stage.wait_alone()


REFUSED = {
    "account_id=3": 404,
    "account_id=99": 404,
    "workspace_id=2": 404,
    "account_id=0": 422,
    "account_id=9223372036854775808": 422,
    "types=message.nonsense": 422,
    "types=": 422,
    "cursor=nonsense": 422,
    "workspace_id=1&workspace_id=1": 422,
    "cursor=WzEsMCwwLHt9XQ&account_id=1": 422,  # of a stream of a workspace
    "cursor=WzEsMCwwLHsiMSI6MX1d": 422,  # of a stream of an account
    "cursor=WzEsMCwwLHsiMSI6LTF9XQ&account_id=1": 422,
    "key=wsp_abc": 422,
    "account_id=" + ",".join(map(str, range(1, 102))): 422,
}


@pytest.mark.parametrize("query", REFUSED)
async def test_what_is_refused_is_refused_before_the_stream_begins(client: Client, query: str) -> None:
    """What belongs to another workspace is answered as what there is not."""
    for key in (client.world.key, client.world.other):
        await client.post("/api/accounts", {}, key=key)
        await client.post("/api/accounts", {}, key=client.world.other)
    (await client.get(f"{STREAM}?{query}")).problem(REFUSED[query])


async def test_who_may_not_is_told_why(client: Client) -> None:
    """No key, too small a scope, a hub that is not there, a WebSocket that is none, and a look at the head only."""
    (await client.get(STREAM, key=None)).problem(401)
    reader = client.world.rows.add_key(1, "read")
    (await client.get(f"{STREAM}?types=supervision", key=reader)).problem(403)
    unavailable = await client.get(STREAM, key=reader)
    assert unavailable.problem(503)
    assert unavailable.headers["Retry-After"] == "1"
    plain = await client.get(SOCKET)
    assert plain.problem(426)
    assert plain.headers["Upgrade"] == "websocket"


async def test_another_workspaces_account_looks_like_none(client: Client) -> None:
    """Word for word."""
    account_id = await client.account(key=client.world.other)
    answers = [(await client.get(f"{STREAM}?account_id={one}")).problem(404) for one in (account_id, 99)]
    for answer in answers:
        del answer["request_id"]
    assert answers[0] == answers[1]


async def test_the_same_over_a_websocket() -> None:
    """Resumed by its cursors; whoever says something, or too much, is shown out."""
    async with staged() as stage:
        async with stage.socket("account_id=1") as client:
            stage.commit(1, 2)
            first = [await client.next() for _ in range(2)]
        assert [(told.event, told.number) for told in first] == [("message.received", 1), ("message.received", 2)]
        async with stage.socket(f"account_id=1&cursor={first[0].cursor}") as client:
            assert (await client.next()).number == 2
            await client.send(TextMessage("hello"))
            closed = await client.event()
            assert (closed.code, closed.reason) == (1008, "this stream takes no messages")
        async with stage.socket() as client:
            with suppress(trio.BrokenResourceError), trio.fail_after(5):
                await client.send(TextMessage("x" * 10_000_000))
                while await client.event() is not None:
                    pass
        await stage.server.assert_answers()
        await stage.wait_alone()


async def test_a_websocket_is_refused_with_problem_details() -> None:
    """And the dashboard's cookie is good from the dashboard's own page alone."""
    async with staged() as stage:
        key = {"Authorization": f"Bearer {stage.world.key}"}
        assert (await stage.refusal({}))[0] == 401
        assert (await stage.refusal(key, "account_id=3"))[0] == 404
        assert (await stage.refusal(key, "account_id=x"))[1]["errors"][0]["parameter"] == "account_id"
        cookie = await stage.log_in()
        assert (await stage.refusal(cookie))[0] == 401
        assert (await stage.refusal(cookie | {"Origin": "https://evil.example"}))[0] == 403
        async with stage.socket("account_id=1", headers=cookie | {"Origin": "http://x"}) as client:
            stage.commit(1)
            assert (await client.next()).number == 1


async def test_a_websocket_counts_as_one_request_of_its_address() -> None:
    """Two may come at once at a rate of one a second."""
    async with staged(rate_per_address=1) as stage:
        assert [(await stage.refusal({}))[0] for _ in range(3)] == [401, 401, 429]


async def test_a_revoked_key_ends_its_streams() -> None:
    """Within the time for which keys are believed, with the reason, over both carriers; also those of its logins."""
    async with staged(key_cache=1.0) as stage:
        cookie = await stage.log_in() | {"Origin": "http://x"}
        admin_key = {"X-Api-Key": stage.world.admin}
        async with (
            stage.sse() as frames,
            stage.socket() as client,
            stage.socket(headers=cookie) as dashboard,
            stage.sse(headers=admin_key) as admin,
        ):
            keys = stage.world.rows.keys
            stage.world.rows.keys = {digest: key for digest, key in keys.items() if key.workspace_id is None}
            revoked_at = trio.current_time()
            (farewell,) = await some(frames, 1)
            assert (farewell.event, farewell.data["reason"]) == ("bye", "revoked")
            assert await frames.next() is None
            for one in (client, dashboard):
                assert (await one.next()).data["reason"] == "revoked"
                assert (await one.event()).code == 1008
            assert trio.current_time() - revoked_at < 1.0
            stage.commit(3)
            assert (await some(admin, 1))[0].number == 1


async def test_a_slow_reader_is_dropped_and_nobody_else_notices() -> None:
    """It is told when it reads again, and can resume; the others have got everything meanwhile."""
    async with staged(EventHub(most=50)) as stage:
        slow = await stage.server.connect()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = f"GET {STREAM}?account_id=1 HTTP/1.1\r\nHost: x\r\nX-Api-Key: {stage.world.key}\r\n\r\n"
        await slow.send_all(head.encode())
        await opened(slow)
        async with stage.sse("account_id=1") as frames:
            for number in range(1, 151):
                stage.commit(1, size=50_000)
                assert (await some(frames, 1))[0].number == number
            assert stage.hub.followers == 2
            received = b""
            with trio.fail_after(10):
                while b"event: bye" not in received:
                    received += await slow.receive_some(1_000_000)
            await slow.aclose()
        assert b'"reason":"slow_reader"' in received
        cursor = received.rpartition(b'"resume":"')[2].partition(b'"')[0].decode()
        last = max(int(part.partition(b",")[0]) for part in received.split(b'"account_seq":')[1:])
        assert last < 150
        async with stage.sse("account_id=1", headers={"Last-Event-ID": cursor}) as frames:
            rest = await some(frames, 150 - last)
        assert [told.number for told in rest] == list(range(last + 1, 151))


async def test_who_never_reads_is_cut_off() -> None:
    """Its place among the streams is free again."""
    async with staged(EventHub(most=50), limits={"send_timeout": 0.3}) as stage:
        dead = await stage.server.connect()
        head = f"GET {STREAM} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {stage.world.key}\r\n\r\n"
        await dead.send_all(head.encode())
        await opened(dead)
        with trio.fail_after(10):
            while stage.hub.followers:
                stage.commit(1, 20, size=50_000)
                await trio.sleep(0.02)
        dead.socket.close()


async def test_there_are_only_so_many_streams() -> None:
    """With one key, and in all; when one ends its place is free."""
    async with staged(streams=2, streams_per_key=1) as stage:
        third = stage.world.rows.add_key(1, "read")

        async def status(key: str) -> tuple[int, str | None]:
            answer = await stage.http.get(STREAM, headers={"X-Api-Key": key})
            return answer.status_code, answer.headers.get("Retry-After")

        async with stage.sse():
            assert await status(stage.world.key) == (429, "5")
            async with stage.sse(headers={"X-Api-Key": stage.world.other}):
                assert await status(third) == (503, "5")
                assert (await stage.refusal({"X-Api-Key": third}))[0] == 503
        await stage.wait_alone()
        async with stage.sse():
            pass


async def test_five_hundred_readers_are_each_told_their_own() -> None:
    """And told goodbye, in far less than the time that a stop may take."""
    count = 500
    async with staged() as stage:
        for account_id in range(1, count + 1):
            if account_id > 3:
                await stage.world.rows.create_account(NewAccount(workspace_id=1, provider_type="emulated"))
                stage.log.workspaces[account_id], stage.log.last[account_id] = 1, 0
                stage.log.events[account_id] = []
        received: dict[int, bytes] = {}

        async def reader(account_id: int, task_status: trio.TaskStatus[None]) -> None:
            stream = await stage.server.connect()
            head = f"GET {STREAM}?account_id={account_id} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {stage.world.admin}\r\n\r\n"
            await stream.send_all(head.encode())
            received[account_id] = b""
            opened = False
            with suppress(trio.BrokenResourceError):
                while data := await stream.receive_some(65_536):
                    received[account_id] += data
                    if not opened and b"heartbeat" in data:
                        opened = True
                        task_status.started()
                    if b"event: bye" in received[account_id]:
                        break
            await stream.aclose()

        async with trio.open_nursery() as nursery:
            for account_id in range(1, count + 1):
                await nursery.start(reader, account_id)
            for account_id in range(1, count + 1):
                stage.commit(account_id)
            with trio.fail_after(10):
                while not all(b"evt_" in data for data in received.values()):
                    await trio.sleep(0.01)
            began = trio.current_time()
            stage.hub.close("shutting_down")
        assert trio.current_time() - began < 3
        for account_id, data in received.items():
            assert data.count(b'"account_seq"') == 2
            assert f'"id":"evt_{account_id}_1"'.encode() in data
            assert b'"reason":"shutting_down"' in data
        assert stage.hub.told == count
