"""What a browser says of itself to pages: the same as with a window.

Without one Chromium calls itself HeadlessChrome, and tells pages that a program drives it. WhatsApp Web is not made for
such browsers and may turn them away; whatsapp-web.js and WPPConnect hide both as well, by an agent of some years ago.
Ours is the one that this very Chromium has with a window.
"""

import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import trio

__all__ = ["Appearance"]

_NO_PROGRAM: Final = "--disable-blink-features=AutomationControlled"
_AGENT: Final = (
    "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%s.0.0.0 Safari/537.36"
)
"""Of any machine with Linux: Chromium tells no more than its main version."""
_VERSION: Final = re.compile(rb"(\d+)\.\d+\.\d+\.\d+")


class Appearance:
    """Knows the version of each Chromium that it was asked for."""

    def __init__(self) -> None:
        self._versions: dict[tuple[Path, int], str] = {}

    async def switches(self, executable: Path, environment: Mapping[str, str], *, within: float) -> list[str]:
        """Chromium's switches for that.

        Args:
            executable: Chromium, which is asked for its version once, and again after an upgrade.
            environment: for it.
            within: seconds; if it has not told its version by then, it keeps its own name.
        """
        with suppress(OSError):
            key = (executable, (await trio.Path(executable).stat()).st_mtime_ns)
            if key not in self._versions and (version := await _version(executable, environment, within)):
                self._versions[key] = version
            if key in self._versions:
                return [_NO_PROGRAM, _AGENT % self._versions[key]]
        return [_NO_PROGRAM]


async def _version(executable: Path, environment: Mapping[str, str], within: float) -> str | None:
    with trio.move_on_after(within):
        asked = await trio.run_process(
            [executable, "--version"],
            capture_stdout=True,
            stderr=subprocess.DEVNULL,
            check=False,
            env=environment,
        )
        if found := _VERSION.search(asked.stdout):
            return found[1].decode()
    return None
