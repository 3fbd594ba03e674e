"""`wasup doctor`: looks at everything that an instance needs, a line each, and says how to mend what is wrong."""

import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from wasup.bridge import Bridge
from wasup.browsers import BrowserError, BrowserHost, BrowserHostSettings, find_chromium
from wasup.db import Database, SchemaOutdated
from wasup.ports.clock import SystemClock
from wasup.ports.disconnects import Disconnected
from wasup.ports.session import Login
from wasup.ports.store import StoreError
from wasup.providers.webjs import WebjsProvider
from wasup.providers.webjs.bundle import BundleChanged, BundleMissing, bundle_version, read_bundle
from wasup.settings import Settings

__all__ = ["Finding", "State", "run_doctor"]

_PATIENCE: Final = 10.0  # seconds that a server has to answer
_PAGE: Final = 60.0  # seconds in which WhatsApp's page must have shown itself
_LOW: Final = 0.1  # of a disk: below this somebody should know


class State(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: what was looked at, how it is, and how to mend it if it is not well."""

    what: str
    state: State
    detail: str
    mend: str = ""

    def __str__(self) -> str:
        mend = f"; {self.mend}" if self.mend else ""
        return f"{self.state:<8} {self.what:<12} {self.detail}{mend}"


def run_doctor(settings: Settings, *, page: bool) -> bool:
    """Print the findings as they come; whether nothing has failed.

    Args:
        settings: what to look at.
        page: also load WhatsApp's page in a browser, and tell its version.
    """
    findings = []

    async def look() -> None:
        for check in checks(page=page):
            finding = await check(settings)
            findings.append(finding)
            print(finding, flush=True)

    trio.run(look)
    return all(finding.state is not State.FAILED for finding in findings)


def checks(*, page: bool) -> list[Callable[[Settings], Awaitable[Finding]]]:
    """What is looked at, in this order."""
    return [
        check_data_dir,
        check_disk,
        check_database,
        check_redis,
        check_browser,
        check_bundle,
        check_page if page else name_page,
    ]


async def check_data_dir(settings: Settings) -> Finding:
    """Files can be written where they have to be."""
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        mend = f"give the user of wasup a folder that it may write to (WASUP_DATA_DIR), not {folder}"
        return Finding(what="data folder", state=State.FAILED, detail=str(error), mend=mend)
    return Finding(what="data folder", state=State.OK, detail=str(folder.resolve()))


async def check_disk(settings: Settings) -> Finding:
    """There is room for profiles and media."""
    folder = settings.data_dir if settings.data_dir.is_dir() else Path()
    usage = shutil.disk_usage(folder)
    free = f"{usage.free >> 20} MiB free of {usage.total >> 20}"
    if usage.free < settings.browser.disk_reserve:
        mend = "no browser is started any more: make room, or move WASUP_DATA_DIR"
        return Finding(what="disk", state=State.FAILED, detail=free, mend=mend)
    if usage.free < usage.total * _LOW:
        return Finding(what="disk", state=State.WARNING, detail=free, mend="make room soon")
    return Finding(what="disk", state=State.OK, detail=free)


async def check_database(settings: Settings) -> Finding:
    """It answers, and has the tables that this version needs."""
    kind = settings.database_url.partition(":")[0]
    file = trio.Path(settings.database_url.partition("///")[2])
    if kind == "sqlite" and not await file.exists():
        return Finding(what="database", state=State.FAILED, detail="there is no file yet", mend="run wasup migrate")
    try:
        with trio.fail_after(_PATIENCE):
            async with Bridge() as bridge, Database.open(settings.database_url, bridge, clock=SystemClock()):
                return Finding(what="database", state=State.OK, detail=f"{kind} answers, its schema is up to date")
    except SchemaOutdated as error:
        return Finding(what="database", state=State.FAILED, detail=str(error), mend="run wasup migrate")
    except StoreError as error:
        mend = "start the server, or correct WASUP_DATABASE_URL"
        return Finding(what="database", state=State.FAILED, detail=str(error), mend=mend)
    except trio.TooSlowError:
        detail = f"no answer within {_PATIENCE:g} s"
        mend = "start the server, or correct WASUP_DATABASE_URL"
        return Finding(what="database", state=State.FAILED, detail=detail, mend=mend)


async def check_redis(settings: Settings) -> Finding:
    """It answers, if there is to be one. wasup works without it."""
    if settings.redis_url is None:
        return Finding(what="Redis", state=State.OK, detail="not configured; recent chats are kept in memory")
    redis = Redis.from_url(settings.redis_url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)

    async def ping() -> None:
        try:
            await redis.ping()
        finally:
            await redis.aclose()

    try:
        async with Bridge() as bridge:
            await bridge.run(ping)
    except (RedisError, OSError) as error:
        mend = "start it, or correct WASUP_REDIS_URL; until then recent chats are read from the database"
        return Finding(what="Redis", state=State.WARNING, detail=str(error), mend=mend)
    return Finding(what="Redis", state=State.OK, detail="answers")


async def check_browser(settings: Settings) -> Finding:
    """Chromium is there and runs."""
    only = "only accounts of type webjs need it"
    try:
        executable = find_chromium(settings.browser.executable)
    except BrowserError as error:
        state = State.WARNING if settings.browser.executable is None else State.FAILED  # it was asked for by name
        return Finding(what="browser", state=state, detail=str(error), mend=only)
    try:
        ran = await trio.run_process([executable, "--version"], capture_stdout=True, capture_stderr=True, check=False)
    except OSError as error:
        return Finding(what="browser", state=State.WARNING, detail=f"{executable}: {error}", mend=only)
    if ran.returncode != 0:
        mend = f"install it again (apt-get install --reinstall chromium); {only}"
        return Finding(what="browser", state=State.WARNING, detail=f"{executable} does not run", mend=mend)
    return Finding(what="browser", state=State.OK, detail=f"{ran.stdout.decode().strip()} ({executable})")


async def check_bundle(_settings: Settings) -> Finding:
    """wa-js is the file that was tested."""
    try:
        size = len(read_bundle())
    except BundleMissing as error:
        mend = "only accounts of type webjs need it"
        return Finding(what="wa-js", state=State.WARNING, detail=str(error), mend=mend)
    except BundleChanged as error:
        return Finding(what="wa-js", state=State.FAILED, detail=str(error))
    detail = f"{bundle_version()}, {size} characters, its sha256 is the pinned one"
    return Finding(what="wa-js", state=State.OK, detail=detail)


async def name_page(settings: Settings) -> Finding:
    """Nobody is asked without being told to."""
    mend = "wasup doctor --page loads it, and tells its version"
    return Finding(what="page", state=State.OK, detail=f"{settings.browser.url} was not asked", mend=mend)


async def check_page(settings: Settings) -> Finding:
    """WhatsApp's page loads in a browser of its own, and wa-js finds in it what it needs."""
    url = settings.browser.url
    mend = f"look at {url} from this machine; if WhatsApp has changed, run make upgrade-wajs"
    with tempfile.TemporaryDirectory() as folder:
        host_settings = BrowserHostSettings(
            profiles=Path(folder) / "profiles", executable=settings.browser.executable, disk_reserve=0
        )
        async with Bridge() as bridge, BrowserHost.open(host_settings, bridge) as host:
            provider = WebjsProvider(lambda: host, uploads=Path(folder), url=url)
            try:
                with trio.fail_after(_PAGE):
                    async with provider.open(Login(account_id=0, session_id="doctor")) as session:
                        await session.receive()  # the first QR code
                        detail = f"{url} offers a QR code; its version is {session.page_version}"
                        return Finding(what="page", state=State.OK, detail=detail)
            except Disconnected as end:
                return Finding(what="page", state=State.FAILED, detail=str(end), mend=mend)
            except trio.TooSlowError:
                detail = f"no QR code within {_PAGE:g} s"
                return Finding(what="page", state=State.FAILED, detail=detail, mend=mend)
