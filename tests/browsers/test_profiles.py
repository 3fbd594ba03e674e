"""Profiles: found damaged, set aside, recovered from the good copy, or given up."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.browsers.conftest import OpenHost, SharedHost
from tests.browsers.pages import recall, remember, visit
from tests.providers.stage import on_stage
from wasup.browsers import BrowserLost, DiskFull, ProfileLost, ProfileState, StorageFailed
from wasup.browsers.profiles import Profiles
from wasup.browsers.storage import SEAL, break_seal, seal

STORAGE = "Default/Local Storage/leveldb"


def _make(folder: Path) -> None:
    """A profile such as Chromium leaves it, with a table of 100 bytes."""
    for database in (folder / STORAGE, folder / "Default" / "IndexedDB" / "http_x_0.indexeddb.leveldb"):
        database.mkdir(parents=True)
        (database / "CURRENT").write_text("MANIFEST-000001\n")
        (database / "MANIFEST-000001").write_bytes(b"m" * 50)
        (database / "000005.ldb").write_bytes(b"t" * 92 + bytes.fromhex("57fb808b247547db"))
        (database / "000007.log").write_bytes(b"l" * 70)
    (folder / "Local State").write_text("{}")


def _remove_current(folder: Path) -> None:
    (folder / STORAGE / "CURRENT").unlink()


def _empty_manifest(folder: Path) -> None:
    os.truncate(folder / STORAGE / "MANIFEST-000001", 0)


def _cut_table(folder: Path) -> None:
    os.truncate(folder / STORAGE / "000005.ldb", 60)


def _cut_everything(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file() and file.name != SEAL:
            os.truncate(file, file.stat().st_size // 2)


def _remove_storage(folder: Path) -> None:
    shutil.rmtree(folder / "Default")


def _replace_by_file(folder: Path) -> None:
    shutil.rmtree(folder / "Default")
    (folder / "Default").write_text("")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder)


def _flip_a_bit(folder: Path) -> None:
    (folder / STORAGE / "000007.log").write_bytes(b"l" * 69 + b"m")


def _spoil_the_seal(folder: Path) -> None:
    (folder / SEAL).write_text("{")


ALWAYS = (
    _remove_current,
    _empty_manifest,
    _cut_table,
    _cut_everything,
    _remove_storage,
    _replace_by_file,
    _remove,
)


@pytest.fixture
def store(profiles: Path) -> Profiles:
    """Profiles with a sound and sealed one named 1, and its good copy."""
    store = Profiles(profiles, reserve=0, quarantined=2)
    _make(profiles / "1")
    store.close("1", clean=True, good=True)
    return store


@pytest.mark.parametrize("damage", [*ALWAYS, _flip_a_bit, _spoil_the_seal])
def test_damage_after_a_clean_close_is_found(store: Profiles, profiles: Path, damage: Callable[[Path], None]) -> None:
    """Whatever has changed since, the good copy takes the place of the profile."""
    damage(profiles / "1")
    assert store.prepare("1", restore=True) is ProfileState.RECOVERED
    assert (profiles / "1" / STORAGE / "000005.ldb").stat().st_size == 100
    assert len(list(profiles.glob("1.damaged-*"))) == (damage is not _remove)


@pytest.mark.parametrize("damage", ALWAYS)
def test_damage_after_a_kill_is_found(store: Profiles, profiles: Path, damage: Callable[[Path], None]) -> None:
    """Without a seal, what is not readable is found all the same."""
    break_seal(profiles / "1")
    damage(profiles / "1")
    assert store.prepare("1", restore=True) is ProfileState.RECOVERED


def test_a_kill_is_no_damage(store: Profiles, profiles: Path) -> None:
    """A log cut short by a kill is LevelDB's own business."""
    assert store.prepare("1", restore=True) is ProfileState.KEPT
    os.truncate(profiles / "1" / STORAGE / "000007.log", 33)
    store.close("1", clean=False, good=True)
    assert store.prepare("1", restore=True) is ProfileState.KEPT


def test_without_a_sound_copy_the_login_is_lost(store: Profiles, profiles: Path) -> None:
    """A damaged copy is not used; the profile is set aside for whoever wants to look."""
    _cut_everything(profiles / "1")
    _flip_a_bit(profiles / "1.good")
    with pytest.raises(ProfileLost):
        store.prepare("1", restore=True)
    assert not (profiles / "1").exists()


def test_a_copy_that_proves_worthless_is_not_tried_again(store: Profiles, profiles: Path) -> None:
    """A recovered profile that is set aside takes its copy along, unless it was good again in between."""
    _remove(profiles / "1")
    assert store.prepare("1", restore=True) is ProfileState.RECOVERED
    store.close("1", clean=True, good=True)
    store.set_aside("1")
    assert store.prepare("1", restore=True) is ProfileState.RECOVERED
    store.close("1", clean=True, good=False)
    assert store.prepare("1", restore=True) is ProfileState.RECOVERED
    store.set_aside("1")
    with pytest.raises(ProfileLost):
        store.prepare("1", restore=True)


def test_few_damaged_profiles_are_kept(store: Profiles, profiles: Path) -> None:
    """The oldest go first; a fresh start removes them all."""
    for _ in range(4):
        _remove_current(profiles / "1")
        store.prepare("1", restore=True)
        seal(profiles / "1")
        (profiles / "1" / "wasup-recovered").unlink()
    assert len(list(profiles.glob("1.damaged-*"))) == 2
    assert store.prepare("1", restore=False) is ProfileState.FRESH
    assert [path.name for path in profiles.glob("1*")] == ["1"]


def test_an_interrupted_copy_leaves_one_that_can_be_used(store: Profiles, profiles: Path) -> None:
    """Killed between its two renames, the copy before is found again."""
    (profiles / "1.good").rename(profiles / "1.old")
    _remove(profiles / "1")
    assert store.prepare("1", restore=True) is ProfileState.RECOVERED


def _age(folder: Path) -> None:
    """As if nothing had been written for some time."""
    for file in folder.rglob("*"):
        os.utime(file, (time.time() - 60,) * 2)


def test_a_profile_in_use_is_copied_when_nothing_is_written_to_it(store: Profiles, profiles: Path) -> None:
    """There is a copy although the browser never ends cleanly; a second one is not made."""
    shutil.rmtree(profiles / "1.good")
    break_seal(profiles / "1")
    assert not store.keep("1")  # written just now
    assert [path.name for path in profiles.glob("1*")] == ["1"]
    _age(profiles / "1")
    assert store.keep("1")
    before = (profiles / "1.good").stat()
    assert store.keep("1")
    assert (profiles / "1.good").stat() == before
    _cut_everything(profiles / "1")
    assert store.prepare("1", restore=True) is ProfileState.RECOVERED


def test_what_is_written_while_it_is_copied_makes_no_copy(
    store: Profiles, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a file that grows, nor one that goes away under the copy."""
    shutil.rmtree(profiles / "1.good")
    break_seal(profiles / "1")
    copy = shutil.copytree
    logs = [*(profiles / "1").rglob("*.log")]

    def grow(*args: Any, **named: Any) -> Any:
        with logs[0].open("ab") as log:
            log.write(b"more")
        return copy(*args, **named)

    def vanish(*args: Any, **named: Any) -> Any:
        logs[1].unlink(missing_ok=True)  # it calls itself
        return copy(*args, **named)

    for meanwhile in (grow, vanish):
        _age(profiles / "1")
        monkeypatch.setattr(shutil, "copytree", meanwhile)
        assert not store.keep("1")
        assert [path.name for path in profiles.glob("1*")] == ["1"]


def test_a_copy_that_has_proved_good_is_kept_when_the_profile_is_damaged_again(store: Profiles, profiles: Path) -> None:
    """The login works: what it came from is not to blame for what happens later."""
    _remove(profiles / "1")
    assert store.prepare("1", restore=True) is ProfileState.RECOVERED
    assert store.keep("1")
    _cut_table(profiles / "1")
    assert store.prepare("1", restore=True) is ProfileState.RECOVERED


def test_a_profile_that_cannot_be_read_is_neither_used_nor_given_up(store: Profiles, profiles: Path) -> None:
    """A disk that fails, or a file that is another user's, is no damage: it is told, and all is left as it is."""
    break_seal(profiles / "1")
    file = profiles / "1" / STORAGE / "CURRENT"
    aside = file.rename(profiles / "elsewhere")
    file.symlink_to(file)  # a loop: the one thing that root cannot read either
    for _ in range(2):
        with pytest.raises(StorageFailed, match=str(file)):
            store.prepare("1", restore=True)
    aside.rename(file)
    assert store.prepare("1", restore=True) is ProfileState.KEPT


@pytest.mark.parametrize("what", ["prepare", "close", "keep", "check_room"])
def test_a_folder_that_is_none_has_a_name(store: Profiles, profiles: Path, what: str) -> None:
    """Whatever the operating system says comes out as an error of ours, with the folder in it."""
    profiles.rename(profiles.with_name("elsewhere"))
    profiles.write_text("in the way")
    options = {"prepare": {"restore": True}, "close": {"clean": True, "good": True}}.get(what, {})
    with pytest.raises(StorageFailed, match=str(profiles)):
        getattr(store, what)("1", **options)


@pytest.mark.parametrize("name", ["", "..", "1.good", "a/b", "A", "x" * 65])
def test_names_that_could_be_paths_are_refused(store: Profiles, name: str) -> None:
    """Only our own kind of name."""
    with pytest.raises(ValueError, match="no name"):
        store.prepare(name, restore=True)


def test_the_lock_of_a_dead_process_goes_and_that_of_a_living_browser_stays(store: Profiles, profiles: Path) -> None:
    """Another machine's lock, or a dead process's, is no hindrance; a browser that really has it open is."""
    lock = profiles / "1" / "SingletonLock"
    for owner in ("elsewhere-4194305", f"here-{os.getpid()}"):  # no such process; one that is no browser
        lock.symlink_to(owner)
        assert store.prepare("1", restore=True) is ProfileState.KEPT
        assert not lock.is_symlink()
        store.close("1", clean=True, good=False)
    command = [sys.executable, "-c", "print(flush=True); input()", f"--user-data-dir={profiles / '1'}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as browser:
        assert browser.stdout is not None
        browser.stdout.readline()  # it has become what its command line says
        lock.symlink_to(f"here-{browser.pid}")
        with pytest.raises(BrowserLost, match=str(browser.pid)):
            store.prepare("1", restore=True)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB."""
    disk = tmp_path / "tiny"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up_spares_the_copy_before(tiny: Path) -> None:
    """The new copy does not fit: that is told, and the old one still serves."""
    store = Profiles(tiny, reserve=0, quarantined=0)
    _make(tiny / "1")
    store.close("1", clean=True, good=True)
    (tiny / "1" / STORAGE / "000008.log").write_bytes(b"l" * 120_000)
    with pytest.raises(DiskFull):
        store.close("1", clean=True, good=True)
    assert [path.name for path in tiny.glob("1.*")] == ["1.good"]
    _remove(tiny / "1")
    assert store.prepare("1", restore=True) is ProfileState.RECOVERED


@on_stage
async def test_a_browser_recovers_a_login_from_the_good_copy(harness: SharedHost, address: str) -> None:
    """End to end: a browser that never ends cleanly, cut files, a recovered login, then a copy that is no good."""
    host = harness.host
    async with host.browser("1", restore=False) as browser:
        await remember(browser, address, "me")
        with trio.fail_after(10):
            while not await browser.keep_copy():
                await trio.sleep(0.1)
        browser.kill()
    _cut_everything(harness.profiles / "1")
    async with host.browser("1", restore=True) as browser:
        assert browser.profile is ProfileState.RECOVERED
        assert await recall(browser, address) == "me"
        browser.damaged()
    with pytest.raises(ProfileLost):
        async with host.browser("1", restore=True):
            pass


async def test_a_profile_that_chromium_cannot_start_on_is_set_aside(
    open_host: OpenHost, address: str, profiles: Path, tmp_path: Path
) -> None:
    """Chromium is tried on an empty profile: if that works, the profile is at fault, else nothing is touched.

    Nor is it when Chromium was killed while it started.
    """
    program = tmp_path / "chromium"
    program.write_text(
        f'#!/bin/sh\ntest -e "{tmp_path}/broken" && exit 1\n'
        f'test -e "{tmp_path}/killed" && rm "{tmp_path}/killed" && kill -9 $$\n'
        f'case "$*" in *user-data-dir={profiles}/1\\ *) test -e "{tmp_path}/poisoned" && exit 1;; esac\n'
        'exec chromium "$@"\n'
    )
    program.chmod(0o755)
    async with open_host(executable=program) as host:

        async def start() -> ProfileState:
            async with host.browser("1", restore=True) as browser:
                await visit(browser, address)
                return browser.profile

        async with host.browser("1", restore=False) as browser:
            await remember(browser, address, "me")
            await browser.good()
        for fault, after in (
            ("broken", ProfileState.KEPT),
            ("killed", ProfileState.KEPT),
            ("poisoned", ProfileState.RECOVERED),
        ):
            (tmp_path / fault).touch()
            with pytest.raises(BrowserLost):
                await start()
            (tmp_path / fault).unlink(missing_ok=True)
            assert await start() is after
