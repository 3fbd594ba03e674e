"""The socket of one page: a connection like the network's, with the questions that only a page has."""

import asyncio

import msgspec
from aiohttp import web

from wasup.emulator.account import Account, Unknown
from wasup.emulator.connection import Connection
from wasup.emulator.network import Network
from wasup.emulator.web import frames, history
from wasup.emulator.web.breakages import Breakages
from wasup.emulator.web.pictures import picture_path

__all__ = ["PageConnection"]


class PageConnection(Connection):
    """One page's WebSocket."""

    decoder = frames.decoder()

    def __init__(
        self, network: Network, ws: web.WebSocketResponse, transport: asyncio.Transport, breakages: Breakages
    ) -> None:
        super().__init__(network, ws, transport)
        self._breakages = breakages

    def hear(self, frame: frames.PageFrame) -> None:
        """One frame from the page."""
        if not isinstance(frame, frames.Sync | frames.Find | frames.Exists | frames.Picture):
            super().hear(frame)
            return
        device = self.device
        if device is None or not self.is_ready:
            self.refuse(frame.n, "not_ready", "not logged in", transient=True)
            return
        try:
            self.post_raw(msgspec.json.encode(self._answer(device.account, frame)))
        except Unknown as error:
            self.refuse(frame.n, "unknown", str(error))

    @staticmethod
    def _answer(account: Account, frame: frames.Sync | frames.Find | frames.Exists | frames.Picture) -> msgspec.Struct:
        match frame:
            case frames.Sync():
                return frames.Synced(
                    n=frame.n,
                    chats=[chat.changed() for chat in account.chats.values()],
                    contacts=[*account.contacts(), account.own_contact()],
                    groups=[group.changed() for group in account.groups.values()],
                    latest=[shown for chat in account.chats.values() if (shown := history.latest(chat)) is not None],
                )
            case frames.Find():
                chat = account.open_chat(frame.chat)
                found, known = history.find(chat, frame.direction, frame.anchor, max(1, frame.count))
                return frames.Found(n=frame.n, messages=found, known=known)
            case frames.Exists():
                try:
                    person = account.somebody(frame.id)
                except Unknown:
                    return frames.Existing(n=frame.n)
                return frames.Existing(n=frame.n, id=person.id, alt=person.alt)
            case frames.Picture():
                return frames.PictureAt(n=frame.n, path=picture_path(account, frame.id))

    # -- breakages --------------------------------------------------------------------------------------------

    def _broken(self, what: str) -> float | None:
        """Whether this page is to be broken so; and for how long, where that matters."""
        phone = None if self.device is None else self.device.account.phone
        breakage = self._breakages.of(what, phone)
        return None if breakage is None else breakage.seconds

    def next_qr(self) -> None:
        """Offer the next QR code, unless none is ever to come."""
        if self._broken("no_qr") is None:
            super().next_qr()

    def sync_delay(self) -> float:
        """Seconds from the login to ready."""
        slow = self._broken("slow_sync")
        return self.network.settings.page_sync_delay if slow is None else slow

    def now_ready(self) -> None:
        """Messages flow from here on, unless the phone logs this page out just now."""
        if self.device is not None and self._broken("logout_during_sync") is not None:
            self.network.world.unlink(self.device, "unknown_companion")
        else:
            super().now_ready()

    def hang(self, *, active: bool) -> None:
        """The page stops answering, for good: there is no way back into it."""
        if active:
            self.post_raw(msgspec.json.encode(frames.Break(what="hang")))

    def strike(self, what: str, module: str | None, member: str | None) -> None:
        """Break the open page."""
        self.post_raw(msgspec.json.encode(frames.Break(what=what, module=module, member=member)))
