"""Browser hosts on folders of their own, one that tests share, and a page to visit."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.browsers.pages import web_server
from tests.providers.stage import Stage
from wasup.bridge import Bridge
from wasup.browsers import BrowserHost, BrowserHostSettings

OpenHost: TypeAlias = Callable[..., AbstractAsyncContextManager[BrowserHost]]

_QUICK: dict[str, Any] = {"look_interval": 0.1, "measure_interval": 0.3, "disk_reserve": 0}


@dataclass
class SharedHost:
    """A host for tests that need no settings of their own: its Playwright driver is started once."""

    host: BrowserHost
    profiles: Path
    stage: "Stage[SharedHost]" = field(init=False)


@asynccontextmanager
async def _shared_host(profiles: Path) -> AsyncIterator[SharedHost]:
    settings = BrowserHostSettings(profiles=profiles, **_QUICK)
    async with Bridge() as bridge, BrowserHost.open(settings, bridge) as host:
        yield SharedHost(host, profiles)


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedHost]:
    """The shared host, for tests that are `on_stage`."""
    with Stage(partial(_shared_host, tmp_path_factory.mktemp("shared") / "profiles")) as stage:
        stage.prop.stage = stage
        yield stage.prop


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Where the page is."""
    with web_server() as at:
        yield at


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    """The folder of profiles."""
    return tmp_path / "profiles"


@pytest.fixture
def open_host(profiles: Path) -> OpenHost:
    """Opens a host whose settings are quick."""

    @asynccontextmanager
    async def host(**settings: Any) -> AsyncIterator[BrowserHost]:
        chosen = BrowserHostSettings(profiles=profiles, **(_QUICK | settings))
        async with Bridge() as bridge, BrowserHost.open(chosen, bridge) as it:
            yield it

    return host
