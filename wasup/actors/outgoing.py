"""What is sent: the queue is the database, and one message goes at a time.

A message that comes while nothing waits is handed over by the account, which has just stored it; a claim would cost as
much as storing did.
"""

import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import msgspec
import structlog
import trio

from wasup.actors.runtime import Runtime
from wasup.actors.session_messages import Nudge, OutgoingIdle, SessionNotice
from wasup.ports.accounts import Fence
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.media import digest_of_ref, transfer_time
from wasup.ports.messages import (
    Audio,
    Content,
    Document,
    Edit,
    Image,
    Item,
    MessageStatus,
    Reaction,
    Revoke,
    SendOutcome,
    Sticker,
    Video,
    Voice,
)
from wasup.ports.session import Capabilities, NotSupported, SendFailed, Sent, Session
from wasup.ports.store import DatabaseUnavailable, StoredMessage
from wasup.supervisor import ActorRef

__all__ = ["Nudges", "OutgoingQueue", "cannot_send"]

_CLAIM = 50
_REMEMBERED = 1000
_PATIENCE = 3600.0
_LATE_WRITER = 0.1  # seconds until the queue is asked again that gave nothing but what was sent
_Media: TypeAlias = Image | Video | Audio | Voice | Document | Sticker

log = structlog.get_logger("wasup.outgoing")


class Nudges:
    """What the account has told and the queue has not looked at yet. Only hints: it also looks by itself."""

    def __init__(self) -> None:
        self._news = trio.Event()
        self._handed_over: StoredMessage | None = None
        self._queued = False
        self.number = 0

    def add(self, nudge: Nudge) -> None:
        """Take note."""
        self.number = nudge.number
        if nudge.message is None:
            self._queued = True
        else:
            self._handed_over = nudge.message
        self._news.set()

    @property
    def pending(self) -> bool:
        """Whether there is something to look at."""
        return self._queued or self._handed_over is not None

    async def take(self) -> StoredMessage | None:
        """Wait for the next: a message that is handed over, or None: there may be some in the queue behind it."""
        if not self.pending:
            self._news = trio.Event()
            with trio.move_on_after(_PATIENCE):
                await self._news.wait()
        message, self._handed_over = self._handed_over, None
        if message is None:
            self._queued = False
        return message


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

    async def run(self, nudges: Nudges, account: ActorRef[SessionNotice]) -> None:
        """Send whenever there is something to send; ends with the session."""
        unfinished = True
        while True:
            claimed = await self._claim(unfinished=unfinished)
            unfinished = False
            due = [message for message in claimed if message.message_id not in self._settled]
            for message in due:  # the others were sent, and are only yet to be stored as that
                await self._settle(message)
            if len(claimed) < _CLAIM:  # that was all, and of what is queued since then the account tells
                await self._send_alone(nudges, account)
            elif not due:
                await trio.sleep(_LATE_WRITER)

    async def _send_alone(self, nudges: Nudges, account: ActorRef[SessionNotice]) -> None:
        """Send what is handed over, message by message, until there may be some in the queue."""
        while True:
            if not nudges.pending:
                await account.tell(OutgoingIdle(nudges=nudges.number))
            message = await nudges.take()
            if message is None:
                return
            if message.message_id in self._settled:  # it was claimed as well
                continue
            sending = SendOutcome(
                message_id=message.message_id, status=MessageStatus.SENDING, timestamp=self._runtime.clock.now_ms()
            )
            await self._store((sending,))
            await self._settle(message)

    async def _settle(self, message: StoredMessage) -> None:
        await self._store((await self._send(message),))
        self._settled.append(message.message_id)

    async def _claim(self, *, unfinished: bool) -> list[StoredMessage]:
        wait = 0.1
        while True:
            try:
                return await self._runtime.stores.messages.claim_outgoing(
                    self._fence, unfinished=unfinished, limit=_CLAIM, but=self._settled
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
        tried = 0
        while True:
            tried += 1
            try:
                sent = await self._try(message)
            except Disconnected:
                raise
            except NotSupported as error:
                return self._failed(message, f"not_supported: {error}")
            except Exception as error:
                failed = _as_failure(error)
                if failed.transient and tried < self._runtime.settings.send_attempts:
                    await trio.sleep(2 ** (tried - 1) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                    continue
                log.info(
                    "send.failed",
                    account_id=self._fence.account_id,
                    message_id=message.message_id,
                    code=failed.code,
                    exc_info=error if failed is not error else None,
                )
                return self._failed(message, str(failed))
            return SendOutcome(message_id=message.message_id, status=MessageStatus.SENT, timestamp=sent.timestamp)

    async def _try(self, message: StoredMessage) -> Sent:
        content = await self._uploaded(message)
        patience = self._runtime.settings.send_timeout
        if isinstance(content, _Media):
            patience += transfer_time(content.media.size)  # the provider may have it uploaded only now
        with self._answer_to("a send", patience):
            return await self._session.send(
                message.chat, content, message_id=message.message_id, quoted_id=message.quoted_id
            )

    async def _uploaded(self, message: StoredMessage) -> Content:
        """The message's content, its media handed to the provider if it lies with us.

        Raises:
            SendFailed: the bytes are gone, or were not taken.
        """
        content = message.content
        if not isinstance(content, _Media):
            return content
        digest = digest_of_ref(content.media)
        if digest is None:
            return content
        media = content.media
        async with self._runtime.upload_gate:
            if self._runtime.media is None:
                raise SendFailed("media_missing", "this instance has no media store")
            try:
                data = await self._runtime.media.get(message.workspace_id, digest)
            except LookupError:
                raise SendFailed("media_missing", "the file was removed before it could be sent") from None
            patience = self._runtime.settings.send_timeout + transfer_time(len(data))
            with self._answer_to("an upload", patience):
                ref = await self._session.upload(data, mime=media.mime, filename=media.filename)
        return msgspec.structs.replace(content, media=msgspec.structs.replace(media, ref=ref, size=len(data)))

    @contextmanager
    def _answer_to(self, what: str, seconds: float) -> Iterator[None]:
        with trio.move_on_after(seconds) as deadline:
            yield
        if deadline.cancelled_caught:
            raise Disconnected(DisconnectReason.DEAF, f"no answer to {what} within {seconds:g} s")

    def _failed(self, message: StoredMessage, error: str) -> SendOutcome:
        return SendOutcome(
            message_id=message.message_id,
            status=MessageStatus.FAILED,
            timestamp=self._runtime.clock.now_ms(),
            error=error,
        )


def _as_failure(error: Exception) -> SendFailed:
    """What a provider raised, as the refusal of a message. What it should not have raised is worth another try.

    Raises:
        Disconnected: that is what it was, inside a group.
    """
    if isinstance(error, SendFailed):
        return error
    if isinstance(error, ExceptionGroup):
        ended = error.subgroup(Disconnected)
        if ended is not None:
            raise ended
    return SendFailed("internal", f"the provider failed: {type(error).__name__}", transient=True)


def cannot_send(content: Content, capabilities: Capabilities) -> str | None:
    """What of this content a provider cannot do, in words; None if it can send it."""
    match content:
        case Image() | Video() | Audio() | Voice() | Document() | Sticker() if not capabilities.media:
            return "this account's provider sends no media"
        case Reaction() if not capabilities.reactions:
            return "this account's provider sends no reactions"
        case Edit() if not capabilities.edits:
            return "this account's provider cannot edit messages"
        case Revoke() if not capabilities.revokes:
            return "this account's provider cannot delete messages"
        case _:
            return None
