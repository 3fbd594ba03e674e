"""The browser host as a part of the tree, and the provider that uses it."""

import structlog

from wasup.actors.runtime import HostFigures
from wasup.bridge import Bridge
from wasup.browsers import BrowserHost, BrowserHostSettings, BrowserLost
from wasup.providers.webjs import Limits, WebjsProvider
from wasup.settings import Settings
from wasup.supervisor import ChildContext

__all__ = ["Browsers"]

_OPENING = 4  # sessions on their way to being ready, for each browser being launched: to load a page takes longer

log = structlog.get_logger("wasup.hosts")


class Browsers:
    """The browser host that runs now, if one does, and what accounts of type `webjs` need of it.

    Args:
        settings: all settings.

    Attributes:
        provider: opens the sessions.
    """

    def __init__(self, settings: Settings) -> None:
        browser = settings.browser
        self._settings = BrowserHostSettings(
            profiles=browser.profiles or settings.data_dir / "profiles",
            executable=browser.executable,
            launches=browser.launches,
            accounts_per_driver=browser.accounts_per_driver,
            memory_soft=browser.memory_soft,
            memory_hard=browser.memory_hard,
            memory_expected=browser.memory_expected,
            max_sessions=browser.max_sessions,
            disk_reserve=browser.disk_reserve,
            measure_interval=browser.measure_interval,
        )
        self._host: BrowserHost | None = None
        self.provider = WebjsProvider(
            self._present,
            uploads=settings.data_dir / "uploads",
            url=browser.url,
            limits=Limits(
                start=browser.start_timeout,
                heal=browser.heal_timeout,
                measure=browser.measure_interval,
                recycle=browser.recycle_after,
            ),
            opens_at_once=_OPENING * browser.launches,
        )

    async def run(self, context: ChildContext) -> None:
        """The child of the tree: a host with an asyncio thread of its own, which the database does not wait for.

        Raises:
            OSError: the folder of the profiles cannot be used; the instance is up all the same.
            BridgeDied: its asyncio thread has ended.
        """
        try:
            async with Bridge() as bridge, BrowserHost.open(self._settings, bridge) as host:
                self._host = host
                context.started()
                try:
                    await bridge.wait_died()
                finally:
                    self._host = None
                raise BrowserLost("the asyncio thread of the browsers has ended")
        except OSError as error:
            log.error("browsers.no_host", why=str(error))
            if not context.was_up:
                context.started()
            raise

    def figures(self) -> HostFigures | None:
        """How the host is; None while there is none."""
        host = self._host
        if host is None:
            return None
        return HostFigures(
            running=host.running,
            limit=host.limit,
            memory=sum(usage.memory for usage in host.usage.values()),
            blocked=self.provider.blocked.total(),
        )

    def _present(self) -> BrowserHost:
        if self._host is None:
            raise BrowserLost("the browser host is being restarted")
        return self._host
