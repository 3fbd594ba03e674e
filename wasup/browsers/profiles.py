"""The folders in which browsers keep their logins.

    <root>/<name>/                      the profile that Chromium runs on
    <root>/<name>.good/                 what the login needs, copied at a still moment of a browser that was well,
                                        and renewed after each clean close
    <root>/<name>.damaged-<time>/       set aside, a bounded number of them

Names are ours (`[a-z0-9-]`), so nothing that users type becomes a path, and no name collides with a copy's.
All calls do file I/O: make them in a thread.
"""

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path

from wasup.browsers.errors import BrowserLost, DiskFull, ProfileLost, StorageFailed
from wasup.browsers.guard import process_field
from wasup.browsers.storage import LOGIN, SEAL, Moment, break_seal, is_sound, moment, seal

__all__ = ["ProfileState", "Profiles"]

_NAME = re.compile(r"[a-z0-9-]{1,64}")
_LOCKS = ("SingletonLock", "SingletonSocket", "SingletonCookie")
_CACHES = ("Default/Cache", "Default/Code Cache")  # bounded by a switch, and worth a quick start
_RECOVERED = "wasup-recovered"
_STILL = 2.0  # seconds without a write; Chromium writes what a page has stored within 1.5 s
_NO_SPACE, _NO_FILE = os.strerror(errno.ENOSPC), os.strerror(errno.ENOENT)
"""shutil.copytree and its like collect errors in a list of their own, which has words only."""
_TRIAL = 64 * 1024  # bytes written to see whether that is possible: a quota is no free space


class ProfileState(StrEnum):
    """What a browser started from."""

    FRESH = "fresh"  # an empty profile
    KEPT = "kept"  # the profile as it was left
    RECOVERED = "recovered"  # the good copy; the profile was damaged or gone


class Profiles:
    """All profiles under one folder.

    Args:
        root: the folder.
        reserve: free bytes below which there is no room.
        quarantined: damaged profiles kept for each name.
    """

    def __init__(self, root: Path, *, reserve: int, quarantined: int) -> None:
        self._root = root
        self._reserve = reserve
        self._quarantined = quarantined

    def path(self, name: str) -> Path:
        """The profile of this name, whether it is there or not.

        Raises:
            ValueError: the name has other characters than a-z, 0-9 and hyphens.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a profile")
        return self._root / name

    def prepare(self, name: str, *, restore: bool) -> ProfileState:
        """Put a profile in place for a browser to start on.

        Raises:
            ProfileLost: `restore`, and there is neither a sound profile nor a sound copy of it.
            DiskFull: there is no room.
            StorageFailed: it cannot be read or written.
            BrowserLost: a living process that is not ours has the profile open.
        """
        with self._storage():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)  # whoever reads a profile has its login
            self.check_room(name)
            _unlock(self.path(name))
            return self._restore(name) if restore else self._renew(name)

    def _renew(self, name: str) -> ProfileState:
        self.forget(name)
        self.path(name).mkdir()
        return ProfileState.FRESH

    def _restore(self, name: str) -> ProfileState:
        profile, good = self.path(name), self._good(name)
        if is_sound(profile):
            break_seal(profile)
            return ProfileState.RECOVERED if (profile / _RECOVERED).exists() else ProfileState.KEPT
        self.set_aside(name)
        if not is_sound(good):
            raise ProfileLost(f"neither the profile {name} nor its good copy holds a login any more")
        try:
            shutil.copytree(good, profile)
            break_seal(profile)
            (profile / _RECOVERED).touch()
        except OSError:
            shutil.rmtree(profile, ignore_errors=True)  # half a copy would be taken for a damaged profile
            raise
        return ProfileState.RECOVERED

    def keep(self, name: str) -> bool:
        """Have a good copy of a profile that a browser, which is well, runs on; one that is there stays.

        A copy counts only if nothing was written while it was made. It is then what a kill at that moment would have
        left, and LevelDB is written so that this can be read.

        Returns:
            False: the browser was writing; there is no copy.

        Raises:
            DiskFull: there is no room for it.
            StorageFailed: the files cannot be read or written.
        """
        profile = self.path(name)
        with self._storage():
            (profile / _RECOVERED).unlink(missing_ok=True)
            good = self._good(name)
            try:
                return is_sound(good) or self._copy(profile, good, live=True)
            except OSError as error:
                if _NO_FILE in str(error):  # Chromium has replaced it meanwhile
                    return False
                raise

    def close(self, name: str, *, clean: bool, good: bool) -> None:
        """Tidy up after a browser has ended: caches go; a clean end is sealed, and copied if it was `good`.

        Raises:
            DiskFull: there is no room for the copy; the one before is still there.
            StorageFailed: the files cannot be read or written; likewise.
        """
        profile = self.path(name)
        with self._storage():
            _prune(profile)
            if clean:
                if good:
                    (profile / _RECOVERED).unlink(missing_ok=True)
                seal(profile)
                if good:
                    self._copy(profile, self._good(name))

    def set_aside(self, name: str) -> None:
        """Take a damaged profile out of use. One that came from the good copy takes that copy along.

        Raises:
            StorageFailed: it cannot be moved.
        """
        profile = self.path(name)
        with self._storage():
            if (profile / _RECOVERED).exists():
                shutil.rmtree(self._good(name), ignore_errors=True)
            if profile.exists():
                _prune(profile)
                profile.rename(self._root / f"{name}.damaged-{time.time_ns()}")
            for old in sorted(self._root.glob(f"{name}.damaged-*"))[: -self._quarantined or None]:
                shutil.rmtree(old, ignore_errors=True)

    def forget(self, name: str) -> None:
        """Remove the profile and every copy of it, those set aside too: all of them hold keys.

        Raises:
            StorageFailed: something of it is left.
        """
        with self._storage():
            for folder in (self.path(name), *self._root.glob(f"{name}.*")):
                if folder.is_dir():
                    shutil.rmtree(folder)
                else:
                    folder.unlink(missing_ok=True)

    def check_room(self, name: str) -> None:
        """Say whether there is room for the browser of this name, and whether it can write.

        Raises:
            DiskFull: there is no room.
            StorageFailed: nothing can be written.
        """
        profile = self.path(name)
        with self._storage():
            free = shutil.disk_usage(self._root).free
            if free < self._reserve:
                raise DiskFull(f"{free // 1024**2} MB are free for browser profiles in {self._root}, too little")
            with tempfile.TemporaryFile(dir=profile if profile.is_dir() else self._root) as trial:
                trial.write(bytes(_TRIAL))

    def _good(self, name: str) -> Path:
        good, old = self._root / f"{name}.good", self._root / f"{name}.old"
        if old.exists() and not good.exists():  # interrupted between the two renames of `_copy`
            old.rename(good)
        return good

    def _copy(self, profile: Path, good: Path, *, live: bool = False) -> bool:
        """Renew the good copy; False if the profile is `live` and was written to meanwhile, and all is as before."""
        new, old = good.with_suffix(".new"), good.with_suffix(".old")
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)
        before = moment(profile)
        if live and not _is_still(before):
            return False
        try:
            for name in (*LOGIN, SEAL):
                source, target = profile / name, new / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if source.is_dir():
                    shutil.copytree(source, target)
                elif source.exists():
                    shutil.copy2(source, target)
            if live:
                if moment(profile) != before or not is_sound(new):
                    return False
                seal(new)
            if good.exists():
                good.rename(old)
            new.rename(good)
        finally:
            for left in (new, old) if good.exists() else (new,):
                shutil.rmtree(left, ignore_errors=True)
        return True

    @contextmanager
    def _storage(self) -> Iterator[None]:
        """Whatever the disk has against it gets a name of ours."""
        try:
            yield
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT} or _NO_SPACE in str(error):
                raise DiskFull(f"no space left for browser profiles in {self._root}") from error
            raise StorageFailed(f"browser profiles in {self._root} cannot be used: {error}") from error


def _unlock(profile: Path) -> None:
    """Remove the lock of a browser that has died; on another machine, or before a rename of this one, too."""
    with suppress(OSError, ValueError):
        pid = int(str((profile / _LOCKS[0]).readlink()).rpartition("-")[2])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if process_field(pid, 3) != "Z" and f"--user-data-dir={profile}".encode() in command:
            raise BrowserLost(f"process {pid}, a browser that is not this host's, has the profile open")
    for lock in _LOCKS:
        (profile / lock).unlink(missing_ok=True)


def _is_still(files: Moment) -> bool:
    return max((written for _, _, written in files.values()), default=0) / 1e9 < time.time() - _STILL


def _prune(profile: Path) -> None:
    """Remove what neither a login nor a quick start needs."""
    kept = {profile / name for name in (*LOGIN, *_CACHES, SEAL, _RECOVERED)}
    above = {folder for path in kept for folder in path.parents}
    for folder in (profile, profile / "Default"):
        for entry in folder.iterdir() if folder.is_dir() else ():
            if entry in kept or entry in above:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
