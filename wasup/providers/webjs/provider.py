"""`WebjsProvider`: opens a browser for an account, and WhatsApp Web in it."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import structlog
import trio

from wasup.browsers import (
    Browser,
    BrowserError,
    BrowserMissing,
    Budget,
    DiskFull,
    ProfileLost,
    StorageFailed,
    TooManyBrowsers,
)
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.session import Capabilities, Handover, Login
from wasup.providers.breaker import Breaker
from wasup.providers.webjs.bundle import BundleError, init_scripts
from wasup.providers.webjs.life import Life, read_secret
from wasup.providers.webjs.limits import Limits
from wasup.providers.webjs.outward import WHATSAPP_HOSTS, Outward
from wasup.providers.webjs.page import WhatsAppPage
from wasup.providers.webjs.session import WebjsSession
from wasup.providers.webjs.uploads import Uploads

__all__ = ["WHATSAPP_WEB", "Browsers", "WebjsProvider"]

WHATSAPP_WEB: Final = "https://web.whatsapp.com"

log = structlog.get_logger("wasup.webjs")


class Browsers(Protocol):
    """What the provider needs of `wasup.browsers.BrowserHost`."""

    def browser(
        self, name: str, *, restore: bool, init_scripts: Sequence[str] = (), allowed_hosts: Sequence[str] = ()
    ) -> AbstractAsyncContextManager[Browser]:
        """A running browser on the profile of this name."""
        ...

    async def forget(self, name: str) -> None:
        """Remove the profile."""
        ...


class WebjsProvider:
    """Accounts on WhatsApp Web, each in a Chromium of its own.

    Args:
        host: runs the browsers; called at every opening, since a restarted host is another one.
        uploads: folder for bytes that wait to be sent; not the one of the profiles.
        url: where WhatsApp Web is; another address only for an emulator's users.
        limits: deadlines.
        opens_at_once: sessions that are opened side by side, from the start of the browser to the page's first word.

    Attributes:
        blocked: requests of all pages to hosts that are none of WhatsApp's, by host. Nothing has reached them.
    """

    def __init__(
        self,
        host: Callable[[], Browsers],
        *,
        uploads: Path,
        url: str = WHATSAPP_WEB,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        opens_at_once: int = 8,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"WhatsApp Web's address is https://host, not {url!r}")
        self._host = host
        self._uploads = uploads
        self._url = url
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._hosts = (*WHATSAPP_HOSTS, parts.hostname)
        self._limits = limits
        self._breaker = Breaker()
        self.blocked: Counter[str] = Counter()
        self._capabilities = Capabilities(
            handover=Handover.REFETCHES, own_message_ids=True, opens_at_once=opens_at_once
        )

    @property
    def type(self) -> str:
        """`webjs`."""
        return "webjs"

    @property
    def capabilities(self) -> Capabilities:
        """Everything that the port knows; nothing is handed over again, since the page tells WhatsApp by itself."""
        return self._capabilities

    async def forget(self, account_id: int) -> None:
        """Remove the account's profile with its keys, and the files that wait to be sent."""
        await self._host().forget(_profile(account_id))
        await self._files(account_id).forget()

    def _files(self, account_id: int) -> Uploads:
        return Uploads(self._uploads / _profile(account_id))

    @asynccontextmanager
    async def open(self, login: Login) -> AsyncIterator[WebjsSession]:
        """Start the browser and load WhatsApp Web; the session's events tell what comes of it.

        Raises:
            Disconnected: there is no browser, it did not start, or the page cannot be loaded; or WhatsApp refuses
                every account, so that this one is held back.
        """
        self._breaker.enter(login.account_id)
        try:
            async with self._opened(login) as session:
                yield session
        except Exception as error:
            for end in _ends_in(error):
                self._breaker.ended(login.account_id, end.reason)
            raise

    @asynccontextmanager
    async def _opened(self, login: Login) -> AsyncIterator[WebjsSession]:
        """The browser with the session in it; its end is typed whatever happens to the browser."""
        profile = _profile(login.account_id)
        secret = None if login.secret is None else read_secret(login.secret)
        if secret is not None and secret.profile != profile:
            raise Disconnected(DisconnectReason.BAD_SESSION, "the stored login is another account's")
        life = Life(origin=self._origin, profile=profile, secret=secret)
        failure: Exception | None = None
        try:
            async with self._host().browser(
                profile, restore=secret is not None, init_scripts=init_scripts(), allowed_hosts=self._hosts
            ) as browser:
                try:
                    async with self._session(browser, life, self._files(login.account_id)) as session:
                        yield session
                except Exception as error:  # noqa: BLE001 - raised again below: it is the user's, not the browser's
                    failure = error
                if life.login_gone:
                    browser.damaged()
        except BundleError as error:
            raise Disconnected(DisconnectReason.NO_HOST, str(error)) from error
        except BrowserError as error:
            if failure is None:
                raise _end_of(error) from error
        if failure is not None:
            raise failure

    @asynccontextmanager
    async def _session(self, browser: Browser, life: Life, uploads: Uploads) -> AsyncIterator[WebjsSession]:
        """The session in a browser, with the tasks that keep it."""
        try:
            await uploads.prune()
        except OSError as error:
            detail = f"the files that wait to be sent cannot be used: {error}"
            raise Disconnected(DisconnectReason.STORAGE_FAILED, detail) from error
        outward = Outward(self._hosts, life.profile, self.blocked)
        page = WhatsAppPage(browser.page, outward)
        session = WebjsSession(browser.bridge, page, life, uploads, self._limits, may_hang=lambda: browser.may_hang)
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch_browser, browser, session)
            try:
                await browser.bridge.run(lambda: page.load(self._url, within=self._limits.load))
                for task in (session.read, session.watch_start, session.watch_line):
                    nursery.start_soon(task)
                nursery.start_soon(_measure, browser, session, self._limits)
                nursery.start_soon(self._once_ready, browser, session)
                yield session
            except Exception as error:  # noqa: BLE001 - raised again below, outside the nursery
                failure = error
            finally:
                session.finish(Disconnected(DisconnectReason.CONNECTION_LOST, "the session was closed"))
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _once_ready(self, browser: Browser, session: WebjsSession) -> None:
        """WhatsApp is there; and a profile that has led so far is worth a copy as soon as nothing is going on."""
        await session.became_ready.wait()
        self._breaker.reached()
        await browser.good()
        await browser.usage(max_age=0)  # a page's process may be younger than the host's last look at which there are
        try:
            while True:
                await trio.sleep(self._limits.quiet)
                if session.is_quiet(self._limits.quiet) and await browser.keep_copy():
                    return
        except (DiskFull, StorageFailed) as error:  # it runs all the same; the next close, or session, tries again
            log.warning("webjs.no_copy", browser=browser.name, why=str(error))


async def _watch_browser(browser: Browser, session: WebjsSession) -> None:
    """A browser that goes away ends the session."""
    session.finish(Disconnected(DisconnectReason.HOST_CRASHED, await browser.lost()))


async def _measure(browser: Browser, session: WebjsSession, limits: Limits) -> None:
    """Tell what the browser uses; one that is over its budget is closed, at a quiet moment if that can wait."""
    began = trio.current_time()
    while True:
        await trio.sleep(limits.measure)
        usage = await browser.usage()
        session.tell(usage)
        over = browser.over_budget
        has_grown = over is Budget.SOFT and trio.current_time() - began >= limits.recycle
        if over is Budget.HARD or (has_grown and session.is_quiet(limits.quiet)):
            detail = f"the browser uses {usage.memory >> 20} MiB, more than its budget"
            session.finish(Disconnected(DisconnectReason.RECYCLED, detail))
            return


def _ends_in(error: BaseException) -> Iterator[Disconnected]:
    if isinstance(error, Disconnected):
        yield error
    elif isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _ends_in(inner)


def _profile(account_id: int) -> str:
    return f"account-{account_id}"


def _end_of(error: BrowserError) -> Disconnected:
    """What a browser's failure means for a session."""
    match error:
        case BrowserMissing():
            return Disconnected(DisconnectReason.NO_HOST, str(error))
        case DiskFull():
            return Disconnected(DisconnectReason.HOST_EXHAUSTED, str(error))
        case StorageFailed():
            return Disconnected(DisconnectReason.STORAGE_FAILED, str(error))
        case ProfileLost():
            return Disconnected(DisconnectReason.LOGIN_LOST, str(error))
        case TooManyBrowsers():
            return Disconnected(DisconnectReason.HOST_EXHAUSTED, str(error))
        case _:
            return Disconnected(DisconnectReason.HOST_CRASHED, str(error))
