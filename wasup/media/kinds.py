"""What kind of file some bytes are, by their content, and whether WhatsApp takes them as what they are sent as."""

import re
from enum import StrEnum
from typing import Final

import filetype

__all__ = ["LIMITS", "MediaKind", "MediaRefused", "check_media", "kind_of_mime", "sniff"]

_MB: Final = 1_000_000
_UNKNOWN: Final = "application/octet-stream"
_MIME: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")


class MediaKind(StrEnum):
    """What media can be sent as."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    VOICE = "voice"
    DOCUMENT = "document"
    STICKER = "sticker"


LIMITS: Final[dict[MediaKind, int]] = {
    MediaKind.IMAGE: 16 * _MB,
    MediaKind.VIDEO: 64 * _MB,
    MediaKind.AUDIO: 16 * _MB,
    MediaKind.VOICE: 16 * _MB,
    MediaKind.DOCUMENT: 100 * _MB,
    MediaKind.STICKER: 1 * _MB,
}
"""Bytes at most. Somewhat under what WhatsApp Web takes."""

_TYPES: Final[dict[MediaKind, frozenset[str]]] = {
    MediaKind.IMAGE: frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"}),
    MediaKind.VIDEO: frozenset({"video/mp4", "video/3gpp", "video/quicktime", "video/webm"}),
    MediaKind.AUDIO: frozenset({
        "audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/amr", "audio/wav", "audio/flac",
    }),
    MediaKind.VOICE: frozenset({"audio/ogg", "audio/mpeg", "audio/mp4", "audio/aac", "audio/amr", "audio/wav"}),
    MediaKind.STICKER: frozenset({"image/webp"}),
}  # fmt: skip
"""What the content must be; a document may be anything."""

# The words of the sniffing library beside the usual ones.
_USUAL: Final = {"audio/x-wav": "audio/wav", "audio/x-flac": "audio/flac", "audio/m4a": "audio/mp4"}
_SAME_CONTAINER: Final = {"audio/mp4": "video/mp4", "audio/ogg": "video/ogg", "audio/webm": "video/webm"}


class MediaRefused(Exception):  # noqa: N818
    """The bytes cannot be sent as this kind; the message says why, for people."""


def sniff(data: bytes) -> str | None:
    """The media type that the bytes begin like; None when they begin like nothing known."""
    found: str | None = filetype.guess_mime(data[:8192])
    return _USUAL.get(found, found) if found is not None else None


def kind_of_mime(mime: str) -> MediaKind:
    """As what a file of this type is sent when nobody says."""
    for kind in (MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.AUDIO):
        if mime in _TYPES[kind]:
            return kind
    return MediaKind.DOCUMENT


def check_media(kind: MediaKind, data: bytes, declared: str | None = None) -> str:
    """Make sure that the bytes can be sent as this kind; returns their media type.

    What the sender declares counts only for documents whose content tells nothing, and where one container holds
    sound and film alike.

    Raises:
        MediaRefused: they are empty, too many, or something else.
    """
    if not data:
        raise MediaRefused("the file is empty")
    if len(data) > LIMITS[kind]:
        raise MediaRefused(f"the file has {len(data)} bytes; as {kind} at most {LIMITS[kind]} are sent")
    found = sniff(data)
    said = (declared or "").partition(";")[0].strip().lower()
    if found is not None and _SAME_CONTAINER.get(said) == found:
        found = said
    allowed = _TYPES.get(kind)
    if allowed is None:
        return found or (said if _MIME.fullmatch(said) else _UNKNOWN)
    if found is None or found not in allowed:
        seems = found or "no media type known here"
        raise MediaRefused(f"the content is {seems}; as {kind} one can send {', '.join(sorted(allowed))}")
    return found
