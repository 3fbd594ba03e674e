"""What the controls let one look at: the log, counters, accounts, chats."""

import asyncio
import itertools
from typing import Any, Final

import msgspec
from aiohttp import web

from wasup.emulator import journal
from wasup.emulator.account import Account
from wasup.emulator.answers import Refused, answer, number_of
from wasup.emulator.load import LoadGenerator
from wasup.emulator.logins import Logins
from wasup.emulator.network import Network
from wasup.emulator.world import World

__all__ = ["Views"]

_EXPORT_CHUNK: Final = 2_000


class Views:
    """The `GET` routes."""

    def __init__(self, world: World, logins: Logins, network: Network, load: LoadGenerator) -> None:
        self._world = world
        self._journal = world.journal
        self._logins = logins
        self._network = network
        self._load = load

    def _rows(self, request: web.Request) -> Any:
        query = request.query
        kinds = frozenset(query["kind"].split(",")) if "kind" in query else None
        if kinds is not None and not kinds <= set(journal.KINDS):
            raise Refused(400, f"kinds are {', '.join(journal.KINDS)}")
        return self._journal.rows(after=number_of(request, "after") or 0, kinds=kinds, phone=query.get("phone"))

    async def get_log(self, request: web.Request) -> web.Response:
        """Rows after a number: all of them (`?after=`, `?kind=a,b`, `?phone=`, `?limit=`)."""
        rows = self._rows(request)
        limit = number_of(request, "limit")
        chosen: list[dict[str, object]] = []
        for row in rows:
            if limit is not None and len(chosen) >= limit:
                break
            chosen.append(row)
            if not len(chosen) % _EXPORT_CHUNK:
                await asyncio.sleep(0)
        return answer(chosen)

    async def export_log(self, request: web.Request) -> web.StreamResponse:
        """The same rows as lines of JSON, however many."""
        rows = self._rows(request)
        response = web.StreamResponse()
        response.content_type = "application/x-ndjson"
        await response.prepare(request)
        chunk: list[dict[str, object]] = []
        encoder = msgspec.json.Encoder()
        for row in rows:
            chunk.append(row)
            if len(chunk) >= _EXPORT_CHUNK:
                await response.write(encoder.encode_lines(chunk))
                chunk = []
                await asyncio.sleep(0)
        if chunk:
            await response.write(encoder.encode_lines(chunk))
        await response.write_eof()
        return response

    async def get_state(self, _request: web.Request) -> web.Response:
        """Counters of everything."""
        world = self._world
        return answer(
            {
                **self._network.summary(),
                "accounts": len(world.accounts),
                "devices": len(world.devices),
                "waiting": sum(len(device.waiting) for device in world.devices.values()),
                "in_hand": sum(device.in_hand_count for device in world.devices.values()),
                "log_next": self._journal.next,
                "counts": dict(zip(journal.KINDS, self._journal.counts, strict=True)),
                "qr_on_offer": len(self._logins.texts),
                "load": self._load.progress(),
            }
        )

    async def get_accounts(self, request: web.Request) -> web.Response:
        """All accounts, or the first `?limit=`."""
        accounts = self._world.accounts.values()
        return answer([_describe(account) for account in itertools.islice(accounts, number_of(request, "limit"))])

    async def get_chats(self, request: web.Request) -> web.Response:
        """Chats of an account with their last messages (`?phone=`)."""
        account = self._world.known(request.query.get("phone", ""))
        return answer(
            [
                {
                    **msgspec.to_builtins(chat.changed()),
                    "messages": [msgspec.Raw(raw) for _, raw, _ in list(chat.kept)[-30:]],
                }
                for chat in account.chats.values()
            ]
        )

    async def get_load(self, _request: web.Request) -> web.Response:
        """How far the load is."""
        return answer(self._load.progress())


def _describe(account: Account) -> dict[str, object]:
    devices = account.devices.values()
    return {
        "phone": account.phone,
        "id": account.person.pn,
        "lid": account.person.lid,
        "push_name": account.person.push_name,
        "devices": len(devices),
        "connected": sum(device.door is not None for device in devices),
        "waiting": sum(len(device.waiting) for device in devices),
        "in_hand": sum(device.in_hand_count for device in devices),
        "banned": account.banned,
        "banned_until": account.banned_until,
        "locked": account.locked,
        "proxy_blocked": account.proxy_blocked,
        "sent": len(account.sent),
    }
