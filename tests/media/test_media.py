"""Media on disk, what files are, and fetching them."""

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.media.samples import GIF, JPEG, MP3, MP4, OGG, PDF, PNG, WEBP
from wasup.media import (
    LIMITS,
    FetchFailed,
    FolderMedia,
    MediaFetcher,
    MediaKind,
    MediaRefused,
    check_media,
    kind_of_mime,
    sniff,
)
from wasup.ports.media import digest_of_ref, stored_ref
from wasup.ports.messages import MediaRef


def files(folder: Path) -> list[Path]:
    """All files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_files_that_were_not_used_for_long_are_pruned_in_portions(tmp_path: Path) -> None:
    """By the time when they were last put; what was never finished goes as well, and is nobody's digest."""
    store = FolderMedia(tmp_path / "media")
    now = 1_790_000_000.0
    digests = {await store.put(1, PNG), await store.put(7, PNG), await store.put(1, GIF)}
    fresh = await store.put(1, JPEG)
    torn = next(path for path in files(tmp_path)).with_name(".new-abc")
    torn.write_bytes(b"x")
    for path in files(tmp_path):
        os.utime(path, times=(now, now if path.name == fresh else now - 10))
    before = round(now * 1000) - 5000
    gone = await store.prune(before, limit=2)
    assert len(gone) == 2
    gone += await store.prune(before, limit=100)
    assert {digest for _, digest in gone} == digests - {fresh}
    assert {workspace for workspace, _ in gone} == {1, 7}
    assert [path.name for path in files(tmp_path)] == [fresh]
    assert await store.prune(before, limit=100) == []


async def test_bytes_are_kept_under_their_digest_by_workspace(tmp_path: Path) -> None:
    """The same bytes twice are one file; another workspace has nothing of it."""
    store = FolderMedia(tmp_path / "media")
    digest = await store.put(1, PNG)
    assert digest == hashlib.sha256(PNG).hexdigest() == await store.put(1, PNG)
    assert await store.get(1, digest) == PNG
    assert await store.size(1, digest) == len(PNG)
    assert await store.size(2, digest) is None
    with pytest.raises(LookupError):
        await store.get(2, digest)
    for bad in ("../../../etc/passwd", "", digest.upper(), digest + "0"):
        with pytest.raises(LookupError):
            await store.get(1, bad)
        assert await store.size(1, bad) is None
    assert [path.name for path in files(tmp_path)] == [digest]
    await store.delete(1, digest)
    await store.delete(1, digest)
    assert await store.size(1, digest) is None


async def test_a_file_that_cannot_be_written_whole_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not under its name, and not beside it."""
    store = FolderMedia(tmp_path)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        await store.put(1, PNG)
    assert files(tmp_path) == []


def test_a_reference_to_our_own_bytes_is_told_from_a_providers() -> None:
    """And nothing that a provider makes up becomes a path."""
    digest = "0" * 64
    assert digest_of_ref(MediaRef(ref=stored_ref(digest), mime="image/png")) == digest
    for ref in ("abc", "wasup:", "wasup:../x", digest):
        assert digest_of_ref(MediaRef(ref=ref, mime="image/png")) is None


@pytest.mark.parametrize(
    ("kind", "data", "declared", "mime"),
    [
        (MediaKind.IMAGE, PNG, "image/jpeg", "image/png"),
        (MediaKind.IMAGE, JPEG, None, "image/jpeg"),
        (MediaKind.IMAGE, GIF, "", "image/gif"),
        (MediaKind.STICKER, WEBP, None, "image/webp"),
        (MediaKind.VIDEO, MP4, None, "video/mp4"),
        (MediaKind.AUDIO, MP4, "audio/mp4; codecs=x", "audio/mp4"),
        (MediaKind.AUDIO, MP3, None, "audio/mpeg"),
        (MediaKind.VOICE, OGG, "audio/ogg; codecs=opus", "audio/ogg"),
        (MediaKind.DOCUMENT, PDF, "text/html", "application/pdf"),
        (MediaKind.DOCUMENT, b"a,b\n1,2\n", "text/csv; charset=utf-8", "text/csv"),
        (MediaKind.DOCUMENT, b"a,b\n1,2\n", 'text/csv"\r\nX: y', "application/octet-stream"),
        (MediaKind.DOCUMENT, b"\x00", None, "application/octet-stream"),
    ],
)
def test_the_content_says_what_a_file_is(kind: MediaKind, data: bytes, declared: str | None, mime: str) -> None:
    """What the sender declares counts only where the content does not tell."""
    assert check_media(kind, data, declared) == mime


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (MediaKind.IMAGE, PDF),
        (MediaKind.IMAGE, b"<svg/>"),
        (MediaKind.IMAGE, b""),
        (MediaKind.STICKER, PNG),
        (MediaKind.VIDEO, OGG),
        (MediaKind.AUDIO, MP4),
        (MediaKind.VOICE, JPEG),
        (MediaKind.STICKER, WEBP + bytes(LIMITS[MediaKind.STICKER])),
    ],
)
def test_what_is_something_else_or_too_large_is_refused(kind: MediaKind, data: bytes) -> None:
    """Before anything is stored."""
    with pytest.raises(MediaRefused):
        check_media(kind, data, "image/png")


def test_each_kind_of_file_has_a_kind_of_message() -> None:
    """What is not shown or played is a document."""
    kinds = [kind_of_mime(sniff(data) or "") for data in (PNG, MP4, MP3, PDF, b"x")]
    assert kinds == ["image", "video", "audio", "document", "document"]


@asynccontextmanager
async def server(answers: dict[str, bytes]) -> AsyncIterator[str]:
    """A server that gives these answers by path, and hangs for all other paths."""

    async def answer(stream: trio.SocketStream) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += await stream.receive_some(4096)
        found = answers.get(request.split(b" ")[1].decode())
        if found is None:
            await trio.sleep_forever()
        else:
            await stream.send_all(b"HTTP/1.1 " + found)
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def test_media_is_fetched_within_bounds() -> None:
    """Through redirects, with its name; what is too much, elsewhere or too slow fails."""
    long = b"200 OK\r\nContent-Length: 1000\r\n\r\n" + bytes(1000)
    answers = {
        "/a/pic%20ture.png": b"200 OK\r\nContent-Type: image/png\r\nContent-Length: 4\r\n\r\n\x89PNG",
        "/named": b'200 OK\r\nContent-Disposition: attachment; filename="b.pdf"\r\nContent-Length: 1\r\n\r\nx',
        "/moved": b"302 Found\r\nLocation: /a/pic%20ture.png\r\nContent-Length: 0\r\n\r\n",
        "/loop": b"302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n",
        "/away": b"302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
        "/long": long,
        "/endless": b"200 OK\r\n\r\n" + bytes(5000),
        "/none": b"404 Not Found\r\nContent-Length: 0\r\n\r\n",
    }
    async with server(answers) as url:
        fetcher = MediaFetcher(allow_private=True, timeout=0.5)
        for path in ("/a/pic%20ture.png", "/moved"):
            found = await fetcher.fetch(url + path, limit=100)
            assert (found.data, found.mime, found.filename) == (b"\x89PNG", "image/png", "pic ture.png")
        assert (await fetcher.fetch(f"{url}/named", limit=100)).filename == "b.pdf"
        for path in ("/loop", "/away", "/long", "/endless", "/none", "/hangs"):
            with pytest.raises(FetchFailed):
                await fetcher.fetch(url + path, limit=100)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x",
        "http://[::1]:9/x",
        "http://localhost:9/x",
        "http://2130706433/x",
        "http://169.254.169.254/latest",
        "ftp://example.org/x",
        "file:///etc/passwd",
        "http://user:secret@example.org/",
        "http://",
        "nonsense",
        "http://[::1",
    ],
)
async def test_our_own_network_is_never_fetched_from(url: str) -> None:
    """In no spelling of an address."""
    with pytest.raises(FetchFailed) as caught:
        await MediaFetcher(allow_private=False, timeout=2).fetch(url, limit=100)
    assert "secret" not in str(caught.value)
