"""What is sent: the queue is the database, a wake-up is only a hint, and one message goes at a time."""

import random
from collections import deque
from collections.abc import Awaitable, Callable

import structlog
import trio

from wasup.actors.runtime import Doorbell, Runtime
from wasup.ports.accounts import Fence
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.messages import Item, MessageStatus, SendOutcome
from wasup.ports.session import NotSupported, SendFailed, Session
from wasup.ports.store import DatabaseUnavailable, StoredMessage

__all__ = ["OutgoingQueue"]

_CLAIM = 50
_REMEMBERED = 1000
_PATIENCE = 3600.0

log = structlog.get_logger("wasup.outgoing")


class OutgoingQueue:
    """Sends an account's queued messages in order, each under the message id that it was stored with.

    What an earlier session left in `sending` goes out again first: with the same id, so that a far side that
    takes our ids drops the repeat.
    """

    def __init__(
        self,
        runtime: Runtime,
        fence: Fence,
        session: Session,
        store: Callable[[tuple[Item, ...]], Awaitable[None]],
    ) -> None:
        self._runtime = runtime
        self._fence = fence
        self._session = session
        self._store = store
        self._settled: deque[str] = deque(maxlen=_REMEMBERED)

    async def run(self, bell: Doorbell) -> None:
        """Send whenever there is something to send; ends with the session."""
        unfinished = True
        while True:
            claimed = await self._claim(unfinished=unfinished)
            unfinished = False
            for message in claimed:
                await self._store((await self._send(message),))
                self._settled.append(message.message_id)
            if not claimed:
                await bell.wait(_PATIENCE)

    async def _claim(self, *, unfinished: bool) -> list[StoredMessage]:
        """Claim what is next, except what was sent already and is only yet to be stored as that."""
        settled = set(self._settled)
        while True:
            claimed = await self._claim_once(unfinished=unfinished)
            fresh = [message for message in claimed if message.message_id not in settled]
            if fresh or not claimed:
                return fresh
            unfinished = False

    async def _claim_once(self, *, unfinished: bool) -> list[StoredMessage]:
        wait = 0.1
        while True:
            try:
                return await self._runtime.stores.messages.claim_outgoing(
                    self._fence, unfinished=unfinished, limit=_CLAIM
                )
            except DatabaseUnavailable:
                await trio.sleep(wait)
                wait = min(wait * 2, 5.0)
                unfinished = True  # it may have been carried out, and then they are in `sending` now

    async def _send(self, message: StoredMessage) -> SendOutcome:
        """Try until WhatsApp's server has it, it is refused, or the tries are used up.

        Raises:
            Disconnected: the connection ended, or gave no answer; the message stays `sending` and goes out again.
        """
        settings = self._runtime.settings
        tried = 0
        while True:
            tried += 1
            try:
                with trio.fail_after(settings.send_timeout):
                    sent = await self._session.send(
                        message.chat, message.content, message_id=message.message_id, quoted_id=message.quoted_id
                    )
            except trio.TooSlowError:
                raise Disconnected(
                    DisconnectReason.DEAF, f"no answer to a send within {settings.send_timeout:g} s"
                ) from None
            except SendFailed as error:
                if error.transient and tried < settings.send_attempts:
                    await trio.sleep(2 ** (tried - 1) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                    continue
                log.info(
                    "send.failed", account_id=self._fence.account_id, message_id=message.message_id, code=error.code
                )
                return self._failed(message, str(error))
            except NotSupported as error:
                return self._failed(message, f"not_supported: {error}")
            return SendOutcome(message_id=message.message_id, status=MessageStatus.SENT, timestamp=sent.timestamp)

    def _failed(self, message: StoredMessage, error: str) -> SendOutcome:
        return SendOutcome(
            message_id=message.message_id,
            status=MessageStatus.FAILED,
            timestamp=self._runtime.clock.now_ms(),
            error=error,
        )
