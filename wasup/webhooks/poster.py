"""One attempt at one delivery, in the format that its endpoint wants."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias
from urllib.parse import urlsplit

import msgspec
import structlog
import trio

from wasup.bridge import Bridge
from wasup.ports.clock import Clock
from wasup.ports.events import EventData, MessageStatusChanged
from wasup.ports.messages import MediaRef
from wasup.ports.outbox import Endpoint, EndpointFormat, LegacyFacts, PendingEvent
from wasup.ports.store import StoreError
from wasup.ports.webhooks import Answer, MediaAway, Outcome
from wasup.webhooks.legacy import (
    CHAT_SYNC,
    WEBHOOK,
    LegacyCall,
    UnknownPhone,
    legacy_headers,
    legacy_url,
    needs,
    qr_image,
    translate,
)
from wasup.webhooks.legacy.calls import Known
from wasup.webhooks.native import native_request
from wasup.webhooks.transport import Transport

__all__ = ["AskFacts", "FetchMedia", "PosterSettings", "WebhookPoster"]

_LEGACY_TIMEOUT: Final = 10.0  # what the Node service allowed the back end
_SETTLED: Final = 1.0  # seconds after which the back end has stored what it sent through the API
_MEDIA_LIMIT: Final = 16 * 1024 * 1024
_MEDIA_PATIENCE: Final = 300.0  # seconds after which a message goes without media that are not to be had
_MEDIA_RETRY: Final = 5.0
_TOO_LARGE: Final = 413
_NOT_NOW: Final = frozenset({408, 425, 429, 502, 503, 504})  # that says nothing about what was asked
_DELIVERED: Final = Answer(outcome=Outcome.DELIVERED, detail="nothing to tell")
_decode = msgspec.json.Decoder(EventData).decode
_encode = msgspec.json.Encoder().encode

log = structlog.get_logger("wasup.webhooks")


class AskFacts(Protocol):
    """Looks up what the `legacy` format needs; see `OutboxStore.legacy_facts`."""

    def __call__(
        self, accounts: Sequence[int], /, *, lids: Sequence[tuple[int, str]], groups: Sequence[tuple[int, str]]
    ) -> Awaitable[LegacyFacts]:
        """Ask."""
        ...


FetchMedia: TypeAlias = Callable[[int, MediaRef], Awaitable[bytes | None]]
"""The bytes of an account's media; None if they are not to be had. May raise `MediaAway`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterSettings:
    """What posters are told.

    Attributes:
        allow_private: deliver to private networks, and over plain http.
        timeout: seconds for one whole exchange.
        url: where this instance is reached from outside; links and `X-Instance-Url` begin with it.
    """

    allow_private: bool
    timeout: float
    url: Callable[[], str]


class WebhookPoster:
    """Posts the events of one endpoint.

    Args:
        bridge: to asyncio.
        clock: time of day.
        settings: limits and addresses.
        ask_facts: for the `legacy` format.
        fetch_media: for the `legacy` format, which sends media along; None: it goes without.
    """

    def __init__(
        self,
        *,
        bridge: Bridge,
        clock: Clock,
        settings: PosterSettings,
        ask_facts: AskFacts,
        fetch_media: FetchMedia | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._ask_facts = ask_facts
        self._fetch_media = fetch_media
        self._transport = Transport(bridge=bridge, clock=clock, allow_private=settings.allow_private)

    async def post(self, endpoint: Endpoint, events: Sequence[PendingEvent]) -> Answer:
        """See the port."""
        try:
            if not self._may_call(endpoint):
                return Answer(outcome=Outcome.REFUSED, detail="plain http is not allowed (webhooks.allow_private)")
            if endpoint.format is EndpointFormat.LEGACY:
                return await self._post_legacy(endpoint, events[0])
            link = f"{self._settings.url()}/api/events"
            headers, body = native_request(endpoint, events, now_ms=self._clock.now_ms(), link=link)
        except ValueError as error:  # what is stored is no address, or no secret
            return Answer(outcome=Outcome.REFUSED, detail=f"bad address or secret: {error}"[:200])
        return await self._transport.post(endpoint.url, headers, body, timeout=self._settings.timeout)

    async def test(self, endpoint: Endpoint) -> Answer:
        """See the port. The back end of the `legacy` format knows no such event, and says that it has received it."""
        now = self._clock.now_ms()
        told = {"event": "webhook.test", "workspace_id": endpoint.workspace_id, "endpoint_id": endpoint.id}
        if endpoint.format is EndpointFormat.LEGACY and self._may_call(endpoint):
            return await self._call(endpoint, LegacyCall(WEBHOOK, {"event": "connection_test", "data": told}))
        event = PendingEvent(
            id=f"test_{endpoint.id}_{now}",
            account_id=0,
            account_seq=0,
            previous_seq=0,
            type="webhook.test",
            body=_encode(told),
            created_at=now,
        )
        return await self.post(endpoint, [event])

    def _may_call(self, endpoint: Endpoint) -> bool:
        return self._settings.allow_private or urlsplit(endpoint.url).scheme == "https"

    async def _post_legacy(self, endpoint: Endpoint, pending: PendingEvent) -> Answer:
        event = _decode(pending.body)
        now = self._clock.now_ms()
        age = (now - pending.created_at) / 1000  # negative while the machine's clock is set back: waits for nothing
        early = _SETTLED - age
        if isinstance(event, MessageStatusChanged) and event.status == "sent" and 0 < early <= _SETTLED:
            # The back end has no row yet of what it is just sending: it would drop this.
            return Answer(outcome=Outcome.LATER, detail="the back end is still storing it", retry_after=early)
        try:
            patient = 0 <= age < _MEDIA_PATIENCE
            known = await self._find_out(event, now, patient=patient)
            calls = translate(event, known)
        except UnknownPhone as error:
            return Answer(outcome=Outcome.SKIPPED, detail=str(error))
        except MediaAway as error:
            return Answer(outcome=Outcome.LATER, detail=str(error), retry_after=_MEDIA_RETRY)
        except StoreError as error:
            return Answer(outcome=Outcome.LATER, detail=str(error), retry_after=1.0)
        answer = await self._tell(endpoint, calls)
        if answer.status == _TOO_LARGE and known.media is not None:
            log.warning("legacy.media_too_large", account_id=event.whatsapp_account_id, event_id=pending.id)
            answer = await self._tell(endpoint, translate(event, replace(known, media=None)))
        return answer

    async def _tell(self, endpoint: Endpoint, calls: Sequence[LegacyCall]) -> Answer:
        """Make the calls in order, up to the first that is not accepted.

        A list of chats that the back end does not take is left out: it answers so to every list of an account that is
        not connected, and on some machines to all lists, and the messages behind it must not wait for that.
        """
        answer = _DELIVERED
        for call in calls:
            answer = await self._call(endpoint, call)
            if call.path == CHAT_SYNC and answer.status not in {None, *_NOT_NOW} and not _accepted(answer):
                return Answer(outcome=Outcome.SKIPPED, detail=f"the back end takes no list of chats: {answer.detail}")
            if not _accepted(answer):
                break
        return answer

    async def _call(self, endpoint: Endpoint, call: LegacyCall) -> Answer:
        body = _encode(call.body)
        seconds = self._clock.now_ms() // 1000
        signed = legacy_headers(endpoint.secret, body, seconds=seconds, instance_url=self._settings.url())
        timeout = min(self._settings.timeout, _LEGACY_TIMEOUT)
        url = legacy_url(endpoint.url, call.path)
        headers = [*endpoint.headers.items(), *signed]
        return await self._transport.post(url, headers, body, timeout=timeout, keep_alive=False)

    async def _find_out(self, event: EventData, now_ms: int, *, patient: bool) -> Known:
        question, account_id = needs(event), event.whatsapp_account_id
        facts = await self._ask_facts(
            [account_id],
            lids=[(account_id, lid) for lid in question.lids],
            groups=[(account_id, group) for group in question.groups],
        )
        strangers = {member for members in facts.members.values() for member in members if member.endswith("@lid")}
        if strangers:
            more = await self._ask_facts([], lids=[(account_id, lid) for lid in strangers], groups=[])
            facts = msgspec.structs.replace(facts, people=facts.people | more.people)
        image = None if question.qr is None else await trio.to_thread.run_sync(qr_image, question.qr)
        media = None if question.media is None else await self._media(account_id, question.media, patient=patient)
        return Known(facts=facts, media=media, qr_image=image, now_ms=now_ms)

    async def _media(self, account_id: int, ref: MediaRef, *, patient: bool) -> str | None:
        if self._fetch_media is None or (ref.size or 0) > _MEDIA_LIMIT:
            return None
        try:
            data = await self._fetch_media(account_id, ref)
        except MediaAway:
            if patient:
                raise
            data = None
        if data is None or len(data) > _MEDIA_LIMIT:
            log.warning("legacy.no_media", account_id=account_id, ref=ref.ref)
            return None
        return base64.b64encode(data).decode()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


def _accepted(answer: Answer) -> bool:
    return answer.outcome is Outcome.DELIVERED
