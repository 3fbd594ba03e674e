"""What a session does on the spot when asked: typing, read marks, downloads. Nothing of it is queued or repeated."""

from collections.abc import Awaitable, Callable, Sequence

import trio

from wasup.actors.messages import DownloadMedia, Errand, ErrandDone, MarkRead, MediaBytes, Refusal, Refused, SetTyping
from wasup.ports.disconnects import Disconnected
from wasup.ports.media import transfer_time
from wasup.ports.messages import ChatChanged, Item
from wasup.ports.session import NotSupported, SendFailed, Session, TryLater

__all__ = ["run_errand"]

_RETRY = 10.0  # seconds after which what WhatsApp did not answer may be asked again


async def run_errand(
    session: Session,
    errand: Errand,
    *,
    timeout: float,
    store: Callable[[tuple[Item, ...]], Awaitable[None]],
) -> ErrandDone | MediaBytes | Refused:
    """Do it within `timeout` seconds, and the time that a file takes; what keeps it from being done is a `Refused`.

    A connection that ends meanwhile tells its reader, which is where its end is dealt with.
    """
    if isinstance(errand, DownloadMedia):
        timeout += transfer_time(errand.size)
    try:
        with trio.fail_after(timeout):
            match errand:
                case SetTyping(chat=chat, active=active):
                    await session.set_typing(chat, active=active)
                case MarkRead(chat=chat, message_ids=message_ids):
                    await _mark_read(session, chat, message_ids)
                    await store((ChatChanged(id=chat, unread_count=0),))
                case DownloadMedia(ref=ref):
                    return MediaBytes(data=await session.download(ref))
    except trio.TooSlowError:
        return Refused(refusal=Refusal.UNAVAILABLE, detail="WhatsApp did not answer in time", retry_after=1.0)
    except Disconnected as error:
        return Refused(refusal=Refusal.UNAVAILABLE, detail=f"the session ended: {error}", retry_after=1.0)
    except TryLater as error:
        return Refused(refusal=Refusal.UNAVAILABLE, detail=str(error), retry_after=_RETRY)
    except NotSupported as error:
        return Refused(refusal=Refusal.NOT_SUPPORTED, detail=str(error))
    except LookupError:
        return Refused(refusal=Refusal.GONE, detail="WhatsApp has this media no more")
    except SendFailed as error:
        return Refused(refusal=Refusal.INVALID, detail=str(error))
    return ErrandDone()


async def _mark_read(session: Session, chat: str, message_ids: Sequence[str]) -> None:
    if message_ids:
        await session.mark_read(chat, message_ids)
