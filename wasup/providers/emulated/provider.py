"""`EmulatedProvider`: opens sessions with the emulator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from wasup.emulator import wire
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.session import Capabilities, Handover, Login
from wasup.providers.emulated._link import open_link
from wasup.providers.emulated._media import MediaDoor
from wasup.providers.emulated.session import EmulatedSession

__all__ = ["EmulatedProvider"]


class EmulatedProvider:
    """Accounts of a WhatsApp emulator.

    Args:
        url: the emulator's address, `http://127.0.0.1:8765`.
        connect_timeout: seconds until a connection must stand.
        keepalive: seconds of silence after which the far side is asked for a sign of life.
        answer_within: seconds it has for that sign; then the connection counts as lost.
        window: items that may be handed over and not acknowledged, at most (the emulator may allow fewer).
    """

    def __init__(
        self,
        url: str,
        *,
        connect_timeout: float = 15.0,
        keepalive: float = 30.0,
        answer_within: float = 20.0,
        window: int = 64,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "ws"} or not parts.hostname:
            raise ValueError(f"the emulator's address is http://host:port, not {url!r}")
        self._url = parts
        self._connect_timeout = connect_timeout
        self._keepalive = keepalive
        self._answer_within = answer_within
        self._window = window
        self._media = MediaDoor(f"http://{parts.netloc}")
        self._capabilities = Capabilities(handover=Handover.ACKNOWLEDGES, own_message_ids=True)

    @property
    def type(self) -> str:
        """`emulated`."""
        return "emulated"

    @property
    def capabilities(self) -> Capabilities:
        """Everything that the port knows."""
        return self._capabilities

    async def forget(self, account_id: int) -> None:
        """Nothing is kept outside the database."""

    @asynccontextmanager
    async def open(self, login: Login) -> AsyncIterator[EmulatedSession]:
        """Connect and say who we are; the session's events tell what comes of it.

        Raises:
            Disconnected: no connection could be made, or the secret is not one of this provider's.
        """
        hello = wire.Hello(
            version=wire.VERSION,
            session_id=login.session_id,
            device=_device(login.secret),
            window=self._window,
        )
        async with open_link(self._url, timeout=self._connect_timeout) as link:
            session = EmulatedSession(
                link.socket,
                self._media,
                keepalive=self._keepalive,
                answer_within=self._answer_within,
                # What may be unacknowledged always fits, so that answers to requests come through behind it.
                buffer=self._window + 32,
            )
            link.nursery.start_soon(session.read)
            try:
                await session.say(hello)
                yield session
            finally:
                link.goodbye = not session.is_silent
                session.close()


def _device(secret: bytes | None) -> str | None:
    if secret is None:
        return None
    try:
        return secret.decode("ascii")
    except UnicodeDecodeError:
        raise Disconnected(DisconnectReason.BAD_SESSION, "the stored login cannot be read") from None
