"""`EmulatorClient`: plays the phones and the other people of an emulator, from Trio.

For the demo, benches and tests. Every control of `wasup.emulator.control` is reachable with `ctl`; the common
ones have methods.
"""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

import httpx
import msgspec
import trio

__all__ = ["ControlError", "EmulatorClient", "EmulatorDied", "flags", "running_emulator"]

_LINES: Final = msgspec.json.Decoder[Any](Any)
_START_WITHIN: Final = 30.0
_STOP_WITHIN: Final = 5.0


class ControlError(Exception):
    """The emulator did not carry out a control."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"HTTP {status}: {detail}")
        self.status = status
        self.detail = detail


class EmulatorDied(Exception):  # noqa: N818 - a plain statement
    """The emulator's process did not come up."""


class EmulatorClient:
    """Controls of one emulator; an async context manager."""

    def __init__(self, url: str, *, timeout: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self.pid: int | None = None  # of the process, if `running_emulator` started it
        self.tls_url: str | None = None  # where the page is as web.whatsapp.com, if the process was given a port for it
        self._http = httpx.AsyncClient(base_url=self.url, timeout=timeout, trust_env=False, verify=False)  # noqa: S501 - loopback

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ctl(self, control: str, **body: object) -> Any:
        """`POST /ctl/{control}` with this body; the answer's JSON.

        Raises:
            ControlError: the answer is not 200.
        """
        return _json(await self._http.post(f"/ctl/{control}", json=body))

    async def get(self, path: str, **query: str | int) -> Any:
        """`GET` something; the answer's JSON.

        Raises:
            ControlError: the answer is not 200.
        """
        return _json(await self._http.get(path, params=query))

    async def scan(self, qr: str, phone: str) -> Any:
        """A phone scans a QR code."""
        return await self.ctl("scan", qr=qr, phone=phone)

    async def enter_code(self, code: str, phone: str | None = None) -> Any:
        """A pairing code is typed on a phone."""
        return await self.ctl("enter_code", code=code, phone=phone)

    async def incoming(self, chat: str, body: str | None = None, **more: Any) -> list[str]:
        """Somebody writes; the ids of the messages (`count` may ask for several)."""
        if body is not None:
            more["body"] = body
        answer = await self.ctl("incoming", chat=chat, **more)
        ids: list[str] = answer["ids"]
        return ids

    async def upload(self, data: bytes, mime: str) -> str:
        """Bytes that somebody sends; their reference."""
        response = await self._http.post("/media", content=data, headers={"Content-Type": mime})
        ref: str = _json(response)["ref"]
        return ref

    async def make_accounts(self, count: int, start_phone: str = "551190000000") -> list[tuple[str, bytes]]:
        """Accounts with a paired device each: phone and `Login.secret`."""
        answer = await self.ctl("accounts", count=count, start_phone=start_phone)
        return [(made["phone"], made["secret"].encode()) for made in answer["accounts"]]

    async def log(self, *, after: int = 0, kind: str | None = None, phone: str | None = None) -> list[Any]:
        """Rows of the emulator's log."""
        query: dict[str, str | int] = {"after": after}
        if kind is not None:
            query["kind"] = kind
        if phone is not None:
            query["phone"] = phone
        response = await self._http.get("/ctl/log.ndjson", params=query)
        if response.status_code != 200:
            _json(response)
        return _LINES.decode_lines(response.content)

    async def state(self) -> dict[str, Any]:
        """Counters."""
        answer: dict[str, Any] = await self.get("/ctl/state")
        return answer

    async def accounts(self) -> list[dict[str, Any]]:
        """All accounts."""
        answer: list[dict[str, Any]] = await self.get("/ctl/accounts")
        return answer

    async def start_load(self, *, rate: float, **more: object) -> dict[str, Any]:
        """Begin to generate incoming messages (`count` or `seconds`, `phones`, `chats_per_account`, …)."""
        answer: dict[str, Any] = await self.ctl("load", rate=rate, **more)
        return answer

    async def load(self) -> dict[str, Any]:
        """How far the load is."""
        answer: dict[str, Any] = await self.get("/ctl/load")
        return answer

    async def backend(self, **configuration: object) -> dict[str, Any]:
        """Configure the played back end, or just look at its counters."""
        answer: dict[str, Any] = await self.ctl("backend", **configuration)
        return answer

    async def backend_log(self, *, after: int = 0) -> list[Any]:
        """Events that the played back end received."""
        rows: list[Any] = await self.get("/ctl/backend/log", after=after)
        return rows


def _json(response: httpx.Response) -> Any:
    if response.status_code != 200:
        try:
            detail = str(response.json()["error"])
        except (ValueError, KeyError, TypeError):
            detail = response.text[:200]
        raise ControlError(response.status_code, detail)
    return response.json()


def flags(settings: dict[str, object]) -> Sequence[str]:
    """Command line flags for these settings."""
    words = []
    for name, value in settings.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words.append(f"--{flag}={value}")
    return words


async def _first_line(process: trio.Process) -> str:
    pipe = process.stdout
    assert pipe is not None
    line = b""
    while not line.endswith(b"\n"):
        more = await pipe.receive_some()
        if not more:
            raise EmulatorDied("the emulator ended before it was ready")
        line += more
    return line.decode()


@asynccontextmanager
async def running_emulator(**settings: object) -> AsyncIterator[EmulatorClient]:
    """An emulator in a process of its own; settings are those of `EmulatorSettings`.

    Raises:
        EmulatorDied: it did not come up.
    """
    command = [sys.executable, "-m", "wasup.emulator", "--end-with-stdin", *flags(settings)]
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        ready = ""
        with trio.move_on_after(_START_WITHIN):
            ready = await _first_line(process)
        if not ready.startswith("ready "):
            raise EmulatorDied(f"the emulator did not come up in time: {ready!r}")
        _, url, *tls_urls = ready.split()
        async with EmulatorClient(url) as client:
            client.pid = process.pid
            client.tls_url = tls_urls[0] if tls_urls else None
            yield client
    finally:
        with trio.CancelScope(shield=True):
            process.terminate()
            with trio.move_on_after(_STOP_WITHIN):
                await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    await pipe.aclose()
