"""Media in a directory per workspace: `media/7/ab/abcdef….` holds the bytes with that digest."""

import hashlib
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import trio

__all__ = ["FolderMedia"]

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class FolderMedia:
    """Implements `wasup.ports.media.MediaStore` in a directory.

    A file appears under its name only when all its bytes are on disk: it is written beside, synced and renamed.

    Args:
        folder: made when it is first needed, readable by its owner alone.
        at_once: files being read or written at the same time at most, since each is in memory as a whole.
    """

    def __init__(self, folder: Path, *, at_once: int = 8) -> None:
        self._folder = folder
        self._gate = trio.CapacityLimiter(at_once)

    async def put(self, workspace_id: int, data: bytes) -> str:
        """See the port."""
        return await trio.to_thread.run_sync(self._put, workspace_id, data, limiter=self._gate)

    def _put(self, workspace_id: int, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(workspace_id, digest)
        if path.is_file() and path.stat().st_size == len(data):
            os.utime(path)  # used again: retention goes by this time
            return digest
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        return digest

    async def get(self, workspace_id: int, digest: str) -> bytes:
        """See the port."""
        return await trio.to_thread.run_sync(self._get, workspace_id, digest, limiter=self._gate)

    def _get(self, workspace_id: int, digest: str) -> bytes:
        try:
            return self._path(workspace_id, digest).read_bytes()
        except FileNotFoundError:
            raise LookupError(f"no media {digest}") from None

    async def size(self, workspace_id: int, digest: str) -> int | None:
        """See the port."""
        try:
            return (await trio.Path(self._path(workspace_id, digest)).stat()).st_size
        except (FileNotFoundError, LookupError):
            return None

    async def delete(self, workspace_id: int, digest: str) -> None:
        """See the port."""
        await trio.Path(self._path(workspace_id, digest)).unlink(missing_ok=True)

    async def prune(self, before: int, *, limit: int) -> list[tuple[int, str]]:
        """See the port."""
        return await trio.to_thread.run_sync(self._prune, before / 1000, limit, limiter=self._gate)

    def _prune(self, before: float, limit: int) -> list[tuple[int, str]]:
        gone: list[tuple[int, str]] = []
        for path in self._folder.glob("*/??/*"):
            if len(gone) >= limit:
                break
            with suppress(FileNotFoundError):  # somebody else was faster
                if path.stat().st_mtime < before:
                    path.unlink()
                    if _DIGEST.fullmatch(path.name):  # else it was never finished
                        gone.append((int(path.parts[-3]), path.name))
        return gone

    def _path(self, workspace_id: int, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):  # it becomes part of a path
            raise LookupError("no digest")
        return self._folder / str(int(workspace_id)) / digest[:2] / digest


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
