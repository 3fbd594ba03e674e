"""The API's resources, one module each."""

from typing import Final

from wasup.http.operations import Routes
from wasup.http.routes import (
    accounts,
    actors,
    chats,
    deliveries,
    events,
    health,
    keys,
    media,
    messages,
    people,
    sessions,
    settings,
    webhooks,
    workspaces,
)

__all__ = ["ALL"]

ALL: Final[tuple[Routes, ...]] = (
    accounts.ROUTES,
    sessions.ROUTES,
    messages.ROUTES,
    media.ROUTES,
    chats.ROUTES,
    people.ROUTES,
    webhooks.ROUTES,
    deliveries.ROUTES,
    events.ROUTES,
    actors.ROUTES,
    workspaces.ROUTES,
    keys.ROUTES,
    settings.ROUTES,
    health.ROUTES,
)
