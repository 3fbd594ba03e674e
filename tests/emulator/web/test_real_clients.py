"""The real whatsapp-web.js and WPPConnect, unmodified, with web.whatsapp.com mapped to the emulator."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import pytest
import trio

from tests.emulator.process import running_emulator
from tests.emulator.web.browsing import CHROMIUM
from wasup.emulator.client import EmulatorClient

_CLIENTS: Final = Path(__file__).parent.parent / "clients"
_WITHIN: Final = 60
ME: Final = "15557654321"


class Events:
    """What a client tells, line by line."""

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._text = b""
        self.heard: list[dict[str, Any]] = []

    async def wait(self, event: str, **details: object) -> dict[str, Any]:
        """The first event of this name with these details."""
        while True:
            for told in self.heard:
                if told["event"] == event and details.items() <= told.items():
                    return told
            line, found, rest = self._text.partition(b"\n")
            if found:
                self._text = rest
                self.heard.append(msgspec.json.decode(line))
                continue
            more = await self._stream.receive_some()
            assert more, f"the client ended; it had told {self.heard}"
            self._text += more


@asynccontextmanager
async def client_at(script: str, emulator: EmulatorClient, folder: Path) -> AsyncIterator[Events]:
    """A client in a process of its own."""
    node = shutil.which("node")
    if node is None or CHROMIUM is None:
        pytest.skip("Node.js or Chromium is not installed")
    if not (_CLIENTS / "node_modules").exists():
        pytest.skip("the clients are not installed: npm ci --ignore-scripts in tests/emulator/clients")
    assert emulator.tls_url is not None
    process = await trio.lowlevel.open_process(
        [node, script, emulator.tls_url.rpartition(":")[2], CHROMIUM, str(folder)],
        cwd=_CLIENTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Events(process.stdout)
    finally:
        with trio.CancelScope(shield=True):
            await process.stdin.aclose()  # it closes its browser and ends
            with trio.move_on_after(10):
                await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()
            await process.stdout.aclose()


@pytest.mark.parametrize(
    ("script", "greeting"),
    [("whatsapp-web.cjs", "hello from whatsapp-web.js"), ("wppconnect.cjs", "hello from WPPConnect")],
)
async def test_a_real_client_logs_in_and_exchanges_messages(script: str, greeting: str, tmp_path: Path) -> None:
    """By QR code; a text out with its receipt, a text in, a picture in with its bytes."""
    with trio.fail_after(_WITHIN):
        async with running_emulator(tls_port=0) as emulator, client_at(script, emulator, tmp_path) as events:
            await emulator.scan((await events.wait("qr"))["qr"], ME)
            assert (await events.wait("ready"))["me"] == f"{ME}@c.us"
            sent = await events.wait("sent")
            await events.wait("ack", id=sent["id"], ack=2)
            (row,) = await emulator.log(kind="send")
            assert (row["id"], row["content"]) == (sent["id"], {"type": "text", "body": greeting})

            (text_id,) = await emulator.incoming("15550001111", "hello you", phone=ME)
            text = await events.wait("message", id=text_id)
            assert (text["type"], text["body"], text["from"]) == ("chat", "hello you", "15550001111@c.us")

            picture = b"a picture" * 1000
            async with httpx.AsyncClient(base_url=emulator.url, trust_env=False) as http:
                uploaded = await http.post("/media", content=picture, headers={"content-type": "image/jpeg"})
            (picture_id,) = await emulator.incoming(
                "15550002222", phone=ME, content={"type": "image", "media": uploaded.json()}
            )
            media = await events.wait("media", id=picture_id)
            assert (media["mime"], media["size"]) == ("image/jpeg", len(picture))
