"""What can be sent, as requests say it: one shape for each type of message, told apart by `type`."""

from typing import Annotated, TypeAlias

import msgspec

from wasup.http.cursors import Id

__all__ = [
    "Captioned",
    "Cards",
    "Editing",
    "MediaSource",
    "MessageId",
    "Place",
    "SendAudio",
    "SendContacts",
    "SendDocument",
    "SendEdit",
    "SendImage",
    "SendLocation",
    "SendReaction",
    "SendRequest",
    "SendRevoke",
    "SendSticker",
    "SendText",
    "SendVideo",
    "SendVoice",
    "TextBody",
]

MessageId = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
Long = Annotated[str, msgspec.Meta(min_length=1, max_length=65_536)]
Caption = Annotated[str, msgspec.Meta(max_length=4096)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=86_400)]
Line = Annotated[str, msgspec.Meta(max_length=1000)]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a request."""


class MediaSource(_Strict, frozen=True, kw_only=True):
    """Where the bytes come from: exactly one of `id`, `data` and `url`.

    Attributes:
        id: what an upload answered.
        data: the bytes in base64.
        url: an address that is fetched now.
        mime: what a document is, if its content does not tell.
        filename: the name that a document is shown with.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None
    data: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    url: Annotated[str, msgspec.Meta(min_length=8, max_length=2048)] | None = None
    mime: Annotated[str, msgspec.Meta(max_length=127)] | None = None
    filename: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None


class TextBody(_Strict, frozen=True, kw_only=True):
    """What a text message says."""

    body: Long


class Captioned(MediaSource, frozen=True, kw_only=True):
    """Media with a text below it."""

    caption: Caption = ""


class Sounding(MediaSource, frozen=True, kw_only=True):
    """Sound, and how long it is."""

    seconds: Seconds | None = None


class Place(_Strict, frozen=True, kw_only=True):
    """A place; degrees, WGS 84."""

    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    name: Line = ""
    address: Line = ""


class Cards(_Strict, frozen=True, kw_only=True):
    """Contact cards, each the text of a vCard."""

    vcards: Annotated[
        tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=65_536)], ...],
        msgspec.Meta(min_length=1, max_length=50),
    ]


class Reacting(_Strict, frozen=True, kw_only=True):
    """An emoji on a message; empty takes it back."""

    target_id: MessageId
    emoji: Annotated[str, msgspec.Meta(max_length=64)]


class Editing(_Strict, frozen=True, kw_only=True):
    """New text for a message of the account's own."""

    target_id: MessageId
    body: Long


class Revoking(_Strict, frozen=True, kw_only=True):
    """A message of the account's own, to be deleted for everyone."""

    target_id: MessageId


class _Send(_Strict, frozen=True, kw_only=True, tag_field="type"):
    """A message to be sent.

    Attributes:
        account_id: who sends it; the workspace's primary account if left out.
        to: a phone number with its country, or the WhatsApp id of a person or group.
        quoted_id: WhatsApp id of the message that this one answers.
    """

    to: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    account_id: Id | None = None
    quoted_id: MessageId | None = None


class SendText(_Send, frozen=True, kw_only=True, tag="text"):
    """A text message to be sent."""

    text: TextBody


class SendImage(_Send, frozen=True, kw_only=True, tag="image"):
    """A picture to be sent: JPEG, PNG, GIF or WebP, 16 MB at most."""

    image: Captioned


class SendVideo(_Send, frozen=True, kw_only=True, tag="video"):
    """A film to be sent: MP4, 3GP, QuickTime or WebM, 64 MB at most."""

    video: Captioned


class SendAudio(_Send, frozen=True, kw_only=True, tag="audio"):
    """An audio file to be sent: 16 MB at most."""

    audio: Sounding


class SendVoice(_Send, frozen=True, kw_only=True, tag="voice"):
    """A voice message to be sent, best as Ogg with Opus: 16 MB at most."""

    voice: Sounding


class SendDocument(_Send, frozen=True, kw_only=True, tag="document"):
    """A file of any type to be sent: 100 MB at most, if the instance takes that much."""

    document: Captioned


class SendSticker(_Send, frozen=True, kw_only=True, tag="sticker"):
    """A sticker to be sent: WebP, 1 MB at most."""

    sticker: MediaSource


class SendLocation(_Send, frozen=True, kw_only=True, tag="location"):
    """A place to be sent."""

    location: Place


class SendContacts(_Send, frozen=True, kw_only=True, tag="contacts"):
    """Contact cards to be sent."""

    contacts: Cards


class SendReaction(_Send, frozen=True, kw_only=True, tag="reaction"):
    """A reaction to be sent."""

    reaction: Reacting


class SendEdit(_Send, frozen=True, kw_only=True, tag="edit"):
    """An edit to be sent."""

    edit: Editing


class SendRevoke(_Send, frozen=True, kw_only=True, tag="revoke"):
    """A deletion to be sent."""

    revoke: Revoking


SendRequest: TypeAlias = (
    SendText
    | SendImage
    | SendVideo
    | SendAudio
    | SendVoice
    | SendDocument
    | SendSticker
    | SendLocation
    | SendContacts
    | SendReaction
    | SendEdit
    | SendRevoke
)
