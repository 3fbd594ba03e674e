"""What goes out: where a content's bytes are, and what a refused send means."""

from typing import Final

from wasup.ports.messages import Audio, Content, Document, Image, MediaRef, Sticker, Video, Voice
from wasup.ports.session import SendFailed
from wasup.providers.webjs.page import CallRefused

__all__ = ["media_of", "refusal_of"]

_WORDS: Final = {
    "463": "restricted",  # no new chats for now
    "479": "restricted",
    "429": "rate_limited",
    "500": "unavailable",
    "503": "unavailable",
    "file_too_large": "too_large",
    "ERROR_NETWORK": "network",
    "ERROR_UPLOAD": "upload_failed",
    "ERROR_EXPIRED": "expired",
    "ERROR_CANCELLED": "cancelled",
    "ERROR_UNKNOWN": "refused",
}
"""WhatsApp's and wa-js's words for a message that was not taken, and ours."""

_TRANSIENT: Final = frozenset({"network", "upload_failed", "expired", "cancelled", "rate_limited", "unavailable"})


def media_of(content: Content) -> MediaRef | None:
    """The file of a content, if it has one."""
    match content:
        case Image(media=media) | Video(media=media) | Audio(media=media) | Voice(media=media):
            return media
        case Document(media=media) | Sticker(media=media):
            return media
        case _:
            return None


def refusal_of(refused: CallRefused) -> SendFailed:
    """A refusal of the driver's in the port's words."""
    code = _WORDS.get(refused.code, refused.code)
    return SendFailed(code, refused.detail, transient=refused.transient or code in _TRANSIENT)
