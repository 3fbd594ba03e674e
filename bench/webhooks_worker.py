"""Delivery alone, as a process of its own: a database, delivery actors, and events that are committed at a rate.

Called with JSON: where the database is, the endpoints, how many events wait at the start, and the rate after it.
"""

import sys
import time
from functools import partial

import msgspec
import trio

from bench.doors import SECRET
from wasup.actors.delivery import DeliveryActor
from wasup.actors.runtime import Runtime
from wasup.bridge import Bridge
from wasup.db import Database
from wasup.logs import configure_logs
from wasup.ports.clock import SystemClock
from wasup.ports.messages import Message, Text
from wasup.ports.outbox import NewEndpoint
from wasup.ports.store import IncomingBatch, NewAccount
from wasup.settings import Settings, WebhookSection
from wasup.supervisor import SupervisorSpec, actor_child, open_supervisor
from wasup.webhooks import PosterSettings, WebhookPoster

_CHUNK = 500
_TICK = 0.02
_GIVE_UP = 60.0


class Job(msgspec.Struct, kw_only=True):
    """What is to be done.

    Attributes:
        urls: an endpoint for each, all of one workspace.
        batch: events in one POST at most.
        accounts: whose messages they are.
        backlog: events that wait before the first delivery.
        rate: events a second that are committed after that.
        seconds: for how long.
    """

    database: str
    urls: list[str]
    batch: int
    accounts: int
    backlog: int
    rate: int
    seconds: float


async def work(job: Job) -> None:
    """Do it, and wait until everything that can be delivered is."""
    clock = SystemClock()
    async with Bridge() as bridge, Database.open(job.database, bridge, clock=clock) as database:
        workspace = await database.keys.create_workspace("bench")
        incarnation = await database.ownership.acquire()
        new = NewAccount(workspace_id=workspace.id, provider_type="emulated")
        ids = [(await database.accounts.create_account(new)).id for _ in range(job.accounts)]
        fences = await database.ownership.claim(ids)
        endpoints = [
            await database.outbox.create_endpoint(
                workspace.id,
                NewEndpoint(
                    url=url, secret=SECRET, events=("message.received",), batch_events=job.batch, batch_wait=0.05
                ),
            )
            for url in job.urls
        ]
        posters = PosterSettings(allow_private=True, timeout=15.0, url=lambda: "https://wasup.example")
        runtime = Runtime(
            settings=Settings(webhooks=WebhookSection(allow_private=True)),
            clock=clock,
            providers={},
            make_poster=lambda _registry: WebhookPoster(
                bridge=bridge, clock=clock, settings=posters, ask_facts=database.outbox.legacy_facts
            ),
        )
        runtime.open_ground(database, incarnation)
        made = 0

        async def commit(count: int) -> None:
            nonlocal made
            batches: dict[int, list[Message]] = {}
            for number in range(made, made + count):
                fence = fences[ids[number % len(ids)]]
                batches.setdefault(fence.account_id, []).append(_message(number))
            made += count
            result = await database.sync.commit([
                IncomingBatch(
                    fence=fences[account_id], workspace_id=workspace.id, provider_type="emulated", items=tuple(items)
                )
                for account_id, items in batches.items()
            ])  # fmt: skip
            for endpoint_id in result.endpoints:
                runtime.doorbell(endpoint_id).ring()

        while made < job.backlog:
            await commit(min(_CHUNK, job.backlog - made))
        begun = time.process_time()
        children = tuple(actor_child(f"endpoint-{one.id}", partial(DeliveryActor, runtime, one)) for one in endpoints)
        async with open_supervisor(SupervisorSpec(children=children)):
            start = trio.current_time()
            told = 0
            while job.rate and (passed := trio.current_time() - start) < job.seconds:
                due = int(passed * job.rate) - told
                if due > 0:
                    await commit(due)
                    told += due
                await trio.sleep(_TICK)
            wanted = made * sum("hang" not in url for url in job.urls)
            with trio.move_on_after(_GIVE_UP):
                while runtime.pulse.delivered < wanted:
                    await trio.sleep(0.05)
            print(
                msgspec.json.encode({"delivered": runtime.pulse.delivered, "cpu": time.process_time() - begun}).decode()
            )


def _message(number: int) -> Message:
    chat = f"55119{number % 500:08d}@c.us"
    return Message(
        id=f"3EB0{number:018X}",
        chat=chat,
        sender=chat,
        from_me=False,
        timestamp=time.time_ns() // 1_000_000,
        content=Text(body="Good morning! How much is the delivery to our street, please?"),
    )


if __name__ == "__main__":
    configure_logs(level="ERROR")  # to standard error: an endpoint that hangs is told of
    trio.run(work, msgspec.json.decode(sys.argv[1], type=Job))
