"""What can be wrong with a browser. Whoever drives one turns these into the end of its session."""

__all__ = [
    "BrowserError",
    "BrowserLost",
    "BrowserMissing",
    "DiskFull",
    "ProfileLost",
    "StorageFailed",
    "TooManyBrowsers",
]


class BrowserError(Exception):
    """Base of everything that the browser host says."""


class BrowserMissing(BrowserError):  # noqa: N818
    """There is no Chromium on this machine; the message is one line that says how to get it."""


class BrowserLost(BrowserError):  # noqa: N818
    """A browser did not start, or has died.

    Attributes:
        detail: a sentence for people.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class DiskFull(BrowserError):  # noqa: N818
    """No room on the disk of the profiles to run a browser."""


class StorageFailed(BrowserError):  # noqa: N818
    """The folder of the profiles, or one of them, cannot be read or written; the message names it, and says why.

    Nothing is known of the login then: it is neither used nor given up.
    """


class ProfileLost(BrowserError):  # noqa: N818
    """A login was to be restored, and neither its profile nor the good copy of it is there and sound."""


class TooManyBrowsers(BrowserError):  # noqa: N818
    """The limit on browsers is reached; the message names it."""
