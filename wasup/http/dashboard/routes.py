"""`/api/dashboard/session`: who is logged in to the dashboard in this browser."""

from typing import Annotated, Final

import msgspec

from wasup.http.auth import wrong_key
from wasup.http.dashboard.logins import CSRF_HEADER, cookie, csrf_token, is_from_elsewhere, session_token
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import Problem
from wasup.ports.resources import BrowserSession

__all__ = ["ROUTES", "LogIn", "Login"]

ROUTES: Final = Routes("dashboard", "Logging in to the dashboard.")

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class LogIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The API key that the dashboard is entered with."""

    key: Key


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Who is logged in.

    Attributes:
        csrf: to be sent as `X-CSRF-Token` with every request but GET and HEAD.
        workspace_id: the workspace that the key is confined to; null for an admin key.
        scopes: what the key may do.
        expires_at: when the login is over unless it is used before, UTC epoch milliseconds.
    """

    csrf: str
    workspace_id: int | None
    scopes: tuple[str, ...]
    expires_at: int


@ROUTES.add(
    "POST",
    "/api/dashboard/session",
    scope=None,
    answers={200: ("Logged in: `Set-Cookie` has the session.", Login)},
    errors=(401, 403),
)
async def log_in(call: Call[NoQuery, LogIn]) -> Reply:
    """Log in to the dashboard with an API key.

    The cookie takes the key's place on all routes but the old service's. It lasts for 12 h without use and for a
    week at most, and ends with its key.
    """
    if is_from_elsewhere(call.headers):
        raise Problem(403, "Only the dashboard's own page logs in.", "forbidden")
    key = await call.door.identify(call.body.key, call.address)
    if key is None:
        raise wrong_key()
    token, session = await call.door.logins.begin(key, call.services.clock.now_ms())
    return Reply(_login(token, session), headers={"Set-Cookie": cookie(token, secure=_is_secure(call.base_url))})


@ROUTES.add(
    "GET",
    "/api/dashboard/session",
    scope=None,
    answers={200: ("Who is logged in.", Login)},
    errors=(401, 403),
)
async def show_login(call: Call[NoQuery, None]) -> Reply:
    """Show who is logged in, for a page that was loaded again; 401 when nobody is."""
    session = await call.door.resume(call.headers, call.address, "GET")
    token = session_token(call.headers)
    assert token is not None
    return Reply(_login(token, session))


@ROUTES.add(
    "DELETE",
    "/api/dashboard/session",
    scope=None,
    answers={204: ("Logged out: the cookie is good for nothing any more.", None)},
    errors=(401, 403),
    headers={CSRF_HEADER: "The login's `csrf`."},
)
async def log_out(call: Call[NoQuery, None]) -> Reply:
    """Log out of the dashboard."""
    await call.door.resume(call.headers, call.address, "DELETE")
    token = session_token(call.headers)
    assert token is not None
    await call.door.logins.end(token)
    return Reply(status=204, headers={"Set-Cookie": cookie(None, secure=_is_secure(call.base_url))})


def _login(token: str, session: BrowserSession) -> Login:
    key = session.key
    return Login(
        csrf=csrf_token(token), workspace_id=key.workspace_id, scopes=key.scopes, expires_at=session.expires_at
    )


def _is_secure(base_url: str) -> bool:
    return base_url.startswith("https:")
