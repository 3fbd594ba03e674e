"""Browser hosts on folders of their own, and a page to visit."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.browsers.pages import web_server
from wasup.bridge import Bridge
from wasup.browsers import BrowserHost, BrowserHostSettings

OpenHost: TypeAlias = Callable[..., AbstractAsyncContextManager[BrowserHost]]


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
        quick = {"look_interval": 0.1, "measure_interval": 0.3, "disk_reserve": 0} | settings
        async with Bridge() as bridge, BrowserHost.open(BrowserHostSettings(profiles=profiles, **quick), bridge) as it:
            yield it

    return host
