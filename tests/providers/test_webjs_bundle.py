"""The contract with wa-js: what the driver uses is in the pinned bundle. Part of every upgrade of it."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from wasup.browsers import find_chromium
from wasup.providers.webjs import bundle
from wasup.providers.webjs.bundle import (
    BundleChanged,
    BundleMissing,
    bundle_version,
    init_scripts,
    names_used,
    read_bundle,
)

_SURFACE = """() => Object.fromEntries(Object.entries(window.WPP).map(([name, value]) => [
  name,
  value && typeof value === 'object' ? Object.getOwnPropertyNames(value) : typeof value,
]).concat([['whatsapp.functions', Object.getOwnPropertyNames(window.WPP.whatsapp.functions)]]))"""


@pytest.fixture(scope="module")
def surface() -> dict[str, list[str]]:
    """What `window.WPP` has on an empty page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), chromium_sandbox=False)
        page = browser.new_page()
        for script in init_scripts():
            page.add_init_script(script)
        page.goto("about:blank")
        found: dict[str, list[str]] = page.evaluate(_SURFACE)
        browser.close()
    return found


def test_every_function_that_the_driver_calls_is_in_the_bundle(surface: dict[str, list[str]]) -> None:
    """Namespaces as `WPP.chat`, and what wa-js exposes of WhatsApp's own modules."""
    used = names_used()
    assert len(used.functions) > 15, "the names are read from the driver's text: has its style changed?"
    missing = []
    for name in used.functions | used.whatsapp:
        namespace, _, member = name.rpartition(".")
        if member not in surface.get(namespace, ()):
            missing.append(name)
    assert missing == []


def test_every_event_that_the_driver_hears_is_emitted_by_the_bundle() -> None:
    """An event that nobody emits would be a silent loss."""
    emitted = set(re.findall(r'\.emit(?:Async)?\("([a-z_.]+)"', read_bundle()))
    used = names_used().events
    assert len(used) > 12
    assert used - emitted == set()


def test_the_version_in_the_lock_is_the_one_of_the_bundle() -> None:
    """`package-lock.json`, `package.json` and the installed package agree, and no address of a registry is kept."""
    folder = Path(bundle.__file__).parent
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]["@wppconnect/wa-js"]
    installed = json.loads((folder / "node_modules/@wppconnect/wa-js/package.json").read_text())["version"]
    assert bundle_version() == wanted == installed
    assert "resolved" not in (folder / "package-lock.json").read_text()


def test_every_part_of_the_driver_is_injected() -> None:
    """A file that nobody joins would be a part that is silently missing."""
    files = [*(Path(bundle.__file__).parent / "driver").glob("*.js")]
    driver = init_scripts()[-1]
    assert len(files) > 5
    assert [file.name for file in files if file.read_text() not in driver] == []


def test_a_bundle_of_other_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One changed byte is enough, and the message says what to do."""
    other = tmp_path / "wppconnect-wa.js"
    other.write_text(read_bundle() + " ")
    monkeypatch.setattr(bundle, "_BUNDLE", other)
    with pytest.raises(BundleChanged, match=r"not the pinned one .* run .make setup"):
        init_scripts()


def test_a_bundle_that_is_not_installed_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without npm."""
    monkeypatch.setattr(bundle, "_BUNDLE", tmp_path / "absent.js")
    with pytest.raises(BundleMissing, match="make setup"):
        init_scripts()
