"""A customer's back end, played: it receives webhooks (Standard Webhooks) and remembers what came.

`POST /ctl/backend` sets the secret and how the door behaves; `GET /ctl/backend/log` tells what arrived.
"""

import asyncio
import time
from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

__all__ = ["Backend"]

_HANG: Final = 3600.0


class _Data(msgspec.Struct):
    whatsapp_account_id: int | None = None
    account_seq: int | None = None
    message_id: str | None = None


class _Event(msgspec.Struct):
    type: str
    timestamp: Any = None
    id: str | None = None
    data: _Data = msgspec.field(default_factory=_Data)


class _Batch(msgspec.Struct):
    events: list[_Event]


class Fail(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How the door fails: the next `count` times, or until told otherwise.

    `status` answers with any status; `hang` never answers; `slow` answers well after `seconds`; `reset` cuts.
    """

    mode: Literal["status", "hang", "slow", "reset"] = "status"
    status: Annotated[int, msgspec.Meta(ge=300, le=599)] = 500
    retry_after: str | None = None
    seconds: float = 1.0
    count: int | None = None


class Configure(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Secrets (all are tried; none: signatures are not checked) and the way of failing (null: none)."""

    secret: str | msgspec.UnsetType | None = msgspec.UNSET
    secrets: list[str] | msgspec.UnsetType = msgspec.UNSET
    fail: Fail | msgspec.UnsetType | None = msgspec.UNSET


class Received(msgspec.Struct, gc=False, omit_defaults=True):
    """One event that arrived, `at` monotonic seconds; `again` when its id had been here before."""

    seq: int
    at: float
    utc_ms: int
    id: str
    type: str
    account_id: int | None
    account_seq: int | None
    message_id: str | None
    again: bool


class Backend:
    """The receiver."""

    def __init__(self) -> None:
        self._hooks: list[Webhook] = []
        self._fail: Fail | None = None
        self._log: list[Received] = []
        self._ids: set[str] = set()
        self._last: dict[int, int] = {}
        self._counts = dict.fromkeys(
            ("requests", "accepted", "again", "bad_signature", "malformed", "failed", "out_of_order"), 0
        )
        self._types: dict[str, int] = {}
        self._single = msgspec.json.Decoder(_Event)
        self._batch = msgspec.json.Decoder(_Batch)

    def routes(self) -> list[web.RouteDef]:
        """The door and its controls."""
        return [
            web.post("/backend/webhooks", self._receive),
            web.post("/ctl/backend", self._configure),
            web.post("/ctl/backend/clear", self._clear),
            web.get("/ctl/backend", self._summary),
            web.get("/ctl/backend/log", self._get_log),
        ]

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        self._counts["requests"] += 1
        body = await request.read()
        failing = await self._failing(request)
        if failing is not None:
            return failing
        if self._hooks and not self._is_signed(body, request):
            self._counts["bad_signature"] += 1
            return _json({"error": "bad signature"}, 401)
        try:
            events = self._decode(body)
        except msgspec.DecodeError as error:
            self._counts["malformed"] += 1
            return _json({"error": str(error)}, 400)
        webhook_id = request.headers.get("webhook-id", "")
        for event in events:
            self._note(event.id or webhook_id, event)
        return web.Response(status=204)

    def _decode(self, body: bytes) -> list[_Event]:
        if body.startswith(b'{"events"'):
            return self._batch.decode(body).events
        return [self._single.decode(body)]

    def _is_signed(self, body: bytes, request: web.Request) -> bool:
        headers = {
            name: request.headers.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        }
        for hook in self._hooks:
            try:
                hook.verify(body, headers, json_parse=False)
            except (WebhookVerificationError, ValueError):
                continue
            return True
        return False

    def _note(self, event_id: str, event: _Event) -> None:
        data = event.data
        again = event_id in self._ids
        counts = self._counts
        counts["accepted"] += 1
        if again:
            counts["again"] += 1
        else:
            self._ids.add(event_id)
            self._types[event.type] = self._types.get(event.type, 0) + 1
            account, number = data.whatsapp_account_id, data.account_seq
            if account is not None and number is not None:
                if number <= self._last.get(account, 0):
                    counts["out_of_order"] += 1
                else:
                    self._last[account] = number
        self._log.append(
            Received(
                seq=len(self._log) + 1,
                at=time.monotonic(),
                utc_ms=time.time_ns() // 1_000_000,
                id=event_id,
                type=event.type,
                account_id=data.whatsapp_account_id,
                account_seq=data.account_seq,
                message_id=data.message_id,
                again=again,
            )
        )

    async def _failing(self, request: web.Request) -> web.StreamResponse | None:
        fail = self._fail
        if fail is None:
            return None
        if fail.count is not None:
            fail.count -= 1
            if fail.count <= 0:
                self._fail = None
        if fail.mode == "slow":
            await asyncio.sleep(fail.seconds)
            return None
        self._counts["failed"] += 1
        if fail.mode == "hang":
            await asyncio.sleep(_HANG)
        if fail.mode == "reset":
            if isinstance(request.transport, asyncio.Transport):
                request.transport.abort()
            return web.Response(status=500)
        headers = {"Retry-After": fail.retry_after} if fail.retry_after is not None else {}
        return web.Response(status=fail.status, headers=headers)

    # -- controls ---------------------------------------------------------------------------------------------

    async def _configure(self, request: web.Request) -> web.Response:
        try:
            wanted = msgspec.json.decode(await request.read() or b"{}", type=Configure)
            if wanted.secrets is not msgspec.UNSET:
                self._hooks = [Webhook(secret) for secret in wanted.secrets]
            if wanted.secret is not msgspec.UNSET:
                self._hooks = [] if wanted.secret is None else [Webhook(wanted.secret)]
        except (ValueError, EmptyWebhookSecretError) as error:
            return _json({"error": str(error)}, 400)
        if wanted.fail is not msgspec.UNSET:
            self._fail = wanted.fail
        return _json(self._figures())

    async def _clear(self, _request: web.Request) -> web.Response:
        self._log.clear()
        self._ids.clear()
        self._last.clear()
        self._types.clear()
        self._counts = dict.fromkeys(self._counts, 0)
        return _json(self._figures())

    async def _summary(self, _request: web.Request) -> web.Response:
        return _json(self._figures())

    def _figures(self) -> dict[str, object]:
        return {
            "secrets": len(self._hooks),
            "fail": self._fail,
            **self._counts,
            "distinct": len(self._ids),
            "types": self._types,
            "accounts": len(self._last),
        }

    async def _get_log(self, request: web.Request) -> web.Response:
        try:
            after = max(0, int(request.query.get("after", "0")))
        except ValueError:
            return _json({"error": "`after` is a number"}, 400)
        return _json(self._log[after:])


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")
