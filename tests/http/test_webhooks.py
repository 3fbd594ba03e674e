"""Webhook endpoints, deliveries, replays and pulls, over the real stores on SQLite."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from standardwebhooks import Webhook

from tests.http.conftest import Client
from tests.http.test_database import stored
from wasup.db import Database
from wasup.ports.accounts import Fence
from wasup.ports.messages import Message, Text
from wasup.ports.outbox import Attempt, Endpoint, LaneOutcome
from wasup.ports.store import IncomingBatch, NewAccount
from wasup.ports.webhooks import Answer, Outcome

PATH = "/api/webhook-endpoints"
NEW = {"url": "https://backend.example/hooks"}


class Control:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.changes = 0
        self.rung: list[int] = []
        self.tested: list[Endpoint] = []

    def changed(self) -> None:
        """Count."""
        self.changes += 1

    def ring(self, endpoint_id: int) -> None:
        """Note."""
        self.rung.append(endpoint_id)

    async def test(self, endpoint: Endpoint) -> Answer:
        """Note, and answer."""
        self.tested.append(endpoint)
        return Answer(outcome=Outcome.FAILED, detail="500")


class Place:
    """An API over a database, and shorthands."""

    def __init__(self, client: Client, database: Database, control: Control) -> None:
        self.client, self.db, self.control = client, database, control

    async def create(self, **more: Any) -> dict[str, Any]:
        """A new endpoint."""
        made = await self.client.post(PATH, NEW | more)
        assert made.status == 201, made.body
        assert made.headers["Location"] == f"{PATH}/{made.json()['id']}"
        endpoint: dict[str, Any] = made.json()
        return endpoint

    async def account(self, workspace_id: int = 1) -> Fence:
        """A new account, ours."""
        new = NewAccount(workspace_id=workspace_id, provider_type="emulated")
        account_id = (await self.db.accounts.create_account(new)).id
        return (await self.db.ownership.claim([account_id]))[account_id]

    async def happen(self, fence: Fence, numbers: Sequence[int], workspace_id: int = 1) -> None:
        """Messages come in."""
        chat = "5511988887777@c.us"
        items = tuple(
            Message(id=f"M{n}", chat=chat, sender=chat, from_me=False, timestamp=n, content=Text(body=f"no. {n}"))
            for n in numbers
        )
        batch = IncomingBatch(fence=fence, workspace_id=workspace_id, provider_type="emulated", items=items)
        await self.db.sync.commit([batch])

    async def deliver(self, endpoint_id: int, *, dead: bool = False) -> list[tuple[int, bool]]:
        """Claim everything and settle it; sequences, and whether each was a replay."""
        lanes = await self.db.outbox.claim_lanes(endpoint_id, incarnation=5, lanes=10, per_lane=50)
        await self.db.outbox.settle(
            [
                LaneOutcome(
                    endpoint_id=endpoint_id,
                    account_id=lane.account_id,
                    claim=lane.claim,
                    delivered=() if dead else tuple(event.account_seq for event in lane.events),
                    failed="500" if dead else None,
                    failed_seq=lane.events[0].account_seq,
                    dead=dead,
                )
                for lane in lanes
            ],
            attempts=[
                Attempt(
                    endpoint_id=endpoint_id, account_id=lane.account_id, event_id=lane.events[0].id,
                    events=len(lane.events), attempt=1, outcome="failed" if dead else "delivered", detail="x",
                    seconds=0.1, replay=False, at=1,
                )
                for lane in lanes
            ],
        )  # fmt: skip
        return [(event.account_seq, event.replay) for lane in lanes for event in lane.events]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Place]:
    """An API over a fresh database."""
    async with stored(folder) as (client, database):
        control = Control()
        world = client.world
        world.services = replace(
            world.services, deliveries=database.deliveries, event_log=database.event_log, webhooks=control
        )
        yield Place(Client(world), database, control)


async def test_an_endpoints_life(tmp_path: Path) -> None:
    """Made, listed, shown, changed, paused, resumed, disabled, enabled, deleted; each is noticed at once."""
    async with opened(tmp_path) as place:
        client = place.client
        one = await place.create(events=["message.received"], headers={"X-A": "b"}, batch_events=20, batch_wait_ms=250)
        two = await place.create(format="legacy", secret="the back end's own")
        assert one["secret"].startswith("whsec_")
        Webhook(one["secret"])  # which it would refuse if it were none
        assert (one["state"], one["batch_wait_ms"], two["format"]) == ("active", 250, "legacy")
        assert place.control.changes == 2
        listed = (await client.get(PATH)).json()["data"]
        assert listed == [{key: value for key, value in each.items() if key != "secret"} for each in (one, two)]
        path = f"{PATH}/{one['id']}"
        shown = (await client.get(path)).json()
        assert shown == {"endpoint": listed[0], "waiting": 0, "dead_letters": 0}
        changed = await client.send("PATCH", path, json={"url": "https://other.example/x", "batch_wait_ms": 0})
        assert changed.json() == listed[0] | {"url": "https://other.example/x", "batch_wait_ms": 0}
        assert (await client.send("PATCH", path, json={})).json() == changed.json()
        for verb, state in (("pause", "paused"), ("resume", "active"), ("disable", "disabled"), ("enable", "active")):
            assert (await client.post(f"{path}/{verb}")).json()["state"] == state
        await client.post(f"{path}/disable")
        assert (await client.post(f"{path}/resume")).problem(409)["state"] == "disabled"
        assert (await client.send("DELETE", path)).status == 204
        (await client.get(path)).problem(404)
        (await client.send("DELETE", path)).problem(404)


async def test_a_secret_is_rotated_with_an_overlap(tmp_path: Path) -> None:
    """The new one is shown once; for some hours the old one is signed with too, but never in the legacy format."""
    async with opened(tmp_path) as place:
        one, old = await place.create(), await place.create(format="legacy", secret="first-secret")
        turned = (await place.client.post(f"{PATH}/{one['id']}/rotate-secret", {"overlap_hours": 2})).json()
        assert turned["secret"] != one["secret"]
        assert turned["old_secret_until"] == place.client.world.services.clock.now_ms() + 2 * 3_600_000
        row = await place.db.outbox.endpoint(one["id"])
        assert row is not None
        assert (row.secret, row.previous_secret) == (turned["secret"], one["secret"])
        at_once = (await place.client.post(f"{PATH}/{one['id']}/rotate-secret", {"overlap_hours": 0})).json()
        assert at_once["old_secret_until"] is None
        second = {"secret": "second-secret"}
        legacy = (await place.client.post(f"{PATH}/{old['id']}/rotate-secret", second)).json()
        assert (legacy["secret"], legacy["old_secret_until"]) == ("second-secret", None)


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"url": "ftp://x.example/"}, "#/url"),
    ({"url": "https://user:pw@x.example/"}, "#/url"),
    ({"url": "https://x.example/a b"}, "#/url"),
    ({"events": ["message.received", "message.eaten"]}, "#/events/1"),
    ({"headers": {"Webhook-Id": "x"}}, "#/headers"),
    ({"headers": {"Content-Length": "0"}}, "#/headers"),
    ({"headers": {"X-A": "a\r\nX-B: c"}}, "#/headers"),
    ({"headers": {"a b": "c"}}, "#/headers"),
    ({"headers": {f"X-{n}": "a" for n in range(21)}}, "#/headers"),
    ({"secret": "whsec_AAAA"}, "#/secret"),
    ({"secret": "not a whsec secret"}, "#/secret"),
    ({"format": "legacy", "batch_events": 5}, "#/batch_events"),
    ({"batch_events": 501}, "#/batch_events"),
    ({"batch_wait_ms": 10_001}, "#/batch_wait_ms"),
    ({"format": "carrier pigeon"}, "#/format"),
    ({"colour": "red"}, "#/colour"),
]


async def test_mistakes_in_an_endpoint_are_pointed_at(tmp_path: Path) -> None:
    """422, at creation and (where it can be changed) at a change."""
    async with opened(tmp_path) as place:
        one = await place.create()
        for body, pointer in MISTAKES:
            problem = (await place.client.post(PATH, NEW | body)).problem(422)
            assert problem["errors"][0]["pointer"] == pointer, body
            if not body.keys() & {"format", "secret"}:
                problem = (await place.client.send("PATCH", f"{PATH}/{one['id']}", json=body)).problem(422)
                assert problem["errors"][0]["pointer"] == pointer, body


async def test_a_test_event_tells_what_the_endpoint_answered(tmp_path: Path) -> None:
    """Also while it is paused."""
    async with opened(tmp_path) as place:
        one = await place.create()
        answer = await place.client.post(f"{PATH}/{one['id']}/test")
        assert answer.json() == {"outcome": "failed", "detail": "500"}
        assert [endpoint.id for endpoint in place.control.tested] == [one["id"]]


async def test_deliveries_dead_letters_and_replays(tmp_path: Path) -> None:
    """Listed page by page, shown, and delivered again: one by one, all that died, by id, by time, by sequence."""
    async with opened(tmp_path) as place:
        client = place.client
        fence, one = await place.account(), await place.create()
        path = f"{PATH}/{one['id']}"
        await place.happen(fence, range(5))
        for _ in range(2):
            await place.deliver(one["id"], dead=True)
        assert await place.deliver(one["id"]) == [(3, False), (4, False), (5, False)]
        shown = (await client.get(path)).json()
        assert (shown["waiting"], shown["dead_letters"]) == (0, 2)
        rows = (await client.get(f"{path}/deliveries?limit=2")).json()
        assert [row["outcome"] for row in rows["data"]] == ["delivered", "failed"]
        for row in rows["data"]:
            assert (await client.get(f"{path}/deliveries/{row['id']}")).json() == row
        (await client.get(f"{path}/deliveries/{rows['data'][0]['id'] + 1}")).problem(404)
        (await client.get(f"{path}/deliveries/{2**60 - 1}")).problem(404)
        rest = (await client.get(f"{path}/deliveries?limit=2&cursor={rows['next_cursor']}")).json()
        assert ([row["outcome"] for row in rest["data"]], rest["next_cursor"]) == (["failed"], None)
        assert len((await client.get(f"{path}/deliveries?failed=true")).json()["data"]) == 2
        page = (await client.get(f"{path}/dead-letters?limit=1")).json()
        (letter,) = page["data"]
        assert (letter["account_seq"], letter["reason"]) == (2, "500")
        assert len((await client.get(f"{path}/dead-letters?cursor={page['next_cursor']}")).json()["data"]) == 1
        at = f"{path}/dead-letters/{letter['id']}"
        assert (await client.get(at)).json() == letter
        again = await client.post(f"{at}/replay")
        assert (again.status, again.json()["queued"]) == (202, 1)
        assert place.control.rung == [one["id"]]
        (await client.get(at)).problem(404)
        assert await place.deliver(one["id"]) == [(2, True)]

        async def replayed(**body: Any) -> list[int]:
            answer = await client.post(f"{path}/replay", body)
            assert answer.status == 202, answer.body
            assert answer.json()["next_cursor"] is None
            return [seq for seq, _ in await place.deliver(one["id"])]

        assert await replayed(dead_letters=True) == [1]
        assert await replayed(account_id=fence.account_id, after_seq=2, until_seq=4) == [3, 4]
        assert await replayed(since=0) == [1, 2, 3, 4, 5]
        assert await replayed(since=0, until=5) == []
        assert await replayed(event_ids=[letter["event_id"]]) == [2]


async def test_mistakes_in_a_replay(tmp_path: Path) -> None:
    """Nothing named, a sequence of nobody, an unknown account, a disabled endpoint."""
    async with opened(tmp_path) as place:
        one = await place.create()
        path = f"{PATH}/{one['id']}"
        (await place.client.post(f"{path}/replay", {})).problem(422)
        (await place.client.post(f"{path}/replay", {"after_seq": 3, "since": 0})).problem(422)
        (await place.client.post(f"{path}/replay", {"event_ids": []})).problem(422)
        (await place.client.post(f"{path}/replay", {"since": 0, "colour": 1})).problem(422)
        (await place.client.post(f"{path}/replay", {"account_id": 77})).problem(404)
        await place.client.post(f"{path}/disable")
        (await place.client.post(f"{path}/replay", {"since": 0})).problem(409)


async def test_another_workspaces_endpoints_are_unknown(tmp_path: Path) -> None:
    """Whatever is asked of them."""
    async with opened(tmp_path) as place:
        fence, one = await place.account(), await place.create()
        await place.happen(fence, range(1))
        await place.deliver(one["id"], dead=True)
        (letter,) = (await place.client.get(f"{PATH}/{one['id']}/dead-letters")).json()["data"]
        (attempt,) = (await place.client.get(f"{PATH}/{one['id']}/deliveries")).json()["data"]
        path, key = f"{PATH}/{one['id']}", place.client.world.other
        asked: list[tuple[str, str, Any]] = [("GET", "", None), ("PATCH", "", {}), ("DELETE", "", None)]
        asked += [("POST", f"/{verb}", None) for verb in ("pause", "resume", "enable", "disable", "test")]
        asked += [("POST", "/rotate-secret", {}), ("POST", "/replay", {"since": 0}), ("GET", "/deliveries", None)]
        asked += [("GET", f"/deliveries/{attempt['id']}", None), ("GET", "/dead-letters", None)]
        asked += [("GET", f"/dead-letters/{letter['id']}", None)]
        asked += [("POST", f"/dead-letters/{letter['id']}/replay", None)]
        for method, rest, json in asked:
            (await place.client.send(method, path + rest, json=json, key=key)).problem(404)
        other = (await place.client.post(PATH, NEW, key=key)).json()
        (await place.client.get(f"{PATH}/{other['id']}/dead-letters/{letter['id']}", key=key)).problem(404)
        assert (await place.client.get(PATH, key=key)).json()["data"] == [
            {name: value for name, value in other.items() if name != "secret"}
        ]


async def test_events_are_pulled_after_a_cursor(tmp_path: Path) -> None:
    """Of an account by sequence, of a workspace by time; a cursor goes on where the last answer ended."""
    async with opened(tmp_path) as place:
        client = place.client
        first, second, stranger = await place.account(), await place.account(), await place.account(2)
        await place.happen(first, range(3))
        await place.happen(second, range(2))
        await place.happen(stranger, range(2), workspace_id=2)
        of_one = f"/api/events?account_id={first.account_id}"
        page = (await client.get(f"{of_one}&limit=2")).json()
        assert [row["account_seq"] for row in page["data"]] == [1, 2]
        rest = (await client.get(f"{of_one}&cursor={page['next_cursor']}")).json()
        assert [row["account_seq"] for row in rest["data"]] == [3]
        assert (await client.get(f"{of_one}&cursor={rest['next_cursor']}")).json()["data"] == []
        assert [row["account_seq"] for row in (await client.get(f"{of_one}&after_seq=2")).json()["data"]] == [3]
        got: list[tuple[int, int]] = []
        cursor = ""
        while len(got) < 5:
            page = (await client.get(f"/api/events?limit=2{cursor}")).json()
            cursor = f"&cursor={page['next_cursor']}"
            got += [(row["account_id"], row["account_seq"]) for row in page["data"]]
        expected = [(first.account_id, n) for n in (1, 2, 3)] + [(second.account_id, n) for n in (1, 2)]
        assert got == expected
        assert (await client.get(f"/api/events?limit=2{cursor}")).json()["data"] == []
        event = page["data"][0]
        assert (await client.get(f"/api/events/{event['id']}")).json() == event
        (await client.get(f"/api/events/{event['id']}", key=client.world.other)).problem(404)
        (await client.get("/api/events/evt_1_1_00000000")).problem(404)
        (await client.get("/api/events?after_seq=2")).problem(422)
        (await client.get("/api/events?workspace_id=2")).problem(404)
        (await client.get(of_one, key=client.world.other)).problem(404)


async def test_the_schemas_of_events_are_served(tmp_path: Path) -> None:
    """One for each type."""
    async with opened(tmp_path) as place:
        schemas = (await place.client.get("/api/events/schemas")).json()
        assert schemas["version"] == 1
        assert schemas["types"]["message.received"] == {"$ref": "#/components/MessageReceived"}
        assert "MessageReceived" in schemas["components"]
        assert msgspec.json.encode(schemas)
