"""Opens streams for those who may have them, and says when one must end."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from werkzeug.datastructures import Headers

from wasup.actors.followers import SUPERVISION, Interest
from wasup.http.auth import Principal, Scope, credentials
from wasup.http.dashboard.logins import session_token
from wasup.http.keys import Believed, digest_key
from wasup.http.limits import too_many
from wasup.http.problems import Problem, not_found
from wasup.http.services import Services
from wasup.http.streaming.position import Position, foreign_cursor, read_position
from wasup.http.streaming.queries import StreamQuery, chosen_accounts, chosen_kinds
from wasup.http.streaming.reader import EventReader, Pace
from wasup.http.tenancy import owned_account

__all__ = ["Desk"]

_DAY: Final = 24 * 3600 * 1000  # ms
_BUSY: Final = 5.0  # seconds after which there may be room again


class Desk:
    """Who has a stream open.

    A revocation must end the streams of its key within `key_cache` seconds: so they are looked after twice in that
    time, and what a key was a moment ago is believed for less than half of it.
    """

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self._services = services
        self._open: Counter[int] = Counter()
        self._keys = Believed(services.keys.key, seconds=settings.key_cache * 0.4)
        self._logins = Believed(services.browser_sessions.session, seconds=settings.key_cache * 0.4)
        self._pace = Pace(heartbeat=settings.heartbeat, check=settings.key_cache * 0.4)

    async def open(self, caller: Principal, query: StreamQuery, headers: Headers) -> EventReader:
        """A stream for this caller.

        Raises:
            Problem: 403 when the key does not allow it, 404 for what the caller may not know of, 422 for what makes
                no sense, 429 and 503 when there are too many streams already.
            DatabaseUnavailable: the log cannot be read.
        """
        services = self._services
        interest = await self._interest(caller, query)
        position = _position(headers.get("Last-Event-ID") or query.cursor, interest)
        self._check_room(caller.key_id)
        await services.hub.wake()
        return EventReader(
            services.hub,
            services.event_log,
            interest,
            position=position,
            kept_since=services.clock.now_ms() - services.settings.event_days * _DAY,
            room=partial(self._room, caller.key_id),
            why_over=self._watch(headers),
            pace=self._pace,
        )

    async def _interest(self, caller: Principal, query: StreamQuery) -> Interest:
        kinds, accounts, workspace_id = chosen_kinds(query.types), chosen_accounts(query.account_id), query.workspace_id
        if SUPERVISION in kinds:
            caller.require(Scope.MANAGE)
        if caller.workspace_id is not None:
            if workspace_id not in {None, caller.workspace_id}:
                raise not_found("workspace")
            workspace_id = caller.workspace_id
        elif workspace_id is not None and await self._services.upkeep.workspace(workspace_id) is None:
            raise not_found("workspace")
        for account_id in accounts or ():
            account = await owned_account(self._services, caller, account_id)
            if workspace_id not in {None, account.workspace_id}:
                raise not_found("account")
        return Interest(kinds=kinds, accounts=accounts, workspace_id=workspace_id)

    def _check_room(self, key_id: int) -> None:
        settings = self._services.settings
        if self._open[key_id] >= settings.streams_per_key:
            raise too_many("This API key has too many streams open.", _BUSY)
        if self._open.total() >= settings.streams:
            raise Problem(503, "Too many streams are open.", "unavailable", headers={"Retry-After": f"{_BUSY:.0f}"})

    @contextmanager
    def _room(self, key_id: int) -> Iterator[bool]:
        """A place among the streams. Between the look for one and now somebody else may have taken it."""
        try:
            self._check_room(key_id)
        except Problem:
            yield False
            return
        self._open[key_id] += 1
        try:
            yield True
        finally:
            self._open[key_id] -= 1
            if not self._open[key_id]:
                del self._open[key_id]

    def _watch(self, headers: Headers) -> Callable[[], Awaitable[str | None]]:
        """Tells of the credentials of a request, again and again, why they are good no more; None while they are."""
        key, token = credentials(headers), session_token(headers)

        async def why_over() -> str | None:
            if key:
                found = await self._keys.look_up(digest_key(key))
                ends = None if found is None else found.expires_at
            else:
                login = await self._logins.look_up(digest_key(token or ""))
                found, ends = (None, None) if login is None else (login.key, login.expires_at)
            if found is None:
                return "revoked"
            return "expired" if ends is not None and ends <= self._services.clock.now_ms() else None

        return why_over


def _position(cursor: str | None, interest: Interest) -> Position | None:
    """Where to resume; None to begin now."""
    if cursor is None:
        return None
    position = read_position(cursor)
    if bool(position.sequences) != (interest.accounts is not None):
        raise foreign_cursor()
    return position
