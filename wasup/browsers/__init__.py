"""Browsers for accounts that live in a page: one Chromium each, launched, watched, measured, and always ended.

Knows nothing of WhatsApp. `BrowserHost.open` gives a host; `host.browser(name)` a running browser on the
profile of that name.
"""

from wasup.browsers.browser import Browser, Budget
from wasup.browsers.errors import (
    BrowserError,
    BrowserLost,
    BrowserMissing,
    DiskFull,
    ProfileLost,
    StorageFailed,
    TooManyBrowsers,
)
from wasup.browsers.host import BrowserHost
from wasup.browsers.options import BrowserHostSettings, find_chromium
from wasup.browsers.profiles import ProfileState

__all__ = [
    "Browser",
    "BrowserError",
    "BrowserHost",
    "BrowserHostSettings",
    "BrowserLost",
    "BrowserMissing",
    "Budget",
    "DiskFull",
    "ProfileLost",
    "ProfileState",
    "StorageFailed",
    "TooManyBrowsers",
    "find_chromium",
]
