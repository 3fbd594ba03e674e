"""What goes out: messages with their files, and what is about messages."""

from typing import Any

import msgspec
import trio

from wasup.ports.media import transfer_time
from wasup.ports.messages import Content, Edit, Reaction, Revoke
from wasup.ports.session import SendFailed, Sent, TryLater
from wasup.providers.webjs import translate
from wasup.providers.webjs.activity import Activity
from wasup.providers.webjs.calling import NOT_THERE, Calls
from wasup.providers.webjs.ending import Ending
from wasup.providers.webjs.outgoing import media_of, refusal_of
from wasup.providers.webjs.page import CallRefused
from wasup.providers.webjs.uploads import Uploads

__all__ = ["Sender"]


class _Posted(msgspec.Struct):
    t: float
    id: str | None = None


class Sender:
    """Hands over what is sent, and fetches the bytes for it."""

    def __init__(self, calls: Calls, uploads: Uploads, ending: Ending, activity: Activity) -> None:
        self._calls = calls
        self._limits = calls.limits
        self._uploads = uploads
        self._ending = ending
        self._activity = activity

    async def send(self, chat: str, content: Content, message_id: str, quoted_id: str | None) -> Sent:
        """Hand over a message under our id; a repeated id arrives once.

        Raises:
            SendFailed: it was not sent.
        """
        with self._activity.in_hand():
            try:
                posted = await self._post(chat, content, message_id, quoted_id)
            except CallRefused as refused:
                raise refusal_of(refused) from None
        return Sent(id=posted.id or message_id, timestamp=translate.milliseconds(posted.t))

    async def _post(self, chat: str, content: Content, message_id: str, quoted_id: str | None) -> _Posted:
        """One call for each kind of content; the ids of reactions and deletions are WhatsApp's own affair."""
        about: dict[str, Any] = {"chat": chat, "message_id": message_id}
        match content:
            case Reaction(target_id=target, emoji=emoji):
                return await self._ask("react", about | {"target": target, "emoji": emoji})
            case Edit(target_id=target, body=body):
                return await self._ask("edit", about | {"target": target, "body": body})
            case Revoke(target_id=target):
                return await self._ask("revoke", about | {"target": target})
            case _:
                pass
        said = about | {"content": msgspec.to_builtins(content), "quoted": quoted_id}
        media = media_of(content)
        if media is None:
            return await self._ask("send", said)
        data = await self._bytes_of(media.ref)
        handle = await self._calls.run(self._put, data, media.mime, media.filename or "file")
        try:
            said["content"]["handle"] = handle
            return await self._ask("send", said, more=transfer_time(len(data)))
        finally:
            if not self._ending.has_come:
                with trio.CancelScope(shield=True):
                    await self._calls.ask("drop", {"handle": handle}, msgspec.Raw)

    async def _ask(self, name: str, args: dict[str, Any], *, more: float = 0.0) -> _Posted:
        return await self._calls.ask(name, args, _Posted, within=self._limits.transfer + more)

    async def _bytes_of(self, ref: str) -> bytes:
        try:
            return await self.download(ref)
        except LookupError as error:
            raise SendFailed("media_gone", str(error)) from None
        except TryLater as error:
            raise SendFailed("media_unavailable", str(error), transient=True) from None

    async def _put(self, data: bytes, mime: str, filename: str) -> str:
        return await self._calls.page.put(data, mime=mime, filename=filename, within=self._limits.answer)

    async def do(self, name: str, args: dict[str, Any]) -> None:
        """Something that leaves nothing behind.

        Raises:
            SendFailed: it was not done.
        """
        try:
            await self._calls.ask(name, args, msgspec.Raw)
        except CallRefused as refused:
            raise refusal_of(refused) from None

    async def download(self, ref: str) -> bytes:
        """The bytes of a received message (the page downloads them), or of what was uploaded.

        Raises:
            LookupError: there are none (any more).
            TryLater: they could not be had now.
        """
        self._ending.check()
        if self._uploads.owns(ref):
            return await self._uploads.read(ref)
        with self._activity.in_hand():
            try:
                return await self._calls.run(self._fetch, ref)
            except CallRefused as refused:
                if refused.code in NOT_THERE:
                    raise LookupError(refused.detail) from None
                raise TryLater(str(refused)) from None

    async def _fetch(self, key: str) -> bytes:
        limits = self._limits
        return await self._calls.page.fetch(key, within=limits.download, answer_within=limits.answer)
