"""A real wasup that handles secrets and messages in every way, and its log."""

import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import trio

from tests.e2e.system import prepared
from tests.emulator.process import running_emulator
from tests.media.samples import PNG
from wasup.cli.bootstrap import ADMIN_KEY
from wasup.cli.demo.api import Api
from wasup.cli.local import read_key

PHONE = "5511988887777"
FRIEND = "5511988886666@c.us"
LEGACY_KEY = "canary-of-the-old-service"
SIGNING = "whsec_" + base64.b64encode(b"canary of an endpoint's secret").decode()


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """What a look finds, as soon as it finds something."""
    with trio.fail_after(30):
        while not (found := await look()):
            await trio.sleep(0.05)
    return found


async def pair(api: Api, emulator: Any) -> tuple[int, list[str]]:
    """A connected account, and the codes that were offered on the way."""
    account_id = await api.create_account("Canaries")
    await api.connect(account_id)
    await until(lambda: api.qr(account_id))
    phone = {"phone": f"+{PHONE}"}
    pairing = (await api.call("POST", f"/api/accounts/{account_id}/pairing-code", json=phone))["code"]
    code = await api.qr(account_id)
    assert code is not None
    await emulator.scan(code, PHONE)

    async def connected() -> bool:
        return bool((await api.account(account_id))["status"] == "connected")

    await until(connected)
    return account_id, [pairing, code]


async def exchange(api: Api, emulator: Any, account_id: int) -> None:
    """Messages both ways, with and without media, and changes of them."""
    sent = {"account_id": account_id, "to": FRIEND}
    await api.call("POST", "/api/messages", json=sent | {"type": "text", "text": {"body": "canary sent"}})
    picture = {"data": base64.b64encode(PNG).decode(), "caption": "canary caption", "filename": "canary.png"}
    await api.call("POST", "/api/messages", json=sent | {"type": "image", "image": picture})
    await emulator.incoming(FRIEND, "canary received", phone=PHONE, name="canary name")

    async def stored() -> bool:
        return len(await api.messages(account_id)) == 3

    await until(stored)


async def call_badly(url: str) -> None:
    """Requests that are refused, with something in each place that a request has."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        for headers in (
            {"X-Api-Key": "wsp_canary" + "0" * 21},
            {"Authorization": "Basic canary"},
            {"Cookie": "a=canary"},
        ):
            assert (await http.get("/api/accounts?api_key=canary", headers=headers)).status_code == 401
        for path in ("/api/sessions", "/api/messages/send"):
            assert (await http.post(path, json={"api_key": "canary", "message": "canary"})).status_code == 401
        assert (await http.get("/canary?canary=1")).status_code == 404


async def test_no_secret_and_no_message_is_in_the_log_of_a_running_system(tmp_path: Path) -> None:
    """No key, code, cookie, signing secret, text or name, whether things go well, are refused, or crash."""
    url = f"sqlite:///{tmp_path / 'wasup.db'}"
    legacy = {"legacy__enabled": "true", "legacy__api_key": LEGACY_KEY}
    async with running_emulator() as emulator, prepared(url, tmp_path, emulator, **legacy) as wasup:
        admin_key = read_key(tmp_path, ADMIN_KEY)
        async with wasup.api() as api:
            endpoint = {
                "url": "http://127.0.0.1:9/canary?token=canary",  # nobody listens there
                "secret": SIGNING,
                "headers": {"X-Token": "canary of a header"},
            }
            made = await api.call("POST", "/api/webhook-endpoints", json=endpoint)
            key = (await api.call("POST", "/api/keys", json={"name": "canary", "scopes": ["read"]}))["key"]
            login = await api._http.post("/api/dashboard/session", json={"key": key})
            cookie = login.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
            account_id, codes = await pair(api, emulator)
            await exchange(api, emulator, account_id)
            await call_badly(wasup.url)
            await api.call("POST", f"/api/webhook-endpoints/{made['id']}/test")

            async def failed() -> Any:
                return (await api.call("GET", f"/api/webhook-endpoints/{made['id']}/deliveries?failed=true"))["data"]

            await until(failed)
            await api.call("POST", f"/api/actors/root/accounts/{account_id}/session/restart")
            await api._http.get("/api/sessions", params={"api_key": LEGACY_KEY})
        assert wasup.terminate() == 0
        log = wasup.log()
        assert "api.change" in log
        assert "canary" not in log.lower()
        for secret in (SIGNING, key, cookie, admin_key, LEGACY_KEY, *codes, base64.b64encode(PNG).decode()[:40]):
            assert secret
            assert secret not in log, secret[:6]
