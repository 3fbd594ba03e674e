"""A stage for tests of the `webjs` provider: real Chromium, and the emulator's page of WhatsApp Web.

Pairing by QR code for every test would take a second each. An account that is paired already gets its login the way
a profile from another machine would bring it: it lies in the browser's storage before the page begins.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import trio

from tests.emulator.process import emulator_at
from tests.providers.conformance import PATIENCE, Harness, shown
from tests.providers.stage import Stage
from wasup.bridge import Bridge
from wasup.browsers import Browser, BrowserHost, BrowserHostSettings
from wasup.emulator.client import EmulatorClient
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import Content
from wasup.ports.session import Login, Provider, Session
from wasup.providers.webjs import Limits, WebjsProvider
from wasup.providers.webjs.life import Secret
from wasup.providers.webjs.session import WebjsSession

__all__ = ["PairedHost", "WebjsHarness", "browser_host", "told_to_the_page", "webjs_harness", "webjs_on_stage"]

_SEED = """(() => {
  if (location.protocol === 'about:' || localStorage.getItem('seeded')) return;
  localStorage.setItem('seeded', 'yes');
  localStorage.setItem('emulator-device', %s);
})();"""


class PairedHost:
    """A browser host whose profiles may come with a login.

    Attributes:
        logins: what lies in the storage of each profile when it is opened for the first time.
        opened: browsers that run now, by the name of their profile.
    """

    def __init__(self, host: BrowserHost, bridge: Bridge) -> None:
        self._host = host
        self.bridge = bridge
        self.logins: dict[str, bytes] = {}
        self.opened: dict[str, Browser] = {}
        self._known: set[str] = set()

    @asynccontextmanager
    async def browser(
        self, name: str, *, restore: bool, init_scripts: Sequence[str] = (), allowed_hosts: Sequence[str] = ()
    ) -> AsyncIterator[Browser]:
        """As the real one; a second browser on the same profile gets a copy, as if on another machine."""
        scripts = list(init_scripts)
        if name in self.opened:
            name = f"{name}-copy"
            self.logins[name] = self.logins[name.removesuffix("-copy")]
        if name in self.logins and name not in self._known:
            scripts.insert(0, _SEED % msgspec.json.encode(self.logins[name].decode()).decode())
            restore = False
        async with self._host.browser(
            name, restore=restore, init_scripts=scripts, allowed_hosts=allowed_hosts
        ) as browser:
            self.opened[name] = browser
            try:
                yield browser
            finally:
                del self.opened[name]
                if browser.is_good:
                    self._known.add(name)

    async def forget(self, name: str) -> None:
        """As the real one."""
        await self._host.forget(name)


@dataclass(frozen=True, slots=True)
class _Spare:
    """A ready session in reserve, and the sign that it is not needed any more."""

    phone: str
    session: WebjsSession
    over: trio.Event


class WebjsHarness(Harness):
    """The provider, and an emulator that serves WhatsApp Web."""

    ends_after_pairing = False
    mends_lines = True
    quotes_actions = False
    reads_single_messages = False
    transient_refusal = ("503", "unavailable")

    def __init__(
        self, emulator: EmulatorClient, host: PairedHost, uploads: Path, provider: WebjsProvider, brisk: WebjsProvider
    ) -> None:
        super().__init__(emulator, provider, brisk=brisk, watchful=None)
        self.host = host
        self.stage: Stage[WebjsHarness]
        self._spare, self._take = trio.open_memory_channel[_Spare](0)
        self._uploads = uploads
        self._accounts = 0

    def login(self, secret: bytes | None = None) -> Login:
        """A new account, or the one that the secret is of: each has a profile of its own."""
        number = self._account_of(secret)
        return Login(account_id=number, session_id=f"webjs_{number}_1700000000000_abcdefgh", secret=secret)

    def _account_of(self, secret: bytes | None) -> int:
        """The account that a secret is of; else a new one."""
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            return int(msgspec.json.decode(secret or b"", type=Secret).profile.removeprefix("account-"))
        self._accounts += 1
        return self._accounts

    async def paired(self) -> tuple[str, Login]:
        """As if it had been paired on another machine, and its profile brought here."""
        phone = self.new_phone()
        [(phone, device)] = await self.emulator.make_accounts(1, phone)
        [account] = [account for account in await self.emulator.accounts() if account["phone"] == phone]
        me = {"id": account["id"], "lid": account["lid"], "push_name": account["push_name"]}
        login = self.login()
        profile = f"account-{login.account_id}"
        self.host.logins[profile] = msgspec.json.encode({"secret": device.decode(), "me": me})
        secret = msgspec.json.encode(Secret(profile=profile, wid=account["id"]))
        return phone, msgspec.structs.replace(login, secret=secret)

    @asynccontextmanager
    async def ready(self, provider: Provider | None = None) -> AsyncIterator[tuple[str, Session]]:
        """A session that was made ready while the test before was running."""
        assert provider is None or provider is self.provider
        while (spare := await self._take.receive()).session.has_ended:
            spare.over.set()
        try:
            yield spare.phone, spare.session
        finally:
            spare.over.set()

    async def prepare(self) -> None:
        """Keep a ready session in reserve; runs until it is cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                nursery.start_soon(self._prepare_one, made := trio.Event())
                await made.wait()

    async def _prepare_one(self, taken: trio.Event) -> None:
        phone, login = await self.paired()
        try:
            async with self.opened(login) as session:
                assert isinstance(session, WebjsSession)
                spare = _Spare(phone, session, trio.Event())
                await self._spare.send(spare)
                taken.set()
                await spare.over.wait()
        except Disconnected:
            pass  # a test has done something to all accounts
        finally:
            taken.set()

    def as_sent(self, content: Content) -> Any:
        """WhatsApp Web takes the length of a recording from the file itself, and adds its digest."""
        plain = shown(content)
        plain.pop("seconds", None)
        plain.get("media", {}).pop("sha256", None)
        return plain

    async def lose(self, ref: str) -> None:
        """Its file is removed."""
        [file] = self._uploads.rglob(ref.removeprefix("upload-"))
        file.unlink()

    async def cut(self, phone: str, login: Login) -> DisconnectReason:
        """A dropped line would be mended: the browser is killed."""
        self.browser_of(login).kill()
        return DisconnectReason.HOST_CRASHED

    def browser_of(self, login: Login) -> Browser:
        """The browser that runs for a login now."""
        return self.host.opened[f"account-{login.account_id}"]


@asynccontextmanager
async def browser_host(folder: Path, **settings: Any) -> AsyncIterator[PairedHost]:
    """A host of its own, for browsers with profiles in this folder."""
    async with (
        Bridge() as bridge,
        BrowserHost.open(BrowserHostSettings(profiles=folder, **settings), bridge) as host,
    ):
        yield PairedHost(host, bridge)


@asynccontextmanager
async def webjs_harness(folder: Path, url: str, hasty: str, limits: Limits) -> AsyncIterator[WebjsHarness]:
    """Everything that tests need, with a session in reserve."""
    async with (
        browser_host(folder / "profiles", max_sessions=20) as host,
        EmulatorClient(url) as emulator,
        trio.open_nursery() as nursery,
    ):

        def provider(at: str) -> WebjsProvider:
            return WebjsProvider(lambda: host, uploads=folder / "uploads", url=f"{at}/web/", limits=limits)

        harness = WebjsHarness(emulator, host, folder / "uploads", provider(url), provider(hasty))
        nursery.start_soon(harness.prepare)
        yield harness
        nursery.cancel_scope.cancel()


@contextmanager
def webjs_on_stage(folder: Path, limits: Limits) -> Iterator[WebjsHarness]:
    """All that, with emulators of its own: an ordinary one, and one that is short of time and codes."""
    with (
        emulator_at() as ordinary,
        emulator_at(qr_first_ttl=2.5, qr_ttl=0.1, pairing_codes_per_hour=2) as hasty,
        Stage(lambda: webjs_harness(folder, ordinary, hasty, limits)) as stage,
    ):
        stage.prop.stage = stage
        yield stage.prop


async def told_to_the_page(emulator: EmulatorClient, phone: str) -> None:
    """Wait until WhatsApp has been told by the page that it has everything."""
    with trio.fail_after(PATIENCE):
        while True:
            [account] = [account for account in await emulator.accounts() if account["phone"] == phone]
            if account["waiting"] == account["in_hand"] == 0:
                return
            await trio.sleep(0.05)
