"""The dashboard's files as they are served: caching, compression, policy, and addresses that are views."""

import gzip
import re
from pathlib import Path

import pytest

from tests.http.conftest import Client
from tests.http.fakes import World
from wasup.http.dashboard import pages

INDEX = "<!doctype html>\n<title>wasup</title><script type=module src=/dashboard/assets/index-Ab12_-Zz.js></script>"
SCRIPT = "console.log('hello');\n" * 200
HASHED = "/dashboard/assets/index-Ab12_-Zz.js"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder as a build leaves it."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "assets" / "index-Ab12_-Zz.js").write_text(SCRIPT)
    (folder / "assets" / "font-Ab12_-Zz.woff2").write_bytes(b"wOF2" * 1000)
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def built(dist: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client of an application with this build."""
    monkeypatch.setattr(pages, "BUILT", dist)
    return Client(world)


async def test_the_pages_are_served_without_a_key_and_under_a_strict_policy(built: Client) -> None:
    """Nothing but what was built is run, nobody frames them, and their other headers are those of every answer."""
    page = await built.get("/dashboard/", key=None)
    assert (page.status, page.body.decode()) == (200, INDEX)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    for name in ("X-Content-Type-Options", "Referrer-Policy", "X-Request-Id", "Cross-Origin-Opener-Policy"):
        assert name in page.headers


async def test_what_has_its_hash_in_its_name_is_kept_for_ever_and_the_rest_is_asked_for_again(built: Client) -> None:
    """Who has the page is told so in a word."""
    script = await built.get(HASHED, key=None)
    assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    for path in ("/dashboard/", "/dashboard/icon.svg"):
        page = await built.get(path, key=None)
        assert page.headers["Cache-Control"] == "no-cache"
        for tag in (page.headers["ETag"], f"W/{page.headers['ETag']}"):
            same = await built.get(path, key=None, headers={"If-None-Match": tag})
            assert (same.status, same.body) == (304, b"")
        assert (await built.get(path, key=None, headers={"If-None-Match": '"other"'})).status == 200


async def test_text_is_compressed_for_those_who_take_it(built: Client) -> None:
    """Once, not for every request; fonts are compressed already, and short texts not worth it."""
    small = await built.get(HASHED, key=None, headers={"Accept-Encoding": "gzip, br"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["Vary"] == "Accept-Encoding"
    assert small.headers["ETag"].startswith("W/")
    assert gzip.decompress(small.body).decode() == SCRIPT
    plain = await built.get(HASHED, key=None, headers={"Accept-Encoding": "identity"})
    assert plain.body.decode() == SCRIPT
    for path in ("/dashboard/", "/dashboard/assets/font-Ab12_-Zz.woff2"):
        answer = await built.get(path, key=None, headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in answer.headers


async def test_the_address_of_a_view_gets_the_page_and_a_missing_file_a_404(built: Client) -> None:
    """A bookmark works; a script of an older build is not answered with HTML; nothing else can be asked for."""
    for path in ("accounts", "accounts/42", "supervision/root/accounts/42/session", "webhooks/"):
        assert (await built.get(f"/dashboard/{path}", key=None)).body.decode() == INDEX
    for path in ("assets/index-00000000.js", "favicon.ico", "../secret.txt", "%2e%2e/secret.txt", "assets/../../x.py"):
        (await built.get(f"/dashboard/{path}", key=None)).problem(404)
    (await built.send("POST", "/dashboard/", key=None)).problem(405)


async def test_a_browser_is_shown_the_way_and_a_client_told_that_there_is_nothing(built: Client) -> None:
    """The root is no API."""
    for path, accept in (("/", "text/html,application/xhtml+xml,*/*;q=0.8"), ("/dashboard", "*/*")):
        answer = await built.get(path, key=None, headers={"Accept": accept})
        assert (answer.status, answer.headers["Location"]) == (302, "/dashboard/")
    (await built.get("/", key=None, headers={"Accept": "*/*"})).problem(404)


async def test_a_build_that_takes_the_place_of_another_is_noticed(built: Client, dist: Path) -> None:
    """Also the first one: wasup need not be started again."""
    (dist / "index.html").rename(dist / "aside")
    missing = await built.get("/dashboard/", key=None)
    assert missing.status == 503
    sentence = re.search(r"<p>(.*)</p>", missing.body.decode())
    assert sentence is not None
    assert "make setup" in sentence[1]
    (dist / "aside").rename(dist / "index.html")
    assert (await built.get("/dashboard/", key=None)).body.decode() == INDEX
    (dist / "assets" / "index-11111111.js").write_text("new")
    (dist / "index.html").write_text(INDEX + "<!-- new -->")
    assert (await built.get("/dashboard/", key=None)).body.decode().endswith("<!-- new -->")
    assert (await built.get("/dashboard/assets/index-11111111.js", key=None)).body == b"new"
