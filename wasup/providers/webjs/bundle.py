"""What is injected into WhatsApp's page: wa-js as it was pinned, and our driver behind it.

wa-js comes from npm by its lock file (`make setup`), and is used only if it is, byte for byte, the file that the
contract test has passed: its digest is in `wa-js.sha256`. `make upgrade-wajs` renews all of it.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = [
    "BundleChanged",
    "BundleError",
    "BundleMissing",
    "NamesUsed",
    "bundle_version",
    "init_scripts",
    "names_used",
    "read_bundle",
]

_HERE: Final = Path(__file__).parent
_FOLDER: Final = _HERE / "node_modules"
_BUNDLE: Final = _FOLDER / "@wppconnect/wa-js/dist/wppconnect-wa.js"
_DRIVER: Final = (
    "telling",
    "models",
    "connection",
    "messages",
    "happenings",
    "fates",
    "history",
    "sending",
    "media",
    "calls",
    "start",
)
"""The parts of our driver, `driver/<name>.js`, in the order in which they are joined; see `driver/README.md`."""
_FRAME: Final = """(() => {
'use strict';
if (window.top !== window || window.__wasup || location.protocol === 'about:') return;
const WPP = window.WPP;
%s
})();"""
"""The driver is one function, in which all parts see each other, once in a document and only in the page itself."""
_CONFIG: Final = "window.WPPConfig = {disableGoogleAnalytics: true, linkPreviewApiServers: [], poweredBy: '-'};"
"""Read by wa-js when it starts. Without it wa-js tells Google of every start, and asks servers of its own for
link previews."""


class BundleError(Exception):
    """wa-js cannot be used; the message says how to mend it."""


class BundleMissing(BundleError):  # noqa: N818
    """It is not installed."""


class BundleChanged(BundleError):  # noqa: N818
    """It is another than the one that was tested."""


def read_bundle() -> str:
    """The text of wa-js.

    Raises:
        BundleMissing: it is not there.
        BundleChanged: it is not the pinned one.
    """
    try:
        data = _BUNDLE.read_bytes()
    except FileNotFoundError:
        raise BundleMissing("wa-js is not installed: run `make setup` (it needs npm)") from None
    except OSError as error:
        raise BundleMissing(f"wa-js cannot be read: {error}") from error
    expected = (_HERE / "wa-js.sha256").read_text(encoding="ascii").split()[0]
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise BundleChanged(
            f"wa-js is not the pinned one (sha256 {actual[:12]}… instead of {expected[:12]}…): "
            f"remove {_FOLDER} and run `make setup`"
        )
    return data.decode()


def bundle_version() -> str:
    """The pinned version of wa-js, as its lock file names it."""
    lock = json.loads((_HERE / "package-lock.json").read_text(encoding="utf-8"))
    version: str = lock["packages"]["node_modules/@wppconnect/wa-js"]["version"]
    return version


def init_scripts() -> tuple[str, ...]:
    """The scripts to be run in the page before its own, in this order.

    Raises:
        BundleError: wa-js cannot be used.
    """
    return (_CONFIG, read_bundle(), _FRAME % _driver())


def _driver() -> str:
    return "\n".join((_HERE / f"driver/{name}.js").read_text(encoding="utf-8") for name in _DRIVER)


@dataclass(frozen=True, slots=True)
class NamesUsed:
    """Names of wa-js that the driver uses.

    Attributes:
        functions: of its namespaces, `chat.sendTextMessage`.
        whatsapp: of what it exposes of WhatsApp's own modules, `whatsapp.MsgStore`, `whatsapp.functions.sendSeen`.
        events: `chat.new_message`.
    """

    functions: frozenset[str]
    whatsapp: frozenset[str]
    events: frozenset[str]


def names_used() -> NamesUsed:
    """What the driver uses, as its text has it."""
    text = _driver()
    lists = {name: _quoted(text, rf"const {name} = \[(.*?)\]") for name in ("NEEDED", "NEEDED_FUNCTIONS")}
    own = re.findall(r"\bWPP\.whatsapp\.([A-Z]\w+|lidPnCache)", text)
    taken = [
        name for names in re.findall(r"const \{ ([\w, ]+) \} = WPP\.whatsapp;", text) for name in names.split(", ")
    ]
    return NamesUsed(
        functions=frozenset(re.findall(r"\bWPP\.((?:chat|conn|contact|group|loader)\.\w+)\(", text)),
        whatsapp=frozenset(
            [f"whatsapp.{name}" for name in (*own, *taken, *lists["NEEDED"])]
            + [f"whatsapp.functions.{name}" for name in re.findall(r"\bfunctions\.(\w+)\(", text)]
            + [f"whatsapp.functions.{name}" for name in lists["NEEDED_FUNCTIONS"]]
        ),
        events=frozenset(re.findall(r"on\(WPP, '([^']+)'", text)),
    )


def _quoted(text: str, pattern: str) -> list[str]:
    found = re.search(pattern, text, re.DOTALL)
    assert found is not None
    return re.findall(r"'([^']+)'", found[1])
