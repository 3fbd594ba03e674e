"""Turns what a request wants to send into a message's content; media is stored before anything refers to it."""

import base64
import binascii

import trio

from wasup.http.problems import Problem, invalid_field
from wasup.http.sends import (
    MediaSource,
    SendAudio,
    SendContacts,
    SendDocument,
    SendEdit,
    SendImage,
    SendLocation,
    SendReaction,
    SendRequest,
    SendRevoke,
    SendSticker,
    SendText,
    SendVideo,
    SendVoice,
)
from wasup.http.services import Services
from wasup.media import LIMITS, FetchFailed, MediaKind, MediaRefused, check_media, kind_of_mime, sniff
from wasup.ports.media import stored_ref
from wasup.ports.messages import (
    Audio,
    ContactCards,
    Content,
    Document,
    Edit,
    Image,
    Location,
    MediaRef,
    Reaction,
    Revoke,
    Sticker,
    Text,
    Video,
    Voice,
)

__all__ = ["content_of", "media_content", "store_media"]


async def content_of(services: Services, workspace_id: int, request: SendRequest) -> Content:
    """The content that a request asks for.

    Raises:
        Problem: 422 when its media is none, or not to be had; 507 when there is no room to keep it.
    """
    match request:
        case SendText(text=text):
            return Text(body=text.body)
        case SendLocation(location=place):
            return Location(latitude=place.latitude, longitude=place.longitude, name=place.name, address=place.address)
        case SendContacts(contacts=cards):
            return ContactCards(vcards=cards.vcards)
        case SendReaction(reaction=reaction):
            return Reaction(target_id=reaction.target_id, emoji=reaction.emoji)
        case SendEdit(edit=edit):
            return Edit(target_id=edit.target_id, body=edit.body)
        case SendRevoke(revoke=revoke):
            return Revoke(target_id=revoke.target_id)
        case SendImage(image=source):
            media = await _media(services, workspace_id, MediaKind.IMAGE, source)
            return Image(media=media, caption=source.caption)
        case SendVideo(video=source):
            media = await _media(services, workspace_id, MediaKind.VIDEO, source)
            return Video(media=media, caption=source.caption)
        case SendDocument(document=source):
            media = await _media(services, workspace_id, MediaKind.DOCUMENT, source)
            return Document(media=media, caption=source.caption)
        case SendAudio(audio=sound):
            media = await _media(services, workspace_id, MediaKind.AUDIO, sound)
            return Audio(media=media, seconds=sound.seconds)
        case SendVoice(voice=sound):
            media = await _media(services, workspace_id, MediaKind.VOICE, sound)
            return Voice(media=media, seconds=sound.seconds)
        case SendSticker(sticker=source):
            return Sticker(media=await _media(services, workspace_id, MediaKind.STICKER, source))


async def media_content(
    services: Services, workspace_id: int, source: MediaSource, *, kind: MediaKind | None, caption: str
) -> Content:
    """Media as a message, for callers that do not say as what it is sent: its content tells.

    Raises:
        Problem: as `content_of`.
    """
    data, mime, filename = await _bytes(services, workspace_id, source, LIMITS[kind or MediaKind.DOCUMENT])
    kind = kind or kind_of_mime(sniff(data) or "")
    media = await _kept(services, workspace_id, kind, data, mime, filename)
    match kind:
        case MediaKind.IMAGE:
            return Image(media=media, caption=caption)
        case MediaKind.VIDEO:
            return Video(media=media, caption=caption)
        case MediaKind.AUDIO:
            return Audio(media=media)
        case MediaKind.VOICE:
            return Voice(media=media)
        case MediaKind.STICKER:
            return Sticker(media=media)
        case MediaKind.DOCUMENT:
            return Document(media=media, caption=caption)


async def store_media(services: Services, workspace_id: int, data: bytes) -> str:
    """Keep bytes durably; returns their digest.

    Raises:
        Problem: 507 when there is no room.
    """
    try:
        return await services.media.put(workspace_id, data)
    except OSError as error:
        detail = f"The media cannot be stored: {error.strerror or 'no room'}."
        raise Problem(507, detail, "no-room") from error


async def _media(services: Services, workspace_id: int, kind: MediaKind, source: MediaSource) -> MediaRef:
    data, mime, filename = await _bytes(services, workspace_id, source, LIMITS[kind], f"#/{kind}")
    return await _kept(services, workspace_id, kind, data, mime, filename, f"#/{kind}")


async def _kept(
    services: Services,
    workspace_id: int,
    kind: MediaKind,
    data: bytes,
    mime: str | None,
    filename: str | None,
    pointer: str | None = None,
) -> MediaRef:
    try:
        mime = check_media(kind, data, mime)
    except MediaRefused as error:
        raise invalid_field(str(error), pointer=pointer) from None
    digest = await store_media(services, workspace_id, data)
    return MediaRef(ref=stored_ref(digest), mime=mime, size=len(data), sha256=digest, filename=filename)


async def _bytes(
    services: Services, workspace_id: int, source: MediaSource, most: int, pointer: str | None = None
) -> tuple[bytes, str | None, str | None]:
    """The bytes, what they are said to be, and their file's name."""
    limit = min(most, services.settings.max_media)
    match source:
        case MediaSource(id=str(digest), data=None, url=None):
            try:
                return await services.media.get(workspace_id, digest), source.mime, source.filename
            except LookupError:
                raise invalid_field("there is no such upload", pointer=f"{pointer}/id") from None
        case MediaSource(id=None, data=str(text), url=None):
            # Decoding megabytes takes longer than others should wait.
            data = await trio.to_thread.run_sync(_decoded, text)
            if data is None:
                raise invalid_field("is no base64", pointer=f"{pointer}/data")
            if len(data) > limit:
                raise invalid_field(f"holds {len(data)} bytes; at most {limit} are taken", pointer=f"{pointer}/data")
            return data, source.mime, source.filename
        case MediaSource(id=None, data=None, url=str(url)):
            try:
                fetched = await services.fetcher.fetch(url, limit=limit)
            except FetchFailed as error:
                raise invalid_field(str(error), pointer=f"{pointer}/url" if pointer else None) from None
            return fetched.data, source.mime or fetched.mime, source.filename or fetched.filename
        case _:
            raise invalid_field("needs exactly one of id, data and url", pointer=pointer)


def _decoded(text: str) -> bytes | None:
    head, comma, rest = text.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        text = rest  # a data: address, as browsers make them
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
