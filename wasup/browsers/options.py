"""How browsers are run: the host's settings, Chromium's switches, and where Chromium is."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wasup.browsers.errors import BrowserMissing
from wasup.browsers.guard import MARK_SWITCH, MARK_VARIABLE

__all__ = ["BrowserHostSettings", "environment", "find_chromium", "switches"]

_MB = 1_000_000
_TITLE = 8192
"""Chromium's children write their titles, long command lines with the mark at the end, over their environment:
what does not fit is cut off."""
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserHostSettings:
    """Settings of a host. Sizes in bytes, times in seconds.

    Attributes:
        profiles: folder of the profiles; made if it is not there.
        executable: Chromium; None: the first of its usual names on PATH.
        launches: browsers being started at the same time at most.
        accounts_per_driver: browsers that share one Playwright driver at most. A driver is a Node process of
            about 120 MB: one for 8 costs each 15 MB, and its death touches 8.
        memory_soft: over this a browser should be recycled at a quiet moment.
        memory_hard: over this it should be ended.
        memory_expected: what a browser is expected to need; sets the limit on browsers until they are measured.
        max_sessions: browsers at most; None: as many as fit into the memory that was free at the start.
        disk_reserve: free disk below which no browser is started.
        disk_cache: limit of each browser's HTTP cache.
        quarantined: damaged profiles kept for inspection, for each name.
        launch_timeout: from asking for a browser to having it.
        close_timeout: for a clean close; then it is killed.
        look_interval: between two looks at the processes; one found stopped twice in a row makes its browser lost.
        measure_interval: between two measurements of memory and CPU.
        guard_deadline: the guard ends all browsers when wasup has been silent for so long.
    """

    profiles: Path
    executable: Path | None = None
    launches: int = 2
    accounts_per_driver: int = 8
    memory_soft: int = 600 * _MB
    memory_hard: int = 1000 * _MB
    memory_expected: int = 175 * _MB
    max_sessions: int | None = None
    disk_reserve: int = 200 * _MB
    disk_cache: int = 32 * _MB
    quarantined: int = 2
    launch_timeout: float = 20.0
    close_timeout: float = 5.0
    look_interval: float = 2.0
    measure_interval: float = 30.0
    guard_deadline: float = 20.0


# Playwright's own list is replaced, not extended, by ours: Chromium heeds the last of each switch.
_DISABLED = (
    # As Playwright has them, each for a fault of automation or a request to the outside.
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    # The address bar nobody sees is a page in a renderer of its own: 43 MB for each browser, 393 to 334 MB alone.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
)
_ENABLED = (
    "CDPScreenshotNewSurface",  # Playwright's
    "SkipListAccountsWithoutGaiaCookies",  # Playwright's
    "NetworkServiceInProcess2",  # no process for the network alone: 18 MB
)
_SWITCHES = (
    # PSS of the 4th to 8th browser each on a small page, Chromium 156: 163 MB with Playwright's switches,
    # 120 without the address bar, 102 with the network inside. Tried and not taken: the GPU process
    # inside (2 MB), no zygote (40 MB more), no crash handlers (`--disable-crashpad-for-testing`: pages hang).
    "--disable-gpu",
    "--disable-quic",
    "--enable-aggressive-domstorage-flushing",  # localStorage is on disk after 1.5 s, not 5: a kill may lose a login
    "--disable-sync",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",  # else a page reaches any address by STUN
    "--disable-site-isolation-trials",  # one site: no spare renderer, 5 MB
    f"--disable-features={','.join(_DISABLED)}",
    f"--enable-features={','.join(_ENABLED)}",
)

_LONGEST_TMPDIR = 107 - len("/org.chromium.Chromium.XXXXXX/SingletonSocket")
"""A socket's address has 107 bytes at most (unix(7)); ProcessSingleton of Chromium makes its own in TMPDIR."""


def switches(mark: str, settings: BrowserHostSettings, allowed_hosts: Sequence[str]) -> list[str]:
    """Chromium's switches for one browser.

    Args:
        mark: what the browser's processes are found by.
        settings: of the host.
        allowed_hosts: the only hosts whose names resolve (`*.example.com` is allowed); none: all do.
    """
    chosen = [*_SWITCHES, f"{MARK_SWITCH}{mark}=0", f"--disk-cache-size={settings.disk_cache}"]
    if allowed_hosts:
        rules = ["MAP * ~NOTFOUND", *(f"EXCLUDE {host}" for host in allowed_hosts)]
        chosen.append(f"--host-resolver-rules={', '.join(rules)}")
    return chosen


def environment(mark: str, home: Path) -> dict[str, str]:
    """The environment of one browser: little, since wasup's own may hold passwords and a page runs foreign code.

    `home` takes crash reports and the font cache, which all browsers share. A temporary folder with too long a name is
    left out, since Chromium would not start: it makes a socket there.
    """
    kept = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "FONTCONFIG_PATH", "FONTCONFIG_FILE")
    inherited = {name: os.environ[name] for name in kept if name in os.environ}
    if len(os.fsencode(inherited.get("TMPDIR", ""))) > _LONGEST_TMPDIR:
        del inherited["TMPDIR"]
    return inherited | {"HOME": str(home), MARK_VARIABLE: mark, "ROOM_FOR_TITLES": "." * _TITLE}


def find_chromium(executable: Path | None = None) -> Path:
    """Where Chromium is.

    Args:
        executable: what the settings say, if anything.

    Raises:
        BrowserMissing: it is not there.
    """
    if executable is not None:
        if os.access(executable, os.X_OK) and executable.is_file():
            return executable
        raise BrowserMissing(f"{executable} is no program: correct browser.executable, or apt-get install chromium")
    for name in _NAMES:
        if found := shutil.which(name):
            return Path(found)
    raise BrowserMissing("Chromium is missing: apt-get install chromium, or name it with browser.executable")
