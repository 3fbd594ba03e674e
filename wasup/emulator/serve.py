"""The emulator's process: one asyncio loop, one port, all doors."""

import argparse
import asyncio
import dataclasses
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from wasup.emulator import wire
from wasup.emulator.backend import Backend
from wasup.emulator.control import Control
from wasup.emulator.journal import Journal
from wasup.emulator.load import LoadGenerator
from wasup.emulator.logins import Logins
from wasup.emulator.media import MediaStore
from wasup.emulator.network import Network
from wasup.emulator.settings import EmulatorSettings
from wasup.emulator.web.certificate import server_context
from wasup.emulator.web.server import WebDoor
from wasup.emulator.world import World

__all__ = ["command_line", "main", "run"]

_STATIC: Final = Path(__file__).parent / "static"
_DESCRIPTION: Final = """WhatsApp played on loopback. GET / is a page with the phones, POST /ctl/… the control
API, /ws the network of the `emulated` provider, /web/ a page that plays web.whatsapp.com (and / on the TLS port,
for clients that map that name here), /backend/webhooks a customer's back end. Its state (accounts, device secrets,
undelivered messages, log) outlives its clients and is kept in memory only: it ends with this process."""


def _application(settings: EmulatorSettings) -> tuple[web.Application, Network]:
    journal = Journal()
    world = World(settings, journal)
    logins = Logins(world, settings)
    network = Network(world, logins, settings)
    media = MediaStore(journal)
    door = WebDoor(network)
    control = Control(world, logins, network, LoadGenerator(world), media, door)
    backend = Backend()
    application = web.Application(client_max_size=settings.max_media)
    application.add_routes(
        [
            web.get(wire.PATH, network.handle),
            *backend.routes(),
            *control.routes(),
            *media.routes(),
            *door.routes(),
            web.get("/", _front(door)),
            web.static("/static", _STATIC),
        ]
    )
    return application, network


def _front(door: WebDoor) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """`GET /`: whoever comes by TLS takes this server for web.whatsapp.com."""

    async def front(request: web.Request) -> web.StreamResponse:
        return await door.index(request) if request.secure else web.FileResponse(_STATIC / "phones.html")

    return front


def _end_with_stdin(stop: asyncio.Event) -> None:
    """Standard input has something to say; only its end matters."""
    if not os.read(sys.stdin.fileno(), 4096):
        stop.set()


async def _serve(settings: EmulatorSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if settings.end_with_stdin:
        loop.add_reader(sys.stdin.fileno(), _end_with_stdin, stop)
    application, network = _application(settings)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2, handle_signals=False)
    await runner.setup()
    sender = asyncio.create_task(network.run_sender())
    site = web.TCPSite(runner, settings.host, settings.port, backlog=4096, reuse_address=True)
    await site.start()
    if settings.tls_port >= 0:
        await web.TCPSite(runner, settings.host, settings.tls_port, ssl_context=server_context()).start()
    schemes = ("http", "https")
    addresses = [f"{scheme}://{where[0]}:{where[1]}" for scheme, where in zip(schemes, runner.addresses, strict=False)]
    print("ready", *addresses, flush=True)  # noqa: T201 - whoever started us waits for this line
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({stopped, sender}, return_when=asyncio.FIRST_COMPLETED)
    if sender.done():
        sender.result()  # a fault of ours: say so
    for connection in list(network.connections):
        connection.drop()
    sender.cancel()
    await runner.cleanup()


class _StillThere(logging.Filter):
    """Keeps quiet about clients that went away in the middle of something: here that is everyday life."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], ConnectionError))


def run(settings: EmulatorSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    logging.getLogger("aiohttp.server").addFilter(_StillThere())
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a file for each of 3,000 connections
    gc.freeze()
    gc.set_threshold(20_000, 10, 5)
    asyncio.run(_serve(settings))


def main(**settings: Any) -> None:
    """`run` with settings by name: `main(port=8765)`."""
    run(EmulatorSettings(**settings))


def command_line(arguments: list[str] | None = None) -> None:
    """`python -m wasup.emulator`."""
    parser = argparse.ArgumentParser(prog="wasup emulator", description=_DESCRIPTION)
    for field in dataclasses.fields(EmulatorSettings):
        flag = "--" + field.name.replace("_", "-")
        text = f"{field.metadata['help']} (default: {field.default})"
        if isinstance(field.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=field.default, help=text)
        else:
            parser.add_argument(flag, type=type(field.default), default=field.default, help=text)
    run(EmulatorSettings(**vars(parser.parse_args(arguments))))
