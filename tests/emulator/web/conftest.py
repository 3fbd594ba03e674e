"""One browser and one emulator for each module of tests."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.emulator.web.browsing import Phones, Tab, browser_at, emulator_at, new_tab, sign_in

ME = "15557654321"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with browser_at() as browser:
        yield browser


@pytest.fixture(scope="module")
def phones() -> Iterator[Phones]:
    """The controls of an emulator."""
    with emulator_at() as phones:
        yield phones


@pytest.fixture(scope="module")
def settled(browser: Browser, phones: Phones) -> Iterator[Tab]:
    """A page that is logged in, for tests that keep to chats of their own."""
    context = browser.new_context()
    tab = new_tab(context, phones)
    sign_in(tab, ME)
    yield tab
    context.close()


@pytest.fixture
def tab(browser: Browser, phones: Phones) -> Iterator[Tab]:
    """A fresh page, not open yet."""
    context = browser.new_context()
    yield new_tab(context, phones)
    context.close()
