"""What a message carries: the back end's `metadata` as wasup's content. Pure functions."""

import json
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from wasup.ports.messages import (
    Audio,
    ContactCards,
    Content,
    Document,
    Image,
    Location,
    MediaRef,
    Sticker,
    Text,
    Unsupported,
    Video,
    Voice,
)

__all__ = ["SourceMedia", "decode_metadata", "is_stub", "to_content"]

_CAPTIONED: Final[dict[str, type[Image] | type[Video] | type[Document]]] = {
    "image": Image, "video": Video, "document": Document, "gif": Video,
}  # fmt: skip
_PLAIN: Final[dict[str, type[Audio] | type[Voice] | type[Sticker]]] = {
    "audio": Audio, "ptt": Voice, "voice": Voice, "sticker": Sticker,
}  # fmt: skip
_TEXTS: Final = frozenset({"chat", "text", "button", "buttons_response", "list_response", ""})
_STUB_KEYS: Final = frozenset({"body", "timestamp", "has_media", "sender_phone", "sender_name"})
_RAW: Final = 65_536  # characters of an unreadable message that are kept: its column held no more


@dataclass(frozen=True, slots=True)
class SourceMedia:
    """A row of the back end's `chat_media`, as far as it matters."""

    name: str | None
    path: str | None
    location: str | None
    mime: str | None
    size: str | int | None


def decode_metadata(raw: str) -> dict[str, Any] | None:
    """The object in `metadata`; some rows hold it encoded twice. None if there is none."""
    value: Any = raw
    for _ in range(3):
        if not isinstance(value, str):
            break
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            try:
                value = json.loads(value)  # lone surrogates, which PHP writes and msgspec refuses
            except ValueError:
                return None
    return value if isinstance(value, dict) else None


def is_stub(metadata: dict[str, Any]) -> bool:
    """Whether the chat list's sync wrote it: it alone tells a time and no type."""
    return "timestamp" in metadata and "type" not in metadata and metadata.keys() <= _STUB_KEYS


def to_content(metadata: dict[str, Any] | None, raw: str, media: SourceMedia | None) -> Content:
    """The content of a message; what cannot be told any better is kept raw, as `Unsupported`."""
    if metadata is None:
        return Unsupported(name="unreadable", raw=_storable(raw[:_RAW]))
    kind = _kind(metadata, media)
    inner = metadata.get(kind)
    inner = inner if isinstance(inner, dict) else {}
    words = _words(metadata)
    if kind in _CAPTIONED or kind in _PLAIN:
        reference = _reference(media, inner)
        if reference is None:
            return _unsupported(kind, metadata)
        if kind in _CAPTIONED:
            return _CAPTIONED[kind](media=reference, caption=words)
        return _PLAIN[kind](media=reference)
    if kind == "location":
        return _location(metadata, inner)
    if kind in {"vcard", "multi_vcard"} and words.startswith("BEGIN:VCARD"):
        return ContactCards(vcards=(words,))
    if kind in _TEXTS or (words and kind in {"interactive", "template"}):
        return Text(body=words)
    return _unsupported(kind, metadata)


def _kind(metadata: dict[str, Any], media: SourceMedia | None) -> str:
    told = metadata.get("type")
    kind = told if isinstance(told, str) else ""
    if not kind:
        kind = next((name for name in (*_CAPTIONED, *_PLAIN, "location") if isinstance(metadata.get(name), dict)), "")
    if kind in {"", "chat", "media"} and media is not None:
        kind = (media.mime or "").partition("/")[0]
        return kind if kind in {"image", "video", "audio"} else "document"
    return kind[:40]


def _words(metadata: dict[str, Any]) -> str:
    for name, key in (("text", "body"), ("image", "caption"), ("video", "caption"), ("document", "caption")):
        part = metadata.get(name)
        if isinstance(part, dict) and isinstance(part.get(key), str) and part[key]:
            return _storable(part[key])
    for name in ("interactive", "button"):
        part = metadata.get(name)
        body = part.get("body", part.get("text")) if isinstance(part, dict) else None
        body = body.get("text") if isinstance(body, dict) else body
        if isinstance(body, str):
            return _storable(body)
    body = metadata.get("body")
    return _storable(body) if isinstance(body, str) else ""


def _reference(media: SourceMedia | None, inner: dict[str, Any]) -> MediaRef | None:
    """Where the back end keeps the bytes: `backend:` and its own place and path, or an address."""
    if media is not None and media.path:
        size = str(media.size or "")
        return MediaRef(
            ref=media.path if "://" in media.path else f"backend:{media.location or 'local'}:{media.path}",
            mime=media.mime or "application/octet-stream",
            size=int(size) if size.isascii() and size.isdigit() else None,
            filename=media.name,
        )
    for key in ("url", "link"):
        if isinstance(inner.get(key), str) and inner[key]:
            name = inner.get("filename")
            return MediaRef(
                ref=inner[key],
                mime=str(inner.get("mime_type") or "application/octet-stream"),
                filename=name if isinstance(name, str) else None,
            )
    return None


def _location(metadata: dict[str, Any], inner: dict[str, Any]) -> Content:
    place = inner or metadata
    try:
        latitude = float(place.get("latitude", place.get("lat")))  # type: ignore[arg-type]
        longitude = float(place.get("longitude", place.get("lng")))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return _unsupported("location", metadata)
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return _unsupported("location", metadata)
    name, address = place.get("name"), place.get("address")
    return Location(
        latitude=latitude,
        longitude=longitude,
        name=_storable(name) if isinstance(name, str) else "",
        address=_storable(address) if isinstance(address, str) else "",
    )


def _unsupported(kind: str, metadata: dict[str, Any]) -> Unsupported:
    return Unsupported(name=kind, raw=_storable(json.dumps(metadata, ensure_ascii=True)))


def _storable(text: str) -> str:
    """Text without lone surrogates, which no database takes."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text
