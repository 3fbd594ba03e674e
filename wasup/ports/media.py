"""The port behind which media bytes lie: content-addressed, a place of its own for each workspace.

A message that is to be sent refers to its bytes with a `MediaRef` whose `ref` is `stored_ref(digest)`; the session
uploads them to its provider when the message goes out. So a send survives whatever happens in between.
"""

import re
from typing import Final, Protocol

from wasup.ports.messages import MediaRef

__all__ = ["MediaStore", "digest_of_ref", "stored_ref", "transfer_time"]

_PREFIX: Final = "wasup:"
_SLOWEST: Final = 50_000.0  # bytes a second that a transfer makes at least
_ORDINARY: Final = 16 * 2**20  # bytes: what a file of unknown size may have
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def stored_ref(digest: str) -> str:
    """The `ref` of a `MediaRef` whose bytes are in the media store."""
    return _PREFIX + digest


def digest_of_ref(media: MediaRef) -> str | None:
    """The digest of bytes in the media store; None when a provider has them."""
    digest = media.ref.removeprefix(_PREFIX)
    return digest if media.ref.startswith(_PREFIX) and _DIGEST.fullmatch(digest) else None


def transfer_time(size: int | None) -> float:
    """Seconds that bringing so many bytes from one place to another may take; None: nobody knows how many."""
    return (_ORDINARY if size is None else size) / _SLOWEST


class MediaStore(Protocol):
    """Keeps bytes under their SHA-256 digest (hex, lower case)."""

    async def put(self, workspace_id: int, data: bytes) -> str:
        """Keep bytes durably; returns their digest. The same bytes again cost nothing.

        Raises:
            OSError: they cannot be kept (the disk is full, for example).
        """
        ...

    async def get(self, workspace_id: int, digest: str) -> bytes:
        """The bytes.

        Raises:
            LookupError: this workspace has none with this digest.
        """
        ...

    async def size(self, workspace_id: int, digest: str) -> int | None:
        """How many bytes there are; None if this workspace has none with this digest."""
        ...

    async def delete(self, workspace_id: int, digest: str) -> None:
        """Forget the bytes; no error when they are gone."""
        ...

    async def prune(self, before: int, *, limit: int) -> list[tuple[int, str]]:
        """Forget bytes that were not put since this time (UTC epoch ms), `limit` of them at most.

        Returns the workspaces and digests of what is gone.
        """
        ...
