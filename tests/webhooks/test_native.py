"""The native format: signatures, batches, sizes, and what goes along; over a real server on loopback."""

import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import pytest
import trio
from standardwebhooks import Webhook

from tests.webhooks.receiver import Receiver, receiver, says
from wasup.bridge import Bridge
from wasup.ports.clock import SystemClock
from wasup.ports.events import ChatSynced, MessageReceived, MessageStatusChanged
from wasup.ports.messages import Image, MediaRef, Text
from wasup.ports.outbox import Endpoint, EndpointFormat, LegacyFacts, PendingEvent
from wasup.ports.store import DatabaseUnavailable
from wasup.ports.webhooks import EVENT_LIMIT, MediaAway, Outcome
from wasup.webhooks import PosterSettings, WebhookPoster
from wasup.webhooks.examples import EXAMPLES
from wasup.webhooks.legacy import CHAT_SYNC
from wasup.webhooks.transport import Transport

NEW, OLD = (f"whsec_{base64.b64encode(bytes(range(n, n + 32))).decode()}" for n in (0, 32))


def endpoint(url: str, **more: Any) -> Endpoint:
    """An endpoint."""
    given: dict[str, Any] = {"id": 1, "workspace_id": 1, "secret": NEW, "enabled": True, "disabled_reason": None}
    return Endpoint(url=url, **(given | more))


def pending(seq: int = 1, body: bytes = b'{"a":1}', *, replay: bool = False) -> PendingEvent:
    """An event of account 7."""
    return PendingEvent(
        id=f"evt_7_{seq}_ab",
        account_id=7,
        account_seq=seq,
        previous_seq=seq - 1,
        type="message.received",
        body=body,
        created_at=1_760_000_000_123,
        replay=replay,
    )


@asynccontextmanager
async def poster(*, facts: Any = None, media: Any = None) -> AsyncIterator[WebhookPoster]:
    """A poster that may call loopback."""

    async def no_facts(_accounts: Any, *, lids: Any, groups: Any) -> LegacyFacts:
        return LegacyFacts(sessions={7: "S"}, phones={7: "+62899"})

    settings = PosterSettings(allow_private=True, timeout=5.0, url=lambda: "https://wasup.example")
    async with Bridge() as bridge:
        made = WebhookPoster(
            bridge=bridge, clock=SystemClock(), settings=settings, ask_facts=facts or no_facts, fetch_media=media
        )
        try:
            yield made
        finally:
            await made.aclose()


def verify(request: Any, secret: str) -> Any:
    """The body, if the signature is right."""
    return Webhook(secret).verify(request.body, request.headers)


async def test_both_secrets_are_good_during_a_rotation_and_only_then() -> None:
    """A receiver that has not changed over yet verifies with the old one."""
    soon = time.time_ns() // 1_000_000 + 60_000
    async with receiver(says(204)) as server, poster() as post:
        turning = endpoint(server.url, previous_secret=OLD, previous_until=soon)
        await post.post(turning, [pending()])
        assert verify(server.requests[0], NEW) == verify(server.requests[0], OLD)
        await post.post(msgspec.structs.replace(turning, previous_until=soon - 61_000), [pending()])
        assert len(server.requests[1].headers["webhook-signature"].split()) == 1


async def test_headers_of_the_endpoints_own_and_replays() -> None:
    """They go along; a replay has the same id and says what it is."""
    async with receiver(says(204)) as server, poster() as post:
        await post.post(endpoint(server.url, headers={"X-Tenant": "acme"}), [pending()])
        await post.post(endpoint(server.url), [pending(replay=True)])
        first, again = server.requests
        assert first.headers["x-tenant"] == "acme"
        assert "wasup-replay" not in first.headers
        assert again.headers["wasup-replay"] == "true"
        assert again.headers["webhook-id"] == first.headers["webhook-id"] == "evt_7_1_ab"
        assert verify(again, NEW)["data"] == {"a": 1}


async def test_a_batch_is_one_signed_post_with_an_id_of_its_own() -> None:
    """The same events have the same id; each member tells its id and sequence, and whether it is a replay."""
    async with receiver(says(204)) as server, poster() as post:
        batches = endpoint(server.url, batch_events=10)
        events = [pending(1), pending(2, replay=True)]
        assert (await post.post(batches, events)).outcome is Outcome.DELIVERED
        await post.post(batches, events)
        await post.post(batches, events[:1])
        ids = [request.headers["webhook-id"] for request in server.requests]
        assert ids[0] == ids[1] != ids[2]
        assert verify(server.requests[0], NEW) == {
            "events": [
                {
                    "id": f"evt_7_{seq}_ab",
                    "type": "message.received",
                    "timestamp": "2025-10-09T08:53:20.123+00:00",
                    "account_seq": seq,
                    "previous_seq": seq - 1,
                    "data": {"a": 1},
                }
                | ({"replay": True} if seq == 2 else {})
                for seq in (1, 2)
            ]
        }
        assert len(verify(server.requests[2], NEW)["events"]) == 1


@pytest.mark.parametrize("text", ["x" * 400_000, "ä👋" * 200_000, "\\x01" * 90_000, '"' * 300_000])
async def test_long_texts_are_cut_and_linked(text: str) -> None:
    """At most 256 kB, no more cut than needed, and the rest of the payload is untouched."""
    body = msgspec.json.encode({"account_seq": 3, "content": {"type": "text", "body": text}, "sender": "5@c.us"})
    async with receiver(says(204)) as server, poster() as post:
        await post.post(endpoint(server.url), [pending(body=body)])
    data = msgspec.json.decode(server.requests[0].body)["data"]
    assert EVENT_LIMIT - 2000 < len(msgspec.json.encode(data)) <= EVENT_LIMIT
    assert len(server.requests[0].body) < EVENT_LIMIT + 500
    assert text.startswith(data["content"]["body"])
    assert (data["sender"], data["account_seq"]) == ("5@c.us", 3)
    assert data["truncated"] == "https://wasup.example/api/events/evt_7_1_ab"


async def test_connections_are_used_again_and_a_stale_one_is_no_failure() -> None:
    """The receiver closes it after its first answer: the next event goes over a new one at once."""
    ordinary = says(204)

    async def closing(server: Receiver, stream: trio.SocketStream) -> None:
        await ordinary(server, stream)
        if server.connections == 1 and len(server.requests) == 2:
            await stream.aclose()

    async with receiver(closing) as server, poster() as post:
        for seq in range(1, 5):
            assert (await post.post(endpoint(server.url), [pending(seq)])).outcome is Outcome.DELIVERED
        assert server.connections == 2
        assert len(server.requests) == 4


async def test_a_connection_that_dies_under_a_request_is_tried_once_more() -> None:
    """A kept connection may be closed by the far side in the moment in which it is used."""
    ordinary = says(204)

    async def dying(server: Receiver, stream: trio.SocketStream) -> None:
        if len(server.requests) == 2:
            await stream.aclose()
        else:
            await ordinary(server, stream)

    async with receiver(dying) as server, poster() as post:
        assert (await post.post(endpoint(server.url), [pending(1)])).outcome is Outcome.DELIVERED
        assert (await post.post(endpoint(server.url), [pending(2)])).outcome is Outcome.DELIVERED
        assert server.connections == 2


@pytest.mark.parametrize(("code", "slow"), [(429, True), (502, True), (504, True), (500, False), (404, False)])
async def test_who_has_too_much_to_do_says_so(code: int, slow: bool) -> None:
    """429, 502 and 504."""
    async with receiver(says(code)) as server, poster() as post:
        assert (await post.post(endpoint(server.url), [pending()])).slow_down is slow


async def test_a_test_event_is_signed_like_any_other() -> None:
    """Natively of its own type; the legacy back end gets what it receives and ignores."""
    async with receiver(says(204)) as server, poster() as post:
        assert (await post.test(endpoint(server.url))).outcome is Outcome.DELIVERED
        assert verify(server.requests[0], NEW)["type"] == "webhook.test"
        assert (await post.test(legacy(server))).outcome is Outcome.DELIVERED
        assert msgspec.json.decode(server.requests[1].body)["event"] == "connection_test"


# ---- the legacy format, over the wire ------------------------------------------------------------


def legacy(server: Receiver) -> Endpoint:
    """A back end."""
    base = server.url.partition("/hooks")[0]
    return endpoint(base, format=EndpointFormat.LEGACY, secret="s3cret")


def event(data: Any, *, age: float = 60.0) -> PendingEvent:
    """An event with this payload, written so many seconds ago."""
    at = time.time_ns() // 1_000_000 - round(age * 1000)
    return msgspec.structs.replace(pending(body=msgspec.json.encode(data)), created_at=at)


OF: dict[str, Any] = {"workspace_id": 1, "whatsapp_account_id": 7, "provider_type": "webjs", "account_seq": 1}


def message(content: Any, **more: Any) -> MessageReceived:
    """A message from somebody."""
    example = next(one for one in EXAMPLES if isinstance(one, MessageReceived))
    return msgspec.structs.replace(example, whatsapp_account_id=7, content=content, **more)


def status(word: str) -> MessageStatusChanged:
    """A message of ours went on."""
    return MessageStatusChanged(**OF, message_id="M", chat="62811@c.us", status=word, error=None, timestamp=5)


async def test_a_legacy_delivery_is_made_of_the_contracts_calls() -> None:
    """Signed, in order, with media fetched; the second call only after the first was accepted."""

    async def media(account_id: int, ref: MediaRef) -> bytes:
        assert (account_id, ref.ref) == (7, "m-9")
        return b"picture"

    async with receiver(says(200)) as server, poster(media=media) as post:
        picture = message(Image(media=MediaRef(ref="m-9", mime="image/png")))
        assert (await post.post(legacy(server), [event(picture)])).outcome is Outcome.DELIVERED
        assert (await post.post(legacy(server), [event(status("read"))])).outcome is Outcome.DELIVERED
        first, *rest = server.requests
        assert first.path == "/api/whatsapp/webhooks/webjs"
        assert first.headers["x-instance-url"] == "https://wasup.example"
        data = msgspec.json.decode(first.body)["data"]
        assert base64.b64decode(data["message"]["media"]["data"]) == b"picture"
        names = [msgspec.json.decode(request.body)["event"] for request in rest]
        assert names == ["message_status_updated", "message_read"]


async def test_media_that_are_not_to_be_had_now_are_waited_for_a_while() -> None:
    """The account may be reconnecting; after five minutes the message goes without them."""

    async def media(_account_id: int, _ref: MediaRef) -> bytes:
        raise MediaAway("the account is reconnecting")

    picture = message(Image(media=MediaRef(ref="m-9", mime="image/png")))
    async with receiver(says(200)) as server, poster(media=media) as post:
        early = await post.post(legacy(server), [event(picture, age=10)])
        assert (early.outcome, server.requests) == (Outcome.LATER, [])
        for age in (301, -3600):  # a clock that was set back is not waited for
            assert (await post.post(legacy(server), [event(picture, age=age)])).outcome is Outcome.DELIVERED
        told = msgspec.json.decode(server.requests[0].body)["data"]["message"]
        assert told["has_media"] is True
        assert "media" not in told


async def test_a_legacy_call_that_is_not_accepted_ends_the_delivery() -> None:
    """What follows it waits for the next try."""
    async with receiver(says(500)) as server, poster() as post:
        answer = await post.post(legacy(server), [event(status("read"))])
        assert (answer.outcome, len(server.requests)) == (Outcome.FAILED, 1)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(500, "skipped"), (400, "skipped"), (404, "skipped"), (410, "skipped"), (302, "skipped"), (202, "delivered"),
     (429, "failed"), (503, "failed")],
)  # fmt: skip
async def test_a_list_of_chats_that_is_not_taken_holds_up_no_message(code: int, outcome: str) -> None:
    """An account that is not connected, or a server that fails on every list: left out, unless it is only busy."""
    chats = next(one for one in EXAMPLES if isinstance(one, ChatSynced))
    async with receiver(says(code)) as server, poster() as post:
        answer = await post.post(legacy(server), [event(chats)])
        assert (answer.outcome.value, [request.path for request in server.requests]) == (outcome, [CHAT_SYNC])
        assert str(code) in answer.detail
    assert (await nobody(chats)).outcome is Outcome.FAILED


async def nobody(data: Any) -> Any:
    """The answer of a back end that is not there."""
    async with receiver(says(200)) as server:
        address = legacy(server)
    async with poster() as post:
        return await post.post(address, [event(data)])


async def test_a_message_whose_media_are_too_large_for_the_back_end_goes_without_them() -> None:
    """A limit of its web server is no reason to hold up what somebody wrote."""

    async def media(_account_id: int, _ref: MediaRef) -> bytes:
        return b"x" * 1_000_000

    async def narrow(server: Receiver, stream: trio.SocketStream) -> None:
        await says(413 if len(server.requests[-1].body) > 1_000_000 else 200)(server, stream)

    picture = message(Image(media=MediaRef(ref="m-9", mime="image/png"), caption="look"))
    async with receiver(narrow) as server, poster(media=media) as post:
        assert (await post.post(legacy(server), [event(picture)])).outcome is Outcome.DELIVERED
        told = msgspec.json.decode(server.requests[-1].body)["data"]["message"]
        assert (told["body"], told["has_media"], "media" in told) == ("look", True, False)


async def test_who_answers_without_reading_on_is_heard() -> None:
    """As web servers do with what is too large for them: they answer, and take no more of it."""

    async def refuse(stream: trio.SocketStream) -> None:
        await stream.receive_some(100)
        await stream.send_all(b"HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n")
        await stream.aclose()

    async with Bridge() as bridge, trio.open_nursery() as nursery:
        transport = Transport(bridge=bridge, clock=SystemClock(), allow_private=True)
        (listener,) = await nursery.start(partial(trio.serve_tcp, refuse, 0, host="127.0.0.1"))
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"
        answer = await transport.post(url, [], b"x" * 20_000_000, timeout=5)
        await transport.aclose()
        nursery.cancel_scope.cancel()
    assert answer.status == 413


async def test_sent_is_told_when_the_back_end_has_stored_what_it_sent() -> None:
    """A moment later: until then it has no row, and would drop it. A clock that was set back is not waited for."""
    async with receiver(says(200)) as server, poster() as post:
        early = await post.post(legacy(server), [event(status("sent"), age=0.2)])
        assert early.outcome is Outcome.LATER
        assert 0 < (early.retry_after or 0) <= 0.8
        for age in (1.1, -30):
            assert (await post.post(legacy(server), [event(status("sent"), age=age)])).outcome is Outcome.DELIVERED


async def test_legacy_deliveries_that_cannot_be_or_not_yet() -> None:
    """Only a LID is known: skipped. The database is away: later. Nothing to tell: delivered without a call."""
    known = LegacyFacts(sessions={7: "S"})
    answers: list[LegacyFacts | Exception] = [known, DatabaseUnavailable("gone"), known]

    async def facts(_accounts: Any, *, lids: Any, groups: Any) -> LegacyFacts:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    stranger = message(Text(body="hi"), chat="5@lid", chat_phone=None, sender="5@lid", sender_phone=None)
    async with receiver(says(200)) as server, poster(facts=facts) as post:
        assert (await post.post(legacy(server), [event(stranger)])).outcome is Outcome.SKIPPED
        assert (await post.post(legacy(server), [event(stranger)])).outcome is Outcome.LATER
        synced = next(one for one in EXAMPLES if type(one).__name__ == "ContactSynced")
        assert (await post.post(legacy(server), [event(synced)])).outcome is Outcome.DELIVERED
        assert server.requests == []
