"""Bytes that wait to be sent, in a folder of the account: a message may be sent again after a crash.

WhatsApp Web uploads a file together with its message, so there is nowhere else to keep it until then.
"""

import hashlib
import shutil
import time
from pathlib import Path
from typing import Final

import trio

__all__ = ["Uploads"]

_PREFIX: Final = "upload-"
_KEEP: Final = 7 * 86_400.0  # seconds: longer than any message waits for its account
_DIGEST: Final = 64
_PRIVATE: Final = 0o700


class Uploads:
    """The waiting files of one account, each under the SHA-256 of what is in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def owns(self, ref: str) -> bool:
        """Whether a reference is of this kind."""
        return ref.startswith(_PREFIX)

    async def keep(self, data: bytes) -> str:
        """Store bytes; the reference to them."""
        return await trio.to_thread.run_sync(self._keep, data)

    async def read(self, ref: str) -> bytes:
        """The bytes behind a reference.

        Raises:
            LookupError: they are gone.
        """
        return await trio.to_thread.run_sync(self._read, ref)

    async def prune(self) -> None:
        """Remove what has waited for too long."""
        await trio.to_thread.run_sync(self._prune)

    async def forget(self) -> None:
        """Remove everything."""
        await trio.to_thread.run_sync(lambda: shutil.rmtree(self._folder, ignore_errors=True))

    def _keep(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        for folder in (self._folder.parent, self._folder):
            folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        self._folder.chmod(_PRIVATE)  # an older wasup was not as careful
        file = self._folder / digest
        if not file.exists():
            part = file.with_suffix(".part")  # a crash leaves no half file under the whole one's name
            part.write_bytes(data)
            part.rename(file)
        return _PREFIX + digest

    def _read(self, ref: str) -> bytes:
        digest = ref.removeprefix(_PREFIX)
        if len(digest) != _DIGEST or not digest.isalnum():
            raise LookupError(f"{ref[:80]!r} names no upload")
        try:
            return (self._folder / digest).read_bytes()
        except FileNotFoundError:
            raise LookupError(f"the upload {digest[:12]}… is gone") from None

    def _prune(self) -> None:
        oldest = time.time() - _KEEP
        for file in self._folder.glob("*") if self._folder.is_dir() else ():
            if file.stat().st_mtime < oldest:
                file.unlink(missing_ok=True)
