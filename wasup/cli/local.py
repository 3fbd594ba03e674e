"""What a quickstart leaves in the data folder for the other commands: keys, and where it is running."""

import os
from pathlib import Path

import msgspec

__all__ = ["LocalSystem", "forget_system", "read_key", "read_system", "write_key", "write_system"]

_SYSTEM = "running.json"


class LocalSystem(msgspec.Struct, frozen=True, kw_only=True):
    """A system that runs on this machine: its process and the addresses of its API and its emulator."""

    pid: int
    url: str
    emulator_url: str
    emulator_pid: int


def write_system(folder: Path, system: LocalSystem) -> None:
    """Leave a note of the running system."""
    (folder / _SYSTEM).write_bytes(msgspec.json.encode(system))


def forget_system(folder: Path) -> None:
    """The system of this data folder has ended."""
    (folder / _SYSTEM).unlink(missing_ok=True)


def read_system(folder: Path) -> LocalSystem | None:
    """The system that runs now with this data folder, if one does."""
    try:
        system = msgspec.json.decode((folder / _SYSTEM).read_bytes(), type=LocalSystem)
        os.kill(system.pid, 0)
    except (OSError, msgspec.MsgspecError):
        return None
    return system


def write_key(folder: Path, name: str, key: str) -> Path:
    """Keep a key in a file that only its owner can read."""
    path = folder / name
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(key + "\n")
    return path


def read_key(folder: Path, name: str) -> str | None:
    """The key in this file, if it is there."""
    try:
        return (folder / name).read_text().strip()
    except OSError:
        return None
