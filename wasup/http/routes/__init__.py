"""The API's resources, one module each."""

from typing import Final

from wasup.http.dashboard import routes as dashboard
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
    overview,
    people,
    rejected,
    sessions,
    settings,
    webhooks,
    workspaces,
)
from wasup.http.streaming import routes as streaming

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
    rejected.ROUTES,
    events.ROUTES,
    streaming.ROUTES,
    actors.ROUTES,
    workspaces.ROUTES,
    keys.ROUTES,
    settings.ROUTES,
    overview.ROUTES,
    dashboard.ROUTES,
    health.ROUTES,
)
