"""Every call that the present back end makes, with its bodies and time-outs, to a real wasup with a real emulator."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.e2e.system import WasupProcess, prepared
from tests.emulator.process import running_emulator
from tests.media.samples import PNG
from tests.webhooks.receiver import Receiver, receiver, says
from wasup.emulator.client import EmulatorClient
from wasup.webhooks.legacy import sign

pytestmark = pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning")

KEY = "the-old-services-one-key"
SECRET = "what-webhooks-are-signed-with"
PHONE = "6282146291472"
SID = "webjs_7_1732240000_AbCdEf12"
STATUSES = {"qr_scanning", "authenticated", "connected", "disconnected", "failed"}


class BackEnd:
    """Calls as the back end does: JSON bodies (also of a DELETE), its own time-outs, and 5xx answers repeated."""

    def __init__(self, url: str, heard: Receiver | None = None) -> None:
        self._heard = heard
        headers = {"Accept": "application/json", "User-Agent": "Laravel-WhatsApp-Service/1.0"}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, trust_env=False)

    async def call(self, method: str, path: str, timeout: float, body: Any = None, **query: Any) -> httpx.Response:
        """One call."""
        with trio.fail_after(timeout):
            return await self._client.request(method, path, json=body, params=query or None, timeout=timeout)

    def forget(self, event: str) -> None:
        """The first webhook of this name is of no more interest."""
        assert self._heard is not None
        first = next(request for request in self._heard.requests if json.loads(request.body).get("event") == event)
        self._heard.requests.remove(first)

    async def told(self, event: str, **fields: Any) -> Any:
        """The `data` of the first webhook of this name with these fields."""
        return await self._first(
            lambda path, body: (
                body["data"]
                if path.endswith("/webhooks/webjs")
                and body["event"] == event
                and body["data"].items() >= fields.items()
                else None
            )
        )

    async def synchronised(self) -> Any:
        """The first call that synchronises chats."""
        return await self._first(lambda path, body: body if path.endswith("/chats/sync") else None)

    async def _first(self, pick: Callable[[str, Any], Any]) -> Any:
        """What is picked of the calls so far, each of which has the right signature."""
        assert self._heard is not None
        with trio.fail_after(30):
            while True:
                for request in self._heard.requests:
                    headers = request.headers
                    assert headers["x-hmac-signature"] == sign(SECRET, headers["x-timestamp"], request.body)
                    picked = pick(request.path, json.loads(request.body))
                    if picked is not None:
                        return picked
                await trio.sleep(0.1)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


@asynccontextmanager
async def company(folder: Path) -> AsyncIterator[tuple[BackEnd, EmulatorClient, WasupProcess]]:
    """Emulator, wasup with the old routes on, and the back end, which is told what happens."""
    url = f"sqlite:///{folder / 'wasup.db'}"
    settings = {"legacy__enabled": "true", "legacy__api_key": KEY, "media__allow_private": "true"}
    settings["legacy__provider_type"] = "emulated"
    async with receiver(says(200)) as heard, running_emulator() as emulator:
        settings |= {"legacy__backend_url": heard.url.partition("/hooks")[0], "legacy__hmac_secret": SECRET}
        settings["webhooks__allow_private"] = "true"
        async with prepared(url, folder, emulator, **settings) as wasup:
            back_end = BackEnd(wasup.url, heard)
            try:
                yield back_end, emulator, wasup
            finally:
                await back_end.aclose()


async def until(back_end: BackEnd, status: str) -> Any:
    """Poll the status as the back end does, until it is this one."""
    with trio.fail_after(30):
        while True:
            answer = await back_end.call("GET", f"/api/sessions/{SID}/status", 5, workspace_id=7, api_key=KEY)
            assert answer.status_code == 200
            assert answer.json()["status"] in STATUSES
            if answer.json()["status"] == status:
                return answer.json()
            await trio.sleep(0.1)


async def scanned(back_end: BackEnd, emulator: EmulatorClient, wasup: WasupProcess) -> None:
    """Scan the QR code that is on offer, which the native API shows in plain."""
    async with wasup.admin() as admin:
        with trio.fail_after(30):
            while (code := await admin.qr(40)) is None:
                await trio.sleep(0.1)
        await emulator.scan(code, PHONE)
    await until(back_end, "connected")


async def arrived(emulator: EmulatorClient, count: int) -> list[Any]:
    """What the emulated network has taken from the account."""
    with trio.fail_after(20):
        while True:
            sent = await emulator.log(kind="send")
            if len(sent) >= count:
                return sent
            await trio.sleep(0.1)


async def test_the_back_end_works_unchanged(tmp_path: Path) -> None:  # noqa: PLR0915 - one story
    """A session's whole life: made by the back end with its own ids, scanned, sent from, read, ended, begun again."""
    own = {"workspace_id": 7, "api_key": KEY}
    async with company(tmp_path) as (back_end, emulator, wasup):
        call = back_end.call
        # Without a key, with a wrong one, and with one that is for the other routes: nothing.
        native = (tmp_path / "api-key").read_text().strip()
        for key in (None, "wrong", native):
            refused = await call("POST", "/api/sessions", 10, own | {"session_id": SID, "api_key": key})
            assert (refused.status_code, refused.json()) == (401, {"error": "Invalid API key"})
        # 1: answered at once, with the ids of the back end; a numeric text will do.
        made = await call("POST", "/api/sessions", 10, own | {"workspace_id": "7", "account_id": 40, "session_id": SID})
        assert made.json() == {"success": True, "session_id": SID, "status": "qr_scanning"}
        # 1b and 1c: the account's id may be missing, and its UUID may stand for the session; nothing new is made.
        async with wasup.admin() as admin:
            uuid = (await admin.account(40))["uuid"]
        for more in (
            {"session_id": SID, "account_id": None},
            {"session_id": uuid, "phone_number": None, "provider_type": "webjs"},
        ):
            again = await call("POST", "/api/sessions", 30, own | more)
            assert (again.status_code, again.json()["session_id"]) == (200, more["session_id"])
            assert again.json()["status"] in STATUSES
        # 5: the QR code as a picture.
        fresh = await call("POST", f"/api/sessions/{SID}/regenerate-qr", 30, own)
        assert fresh.json()["expires_in"] == 300
        assert fresh.json()["qr_code"].startswith("data:image/png;base64,")
        await scanned(back_end, emulator, wasup)
        # It has an endpoint at the back end by the settings alone, which heard of this login from its beginning.
        assert (await back_end.told("qr_code_generated"))["qr_code"].startswith("data:image/png;base64,")
        ready = await back_end.told("session_ready")
        assert (ready["session_id"], ready["workspace_id"], ready["phone_number"]) == (SID, 7, PHONE)
        assert (await back_end.told("session_authenticated"))["status"] == "authenticated"
        # 2
        state = (await call("GET", f"/api/sessions/{SID}/status", 10, api_key=KEY)).json()
        assert (state["phone_number"], state["workspace_id"], state["session_id"]) == (PHONE, 7, SID)
        assert state["last_activity"].endswith("Z")
        # 6, 6b and 7: text with digits alone or a plus, and media by address.
        text = {
            "workspace_id": 7,
            "session_id": SID,
            "recipient_phone": "5511988887777",
            "message": "Halo",
            "type": "text",
        }
        answer = (await call("POST", "/api/messages/send", 30, text | {"api_key": KEY})).json()
        assert answer["success"] is True
        assert answer["message_id"].startswith("true_5511988887777@c.us_3EB0")
        assert abs(answer["timestamp"] - 1.7e9) < 1e9
        assert (await call("POST", "/api/messages/send", 30, text)).status_code == 401
        ref = await emulator.upload(PNG, "image/png")
        picture = {"media_url": f"{emulator.url}/media/{ref}", "caption": "a.png", "filename": None}
        sent = own | {"session_id": SID, "recipient_phone": "+55 11 98888-7777"}
        assert (await call("POST", "/api/messages/send-media", 30, sent | picture)).json()["success"] is True
        by_type = sent | {"message": picture["media_url"], "type": "image", "caption": "c", "user_id": 3}
        assert (await call("POST", "/api/messages/send", 60, by_type)).json()["success"] is True
        bulk = sent | {"recipients": ["5511988887771", "+5511988887772"], "message": "b", "type": "text"}
        many = (await call("POST", "/api/messages/bulk-send", 30, bulk)).json()
        assert (many["total"], many["successful"], many["failed"]) == (2, 2, 0)
        await arrived(emulator, 5)
        # 14 and 13
        name = answer["message_id"]
        progress = await call("GET", f"/api/messages/{name}/status", 10, session_id=SID, workspace_id=7, api_key=KEY)
        assert progress.json()["status"] in {"sent", "delivered", "read"}
        assert (
            await call("GET", f"/api/messages/{name}/status", 10, session_id=SID, workspace_id=7)
        ).status_code == 401
        (received,) = await emulator.incoming("5511988887777", "hi", phone=PHONE)
        # Acknowledgements by the ids that the sends were answered with, on the back end's own scale.
        assert (await back_end.told("message_status_updated"))["ack_level"] == 2
        for event in ("message_delivered", "message_read"):
            assert (await back_end.told(event))["message_id"].startswith("true_55119888")
        read = own | {"session_id": SID, "message_id": f"false_5511988887777@c.us_{received}"}
        assert (await call("POST", "/api/messages/mark-read", 10, read)).json() == {"success": True}
        # What cannot be sent is a 4xx, so that it is not repeated.
        for change, error in (
            ({"recipient_phone": None}, "Missing required fields"),
            ({"recipient_phone": "abc"}, "Invalid phone number format"),
            ({"session_id": "nobody"}, "Session not found"),
            ({"workspace_id": 8}, "Session not found"),
            ({"type": "hologram"}, "Unknown message type hologram"),
        ):
            wrong = await call("POST", "/api/messages/send", 30, text | {"api_key": KEY} | change)
            assert 400 <= wrong.status_code < 500
            assert wrong.json()["error"] == error
        gone = await call(
            "POST", "/api/messages/send-media", 30, sent | picture | {"media_url": f"{emulator.url}/nope"}
        )
        assert gone.status_code == 400
        assert (await call("POST", "/api/messages/send-template", 30, own)).status_code == 404
        # 10, 11, 12, 15 and the rest
        health = (await call("GET", "/health", 3)).json()
        assert health["status"] == "ok"
        assert (health["sessions"]["total"], health["sessions"]["connected"]) == (1, 1)
        assert health["system"]["uptime_seconds"] >= 0
        idle = (await call("GET", f"/api/internal/sessions/{SID}/last-activity", 5)).json()
        assert idle["data"]["last_activity"] is None
        for method, path in (("GET", "status"), ("POST", "logout")):
            assert (await call(method, f"/sessions/{SID}/{path}", 30)).status_code == 404
        # 11 and 16: nothing of the back end calls these, and they were not there before either.
        for method, path in (
            ("GET", "/health/detailed"),
            ("POST", f"/api/sessions/{SID}/qr"),
            ("GET", "/api/health/detailed"),
            ("GET", "/api/health/ready"),
            ("GET", "/api/metrics"),
            ("GET", "/api/version"),
            ("POST", "/api/sync/trigger"),
            ("POST", "/api/sync/status"),
        ):
            nothing = await call(method, path, 30, own if method == "POST" else None)
            assert (nothing.status_code, "error" in nothing.text or "title" in nothing.text) == (404, True), path
        # What comes in goes to the back end with its media.
        photo = {"type": "image", "media": {"ref": ref, "mime": "image/png"}, "caption": "look"}
        await emulator.incoming("5511988880000", phone=PHONE, content=photo)
        while (came := (await back_end.told("message_received"))["message"])["body"] != "look":
            back_end.forget("message_received")
        assert base64.b64decode(came["media"]["data"]) == PNG
        assert came["from"] == "5511988880000@c.us"
        # What the phone itself writes is told, what came through the API is not; chats are synchronised.
        await emulator.incoming("5511988880000", "From the phone", phone=PHONE, from_me=True)
        written = await back_end.told("message_sent")
        assert (written["message"]["body"], written["source"]) == ("From the phone", "message_create_event")
        synced = await back_end.synchronised()
        assert (synced["whatsapp_account_id"], synced["session_id"]) == (40, SID)
        listed = (await call("GET", "/api/sessions", 10, api_key=KEY)).json()
        assert [row["session_id"] for row in listed["sessions"]] == [SID]
        assert (await call("GET", f"/api/messages/{SID}/validate", 10, api_key=KEY)).json()["can_send"] is True
        metadata = (await call("GET", f"/api/sessions/{SID}/metadata", 10, api_key=KEY)).json()["metadata"]
        assert (metadata["accountId"], metadata["status"]) == (40, "connected")
        # 3, 4: ended with a body, ended again, begun again without another scan.
        ended = (await call("DELETE", f"/api/sessions/{SID}", 30, own)).json()
        assert ended["success"] is True
        assert "alreadyDisconnected" not in ended
        for sid in (SID, "nobody"):
            again = await call("DELETE", f"/api/sessions/{sid}", 30, own)
            assert (again.status_code, again.json()["alreadyDisconnected"]) == (200, True)
        assert (await call("DELETE", f"/api/sessions/{SID}", 30)).status_code == 401
        offline = await call("POST", "/api/messages/send", 30, text | {"api_key": KEY})
        assert offline.json() == {"error": "Session not connected. Please check session status."}
        back = await call("POST", f"/api/sessions/{SID}/reconnect", 60, own | {"account_id": 40})
        assert back.json()["success"] is True
        await until(back_end, "connected")
        # The phone unlinks it: the back end hears of that as of a log-out, which it does not reconnect.
        await emulator.ctl("unlink", phone=PHONE)
        assert (await back_end.told("session_disconnected", reason="LOGOUT"))["session_id"] == SID
        # What was changed is in the log of changes like any other change; looking and sending are not.
        async with wasup.admin() as admin:
            changes = [row for row in (await admin._http.get("/api/audit")).json()["data"] if row["key_id"] == 0]
        assert {row["action"] for row in changes} == {
            "create_session",
            "regenerate_qr",
            "delete_session",
            "reconnect_session",
        }
        assert {row["workspace_id"] for row in changes} == {7}
        # The key is good nowhere else, and stands in no log.
        assert (await call("GET", "/api/accounts", 10, api_key=KEY)).status_code == 401
        headers = {"X-Api-Key": KEY}
        assert (await back_end._client.get("/api/accounts", headers=headers)).status_code == 401
        assert KEY not in wasup.log()
        assert "Halo" not in wasup.log()


async def test_the_old_routes_are_not_there_unless_they_are_switched_on(tmp_path: Path) -> None:
    """They are then like any unknown route."""
    url = f"sqlite:///{tmp_path / 'wasup.db'}"
    async with running_emulator() as emulator, prepared(url, tmp_path, emulator, legacy__api_key=KEY) as wasup:
        back_end = BackEnd(wasup.url)
        answer = await back_end.call(
            "POST", "/api/sessions", 10, {"workspace_id": 1, "session_id": SID, "api_key": KEY}
        )
        await back_end.aclose()
        assert answer.status_code == 404


async def test_media_survives_kill_9_between_answer_and_upload(tmp_path: Path) -> None:
    """Queued while the account is away, killed, and sent after the restart with the very bytes."""
    url = f"sqlite:///{tmp_path / 'wasup.db'}"
    async with running_emulator() as emulator, prepared(url, tmp_path, emulator) as wasup:
        async with wasup.api() as api:
            account_id = await api.create_account("Media")
            await api.connect(account_id)
            with trio.fail_after(30):
                while (code := await api.qr(account_id)) is None:
                    await trio.sleep(0.1)
                await emulator.scan(code, PHONE)
                while (await api.account(account_id))["status"] != "connected":
                    await trio.sleep(0.1)
            uploaded = await api._http.post("/api/media", content=PNG, headers={"Content-Type": "image/png"})
            assert (uploaded.status_code, uploaded.json()["kind"]) == (201, "image")
            media_id = uploaded.json()["id"]
            assert (await api._http.get(f"/api/media/{media_id}")).content == PNG
            image = {"account_id": account_id, "to": "+5511988887777", "type": "image", "image": {"id": media_id}}
            answer = await api._http.post("/api/messages", json=image)
            assert answer.status_code == 202, answer.text
            message_id = answer.json()["id"]
            wasup.kill()
        await wasup.start()
        async with wasup.api() as api:
            with trio.fail_after(30):
                while True:
                    progress = (await api._http.get(f"/api/messages/{message_id}/status")).json()
                    if progress["status"] not in {"queued", "sending"}:
                        break
                    await trio.sleep(0.1)
            assert progress["status"] in {"sent", "delivered", "read"}, progress
            assert (await api._http.get(f"/api/messages/{message_id}/media")).content == PNG
            chats = (await api._http.get(f"/api/accounts/{account_id}/chats")).json()["data"]
            for name, body in (("typing", {"active": True}), ("read", {})):
                told = await api._http.post(f"/api/chats/{chats[0]['id']}/{name}", json=body)
                assert told.status_code == 204, told.text
            # Received media is fetched when somebody asks, and kept.
            ref = await emulator.upload(PNG, "image/png")
            picture = {"type": "image", "media": {"ref": ref, "mime": "image/png"}}
            await emulator.incoming("5511988887777", phone=PHONE, content=picture)
            with trio.fail_after(20):
                while True:
                    rows = (await api._http.get(f"/api/messages?account_id={account_id}")).json()["data"]
                    if not rows[0]["from_me"]:
                        break
                    await trio.sleep(0.1)
            for _ in range(2):
                assert (await api._http.get(f"/api/messages/{rows[0]['id']}/media")).content == PNG
