"""The API's resources, one module each."""

from typing import Final

from wasup.http.operations import Routes
from wasup.http.routes import accounts, actors, chats, events, health, messages, sessions, webhooks, workspaces

__all__ = ["ALL"]

ALL: Final[tuple[Routes, ...]] = (
    accounts.ROUTES,
    sessions.ROUTES,
    messages.ROUTES,
    chats.ROUTES,
    webhooks.ROUTES,
    events.ROUTES,
    actors.ROUTES,
    workspaces.ROUTES,
    health.ROUTES,
)
