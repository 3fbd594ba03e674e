"""What of a profile holds a login, and whether it is sound.

Chromium never refuses a damaged profile: tried with files missing, emptied and cut in half, it silently
starts with empty storage, and the page then shows a QR code as if the account had logged out. So the
damage has to be seen before Chromium is let at it:

- after a clean close a *seal* lists size and checksum of every file of the login; at the next start they must match;
- after a kill there is no seal, and LevelDB's own structure is checked: it is written so that a kill
  at any moment leaves it readable.
"""

import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

__all__ = ["LOGIN", "SEAL", "Moment", "break_seal", "is_sound", "moment", "seal"]

LOGIN = (
    "Local State",
    "Default/Preferences",
    "Default/Cookies",
    "Default/Network",
    "Default/Local Storage",
    "Default/IndexedDB",
    "Default/WebStorage",
    "Default/File System",
)
"""Files and folders of a profile that a login needs, as far as they are there."""

SEAL = "wasup-seal.json"

Moment = dict[str, tuple[int, int, int]]
"""Of each file of a login: where it is on the disk, its size, and when it was last written to (ns)."""

_TABLE_END = (0xDB4775248B80FB57).to_bytes(8, "little")  # LevelDB, table/format.h
_CURRENT = re.compile(rb"MANIFEST-\d+\n")


def seal(profile: Path) -> None:
    """Write down what the login consists of. The browser has ended cleanly before."""
    sums = {str(file.relative_to(profile)): _sum(file) for file in _files(profile)}
    (profile / SEAL).write_text(json.dumps(sums, indent=0))


def break_seal(profile: Path) -> None:
    """The profile is about to be written to."""
    (profile / SEAL).unlink(missing_ok=True)


def is_sound(profile: Path) -> bool:
    """Whether the login in this profile is as it was left (sealed), or at least readable (not sealed).

    Raises:
        OSError: that cannot be found out now. A file that is not there, or is a folder, is no such case.
    """
    try:
        databases = [*_databases(profile)]
        if not (profile / SEAL).exists():
            return bool(databases) and all(_is_sound_database(folder) for folder in databases)
        sums = json.loads((profile / SEAL).read_text())
        return bool(databases) and sums == {str(f.relative_to(profile)): _sum(f) for f in _files(profile)}
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
        return False


def moment(profile: Path) -> Moment:
    """How the files of the login are now. If it is the same later, nothing was written in between.

    Raises:
        OSError: a file has gone while this looked, or cannot be looked at.
    """
    stats = ((str(file.relative_to(profile)), file.stat()) for file in _files(profile))
    return {name: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats}


def _databases(profile: Path) -> Iterator[Path]:
    """LevelDB's folders. Not found by a pattern, which would take a folder that cannot be read for an empty one."""
    for folder, suffix in (("Local Storage", "leveldb"), ("IndexedDB", ".leveldb")):
        path = profile / "Default" / folder
        if path.exists():
            yield from (path / name for name in os.listdir(path) if name.endswith(suffix))  # noqa: PTH208


def _files(profile: Path) -> Iterator[Path]:
    for name in LOGIN:
        path = profile / name
        if path.is_file():
            yield path
        elif path.is_dir():
            for folder, _, files in os.walk(path, onerror=_fail):
                yield from (file for file in (Path(folder, name) for name in files) if file.is_file())


def _fail(error: OSError) -> NoReturn:
    raise error


def _sum(file: Path) -> list[int]:
    content = file.read_bytes()
    return [len(content), zlib.crc32(content)]


def _is_sound_database(folder: Path) -> bool:
    current = (folder / "CURRENT").read_bytes()
    if not _CURRENT.fullmatch(current) or not (folder / current.decode().strip()).stat().st_size:
        return False
    tables = [*folder.glob("*.ldb"), *folder.glob("*.sst")]
    if not tables and not any(folder.glob("*.log")):
        return False
    return all(_ends_with(table, _TABLE_END) for table in tables)


def _ends_with(file: Path, end: bytes) -> bool:
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size - len(end)))
        return content.read() == end
