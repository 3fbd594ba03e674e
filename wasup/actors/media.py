"""Media of received messages for webhooks that send them along."""

from typing import Final

from wasup.actors.directory import AccountDirectory
from wasup.actors.messages import DownloadMedia, Refusal, Refused
from wasup.actors.runtime import Runtime
from wasup.ports.media import transfer_time
from wasup.ports.messages import MediaRef
from wasup.ports.webhooks import MediaAway
from wasup.supervisor import Registry

__all__ = ["download"]

_PATIENCE: Final = 30.0
_MAY_COME: Final = frozenset({Refusal.UNAVAILABLE, Refusal.WRONG_STATE, Refusal.RATE_LIMITED})


async def download(runtime: Runtime, registry: Registry, account_id: int, ref: MediaRef) -> bytes | None:
    """Have an account's session download media; None if they are not to be had any more.

    Raises:
        MediaAway: the account is not connected, or WhatsApp does not answer.
    """
    request = DownloadMedia(ref=ref.ref, size=ref.size)
    timeout = _PATIENCE + transfer_time(ref.size)
    answer = await AccountDirectory(runtime, registry).ask(account_id, request, timeout=timeout)
    if not isinstance(answer, Refused):
        return answer.data
    if answer.refusal in _MAY_COME:
        raise MediaAway(f"the media are not to be had now: {answer.detail}")
    return None
