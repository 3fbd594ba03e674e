"""The dashboard's cookie: what it is good for, what it is not, and when it ends."""

from pathlib import Path
from typing import Any

import pytest
import trio.testing
from werkzeug.datastructures import Headers
from werkzeug.http import parse_cookie

from tests.http.conftest import Answer, Client
from tests.http.fakes import NOW, World
from tests.http.test_database import stored
from wasup.http.dashboard.logins import COOKIE, cookie, csrf_token, session_token
from wasup.http.keys import digest_key
from wasup.http.limits import client_scheme
from wasup.ports.clock import SystemClock

SESSION = "/api/dashboard/session"
HOUR = 3_600_000


class Browser:
    """Somebody at the dashboard: keeps the cookie and the second token, and never sends a key."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.token = ""
        self.csrf = ""

    async def log_in(self, key: str, **headers: str) -> Answer:
        """Enter with a key."""
        answer = await self.client.send("POST", SESSION, key=None, json={"key": key}, headers=headers)
        if answer.status == 200:
            self.token = parse_cookie(answer.headers["Set-Cookie"])["wasup_session"]
            self.csrf = answer.json()["csrf"]
        return answer

    async def send(self, method: str, path: str, *, csrf: str | None = "", json: Any = None, **headers: str) -> Answer:
        """Send a request with the cookie; `csrf` None to leave the second token out."""
        given = {"Cookie": f"theme=dark; wasup_session={self.token}"}
        if csrf is not None:
            given["X-CSRF-Token"] = csrf or self.csrf
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.send(method, path, key=None, json=json, headers=given)

    async def get(self, path: str, **headers: str) -> Answer:
        """GET, without the second token."""
        return await self.send("GET", path, csrf=None, **headers)


@pytest.fixture
async def browser(client: Client, world: World) -> Browser:
    """Logged in with the workspace's key."""
    browser = Browser(client)
    assert (await browser.log_in(world.key)).status == 200
    return browser


async def test_the_cookie_takes_the_keys_place_and_does_not_hold_it(browser: Browser, world: World) -> None:
    """No script can read it, no other site's page sends it, nothing of the key is in it, and the database lacks it."""
    answer = await browser.log_in(world.key)
    attributes = {part.strip() for part in answer.headers["Set-Cookie"].split(";")[1:]}
    assert attributes == {"HttpOnly", "Path=/", "SameSite=Strict", f"Max-Age={7 * 24 * 3600}"}
    assert answer.json() == {
        "csrf": browser.csrf,
        "workspace_id": 1,
        "scopes": ["read", "send", "manage"],
        "expires_at": NOW + 12 * HOUR,
    }
    assert world.key[4:] not in browser.token
    assert digest_key(world.key).hex() not in browser.token
    assert browser.token.encode() not in b"".join(world.rows.logins)
    assert (await browser.get(SESSION)).json() == answer.json()
    assert (await browser.get("/api/accounts")).status == 200
    made = await browser.send("POST", "/api/accounts", json={})
    assert made.status == 201
    assert world.rows.changes[-1].key_id == world.rows.keys[digest_key(world.key)].id


@pytest.mark.parametrize(
    ("peer", "forwarded", "scheme"),
    [
        ("127.0.0.1", "https", "https"),
        ("127.0.0.1", "gopher", "http"),
        ("127.0.0.1", None, "http"),
        ("198.51.100.7", "https", "http"),
        (None, "https", "http"),
    ],
)
def test_a_trusted_proxy_tells_of_https(peer: str | None, forwarded: str | None, scheme: str) -> None:
    """Then the cookie never travels without; anybody else who says so is not believed."""
    headers = Headers() if forwarded is None else Headers([("X-Forwarded-Proto", forwarded)])
    assert client_scheme("http", peer, headers, ("127.0.0.1/32",)) == scheme
    assert ("Secure" in cookie("x", secure=scheme == "https")) is (scheme == "https")


@pytest.mark.parametrize("csrf", [None, "x", "0" * 64, "é"])
async def test_a_change_needs_the_second_token(browser: Browser, csrf: str | None) -> None:
    """Missing or wrong, it is a 403; looking needs none."""
    for method, path in (("POST", "/api/accounts"), ("DELETE", "/api/accounts/1"), ("DELETE", SESSION)):
        (await browser.send(method, path, json={} if method == "POST" else None, csrf=csrf)).problem(403)
    assert (await browser.get("/api/accounts")).json()["data"] == []


async def test_the_second_token_of_another_login_is_wrong(browser: Browser, world: World) -> None:
    """It belongs to one login, also of the same key."""
    other = Browser(browser.client)
    await other.log_in(world.key)
    assert other.csrf != browser.csrf
    (await browser.send("POST", "/api/accounts", json={}, csrf=other.csrf)).problem(403)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec_Fetch_Site": "same-origin"}, True),
        ({"Sec_Fetch_Site": "none"}, True),
        ({"Sec_Fetch_Site": "same-site"}, False),
        ({"Sec_Fetch_Site": "cross-site"}, False),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "http://localhost:3000"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "https://name.of.the.proxy"}, True),
        ({"Sec_Fetch_Site": "cross-site", "Origin": "http://localhost"}, False),
    ],
)
async def test_another_sites_page_gets_nowhere(browser: Browser, headers: dict[str, str], allowed: bool) -> None:
    """With the cookie and even the second token, and when it would log somebody in."""
    for method, path in (("GET", "/api/accounts"), ("POST", "/api/accounts"), ("GET", SESSION)):
        answer = await browser.send(method, path, json={} if method == "POST" else None, **headers)
        assert (answer.status != 403) is allowed
    key = browser.client.world.key
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    assert ((await browser.log_in(key, **given)).status == 200) is allowed


async def test_nothing_is_taken_for_a_login_that_is_none(browser: Browser, world: World) -> None:
    """No cookie, a made-up one, and one beside a wrong key: that a key was given counts."""
    assert (await browser.client.get(SESSION, key=None)).status == 401
    for token in ("", "x", "A" * 43, world.key):
        browser.token = token
        (await browser.get("/api/accounts")).problem(401)
        (await browser.get(SESSION)).problem(401)
    await browser.log_in(world.key)
    (await browser.get("/api/accounts", X_Api_Key="wsp_" + "0" * 27)).problem(401)
    (await browser.log_in("wsp_" + "0" * 27)).problem(401)


async def test_the_old_services_routes_take_no_cookie() -> None:
    """They are for a back end."""
    browser = Browser(Client(World(legacy_enabled=True)))
    assert (await browser.log_in(browser.client.world.key)).status == 200
    assert (await browser.get("/api/sessions")).status == 401


async def test_who_guesses_keys_or_cookies_waits_and_who_is_logged_in_does_not() -> None:
    """Both are counted as wrong keys of their address."""
    browser = Browser(Client(World(wrong_keys_per_minute=4.0)))
    world = browser.client.world
    await browser.log_in(world.key)
    await browser.get("/api/accounts")
    stranger = Browser(browser.client)
    statuses = [(await stranger.log_in("wsp_" + "0" * 27)).status for _ in range(2)]
    for number in range(4):
        stranger.token = str(number) * 43
        statuses.append((await stranger.get("/api/accounts")).status)
    assert statuses == [401, 401, 401, 401, 429, 429]
    lookups = world.rows.lookups
    (await stranger.log_in(world.other)).problem(429)
    assert world.rows.lookups == lookups
    assert (await browser.get("/api/accounts")).status == 200


async def test_logging_out_ends_it_at_once(browser: Browser) -> None:
    """On the server too: a copy of the cookie is worth nothing."""
    answer = await browser.send("DELETE", SESSION)
    assert answer.status == 204
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    (await browser.get("/api/accounts")).problem(401)
    (await browser.send("DELETE", SESSION)).problem(401)


async def test_it_lasts_twelve_hours_unused_and_a_week_at_most(
    browser: Browser, world: World, autojump_clock: trio.testing.MockClock
) -> None:
    """Whoever uses it stays logged in, for as long as is good for anybody."""

    async def after(hours: float) -> int:
        world.clock.now += int(hours * HOUR)
        await trio.sleep(5)  # what is remembered of it is old
        return (await browser.get("/api/accounts")).status

    assert [await after(11.9) for _ in range(14)] == [200] * 14
    assert world.clock.now < NOW + 7 * 24 * HOUR
    assert await after(1.5) == 401
    await browser.log_in(world.key)
    assert await after(12) == 401


async def test_it_ends_with_its_key(browser: Browser, world: World, autojump_clock: trio.testing.MockClock) -> None:
    """Revoked here, at once; revoked elsewhere, within five seconds; expired, to the millisecond."""
    made = (await browser.send("POST", "/api/keys", json={"name": "x", "scopes": ["read"]})).json()
    visitor = Browser(browser.client)
    await visitor.log_in(made["key"])
    assert (await visitor.get("/api/accounts")).status == 200
    assert (await browser.send("DELETE", f"/api/keys/{made['record']['id']}")).status == 204
    (await visitor.get("/api/accounts")).problem(401)

    short = world.rows.add_key(1, "read", expires_at=NOW + 1000)
    assert (await visitor.log_in(short)).json()["expires_at"] == NOW + 1000
    assert (await visitor.get("/api/accounts")).status == 200
    world.clock.now += 1000
    (await visitor.get("/api/accounts")).problem(401)

    assert (await browser.get("/api/accounts")).status == 200
    del world.rows.keys[digest_key(world.key)]
    await trio.sleep(5)
    (await browser.get("/api/accounts")).problem(401)


def test_other_cookies_of_the_host_may_be_anything() -> None:
    """Bytes that are no text, in cookies of others or in place of ours, are no error of ours."""
    token = "A" * 43
    for cookies in (f"a=\xe9\xff; {COOKIE}={token}", f"{COOKIE}={token}; b=\xc3", f"{COOKIE}={token}"):
        assert session_token(Headers({"Cookie": cookies})) == token
    for cookies in (f"{COOKIE}=\xe9", f"{COOKIE}={token[:-1]}\xe9", f"a={token}"):
        assert session_token(Headers({"Cookie": cookies})) is None


async def test_no_secret_of_it_reaches_a_log(
    browser: Browser, world: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through good requests, bad ones and a crash."""
    caplog.set_level("DEBUG")
    await browser.log_in(world.key)
    await browser.send("POST", "/api/accounts", json={})
    await browser.send("POST", "/api/accounts", json={}, csrf="CANARY")
    await browser.log_in("wsp_CANARY" + "0" * 21)
    await browser.client.send("POST", SESSION, key=None, json={"key": "CANARY", "CANARY": 1})
    body = {"account_id": 1, "to": "+5511988887777", "type": "text", "text": {"body": "CANARY"}}
    await browser.send("POST", "/api/messages", json=body)  # the fake's answer is none: a crash, with its traceback
    printed = caplog.text + "".join(capsys.readouterr())
    assert "request failed" in printed
    for secret in ("CANARY", world.key, browser.token, browser.csrf):
        assert secret not in printed


async def test_a_restart_ends_no_login(tmp_path: Path) -> None:
    """Over a real database: another process knows the cookie; the stored rows do not give it away."""
    async with stored(tmp_path) as (client, _):
        client.world.clock.now = SystemClock().now_ms()  # the database has its own clock
        browser = Browser(client)
        await browser.log_in(client.world.key)
        again = Browser(Client(client.world))
        again.token, again.csrf = browser.token, csrf_token(browser.token)
        assert (await again.send("POST", "/api/accounts", json={})).status == 201
        assert browser.token.encode() not in (tmp_path / "wasup.db").read_bytes()
